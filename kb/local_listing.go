package kb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// normalListing is a listing with its texts clean and its lists in order,
// without what is there twice.
func normalListing(l *Listing) (*Listing, error) {
	out := &Listing{Name: l.Name, Status: clean(l.Status), StatusReason: clean(l.StatusReason)}
	if len(out.Status) > maxText || len(out.StatusReason) > maxText {
		return nil, fmt.Errorf("a status of more than %d bytes", maxText)
	}
	out.Files = slices.Clone(l.Files)
	slices.SortFunc(out.Files, func(a, b py.File) int { return cmp.Compare(a.Filename, b.Filename) })
	for i := range out.Files {
		f := &out.Files[i]
		if err := checkFile(*f); err != nil {
			return nil, err
		}
		if i > 0 && out.Files[i-1].Filename == f.Filename {
			return nil, fmt.Errorf("the file %s was given twice", f.Filename)
		}
		f.RequiresPython, f.YankedReason = clean(f.RequiresPython), clean(f.YankedReason)
	}
	out.Versions = slices.Clone(l.Versions)
	for _, v := range out.Versions {
		if n := len(v.String()); n == 0 || n > maxVersion {
			return nil, fmt.Errorf("a version of %d bytes, the limit is %d", n, maxVersion)
		}
	}
	slices.SortFunc(out.Versions, func(a, b py.Version) int {
		return cmp.Or(a.Compare(b), cmp.Compare(a.String(), b.String()))
	})
	out.Versions = slices.CompactFunc(out.Versions, func(a, b py.Version) bool { return a.String() == b.String() })
	return out, nil
}

// appendListing writes a normal listing as canonical JSON, the content of its
// document:
//
//	{"status":"","status_reason":"","versions":["1.0"],"files":[
//	["filename",size,uploaded,"sha256","url","requires_python",yanked,"yanked_reason","provenance"]]}
//
// with 0 or 1 for yanked, provenance only where there is one, and files on lines
// of their own. Equal listings give
// equal bytes.
func appendListing(out []byte, l *Listing) []byte {
	out = slices.Grow(out, 300*len(l.Files))
	out = appendText(append(out, `{"status":`...), l.Status)
	out = appendText(append(out, `,"status_reason":`...), l.StatusReason)
	out = append(out, `,"versions":[`...)
	for i, v := range l.Versions {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, v.String())
	}
	out = append(out, `],"files":[`...)
	for i, f := range l.Files {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(append(out, "\n["...), f.Filename)
		out = strconv.AppendInt(append(out, ','), f.Size, 10)
		out = strconv.AppendInt(append(out, ','), f.Uploaded, 10)
		for _, s := range []string{f.SHA256, f.URL, f.RequiresPython} {
			out = appendText(append(out, ','), s)
		}
		yanked := int64(0)
		if f.Yanked {
			yanked = 1
		}
		out = strconv.AppendInt(append(out, ','), yanked, 10)
		out = appendText(append(out, ','), f.YankedReason)
		if f.Provenance != "" { // a file without one is as it was before there were any
			out = appendText(append(out, ','), f.Provenance)
		}
		out = append(out, ']')
	}
	return append(out, "]}"...)
}

// appendText writes a text that clean would not change: of what JSON escapes it
// can have two characters only.
func appendText(out []byte, s string) []byte {
	out = append(out, '"')
	for {
		n := strings.IndexAny(s, `"\`)
		if n < 0 {
			return append(append(out, s...), '"')
		}
		out = append(append(out, s[:n]...), '\\', s[n])
		s = s[n+1:]
	}
}

// readListing reads what appendListing wrote, and only that.
func readListing(name py.Name, text string) (*Listing, error) {
	l := &Listing{Name: name}
	s := scanner{text: text}
	versions := s.listingHead(&l.Status, &l.StatusReason)
	for _, text := range versions {
		v, err := py.ParseVersion(text)
		if err != nil {
			return nil, fmt.Errorf("%w: listing of %s: %v", ErrDamaged, name, err)
		}
		l.Versions = append(l.Versions, v)
	}
	l.Files = make([]py.File, 0, strings.Count(text, "\n"))
	all := func(int) bool { return true }
	err := s.files(name, all, func(_ int, f py.File) { l.Files = append(l.Files, f) })
	return l, err
}

// listingHead reads a listing up to its files.
func (s *scanner) listingHead(status, reason *string) (versions []string) {
	s.literal(`{"status":`)
	*status = s.quoted()
	s.literal(`,"status_reason":`)
	*reason = s.quoted()
	s.literal(`,"versions":[`)
	for !s.bad && s.at < len(s.text) && s.text[s.at] != ']' {
		if len(versions) > 0 {
			s.take(',')
		}
		versions = append(versions, s.quoted())
	}
	s.literal(`],"files":[`)
	return versions
}

// files hands on the files that follow, with their positions: those that want
// accepts. Each is on a line of its own, so the others need not be read.
func (s *scanner) files(name py.Name, want func(int) bool, file func(int, py.File)) error {
	for i := 0; !s.bad; i++ {
		if s.text[s.at:] == "]}" {
			return nil
		}
		if i > 0 {
			s.take(',')
		}
		s.literal("\n")
		if s.bad {
			break
		}
		if !want(i) {
			s.skipFile()
			continue
		}
		var f py.File
		s.take('[')
		f.Filename = s.quoted()
		f.Size, f.Uploaded = s.number(), s.number()
		s.take(',')
		f.SHA256 = s.quoted()
		s.take(',')
		f.URL = s.quoted()
		s.take(',')
		f.RequiresPython = s.quoted()
		f.Yanked = s.number() != 0
		s.take(',')
		f.YankedReason = s.quoted()
		if s.at < len(s.text) && s.text[s.at] == ',' {
			s.take(',')
			f.Provenance = s.quoted()
			s.bad = s.bad || f.Provenance == ""
		}
		s.take(']')
		if s.bad {
			break
		}
		if err := checkFile(f); err != nil {
			return fmt.Errorf("%w: listing of %s: %v", ErrDamaged, name, err)
		}
		file(i, f)
	}
	return fmt.Errorf("%w: listing of %s: malformed at byte %d", ErrDamaged, name, s.at)
}

// skipFile goes to the end of a file: before the comma that ends its line, or
// to the end of the listing.
func (s *scanner) skipFile() {
	if n := strings.IndexByte(s.text[s.at:], '\n'); n > 0 {
		s.at += n - 1
		return
	}
	s.at = max(s.at, len(s.text)-len("]}"))
}

// literal reads a text that must be there.
func (s *scanner) literal(want string) {
	if s.bad || !strings.HasPrefix(s.text[s.at:], want) {
		s.bad = true
		return
	}
	s.at += len(want)
}

// quoted reads a text in quotes in which some characters are escaped.
func (s *scanner) quoted() string {
	s.take('"')
	if s.bad {
		return ""
	}
	rest := s.text[s.at:]
	end := 0
	for {
		n := strings.IndexByte(rest[end:], '"')
		if n < 0 {
			s.bad = true
			return ""
		}
		end += n
		escapes := end - len(strings.TrimRight(rest[:end], `\`))
		if escapes%2 == 0 {
			break
		}
		end++
	}
	s.at += end + 1
	out := rest[:end]
	if strings.IndexByte(out, '\\') >= 0 {
		if err := json.Unmarshal([]byte(`"`+out+`"`), &out); err != nil {
			s.bad = true
		}
	}
	return out
}

package kb

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A packedRelease is one element of project.releases; see tables.
type packedRelease struct {
	version                py.Version
	uploaded, lastUploaded int64
	yanked                 bool

	// Ids of rows in text, text, requires and artifacts.
	yankedReason, requiresPython, requires, artifacts int64
}

// A packedProject is one row of project.
type packedProject struct {
	name     py.Name
	releases []packedRelease

	status, statusReason string
}

// pack writes releases as project.releases holds them: a JSON array without
// white space. Versions in normal form need no escapes.
func pack(releases []packedRelease) string {
	out := []byte{'['}
	for i, r := range releases {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `["`...)
		out = append(out, r.version.String()...)
		out = append(out, '"')
		yanked := int64(0)
		if r.yanked {
			yanked = 1
		}
		for _, n := range []int64{r.uploaded, r.lastUploaded, yanked, r.yankedReason, r.requiresPython, r.requires, r.artifacts} {
			out = append(out, ',')
			out = strconv.AppendInt(out, n, 10)
		}
		out = append(out, ']')
	}
	return string(append(out, ']'))
}

// unpack reads what pack wrote, and only that. Releases that are not versions
// in normal form, newest first, are damage, reported with the project and the
// number of the release.
func unpack(name py.Name, text string) (packedProject, error) {
	p := packedProject{name: name}
	if text == "[]" {
		return p, nil
	}
	s := scanner{text: text}
	p.releases = make([]packedRelease, 0, min(strings.Count(text, `["`), len(text)/len(`["1",0,0,0,0,0,0,0]`)))
	for s.take('['); ; s.take(',') {
		var r packedRelease
		n := len(p.releases)
		s.take('[')
		version := s.version()
		r.uploaded, r.lastUploaded = s.number(), s.number()
		yanked := s.number()
		r.yanked = yanked != 0
		r.yankedReason, r.requiresPython, r.requires, r.artifacts = s.number(), s.number(), s.number(), s.number()
		s.take(']')
		if s.bad {
			return packedProject{}, fmt.Errorf("%w: %s, release %d: malformed at byte %d", ErrDamaged, name, n, s.at)
		}
		var err error
		if r.version, err = py.ParseVersion(version); err != nil {
			return packedProject{}, fmt.Errorf("%w: %s, release %d: %v", ErrDamaged, name, n, err)
		}
		switch {
		case r.version.String() != version:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: version %.80q is not in normal form", ErrDamaged, name, n, version)
		case n > 0 && p.releases[n-1].version.Compare(r.version) <= 0:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: %s is not older than %s", ErrDamaged, name, n, version, p.releases[n-1].version)
		case r.lastUploaded != 0 && (r.uploaded == 0 || r.uploaded > r.lastUploaded):
			return packedProject{}, fmt.Errorf("%w: %s, release %d: uploaded %d, last %d", ErrDamaged, name, n, r.uploaded, r.lastUploaded)
		case yanked > 1:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: yanked %d", ErrDamaged, name, n, yanked)
		}
		p.releases = append(p.releases, r)
		if s.text[s.at:] == "]" {
			return p, nil
		}
	}
}

// A scanner reads the array from the left. What is not as it must be sets bad,
// and then nothing moves any more.
type scanner struct {
	text string
	at   int
	bad  bool
}

// take reads one byte that must be there.
func (s *scanner) take(c byte) {
	if s.bad || s.at >= len(s.text) || s.text[s.at] != c {
		s.bad = true
		return
	}
	s.at++
}

// version reads a text in quotes.
func (s *scanner) version() string {
	s.take('"')
	if s.bad {
		return ""
	}
	n := strings.IndexByte(s.text[s.at:], '"')
	if n <= 0 || n > maxVersion {
		s.bad = true
		return ""
	}
	v := s.text[s.at : s.at+n]
	s.at += n + 1
	return v
}

// number reads a comma and a number that is not negative.
func (s *scanner) number() int64 {
	s.take(',')
	return s.digits()
}

// digits reads a number that is not negative.
func (s *scanner) digits() int64 {
	n, digits := int64(0), 0
	for ; s.at < len(s.text) && s.text[s.at]-'0' <= 9; s.at++ {
		n = n*10 + int64(s.text[s.at]-'0')
		digits++
	}
	if digits == 0 || digits > 15 { // no time and no id is as large
		s.bad = true
	}
	return n
}

// jsonTexts writes texts as the JSON array that json_each reads.
func jsonTexts(texts []string) string {
	out, err := json.Marshal(texts)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(out)
}

// textsOf returns names as texts.
func textsOf(names []py.Name) []string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return texts
}

package ingest

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fastDocument decodes a project's page as encoding/json would, several times
// as fast: pages of some megabytes are what a reading spends its time on. It
// knows the form that indexes write and gives up (not ok) on everything else,
// right or wrong, for encoding/json to judge: escapes it does not know, values
// of other types, keys in other cases.
func fastDocument(text []byte) (doc document, ok bool) {
	s := &scanner{text: string(text)}
	doc.Files = make([]file, 0, bytes.Count(text, []byte(`"filename"`)))
	s.object(func(key string) {
		switch key {
		case "meta":
			s.object(func(key string) {
				switch key {
				case "api-version":
					doc.Meta.Version = s.str()
				case "tracks":
					s.array(func() { doc.Meta.Tracks = append(doc.Meta.Tracks, s.str()) })
				default:
					s.other(key, "api-version", "tracks")
				}
			})
		case "name":
			doc.Name = s.str()
		case "project-status":
			doc.Status = new(status)
			s.object(func(key string) {
				switch key {
				case "status":
					doc.Status.Status = s.str()
				case "reason":
					doc.Status.Reason = s.str()
				default:
					s.other(key, "status", "reason")
				}
			})
		case "files":
			s.array(func() {
				doc.Files = append(doc.Files, file{})
				s.file(&doc.Files[len(doc.Files)-1])
			})
		case "versions":
			s.array(func() { doc.Versions = append(doc.Versions, s.str()) })
		default:
			s.other(key, "meta", "name", "project-status", "files", "versions")
		}
	})
	s.space()
	return doc, !s.bad && s.at == len(s.text)
}

// file reads one entry of a listing.
func (s *scanner) file(f *file) {
	s.object(func(key string) {
		switch key {
		case "filename":
			f.Filename = s.str()
		case "url":
			f.URL = s.str()
		case "hashes":
			f.Hashes.sha256 = s.sha256()
		case "requires-python":
			if !s.word("null") {
				f.RequiresPython = s.str()
			}
		case "size":
			if !s.word("null") {
				f.Size = s.number()
			}
		case "upload-time":
			if !s.word("null") {
				f.Uploaded = s.str()
			}
		case "yanked":
			switch {
			case s.word("false"), s.word("null"):
			case s.word("true"):
				f.Yanked.is = true
			default:
				f.Yanked.is, f.Yanked.reason = true, s.str()
			}
		case "core-metadata":
			s.announcement(&f.CoreMetadata)
		case "dist-info-metadata":
			s.announcement(&f.DistInfo)
		case "provenance":
			if !s.word("null") {
				f.Provenance = s.str()
			}
		default:
			s.other(key, "provenance", "filename", "url", "hashes", "requires-python", "size", "upload-time", "yanked", "core-metadata", "dist-info-metadata")
		}
	})
}

func (s *scanner) announcement(a *announcement) {
	switch {
	case s.word("false"):
		a.said = true
	case s.word("true"):
		a.said, a.is = true, true
	case s.word("null"):
	default:
		a.said, a.is = true, true
		if sum := strings.ToLower(s.sha256()); isSHA256(sum) {
			a.sha256 = sum
		}
	}
}

// sha256 reads an object of texts and returns the one of that name.
func (s *scanner) sha256() (sum string) {
	s.object(func(key string) {
		if text := s.str(); key == "sha256" {
			sum = text
		}
	})
	return sum
}

// A scanner reads JSON from text[at:]. Once it is bad it moves no further.
type scanner struct {
	text  string
	at    int
	bad   bool
	depth int
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// take skips white space and c, if that is next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// word skips a literal, if that is next.
func (s *scanner) word(w string) bool {
	s.space()
	if strings.HasPrefix(s.text[s.at:], w) {
		s.at += len(w)
		return true
	}
	return false
}

// object reads an object; value is called to read the value of each key. A key
// that is there twice is bad: the rules for those are encoding/json's.
func (s *scanner) object(value func(key string)) {
	var some [16]string
	keys := some[:0]
	s.list('{', '}', func() {
		key := s.str()
		for _, k := range keys {
			s.bad = s.bad || k == key
		}
		keys = append(keys, key)
		if s.bad = s.bad || len(keys) == cap(some) || !s.take(':'); !s.bad {
			value(key)
		}
	})
}

func (s *scanner) array(value func()) { s.list('[', ']', value) }

const maxDepth = 20

func (s *scanner) list(open, end byte, item func()) {
	s.depth++
	if s.bad = s.bad || s.depth > maxDepth || !s.take(open); s.bad || s.take(end) {
		s.depth--
		return
	}
	for {
		if item(); s.bad {
			return
		}
		if s.take(',') {
			continue
		}
		s.bad = !s.take(end)
		s.depth--
		return
	}
}

// str reads a string. Without escapes it is a part of the text.
func (s *scanner) str() string {
	if s.bad = s.bad || !s.take('"'); s.bad {
		return ""
	}
	begin, plain := s.at, true
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			out := s.text[begin:s.at]
			s.at++
			if !plain {
				out = s.unescape(out)
			}
			return out
		case c == '\\':
			plain = false
			s.at++
		case c < ' ':
			s.bad = true
			return ""
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s.text[s.at:])
			if s.bad = r == utf8.RuneError; s.bad {
				return ""
			}
			s.at += size - 1
		}
	}
	s.bad = true
	return ""
}

// unescape resolves escapes: those with one letter, and \u outside surrogates.
func (s *scanner) unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++ // str has seen that something follows
		if j := strings.IndexByte(`"\/bfnrt`, text[i]); j >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[j])
			continue
		}
		if text[i] != 'u' || i+4 >= len(text) {
			s.bad = true
			return ""
		}
		n, err := strconv.ParseUint(text[i+1:i+5], 16, 16)
		if err != nil || n >= 0xd800 && n < 0xe000 {
			s.bad = true
			return ""
		}
		out = utf8.AppendRune(out, rune(n))
		i += 4
	}
	return string(out)
}

// number reads a whole number.
func (s *scanner) number() int64 {
	s.space()
	begin := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	digits := s.text[begin:s.at]
	n, err := strconv.ParseInt(digits, 10, 64)
	s.bad = s.bad || err != nil || len(digits) > 1 && digits[0] == '0'
	return n
}

// other skips the value of a key that is not known. encoding/json would take it
// for a known one that differs in case only, so such a key is bad.
func (s *scanner) other(key string, known ...string) {
	for _, k := range known {
		if s.bad = s.bad || strings.EqualFold(k, key); s.bad {
			return
		}
	}
	s.skip()
}

// skip skips a value.
func (s *scanner) skip() {
	s.space()
	if s.bad = s.bad || s.at == len(s.text); s.bad {
		return
	}
	switch s.text[s.at] {
	case '{':
		s.list('{', '}', func() {
			s.str()
			if s.bad = s.bad || !s.take(':'); !s.bad {
				s.skip()
			}
		})
	case '[':
		s.array(s.skip)
	case '"':
		s.str()
	default:
		if !s.word("true") && !s.word("false") && !s.word("null") {
			s.number()
		}
	}
}

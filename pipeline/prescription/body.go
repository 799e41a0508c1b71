package prescription

import (
	"bytes"
	"encoding/json"
	"strings"
)

// encode writes a value as bodies have it: JSON, with <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// decode reads a unit from a body. A stack has hundreds of wraps that say one
// thing of one project, which are read five times as fast by their shape.
func decode(body []byte) (unit, error) {
	if u, ok := ordinary(string(body)); ok {
		return u, nil
	}
	var u unit
	err := json.Unmarshal(body, &u)
	return u, err
}

// ordinary reads a unit that is for all advice, or that of one operating system,
// is about one project or none, and has one justification or the release notes. False for any other.
func ordinary(body string) (u unit, ok bool) {
	s := scan{rest: body}
	s.must(`{`)
	if s.skip(`"pin":`) {
		u.Pin = s.text()
		s.must(`,`)
	}
	s.must(`"name":`)
	u.Name = s.text()
	s.must(`,"type":`)
	u.Type = s.text()
	s.must(`,"from":`)
	u.From = s.text()
	s.must(`,"include":[{"advise":true`)
	x := include{Advise: true}
	if s.skip(`,"runtime":{"os":[{"name":`) {
		o := osMatch{Name: s.text()}
		o.Version = s.optional(`,"version":`)
		s.must(`}]}`)
		x.Runtime = &runtime{OS: []osMatch{o}}
	}
	s.must(`}]`)
	u.Include = []include{x}
	if s.skip(`,"match":[{"resolved":[{"name":`) {
		r := release{Name: s.text()}
		r.Specs = s.optional(`,"specs":`)
		r.Index = s.optional(`,"index":`)
		s.must(`}]}]`)
		u.Match = []match{{Resolved: []release{r}}}
	}
	s.must(`,"run":{`)
	if s.skip(`"notes":{"organization":`) {
		n := &releaseNotes{Organization: s.text()}
		s.must(`,"repository":`)
		n.Repository = s.text()
		n.Prefix = s.optional(`,"prefix":`)
		s.must(`}}}`)
		u.Run.Notes = n
	} else {
		s.must(`"why":[{"type":`)
		i := info{Type: s.text()}
		s.must(`,"message":`)
		i.Message = s.text()
		i.Link = s.optional(`,"link":`)
		i.Package = s.optional(`,"package":`)
		s.must(`}]}}`)
		u.Run.Why = []info{i}
	}
	return u, !s.failed && s.rest == ""
}

// A scan reads a text of a known shape.
type scan struct {
	rest   string
	failed bool
}

func (s *scan) skip(piece string) bool {
	rest, ok := strings.CutPrefix(s.rest, piece)
	s.rest = rest
	return ok
}

func (s *scan) must(piece string) {
	if !s.skip(piece) {
		s.failed = true
	}
}

// text reads a string without escapes.
func (s *scan) text() string {
	s.must(`"`)
	text, rest, ok := strings.Cut(s.rest, `"`)
	if !ok || strings.IndexByte(text, '\\') >= 0 {
		s.failed = true
		return ""
	}
	s.rest = rest
	return text
}

// optional is the string that follows a key, if the key is there.
func (s *scan) optional(key string) string {
	if s.skip(key) {
		return s.text()
	}
	return ""
}

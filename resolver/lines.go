package resolver

import "github.com/thamos/thamos/kb/py"

// A line is one requirement line, parsed once however many releases have it.
type line struct {
	text      string
	req       py.Requirement
	specs     string           // normalised specifier text
	always    bool             // the marker holds without an extra
	byExtra   bool             // the marker looks at extra
	perExtra  map[py.Name]bool // what the marker says with an extra
	malformed bool             // it cannot be read
}

// A list is a parsed requirement list.
type list struct {
	lines     []*line
	malformed bool // a line cannot be read

	// opaque reports that it asks for something that no knowledge tells: a
	// direct reference, whose requirements only the URL's server knows, or more
	// lines than are read.
	opaque bool
}

// list parses a requirement list, once however many releases share it. The
// list of a release whose requirements were not read is empty.
func (c *closure) list(r *py.Requires) *list {
	if l, ok := c.lists[r]; ok {
		return l
	}
	l := new(list)
	c.lists[r] = l
	if r == nil {
		return l
	}
	if len(r.Lines) > maxLines {
		l.opaque = true
		return l
	}
	l.lines = make([]*line, 0, len(r.Lines))
	for _, text := range r.Lines {
		one := c.line(text)
		switch {
		case one.malformed:
			l.malformed = true
			return l
		case one.always && one.req.URL != "":
			l.opaque = true
		case one.always || one.byExtra:
			l.lines = append(l.lines, one)
		}
	}
	return l
}

// line parses a requirement line and judges its marker in the environment.
func (c *closure) line(text string) *line {
	if l, ok := c.lines[text]; ok {
		return l
	}
	l := &line{text: text}
	c.lines[text] = l
	var err error
	if l.req, err = py.ParseRequirement(text); err != nil {
		l.malformed = true
		return l
	}
	l.specs = l.req.Specifiers.String()
	l.byExtra = l.req.Marker.MentionsExtra()
	// A comparison without meaning is false, as PEP 508 has it for installers.
	l.always, _ = l.req.Marker.Evaluate(c.problem.Environment, "")
	return l
}

// holds reports whether a line is required with an extra.
func (c *closure) holds(l *line, extra py.Name) bool {
	if !l.byExtra {
		return l.always
	}
	ok, seen := l.perExtra[extra]
	if !seen {
		ok, _ = l.req.Marker.Evaluate(c.problem.Environment, extra)
		if l.perExtra == nil {
			l.perExtra = map[py.Name]bool{}
		}
		l.perExtra[extra] = ok
	}
	return ok
}

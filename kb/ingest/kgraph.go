package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// graphLimits bound a graph. The known one has 8,003 projects in 123 MB, of
// which the largest takes 2 MB.
type graphLimits struct {
	projects, releases int
	project, total     int64 // bytes
	lines              int   // requirements of one release
	line               int   // bytes
}

var graphDefault = graphLimits{
	projects: 2_000_000, releases: 20_000_000,
	project: 64 << 20, total: 8 << 30,
	lines: 10_000, line: 64 << 10, // as much as a knowledge base takes
}

// ReadKGraph reads a dependency graph in the form of SMTpip's KGraph.json and
// hands on every project, by name:
//
//	{"projects": {NAME: {VERSION: {"dependency_packages": [LINE, ...] or null}}}}
//
// Such a graph has no dates, files, markers or Requires-Python, and null may
// mean that a release needs nothing or that nobody read what it needs: both are
// handed on as an empty list, and the Writer is to be told by EmptyMayBeUnknown.
//
// Names that are one when normalised are one project, and spellings of one
// version are one release; of several lists the one that is not empty counts,
// of these the one under the normalised name. That, malformed names, versions
// (counted as Ignored as well) and lines are faults. A malformed line is kept as
// published; a release whose list is none is known to exist, and no more. It is
// an error if the text is not such a graph or is too large, if add fails, or if
// ctx ends.
//
// The text is read as a stream; equal versions, lines and lists are kept once.
func ReadKGraph(ctx context.Context, r io.Reader, add func(kb.Listing) error) (Report, error) {
	g := newGraphReader(r, graphDefault)
	if err := g.read(ctx); err != nil {
		return g.report, fmt.Errorf("read graph: byte %d: %w", g.json.InputOffset(), err)
	}
	return g.report, g.handOn(ctx, add)
}

// A graphReader reads a graph token by token.
type graphReader struct {
	limits graphLimits
	meter  *meter
	json   *json.Decoder
	report Report

	keys, versions, nulls int // of the text

	projects map[py.Name]*graphProject
	parsed   map[string]py.Version // by text, the zero version for what is none
	lines    map[string]string     // each line once
	lists    map[string]*graphList // each list once, by its lines
}

// A graphProject is what all keys of one project say.
type graphProject struct {
	keys     []string // as written
	releases []graphRelease
}

// A graphRelease is what one key of a project says of one of its versions. There
// are many: it is kept small.
type graphRelease struct {
	version py.Version
	list    *graphList // nil: empty
	key     int32      // into graphProject.keys
	unread  bool       // it has a list that is none
}

type graphList struct{ lines []string }

func (r *graphRelease) lines() []string {
	if r.list == nil {
		return nil
	}
	return r.list.lines
}

func newGraphReader(r io.Reader, limits graphLimits) *graphReader {
	m := &meter{reader: r, left: limits.total, part: limits.project}
	return &graphReader{
		limits: limits, meter: m, json: json.NewDecoder(m),
		projects: map[py.Name]*graphProject{}, parsed: map[string]py.Version{}, lines: map[string]string{}, lists: map[string]*graphList{},
	}
}

// A meter ends a stream that is longer than it may be, as a whole or since part
// was set: the decoder keeps a string whole, however long it is.
type meter struct {
	reader     io.Reader
	left, part int64
}

var errGraphTotal = errors.New("the graph is too large")

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 || m.part <= 0 {
		// The end of what may be read may be the end of what there is.
		if n, err := m.reader.Read(make([]byte, 1)); n == 0 && err != nil {
			return 0, err
		}
		return 0, errGraphTotal
	}
	n, err := m.reader.Read(p[:min(int64(len(p)), m.left, m.part)])
	m.left -= int64(n)
	m.part -= int64(n)
	return n, err
}

// read reads the whole text.
func (g *graphReader) read(ctx context.Context) error {
	found := false
	err := g.object("the graph", func(key string) error {
		if key != "projects" || found {
			return g.skip()
		}
		found = true
		return g.object("projects", func(key string) error {
			if ended := context.Cause(ctx); ended != nil {
				return ended
			}
			g.meter.part = g.limits.project
			return g.project(key)
		})
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`no "projects" (expected is {"projects": {NAME: {VERSION: {"dependency_packages": [...]}}}})`)
	}
	if token, err := g.json.Token(); err == nil {
		return fmt.Errorf("%v follows the graph", token)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// object reads an object whose values member reads, or an error that what is
// none.
func (g *graphReader) object(what string, member func(key string) error) error {
	if token, err := g.token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return fmt.Errorf("%s is not an object", what)
	}
	return g.members(member)
}

// members reads an object that was begun.
func (g *graphReader) members(member func(key string) error) error {
	for g.json.More() {
		token, err := g.token()
		if err != nil {
			return err
		}
		if err := member(token.(string)); err != nil { // the decoder takes no other key
			return err
		}
	}
	_, err := g.token()
	return err
}

// token reads one token. That the text ends is an error.
func (g *graphReader) token() (json.Token, error) {
	token, err := g.json.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}

// skip reads a value that says nothing here.
func (g *graphReader) skip() error {
	token, err := g.token()
	if err != nil {
		return err
	}
	return g.skipRest(token)
}

// skipRest reads what follows the first token of a value, however deep.
func (g *graphReader) skipRest(token json.Token) error {
	for depth := 0; ; {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if token, err = g.token(); err != nil {
			return err
		}
	}
}

// project reads the releases of a project.
func (g *graphReader) project(key string) error {
	if g.keys++; g.keys > g.limits.projects {
		return fmt.Errorf("more than %d projects", g.limits.projects)
	}
	name, err := py.ParseName(key)
	if err != nil || len(name) > maxOSVName {
		g.report.fault("projects", "%q is not a name", clip(key))
		return g.skip()
	}
	token, err := g.token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		g.report.fault(key, "its releases are not an object")
		return g.skipRest(token)
	}
	p := g.projects[name]
	if p == nil {
		p = &graphProject{}
		g.projects[name] = p
	}
	p.keys = append(p.keys, key)
	err = g.members(func(text string) error {
		if g.versions++; g.versions > g.limits.releases {
			return fmt.Errorf("more than %d releases", g.limits.releases)
		}
		version := g.version(text)
		if version.IsZero() {
			g.report.Ignored++
			g.report.fault(key, "%q is not a version", clip(text))
			return g.skip()
		}
		release := graphRelease{version: version, key: int32(len(p.keys) - 1)}
		err := g.release(key, &release)
		p.releases = append(p.releases, release)
		return err
	})
	p.releases = slices.Clip(p.releases)
	return err
}

// version parses a version; zero if it is none. Projects have the same ones.
func (g *graphReader) version(text string) py.Version {
	v, known := g.parsed[text]
	if !known {
		v, _ = osvVersion(text)
		g.parsed[text] = v
	}
	return v
}

// release reads what is said of one release.
func (g *graphReader) release(key string, r *graphRelease) error {
	token, err := g.token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		g.unread(key, r, "is not an object")
		return g.skipRest(token)
	}
	return g.members(func(field string) error {
		if field != "dependency_packages" {
			return g.skip()
		}
		token, err := g.token()
		switch {
		case err != nil:
			return err
		case token == nil:
			g.nulls++
			return nil
		case token != json.Delim('['):
			g.unread(key, r, "has dependency_packages that are not a list")
			return g.skipRest(token)
		}
		return g.list(key, r)
	})
}

func (g *graphReader) unread(key string, r *graphRelease, why string) {
	r.unread = true
	g.report.fault(key+" "+clip(r.version.String()), "%s", why)
}

// list reads the lines of a release up to the end of the list.
func (g *graphReader) list(key string, r *graphRelease) error {
	var lines []string
	var all []byte
	for g.json.More() {
		token, err := g.token()
		if err != nil {
			return err
		}
		line, ok := token.(string)
		switch {
		case r.unread:
		case !ok:
			g.unread(key, r, "has a requirement that is not a string")
		case len(lines) == g.limits.lines:
			g.unread(key, r, fmt.Sprintf("has more than %d requirements", g.limits.lines))
		case len(line) > g.limits.line:
			g.unread(key, r, fmt.Sprintf("has a requirement of more than %d bytes", g.limits.line))
		default:
			line = g.line(key, r, line)
			lines = append(lines, line)
			all = append(append(all, line...), 0)
		}
		if err := g.skipRest(token); err != nil {
			return err
		}
	}
	if !r.unread && len(lines) > 0 {
		known, ok := g.lists[string(all)]
		if !ok {
			known = &graphList{slices.Clip(lines)}
			g.lists[string(all)] = known
		}
		r.list = known
	}
	_, err := g.token()
	return err
}

// line returns the one copy of a line. One that is malformed is noted where it
// is met first.
func (g *graphReader) line(key string, r *graphRelease, text string) string {
	known, ok := g.lines[text]
	if !ok {
		known = text
		g.lines[text] = text
		if _, err := py.ParseRequirement(text); err != nil {
			g.report.fault(key+" "+clip(r.version.String()), "%v", err)
		}
	}
	return known
}

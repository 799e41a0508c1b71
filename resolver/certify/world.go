package certify

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// Bounds on what the knowledge may make us build, as the engine has them.
const (
	maxProjects = 50_000
	maxLines    = 10_000 // requirement lines of one release
)

// A world is all that requirements can reach from the user's.
type world struct {
	*judge
	hopeful     bool // take what is unknown at its most helpful
	roots       []*line
	constraints []*line
	projects    []*project // in the order in which they were named
	byName      map[py.Name]*project
	lines       map[string]*line
	lists       map[*py.Requires]*list
	sets        int
	unknown     []string // that could change the answer
}

// A project is one that some requirement names.
type project struct {
	name    py.Name
	known   *py.Project // nil if nothing is known of it
	direct  bool        // a user's requirement names it
	skip    bool        // the pipeline says that what requires it is satisfied
	edits   []resolver.Edit
	options []*option // all that it could be
	extras  []py.Name // that are asked for
	sets    map[string]*set
	order   []*set
}

// An option is a release of a project, or a package that stands in for one.
type option struct {
	label   string
	version py.Version
	release int         // index into the project's releases; -1 for none of them
	list    *list       // what it requires
	by      *py.Package // that stands in
	usable  bool
	reached bool // some requirement admits it
}

// A list is what a release requires.
type list struct {
	lines     []*line
	malformed bool // a line cannot be read
	opaque    bool // it needs what no knowledge tells: a URL, or too many lines
}

// A line is one requirement.
type line struct {
	py.Requirement
	malformed bool
	always    bool // its marker holds without an extra
	followed  bool
}

// A set is the options of a project that one specifier admits.
type set struct {
	id  int
	has []bool // by option
}

// explore reads the world level by level, so that the number of questions is its
// depth.
func explore(ctx context.Context, p *resolver.Problem, k resolver.Knowledge, hopeful bool) (*world, error) {
	w := &world{hopeful: hopeful, byName: map[py.Name]*project{}, lines: map[string]*line{}, lists: map[*py.Requires]*list{}}
	var user []*resolver.Requirement
	for n, all := range [][]resolver.Requirement{p.Requirements, p.Constraints} {
		for i := range all {
			r := &all[i]
			holds, err := r.Marker.Evaluate(p.Environment, "")
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s: marker of %s: %w", r.Origin, r.Name, err)
			case !holds:
				continue
			}
			user = append(user, r)
			l := &line{Requirement: r.Requirement, always: true}
			if n == 1 {
				w.constraints = append(w.constraints, l)
				continue
			}
			w.roots = append(w.roots, l)
			w.project(r.Name).direct = true
		}
	}
	w.judge = newJudge(p, k, user)
	loaded := 0
	for pending := w.roots; len(pending) > 0; {
		if len(w.projects) > maxProjects {
			return nil, fmt.Errorf("the requirements reach more than %d projects", maxProjects)
		}
		if err := w.load(ctx, w.projects[loaded:]); err != nil {
			return nil, err
		}
		loaded = len(w.projects)
		var next []*line
		for _, l := range pending {
			next = append(next, w.reach(l)...)
		}
		pending = next
		for _, l := range pending {
			w.project(l.Name)
		}
	}
	for _, p := range w.projects {
		for _, o := range p.options {
			if o.by != nil && o.reached && w.byName[o.by.Name].skip {
				o.reached, o.usable = false, false // nothing stands there
			}
		}
	}
	return w, nil
}

// project returns the project called name, adding it if it is new.
func (w *world) project(name py.Name) *project {
	p := w.byName[name]
	if p == nil {
		p = &project{name: name, sets: map[string]*set{}}
		w.byName[name] = p
		w.projects = append(w.projects, p)
	}
	return p
}

// load reads projects and what the pipeline says of them.
func (w *world) load(ctx context.Context, fresh []*project) error {
	if len(fresh) == 0 {
		return nil
	}
	names := make([]py.Name, len(fresh))
	for i, p := range fresh {
		names[i] = p.name
	}
	known, err := w.knowledge.Projects(ctx, names)
	if err != nil {
		return err
	}
	if len(known) != len(names) {
		return fmt.Errorf("the knowledge answers %d of %d questions", len(known), len(names))
	}
	var asked []*py.Project
	var of []*project
	for i, p := range fresh {
		p.known = known[i]
		if p.known != nil {
			asked, of = append(asked, known[i]), append(of, p)
			continue
		}
		w.unknown = append(w.unknown, string(p.name))
		if w.hopeful { // the most helpful it can be: one release that all admit
			p.options = []*option{{label: Label(py.Version{}, nil), release: -1, list: new(list), usable: true}}
		}
	}
	sifted := make([]resolver.Sifted, len(asked))
	if w.Pipeline != nil && len(asked) > 0 {
		if sifted, err = w.Pipeline.Sift(ctx, asked); err != nil {
			return err
		}
		if len(sifted) != len(asked) {
			return fmt.Errorf("the pipeline judged %d of %d projects", len(sifted), len(asked))
		}
	}
	for i, p := range of {
		if err := w.open(ctx, p, &sifted[i]); err != nil {
			return err
		}
	}
	return nil
}

// open gives a known project its options.
func (w *world) open(ctx context.Context, p *project, s *resolver.Sifted) error {
	if p.skip = s.Skip != ""; p.skip {
		return nil
	}
	usable, err := w.usable(ctx, p.known)
	if err != nil {
		return err
	}
	p.edits = s.Edits
	for i := range p.known.Releases {
		r := &p.known.Releases[i]
		o := &option{label: Label(r.Version, nil), version: r.Version, release: i}
		_, refused := s.Refused[i]
		o.usable = usable[i] && !refused
		if o.usable && r.Requires == nil {
			w.unknown = append(w.unknown, string(p.name)+"=="+o.label)
			o.usable = w.hopeful
		}
		p.options = append(p.options, o)
	}
	for i := range s.StandIns {
		in := &s.StandIns[i]
		if in.Release < 0 || in.Release >= len(p.known.Releases) || in.By.Name == p.name {
			return fmt.Errorf("unit %s: %s cannot stand in for %s", in.Unit, in.By, p.name)
		}
		version := p.known.Releases[in.Release].Version
		o := &option{label: Label(version, &in.By), version: version, release: -1, by: &in.By, usable: true}
		o.list = &list{lines: []*line{w.line(string(in.By.Name) + "==" + in.By.Version.String())}}
		if !slices.ContainsFunc(p.options, func(q *option) bool { return q.label == o.label }) {
			p.options = append(p.options, o)
		}
	}
	return nil
}

// set returns the options that a line's specifiers admit.
func (w *world) set(p *project, l *line) *set {
	text := l.Specifiers.String()
	s := p.sets[text]
	if s == nil {
		s = &set{id: w.sets, has: make([]bool, len(p.options))}
		for i, o := range p.options {
			s.has[i] = p.known == nil || l.Specifiers.Contains(o.version)
		}
		w.sets++
		p.sets[text] = s
		p.order = append(p.order, s)
	}
	return s
}

// reach marks what a line admits, and returns what that requires in turn.
func (w *world) reach(l *line) (next []*line) {
	p := w.byName[l.Name]
	if l.followed || p.skip {
		return nil
	}
	l.followed = true
	set := w.set(p, l)
	for i, o := range p.options {
		if o.reached || !o.usable || !set.has[i] {
			continue
		}
		if o.list == nil {
			o.list = w.listOf(p, o)
		}
		if o.list.malformed || o.list.opaque && !w.hopeful {
			if o.usable = false; !o.list.malformed {
				w.unknown = append(w.unknown, string(p.name)+"=="+o.label)
			}
			continue
		}
		o.reached = true
		for _, x := range append([]py.Name{""}, p.extras...) {
			lines, _ := w.requires(o, x)
			next = append(next, lines...)
		}
	}
	for _, x := range l.Extras {
		if slices.Contains(p.extras, x) {
			continue
		}
		p.extras = append(p.extras, x)
		for _, o := range p.options {
			if o.reached {
				lines, _ := w.requires(o, x)
				next = append(next, lines...)
			}
		}
	}
	return next
}

// requires returns what an option requires with an extra, or always (""). It is
// barred if nobody says what it would require.
func (w *world) requires(o *option, extra py.Name) (lines []*line, barred bool) {
	if o.by != nil && extra != "" {
		return nil, true
	}
	for _, l := range o.list.lines {
		switch {
		case extra == "" && !l.always, extra != "" && (l.always || !w.holds(l, extra)):
		case l.URL == "":
			lines = append(lines, l)
		case !w.hopeful:
			barred = true
		}
	}
	return lines, barred
}

// holds reports whether a line is required with an extra.
func (w *world) holds(l *line, extra py.Name) bool {
	if !l.Marker.MentionsExtra() {
		return l.always
	}
	ok, _ := l.Marker.Evaluate(w.Environment, extra)
	return ok
}

// line parses a requirement line, once.
func (w *world) line(text string) *line {
	l := w.lines[text]
	if l == nil {
		l = new(line)
		w.lines[text] = l
		var err error
		l.Requirement, err = py.ParseRequirement(text)
		l.malformed = err != nil
		// A comparison without meaning is false, as PEP 508 has it for installers.
		l.always, _ = l.Marker.Evaluate(w.Environment, "")
	}
	return l
}

// listOf returns what a release requires, after the pipeline's edits.
func (w *world) listOf(p *project, o *option) *list {
	plain := w.parsed(p.known.Releases[o.release].Requires)
	if plain.malformed || !slices.ContainsFunc(p.edits, func(e resolver.Edit) bool { return e.Releases.Has(o.release) }) {
		return plain
	}
	edited := &list{lines: slices.Clone(plain.lines), opaque: plain.opaque}
	var added []*line // which no edit drops
	for _, e := range p.edits {
		switch {
		case !e.Releases.Has(o.release):
		case e.Add != nil:
			l := w.line(e.Add.String())
			added = append(added, l)
			edited.opaque = edited.opaque || l.always && l.URL != ""
		default:
			edited.lines = slices.DeleteFunc(edited.lines, func(l *line) bool { return l.Name == e.Drop })
		}
	}
	edited.lines = append(edited.lines, added...)
	return edited
}

// parsed parses a requirement list, once for all releases that share it.
func (w *world) parsed(r *py.Requires) *list {
	l := w.lists[r]
	if l != nil {
		return l
	}
	l = new(list)
	w.lists[r] = l
	if r == nil { // only a hopeful world asks
		return l
	}
	if len(r.Lines) > maxLines {
		l.opaque = true
		return l
	}
	for _, text := range r.Lines {
		one := w.line(text)
		if one.malformed {
			*l = list{malformed: true}
			return l
		}
		l.opaque = l.opaque || one.always && one.URL != ""
		l.lines = append(l.lines, one)
	}
	return l
}

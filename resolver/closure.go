package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Bounds on what untrusted knowledge may make us build.
const (
	maxProjects = 50_000
	maxLines    = 10_000 // requirement lines of one release
)

// A closure holds every project that requirements can reach from the user's,
// with the releases that some requirement admits.
type closure struct {
	problem  *Problem
	admit    *admission
	roots    []root // the user's requirements that hold in the environment
	projects []*project
	byName   map[py.Name]int
	sets     []*set

	lines  map[string]*line // parsed requirement lines, by text
	lists  map[*py.Requires]*list
	edited map[edition]*list

	terms []Term    // that hold of stacks made of it
	first []int32   // by term: the project of its first member
	about [][]int32 // by project: the terms that it is a member of

	refused []Term // stacks that the pipeline did not accept, as vetoes of their releases

	work    []task  // groups whose requirements were not yet followed
	waiting []*need // requirements of projects that are not yet loaded
	fresh   []need  // room for the next needs
	loaded  int     // projects[:loaded] are loaded
}

// A root is one of the user's requirements, ready for the tables.
type root struct {
	req        *Requirement
	need       *need
	constraint bool
}

// A project is one project of a closure.
type project struct {
	id       int
	name     py.Name
	known    bool      // the knowledge has a record of it
	direct   bool      // a user's requirement names it
	releases []release // the project's, in its order, and then those that stand in
	order    []int     // indices into releases, preferred first
	source   *py.Project
	skip     string // why no stack has it although it is required; empty if it is not so
	edits    []Edit

	reached  bitset // releases that some requirement admits
	groups   []*group
	byList   map[*list]*group
	extras   []py.Name // extras that are asked for
	sets     map[string]int
	setOrder []int // the sets' numbers, as they were made
}

// A release is one release of a project with the verdict on it.
type release struct {
	*py.Release
	verdict verdict
	pre     bool     // it is a pre-release
	refusal string   // for sifted: the end of a sentence that begins with it
	standIn *StandIn // it is another project's, in place of this one's
	group   *group   // once it is reached
}

// reason says why a release may not be chosen, as the end of a sentence that
// begins with it.
func (r *release) reason() string {
	if r.verdict == sifted {
		return r.refusal
	}
	return r.verdict.String()
}

// A group is the reached releases of a project that share a requirement list:
// nobody can tell them apart by what they require.
type group struct {
	project  *project
	list     *list
	releases []int
	needs    []*need
	barred   []int // extras with which it asks for what no knowledge tells
	standIn  bool  // its releases are another project's
}

// A need is one requirement that a group (or, without a group, the user) has,
// perhaps only together with an extra of its own project.
type need struct {
	line   *line
	extra  int // index into the group's project's extras, -1 for always
	child  *project
	set    int   // of the child's releases
	extras []int // indices into child.extras
}

// A task is to follow what a group requires: always (-1), or with an extra.
type task struct {
	group *group
	extra int
}

// A set is the releases of one project that one specifier text admits.
type set struct {
	project int
	text    string // normalised specifiers, empty for any
	members bitset
	reached bool // what it admits was reached
}

// newClosure reads what the problem can reach from k, and what the pipeline thinks
// of it.
func newClosure(ctx context.Context, p *Problem, k Knowledge, hope hope) (*closure, error) {
	c, err := reach(ctx, p, k, hope, nil)
	if err != nil {
		return nil, err
	}
	return c, c.score(ctx, Pipeline.Terms)
}

// newHopeful is newClosure with everything unknown at its most helpful, for a
// problem of which there is a closure of what is known. It says which stacks there
// are, not how good they are: of the pipeline's terms it has the vetoes alone.
func newHopeful(ctx context.Context, k Knowledge, known *closure) (*closure, error) {
	c, err := reach(ctx, known.problem, k, fullHope, known)
	if err != nil {
		return nil, err
	}
	return c, c.score(ctx, Pipeline.Vetoes)
}

// reach reads what the problem can reach from k, level by level: the number of
// questions is the depth of the closure, not its size. It takes over what another
// closure of the problem has parsed, nil if there is none.
func reach(ctx context.Context, p *Problem, k Knowledge, hope hope, before *closure) (*closure, error) {
	c := &closure{
		problem: p,
		byName:  map[py.Name]int{},
		lines:   map[string]*line{},
		lists:   map[*py.Requires]*list{},
		edited:  map[edition]*list{},
	}
	if before != nil {
		c.lines, c.lists = before.lines, before.lists
	}
	requirements, err := holding(p, p.Requirements)
	if err != nil {
		return nil, err
	}
	constraints, err := holding(p, p.Constraints)
	if err != nil {
		return nil, err
	}
	c.admit = newAdmission(p, requirements, constraints, hope)
	for _, r := range requirements {
		c.project(r.Name).direct = true
		c.demand(r, false)
	}
	for len(c.waiting) > 0 {
		if len(c.projects) > maxProjects {
			return nil, fmt.Errorf("the requirements reach more than %d projects", maxProjects)
		}
		if err := c.load(ctx, k); err != nil {
			return nil, err
		}
		waiting := c.waiting
		c.waiting = nil
		for _, n := range waiting {
			c.reach(n)
		}
		for len(c.work) > 0 {
			t := c.work[0]
			c.work = c.work[1:]
			c.follow(t)
		}
	}
	for _, r := range constraints {
		if _, reached := c.byName[r.Name]; reached {
			c.demand(r, true)
		}
	}
	c.standing()
	return c, nil
}

// standing drops the releases for which a project stands in that no stack has.
func (c *closure) standing() {
	for _, p := range c.projects {
		for i := range p.releases {
			r := &p.releases[i]
			if r.standIn == nil || r.group == nil || c.projects[c.byName[r.standIn.By.Name]].skip == "" {
				continue
			}
			r.verdict, r.refusal = sifted, fmt.Sprintf("is %s, which is left out", r.standIn.By)
			p.reached.remove(i)
			r.group.releases = slices.DeleteFunc(r.group.releases, func(o int) bool { return o == i })
			r.group = nil
		}
	}
}

// holding returns the requirements whose markers hold in the environment.
func holding(p *Problem, all []Requirement) ([]*Requirement, error) {
	var held []*Requirement
	for i := range all {
		ok, err := all[i].Marker.Evaluate(p.Environment, "")
		if err != nil {
			return nil, fmt.Errorf("%s: marker of %s: %w", all[i].Origin, all[i].Name, err)
		}
		if ok {
			held = append(held, &all[i])
		}
	}
	return held, nil
}

// demand adds one of the user's requirements or constraints.
func (c *closure) demand(r *Requirement, constraint bool) {
	n := &need{
		line:  &line{text: r.Requirement.String(), req: r.Requirement, specs: r.Specifiers.String(), always: true},
		extra: -1,
		child: c.project(r.Name),
	}
	c.roots = append(c.roots, root{req: r, need: n, constraint: constraint})
	if constraint {
		n.set = c.set(n.child, n.line)
		return
	}
	c.waiting = append(c.waiting, n)
}

// need returns a new need. There are thousands, so they are made together.
func (c *closure) need() *need {
	if len(c.fresh) == 0 {
		c.fresh = make([]need, 256)
	}
	n := &c.fresh[0]
	c.fresh = c.fresh[1:]
	return n
}

// project returns the project called name, adding it if it is new.
func (c *closure) project(name py.Name) *project {
	if id, ok := c.byName[name]; ok {
		return c.projects[id]
	}
	p := &project{id: len(c.projects), name: name, sets: map[string]int{}, byList: map[*list]*group{}}
	c.byName[name] = p.id
	c.projects = append(c.projects, p)
	return p
}

// load asks for the projects that were named since it was last called.
func (c *closure) load(ctx context.Context, k Knowledge) error {
	fresh := c.projects[c.loaded:]
	c.loaded = len(c.projects)
	if len(fresh) == 0 {
		return nil
	}
	names := make([]py.Name, len(fresh))
	for i, p := range fresh {
		names[i] = p.name
	}
	known, err := k.Projects(ctx, names)
	if err != nil {
		return err
	}
	for i, p := range fresh {
		if known[i] == nil {
			if c.admit.hope != noHope {
				p.assume()
			}
			continue
		}
		p.known = true
		if err := c.judge(ctx, k, p, known[i]); err != nil {
			return err
		}
	}
	return c.sift(ctx, fresh)
}

// judge fills in p's releases with the verdicts on them and puts them in order
// of preference.
func (c *closure) judge(ctx context.Context, k Knowledge, p *project, known *py.Project) error {
	narrowed, err := c.admit.narrow(ctx, k, known)
	if err != nil {
		return err
	}
	p.source = known
	p.releases = make([]release, len(known.Releases))
	p.reached = newBits(len(known.Releases))
	for i := range known.Releases {
		r := release{Release: &known.Releases[i], pre: known.Releases[i].Version.Prerelease()}
		if a, ok := narrowed[i]; ok {
			r.verdict = c.admit.judgeNarrowed(p.name, r.Release, a)
		} else {
			r.verdict = c.admit.judge(p.name, r.Release, r.Artifacts)
		}
		p.releases[i] = r
	}
	p.order = c.admit.order(p)
	return nil
}

// assume gives a project of which nothing is known the one release that every
// requirement admits: the most helpful it can be.
func (p *project) assume() {
	p.releases = []release{{Release: new(py.Release)}}
	p.reached = newBits(1)
	p.order = []int{0}
}

// set returns the set of p's releases that a line's specifiers admit.
func (c *closure) set(p *project, l *line) int {
	if id, ok := p.sets[l.specs]; ok {
		return id
	}
	id := len(c.sets)
	c.sets = append(c.sets, &set{project: p.id, text: l.specs, members: p.matching(l.req.Specifiers)})
	p.sets[l.specs] = id
	p.setOrder = append(p.setOrder, id)
	return id
}

// matching returns the releases of p that specifiers admit: all, if nothing is
// known of p.
func (p *project) matching(specs py.Specifiers) bitset {
	members := newBits(len(p.releases))
	if p.source == nil {
		members.addRange(0, len(p.releases))
		return members
	}
	if len(p.releases) == 0 {
		return members // it is left out
	}
	for from, to := range specs.Stretches(p.source.Releases) {
		members.addRange(from, to)
	}
	for i := len(p.source.Releases); i < len(p.releases); i++ { // what stands in
		if specs.Contains(p.releases[i].Version) {
			members.add(i)
		}
	}
	return members
}

// reach settles a need whose child is loaded: it works out the set, and follows
// what it admits.
func (c *closure) reach(n *need) {
	p := n.child
	n.set = c.set(p, n.line)
	if s := c.sets[n.set]; !s.reached {
		s.reached = true
		c.admits(p, s.members)
	}
	for _, name := range n.line.req.Extras {
		e := slices.Index(p.extras, name)
		if e < 0 {
			e = len(p.extras)
			p.extras = append(p.extras, name)
			for _, g := range p.groups {
				c.work = append(c.work, task{g, e})
			}
		}
		n.extras = append(n.extras, e)
	}
}

// admits reaches the releases of a set, and queues what is reached for the first
// time.
func (c *closure) admits(p *project, members bitset) {
	var last *release // the one before, whose requirements are mostly the same
	for i := range members.all() {
		r := &p.releases[i]
		if r.verdict != admitted || p.reached.has(i) {
			continue
		}
		if last != nil && last.Requires == r.Requires && len(p.edits) == 0 && r.standIn == nil {
			p.reached.add(i)
			r.group = last.group
			r.group.releases = append(r.group.releases, i)
			continue
		}
		list := c.edit(p, i, c.list(r.Requires))
		switch {
		case list.malformed:
			r.verdict = malformed
			continue
		case list.opaque && c.admit.hope != fullHope:
			r.verdict = opaque
			continue
		}
		p.reached.add(i)
		g := p.byList[list]
		if g == nil {
			g = &group{project: p, list: list, standIn: r.standIn != nil}
			p.byList[list] = g
			p.groups = append(p.groups, g)
			for e := -1; e < len(p.extras); e++ {
				c.work = append(c.work, task{g, e})
			}
		}
		r.group = g
		g.releases = append(g.releases, i)
		last = r
	}
}

// follow adds what a group requires.
func (c *closure) follow(t task) {
	p := t.group.project
	if t.group.standIn && t.extra >= 0 {
		t.group.barred = append(t.group.barred, t.extra) // nobody says what the extra is there
		return
	}
	if t.extra < 0 {
		t.group.needs = slices.Grow(t.group.needs, len(t.group.list.lines))
	}
	for _, l := range t.group.list.lines {
		if t.extra < 0 && !l.always || t.extra >= 0 && (l.always || !c.holds(l, p.extras[t.extra])) {
			continue
		}
		if l.req.URL != "" {
			// Only with an extra; at its most helpful it asks for nothing.
			if c.admit.hope != fullHope {
				t.group.barred = append(t.group.barred, t.extra)
			}
			continue
		}
		n := c.need()
		n.line, n.extra, n.child = l, t.extra, c.project(l.req.Name)
		t.group.needs = append(t.group.needs, n)
		if n.child.id < c.loaded {
			c.reach(n)
		} else {
			c.waiting = append(c.waiting, n)
		}
	}
}

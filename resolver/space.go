package resolver

import (
	"cmp"
	"iter"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A space is a closure as variables with values, which networks are made of: one
// variable for each project, and one for each extra that somebody asks for.
//
// Releases of a project that nobody can tell apart are one value: they require
// the same, are in the same of all sets that requirements admit, and in the same
// members of all terms that look at several projects (interchangeability,
// Freuder, 1991). What terms say of each alone does not count: of a value the
// best release is taken.
type space struct {
	closure   *closure
	vars      []spaceVar
	ofProject []int32   // by project: its variable, -1 if no stack has it
	ofExtra   [][]int32 // by project and extra
	implied   []implication
	terms     []spaceTerm // of several members

	alone [][]worth // by project and release: what it is worth by itself
	out   [][]bool  // by project and release: a veto excludes it
}

// A spaceVar is one variable. Value 0 is its absence, whether or not it may be.
type spaceVar struct {
	project  int
	extra    int // -1 for the project itself
	optional bool
	values   [][]int // releases by value, the preferred first; none for value 0
	worth    []worth // by value: of its best release, the first
	valueOf  []int32 // by release: its value, 0 for none
}

// An implication says that wherever a variable has one of some values, another
// has one of some: what a requirement means.
type implication struct {
	from, to int32
	when     wcsp.Set // over from's values
	then     wcsp.Set // over to's values, without 0
}

// A spaceTerm is a term of at least two members that stacks can have.
type spaceTerm struct {
	*Term
	members []wcsp.Member
}

// Levels are what an objective consists of, the most important first: the tiers
// before the last, then how many pre-releases are taken where final releases
// could be, then the last tier.
const (
	levels          = int(Tiers) + 1
	prereleaseLevel = levels - 2
	lastLevel       = levels - 1
)

// A worth is what something is worth, by level.
type worth [levels]int64

func (w worth) compare(o worth) int { return slices.Compare(w[:], o[:]) }

// levelOf returns the level of a tier.
func levelOf(t Tier) int {
	if t == LastTier {
		return lastLevel
	}
	return int(t)
}

// newSpace makes the variables of a closure, in the order in which stacks of one
// score are compared: directs, in the user's order, then names, then extras. What
// nothing is known of comes last: it may turn out to be what no stack has.
func newSpace(c *closure) *space {
	s := &space{closure: c, ofProject: make([]int32, len(c.projects)), ofExtra: make([][]int32, len(c.projects))}
	var known, unknown []int
	for id, p := range c.projects {
		s.ofProject[id] = -1
		s.ofExtra[id] = make([]int32, len(p.extras))
		switch {
		case p.skip != "":
		case p.known:
			known = append(known, id)
		default:
			unknown = append(unknown, id)
		}
	}
	s.judge()
	inTerms := s.members()
	for _, order := range [][]int{known, unknown} {
		slices.SortFunc(order, func(a, b int) int {
			p, q := c.projects[a], c.projects[b]
			if p.direct && q.direct {
				return cmp.Compare(a, b) // closures begin with them
			}
			return cmp.Or(cmp.Compare(b2i(q.direct), b2i(p.direct)), cmp.Compare(p.name, q.name))
		})
		for _, id := range order {
			s.ofProject[id] = int32(len(s.vars))
			s.vars = append(s.vars, s.project(c.projects[id], inTerms[id]))
		}
		for _, id := range order {
			p := c.projects[id]
			for _, e := range sortedIndex(p.extras) {
				s.ofExtra[id][e] = int32(len(s.vars))
				s.vars = append(s.vars, s.extra(p, e))
			}
		}
	}
	for i := range c.roots {
		s.root(&c.roots[i])
	}
	s.require()
	s.company()
	return s
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sortedIndex returns the indices of names in their order.
func sortedIndex(names []py.Name) []int {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(names[a], names[b]) })
	return order
}

// members returns, by project, the sets of releases that terms of several
// members look at.
func (s *space) members() [][]Releases {
	all := make([][]Releases, len(s.closure.projects))
	for t := range s.closure.company() {
		for _, m := range t.Members {
			id := s.closure.byName[m.Project]
			all[id] = append(all[id], m.Releases)
		}
	}
	return all
}

// company yields the terms of several members, and the stacks that were refused.
func (c *closure) company() iter.Seq[*Term] {
	return func(yield func(*Term) bool) {
		for _, all := range [][]Term{c.terms, c.refused} {
			for i := range all {
				if len(all[i].Members) > 1 && !yield(&all[i]) {
					return
				}
			}
		}
	}
}

// judge works out what each release is worth by itself, and which a veto excludes.
func (s *space) judge() {
	c := s.closure
	s.alone, s.out = make([][]worth, len(c.projects)), make([][]bool, len(c.projects))
	releases := 0
	for _, p := range c.projects {
		releases += len(p.releases)
	}
	alone, out := make([]worth, releases), make([]bool, releases) // one allocation each
	for id, p := range c.projects {
		n := len(p.releases)
		s.alone[id], alone = alone[:n:n], alone[n:]
		s.out[id], out = out[:n:n], out[n:]
	}
	judge := func(id int, t *Term) {
		c.projects[id].each(t.Members[0].Releases, func(r int) {
			if t.Veto {
				s.out[id][r] = true
			} else {
				s.alone[id][r][levelOf(t.Tier)] += t.Score
			}
		})
	}
	for i := range c.terms {
		if t := &c.terms[i]; len(t.Members) == 1 {
			judge(int(c.first[i]), t)
		}
	}
	for i := range c.refused {
		if t := &c.refused[i]; len(t.Members) == 1 {
			judge(c.byName[t.Members[0].Project], t)
		}
	}
	for id, p := range c.projects {
		if c.admit.policy(p.name) != IfNecessary {
			continue
		}
		final := false
		for i := range p.releases {
			final = final || p.reached.has(i) && !p.releases[i].pre
		}
		for i := range p.releases {
			if final && p.releases[i].pre && p.releases[i].standIn == nil {
				s.alone[id][i][prereleaseLevel] = -1
			}
		}
	}
}

// root keeps what one of the user's requirements admits.
func (s *space) root(r *root) {
	p := r.need.child
	id := s.ofProject[p.id]
	if id < 0 {
		return
	}
	v := &s.vars[id]
	members := s.closure.sets[r.need.set].members
	for x := range v.values {
		if x > 0 && len(v.values[x]) > 0 && !members.has(v.values[x][0]) {
			v.drop(x)
		}
	}
	if r.constraint {
		return
	}
	v.optional = false
	for _, e := range r.need.extras {
		s.vars[s.ofExtra[p.id][e]].optional = false
	}
}

// drop leaves a value without a release: no network has it.
func (v *spaceVar) drop(x int) {
	for _, i := range v.values[x] {
		v.valueOf[i] = 0
	}
	v.values[x] = nil
}

// require adds what releases require as implications.
func (s *space) require() {
	type key struct {
		from, to int32
		set      int // -1 for any release
	}
	where := map[key]int{}
	add := func(from int32, values []int32, to int32, set int) {
		k := key{from, to, set}
		i, ok := where[k]
		if !ok {
			i = len(s.implied)
			where[k] = i
			s.implied = append(s.implied, implication{from, to, wcsp.NewSet(len(s.vars[from].values)), s.admitted(to, set)})
		}
		for _, x := range values {
			s.implied[i].when.Add(x)
		}
	}
	for id := range s.vars {
		v := &s.vars[id]
		p := s.closure.projects[v.project]
		from := int32(id)
		for _, g := range p.groups {
			values := v.of(g)
			if len(values) == 0 {
				continue
			}
			for _, n := range g.needs {
				to := s.ofProject[n.child.id]
				if n.extra != v.extra || to < 0 {
					continue
				}
				if to == from {
					s.self(from, values, n.set)
				} else {
					add(from, values, to, n.set)
				}
				for _, e := range n.extras {
					if x := s.ofExtra[n.child.id][e]; x != from {
						add(from, values, x, -1)
					}
				}
			}
		}
		if v.extra < 0 {
			continue
		}
		own := s.ofProject[v.project]
		for x := range v.values {
			if len(v.values[x]) == 0 {
				continue
			}
			tie := implication{from, own, wcsp.NewSet(len(v.values)), wcsp.NewSet(len(s.vars[own].values))}
			tie.when.Add(int32(x))
			for _, i := range v.values[x] {
				if y := s.vars[own].valueOf[i]; y > 0 {
					tie.then.Add(y)
				}
			}
			s.implied = append(s.implied, tie)
		}
	}
}

// of returns the values of v whose releases are of group g, ascending.
func (v *spaceVar) of(g *group) []int32 {
	var all []int32
	for _, i := range g.releases {
		if x := v.valueOf[i]; x > 0 {
			all = append(all, x)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// self drops the values whose releases require their own project otherwise.
func (s *space) self(v int32, values []int32, set int) {
	members := s.closure.sets[set].members
	for _, x := range values {
		if r := s.vars[v].values[x]; len(r) > 0 && !members.has(r[0]) {
			s.vars[v].drop(int(x))
		}
	}
}

// admitted returns the values of v that a set of releases has; -1 is all.
func (s *space) admitted(v int32, set int) wcsp.Set {
	all := wcsp.NewSet(len(s.vars[v].values))
	for x, releases := range s.vars[v].values {
		if len(releases) > 0 && (set < 0 || s.closure.sets[set].members.has(releases[0])) {
			all.Add(int32(x))
		}
	}
	return all
}

// company adds the terms of several members that stacks can have.
func (s *space) company() {
	for term := range s.closure.company() {
		t := spaceTerm{Term: term}
		possible := true
		for _, m := range t.Members {
			p := s.closure.projects[s.closure.byName[m.Project]]
			id := s.ofProject[p.id]
			if id < 0 {
				possible = false
				break
			}
			v := &s.vars[id]
			set := wcsp.NewSet(len(v.values))
			for x, releases := range v.values {
				if len(releases) > 0 && p.in(m.Releases, releases[0]) {
					set.Add(int32(x))
				}
			}
			possible = possible && set.Count() > 0
			t.members = append(t.members, wcsp.Member{Var: id, Set: set})
		}
		if possible {
			s.terms = append(s.terms, t)
		}
	}
}

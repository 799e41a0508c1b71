package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// score asks the pipeline for the terms of what was reached.
func (c *closure) score(ctx context.Context) error {
	c.single = make([][]*Term, len(c.projects))
	if c.problem.Pipeline == nil {
		return nil
	}
	var all []Candidates
	for _, p := range c.projects {
		if !p.known || p.skip != "" {
			continue
		}
		n := len(p.source.Releases)
		one := Candidates{Project: p.source, Direct: p.direct, Usable: NewReleases(n), Build: NewReleases(n)}
		for i := range n {
			if !p.reached.has(i) {
				continue
			}
			one.Usable.Add(i)
			if c.admit.builds(p.name, p.releases[i].Artifacts) {
				one.Build.Add(i)
			}
		}
		if !one.Usable.Empty() {
			all = append(all, one)
		}
	}
	var err error
	c.terms, err = termsOf(ctx, c.problem.Pipeline, all)
	for i := range c.terms {
		if t := &c.terms[i]; len(t.Members) == 1 {
			id := c.byName[t.Members[0].Project]
			c.single[id] = append(c.single[id], t)
		}
	}
	return err
}

// termsOf asks the pipeline for terms, checks that they fit the candidates, and
// puts them in an order that does not depend on the pipeline's.
func termsOf(ctx context.Context, pipeline Pipeline, candidates []Candidates) ([]Term, error) {
	terms, err := pipeline.Terms(ctx, candidates)
	if err != nil {
		return nil, err
	}
	sizes := map[py.Name]int{}
	for _, c := range candidates {
		sizes[c.Name] = len(c.Releases)
	}
	for i := range terms {
		t := &terms[i]
		if t.Tier > LastTier || len(t.Members) == 0 {
			return nil, fmt.Errorf("unit %s gives a term of tier %d with %d members", t.Unit, t.Tier, len(t.Members))
		}
		for n, m := range t.Members {
			size, ok := sizes[m.Project]
			if !ok || !fits(m.Releases, size) || slices.ContainsFunc(t.Members[:n], func(o Member) bool { return o.Project == m.Project }) {
				return nil, fmt.Errorf("unit %s gives a term whose member %s does not fit the candidates", t.Unit, m.Project)
			}
		}
		if !slices.IsSortedFunc(t.Members, compareMembers) {
			t.Members = slices.SortedFunc(slices.Values(t.Members), compareMembers)
		}
	}
	slices.SortFunc(terms, compareTerms)
	return terms, nil
}

func compareMembers(a, b Member) int {
	return cmp.Or(strings.Compare(string(a.Project), string(b.Project)), slices.Compare(a.Releases, b.Releases))
}

// compareTerms orders terms: those that outrank others, then the worse first.
func compareTerms(a, b Term) int {
	veto := func(t Term) int {
		if t.Veto {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(veto(a), veto(b)),
		cmp.Compare(a.Tier, b.Tier),
		cmp.Compare(a.Score, b.Score),
		strings.Compare(a.Unit, b.Unit),
		slices.CompareFunc(a.Members, b.Members, compareMembers),
	)
}

// guards reports whether the search avoids a term wherever it can.
func (t *Term) guards() bool { return !t.Veto && t.Tier < LastTier && t.Score < 0 }

// A standing is what is known of one project's releases by themselves and in
// company.
type standing struct {
	alone []Score  // by release
	pairs []*joint // terms of several members that it is one of, in the last tier
	terms []*Term  // all, vetoes first and then the weightiest
}

// A joint is a term of several members with the projects that they are.
type joint struct {
	*Term
	members []jointMember
}

type jointMember struct {
	project int
	set     Releases
}

// standings sums up the terms of each project.
func (c *closure) standings() []standing {
	all := make([]standing, len(c.projects))
	for i := range c.terms {
		t := &c.terms[i]
		for _, m := range t.Members {
			s := &all[c.byName[m.Project]]
			s.terms = append(s.terms, t)
		}
		if t.Veto {
			continue
		}
		if len(t.Members) == 1 {
			p := c.projects[c.byName[t.Members[0].Project]]
			s := &all[p.id]
			if s.alone == nil {
				s.alone = make([]Score, len(p.releases))
			}
			for r := range p.source.Releases {
				if t.Members[0].Releases.Has(r) {
					s.alone[r] = s.alone[r].Add(t)
				}
			}
			continue
		}
		if t.guards() {
			continue // the search avoids it, so it is no preference
		}
		j := &joint{Term: t}
		for _, m := range t.Members {
			id := c.byName[m.Project]
			j.members = append(j.members, jointMember{id, m.Releases})
			all[id].pairs = append(all[id].pairs, j)
		}
	}
	for id, p := range c.projects {
		for i := range p.releases {
			if in := p.releases[i].standIn; in != nil && all[id].alone != nil {
				all[id].alone[i] = all[id].alone[in.Release] // it is as old as what it stands in for
			}
		}
	}
	return all
}

// in reports whether release i of a project is in the member's set. Of those that
// stand in only a set of our own has any: the pipeline does not know them.
func (p *project) in(set Releases, i int) bool {
	if p.releases[i].standIn != nil {
		return i>>6 < len(set) && set.Has(i)
	}
	return set.Has(i)
}

// rank orders the releases of p that were reached: preferred first.
func (c *closure) rank(p *project, s *standing) []int {
	var order []int
	for _, i := range p.order {
		if p.reached.has(i) {
			order = append(order, i)
		}
	}
	if s.alone == nil {
		return order
	}
	last := func(i int) int {
		if c.admit.policy(p.name) == IfNecessary {
			return p.rankLast(i)
		}
		return 0
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(last(i), last(j)), s.alone[j].Compare(s.alone[i]))
	})
	return order
}

// A found stack is which projects it has.
type foundStack []bool

// inStack tells which projects a walk from the user's requirements meets.
func (e *engine) inStack() foundStack {
	in := make(foundStack, len(e.chosen))
	e.walk(func(p int) bool {
		in[p] = true
		return true
	})
	return in
}

// held returns the terms that hold of the stack that was found, and their sum.
func (e *engine) held(in foundStack) (terms []Term, sum Score) {
	for i := range e.closure.terms {
		if t := &e.closure.terms[i]; !t.Veto && e.holds(t, in, -1, -1) {
			terms = append(terms, *t)
			sum = sum.Add(t)
		}
	}
	return terms, sum
}

// holds reports whether a term holds of the stack, with release i of project p
// in place of the chosen one; p may be -1.
func (e *engine) holds(t *Term, in foundStack, p, i int) bool {
	for _, m := range t.Members {
		q := e.closure.byName[m.Project]
		if !in[q] {
			return false
		}
		r := i
		if q != p {
			r = e.cands[q][e.chosen[q]]
		}
		if !e.closure.projects[q].in(m.Releases, r) {
			return false
		}
	}
	return true
}

// worse returns the weightiest term that would hold with release i in place of
// the chosen one of p and does not hold now; nil if the stack would be no worse.
func (e *engine) worse(in foundStack, p, i int) *Term {
	var now, then Score
	var worst *Term
	for _, t := range e.standings[p].terms {
		a, b := e.holds(t, in, -1, -1), e.holds(t, in, p, i)
		if b && t.Veto {
			return t
		}
		if a {
			now = now.Add(t)
		}
		if b {
			then = then.Add(t)
		}
		if b && !a && worst == nil {
			worst = t
		}
	}
	if then.Compare(now) >= 0 {
		return nil
	}
	return worst
}

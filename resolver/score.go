package resolver

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// An asking is one of the two questions about terms.
type asking func(Pipeline, context.Context, []Candidates) ([]Term, error)

// score asks the pipeline for the terms of what was reached.
func (c *closure) score(ctx context.Context, ask asking) error {
	if pipeline := c.problem.Pipeline; pipeline != nil {
		var err error
		if c.terms, err = termsOf(ctx, pipeline, ask, c.candidates()); err != nil {
			return err
		}
	}
	c.index()
	return nil
}

// candidates returns what was reached of the known projects.
func (c *closure) candidates() []Candidates {
	var all []Candidates
	for _, p := range c.projects {
		if !p.known || p.skip != "" {
			continue
		}
		n := len(p.source.Releases)
		one := Candidates{Project: p.source, Direct: p.direct, Usable: NewReleases(n), Build: NewReleases(n)}
		for i := range p.reached.all() {
			if i >= n {
				break // what stands in is no release of its own
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
	return all
}

// index notes which terms are about which projects. There is a term for nearly
// every release, so it looks names up once.
func (c *closure) index() {
	c.first, c.about = make([]int32, len(c.terms)), make([][]int32, len(c.projects))
	members := func(f func(term, member, project int)) {
		last, id := py.Name(""), -1
		for i := range c.terms {
			for n, m := range c.terms[i].Members {
				if m.Project != last {
					last, id = m.Project, c.byName[m.Project]
				}
				f(i, n, id)
			}
		}
	}
	count, all := make([]int32, len(c.projects)), 0
	members(func(term, member, project int) {
		if member == 0 {
			c.first[term] = int32(project)
		}
		count[project]++
		all++
	})
	room := make([]int32, all)
	for p, n := range count {
		c.about[p], room = room[:0:n], room[n:]
	}
	members(func(term, _, project int) { c.about[project] = append(c.about[project], int32(term)) })
}

// termsOf asks the pipeline for terms and checks that they fit the candidates.
func termsOf(ctx context.Context, pipeline Pipeline, ask asking, candidates []Candidates) ([]Term, error) {
	terms, err := ask(pipeline, ctx, candidates)
	if err != nil {
		return nil, err
	}
	sizes := map[py.Name]int{}
	for _, c := range candidates {
		sizes[c.Name] = len(c.Releases)
	}
	var last py.Name // of the project that was looked up
	size, ok := 0, false
	for i := range terms {
		t := &terms[i]
		if t.Tier > LastTier || len(t.Members) == 0 {
			return nil, fmt.Errorf("unit %s gives a term of tier %d with %d members", t.Unit, t.Tier, len(t.Members))
		}
		for n, m := range t.Members {
			if m.Project != last {
				last = m.Project
				size, ok = sizes[last]
			}
			if !ok || !fits(m.Releases, size) || slices.ContainsFunc(t.Members[:n], func(o Member) bool { return o.Project == m.Project }) {
				return nil, fmt.Errorf("unit %s gives a term whose member %s does not fit the candidates", t.Unit, m.Project)
			}
		}
		if !slices.IsSortedFunc(t.Members, compareMembers) {
			t.Members = slices.SortedFunc(slices.Values(t.Members), compareMembers)
		}
	}
	return terms, nil
}

func compareMembers(a, b Member) int {
	return cmp.Or(strings.Compare(string(a.Project), string(b.Project)), slices.Compare(a.Releases, b.Releases))
}

// compareTerms orders terms: those that outrank others, then the worse first.
func compareTerms(a, b *Term) int {
	if c := cmp.Or(cmp.Compare(b2i(b.Veto), b2i(a.Veto)), cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Score, b.Score)); c != 0 {
		return c // as mostly
	}
	return cmp.Or(strings.Compare(a.Unit, b.Unit), slices.CompareFunc(a.Members, b.Members, compareMembers))
}

// in reports whether release i of a project is in the member's set. Of those that
// stand in only a set of our own has any: the pipeline does not know them.
func (p *project) in(set Releases, i int) bool {
	if p.releases[i].standIn != nil {
		return i>>6 < len(set) && set.Has(i)
	}
	return set.Has(i)
}

// each calls f with the releases of a member's set, see in.
func (p *project) each(set Releases, f func(release int)) {
	if set == nil {
		for i := range p.releases {
			if p.releases[i].standIn == nil {
				f(i)
			}
		}
		return
	}
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			f(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// usable returns the releases of p that were reached: preferred first.
func (p *project) usable() []int {
	var order []int
	for _, i := range p.order {
		if p.reached.has(i) {
			order = append(order, i)
		}
	}
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
	c := e.closure
	var holding []int32
	for p := range in {
		if !in[p] {
			continue
		}
		for _, i := range c.about[p] {
			if c.first[i] == int32(p) && !c.terms[i].Veto && e.holds(i, in, -1, -1) {
				holding = append(holding, i)
			}
		}
	}
	slices.Sort(holding)
	for _, i := range holding {
		terms = append(terms, c.terms[i])
		sum = sum.Add(&c.terms[i])
	}
	slices.SortFunc(terms, func(a, b Term) int { return compareTerms(&a, &b) })
	return terms, sum
}

// holds reports whether a term holds of the stack, with release i of project p in
// place of the chosen one; p may be -1.
func (e *engine) holds(term int32, in foundStack, p, i int) bool {
	q := int(e.closure.first[term])
	for n, m := range e.closure.terms[term].Members {
		if n > 0 {
			q = e.closure.byName[m.Project]
		}
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

// termsAbout returns the terms that a project is a member of, vetoes first and
// then the weightiest.
func (e *engine) termsAbout(p int) []int32 {
	terms := slices.Clone(e.closure.about[p])
	slices.SortFunc(terms, func(a, b int32) int { return compareTerms(&e.closure.terms[a], &e.closure.terms[b]) })
	return terms
}

// worse returns the weightiest term that would hold with release i in place of
// the chosen one of p and does not hold now; nil if the stack would be no worse.
func (e *engine) worse(in foundStack, p, i int) *Term {
	var now, then Score
	var worst *Term
	for _, n := range e.termsAbout(p) {
		t := &e.closure.terms[n]
		a, b := e.holds(n, in, -1, -1), e.holds(n, in, p, i)
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

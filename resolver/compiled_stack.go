package resolver

import (
	"cmp"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A Reader reads assignments of a compiled network as stacks without searching
// again what a Report tells. It is for one goroutine.
type Reader struct {
	c       *Compiled
	vars    []readerVar // of projects, by name
	company []*spaceTerm
	stack   []Choice
	origin  []int32
}

// A readerVar is what is to be read of a project's variable.
type readerVar struct {
	v       int32
	choices []Choice // by release of the closure
	alone   []Score
	left    []bool // it is not in stacks: another stands in for it
	extras  []readerExtra
}

type readerExtra struct {
	v    int32
	name py.Name
}

// Reader returns a new reader.
func (c *Compiled) Reader() *Reader {
	s := c.mapping.space
	r := &Reader{c: c, origin: make([]int32, len(s.vars))}
	at := map[int]int{}
	for v := range s.vars {
		p := s.closure.projects[s.vars[v].project]
		if e := s.vars[v].extra; e >= 0 {
			k := at[p.id]
			r.vars[k].extras = append(r.vars[k].extras, readerExtra{int32(v), p.extras[e]})
			continue
		}
		at[p.id] = len(r.vars)
		r.vars = append(r.vars, s.readerVar(p, int32(v)))
	}
	slices.SortFunc(r.vars, func(a, b readerVar) int {
		return cmp.Compare(s.closure.projects[s.vars[a.v].project].name, s.closure.projects[s.vars[b.v].project].name)
	})
	for i := range s.terms {
		if !s.terms[i].Veto {
			r.company = append(r.company, &s.terms[i])
		}
	}
	return r
}

// readerVar reads what the releases of a project are by themselves.
func (s *space) readerVar(p *project, v int32) readerVar {
	r := readerVar{v: v, choices: make([]Choice, len(p.releases)), alone: make([]Score, len(p.releases)), left: make([]bool, len(p.releases))}
	for i, release := range p.releases {
		if r.left[i] = release.standIn != nil; r.left[i] {
			continue
		}
		r.choices[i] = Choice{
			Package: py.Package{Name: p.name, Version: release.Version},
			Release: release.Release,
			Direct:  p.direct,
			Build:   s.closure.admit.builds(p.name, release.Artifacts),
		}
	}
	for i, w := range s.alone[p.id] {
		for tier := range r.alone[i] {
			r.alone[i][tier] = w[levelOf(Tier(tier))]
		}
	}
	return r
}

// Stack returns the stack of a legal assignment, sorted by name, and its score.
// Member says which of the packages that a variable's value stands for it has,
// by their index in Members; where there are none it does not matter. The choices
// have no Via, Needs and Why, and are valid until the next call.
func (r *Reader) Stack(x []int32, member []int) ([]Choice, Score) {
	s := r.c.mapping.space
	for v, k := range x {
		r.origin[v] = r.c.mapping.values[v][k]
	}
	var sum Score
	r.stack = r.stack[:0]
	for i := range r.vars {
		p := &r.vars[i]
		value := r.origin[p.v]
		if value == 0 {
			continue
		}
		release := s.vars[p.v].values[value][member[p.v]]
		for tier, score := range p.alone[release] {
			sum[tier] += score
		}
		if p.left[release] {
			continue
		}
		c := p.choices[release]
		for _, e := range p.extras {
			if r.origin[e.v] > 0 {
				c.Extras = append(c.Extras, e.name)
			}
		}
		r.stack = append(r.stack, c)
	}
	for _, t := range r.company {
		holds := true
		for _, m := range t.members {
			if holds = m.Set.Has(r.origin[m.Var]); !holds {
				break
			}
		}
		if holds {
			sum = sum.Add(t.Term)
		}
	}
	return r.stack, sum
}

// ReportOf is Report with the members that Reader.Stack takes.
func (c *Compiled) ReportOf(x []int32, member []int) (*Report, error) {
	chosen := c.mapping.releases(c.mapping.origin(x))
	for v := range c.mapping.vars {
		s := &c.mapping.vars[v]
		if s.extra < 0 && chosen[s.project] >= 0 {
			chosen[s.project] = s.values[c.mapping.values[v][x[v]]][member[v]]
		}
	}
	return c.engine.reportOf(chosen)
}

package resolver

import (
	"fmt"
	"slices"
)

// terms adds the vetoes of the closure's terms.
func (t *tables) terms(explain bool) {
	members := map[string]lit{}
	var vetoes []*Term
	for i := range t.closure.terms {
		if term := &t.closure.terms[i]; term.Veto {
			vetoes = append(vetoes, term)
		}
	}
	// In an order that does not depend on the pipeline's, for explanations.
	slices.SortFunc(vetoes, compareTerms)
	for _, term := range vetoes {
		var unless []lit // one of the members is not there
		possible := true
		for _, m := range term.Members {
			l, some := t.member(members, m)
			possible = possible && some
			unless = append(unless, l.not())
		}
		if !possible {
			continue
		}
		if explain {
			s := t.variable(other, 0, 0)
			t.rules = append(t.rules, rule{selector: s, veto: term})
			unless = append(unless, s.not())
		}
		t.clause(unless...)
	}
}

// member returns a literal that holds if a release of m is chosen, and whether
// one can be. Without a release that is a candidate the literal means nothing.
func (t *tables) member(known map[string]lit, m Member) (l lit, some bool) {
	p := t.closure.projects[t.closure.byName[m.Project]]
	if m.Releases == nil {
		return t.present[p.id], true
	}
	var of []lit
	for k, i := range t.cands[p.id] {
		if p.in(m.Releases, i) {
			of = append(of, t.candidate(p.id, k))
		}
	}
	switch len(of) {
	case 0:
		return noLit, false
	case 1:
		return of[0], true
	}
	key := fmt.Sprint(p.id, m.Releases)
	if l, ok := known[key]; ok {
		return l, true
	}
	l = t.variable(other, p.id, 0)
	known[key] = l
	for _, c := range of {
		t.clause(c.not(), l)
	}
	return l, true
}

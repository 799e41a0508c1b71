package resolver

import "fmt"

// terms adds what the search must know of the closure's terms: vetoes as
// clauses, and for each term that is avoided a literal that it is paid.
func (t *tables) terms(explain bool) {
	members := map[string]lit{}
	for i := range t.closure.terms {
		term := &t.closure.terms[i]
		if !term.Veto && !term.guards() {
			continue
		}
		var paid []lit // unless one of the members is not there
		possible := true
		for _, m := range term.Members {
			l, some := t.member(members, m)
			possible = possible && some
			paid = append(paid, l.not())
		}
		if !possible {
			continue
		}
		switch {
		case term.Veto && explain:
			s := t.variable(other, 0, 0)
			t.rules = append(t.rules, rule{selector: s, veto: term})
			t.clause(append(paid, s.not())...)
		case term.Veto:
			t.clause(paid...)
		case len(paid) == 1:
			t.guards = append(t.guards, paid[0].not())
		default:
			g := t.variable(other, 0, 0)
			t.clause(append(paid, g)...)
			t.guards = append(t.guards, g)
		}
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

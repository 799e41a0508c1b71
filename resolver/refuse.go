package resolver

import "slices"

// refuse excludes a stack from what the closure's spaces have.
func (c *closure) refuse(chosen []int, in foundStack) {
	t := Term{Veto: true}
	for id, p := range c.projects {
		if in[id] {
			set := NewReleases(len(p.releases))
			set.Add(chosen[id])
			t.Members = append(t.Members, Member{p.name, set})
		}
	}
	c.refused = append(c.refused, t)
}

// refuse excludes the stack that was found from what the engine finds, and
// reports whether there may be others.
func (e *engine) refuse() bool {
	var clause []lit
	e.walk(func(p int) bool {
		clause = append(clause, e.candidate(p, e.chosen[p]).not())
		return true
	})
	e.undo(0)
	clause = slices.DeleteFunc(clause, func(l lit) bool { return e.truth(l) == -1 }) // for good, at level 0
	switch len(clause) {
	case 0:
		e.refuted = true
	case 1:
		e.fact(clause[0])
	default:
		e.add(clause)
	}
	return !e.refuted
}

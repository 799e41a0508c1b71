package resolver

import (
	"context"
	"slices"
)

// first looks for the first stack in the engine's order among those that avoid
// every guard that can be avoided: guards are taken in their order, and each is
// avoided if that is possible together with those before it.
//
// What comes out depends on the guards, their order and which stacks there are,
// and not on how the search went.
func (e *engine) first(ctx context.Context) (found bool, err error) {
	if found, _, err = e.search(ctx, nil); err != nil || !found {
		return found, err
	}
	if !slices.ContainsFunc(e.guards, func(g lit) bool { return e.truth(g) == 1 }) {
		return true, nil
	}
	e.undo(0)
	var avoided []lit // assumptions that have a stack together
	var open []lit
	seen := map[lit]bool{} // several terms may be paid by the same releases
	for _, g := range e.guards {
		if e.truth(g) == 0 && !seen[g] { // else it is paid, or avoided, in every stack
			seen[g] = true
			open = append(open, g.not())
		}
	}
	for {
		found, core, err := e.search(ctx, slices.Concat(avoided, open))
		if err != nil || found {
			return found, err
		}
		bad, err := e.culprit(ctx, avoided, open, core)
		if err != nil {
			return false, err
		}
		avoided = append(avoided, open[:bad]...)
		open = open[bad+1:]
	}
}

// culprit returns the place in open of the first assumption that has no stack
// together with all before it and with fixed. core is assumptions that have none.
func (e *engine) culprit(ctx context.Context, fixed, open, core []lit) (int, error) {
	for bad := len(open); ; {
		for bad--; bad > 0 && !slices.Contains(core, open[bad]); bad-- {
		}
		found, smaller, err := e.search(ctx, slices.Concat(fixed, open[:bad]))
		if err != nil || found || bad == 0 {
			return bad, err
		}
		core = smaller
	}
}

// bestInCompany is best for a project whose releases have terms with others.
func (e *engine) bestInCompany(p int) lit {
	project, s := e.closure.projects[p], &e.standings[p]
	last := func(i int) int {
		if e.closure.admit.policy(project.name) == IfNecessary {
			return project.rankLast(i)
		}
		return 0
	}
	best, bestScore, bestLast := noLit, Score{}, 0
	for k, i := range e.cands[p] {
		l := e.candidate(p, k)
		if e.truth(l) != 0 {
			continue
		}
		score, behind := e.worth(p, i, s), last(i)
		if best == noLit || behind < bestLast || behind == bestLast && score.Compare(bestScore) > 0 {
			best, bestScore, bestLast = l, score, behind
		}
	}
	if best == noLit {
		panic("resolver: a required project has no open candidate after propagation")
	}
	return best
}

// worth is the score of release i of p beside what is chosen before p.
func (e *engine) worth(p, i int, s *standing) Score {
	var score Score
	if s.alone != nil {
		score = s.alone[i]
	}
	for _, j := range s.pairs {
		holds := true
		for _, m := range j.members {
			if m.project == p {
				holds = holds && e.closure.projects[p].in(m.set, i)
				continue
			}
			k := e.chosen[m.project]
			holds = holds && k >= 0 && e.settled[m.project] == e.round &&
				e.closure.projects[m.project].in(m.set, e.cands[m.project][k])
		}
		if holds {
			score = score.Add(j.Term)
		}
	}
	return score
}

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

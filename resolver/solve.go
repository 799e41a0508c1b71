package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Solve finds the best stack, as the package comment describes it, and proves
// that it is.
//
// It fails with a *NoStackError if there provably is none, with an
// *UnknownError if knowledge is missing to tell, with a *GaveUpError if the search
// is too long to tell, with ctx's error if ctx ends before there is a stack, and
// with Knowledge's error if that fails.
func Solve(ctx context.Context, p *Problem, k Knowledge) (*Report, error) {
	return Search{}.Solve(ctx, p, k)
}

// Solve is the function of the same name with a search of one's own. If ctx ends
// once there is a stack, the report is of the best so far, and its Optimum says so.
func (s Search) Solve(ctx context.Context, p *Problem, k Knowledge) (*Report, error) {
	c, err := newClosure(ctx, p, k, noHope)
	if err != nil {
		return nil, err
	}
	r, refusals, err := s.accepted(ctx, newEngine(newTables(c, false)))
	ctx = context.WithoutCancel(ctx) // what is left is to say what was found
	switch {
	case err != nil:
		return nil, err
	case r != nil:
		if !c.complete() {
			err = doubt(ctx, k, r, c)
		}
		return r, err
	case len(refusals) > 0:
		return nil, &RefusedStacksError{refusals}
	}
	if c.complete() {
		return nil, conflict(ctx, c)
	}

	// Nothing that is known helps. There is no stack only if there is none even
	// with everything unknown at its most helpful.
	if c, err = newHopeful(ctx, k, c); err != nil {
		return nil, err
	}
	e := newEngine(newTables(c, false))
	found, _, err := e.search(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case found:
		return nil, e.unknown(e.report())
	}
	return nil, conflict(ctx, c)
}

// maxRefusals bounds how many finished stacks a pipeline may refuse.
const maxRefusals = 1000

// A RefusedStacksError says that there are stacks, and that the pipeline refuses
// each that was found: all there are, or maxRefusals.
type RefusedStacksError struct{ Refusals []string }

func (e *RefusedStacksError) Error() string {
	return fmt.Sprintf("%d stacks satisfy the requirements, but none was accepted: %s", len(e.Refusals), e.Refusals[len(e.Refusals)-1])
}

// accepted returns the best stack that the pipeline accepts, or nil, and why it
// refused those before it.
func (s Search) accepted(ctx context.Context, e *engine) (*Report, []string, error) {
	var refusals []string
	for {
		found, _, err := e.search(ctx, nil)
		if err != nil || !found {
			return nil, refusals, err
		}
		r, err := s.best(ctx, e)
		if err != nil || e.closure.problem.Pipeline == nil {
			return r, nil, err
		}
		refusal, err := e.closure.problem.Pipeline.Accept(context.WithoutCancel(ctx), r.Stack) // the best so far of an interrupted search is an answer
		if err != nil || refusal == "" {
			return r, refusals, err
		}
		refusals = append(refusals, refusal)
		e.closure.refuse(e.releases(), e.inStack())
		if len(refusals) == maxRefusals || !e.refuse() {
			return nil, refusals, nil
		}
	}
}

// best reports the best stack. The engine has found one: if terms score anything,
// what is best is searched from there, else that is it.
func (s Search) best(ctx context.Context, e *engine) (*Report, error) {
	c := e.closure
	scored := c.problem.Pipeline != nil && c.problem.Pipeline.Scores()
	if !scored && s.Count <= 1 {
		return e.report(), nil
	}
	sp := newSpace(c)
	chosen := e.releases()
	o, err := s.optimize(ctx, sp, sp.assign(chosen))
	if err != nil {
		return nil, err
	}
	if o.scored = scored; !scored {
		o.best = sp.assign(chosen) // the newest, of which nothing is to be proved
	}
	for {
		if scored {
			chosen = sp.releases(o.best)
		}
		r, err := e.reportOf(chosen)
		if err != nil {
			return nil, err
		}
		if scored {
			r.Optimum, r.search = &o.optimum, o
		}
		if s.Count <= 1 {
			return r, nil
		}
		better := false
		if r.Alternatives, better, err = s.alternatives(ctx, e, o, chosen); err != nil {
			return nil, err
		}
		r.AlternativesOpen = o.open
		if !better {
			_, err = e.reportOf(chosen) // the engine's stack is the best one again
			return r, err
		}
	}
}

// releases returns the chosen releases by project, -1 for none.
func (e *engine) releases() []int {
	chosen := make([]int, len(e.chosen))
	for p, k := range e.chosen {
		chosen[p] = -1
		if k >= 0 {
			chosen[p] = e.cands[p][k]
		}
	}
	return chosen
}

// reportOf reports the stack that has the given releases.
func (e *engine) reportOf(chosen []int) (*Report, error) {
	var assumptions []lit
	for p, i := range chosen {
		if i >= 0 {
			assumptions = append(assumptions, e.candidate(p, slices.Index(e.cands[p], i)))
		}
	}
	found, _, err := e.search(context.Background(), assumptions)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errors.New("what was found is no stack") // a fault of ours
	}
	return e.report(), nil
}

// complete reports whether nothing that is unknown could change the answer: a
// closure that reaches no unknown project and admits no unread release.
func (c *closure) complete() bool {
	for _, p := range c.projects {
		if !p.known {
			return false
		}
		for i := range p.releases {
			if v := p.releases[i].verdict; v == unread || v == opaque {
				return false
			}
		}
		for _, g := range p.groups {
			if len(g.barred) > 0 {
				return false
			}
		}
	}
	return true
}

package resolver

import (
	"context"
	"fmt"
)

// Solve finds the stack that the package comment describes.
//
// It fails with a *NoStackError if there provably is none, with an
// *UnknownError if knowledge is missing to tell, with a *GaveUpError if the search
// is too long to tell, with ctx's error if ctx ends first, and with Knowledge's
// error if that fails.
func Solve(ctx context.Context, p *Problem, k Knowledge) (*Report, error) {
	c, err := newClosure(ctx, p, k, noHope)
	if err != nil {
		return nil, err
	}
	r, refusals, err := newEngine(newTables(c, false)).accepted(ctx)
	switch {
	case err != nil:
		return nil, err
	case r != nil:
		if !c.complete() {
			err = doubt(ctx, p, k, r)
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
	if c, err = newClosure(ctx, p, k, fullHope); err != nil {
		return nil, err
	}
	e := newEngine(newTables(c, false))
	found, err := e.first(ctx)
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

// accepted returns the first stack that the pipeline accepts, or nil, and why it
// refused those before it.
func (e *engine) accepted(ctx context.Context) (*Report, []string, error) {
	var refusals []string
	for {
		found, err := e.first(ctx)
		if err != nil || !found {
			return nil, refusals, err
		}
		r := e.report()
		if e.closure.problem.Pipeline == nil {
			return r, nil, nil
		}
		refusal, err := e.closure.problem.Pipeline.Accept(ctx, r.Stack)
		if err != nil || refusal == "" {
			return r, refusals, err
		}
		refusals = append(refusals, refusal)
		if len(refusals) == maxRefusals || !e.refuse() {
			return nil, refusals, nil
		}
	}
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

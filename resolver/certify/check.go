package certify

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver"
)

// A Finding is what a check found to be true.
type Finding struct {
	Status Status
	Worth  Worth  // of the stack
	Bound  *Bound // no stack is better, if the status is Within or Budget
	Steps  int    // of all stages

	// Open are the levels, ascending, at which there may be a stack that is better
	// there and equal before: none if the status is Optimal.
	Open []int

	// Unknown are projects and releases, sorted, that requirements reach and of
	// which too little is known to choose them. The finding is about what is
	// known; one of Infeasible holds whatever they are.
	Unknown []string
}

// A Fault says what of a certificate does not hold.
type Fault struct {
	Where string // such as "the stack" or "stage 1 (level 7), step 12"
	Why   string
}

func (f *Fault) Error() string { return f.Where + ": " + f.Why }

// Check checks a certificate for a problem on the raw knowledge. A *Fault says
// that a claim is not true or not proved; other errors are the knowledge's, the
// pipeline's and ctx's.
func Check(ctx context.Context, c *Certificate, p *resolver.Problem, k resolver.Knowledge) (*Finding, error) {
	if err := c.validate(); err != nil {
		return nil, &Fault{"the file", err.Error()}
	}
	w, err := explore(ctx, p, k, c.Status == Infeasible)
	if err != nil {
		return nil, err
	}
	m := newModel(w)
	if err := m.judge(ctx); err != nil {
		return nil, err
	}
	f := &Finding{Status: c.Status, Bound: c.Bound}
	slices.Sort(m.unknown)
	f.Unknown = slices.Compact(m.unknown)
	check := checking{model: m, ctx: ctx, certificate: c, finding: f}
	if c.Status == Infeasible {
		if err := check.infeasible(); err != nil {
			return nil, err
		}
		return f, nil
	}
	if f.Worth, err = m.stack(ctx, c.Stack); err != nil {
		return nil, &Fault{"the stack", err.Error()}
	}
	if got := f.Worth.score(); got != c.Score {
		return nil, &Fault{"the score", fmt.Sprintf("it is %v, not %v", got, c.Score)}
	}
	m.outrank()
	if err := check.levels(); err != nil {
		return nil, err
	}
	return f, nil
}

// A checking is a certificate under test.
type checking struct {
	*model
	ctx         context.Context
	certificate *Certificate
	finding     *Finding
}

// infeasible checks the one stage of a certificate that there is no stack.
func (c *checking) infeasible() error {
	if len(c.certificate.Stages) != 1 {
		return &Fault{"the file", fmt.Sprintf("that there is no stack takes one stage, not %d", len(c.certificate.Stages))}
	}
	s := &c.certificate.Stages[0]
	if s.Level != 0 || s.Weights != (Worth{}) || s.Target != -1 {
		return &Fault{stageName(0, s), "that there is no stack is proved of level 0, without weights and with target -1"}
	}
	c.outrank()
	return c.prove(0, &objective{})
}

// levels checks the stages, and that every level is proved that has to be.
func (c *checking) levels() error {
	worth, limit, last := c.finding.Worth, c.finding.Worth, Levels
	switch b := c.certificate.Bound; {
	case b != nil && b.Value < worth[b.Level]:
		return &Fault{"the bound", fmt.Sprintf("it is %d at level %d, but the stack has %d", b.Value, b.Level, worth[b.Level])}
	case b != nil:
		limit[b.Level], last = b.Value, b.Level+1
	case c.certificate.Status == Budget:
		last = 0
	}
	idle, topped := c.ceilings(&worth)
	var proved [Levels]bool
	for i := range c.certificate.Stages {
		s := &c.certificate.Stages[i]
		o, err := c.objective(s, &idle, &topped)
		var target int64
		if err == nil {
			target, err = o.target(&limit)
		}
		switch {
		case err != nil:
			return &Fault{stageName(i, s), err.Error()}
		case c.certificate.Bound != nil && s.Level >= last:
			return &Fault{stageName(i, s), "it is of a level after the bound's"}
		case target != s.Target:
			return &Fault{stageName(i, s), fmt.Sprintf("its target is %d, not %d", target, s.Target)}
		}
		if err := c.prove(i, o); err != nil {
			return err
		}
		// What an earlier level gains must outweigh what the later can lose.
		proved[s.Level] = true
		for l, loss := s.Level, target-o.of(&worth); l > 0 && !(o.closed[l] && c.sizes[l] > 0); l-- {
			loss += o.weights[l] * c.sizes[l]
			proved[l-1] = proved[l-1] || o.weights[l-1] > loss
		}
	}
	for l := range Levels {
		switch {
		case l >= last && !proved[l] && !topped[l]:
			c.finding.Open = append(c.finding.Open, l)
		case l < last && !proved[l] && !topped[l]:
			return &Fault{fmt.Sprintf("level %d", l), "nothing proves that no stack is better there"}
		}
	}
	return nil
}

// ceilings looks at what the values that can be could earn, level by level. It
// returns the levels that are idle (nothing can be earned, and the worth pays
// nothing), and those at which the worth is as much as could be: none of them
// needs a proof.
func (m *model) ceilings(worth *Worth) (idle, topped [Levels]bool) {
	n := m.newNetwork(&objective{})
	b := n.newBox()
	n.propagate(b, nil)
	var ceiling, earned Worth
	for v := range m.vars {
		for l := range ceiling {
			best := int64(none)
			b.of(v).each(func(x int) { best = max(best, m.alone[v][x][l]) })
			ceiling[l] += best
			earned[l] += max(0, best)
		}
	}
	for i := range m.terms {
		t := &m.terms[i]
		absent := func(k member) bool { return !b.of(k.variable).meets(k.values) }
		if !t.veto && t.score > 0 && !slices.ContainsFunc(t.members, absent) {
			ceiling[t.level] += t.score
			earned[t.level] += t.score
		}
	}
	for l := range idle {
		idle[l] = worth[l] == 0 && earned[l] == 0
		topped[l] = worth[l] >= ceiling[l]
	}
	return idle, topped
}

// objective returns what a stage proves.
func (c *checking) objective(s *Stage, idle, topped *[Levels]bool) (*objective, error) {
	o := &objective{weights: s.Weights}
	for l, w := range s.Weights {
		switch {
		case l > s.Level && w != 0, l == s.Level && w <= 0, w < 0:
			return nil, fmt.Errorf("the weight of level %d is %d", l, w)
		case l < s.Level && w == 0 && !topped[l]:
			return nil, fmt.Errorf("level %d has no weight, but more could be earned there, or less paid", l)
		}
		o.closed[l] = l < s.Level && w == 0 && idle[l]
	}
	return o, o.check(&c.sizes)
}

func stageName(i int, s *Stage) string { return fmt.Sprintf("stage %d (level %d)", i, s.Level) }

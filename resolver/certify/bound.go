package certify

import (
	"errors"
	"math"
)

// none is the best of nothing.
const none = math.MinInt64

// An evaluation is the dual bound of one box with the messages of one step
// (the local polytope's dual, Werner, 2007).
type evaluation struct {
	*network
	box      *box
	theta    [][]int64 // by variable and value: its score and its messages
	sum      int64     // of the factors' best residuals
	slack    [][]int64 // by variable and value, if values are to be fixed
	empty    bool      // a factor forbids whatever the box leaves
	overflow bool
}

var errOverflow = errors.New("its messages are too large to add up")

// received are the messages of a step to one factor, by variable; deltas are by
// value.
type received struct {
	table    *table
	many     *many
	messages map[int][]int64
}

// evaluate computes the bound of a box that is not empty, none if there is no
// stack in it; with fix, also how much less it is with a variable at a value.
func (n *network) evaluate(b *box, messages []received, fix bool) (*evaluation, int64, error) {
	e := &evaluation{network: n, box: b, theta: n.copies(n.unary)}
	if fix {
		e.slack = n.copies(nil)
	}
	told := map[*table]bool{}
	toldMany := map[*many]bool{}
	for i := range messages {
		r := &messages[i]
		for v, deltas := range r.messages {
			b.of(v).each(func(x int) { e.theta[v][x] = e.plus(e.theta[v][x], deltas[x]) })
		}
		if r.table != nil {
			told[r.table] = true
			r.table.bound(e, r.messages[r.table.a], r.messages[r.table.b])
		} else {
			toldMany[r.many] = true
			r.many.bound(e, r.messages)
		}
	}
	for _, t := range n.tables {
		if t.scores != nil && !told[t] && !t.fold(e) {
			t.bound(e, nil, nil)
		}
	}
	for _, g := range n.order {
		if !toldMany[g] {
			g.bound(e, nil)
		}
	}
	bound := e.sum
	for v := range n.vars {
		bound = e.plus(bound, e.top(v))
	}
	switch {
	case e.overflow:
		return nil, 0, errOverflow
	case e.empty:
		bound = none
	}
	return e, bound, nil
}

// copies returns a number for each variable and value: those given, or 0.
func (n *network) copies(of [][]int64) [][]int64 {
	size := 0
	for v := range n.vars {
		size += len(n.unary[v])
	}
	flat := make([]int64, size)
	all := make([][]int64, len(n.vars))
	for v := range all {
		k := len(n.unary[v])
		all[v], flat = flat[:k:k], flat[k:]
		if of != nil {
			copy(all[v], of[v])
		}
	}
	return all
}

// fix removes from the box the values with which the bound is below the limit,
// and returns the variables that lost some.
func (e *evaluation) fix(bound, limit int64) (changed []int, err error) {
	if e.empty {
		e.box.empty = true
		return nil, nil
	}
	for v := range e.vars {
		left := e.box.of(v)
		top, before := e.top(v), len(changed)
		left.each(func(x int) {
			s := e.slack[v][x]
			if s == none || e.plus(e.plus(bound, s), e.plus(e.theta[v][x], -top)) < limit {
				left.remove(x)
				if len(changed) == before {
					changed = append(changed, v)
				}
			}
		})
	}
	if e.overflow {
		return nil, errOverflow
	}
	return changed, nil
}

// plus adds, and notes if that overflows.
func (e *evaluation) plus(a, b int64) int64 {
	c := a + b
	if (a^c)&(b^c) < 0 {
		e.overflow = true
	}
	return c
}

// total adds a factor's best residual; none if the box leaves nothing that it
// allows.
func (e *evaluation) total(best int64) {
	if best == none {
		e.empty = true
		return
	}
	e.sum = e.plus(e.sum, best)
}

// top returns the best value of a variable.
func (e *evaluation) top(v int) int64 {
	best := int64(none)
	e.box.of(v).each(func(x int) { best = max(best, e.theta[v][x]) })
	return best
}

// credit gives a score to some values of a variable.
func (e *evaluation) credit(v int, values bitset, score int64) {
	left := e.box.of(v)
	values.each(func(x int) {
		if left.has(x) {
			e.theta[v][x] = e.plus(e.theta[v][x], score)
		}
	})
}

// best returns, by class, the best that what was taken from a factor leaves.
func (e *evaluation) best(classes []bitset, v int, taken []int64) []int64 {
	left := e.box.of(v)
	best := make([]int64, len(classes))
	for i, class := range classes {
		best[i] = none
		class.each(func(x int) {
			if left.has(x) {
				best[i] = max(best[i], -at0(taken, x))
			}
		})
	}
	return best
}

// at0 is a message's delta, 0 if there is no message.
func at0(deltas []int64, x int) int64 {
	if deltas == nil {
		return 0
	}
	return deltas[x]
}

// lose notes how much less than top a factor gives with a variable at each of
// some values: of is what the rest of the factor gives then.
func (e *evaluation) lose(v int, values bitset, taken []int64, of, top int64) {
	left := e.box.of(v)
	values.each(func(x int) {
		switch {
		case !left.has(x) || e.slack[v][x] == none || top == none:
		case of == none:
			e.slack[v][x] = none
		default:
			e.slack[v][x] = e.plus(e.slack[v][x], e.plus(e.plus(of, -at0(taken, x)), -top))
		}
	})
}

// loseSides is lose for a member: in and out are what the rest gives with it
// there.
func (e *evaluation) loseSides(m *member, messages map[int][]int64, in, out, top int64) {
	inside, outside := make(bitset, len(m.values)), make(bitset, len(m.values))
	e.box.of(m.variable).each(func(x int) {
		if m.values.has(x) {
			inside.add(x)
		} else {
			outside.add(x)
		}
	})
	e.lose(m.variable, inside, messages[m.variable], in, top)
	e.lose(m.variable, outside, messages[m.variable], out, top)
}

// side returns the best that a member leaves on either side.
func (e *evaluation) side(m *member, messages map[int][]int64) side {
	s := side{none, none}
	taken := messages[m.variable]
	e.box.of(m.variable).each(func(x int) {
		if m.values.has(x) {
			s.in = max(s.in, -at0(taken, x))
		} else {
			s.out = max(s.out, -at0(taken, x))
		}
	})
	return s
}

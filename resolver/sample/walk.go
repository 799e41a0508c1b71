package sample

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A walk goes through the stacks of a network box by box, depth first. At a
// node it looks for the first condition of a box that does not hold yet, and
// tries the values of a variable it is about. Conditions that hold do so in all
// of the subtree, so a node goes on where its parent stopped.
type walk struct {
	ctx   context.Context
	n     *wcsp.Network
	p     *wcsp.Propagator
	conds []cond
	after []int32     // go on behind this stack; nil once it has been passed
	box   func() bool // shown each box; false ends the walk
	nodes int
	err   error // of the context

	values []int32 // scratch of separable
	ref    []int64
	held   []bool
}

// A cond is a condition that a box must fulfil.
type cond struct {
	kind condKind
	of   int32 // variable, pair or group
	at   int32 // of a pair: the variable to branch on
}

type condKind uint8

const (
	decided   condKind = iota // a variable is present in all stacks, or in none
	separable                 // a pair allows all combinations, and its scores add up
	settled                   // at most one member of a group is open
)

// newWalk returns a walk, or nil if propagation shows that there is no stack.
func newWalk(ctx context.Context, n *wcsp.Network, after []int32) (*walk, error) {
	if after != nil && (len(after) != len(n.Vars) || !within(n, after) || !n.Legal(after)) {
		return nil, errors.New("what to go on after is not a stack of this network")
	}
	p, ok := wcsp.NewPropagator(n)
	if !ok {
		return nil, nil
	}
	w := &walk{ctx: ctx, n: n, p: p, conds: conditions(n), after: after, held: make([]bool, len(n.Vars))}
	widest := 0
	for v := range n.Vars {
		widest = max(widest, len(n.Vars[v].Unary))
	}
	w.values, w.ref = make([]int32, 0, widest), make([]int64, widest)
	return w, nil
}

// within reports whether each variable has the value that it is given.
func within(n *wcsp.Network, x []int32) bool {
	for v, k := range x {
		if k < 0 || int(k) >= len(n.Vars[v].Unary) {
			return false
		}
	}
	return true
}

// conditions lists what makes a box of a network, those about the variables
// with the most neighbours first: assigning them frees the most others.
func conditions(n *wcsp.Network) []cond {
	order, of := byDegree(n)
	done := make([]bool, len(n.Pairs))
	var all []cond
	for _, v := range order {
		if n.Vars[v].Optional {
			all = append(all, cond{kind: decided, of: v})
		}
		for _, k := range of[v] {
			if !done[k] {
				all = append(all, cond{separable, k, v})
				done[k] = true
			}
		}
	}
	for k := range n.Groups {
		all = append(all, cond{kind: settled, of: int32(k)})
	}
	return all
}

// byDegree returns the variables, those in the most pairs first, and the pairs
// of each.
func byDegree(n *wcsp.Network) (order []int32, of [][]int32) {
	of = make([][]int32, len(n.Vars))
	for k, p := range n.Pairs {
		of[p.A] = append(of[p.A], int32(k))
		of[p.B] = append(of[p.B], int32(k))
	}
	order = make([]int32, len(n.Vars))
	for v := range order {
		order[v] = int32(v)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(len(of[b]), len(of[a])) })
	return order, of
}

// run shows all boxes, those before the stack to go on after left out.
func (w *walk) run() error {
	w.node(0)
	return w.err
}

// node shows the boxes of a subtree in which the conditions before number at
// hold. It returns false if the walk is to end.
func (w *walk) node(at int) bool {
	if w.nodes++; w.nodes&255 == 0 {
		if w.err = w.ctx.Err(); w.err != nil {
			return false
		}
	}
	for ; at < len(w.conds); at++ {
		c := w.conds[at]
		switch c.kind {
		case decided:
			if w.p.Count(c.of) > 1 && w.p.Has(c.of, 0) {
				return w.split(c.of, at)
			}
		case separable:
			if !w.separable(&w.n.Pairs[c.of]) {
				return w.branch(c.at, at)
			}
		case settled:
			if v, ok := w.settled(&w.n.Groups[c.of]); !ok {
				return w.branch(v, at)
			}
		}
	}
	v, ok := w.founded()
	switch {
	case ok:
		return w.box()
	case v < 0:
		return true // a loop that nothing holds up: no stack is here
	}
	return w.branch(v, at)
}

// branch takes the values of a variable one by one.
func (w *walk) branch(v int32, at int) bool {
	mark := w.p.Mark()
	for x := range int32(len(w.n.Vars[v].Unary)) {
		if !w.p.Has(v, x) || w.after != nil && x < w.after[v] {
			continue
		}
		if w.p.Assign(v, x) && !w.node(at) {
			return false
		}
		w.p.Undo(mark)
	}
	return true
}

// split takes first the absence of a variable, then its presence.
func (w *walk) split(v int32, at int) bool {
	mark := w.p.Mark()
	if w.after == nil || w.after[v] == 0 {
		if w.p.Assign(v, 0) && !w.node(at) {
			return false
		}
		w.p.Undo(mark)
	}
	if w.p.Remove(v, 0) && !w.node(at) {
		return false
	}
	w.p.Undo(mark)
	return true
}

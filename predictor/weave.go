package predictor

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A weaver makes one stack of two. Where they differ falls into parts that have
// nothing to do with each other, of which it takes each from the better of the two:
// the best of as many stacks as there are choices (partition crossover; Tinós,
// Whitley and Chicano, 2015).
type weaver struct {
	n     *wcsp.Network
	off   []int32 // by tie: its first in ties; one more at the end
	ties  []int32 // variables that have to do with each other
	pairs []*wcsp.Pair
	cost  int64 // work of one stack
	loopy bool  // variables can hold each other up

	part []int32 // scratch: by variable, another of its part, or itself
	gain []int64 // scratch: by variable that stands for its part
	z    []int32
}

func newWeaver(n *wcsp.Network) *weaver {
	k := len(n.Vars)
	w := &weaver{n: n, off: []int32{0}, part: make([]int32, k), gain: make([]int64, k), z: make([]int32, k)}
	for i := range n.Pairs {
		p := &n.Pairs[i]
		w.tie(p.A, p.B)
		if scored(p) {
			w.pairs = append(w.pairs, p)
		}
	}
	var list []int32
	for i := range n.Groups {
		list = list[:0]
		for _, m := range n.Groups[i].Members {
			list = append(list, m.Var)
		}
		w.tie(list...)
	}
	for v := range n.Vars {
		// Who needs it and whether it is there go together, even if the two
		// stacks only differ in who it is that needs it.
		list = append(list[:0], int32(v))
		for _, s := range n.Vars[v].Supports {
			list = append(list, s.Var)
		}
		w.tie(list...)
	}
	w.cost = int64(len(w.ties)*3 + k*4 + len(w.pairs)*10)
	if w.loopy = loopy(n); w.loopy {
		w.cost += int64(len(n.Pairs) * 10)
	}
	return w
}

func (w *weaver) tie(vars ...int32) {
	w.ties = append(w.ties, vars...)
	w.off = append(w.off, int32(len(w.ties)))
}

// find returns the variable that stands for the part of v.
func (w *weaver) find(v int32) int32 {
	for w.part[v] != v {
		w.part[v] = w.part[w.part[v]]
		v = w.part[v]
	}
	return v
}

// best returns the best stack of the parts of two, of equal parts that of y. It is
// valid until the next call.
func (w *weaver) best(x, y []int32) []int32 {
	w.split(x, y)
	for v := range x {
		if x[v] != y[v] {
			unary := w.n.Vars[v].Unary
			w.gain[w.find(int32(v))] += unary[y[v]] - unary[x[v]]
		}
	}
	for _, p := range w.pairs {
		v := p.A
		if x[v] == y[v] {
			v = p.B
		}
		if x[v] != y[v] {
			before, _ := p.At(x[p.A], x[p.B])
			after, _ := p.At(y[p.A], y[p.B])
			w.gain[w.find(v)] += after - before
		}
	}
	for i := range w.n.Groups {
		g := &w.n.Groups[i]
		before, after := g.Holds(x), g.Holds(y)
		if g.Veto || before == after {
			continue
		}
		for _, m := range g.Members {
			if x[m.Var] == y[m.Var] {
				continue
			}
			if after {
				w.gain[w.find(m.Var)] += g.Score
			} else {
				w.gain[w.find(m.Var)] -= g.Score
			}
			break
		}
	}
	for v := range x {
		w.z[v] = x[v]
		if x[v] != y[v] && w.gain[w.find(int32(v))] >= 0 {
			w.z[v] = y[v]
		}
	}
	if w.loopy && !w.n.Legal(w.z) {
		// Each part alone holds up what is in a loop, together they do not.
		copy(w.z, x)
		if w.n.Score(y) >= w.n.Score(x) {
			copy(w.z, y)
		}
	}
	return w.z
}

// loopy reports whether variables can hold each other up.
func loopy(n *wcsp.Network) bool {
	free := make([]bool, len(n.Vars)) // of loops
	for more := true; more; {
		more = false
		for v := range n.Vars {
			if !free[v] && !slices.ContainsFunc(n.Vars[v].Supports, func(s wcsp.Support) bool { return !free[s.Var] }) {
				free[v], more = true, true
			}
		}
	}
	return slices.Contains(free, false)
}

// split finds the parts of where two stacks differ.
func (w *weaver) split(x, y []int32) {
	clear(w.gain)
	for v := range w.part {
		w.part[v] = int32(v)
	}
	for i, end := range w.off[1:] {
		first := int32(-1)
		for _, v := range w.ties[w.off[i]:end] {
			if x[v] == y[v] {
				continue
			}
			if r := w.find(v); first < 0 {
				first = r
			} else {
				w.part[r] = first
			}
		}
	}
}

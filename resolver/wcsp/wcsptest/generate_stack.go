package wcsptest

import (
	"math/rand/v2"

	"github.com/thamos/thamos/resolver/wcsp"
)

// stack returns a stack of a network in which supports come before what they
// hold up, or nil if a short search finds none: it takes the variables in order
// and keeps the values of the others arc consistent.
func stack(n *wcsp.Network, rng *rand.Rand) []int32 {
	s := newStacker(n)
	for range 8 {
		s.left = 4 * len(n.Vars)
		if x := s.search(s.domains(), 0, rng); x != nil {
			return x
		}
	}
	return nil
}

// A stacker looks for a stack.
type stacker struct {
	n     *wcsp.Network
	pairs [][]int32 // by variable
	left  int       // values that may still be tried
	x     []int32
}

func newStacker(n *wcsp.Network) *stacker {
	s := &stacker{n: n, pairs: make([][]int32, len(n.Vars)), x: make([]int32, len(n.Vars))}
	for i, p := range n.Pairs {
		s.pairs[p.A] = append(s.pairs[p.A], int32(i))
		s.pairs[p.B] = append(s.pairs[p.B], int32(i))
	}
	return s
}

// domains returns all values of all variables.
func (s *stacker) domains() []wcsp.Set {
	d := make([]wcsp.Set, len(s.n.Vars))
	for v := range d {
		d[v] = wcsp.NewSet(len(s.n.Vars[v].Unary))
		for k := range s.n.Vars[v].Unary {
			d[v].Add(int32(k))
		}
	}
	return d
}

// search tries the values of variable v and of those after it in any order; d is
// what is left of their values, and x has those before.
func (s *stacker) search(d []wcsp.Set, v int, rng *rand.Rand) []int32 {
	if v == len(d) {
		return s.x
	}
	values := len(s.n.Vars[v].Unary)
	lo, hi := 0, values
	if s.n.Vars[v].Optional {
		if lo = 1; !s.needed(v) {
			lo, hi = 0, 1
		}
	}
	for _, k := range rng.Perm(hi - lo) {
		k := int32(lo + k)
		if !d[v].Has(k) {
			continue
		}
		if s.left--; s.left < 0 {
			return nil
		}
		next := make([]wcsp.Set, len(d))
		for u := range d {
			next[u] = append(wcsp.Set(nil), d[u]...)
		}
		next[v] = wcsp.NewSet(values)
		next[v].Add(k)
		s.x[v] = k
		if s.consistent(next, int32(v)) {
			if x := s.search(next, v+1, rng); x != nil {
				return x
			}
		}
	}
	return nil
}

// needed reports whether the variables before v need it.
func (s *stacker) needed(v int) bool {
	for _, u := range s.n.Vars[v].Supports {
		if u.Need.Has(s.x[u.Var]) {
			return true
		}
	}
	return false
}

// consistent takes away what goes with no value of a neighbour, starting from
// variable v, and reports whether every variable has a value left.
func (s *stacker) consistent(d []wcsp.Set, v int32) bool {
	for queue := []int32{v}; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		for _, i := range s.pairs[v] {
			p := &s.n.Pairs[i]
			u := p.A + p.B - v
			left, before := wcsp.NewSet(len(s.n.Vars[u].Unary)), d[u].Count()
			for a := range int32(len(p.Row)) {
				if !d[p.A].Has(a) {
					continue
				}
				for _, r := range p.Rows[p.Row[a]] {
					for b := r.Lo; b < r.Hi; b++ {
						switch {
						case !d[p.B].Has(b):
						case u == p.B:
							left.Add(b)
						default:
							left.Add(a)
						}
					}
				}
			}
			if left.Count() == 0 {
				return false
			}
			if left.Count() < before {
				d[u] = left
				queue = append(queue, u)
			}
		}
	}
	return true
}

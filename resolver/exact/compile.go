package exact

import (
	"errors"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// check refuses what the contract of a network does not allow and the search
// relies on.
func check(n *wcsp.Network) error {
	for v := range n.Vars {
		x := &n.Vars[v]
		if len(x.Unary) == 0 {
			return fmt.Errorf("exact: variable %d has no values", v)
		}
		if !x.Optional && len(x.Supports) > 0 {
			return fmt.Errorf("exact: variable %d has supports and is not optional", v)
		}
		for _, s := range x.Supports {
			if n.Vars[s.Var].Optional && (s.Need.Has(0) || s.May.Has(0)) {
				return fmt.Errorf("exact: variable %d is supported by the absence of %d", v, s.Var)
			}
			if s.Var == int32(v) {
				return fmt.Errorf("exact: variable %d supports itself", v)
			}
		}
	}
	for i := range n.Pairs {
		if n.Pairs[i].A == n.Pairs[i].B {
			return errors.New("exact: a pair of one variable")
		}
	}
	return nil
}

// order returns the variables so that supports come first where no loop forbids
// it: a decoder that follows it knows whether a variable is needed.
func order(n *wcsp.Network) []int32 {
	wait := make([]int, len(n.Vars))
	outs := make([][]int32, len(n.Vars))
	for v := range n.Vars {
		for _, s := range n.Vars[v].Supports {
			wait[v]++
			outs[s.Var] = append(outs[s.Var], int32(v))
		}
	}
	done := make([]bool, len(n.Vars))
	list := make([]int32, 0, len(n.Vars))
	var ready []int32
	for v := range n.Vars {
		if wait[v] == 0 {
			ready = append(ready, int32(v))
		}
	}
	for len(list) < len(n.Vars) {
		if len(ready) == 0 { // a loop: the one that waits for fewest
			best := int32(-1)
			for v := range n.Vars {
				if !done[v] && (best < 0 || wait[v] < wait[best]) {
					best = int32(v)
				}
			}
			ready = append(ready, best)
		}
		v := ready[0]
		ready = ready[1:]
		if done[v] {
			continue
		}
		done[v] = true
		list = append(list, v)
		for _, w := range outs[v] {
			if wait[w]--; wait[w] == 0 && !done[w] {
				ready = append(ready, w)
			}
		}
	}
	return list
}

// compile makes a box of a network, of the values of within or, if it is nil,
// of all. No message has been sent yet.
func compile(n *wcsp.Network, within []wcsp.Set) *box {
	s := &shape{}
	b := &box{shape: s, x: make([]int32, len(n.Vars)), ub: -dead, from: -1}
	at := make([]int32, len(n.Vars)) // variable of the box
	index := make([][]int32, len(n.Vars))
	for _, v := range order(n) {
		at[v] = int32(len(s.vars))
		b.x[v] = -1
		x := &n.Vars[v]
		index[v] = make([]int32, len(x.Unary))
		lo := int32(len(b.b))
		for k, score := range x.Unary {
			index[v][k] = -1
			if within != nil && !within[v].Has(int32(k)) || x.Optional && k > 0 && len(x.Supports) == 0 {
				continue
			}
			index[v][k] = int32(len(b.b)) - lo
			b.b = append(b.b, score*wcsp.Scale)
			s.value = append(s.value, int32(k))
		}
		s.vars = append(s.vars, variable{orig: v, lo: lo, hi: int32(len(b.b))})
	}
	msgs := int32(0)
	room := func(k int) int32 {
		msgs += int32(k)
		return msgs - int32(k)
	}
	m := maker{left: make([][]int32, len(n.Vars))}
	s.pairs = make([]pair, 0, len(n.Pairs))
	for k := range n.Pairs {
		p := m.compilePair(&n.Pairs[k], index)
		p.index, p.i, p.j = int32(k), at[n.Pairs[k].A], at[n.Pairs[k].B]
		p.di, p.dj = room(int(p.rows)), room(int(p.cols))
		s.pairs = append(s.pairs, p)
	}
	classes := func(v int32, class func(x int32) uint8) []uint8 {
		lo, hi := s.slots(at[v])
		list := make([]uint8, hi-lo)
		for k := range list {
			list[k] = class(s.value[lo+int32(k)])
		}
		return list
	}
	for v := range n.Vars {
		x := &n.Vars[v]
		if !x.Optional || len(x.Supports) == 0 {
			continue
		}
		c := choice{factor: wcsp.Factor{Kind: wcsp.PresenceFactor, Index: int32(v)}, q: at[v], absent: index[v][0], dq: room(2)}
		for _, u := range x.Supports {
			c.members = append(c.members, member{v: at[u.Var], d: room(3), class: classes(u.Var, func(x int32) uint8 {
				switch {
				case u.Need.Has(x):
					return on
				case u.May.Has(x):
					return either
				}
				return off
			})})
		}
		s.choices = append(s.choices, c)
	}
	for k := range n.Groups {
		g := &n.Groups[k]
		c := choice{factor: wcsp.Factor{Kind: wcsp.GroupFactor, Index: int32(k)}, q: -1, absent: -1, none: g.Score * wcsp.Scale}
		if g.Veto {
			c.none = dead
		} else if g.Score == 0 {
			continue
		}
		for _, m := range merged(g.Members) {
			c.members = append(c.members, member{v: at[m.Var], d: room(3), class: classes(m.Var, func(x int32) uint8 {
				if m.Set.Has(x) {
					return off
				}
				return on
			})})
		}
		s.choices = append(s.choices, c)
	}
	s.sortPairs()
	b.d = make([]int64, msgs)
	s.link()
	s.price()
	b.fresh()
	return b
}

// merged returns members with each variable once.
func merged(ms []wcsp.Member) []wcsp.Member {
	var list []wcsp.Member
	for _, m := range ms {
		k := slices.IndexFunc(list, func(o wcsp.Member) bool { return o.Var == m.Var })
		if k < 0 {
			list = append(list, wcsp.Member{Var: m.Var, Set: slices.Clone(m.Set)})
			continue
		}
		for w := range list[k].Set {
			if w < len(m.Set) {
				list[k].Set[w] &= m.Set[w]
			} else {
				list[k].Set[w] = 0
			}
		}
	}
	return list
}

// sortPairs puts pairs in the order of their variables: what a sweep gathers in
// one factor the next passes on.
func (s *shape) sortPairs() {
	slices.SortStableFunc(s.pairs, func(p, q pair) int {
		pi, pj := min(p.i, p.j), max(p.i, p.j)
		qi, qj := min(q.i, q.j), max(q.i, q.j)
		if pi != qi {
			return int(pi - qi)
		}
		return int(pj - qj)
	})
}

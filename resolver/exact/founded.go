package exact

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// held says which variables of an assignment are present and held up from
// outside, and how many are present and are not.
func (z *search) held(x []int32) (up []bool, unheld int) {
	n := z.net
	up = make([]bool, len(x))
	var todo []int32
	for v := range n.Vars {
		if !n.Vars[v].Optional {
			up[v] = true
			todo = append(todo, int32(v))
		}
	}
	for len(todo) > 0 {
		u := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, h := range z.holds[u] {
			s := n.Vars[h.v].Supports[h.support]
			if x[h.v] != 0 && !up[h.v] && (s.Need.Has(x[u]) || s.May.Has(x[u])) {
				up[h.v] = true
				todo = append(todo, h.v)
			}
		}
	}
	for v := range n.Vars {
		if !up[v] && x[v] != 0 {
			unheld++
		}
	}
	return up, unheld
}

// A hold is a support seen from whom it is by.
type hold struct{ v, support int32 }

func holds(n *wcsp.Network) [][]hold {
	list := make([][]hold, len(n.Vars))
	for v := range n.Vars {
		for k, s := range n.Vars[v].Supports {
			list[s.Var] = append(list[s.Var], hold{int32(v), int32(k)})
		}
	}
	return list
}

// loopOf returns a smallest set of variables of an assignment that hold up only
// each other: all that some unheld variable hangs on.
func (z *search) loopOf(x []int32, up []bool) []int32 {
	var least []int32
	for v := range x {
		if up[v] || x[v] == 0 {
			continue
		}
		in := []int32{int32(v)}
		for k := 0; k < len(in); k++ {
			for _, s := range z.net.Vars[in[k]].Supports {
				if x[s.Var] != 0 && !slices.Contains(in, s.Var) && (s.Need.Has(x[s.Var]) || s.May.Has(x[s.Var])) {
					in = append(in, s.Var)
				}
			}
		}
		if least == nil || len(in) < len(least) {
			least = in
		}
	}
	slices.Sort(least)
	return least
}

// refute adds the loop formulas that forbid an unfounded assignment.
func (z *search) refute(x []int32, up []bool) {
	loop := z.loopOf(x, up)
	if !slices.ContainsFunc(z.loops, func(l []int32) bool { return slices.Equal(l, loop) }) {
		z.loops = append(z.loops, loop)
	}
}

// outside returns who holds up one of a loop from outside, by variable, with
// values of either kind.
func outside(n *wcsp.Network, loop []int32) []wcsp.Support {
	var list []wcsp.Support
	for _, v := range loop {
		for _, s := range n.Vars[v].Supports {
			if slices.Contains(loop, s.Var) {
				continue
			}
			k := slices.IndexFunc(list, func(o wcsp.Support) bool { return o.Var == s.Var })
			if k < 0 {
				k = len(list)
				list = append(list, wcsp.Support{Var: s.Var, Need: wcsp.NewSet(len(n.Vars[s.Var].Unary))})
			}
			for w := range s.Need {
				list[k].Need[w] |= s.Need[w]
			}
			for w := range s.May {
				list[k].Need[w] |= s.May[w]
			}
		}
	}
	slices.SortFunc(list, func(a, b wcsp.Support) int { return int(a.Var - b.Var) })
	return list
}

// addLoops adds the loop formulas that a box does not have yet.
func (z *search) addLoops(b *box) *box {
	if int(b.loops) == len(z.loops) {
		return b
	}
	s := *b.shape
	s.choices = slices.Clone(s.choices)
	b.shape = &s
	at := make([]int32, len(b.x))
	for v := range at {
		at[v] = -1
	}
	for v, o := range b.vars {
		at[o.orig] = int32(v)
	}
	for _, loop := range z.loops[b.loops:] {
		out := outside(z.net, loop)
		for _, v := range loop {
			b.addLoop(at, v, loop, out, z.big > 0)
		}
	}
	b.loops = int32(len(z.loops))
	b.link()
	b.price()
	b.fresh()
	z.fit(b.shape)
	return b
}

// addLoop adds the loop formula of one variable; if named even if there is nobody
// left to hold it up.
func (b *box) addLoop(at []int32, v int32, loop []int32, out []wcsp.Support, named bool) {
	c := choice{factor: wcsp.Factor{Kind: wcsp.LoopFactor, Index: v, Loop: loop}, q: at[v], absent: -1, loop: true}
	switch {
	case b.x[v] == 0:
		return
	case c.q < 0:
		c.none = dead
	default:
		lo, hi := b.slots(c.q)
		for k, x := range b.value[lo:hi] {
			if x == 0 {
				c.absent = int32(k)
			}
		}
		c.dq = int32(len(b.d))
		b.d = append(b.d, 0, 0)
	}
	for _, u := range out {
		if x := b.x[u.Var]; x >= 0 {
			if u.Need.Has(x) {
				return
			}
			continue
		}
		lo, hi := b.slots(at[u.Var])
		m := member{v: at[u.Var], d: int32(len(b.d)), class: make([]uint8, 0, hi-lo)}
		for _, x := range b.value[lo:hi] {
			e := uint8(off)
			if u.Need.Has(x) {
				e = on
			}
			m.class = append(m.class, e)
		}
		b.d = append(b.d, 0, 0, 0)
		c.members = append(c.members, m)
	}
	if len(c.members) == 0 && !named {
		if c.q < 0 {
			b.base = dead // nothing of the box is left
			return
		}
		b.kill(c.q, func(k int32) bool { return k != c.absent })
		return
	}
	b.choices = append(b.choices, c)
}

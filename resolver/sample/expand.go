package sample

import "github.com/thamos/thamos/resolver/wcsp"

// An Expansion is a network in which values that stand for several, which it
// cannot tell apart, are several values, each with the same score.
type Expansion struct {
	Network *wcsp.Network

	first [][]int32 // by variable and value before: its first value now; one more at the end
	of    [][]int32 // by variable and value now: the value before
}

// Expand makes the expansion of a network in which value x of variable v stands
// for size(v, x) values, at least one. A size of absence is not asked for.
func Expand(n *wcsp.Network, size func(v, x int32) int) *Expansion {
	e := &Expansion{Network: &wcsp.Network{}, first: make([][]int32, len(n.Vars)), of: make([][]int32, len(n.Vars))}
	for v := range n.Vars {
		for x := range int32(len(n.Vars[v].Unary)) {
			k := 1
			if x > 0 || !n.Vars[v].Optional {
				k = size(int32(v), x)
			}
			e.first[v] = append(e.first[v], int32(len(e.of[v])))
			for range k {
				e.of[v] = append(e.of[v], x)
			}
		}
		e.first[v] = append(e.first[v], int32(len(e.of[v])))
	}
	for v := range n.Vars {
		e.Network.Vars = append(e.Network.Vars, e.variable(int32(v), &n.Vars[v]))
	}
	for i := range n.Pairs {
		e.Network.Pairs = append(e.Network.Pairs, e.pair(&n.Pairs[i]))
	}
	for _, g := range n.Groups {
		members := make([]wcsp.Member, len(g.Members))
		for i, m := range g.Members {
			members[i] = wcsp.Member{Var: m.Var, Set: e.set(m.Var, m.Set)}
		}
		e.Network.Groups = append(e.Network.Groups, wcsp.Group{Members: members, Veto: g.Veto, Score: g.Score})
	}
	return e
}

// Origin fills values with a stack of the network before, and members with which
// of the values that each of them stands for the expansion's stack x has.
func (e *Expansion) Origin(x, values []int32, members []int) {
	for v, k := range x {
		values[v] = e.of[v][k]
		members[v] = int(k - e.first[v][values[v]])
	}
}

func (e *Expansion) variable(v int32, old *wcsp.Var) wcsp.Var {
	out := wcsp.Var{Optional: old.Optional, Unary: make([]int64, len(e.of[v]))}
	for k, x := range e.of[v] {
		out.Unary[k] = old.Unary[x]
	}
	for _, s := range old.Supports {
		t := wcsp.Support{Var: s.Var, Need: e.set(s.Var, s.Need)}
		if s.May != nil {
			t.May = e.set(s.Var, s.May)
		}
		out.Supports = append(out.Supports, t)
	}
	return out
}

func (e *Expansion) set(v int32, old wcsp.Set) wcsp.Set {
	s := wcsp.NewSet(len(e.of[v]))
	for k, x := range e.of[v] {
		if old.Has(x) {
			s.Add(int32(k))
		}
	}
	return s
}

func (e *Expansion) pair(old *wcsp.Pair) wcsp.Pair {
	p := wcsp.Pair{A: old.A, B: old.B, Row: make([]int32, len(e.of[old.A])), Rows: make([][]wcsp.Run, len(old.Rows))}
	for k, x := range e.of[old.A] {
		p.Row[k] = old.Row[x]
	}
	for i, row := range old.Rows {
		p.Rows[i] = make([]wcsp.Run, len(row))
		for j, r := range row {
			p.Rows[i][j] = wcsp.Run{Lo: e.first[old.B][r.Lo], Hi: e.first[old.B][r.Hi], Score: r.Score}
		}
	}
	return p
}

package wcsptest

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Shape says what a random network is like. The zero Shape has pairs only.
type Shape struct {
	Vars, Values int     // at most; at least 1
	Positive     bool    // some scores are bonuses
	Pairs        float64 // share of pairs of variables with a score of their own
	Groups       int     // at most
	Vetoes       bool
	Cycles       bool // supports may form loops
	May          bool // some supports allow presence without needing it
}

// Random returns a network whose variables need each other as projects do: the
// first are not optional, the others hang on supports.
func Random(rng *rand.Rand, s Shape) *wcsp.Network {
	n := &wcsp.Network{Vars: make([]wcsp.Var, 1+rng.IntN(s.Vars))}
	score := func() int64 {
		x := -rng.Int64N(6)
		if s.Positive && rng.IntN(3) == 0 {
			x = -x
		}
		return x
	}
	roots := 1 + rng.IntN(min(2, len(n.Vars)))
	for v := range n.Vars {
		x := &n.Vars[v]
		x.Optional = v >= roots
		x.Unary = make([]int64, 1+rng.IntN(s.Values))
		if x.Optional {
			x.Unary = append(x.Unary, 0)
		}
		for k := range x.Unary {
			if k > 0 || !x.Optional {
				x.Unary[k] = score()
			}
		}
	}
	type key struct{ a, b int }
	tables := map[key][][]*int64{} // by value of a and b; nil is forbidden
	table := func(a, b int) [][]*int64 {
		t, ok := tables[key{a, b}]
		if !ok {
			t = make([][]*int64, len(n.Vars[a].Unary))
			for i := range t {
				t[i] = make([]*int64, len(n.Vars[b].Unary))
				for j := range t[i] {
					t[i][j] = new(int64)
				}
			}
			tables[key{a, b}] = t
		}
		return t
	}
	for v := roots; v < len(n.Vars); v++ {
		for u := range n.Vars {
			if u == v || !s.Cycles && u > v || rng.IntN(3) == 0 {
				continue
			}
			sup := wcsp.Support{Var: int32(u), Need: wcsp.NewSet(len(n.Vars[u].Unary))}
			if s.May {
				sup.May = wcsp.NewSet(len(n.Vars[u].Unary))
			}
			for k := range n.Vars[u].Unary {
				if k == 0 && n.Vars[u].Optional {
					continue
				}
				switch {
				case rng.IntN(2) == 0:
					sup.Need.Add(int32(k))
					lo := rng.IntN(len(n.Vars[v].Unary))
					hi := lo + 1 + rng.IntN(len(n.Vars[v].Unary)-lo)
					for y := range n.Vars[v].Unary {
						if y == 0 || y < lo || y >= hi {
							if u < v {
								table(u, v)[k][y] = nil
							} else {
								table(v, u)[y][k] = nil
							}
						}
					}
				case s.May && rng.IntN(4) == 0:
					sup.May.Add(int32(k))
				}
			}
			n.Vars[v].Supports = append(n.Vars[v].Supports, sup)
		}
	}
	for b := range n.Vars {
		for a := range b {
			if rng.Float64() >= s.Pairs {
				continue
			}
			for i, row := range table(a, b) {
				for j := range row {
					here := (i > 0 || !n.Vars[a].Optional) && (j > 0 || !n.Vars[b].Optional)
					if row[j] == nil || !here || rng.IntN(2) == 0 {
						continue
					}
					*row[j] = score()
					if s.Vetoes && rng.IntN(8) == 0 {
						row[j] = nil
					}
				}
			}
		}
	}
	var keys []key
	for k := range tables {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y key) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	for _, k := range keys {
		p := wcsp.Pair{A: int32(k.a), B: int32(k.b)}
		for i, row := range tables[k] {
			var runs []wcsp.Run
			for j, c := range row {
				if c == nil {
					continue
				}
				if l := len(runs) - 1; l >= 0 && runs[l].Hi == int32(j) && runs[l].Score == *c {
					runs[l].Hi++
					continue
				}
				runs = append(runs, wcsp.Run{Lo: int32(j), Hi: int32(j) + 1, Score: *c})
			}
			p.Row = append(p.Row, int32(i))
			p.Rows = append(p.Rows, runs)
		}
		n.Pairs = append(n.Pairs, p)
	}
	if s.Groups > 0 && len(n.Vars) >= 3 {
		for range rng.IntN(s.Groups + 1) {
			g := wcsp.Group{Score: score(), Veto: s.Vetoes && rng.IntN(4) == 0}
			for _, v := range rng.Perm(len(n.Vars))[:3+rng.IntN(min(2, len(n.Vars)-2))] {
				m := wcsp.Member{Var: int32(v), Set: wcsp.NewSet(len(n.Vars[v].Unary))}
				for k := range n.Vars[v].Unary {
					if (k > 0 || !n.Vars[v].Optional) && rng.IntN(2) == 0 {
						m.Set.Add(int32(k))
					}
				}
				g.Members = append(g.Members, m)
			}
			n.Groups = append(n.Groups, g)
		}
	}
	return n
}

// Stacks returns every stack of a small network: best first, and of those with
// one score the lexicographically smaller first.
func Stacks(n *wcsp.Network) []wcsp.Stack {
	var all []wcsp.Stack
	x := make([]int32, len(n.Vars))
	for {
		if n.Legal(x) {
			all = append(all, wcsp.Stack{Values: slices.Clone(x), Score: n.Score(x)})
		}
		i := len(x) - 1
		for ; i >= 0; i-- {
			if x[i]++; int(x[i]) < len(n.Vars[i].Unary) {
				break
			}
			x[i] = 0
		}
		if i < 0 {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b wcsp.Stack) int { return cmp.Compare(b.Score, a.Score) })
	return all
}

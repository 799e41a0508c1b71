package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// A checker checks proofs of small networks as wcsp.Step says, the slow way.
type checker struct {
	net   *wcsp.Network
	limit int64
	proof wcsp.Proof
}

type values [][]bool // by variable and value

func (c *checker) check(in values) bool {
	if !c.propagate(in) && len(c.proof) > 0 && c.proof[0].Kind == wcsp.BoundStep {
		c.proof = c.proof[1:]
		return true
	}
	if len(c.proof) == 0 {
		return false
	}
	s := c.proof[0]
	c.proof = c.proof[1:]
	switch s.Kind {
	case wcsp.BoundStep:
		return c.bound(in, s.Messages) < c.limit
	case wcsp.FixStep:
		out := copied(in)
		for v := range in {
			for x, ok := range in[v] {
				if !ok {
					continue
				}
				one := copied(in)
				clear(one[v])
				one[v][x] = true
				out[v][x] = c.bound(one, s.Messages) >= c.limit
			}
		}
		return c.check(out)
	}
	with, without := copied(in), copied(in)
	for x := range in[s.Var] {
		if slices.Contains(s.Values, int32(x)) {
			without[s.Var][x] = false
		} else {
			with[s.Var][x] = false
		}
	}
	return c.check(with) && c.check(without)
}

func copied(in values) values {
	out := make(values, len(in))
	for v := range in {
		out[v] = slices.Clone(in[v])
	}
	return out
}

// propagate removes what pairs, presence and vetoes forbid; false if nothing is left.
func (c *checker) propagate(in values) bool {
	for {
		before := copied(in)
		for _, f := range c.factors() {
			if f.f.Kind == wcsp.GroupFactor && !c.net.Groups[f.f.Index].Veto {
				continue
			}
			seen := make([][]bool, len(f.vars))
			for k, v := range f.vars {
				seen[k] = make([]bool, len(in[v]))
			}
			c.each(in, f.vars, func(x []int32) {
				if _, ok := c.worth(f.f, x); ok {
					for k, v := range f.vars {
						seen[k][x[v]] = true
					}
				}
			})
			for k, v := range f.vars {
				copy(in[v], seen[k])
			}
		}
		if slices.EqualFunc(before, in, slices.Equal) {
			break
		}
	}
	for v := range in {
		if !slices.Contains(in[v], true) {
			return false
		}
	}
	return true
}

type scope struct {
	f    wcsp.Factor
	vars []int32
}

func (c *checker) factors() (list []scope) {
	for k := range c.net.Pairs {
		list = append(list, c.scope(wcsp.Factor{Kind: wcsp.PairFactor, Index: int32(k)}))
	}
	for k := range c.net.Groups {
		list = append(list, c.scope(wcsp.Factor{Kind: wcsp.GroupFactor, Index: int32(k)}))
	}
	for v := range c.net.Vars {
		if c.net.Vars[v].Optional {
			list = append(list, c.scope(wcsp.Factor{Kind: wcsp.PresenceFactor, Index: int32(v)}))
		}
	}
	return list
}

func (c *checker) scope(f wcsp.Factor) scope {
	s := scope{f: f}
	switch f.Kind {
	case wcsp.PairFactor:
		s.vars = []int32{c.net.Pairs[f.Index].A, c.net.Pairs[f.Index].B}
	case wcsp.GroupFactor:
		for _, m := range c.net.Groups[f.Index].Members {
			s.vars = append(s.vars, m.Var)
		}
	case wcsp.PresenceFactor:
		s.vars = append(s.vars, f.Index)
		for _, u := range c.net.Vars[f.Index].Supports {
			s.vars = append(s.vars, u.Var)
		}
	case wcsp.LoopFactor:
		s.vars = append(s.vars, f.Index)
		for _, v := range f.Loop {
			for _, u := range c.net.Vars[v].Supports {
				if !slices.Contains(f.Loop, u.Var) && !slices.Contains(s.vars, u.Var) {
					s.vars = append(s.vars, u.Var)
				}
			}
		}
	}
	return s
}

// worth is what a factor gives of an assignment.
func (c *checker) worth(f wcsp.Factor, x []int32) (int64, bool) {
	switch f.Kind {
	case wcsp.PairFactor:
		p := &c.net.Pairs[f.Index]
		s, ok := p.At(x[p.A], x[p.B])
		return s * wcsp.Scale, ok
	case wcsp.GroupFactor:
		g := &c.net.Groups[f.Index]
		if !g.Holds(x) {
			return 0, true
		}
		return g.Score * wcsp.Scale, !g.Veto
	case wcsp.PresenceFactor:
		need, may := false, false
		for _, u := range c.net.Vars[f.Index].Supports {
			need, may = need || u.Need.Has(x[u.Var]), may || u.May.Has(x[u.Var])
		}
		if x[f.Index] == 0 {
			return 0, !need
		}
		return 0, need || may
	}
	if x[f.Index] == 0 {
		return 0, true
	}
	for _, v := range f.Loop {
		for _, u := range c.net.Vars[v].Supports {
			if !slices.Contains(f.Loop, u.Var) && (u.Need.Has(x[u.Var]) || u.May.Has(x[u.Var])) {
				return 0, true
			}
		}
	}
	return 0, false
}

// each calls visit with every assignment of some variables in a box.
func (c *checker) each(in values, vars []int32, visit func(x []int32)) {
	x := make([]int32, len(in))
	var next func(k int)
	next = func(k int) {
		if k == len(vars) {
			visit(x)
			return
		}
		for y, ok := range in[vars[k]] {
			if ok {
				x[vars[k]] = int32(y)
				next(k + 1)
			}
		}
	}
	next(0)
}

func single(in []bool) int32 {
	at, n := -1, 0
	for x, ok := range in {
		if ok {
			at, n = x, n+1
		}
	}
	if n != 1 {
		return -1
	}
	return int32(at)
}

func (c *checker) bound(in values, messages []wcsp.Message) int64 {
	theta := make([][]int64, len(in))
	for v := range in {
		for _, u := range c.net.Vars[v].Unary {
			theta[v] = append(theta[v], u*wcsp.Scale)
		}
	}
	same := func(a, b wcsp.Factor) bool {
		return a.Kind == b.Kind && a.Index == b.Index && slices.Equal(a.Loop, b.Loop)
	}
	list := c.factors()
	for _, m := range messages {
		if !slices.ContainsFunc(list, func(s scope) bool { return same(s.f, m.Factor) }) {
			list = append(list, c.scope(m.Factor))
		}
		for x := range theta[m.Var] {
			theta[m.Var][x] += m.Deltas[x]
		}
	}
	sum := int64(0)
	for _, f := range list {
		var mine []wcsp.Message
		for _, m := range messages {
			if same(m.Factor, f.f) {
				mine = append(mine, m)
			}
		}
		if f.f.Kind == wcsp.PairFactor && len(mine) == 0 {
			a, b := f.vars[0], f.vars[1]
			if single(in[a]) < 0 {
				a, b = b, a
			}
			if x := single(in[a]); x >= 0 {
				full := make([]int32, len(in))
				full[a] = x
				any := false
				for y, ok := range in[b] {
					full[b] = int32(y)
					if w, may := c.worth(f.f, full); ok && may {
						theta[b][y] += w
						any = true
					} else if ok {
						theta[b][y] = dead
					}
				}
				if !any {
					return math.MinInt64
				}
				continue
			}
		}
		best := int64(math.MinInt64)
		c.each(in, f.vars, func(x []int32) {
			w, ok := c.worth(f.f, x)
			for _, m := range mine {
				w -= m.Deltas[x[m.Var]]
			}
			if ok {
				best = max(best, w)
			}
		})
		if best == math.MinInt64 {
			return best
		}
		sum += best
	}
	for v := range in {
		best := int64(math.MinInt64)
		for x, ok := range in[v] {
			if ok {
				best = max(best, theta[v][x])
			}
		}
		sum += best
	}
	return sum
}

func accepts(n *wcsp.Network, target int64, p wcsp.Proof) bool {
	c := checker{n, (target + 1) * wcsp.Scale, p}
	all := make(values, len(n.Vars))
	for v := range all {
		all[v] = slices.Repeat([]bool{true}, len(n.Vars[v].Unary))
	}
	return c.check(all) && len(c.proof) == 0
}

// TestProve has every proof of a random network accepted, none for less than the
// optimum, and none of a stack that there is.
func TestProve(t *testing.T) {
	rounds := 300
	if *deep {
		rounds = 10000
	}
	steps, refused, loops := 0, 0, 0
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 11))
		n := wcsptest.Random(rng, shapes(rng))
		if seed%5 == 0 {
			magnify(n)
		}
		all := wcsptest.Stacks(n)
		target := int64(-1)
		if len(all) > 0 {
			target = all[0].Score
			if p, err := Prove(t.Context(), n, target-1, 0); err == nil {
				t.Fatalf("seed %d: proved %d of a network with a stack of %d: %v", seed, target-1, target, p)
			}
		} else {
			for v := range n.Vars {
				clear(n.Vars[v].Unary)
			}
			for k := range n.Pairs {
				for r := range n.Pairs[k].Rows {
					for e := range n.Pairs[k].Rows[r] {
						n.Pairs[k].Rows[r][e].Score = 0
					}
				}
			}
			for k := range n.Groups {
				n.Groups[k].Score = 0
			}
		}
		p, err := Prove(t.Context(), n, target, 0)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !accepts(n, target, p) {
			t.Fatalf("seed %d: proof refused: %+v", seed, p)
		}
		steps += len(p)
		for _, s := range p {
			for _, m := range s.Messages {
				if m.Factor.Kind == wcsp.LoopFactor {
					loops++
				}
			}
		}
		if accepts(n, target, p[:len(p)-1]) {
			t.Fatalf("seed %d: accepted a proof without its end", seed)
		}
		for range 3 {
			q := mutate(rng, n, p)
			if len(all) > 0 && accepts(n, target-1, q) {
				t.Fatalf("seed %d: accepted %d of a network with a stack of %d", seed, target-1, target)
			}
			if !accepts(n, target, q) {
				refused++
			}
		}
	}
	if refused < rounds/4 || loops == 0 {
		t.Errorf("%d of %d broken proofs refused, %d messages of loop formulas", refused, 3*rounds, loops)
	}
}

// mutate breaks a proof somewhere.
func mutate(rng *rand.Rand, n *wcsp.Network, p wcsp.Proof) wcsp.Proof {
	q := slices.Clone(p)
	s := &q[rng.IntN(len(q))]
	switch {
	case s.Kind == wcsp.BranchStep:
		s.Values = []int32{rng.Int32N(int32(len(n.Vars[s.Var].Unary)))}
	case len(s.Messages) == 0:
		s.Kind = wcsp.BranchStep
	default:
		s.Messages = slices.Clone(s.Messages)
		m := &s.Messages[rng.IntN(len(s.Messages))]
		m.Deltas = slices.Clone(m.Deltas)
		m.Deltas[rng.IntN(len(m.Deltas))] += (rng.Int64N(9) - 4) * wcsp.Scale
	}
	return q
}

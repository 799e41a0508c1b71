package exact

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

var deep = flag.Bool("exact.deep", false, "compare with complete search at full depth")

// shapes are what random networks are like, from pairs only to everything.
func shapes(rng *rand.Rand) wcsptest.Shape {
	s := wcsptest.Shape{Vars: 3 + rng.IntN(5), Values: 1 + rng.IntN(4), Pairs: rng.Float64(), Groups: rng.IntN(4)}
	bit := func() bool { return rng.IntN(2) == 0 }
	s.Positive, s.Vetoes, s.Cycles, s.May = bit(), bit(), bit(), bit()
	return s
}

// TestOracle compares with complete search: the score, the canonical stack, and
// every bound that was ever shown, whatever the budget.
func TestOracle(t *testing.T) {
	rounds := 1500
	if *deep {
		rounds = 60000
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n := wcsptest.Random(rng, shapes(rng))
		if seed%5 == 0 {
			magnify(n)
		}
		want := wcsptest.Stacks(n)
		count := 1
		if seed%3 == 0 {
			count = 1 + rng.IntN(10)
		}
		agree(t, seed, n, want, wcsp.Request{Count: count})
		if seed%4 == 0 {
			for budget := int64(1); budget < 1<<20; budget *= 8 {
				agree(t, seed, n, want, wcsp.Request{Count: count, Budget: budget})
			}
		}
		if t.Failed() {
			return
		}
	}
}

// magnify makes scores about as large as they may be.
func magnify(n *wcsp.Network) {
	const by = 1 << 38
	for v := range n.Vars {
		for x := range n.Vars[v].Unary {
			n.Vars[v].Unary[x] *= by
		}
	}
	for k := range n.Pairs {
		for r := range n.Pairs[k].Rows {
			for e := range n.Pairs[k].Rows[r] {
				n.Pairs[k].Rows[r][e].Score *= by
			}
		}
	}
	for k := range n.Groups {
		n.Groups[k].Score *= by
	}
}

// agree searches and compares with all stacks.
func agree(t *testing.T, seed uint64, n *wcsp.Network, all []wcsp.Stack, r wcsp.Request) {
	t.Helper()
	best := int64(wcsp.None)
	if len(all) > 0 {
		best = all[0].Score
	}
	last := wcsp.Point{Best: wcsp.None, Bound: wcsp.Unbounded}
	r.Record = func(p wcsp.Point) {
		if p.Bound < best || p.Best > best || p.Best < last.Best || p.Bound > last.Bound || p.Work < last.Work {
			t.Errorf("seed %d: recorded %+v after %+v; the best is %d", seed, p, last, best)
		}
		last = p
	}
	got, err := Engine{}.Search(t.Context(), n, r)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return
	}
	if got.Bound < best {
		t.Errorf("seed %d, budget %d: bound %d is below %d", seed, r.Budget, got.Bound, best)
	}
	for _, s := range got.Stacks {
		if !n.Legal(s.Values) || n.Score(s.Values) != s.Score {
			t.Errorf("seed %d: %v is no stack of score %d", seed, s.Values, s.Score)
		}
	}
	switch {
	case got.Status == wcsp.Budget && r.Budget > 0:
	case len(all) == 0:
		if got.Status != wcsp.Infeasible || len(got.Stacks) > 0 {
			t.Errorf("seed %d: %+v, want nothing", seed, got)
		}
	default:
		want := all[:min(len(all), r.Count)]
		if got.Status != wcsp.Optimal || got.Bound != best || !slices.EqualFunc(got.Stacks, want, func(a, b wcsp.Stack) bool {
			return a.Score == b.Score && slices.Equal(a.Values, b.Values)
		}) {
			t.Errorf("seed %d, count %d: %+v, want %+v", seed, r.Count, got, want)
		}
	}
}

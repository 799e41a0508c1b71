package predictor

import (
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestWeave makes one stack of any two of small networks: it is a stack, no worse
// than either, and often better than both. Of two networks in one it is the best of
// each.
func TestWeave(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	shapes := []wcsptest.Shape{
		{Vars: 6, Values: 3, Positive: true, Pairs: 0.2, Groups: 2, Vetoes: true, Cycles: true, May: true},
		{Vars: 7, Values: 2, Positive: true, Pairs: 0.1, Cycles: true},
		{Vars: 6, Values: 3, Pairs: 0.2, Groups: 1},
	}
	better, loops := 0, 0
	for round := range 3000 {
		n := wcsptest.Random(rng, shapes[round%len(shapes)])
		all := wcsptest.Stacks(n)
		if len(all) < 2 {
			continue
		}
		w := newWeaver(n)
		if w.loopy {
			loops++
		}
		for range 40 {
			x, y := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
			z := w.best(x.Values, y.Values)
			if !n.Legal(z) {
				t.Fatalf("round %d: %v and %v become %v, which is no stack", round, x.Values, y.Values, z)
			}
			if n.Score(z) < max(x.Score, y.Score) {
				t.Fatalf("round %d: %v and %v become %v, which is worth %d, not %d or %d", round, x.Values, y.Values, z, n.Score(z), x.Score, y.Score)
			}
			for v := range z {
				if z[v] != x.Values[v] && z[v] != y.Values[v] {
					t.Fatalf("round %d: %v and %v become %v", round, x.Values, y.Values, z)
				}
			}
			if n.Score(z) > max(x.Score, y.Score) {
				better++
			}
		}
	}
	if better < 300 || loops < 100 {
		t.Errorf("%d of two were better than both, %d networks had loops", better, loops)
	}
	two := &wcsp.Network{Vars: make([]wcsp.Var, 4), Pairs: []wcsp.Pair{
		{A: 0, B: 1, Row: []int32{0, 1}, Rows: [][]wcsp.Run{{{Lo: 0, Hi: 1, Score: 3}}, {{Lo: 1, Hi: 2, Score: 5}}}},
		{A: 2, B: 3, Row: []int32{0, 1}, Rows: [][]wcsp.Run{{{Lo: 0, Hi: 1, Score: 7}}, {{Lo: 1, Hi: 2, Score: 2}}}},
	}}
	for v := range two.Vars {
		two.Vars[v].Unary = make([]int64, 2)
	}
	if z := newWeaver(two).best([]int32{0, 0, 0, 0}, []int32{1, 1, 1, 1}); two.Score(z) != 12 {
		t.Errorf("%v is worth %d, want 12", z, two.Score(z))
	}
}

package exact

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestBound has no bound below the optimum, whatever the work.
func TestBound(t *testing.T) {
	tight := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		n := wcsptest.Random(rng, shapes(rng))
		best := int64(wcsp.None)
		if all := wcsptest.Stacks(n); len(all) > 0 {
			best = all[0].Score
		}
		for _, work := range []int64{1, 100, 1000, 0} {
			got, err := Bound(t.Context(), n, work)
			if err != nil || got < best {
				t.Fatalf("seed %d: Bound with %d is %d (%v), the best %d", seed, work, got, err, best)
			}
			if got == best {
				tight++
			}
		}
	}
	if tight < 300 {
		t.Errorf("%d of 1200 bounds are tight", tight)
	}
}

// TestPrior has a value of each variable at 0, none above, and no value of a
// stack ruled out.
func TestPrior(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 6))
		n := wcsptest.Random(rng, shapes(rng))
		all := wcsptest.Stacks(n)
		got, err := Prior(n, 10000)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			for v, x := range s.Values {
				if got[v][x] == wcsp.None || got[v][x] > 0 {
					t.Fatalf("seed %d: value %d of variable %d has %d, but is in a stack", seed, x, v, got[v][x])
				}
			}
		}
	}
}

// TestEnds has a search that cannot go on say so.
func TestEnds(t *testing.T) {
	n := wcsptest.Generate(1, 40, 0.05)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := Engine{}.Search(ctx, n, wcsp.Request{})
	if err != nil || got.Status != wcsp.Interrupted || got.Bound != wcsp.Unbounded {
		t.Errorf("a search whose context is over: %+v, %v", got, err)
	}
	best, err := Engine{}.Search(t.Context(), n, wcsp.Request{})
	if err != nil || best.Status != wcsp.Optimal {
		t.Fatal(best.Status, err)
	}
	got, err = Engine{}.Search(t.Context(), n, wcsp.Request{Budget: 1000, Known: [][]int32{{1}, best.Stacks[0].Values}})
	if err != nil || len(got.Stacks) != 1 || got.Stacks[0].Score != best.Stacks[0].Score {
		t.Errorf("a search that was given the best stack: %+v, %v", got, err)
	}
	if _, err := (Engine{}).Search(t.Context(), &wcsp.Network{Vars: []wcsp.Var{{}}}, wcsp.Request{}); err == nil {
		t.Error("a variable without values passed")
	}
}

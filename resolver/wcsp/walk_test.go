package wcsp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// begin returns a walker on a first stack, nil if there is none.
func begin(t testing.TB, n *wcsp.Network, rng *rand.Rand) *wcsp.Walker {
	x, err := wcsp.FirstStack(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	if x == nil {
		return nil
	}
	p, _ := wcsp.NewPropagator(n)
	w := wcsp.NewWalker(p, rng)
	w.Load(x)
	return w
}

// stroll walks and checks every step against the network.
func stroll(t *testing.T, n *wcsp.Network, w *wcsp.Walker, rng *rand.Rand, steps int) (seen map[string]bool) {
	seen = map[string]bool{}
	var before []int32
	for range steps {
		x, score := w.Stack()
		before = append(before[:0], x...)
		gain, ok := w.Try()
		if ok {
			x, now := w.Stack()
			if !n.Legal(x) {
				t.Fatalf("from %v to %v, which is no stack", before, x)
			}
			if now != n.Score(x) || gain != now-score {
				t.Fatalf("%v is worth %d, not %d; gain %d from %d", x, n.Score(x), now, gain, score)
			}
			seen[fmt.Sprint(x)] = true
			if rng.IntN(3) > 0 {
				w.Keep()
				continue
			}
			w.Undo()
		}
		if x, now := w.Stack(); !slices.Equal(x, before) || now != score {
			t.Fatalf("back at %v worth %d, not at %v worth %d", x, now, before, score)
		}
	}
	return seen
}

// TestWalkerWalks asks that a walker only visits stacks, knows what they are worth,
// goes back exactly, and gets around: it sees most stacks of small networks.
func TestWalkerWalks(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	visited, stacks := 0, 0
	for round := range 3000 {
		n := random(rng, round)
		w := begin(t, n, rng)
		if w == nil {
			continue
		}
		visited += len(stroll(t, n, w, rng, 100))
		if round%10 == 0 {
			all := min(len(wcsptest.Stacks(n)), 60)
			stacks += all * 10
		}
	}
	if visited < stacks/2 {
		t.Errorf("visited about %d of %d stacks", visited, stacks)
	}
	for seed := range uint64(2) {
		n := wcsptest.Generate(seed, 60, 0.2)
		if w := begin(t, n, rng); len(stroll(t, n, w, rng, 3000)) < 1000 {
			t.Errorf("seed %d: the walker hardly moves", seed)
		}
	}
	// several words
	n := pigeons(70, 100)
	if w := begin(t, n, rng); len(stroll(t, n, w, rng, 1000)) < 300 {
		t.Error("the walker hardly moves among pigeons")
	}
}

// TestWalkerLoops has a loop that somebody before it does not let go: the third
// and fourth hold each other up, the second holds them up with 1, and the first
// forbids with 1 that the fourth is absent.
func TestWalkerLoops(t *testing.T) {
	one := wcsp.Set{2}
	n := &wcsp.Network{
		Vars: []wcsp.Var{
			{Unary: make([]int64, 2)},
			{Unary: make([]int64, 2)},
			{Unary: make([]int64, 2), Optional: true, Supports: []wcsp.Support{{Var: 1, Need: one}, {Var: 3, Need: one}}},
			{Unary: make([]int64, 2), Optional: true, Supports: []wcsp.Support{{Var: 2, Need: one}}},
		},
		Pairs: []wcsp.Pair{{A: 0, B: 3, Row: []int32{0, 1}, Rows: [][]wcsp.Run{{{Lo: 0, Hi: 2}}, {{Lo: 1, Hi: 2}}}}},
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if seen := stroll(t, n, begin(t, n, rng), rng, 1000); len(seen) != 3 {
		t.Errorf("visited %v, want all 3 stacks", seen)
	}
}

// TestWalkerAllocates asks that moves allocate nothing.
func TestWalkerAllocates(t *testing.T) {
	n := wcsptest.Generate(1, 40, 0.1)
	w := begin(t, n, rand.New(rand.NewPCG(1, 1)))
	if got := testing.AllocsPerRun(1000, func() {
		if gain, ok := w.Try(); ok && gain >= 0 {
			w.Keep()
		} else if ok {
			w.Undo()
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkWalk walks at random, and reports proposals and accepted moves.
func BenchmarkWalk(b *testing.B) {
	for _, packages := range []int{40, 150, 300} {
		for _, rule := range []struct {
			name   string
			accept func(gain int64) bool
		}{{"free", func(int64) bool { return true }}, {"climbing", func(gain int64) bool { return gain >= 0 }}} {
			b.Run(fmt.Sprint(rule.name, "/", packages), func(b *testing.B) {
				w := begin(b, wcsptest.Generate(1, packages, 0.05), rand.New(rand.NewPCG(1, 1)))
				moves, kept := 0, 0
				for b.Loop() {
					moves++
					if gain, ok := w.Try(); ok && rule.accept(gain) {
						kept++
						w.Keep()
					} else if ok {
						w.Undo()
					}
				}
				b.ReportMetric(float64(moves)/b.Elapsed().Seconds()/1e6, "Mproposals/s")
				b.ReportMetric(float64(kept)/b.Elapsed().Seconds()/1e6, "Maccepted/s")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(w.Stats().Work), "ns/work")
			})
		}
	}
}

package wcsp_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// strollBlocks moves blocks and single variables, some with a variable pinned, and
// checks every step against the network. It returns how many blocks moved.
func strollBlocks(t *testing.T, n *wcsp.Network, w *wcsp.Walker, rng *rand.Rand, steps int, heat float64) (moved int) {
	w.Heat(heat)
	var before []int32
	for step := range steps {
		x, score := w.Stack()
		before = append(before[:0], x...)
		if w.Pinned = -1; rng.IntN(3) == 0 {
			w.Pinned = int32(rng.IntN(len(x)))
		}
		var gain int64
		var ok bool
		switch single := step%4 == 0; {
		case single && w.Pinned < 0:
			gain, ok = w.TryAt(int32(rng.IntN(len(x))), step%8 == 0)
		case single:
			gain, ok = w.Try()
		default:
			if gain, ok = w.TryBlock(int32(rng.IntN(len(x)+1))-1, 1+rng.IntN(len(x))); ok {
				moved++
			}
			if gain < 0 && heat == 0 {
				t.Fatalf("a block lost %d without heat", -gain)
			}
		}
		if ok {
			x, now := w.Stack()
			moved := w.Moved(nil)
			for v := range x {
				if x[v] != before[v] && !slices.Contains(moved, int32(v)) {
					t.Fatalf("from %v to %v, only %v moved", before, x, moved)
				}
			}
			if !n.Legal(x) {
				t.Fatalf("from %v to %v, which is no stack", before, x)
			}
			if now != n.Score(x) || gain != now-score {
				t.Fatalf("%v is worth %d, not %d; gain %d from %d", x, n.Score(x), now, gain, score)
			}
			if p := w.Pinned; p >= 0 && x[p] != before[p] {
				t.Fatalf("from %v to %v, though %d is pinned", before, x, p)
			}
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
	return moved
}

// TestWalkerBlocks asks that blocks only move to stacks, know what they are worth,
// go back exactly, leave alone what is pinned, and lose nothing without heat.
func TestWalkerBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	for round := range 3000 {
		n := random(rng, round)
		if w := begin(t, n, rng); w != nil {
			strollBlocks(t, n, w, rng, 100, float64(round%2*3))
		}
	}
	for seed := range uint64(2) {
		n := wcsptest.Generate(seed, 60, 0.2)
		if moved := strollBlocks(t, n, begin(t, n, rng), rng, 2000, 3000); moved < 1000 {
			t.Errorf("seed %d: blocks hardly move", seed)
		}
	}
	// several words
	n := pigeons(70, 100)
	strollBlocks(t, n, begin(t, n, rng), rng, 500, 3)
}

// TestWalkerBlocksOptimal has one block move find the best stack of a network that
// is a tree, from any stack.
func TestWalkerBlocksOptimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 3))
	for round := range 500 {
		n := &wcsp.Network{}
		for v := range int32(6) {
			values := 2 + rng.IntN(3)
			x := wcsp.Var{Unary: make([]int64, values)}
			for y := range x.Unary {
				x.Unary[y] = rng.Int64N(20)
			}
			if v > 0 {
				u := rng.Int32N(v)
				p := wcsp.Pair{A: u, B: v}
				for a := range n.Vars[u].Unary {
					p.Row = append(p.Row, int32(a))
					var row []wcsp.Run
					for b := range int32(values) {
						if rng.IntN(4) > 0 || b == 0 { // value 0 goes with all
							row = append(row, wcsp.Run{Lo: b, Hi: b + 1, Score: int64(a) + rng.Int64N(3)*int64(rng.IntN(30)-10)})
						}
					}
					p.Rows = append(p.Rows, row)
				}
				if rng.IntN(2) == 0 && !n.Vars[u].Optional {
					need := wcsp.NewSet(len(n.Vars[u].Unary))
					need.Add(1)
					x.Optional, x.Supports = true, []wcsp.Support{{Var: u, Need: need}}
				}
				n.Pairs = append(n.Pairs, p)
			}
			n.Vars = append(n.Vars, x)
		}
		all := wcsptest.Stacks(n)
		if len(all) < 2 {
			continue
		}
		p, _ := wcsp.NewPropagator(n)
		w := wcsp.NewWalker(p, rng)
		w.Heat(0)
		from := all[rng.IntN(len(all))].Values
		w.Load(all[0].Values)
		w.Goto(from)
		if x, _ := w.Stack(); !slices.Equal(x, from) {
			t.Fatalf("went to %v, not to %v", x, from)
		}
		if _, ok := w.TryBlock(-1, 6); ok {
			w.Keep()
		}
		if x, score := w.Stack(); score < all[0].Score && connected(p, len(n.Vars)) {
			t.Fatalf("round %d: from %v to %v worth %d, the best is %v", round, from, x, score, all[0])
		}
	}
}

// connected reports whether all variables have a choice, so that they are one tree.
func connected(p *wcsp.Propagator, vars int) bool {
	for v := range int32(vars) {
		if p.Count(v) == 1 {
			return false
		}
	}
	return true
}

// TestWalkerBlocksAllocate asks that block moves allocate nothing.
func TestWalkerBlocksAllocate(t *testing.T) {
	n := wcsptest.Generate(1, 40, 0.1)
	w := begin(t, n, rand.New(rand.NewPCG(1, 1)))
	w.Heat(1000)
	if got := testing.AllocsPerRun(300, func() {
		if gain, ok := w.TryBlock(-1, 40); ok && gain >= 0 {
			w.Keep()
		} else if ok {
			w.Undo()
		}
		w.Heat(500)
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkBlock moves blocks as large as they come.
func BenchmarkBlock(b *testing.B) {
	n := wcsptest.Generate(1, 300, 0.05)
	w := begin(b, n, rand.New(rand.NewPCG(1, 1)))
	w.Heat(1000)
	work := w.Stats().Work
	for b.Loop() {
		if _, ok := w.TryBlock(-1, len(n.Vars)); ok {
			w.Keep()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(w.Stats().Work-work), "ns/work")
}

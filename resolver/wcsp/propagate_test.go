package wcsp_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// shapes are the kinds of random networks that everything is tried on.
func shapes() []wcsptest.Shape {
	return []wcsptest.Shape{
		{Vars: 5, Values: 3, Positive: true, Pairs: 0.4, Groups: 2, Vetoes: true, Cycles: true, May: true},
		{Vars: 7, Values: 2, Pairs: 0.3, Cycles: true},
		{Vars: 6, Values: 3, Pairs: 0.5, Groups: 5, Vetoes: true},
		{Vars: 4, Values: 4, Pairs: 0.9, Vetoes: true, Cycles: true, May: true},
		{Vars: 8, Values: 1, Groups: 3, Vetoes: true, Cycles: true, May: true},
	}
}

// random returns a random network. Of some, who needs whom is not in the pairs
// too, and some pairs forbid what a need would not: absence, for example.
func random(rng *rand.Rand, round int) *wcsp.Network {
	n := wcsptest.Random(rng, shapes()[round%len(shapes())])
	if round%3 == 0 {
		n.Pairs = slices.DeleteFunc(n.Pairs, func(wcsp.Pair) bool { return rng.IntN(2) == 0 })
	}
	for i := range n.Pairs {
		if round%4 != 0 || rng.IntN(2) == 0 {
			continue
		}
		p := &n.Pairs[i]
		out := int32(rng.IntN(len(n.Vars[p.B].Unary)))
		var runs []wcsp.Run
		k := rng.IntN(len(p.Rows))
		for _, r := range p.Rows[k] {
			for _, part := range []wcsp.Run{{Lo: r.Lo, Hi: min(r.Hi, out), Score: r.Score}, {Lo: max(r.Lo, out+1), Hi: r.Hi, Score: r.Score}} {
				if part.Lo < part.Hi {
					runs = append(runs, part)
				}
			}
		}
		p.Rows[k] = runs
	}
	return n
}

// box returns the stacks that have only values the propagator has left.
func box(p *wcsp.Propagator, all []wcsp.Stack) (in []wcsp.Stack) {
	for _, s := range all {
		ok := true
		for v, x := range s.Values {
			ok = ok && p.Has(int32(v), x)
		}
		if ok {
			in = append(in, s)
		}
	}
	return in
}

// TestPropagatorKeepsStacks walks at random through random networks: propagation
// never loses a stack, never calls a box empty that has one, what is decided is a
// stack, and what is undone is as it was.
func TestPropagatorKeepsStacks(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for round := range 3000 {
		n := random(rng, round)
		all := wcsptest.Stacks(n)
		p, ok := wcsp.NewPropagator(n)
		if !ok {
			if len(all) > 0 {
				t.Fatalf("round %d: no stack, but %v is one", round, all[0].Values)
			}
			continue
		}
		if got := box(p, all); len(got) != len(all) {
			t.Fatalf("round %d: %d of %d stacks are left", round, len(got), len(all))
		}
		x := make([]int32, len(n.Vars))
		type frame struct {
			mark  int
			count []int
		}
		var frames []frame
		left := all
		for range 12 {
			f := frame{mark: p.Mark()}
			for v := range n.Vars {
				f.count = append(f.count, p.Count(int32(v)))
			}
			frames = append(frames, f)
			v := int32(rng.IntN(len(n.Vars)))
			y := int32(rng.IntN(len(n.Vars[v].Unary)))
			assign := rng.IntN(2) == 0
			if assign {
				ok = p.Assign(v, y)
			} else {
				ok = p.Remove(v, y)
			}
			var want []wcsp.Stack
			for _, s := range left {
				if (s.Values[v] == y) == assign {
					want = append(want, s)
				}
			}
			if !ok && len(want) > 0 {
				t.Fatalf("round %d: a contradiction, but %v is a stack", round, want[0].Values)
			}
			if ok {
				if got := box(p, all); len(got) != len(want) {
					t.Fatalf("round %d: %d stacks are left, want %d", round, len(got), len(want))
				}
				left = want
				if p.Values(x) && !n.Legal(x) {
					t.Fatalf("round %d: %v is decided, but is no stack", round, x)
				}
			}
			if !ok || rng.IntN(3) == 0 {
				// back to a random frame
				k := rng.IntN(len(frames))
				p.Undo(frames[k].mark)
				for v, c := range frames[k].count {
					if p.Count(int32(v)) != c || p.Domain(int32(v)).Count() != c {
						t.Fatalf("round %d: variable %d has %d values after undo, want %d", round, v, p.Count(int32(v)), c)
					}
				}
				frames = frames[:k]
				left = box(p, all)
			}
		}
	}
}

// TestFirstStackComplete asks for a first stack wherever there is one.
func TestFirstStackComplete(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	none := 0
	for round := range 12000 {
		n := random(rng, round)
		x, err := wcsp.FirstStack(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		if x != nil && !n.Legal(x) {
			t.Fatalf("round %d: %v is no stack", round, x)
		}
		if x == nil {
			none++
			if all := wcsptest.Stacks(n); len(all) > 0 {
				t.Fatalf("round %d: none found, but %v is one", round, all[0].Values)
			}
		}
	}
	if none < 100 {
		t.Errorf("only %d networks have no stack", none)
	}
}

// pigeons returns a network of variables that all differ, of which propagation
// alone shows little.
func pigeons(vars, holes int) *wcsp.Network {
	n := &wcsp.Network{}
	for range vars {
		n.Vars = append(n.Vars, wcsp.Var{Unary: make([]int64, holes)})
	}
	for b := range vars {
		for a := range b {
			p := wcsp.Pair{A: int32(a), B: int32(b)}
			for h := range int32(holes) {
				p.Row = append(p.Row, h)
				p.Rows = append(p.Rows, []wcsp.Run{{Lo: 0, Hi: h}, {Lo: h + 1, Hi: int32(holes)}})
			}
			n.Pairs = append(n.Pairs, p)
		}
	}
	return n
}

// TestFirstStackRestarts has more dead ends than a search may have before it
// begins anew, and values of more than one word.
func TestFirstStackRestarts(t *testing.T) {
	if x, err := wcsp.FirstStack(context.Background(), pigeons(7, 6)); x != nil || err != nil {
		t.Errorf("7 pigeons in 6 holes: %v, %v", x, err)
	}
	n := pigeons(100, 100)
	x, err := wcsp.FirstStack(context.Background(), n)
	if err != nil || x == nil || !n.Legal(x) {
		t.Errorf("100 pigeons in 100 holes: %v, %v", x, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if x, err := wcsp.FirstStack(ctx, pigeons(12, 11)); x != nil || err == nil {
		t.Errorf("a context that ended: %v, %v", x, err)
	}
}

// TestPropagatorAllocates asks that a whole search allocates nothing.
func TestPropagatorAllocates(t *testing.T) {
	n := pigeons(80, 80)
	p, ok := wcsp.NewPropagator(n)
	if !ok {
		t.Fatal("no stack")
	}
	f := wcsp.NewFinder(p)
	x := make([]int32, len(n.Vars))
	ctx := context.Background()
	if got := testing.AllocsPerRun(5, func() { f.Find(ctx, nil, x) }); got > 1 {
		t.Errorf("%v allocations, want at most the one for the order", got)
	}
}

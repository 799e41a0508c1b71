package sample

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestDrawReachesAll draws from small networks until every stack has come.
func TestDrawReachesAll(t *testing.T) {
	t.Parallel()
	each(t, 150, func(t *testing.T, n *wcsp.Network, rng *rand.Rand) {
		want := map[uint64]bool{}
		stacks := wcsptest.Stacks(n)
		for _, s := range stacks {
			want[ID(s.Values)] = true
		}
		if len(stacks) > 60 {
			return
		}
		s := NewSampler(n)
		x := make([]int32, len(n.Vars))
		for range 20000 {
			found, err := s.Draw(context.Background(), rng, x)
			if err != nil || found != (len(stacks) > 0) || found && !n.Legal(x) {
				t.Fatalf("drew %v: %v, %v, of %d stacks", x, found, err, len(stacks))
			}
			delete(want, ID(x))
			if !found || len(want) == 0 {
				return
			}
		}
		t.Errorf("%d of %d stacks never come", len(want), len(stacks))
	})
}

func TestDistinctIsAll(t *testing.T) {
	t.Parallel()
	each(t, 100, func(t *testing.T, n *wcsp.Network, _ *rand.Rand) {
		var got []wcsp.Stack
		for s, err := range Distinct(context.Background(), n, 5) {
			if err != nil || s.ID != ID(s.Values) {
				t.Fatal(s, err)
			}
			got = append(got, wcsp.Stack{Values: slices.Clone(s.Values), Score: s.Score})
		}
		want := lexical(wcsptest.Stacks(n))
		if !slices.EqualFunc(lexical(got), want, func(a, b wcsp.Stack) bool {
			return a.Score == b.Score && slices.Equal(a.Values, b.Values)
		}) {
			t.Errorf("got %d stacks, want %d", len(got), len(want))
		}
	})
}

// TestRandomSeries takes a series backwards: what an index has does not depend
// on what was drawn before.
func TestRandomSeries(t *testing.T) {
	t.Parallel()
	for _, e := range []wcsptest.Ecosystem{{Packages: 40, Conditional: 0.05}, wcsptest.Stress(150, 0.05), {Packages: 300, Conditional: 0.05}} {
		n := e.Network(2)
		var series [][]int32
		s := NewSampler(n)
		different := map[uint64]bool{}
		for i := range uint64(60) {
			x := make([]int32, len(n.Vars))
			found, err := s.Random(context.Background(), 9, i, x)
			if !found || err != nil || !n.Legal(x) {
				t.Fatalf("%+v: %v, %v, legal %v", e, found, err, n.Legal(x))
			}
			series = append(series, x)
			different[ID(x)] = true
		}
		if len(different) < 55 {
			t.Errorf("%+v: only %d of 60 draws differ", e, len(different))
		}
		s = NewSampler(n)
		x := make([]int32, len(n.Vars))
		for i, want := range slices.Backward(series) {
			if _, err := s.Random(context.Background(), 9, uint64(i), x); err != nil || !slices.Equal(x, want) {
				t.Fatalf("%+v: index %d has two stacks (%v)", e, i, err)
			}
		}
	}
}

// TestTail draws from variables that only a group joins.
func TestTail(t *testing.T) {
	t.Parallel()
	n := &wcsp.Network{Vars: []wcsp.Var{{Unary: make([]int64, 2)}, {Unary: make([]int64, 2)}, {Unary: make([]int64, 2)}}}
	g := wcsp.Group{Veto: true}
	for v := range int32(3) {
		g.Members = append(g.Members, wcsp.Member{Var: v, Set: wcsp.Set{1}})
	}
	n.Groups = []wcsp.Group{g}
	s := NewSampler(n)
	x := make([]int32, 3)
	for i := range uint64(200) {
		if found, err := s.Random(context.Background(), 1, i, x); !found || err != nil || !n.Legal(x) {
			t.Fatalf("drew %v: %v, %v", x, found, err)
		}
	}
}

// TestDrawHard draws where a walk without search does not get through: pigeons
// that all but fill their holes, and that do not fit.
func TestDrawHard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pigeons, holes int
		found          bool
	}{{7, 7, true}, {6, 5, false}} {
		n := &wcsp.Network{}
		for range tt.pigeons {
			n.Vars = append(n.Vars, wcsp.Var{Unary: make([]int64, tt.holes)})
		}
		for b := range int32(tt.pigeons) {
			for a := range b {
				p := wcsp.Pair{A: a, B: b}
				for i := range int32(tt.holes) {
					row := []wcsp.Run{{Lo: 0, Hi: i}, {Lo: i + 1, Hi: int32(tt.holes)}}
					p.Row = append(p.Row, i)
					p.Rows = append(p.Rows, slices.DeleteFunc(row, func(r wcsp.Run) bool { return r.Lo == r.Hi }))
				}
				n.Pairs = append(n.Pairs, p)
			}
		}
		s := NewSampler(n)
		x := make([]int32, tt.pigeons)
		for i := range uint64(50) {
			found, err := s.Random(context.Background(), 1, i, x)
			if found != tt.found || err != nil || found && !n.Legal(x) {
				t.Fatalf("%d pigeons in %d holes: %v, %v", tt.pigeons, tt.holes, found, err)
			}
		}
	}
}

func TestDistinctInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stacks := 0
	for _, err := range Distinct(ctx, wcsptest.Generate(1, 40, 0), 1) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
		if stacks++; stacks == 100 {
			cancel()
		}
	}
	t.Errorf("it ended after %d stacks without an error", stacks)
}

func TestDrawAllocates(t *testing.T) {
	n := wcsptest.Generate(1, 40, 0.05)
	s := NewSampler(n)
	x := make([]int32, len(n.Vars))
	index := uint64(0)
	if a := testing.AllocsPerRun(500, func() {
		if _, err := s.Random(context.Background(), 1, index, x); err != nil {
			t.Fatal(err)
		}
		index++
	}); a >= 1 {
		t.Errorf("a draw allocates %v times", a)
	}
}

func BenchmarkRandom(b *testing.B) {
	for _, packages := range []int{40, 150, 300} {
		n := wcsptest.Generate(1, packages, 0.05)
		b.Run(fmt.Sprint(packages), func(b *testing.B) {
			b.ReportAllocs()
			s := NewSampler(n)
			x := make([]int32, len(n.Vars))
			var sum uint64
			index := uint64(0)
			for ; b.Loop(); index++ {
				if _, err := s.Random(context.Background(), 1, index, x); err != nil {
					b.Fatal(err)
				}
				sum += ID(x) + uint64(n.Score(x))
			}
			b.ReportMetric(float64(index)/b.Elapsed().Seconds(), "stacks/s")
		})
	}
}

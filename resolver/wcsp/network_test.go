package wcsp_test

import (
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestLegal has one fault in each case.
func TestLegal(t *testing.T) {
	set := func(n int, xs ...int32) wcsp.Set {
		s := wcsp.NewSet(n)
		for _, x := range xs {
			s.Add(x)
		}
		return s
	}
	// a needs b with value 1; b and c need each other with value 1, and never
	// go together with value 2.
	n := &wcsp.Network{
		Vars: []wcsp.Var{
			{Unary: []int64{0, -1}},
			{Unary: []int64{0, 0, -2}, Optional: true, Supports: []wcsp.Support{{Var: 0, Need: set(2, 1)}, {Var: 2, Need: set(3, 1)}}},
			{Unary: []int64{0, -4, 0}, Optional: true, Supports: []wcsp.Support{{Var: 1, Need: set(3, 1), May: set(3, 2)}}},
		},
		Pairs: []wcsp.Pair{{A: 1, B: 2, Row: []int32{0, 0, 1}, Rows: [][]wcsp.Run{{{Lo: 0, Hi: 3}}, {{Lo: 0, Hi: 2, Score: -8}}}}},
	}
	for _, test := range []struct {
		x     []int32
		legal bool
		score int64
	}{
		{[]int32{0, 0, 0}, true, 0},
		{[]int32{1, 1, 1}, true, -5},
		{[]int32{1, 2, 0}, true, -11},
		{[]int32{1, 2, 1}, true, -15}, // allowed by May
		{[]int32{1, 0, 0}, false, 0},  // b is needed
		{[]int32{1, 2, 2}, false, 0},  // the pair forbids it
		{[]int32{0, 1, 1}, false, 0},  // they hold each other up
		{[]int32{0, 2, 0}, false, 0},  // nobody needs b
	} {
		if got := n.Legal(test.x); got != test.legal {
			t.Errorf("Legal(%v) = %v", test.x, got)
		}
		if test.legal && n.Score(test.x) != test.score {
			t.Errorf("Score(%v) = %d, want %d", test.x, n.Score(test.x), test.score)
		}
	}
}

// TestRandomHasAll asks that random networks are neither all easy nor all hopeless.
func TestRandomHasAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	none, many := 0, 0
	for range 200 {
		n := wcsptest.Random(rng, wcsptest.Shape{Vars: 5, Values: 3, Positive: true, Pairs: 0.4, Groups: 2, Vetoes: true, Cycles: true, May: true})
		switch s := wcsptest.Stacks(n); {
		case len(s) == 0:
			none++
		case len(s) > 5:
			many++
		}
	}
	if none == 0 || many < 20 {
		t.Errorf("%d of 200 networks have no stack, %d more than 5", none, many)
	}
}

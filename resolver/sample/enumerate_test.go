package sample

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// shapes are the kinds of small networks that are compared with brute force.
func shapes() map[string]wcsptest.Shape {
	return map[string]wcsptest.Shape{
		"pairs":  {Vars: 5, Values: 4, Pairs: 0.2},
		"dense":  {Vars: 5, Values: 4, Pairs: 0.8, Positive: true},
		"vetoes": {Vars: 5, Values: 4, Pairs: 0.5, Vetoes: true, Groups: 3},
		"groups": {Vars: 6, Values: 3, Pairs: 0.1, Groups: 4, Positive: true},
		"cycles": {Vars: 6, Values: 3, Pairs: 0.2, Cycles: true},
		"may":    {Vars: 6, Values: 3, Pairs: 0.2, May: true},
		"all":    {Vars: 6, Values: 3, Pairs: 0.4, Positive: true, Groups: 3, Vetoes: true, Cycles: true, May: true},
	}
}

// each calls f for many networks of each shape.
func each(t *testing.T, count uint64, f func(t *testing.T, n *wcsp.Network, rng *rand.Rand)) {
	for name, s := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range count {
				rng := rand.New(rand.NewPCG(seed, 3))
				f(t, wcsptest.Random(rng, s), rng)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// lexical returns stacks by their values.
func lexical(all []wcsp.Stack) []wcsp.Stack {
	slices.SortFunc(all, func(a, b wcsp.Stack) int { return slices.Compare(a.Values, b.Values) })
	return all
}

// all goes through the stacks of a network in blocks of one of several sizes.
func all(n *wcsp.Network, after []int32, rng *rand.Rand) iter.Seq2[Stack, error] {
	limit := []int{1, 2, 5, maxBlock}[rng.IntN(4)]
	return stacks(n, blocks(context.Background(), n, after, limit))
}

func TestStacksAreAll(t *testing.T) {
	t.Parallel()
	each(t, 600, func(t *testing.T, n *wcsp.Network, rng *rand.Rand) {
		var got []wcsp.Stack
		for s, err := range all(n, nil, rng) {
			if err != nil {
				t.Fatal(err)
			}
			if s.ID != ID(s.Values) {
				t.Errorf("%v has id %x, want %x", s.Values, s.ID, ID(s.Values))
			}
			got = append(got, wcsp.Stack{Values: slices.Clone(s.Values), Score: s.Score})
		}
		want := lexical(wcsptest.Stacks(n))
		if !slices.EqualFunc(lexical(got), want, func(a, b wcsp.Stack) bool {
			return a.Score == b.Score && slices.Equal(a.Values, b.Values)
		}) {
			t.Errorf("got %d stacks %v\nwant %d %v", len(got), got, len(want), want)
		}
		count, exact, err := Count(context.Background(), n, 1<<30)
		if err != nil || !exact || count.Int64() != int64(len(want)) {
			t.Errorf("counted %v, %v, %v; want %d", count, exact, err, len(want))
		}
	})
}

// TestStacksGoOn takes up an enumeration after each of its stacks.
func TestStacksGoOn(t *testing.T) {
	t.Parallel()
	each(t, 25, func(t *testing.T, n *wcsp.Network, rng *rand.Rand) {
		var want [][]int32
		for s := range Stacks(context.Background(), n, nil) {
			want = append(want, slices.Clone(s.Values))
		}
		for i := 0; i < len(want); i += 1 + len(want)/20 {
			var rest [][]int32
			for s, err := range all(n, want[i], rng) {
				if err != nil {
					t.Fatal(err)
				}
				rest = append(rest, slices.Clone(s.Values))
			}
			if !slices.EqualFunc(rest, want[i+1:], slices.Equal[[]int32]) {
				t.Fatalf("after stack %d of %d come %d, want %d", i, len(want), len(rest), len(want)-i-1)
			}
		}
	})
}

// TestBlocksLarge spot-checks an enumeration that cannot be compared with brute
// force, also across the borders of blocks and boxes.
func TestBlocksLarge(t *testing.T) {
	t.Parallel()
	for _, e := range []wcsptest.Ecosystem{
		{Packages: 40, Conditional: 0.05}, {Packages: 150, Conditional: 0.05}, {Packages: 300, Conditional: 0.05},
		wcsptest.Stress(150, 0.05),
	} {
		n := e.Network(3)
		x := make([]int32, len(n.Vars))
		seen := map[uint64]bool{}
		blocks := 0
		for b, err := range Blocks(context.Background(), n, nil) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Scores {
				id := b.ID ^ b.IDs[i]
				if seen[id] {
					t.Fatalf("%+v: a stack comes twice", e)
				}
				seen[id] = true
				if i%29 != 0 {
					continue
				}
				b.Values(i, x)
				if !n.Legal(x) || n.Score(x) != b.Score+b.Scores[i] || id != ID(x) {
					t.Fatalf("%+v: stack %d of block %d: legal %v, score %d for %d, id %x for %x", e, i, blocks, n.Legal(x), b.Score+b.Scores[i], n.Score(x), id, ID(x))
				}
			}
			i, score := b.Best()
			b.Values(i, x)
			if n.Score(x) != score || score < b.Score+slices.Max(b.Scores) {
				t.Fatalf("%+v: block %d has no better stack than %d", e, blocks, score)
			}
			if blocks++; blocks == 300 {
				break
			}
		}
	}
}

func TestBlocksErrors(t *testing.T) {
	t.Parallel()
	n := wcsptest.Generate(1, 40, 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	blocks := 0
	var last error
	for _, err := range Blocks(ctx, n, nil) {
		if last = err; err != nil {
			break
		}
		if blocks++; blocks == 1000 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || blocks > 2000 {
		t.Errorf("%d blocks, then %v", blocks, last)
	}
	for _, after := range [][]int32{{}, {1}, make([]int32, len(n.Vars)+1), slices.Repeat([]int32{-1}, len(n.Vars)), slices.Repeat([]int32{1 << 20}, len(n.Vars))} {
		for _, err := range Blocks(context.Background(), n, after) {
			if err == nil {
				t.Errorf("an enumeration goes on after %v", after)
			}
			break
		}
	}
}

// BenchmarkEnumerate goes through stacks and uses the score and the id of each.
func BenchmarkEnumerate(b *testing.B) {
	for _, packages := range []int{40, 150, 300} {
		n := wcsptest.Generate(1, packages, 0.05)
		b.Run(fmt.Sprint(packages), func(b *testing.B) {
			stacks, boxes := 0, 0
			var sum uint64
			for b.Loop() {
				left := 1 << 22
				for block, err := range Blocks(context.Background(), n, nil) {
					if err != nil {
						b.Fatal(err)
					}
					best := block.Score + block.Scores[0]
					for i, s := range block.Scores {
						best = max(best, block.Score+s)
						sum += block.ID ^ block.IDs[i]
					}
					sum += uint64(best)
					boxes++
					stacks += len(block.Scores)
					if left -= len(block.Scores); left < 0 {
						break
					}
				}
			}
			b.ReportMetric(float64(stacks)/b.Elapsed().Seconds()/1e6, "Mstacks/s")
			b.ReportMetric(float64(stacks)/float64(boxes), "stacks/block")
		})
	}
}

// BenchmarkBoxes takes no more than the first block of every box: what branching
// costs, and how many stacks there are that differ in more than a few variables.
func BenchmarkBoxes(b *testing.B) {
	for _, packages := range []int{40, 150, 300} {
		n := wcsptest.Generate(1, packages, 0.05)
		b.Run(fmt.Sprint(packages), func(b *testing.B) {
			boxes, stacks := 0, 0
			digits := 0
			for b.Loop() {
				left := 2000
				if err := eachBox(context.Background(), n, nil, maxBlock, func(x *box, _ int) bool {
					boxes++
					stacks += len(x.innerScores)
					digits += len(x.size().String())
					left--
					return left > 0
				}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(boxes)/b.Elapsed().Seconds(), "boxes/s")
			b.ReportMetric(float64(stacks)/b.Elapsed().Seconds()/1e6, "Mstacks/s")
			b.ReportMetric(float64(digits)/float64(boxes), "digits/box")
		})
	}
}

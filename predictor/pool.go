package predictor

import (
	"cmp"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A pool has the best distinct stacks so far, best first, of one score the
// lexicographically smaller first.
type pool struct {
	count  int
	stacks []wcsp.Stack
}

// offer adds a stack, of which it takes a copy, if it is good enough and new.
func (b *pool) offer(x []int32, score int64) {
	if len(b.stacks) == b.count && score < b.stacks[b.count-1].Score {
		return
	}
	i, found := slices.BinarySearchFunc(b.stacks, wcsp.Stack{Values: x, Score: score}, func(s, t wcsp.Stack) int {
		return cmp.Or(cmp.Compare(t.Score, s.Score), slices.Compare(s.Values, t.Values))
	})
	if found || i == b.count {
		return
	}
	var values []int32
	if len(b.stacks) == b.count {
		values = b.stacks[b.count-1].Values[:0]
		b.stacks = b.stacks[:b.count-1]
	}
	b.stacks = slices.Insert(b.stacks, i, wcsp.Stack{Values: append(values, x...), Score: score})
}

// score returns the best score, None without a stack.
func (b *pool) score() int64 {
	if len(b.stacks) == 0 {
		return wcsp.None
	}
	return b.stacks[0].Score
}

// meets reports whether all stacks that are asked for are as good as a bound.
func (b *pool) meets(bound int64) bool {
	return len(b.stacks) == b.count && b.stacks[b.count-1].Score >= bound
}

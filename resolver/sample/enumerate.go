package sample

import (
	"context"
	"iter"
	"math/big"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Block is some stacks that differ in a few variables only. It is written out
// as far as the loop over it needs:
//
//	for i := range b.Scores {
//		score, id := b.Score+b.Scores[i], b.ID^b.IDs[i]
//	}
//
// It is valid until the next one is asked for, and must not be changed.
type Block struct {
	Score  int64
	ID     uint64 // see ID
	Scores []int64
	IDs    []uint64

	box   *box
	place int // of the first stack among the combinations of inner values
}

// Values fills x with the values of the i-th stack.
func (b *Block) Values(i int, x []int32) {
	copy(x, b.box.first)
	i += b.place
	for k := len(b.box.free) - 1; k >= b.box.outer; k-- {
		r := len(b.box.vals[k])
		x[b.box.free[k]] = b.box.vals[k][i%r]
		i /= r
	}
}

// Best returns the place and the score of the best stack, of several the first.
func (b *Block) Best() (i int, score int64) {
	best := b.Scores[0]
	for k, s := range b.Scores {
		if s > best {
			i, best = k, s
		}
	}
	return i, b.Score + best
}

// Blocks goes through all stacks of a network, each once, in an order that
// depends on the network only. After, if not nil, is the stack to go on behind.
// It ends with an error if the context ends or after is not a stack.
func Blocks(ctx context.Context, n *wcsp.Network, after []int32) iter.Seq2[*Block, error] {
	return blocks(ctx, n, after, maxBlock)
}

// blocks is Blocks with so many stacks in a block at most.
func blocks(ctx context.Context, n *wcsp.Network, after []int32, limit int) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		var block Block
		err := eachBox(ctx, n, after, limit, func(b *box, place int) bool {
			for blocks := 1; ; blocks++ {
				block = Block{
					Score: b.score[b.outer], ID: b.id[b.outer],
					Scores: b.innerScores[place:], IDs: b.innerIDs[place:],
					box: b, place: place,
				}
				if len(block.Scores) > 0 && !yield(&block, nil) {
					return false
				}
				if blocks&255 == 0 {
					if b.w.err = ctx.Err(); b.w.err != nil {
						return false
					}
				}
				if place = 0; !b.next() {
					return true
				}
			}
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// eachBox shows f all boxes, the first with the place in its block behind the
// stack to go on after.
func eachBox(ctx context.Context, n *wcsp.Network, after []int32, limit int, f func(b *box, place int) bool) error {
	w, err := newWalk(ctx, n, after)
	if w == nil {
		return err
	}
	b := newBox(w, limit)
	w.box = func() bool {
		b.fill()
		place := 0
		if w.after != nil {
			place = b.seek(w.after) + 1
			w.after = nil
		}
		return f(b, place)
	}
	return w.run()
}

// A Stack is a stack and its id.
type Stack struct {
	Values []int32 // valid until the next stack is asked for
	Score  int64
	ID     uint64
}

// Stacks goes through the stacks of Blocks one by one.
func Stacks(ctx context.Context, n *wcsp.Network, after []int32) iter.Seq2[Stack, error] {
	return stacks(n, Blocks(ctx, n, after))
}

// stacks goes through the stacks of blocks of a network.
func stacks(n *wcsp.Network, blocks iter.Seq2[*Block, error]) iter.Seq2[Stack, error] {
	return func(yield func(Stack, error) bool) {
		x := make([]int32, len(n.Vars))
		for b, err := range blocks {
			if err != nil {
				yield(Stack{}, err)
				return
			}
			for i := range b.Scores {
				b.Values(i, x)
				if !yield(Stack{x, b.Score + b.Scores[i], b.ID ^ b.IDs[i]}, nil) {
					return
				}
			}
		}
	}
}

// Count returns how many stacks a network has, or a number that is not larger
// and false if it takes more than so many boxes to count them all. It fails if
// the context ends.
func Count(ctx context.Context, n *wcsp.Network, boxes int) (stacks *big.Int, all bool, err error) {
	stacks, all = new(big.Int), true
	err = eachBox(ctx, n, nil, maxBlock, func(b *box, _ int) bool {
		if boxes--; boxes < 0 {
			all = false
			return false
		}
		stacks.Add(stacks, b.size())
		return true
	})
	return stacks, all && err == nil, err
}

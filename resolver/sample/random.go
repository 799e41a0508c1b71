package sample

import (
	"context"
	"iter"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Sampler draws random stacks, each on its own: variable by variable it takes
// any of the values that propagation leaves. Every stack can come, but not all
// are equally likely. It is for one goroutine; its network may be shared.
type Sampler struct {
	p    *wcsp.Propagator // nil if propagation shows that there is no stack
	head []int32          // decided one by one
	tail []int32          // free of each other once the head is decided
	path []turn
	pcg  *rand.PCG
	rng  *rand.Rand
}

// A turn is one decision.
type turn struct {
	at   int // in head
	x    int32
	mark int
}

// deadEnds is how many dead ends a draw may have before it is left to a search
// that learns from them.
const deadEnds = 64

// NewSampler returns a sampler of a network.
func NewSampler(n *wcsp.Network) *Sampler {
	p, ok := wcsp.NewPropagator(n)
	if !ok {
		p = nil
	}
	s := &Sampler{p: p, pcg: rand.NewPCG(0, 0)}
	s.rng = rand.New(s.pcg)
	s.head, s.tail = headTail(n)
	return s
}

// headTail divides the variables: no two of the tail have anything to do with
// each other, and none of it holds anything up. So once the head is decided, and
// propagated, every value that is left in the tail is part of a stack.
func headTail(n *wcsp.Network) (head, tail []int32) {
	order, of := byDegree(n)
	bound := make([]bool, len(n.Vars)) // to a variable of the tail, or holds up
	for _, v := range n.Vars {
		for _, s := range v.Supports {
			bound[s.Var] = true
		}
	}
	inTail := make([]bool, len(n.Vars))
	for _, v := range slices.Backward(order) {
		if bound[v] {
			continue
		}
		inTail[v] = true
		for _, k := range of[v] {
			p := &n.Pairs[k]
			bound[p.A], bound[p.B] = true, true
		}
		for _, g := range n.Groups {
			if !slices.ContainsFunc(g.Members, func(m wcsp.Member) bool { return m.Var == v }) {
				continue
			}
			for _, m := range g.Members {
				bound[m.Var] = true
			}
		}
	}
	for v := range int32(len(n.Vars)) {
		if inTail[v] {
			tail = append(tail, v)
		} else {
			head = append(head, v)
		}
	}
	return head, tail
}

// Draw fills x with a random stack; false if there is none. It fails only if the
// context ends.
func (s *Sampler) Draw(ctx context.Context, rng *rand.Rand, x []int32) (bool, error) {
	if s.p == nil {
		return false, nil
	}
	base := s.p.Mark()
	found, none := s.dive(rng)
	if found {
		for _, v := range s.head {
			x[v] = s.p.First(v)
		}
		for _, v := range s.tail {
			x[v] = s.any(rng, v)
		}
	}
	s.p.Undo(base)
	if found || none {
		return found, nil
	}
	// A finder of its own, because one learns and draws must not depend on
	// those before.
	return wcsp.NewFinder(s.p).Find(ctx, func(v int32) int32 { return s.any(rng, v) }, x)
}

// Random fills x with the stack of an index of the series of a seed. It is as
// Draw otherwise. A stack may have several indexes.
func (s *Sampler) Random(ctx context.Context, seed, index uint64, x []int32) (bool, error) {
	s.pcg.Seed(seed, index)
	return s.Draw(ctx, s.rng, x)
}

// dive decides the head. If it did not find a stack, none says whether there is
// none or there were too many dead ends.
func (s *Sampler) dive(rng *rand.Rand) (found, none bool) {
	ends := 0
	s.path = s.path[:0]
	for at := 0; at < len(s.head); at++ {
		v := s.head[at]
		if s.p.Count(v) == 1 {
			continue
		}
		t := turn{at, s.any(rng, v), s.p.Mark()}
		s.path = append(s.path, t)
		for ok := s.p.Assign(v, t.x); !ok; ok = s.p.Remove(s.head[t.at], t.x) {
			if len(s.path) == 0 {
				return false, true
			}
			if ends++; ends > deadEnds {
				return false, false
			}
			t = s.path[len(s.path)-1]
			s.path = s.path[:len(s.path)-1]
			s.p.Undo(t.mark)
			at = t.at - 1
		}
	}
	return true, false
}

// any returns one of the values that a variable has left.
func (s *Sampler) any(rng *rand.Rand, v int32) int32 {
	d := s.p.Domain(v)
	k := 0
	if n := s.p.Count(v); n > 1 {
		k = int(rng.Uint64N(uint64(n)))
	}
	for i, w := range d {
		if c := bits.OnesCount64(w); k >= c {
			k -= c
			continue
		}
		for ; k > 0; k-- {
			w &= w - 1
		}
		return int32(i<<6 + bits.TrailingZeros64(w))
	}
	return -1
}

// repeats is how many draws in a row may be known ones before Distinct goes
// through the stacks one by one.
const repeats = 512

// Distinct goes through the stacks of a network in the order in which the series
// of a seed first has them, each once. When draws only repeat what there was,
// the rest follows in the order of Stacks, so that it ends, if nobody ends it
// before, with every stack shown. It remembers the ids, a few dozen bytes a
// stack; stacks with one id (see ID) are taken for one. It ends with an error if
// the context ends.
func Distinct(ctx context.Context, n *wcsp.Network, seed uint64) iter.Seq2[Stack, error] {
	return func(yield func(Stack, error) bool) {
		s := NewSampler(n)
		x := make([]int32, len(n.Vars))
		seen := map[uint64]struct{}{}
		for index, old := uint64(0), 0; old < repeats; index++ {
			found, err := s.Random(ctx, seed, index, x)
			if err == nil && index&255 == 255 {
				err = ctx.Err()
			}
			if err != nil {
				yield(Stack{}, err)
			}
			if !found || err != nil {
				return
			}
			id := ID(x)
			if _, ok := seen[id]; ok {
				old++
				continue
			}
			old = 0
			seen[id] = struct{}{}
			if !yield(Stack{x, n.Score(x), id}, nil) {
				return
			}
		}
		for s, err := range Stacks(ctx, n, nil) {
			if err != nil {
				yield(Stack{}, err)
				return
			}
			if _, ok := seen[s.ID]; !ok && !yield(s, nil) {
				return
			}
		}
	}
}

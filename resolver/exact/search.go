package exact

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A search is one run of the engine.
type search struct {
	scratch
	net   *wcsp.Network
	ctx   context.Context
	req   wcsp.Request
	count int

	holds  [][]hold
	loops  [][]int32    // loop formulas found so far
	weight []int64      // by variable of the network: conflicts it was part of
	stacks []wcsp.Stack // the best so far, at most count
	frame  *frame       // the innermost
	snap   *box         // the root, with everything that may be in a best stack
	stats  wcsp.Stats
	bound  int64 // in scores
	ended  bool
	status wcsp.Status
	fault  error

	props        *wcsp.Propagator
	dived        int64 // work done diving
	wait, diveAt int   // rounds

	cond []int64 // of decode
	at   []int32
	open []pending
}

func newSearch(ctx context.Context, n *wcsp.Network, r wcsp.Request) *search {
	return &search{
		net: n, ctx: ctx, req: r, count: max(r.Count, 1), holds: holds(n),
		weight: make([]int64, len(n.Vars)), bound: wcsp.Unbounded, wait: 3, diveAt: 5,
	}
}

// tick reports whether the search has to end.
func (z *search) tick() bool {
	switch {
	case z.ended:
	case z.fault != nil:
		z.ended = true
	case z.ctx.Err() != nil:
		z.ended, z.status = true, wcsp.Interrupted
	case z.req.Budget > 0 && z.work >= z.req.Budget:
		z.ended, z.status = true, wcsp.Budget
	}
	return z.ended
}

// best is the score of the best stack so far, or None.
func (z *search) best() int64 {
	if len(z.stacks) == 0 {
		return wcsp.None
	}
	return z.stacks[0].Score
}

// offer takes an assignment that obeys everything but perhaps the rule that
// nothing holds itself up, and reports whether it is a stack. If it is not, what
// holds itself up is refuted, and what is left without it is offered.
func (z *search) offer(x []int32) (score int64, ok bool) {
	up, unheld := z.held(x)
	if unheld > 0 {
		z.refute(x, up)
		y := slices.Clone(x)
		for v := range y {
			if !up[v] {
				y[v] = 0
			}
		}
		if z.net.Legal(y) {
			z.take(y)
		}
		return 0, false
	}
	if !z.net.Legal(x) {
		z.fault = fmt.Errorf("exact: decoded what is no stack: %v", x)
		return 0, false
	}
	return z.take(slices.Clone(x)), true
}

// take keeps a stack if it is one of the best so far, and returns its score.
func (z *search) take(x []int32) int64 {
	s := wcsp.Stack{Values: x, Score: z.net.Score(x)}
	k, found := slices.BinarySearchFunc(z.stacks, s, compareStacks)
	if found || k == z.count {
		return s.Score
	}
	z.stacks = slices.Insert(z.stacks, k, s)
	if len(z.stacks) > z.count {
		z.stacks = z.stacks[:z.count]
	}
	if k == 0 {
		z.bound = max(z.bound, s.Score)
		z.record()
	}
	return s.Score
}

// compareStacks orders stacks: the better first, then the canonical.
func compareStacks(a, b wcsp.Stack) int {
	switch {
	case a.Score > b.Score:
		return -1
	case a.Score < b.Score:
		return 1
	}
	return slices.Compare(a.Values, b.Values)
}

func (z *search) record() {
	if z.req.Record != nil {
		z.req.Record(wcsp.Point{Work: z.work, Best: z.best(), Bound: z.bound})
	}
}

// tighten lowers the bound of a box until it is below what is needed (done), or
// falls too slowly.
func (z *search) tighten(f *frame, b *box) (_ *box, done bool) {
	z.fit(b.shape)
	root := b.depth == 0 && f.main
	slow, patience := int64(50), 2
	if root {
		slow, patience = 100, 3
	}
	last, start, stall := int64(-dead), int64(-dead), 0
	for round := 0; ; round++ {
		z.sweep(b, round&1 == 1)
		z.work += 20
		z.stats.Sweeps++
		if round >= 3 && round%3 != 2 {
			continue
		}
		b.bound()
		z.publish(f, b.ub)
		if b.ub < f.need {
			return b, true
		}
		left, all := b.fix(f.keep())
		z.work += int64(all)
		if left*4 < all*3 {
			z.work += 2 * b.cost
			n, ok := z.room.compact(b)
			if !ok {
				b.ub = dead
				return b, true
			}
			b = n
			z.fit(b.shape)
			if b.bound() < f.need {
				return b, true
			}
			if len(b.vars) == 0 {
				return b, false
			}
		}
		if start == -dead {
			start = b.ub
		}
		gap := b.ub - f.need
		if f.need <= alive {
			gap = start - b.ub
		}
		z.eps = gap >> 10
		if last-b.ub <= gap/slow {
			stall++
		} else {
			stall = 0
		}
		last = b.ub
		if z.tick() || stall >= patience {
			return b, false
		}
		if root {
			z.improve(f, b, round)
		}
	}
}

// try decodes an assignment and keeps it if it is better.
func (z *search) try(f *frame, b *box) {
	worth, ok := z.decode(b)
	if !ok || worth < f.need {
		return
	}
	x := slices.Clone(b.x)
	for v, o := range b.vars {
		x[o.orig] = b.value[o.lo+z.at[v]]
	}
	z.found(f, x, worth)
}

// found takes an assignment of a frame that is worth what is needed; false if it
// is no stack after all.
func (z *search) found(f *frame, x []int32, worth int64) bool {
	if f.top {
		score, ok := z.offer(x)
		if !ok {
			if f.main && z.best() != wcsp.None {
				f.need = max(f.need, (z.best()+1)*wcsp.Scale)
			}
			return false
		}
		if score*wcsp.Scale != worth {
			z.fault = fmt.Errorf("exact: a stack of score %d decoded as %d / %d", score, worth, wcsp.Scale)
			return false
		}
	}
	f.best, f.x = worth, x
	f.need = worth + wcsp.Scale
	return true
}

// step works on one box of a frame, and returns what to go on with, if anything.
func (z *search) step(f *frame, b *box) *box {
	z.stats.Nodes++
	if f.top {
		b = z.addLoops(b)
	}
	b, done := z.tighten(f, b)
	if z.snap == nil && f.main {
		z.snap = b.clone()
	}
	if !done && !z.ended {
		b, done = z.close(f, b)
	}
	if done {
		z.blame(b)
		f.retire(b)
		return nil
	}
	if z.ended {
		f.push(b)
		return nil
	}
	if len(b.vars) == 0 {
		z.found(f, b.x, b.base)
		return nil
	}
	if parts := b.parts(); parts != nil {
		return z.split(f, b, parts)
	}
	z.try(f, b)
	if b.ub < f.need {
		f.retire(b)
		return nil
	}
	return z.branch(f, b)
}

// close removes what cannot be in a better stack for good.
func (z *search) close(f *frame, b *box) (*box, bool) {
	b.fix(f.keep())
	n, ok := z.room.compact(b)
	if !ok {
		b.ub = dead
		return b, true
	}
	z.fit(n.shape)
	return n, n.bound() < f.need
}

// blame remembers which variable a conflict came of.
func (z *search) blame(b *box) {
	if b.from >= 0 {
		z.weight[b.from]++
	}
}

// branch splits a box in two: the best value of the variable that most depends
// on, and its other values. It returns the first.
func (z *search) branch(f *frame, b *box) *box {
	v := z.choose(b)
	lo, hi := b.slots(v)
	best := lo
	for k := lo; k < hi; k++ {
		if b.b[k] > b.b[best] {
			best = k
		}
	}
	c := b.clone()
	b.depth++
	b.from = -1
	b.b[best] = dead
	if b.bound() >= f.need {
		f.push(b)
	} else {
		f.retire(b)
	}
	for k := lo; k < hi; k++ {
		if k != best {
			c.b[k] = dead
		}
	}
	b.touch(v)
	c.touch(v)
	c.depth++
	c.from = c.vars[v].orig
	return c
}

// choose returns the variable to branch on: the hub, by factors and by the
// conflicts it has been part of, and of equal ones the one with fewer values.
func (z *search) choose(b *box) int32 {
	best, most := int32(0), int64(-1)
	a := &b.next
	for v, o := range b.vars {
		w := 2*int64(a.pairOff[v+1]-a.pairOff[v]) + int64(a.choiceOff[v+1]-a.choiceOff[v]) + z.weight[o.orig]
		if w = w<<20 - int64(o.hi-o.lo); w > most {
			best, most = int32(v), w
		}
	}
	return best
}

// split solves the parts of a box one by one. What one part is worth at best says
// what the others have to be worth.
func (z *search) split(f *frame, b *box, parts []*box) *box {
	slices.SortStableFunc(parts, func(p, q *box) int { return len(p.vars) - len(q.vars) })
	total := b.base
	for _, p := range parts {
		total += p.bound()
	}
	x := slices.Clone(b.x)
	for _, p := range parts {
		ub := p.ub
		g := &frame{up: f, rest: total - ub, need: f.keep() - (total - ub), best: dead}
		z.run(g, p)
		if z.ended {
			b.ub = min(b.ub, g.rest+g.bound())
			f.push(b)
			return nil
		}
		if g.best == dead {
			z.blame(b)
			return nil
		}
		total += g.best - ub
		for v, y := range g.x {
			if y >= 0 {
				x[v] = y
			}
		}
	}
	if total >= f.need && !z.found(f, x, total) {
		if z.fault != nil {
			return nil
		}
		return b // with the loop formula that was missing
	}
	b.ub = min(b.ub, total)
	f.retire(b)
	return nil
}

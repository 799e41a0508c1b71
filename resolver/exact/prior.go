package exact

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Bound returns a score that no stack of a network exceeds: what the dual gives
// within so many units of work (0: until it hardly falls). It is wcsp.None if
// there is no stack, and wcsp.Unbounded if the context ends, or the work, before
// anything is known. It is for searchers that prove nothing themselves.
func Bound(ctx context.Context, n *wcsp.Network, work int64) (bound int64, err error) {
	if err := check(n); err != nil {
		return 0, err
	}
	z := newSearch(ctx, n, wcsp.Request{Budget: work})
	b, ok := z.room.compact(compile(n, nil))
	if !ok {
		return wcsp.None, nil
	}
	if z.ascend(b) {
		return floor(b.ub), nil
	}
	return wcsp.Unbounded, nil
}

// Prior returns how much a strategy should like each value of each variable: the
// best of a variable has 0, and another as much less as the bound of all stacks
// is lower with it, as far as the dual has found out within so many units of work
// (0: until its bound hardly falls). What can be in no stack has wcsp.None. Units
// are those of a score divided by wcsp.Scale.
func Prior(n *wcsp.Network, work int64) ([][]int64, error) {
	if err := check(n); err != nil {
		return nil, err
	}
	z := newSearch(context.Background(), n, wcsp.Request{Budget: work})
	b := compile(n, nil)
	z.ascend(b)
	all := make([][]int64, len(n.Vars))
	for _, o := range b.vars {
		list := make([]int64, len(n.Vars[o.orig].Unary))
		for x := range list {
			list[x] = wcsp.None
		}
		best := int64(dead)
		for _, w := range b.b[o.lo:o.hi] {
			best = max(best, w)
		}
		for k := o.lo; k < o.hi; k++ {
			if w := b.b[k]; w > alive {
				list[b.value[k]] = w - best
			}
		}
		all[o.orig] = list
	}
	return all, nil
}

// ascend sweeps a box until its bound hardly falls or the search has to end, and
// reports whether it has a bound.
func (z *search) ascend(b *box) bool {
	z.fit(b.shape)
	for start, last, round := int64(0), int64(0), 0; ; round++ {
		if z.tick() {
			return round > 0
		}
		z.sweep(b, round&1 == 1)
		z.work += int64(len(b.b)) + 20
		b.bound()
		switch {
		case b.ub < alive:
			return true
		case round == 0:
			start, last = b.ub, b.ub
		case round%10 == 0:
			if last-b.ub <= (start-b.ub)/1000 {
				return true
			}
			last = b.ub
		}
	}
}

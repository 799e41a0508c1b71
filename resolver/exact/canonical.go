package exact

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// canonical returns the lexicographically smallest of the stacks of a box that
// are as good as x, which is the best of them: variable by variable it asks
// whether there is one with a smaller value. Nearly all of that is free, because
// the box with the score as its need has few values left.
func (z *search) canonical(b *box, x []int32, score int64) []int32 {
	need := score * wcsp.Scale
	b, ok := z.settle(b.clone(), need)
	for v := int32(0); ok && int(v) < len(x) && !z.ended; v++ {
		if b.x[v] >= 0 {
			continue
		}
		for {
			c := b.clone()
			if !c.restrict(v, func(k int32) bool { return k < x[v] }) {
				break
			}
			f := &frame{top: true, need: need, best: dead, enough: true}
			if z.try(f, c); f.best == dead {
				z.run(f, c)
			}
			if z.ended {
				return x
			}
			if f.best == dead {
				break
			}
			x = f.x
		}
		if !b.restrict(v, func(k int32) bool { return k == x[v] }) {
			break // x is the only one left
		}
		b, ok = z.settle(b, need)
	}
	return x
}

// smaller returns the smallest of the stacks of a box that are as good as x, and
// of x, which need not be in the box.
func (z *search) smaller(b *box, x []int32, score int64) []int32 {
	need := score * wcsp.Scale
	if b.ub < need || z.tick() {
		return x
	}
	b, ok := z.settle(b, need)
	if !ok {
		return x
	}
	low, in := slices.Clone(b.x), true
	for v, y := range b.x {
		in = in && (y < 0 || y == x[v])
	}
	for _, o := range b.vars {
		low[o.orig] = -1
		here := false
		for k := o.lo; k < o.hi; k++ {
			if b.b[k] > alive {
				if low[o.orig] < 0 {
					low[o.orig] = b.value[k]
				}
				here = here || b.value[k] == x[o.orig]
			}
		}
		in = in && here
	}
	if slices.Compare(low, x) >= 0 {
		return x
	}
	y := x
	if !in {
		f := &frame{top: true, need: need, best: dead, enough: true}
		z.run(f, b.clone())
		if f.best == dead {
			return x
		}
		y = f.x
	}
	if y = z.canonical(b, y, score); slices.Compare(y, x) < 0 {
		return y
	}
	return x
}

// restrict removes the values of a variable of the network that keep does not
// keep; false if none is left.
func (b *box) restrict(v int32, keep func(k int32) bool) bool {
	for i, o := range b.vars {
		if o.orig != v {
			continue
		}
		b.touch(int32(i))
		left := false
		for k := o.lo; k < o.hi; k++ {
			if !keep(b.value[k]) {
				b.b[k] = dead
			}
			left = left || b.b[k] > alive
		}
		return left
	}
	return keep(b.x[v])
}

// settle removes from a box, once more than before, what cannot be in a stack
// that is worth need.
func (z *search) settle(b *box, need int64) (*box, bool) {
	z.work += b.cost + int64(len(b.b))
	b.depth = 1
	if b.bound() < need {
		return b, false
	}
	left, all := b.fix(need)
	if left == all {
		return b, true
	}
	b, ok := z.room.compact(b)
	if !ok {
		return b, false
	}
	z.fit(b.shape)
	z.sweep(b, false)
	return b, b.bound() >= need
}

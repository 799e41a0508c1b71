package exact

import (
	"container/heap"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// memory is how many bytes of open boxes a frame keeps before it goes deep
// rather than wide.
const memory = 256 << 20

// A frame is the search of one box. If top, the box is of the whole network, and
// assignments are checked to be stacks; if main, its bound is that of the search.
type frame struct {
	top, main bool
	up        *frame // whose box this is a part of
	rest      int64  // what the rest of that box is worth at best
	need      int64  // what an assignment has to be worth
	enough    bool   // any such assignment will do
	best      int64  // the best one's worth, or dead
	x         []int32

	// tied are, if main, boxes with no better stack than the best, and perhaps one
	// as good. There are too many if spilt.
	tied  []*box
	spilt bool

	open boxes
	size int64
	cur  int64 // bound of the box that is worked on, or dead
}

// run searches a box.
func (z *search) run(f *frame, b *box) {
	outer := z.frame
	z.frame = f
	defer func() { z.frame = outer }()
	f.push(b)
	for len(f.open) > 0 && !z.tick() && !(f.enough && f.best > alive) {
		b := f.pop(z.req.Width)
		for b != nil && !(f.enough && f.best > alive) {
			if b.ub < f.need {
				f.retire(b)
				break
			}
			f.cur = b.ub
			b = z.step(f, b)
		}
		f.cur = dead
		z.publish(f, dead)
	}
}

// bound is what no assignment of the frame's box exceeds, if it is not best.
func (f *frame) bound() int64 {
	m := max(f.cur, f.best)
	if len(f.open) > 0 {
		m = max(m, f.open[0].ub)
	}
	return m
}

// publish makes known what the search's bound has become, now that the box worked
// on has a bound of cur.
func (z *search) publish(f *frame, cur int64) {
	f.cur = cur
	for v := f.bound(); ; v = f.bound() {
		if f.up == nil {
			if !f.main {
				return
			}
			v = max(floor(v), z.best())
			if v < z.bound {
				z.bound = v
				z.record()
			}
			return
		}
		f.up.cur = min(f.up.cur, f.rest+v)
		f = f.up
	}
}

// floor returns the largest score that is worth no more than w.
func floor(w int64) int64 {
	if w < alive {
		return wcsp.None
	}
	q := w / wcsp.Scale
	if w < 0 && q*wcsp.Scale != w {
		q--
	}
	return q
}

// push adds an open box.
func (f *frame) push(b *box) {
	heap.Push(&f.open, b)
	f.size += b.size()
}

// ties is how many boxes with perhaps a stack as good as the best are kept.
const ties = 256

// keep is what an assignment has to be worth for its values to be kept: as much
// as the best, as the canonical stack of the best is still to be found.
func (f *frame) keep() int64 {
	if f.main {
		return f.need - wcsp.Scale
	}
	return f.need
}

// retire is for a box that has nothing that is needed.
func (f *frame) retire(b *box) {
	if !f.main || f.spilt || b.ub < f.keep() {
		return
	}
	if len(f.tied) == ties {
		f.tied = slices.DeleteFunc(f.tied, func(b *box) bool { return b.ub < f.keep() })
		f.spilt = len(f.tied) == ties
	}
	f.tied = append(f.tied, b)
}

// pop takes the most promising box, or the deepest if there are too many.
func (f *frame) pop(width int) *box {
	at := 0
	if f.size > memory || width > 0 && len(f.open) > width {
		for k, b := range f.open {
			if b.depth > f.open[at].depth {
				at = k
			}
		}
	}
	b := heap.Remove(&f.open, at).(*box)
	f.size -= b.size()
	return b
}

// boxes are a heap of open boxes: the highest bound first, then the deepest.
type boxes []*box

func (h boxes) Len() int { return len(h) }
func (h boxes) Less(i, j int) bool {
	if h[i].ub != h[j].ub {
		return h[i].ub > h[j].ub
	}
	return h[i].depth > h[j].depth
}
func (h boxes) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *boxes) Push(b any)   { *h = append(*h, b.(*box)) }
func (h *boxes) Pop() any {
	b := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return b
}

package exact

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// dive decides a third of a box's variables at a time, those of which the dual is
// most sure, and lets the dual answer. What it ends with is often the best stack:
// a decoder decides all at once. It reports whether it came to an end.
func (z *search) dive(f *frame, b *box) bool {
	p := z.props
	if p == nil {
		return false
	}
	mark, before := p.Mark(), p.Work()
	defer func() {
		p.Undo(mark)
		z.work += p.Work() - before
	}()
	c := b.clone()
	c.depth = 1
	for v, x := range c.x {
		if x >= 0 && p.Count(int32(v)) > 1 && !p.Assign(int32(v), x) {
			return false
		}
	}
	for len(c.vars) > 0 {
		if !c.narrow(p) || !c.decide(p) {
			return false
		}
		n, ok := z.room.compact(c)
		if !ok {
			return false
		}
		c = n
		z.work += 3*c.cost + int64(len(c.b))
		z.fit(c.shape)
		z.sweep(c, false)
		z.sweep(c, true)
		if c.bound() < f.need {
			return false
		}
		c.fix(f.need)
	}
	return c.base >= f.need && z.found(f, c.x, c.base)
}

// narrow takes from a propagator what a box has no more; false if nothing is left.
func (b *box) narrow(p *wcsp.Propagator) bool {
	for _, o := range b.vars {
		for k := o.lo; k < o.hi; k++ {
			if b.b[k] < alive && p.Has(o.orig, b.value[k]) && !p.Remove(o.orig, b.value[k]) {
				return false
			}
		}
	}
	return true
}

// decide gives a third of the variables their best value, those that lose most
// without it, unless that contradicts those before it.
func (b *box) decide(p *wcsp.Propagator) bool {
	type lead struct{ by, orig, value int64 }
	list := make([]lead, 0, len(b.vars))
	for _, o := range b.vars {
		best, first, second := o.lo, int64(dead), int64(dead)
		for k := o.lo; k < o.hi; k++ {
			if w := b.b[k]; w > first {
				best, first, second = k, w, first
			} else {
				second = max(second, w)
			}
		}
		list = append(list, lead{first - second, int64(o.orig), int64(b.value[best])})
	}
	slices.SortStableFunc(list, func(p, q lead) int {
		switch {
		case p.by > q.by:
			return -1
		case p.by < q.by:
			return 1
		}
		return 0
	})
	for _, l := range list[:len(list)/3+1] {
		v, x := int32(l.orig), int32(l.value)
		if !p.Has(v, x) || p.Count(v) == 1 {
			continue
		}
		if mark := p.Mark(); !p.Assign(v, x) {
			p.Undo(mark)
			if !p.Remove(v, x) {
				return false
			}
		}
	}
	for v, o := range b.vars {
		for k := o.lo; k < o.hi; k++ {
			if b.b[k] > alive && !p.Has(o.orig, b.value[k]) {
				b.b[k] = dead
				b.touch(int32(v))
			}
		}
	}
	return true
}

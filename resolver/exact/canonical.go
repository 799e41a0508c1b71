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
	b, ok := b.compact()
	if !ok {
		return b, false
	}
	z.fit(b.shape)
	z.sweep(b, false)
	return b, b.bound() >= need
}

// A space is a part of all stacks: those that agree with x in the variables
// before at and there have none of the values of not.
type space struct {
	x   []int32
	at  int32
	not []int32

	ub     int64 // no stack of it is worth more
	solved bool  // x is its canonical best stack, not a part of its description
	stack  wcsp.Stack
}

// following replaces the best stacks found so far by the best there are: it takes
// the best of the parts that are left, and divides what is left of that part
// (Lawler, 1972). Parts are solved when it is their turn, not before.
func (z *search) following() {
	var out []wcsp.Stack
	base, ok := z.base()
	todo := []*space{{x: make([]int32, len(z.net.Vars)), ub: -dead}}
	todo[0].solved, todo[0].stack = true, z.stacks[0]
	for ok && len(todo) > 0 && len(out) < z.count && !z.ended {
		k := next(todo)
		s := todo[k]
		todo = slices.Delete(todo, k, k+1)
		if s.ub < z.least() {
			break
		}
		if !s.solved {
			if z.solveSpace(base, s) {
				todo = append(todo, s)
			}
			continue
		}
		out = append(out, s.stack)
		todo = append(todo, z.divide(base, s)...)
	}
	if !z.ended {
		z.stacks = out
	}
}

// least is what a stack has to be worth to be among the best.
func (z *search) least() int64 {
	if len(z.stacks) < z.count {
		return alive
	}
	return z.stacks[z.count-1].Score * wcsp.Scale
}

// base makes the box that all parts are parts of: of the values that may be in
// one of the best stacks.
func (z *search) base() (*box, bool) {
	b, ok := compile(z.net, nil).compact()
	if !ok {
		return nil, false
	}
	f := &frame{top: true, need: z.least(), best: dead}
	b, _ = z.tighten(f, b)
	b.depth = 1
	return b, b.ub > alive
}

// next returns the space of the highest bound; of equal ones what is not solved
// yet goes before, and then the canonical stack.
func next(todo []*space) int {
	best := 0
	for k, s := range todo {
		t := todo[best]
		switch {
		case s.ub > t.ub, s.ub == t.ub && !s.solved && t.solved,
			s.ub == t.ub && s.solved && t.solved && slices.Compare(s.stack.Values, t.stack.Values) < 0:
			best = k
		}
	}
	return best
}

// solveSpace finds the canonical best stack of a space; false if none matters.
func (z *search) solveSpace(base *box, s *space) bool {
	b := base.clone()
	for v := range s.at {
		if !b.restrict(v, func(k int32) bool { return k == s.x[v] }) {
			return false
		}
	}
	if !b.restrict(s.at, func(k int32) bool { return !slices.Contains(s.not, k) }) {
		return false
	}
	b.depth = 1
	f := &frame{top: true, need: z.least(), best: dead}
	z.run(f, b.clone())
	if z.ended || f.best == dead {
		return false
	}
	score := f.best / wcsp.Scale
	x := z.canonical(b, f.x, score)
	s.solved, s.ub, s.stack = true, f.best, wcsp.Stack{Values: x, Score: score}
	return true
}

// divide returns what is left of a space without its best stack.
func (z *search) divide(base *box, s *space) []*space {
	x := s.stack.Values
	at := make([]int32, len(x))
	for v := range at {
		at[v] = -1
	}
	rest := base.base
	for v, o := range base.vars {
		at[o.orig] = int32(v)
		rest += slices.Max(base.b[o.lo:o.hi])
	}
	var list []*space
	for v := int32(0); int(v) < len(x); v++ {
		if at[v] < 0 {
			continue
		}
		o := base.vars[at[v]]
		var not []int32
		if v == s.at {
			not = s.not
		}
		not = append(slices.Clone(not), x[v])
		other, here := int64(dead), int64(dead)
		for k := o.lo; k < o.hi; k++ {
			if base.value[k] == x[v] {
				here = base.b[k]
			} else if !slices.Contains(not, base.value[k]) {
				other = max(other, base.b[k])
			}
		}
		rest -= slices.Max(base.b[o.lo:o.hi])
		if ub := rest + other; v >= s.at && other > alive && ub >= z.least() {
			list = append(list, &space{x: x, at: v, not: not, ub: ub})
		}
		rest += here
		if here < alive {
			break
		}
	}
	return list
}

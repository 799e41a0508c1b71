package exact

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

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
	b, ok := z.room.compact(compile(z.net, nil))
	if !ok {
		return nil, false
	}
	b.depth = 1
	f := &frame{top: true, need: alive, best: dead}
	b, _ = z.tighten(f, b)
	if z.ended || b.ub < alive {
		return b, b.ub > alive
	}
	z.neighbours(b)
	if f.need = z.least(); f.need > alive {
		b, _ = z.tighten(f, b)
	}
	return b, b.ub > alive
}

// neighbours takes stacks that differ from the best in one variable, those first
// of which the dual thinks most: the sooner there are enough stacks, the more can
// be removed.
func (z *search) neighbours(b *box) {
	type step struct {
		by   int64
		v, x int32
	}
	var list []step
	best := z.stacks[0].Values
	for _, o := range b.vars {
		top := slices.Max(b.b[o.lo:o.hi])
		for k := o.lo; k < o.hi; k++ {
			if x := b.value[k]; b.b[k] > alive && x != best[o.orig] {
				list = append(list, step{b.b[k] - top, o.orig, x})
			}
		}
	}
	slices.SortStableFunc(list, func(p, q step) int {
		switch {
		case p.by > q.by:
			return -1
		case p.by < q.by:
			return 1
		}
		return 0
	})
	x := slices.Clone(best)
	for _, s := range list[:min(len(list), 40*z.count+200)] {
		if b.sum+s.by < z.least() {
			break
		}
		x[s.v] = s.x
		if z.net.Legal(x) {
			z.take(slices.Clone(x))
		}
		x[s.v] = best[s.v]
	}
	z.work += int64(min(len(list), 40*z.count+200)) * b.cost / 8
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

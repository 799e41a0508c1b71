package wcsp

import "context"

// A Finder finds stacks by propagation and backtracking. Whoever prefers some
// values decides which stack it finds, never whether.
type Finder struct {
	p     *Propagator
	rank  []int64 // by variable: contradictions it had, plus one
	path  []turn
	stats Stats
}

// A turn is one decision: variable v had value x.
type turn struct {
	v, x int32
	mark int
	next int32 // where the scan for the variable began
}

// NewFinder returns a finder over a propagator, which it leaves as it found it.
func NewFinder(p *Propagator) *Finder {
	f := &Finder{p: p, rank: make([]int64, len(p.n.Vars)), path: make([]turn, 0, cap(p.trail))}
	for v := range f.rank {
		f.rank[v] = 1
	}
	return f
}

// Stats returns what all searches of the finder have done.
func (f *Finder) Stats() Stats { return f.stats }

// short is how many dead ends a search in the order of the network may have before
// it goes on with the hardest variable first.
const short = 64

// Find fills x with a stack of what the propagator has left, and returns whether
// there is one. It is complete: false and no error means there is none. It fails
// only if the context ends.
//
// It first decides variables in the order of the network, giving each the value
// that choose returns, one that the propagator still has; nil means the lowest.
// After some dead ends it begins anew, again and again with more of them allowed,
// with the variable first that has fewest values for the dead ends it had (dom/wdeg:
// Boussemart, Hemery, Lecoutre and Sais, 2004).
func (f *Finder) Find(ctx context.Context, choose func(v int32) int32, x []int32) (bool, error) {
	base := f.p.Mark()
	work := f.p.Work()
	defer func() {
		f.p.Undo(base)
		f.stats.Work += f.p.Work() - work
	}()
	if choose == nil {
		choose = f.p.First
	}
	at := func(v int32, _ int) int32 { return choose(v) }
	found, done := f.dive(ctx, at, false, short)
	for limit := short; !found && !done; limit += limit / 2 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		found, done = f.dive(ctx, at, true, limit)
	}
	return found && f.p.Values(x), nil
}

// Dive fills x with a stack as Find does, but gives up after that many dead ends:
// false says nothing then. The depth that choose is told is how many variables are
// decided already; after a dead end it is asked again from where that left off.
func (f *Finder) Dive(ctx context.Context, choose func(v int32, depth int) int32, ends int, x []int32) bool {
	base := f.p.Mark()
	work := f.p.Work()
	found, _ := f.dive(ctx, choose, false, ends)
	found = found && f.p.Values(x)
	f.p.Undo(base)
	f.stats.Work += f.p.Work() - work
	return found
}

// dive looks for a stack until that many dead ends. It is done if there is none.
func (f *Finder) dive(ctx context.Context, choose func(v int32, depth int) int32, hardest bool, limit int) (found, done bool) {
	p, ends := f.p, 0
	base := p.Mark()
	path := f.path[:0]
	next := int32(0)
	for {
		v := f.pick(hardest, next)
		if v < 0 {
			return true, true
		}
		if !hardest {
			next = v
		}
		t := turn{v: v, x: choose(v, len(path)), mark: p.Mark(), next: next}
		path = append(path, t)
		f.stats.Nodes++
		ok := p.Assign(t.v, t.x)
		for !ok {
			f.rank[p.failed]++
			if len(path) == 0 {
				p.Undo(base)
				return false, true
			}
			t = path[len(path)-1]
			path = path[:len(path)-1]
			p.Undo(t.mark)
			if ends++; ends > limit || ends&63 == 0 && ctx.Err() != nil {
				p.Undo(base)
				return false, false
			}
			next = t.next
			ok = p.Remove(t.v, t.x)
		}
	}
}

// pick returns the variable to decide next, negative if all are decided.
func (f *Finder) pick(hardest bool, next int32) int32 {
	p := f.p
	if !hardest {
		for v := next; int(v) < len(p.count); v++ {
			if p.count[v] > 1 {
				return v
			}
		}
		return -1
	}
	best := int32(-1)
	for v, c := range p.count {
		// c/rank < best's, without a division
		if c > 1 && (best < 0 || int64(c)*f.rank[best] < int64(p.count[best])*f.rank[v]) {
			best = int32(v)
		}
	}
	f.p.work += int64(len(p.count)) / 2
	return best
}

// FirstStack returns a stack of a network, nil if there is none; it is complete as
// Finder.Find is. Value order is the order of preference; variables are decided in
// the order of the network, so that what comes first gets what it likes best.
func FirstStack(ctx context.Context, n *Network) ([]int32, error) {
	p, ok := NewPropagator(n)
	if !ok {
		return nil, ctx.Err()
	}
	x := make([]int32, len(n.Vars))
	found, err := NewFinder(p).Find(ctx, nil, x)
	if !found {
		return nil, err
	}
	return x, nil
}

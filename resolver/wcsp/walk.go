package wcsp

import (
	"math/bits"
	"math/rand/v2"
)

// A Walker walks from stack to stack of a network: Try gives one variable another
// value and repairs what that breaks, Keep stays there and Undo goes back. It is
// what annealing and hill climbing share.
//
// Repairs go in the order of who holds up whom, so that most need to look at each
// variable once: a variable gets a value that goes with all before it, and those
// after it that do not go with it are repaired in turn. A quarter of the moves
// take any value and repair those before it too, by one step.
//
// TryBlock moves many variables at once, to what is best for all of them together;
// see blocks.
//
// It allocates nothing after it is made, and is for one goroutine.
type Walker struct {
	// Prior, if not nil, is what each value of each variable is thought to be
	// worth in a repair, in place of its own score: reduced costs, for example.
	Prior [][]int64

	// Pinned, if not negative, is a variable that no move changes.
	Pinned int32

	n     *Network
	rng   *rand.Rand
	x     []int32
	score int64
	stats Stats
	walkTables

	need, can []int32 // by variable: supports that need it; that need or allow it
	inside    []int32 // by group: members inside their sets

	fixed  int32 // the variable that moved
	todo   []uint64
	low    int // no word of todo before it has a bit
	sets   int
	log    []turn // what variables had before
	before int64
	lost   []int32 // loops that lost a support
	lostOf []bool
	held   []bool // scratch: by variable
	mask   []uint64
	blocks *blocks // nil until Heat
}

// NewWalker returns a walker over the values that the propagator has now. Load
// says where it begins.
func NewWalker(p *Propagator, rng *rand.Rand) *Walker {
	n := p.n
	w := &Walker{Pinned: -1, n: n, rng: rng, walkTables: newWalkTables(p)}
	w.x = make([]int32, len(n.Vars))
	w.need, w.can = make([]int32, len(n.Vars)), make([]int32, len(n.Vars))
	w.inside = make([]int32, len(n.Groups))
	w.todo = make([]uint64, len(n.Vars)/64+1)
	w.low = len(w.todo)
	w.log = make([]turn, 0, w.limit()+len(n.Vars)+1)
	w.lost = make([]int32, 0, len(w.loops))
	w.lostOf = make([]bool, len(w.loops))
	w.held = make([]bool, len(n.Vars))
	w.mask = make([]uint64, len(p.mask))
	return w
}

// limit is how many values a move may change before it is given up.
func (w *Walker) limit() int { return 2*len(w.n.Vars) + 16 }

// Load puts the walker on a stack, of which it takes a copy.
func (w *Walker) Load(x []int32) {
	copy(w.x, x)
	w.score = w.n.Score(x)
	clear(w.need)
	clear(w.can)
	for u, y := range w.x {
		for _, h := range w.holds[w.holdsOf[u]:w.holdsOf[u+1]] {
			f := w.flags[h.flags+y]
			w.need[h.v] += int32(f & needs)
			w.can[h.v] += int32(f >> 1)
		}
	}
	for g := range w.n.Groups {
		w.inside[g] = 0
		for _, m := range w.n.Groups[g].Members {
			if m.Set.Has(w.x[m.Var]) {
				w.inside[g]++
			}
		}
	}
	w.log = w.log[:0]
}

// Stack returns the values of where the walker is, which must not be changed and
// change with it, and what they are worth.
func (w *Walker) Stack() ([]int32, int64) { return w.x, w.score }

// Stats returns what the walker has done since it was made.
func (w *Walker) Stats() Stats {
	s := w.stats
	s.Work *= tick
	return s
}

// Try moves to another stack near by, and returns how much better it is. If it is
// not ok the walker is where it was; otherwise Keep or Undo is next.
func (w *Walker) Try() (gain int64, ok bool) {
	w.begin()
	if len(w.active) == 0 {
		return 0, false
	}
	r := w.rng.Uint64()
	v := w.active[uint64(uint32(r))*uint64(len(w.active))>>32]
	return w.try(v, r>>32)
}

// TryAt is a Try of variable v, that takes any value if anyValue.
func (w *Walker) TryAt(v int32, anyValue bool) (gain int64, ok bool) {
	w.begin()
	r := w.rng.Uint64() >> 32
	if anyValue {
		r &^= 3
	}
	return w.try(v, r)
}

// Moved appends to a list the variables that changed since Keep or Undo, some
// perhaps more than once.
func (w *Walker) Moved(list []int32) []int32 {
	for _, t := range w.log {
		list = append(list, t.v)
	}
	return list
}

// begin is the beginning of a move.
func (w *Walker) begin() {
	w.stats.Moves++
	w.stats.Work += 20
	w.log = w.log[:0]
	w.sets = 0
	w.before = w.score
	w.fixed = -1
}

// try moves variable v; r is random, 32 bits.
func (w *Walker) try(v int32, r uint64) (gain int64, ok bool) {
	if v == w.Pinned || w.optional[v] && w.can[v] == 0 {
		return 0, false
	}
	m := w.root(v)
	if r&3 != 0 {
		m = w.pull(v)
	} else if w.optional[v] && w.need[v] > 0 {
		m = w.mask[:copy(w.mask, m)]
		m[0] &^= 1
	}
	y := sample(m, w.x[v], uint32(r>>2)<<2)
	if y < 0 {
		return 0, false
	}
	w.fixed = v
	w.set(v, y)
	if !w.wake(v) || !w.repair() {
		w.Undo()
		return 0, false
	}
	return w.score - w.before, true
}

// Keep stays where Try went.
func (w *Walker) Keep() { w.log = w.log[:0] }

// Goto moves to another stack. There is no way back.
func (w *Walker) Goto(x []int32) {
	w.stats.Work += int64(len(x)) / 4
	for v, y := range x {
		if w.x[v] != y {
			w.set(int32(v), y)
			w.log = w.log[:0]
		}
	}
	w.settle()
}

// settle forgets which loops lost a support.
func (w *Walker) settle() {
	for _, k := range w.lost {
		w.lostOf[k] = false
	}
	w.lost = w.lost[:0]
}

// Undo goes back to where Try began.
func (w *Walker) Undo() {
	for i := len(w.log) - 1; i >= 0; i-- {
		w.apply(w.log[i].v, w.log[i].x)
	}
	w.log = w.log[:0]
	w.score = w.before
	// what was still to be repaired is broken no more
	for ; w.low < len(w.todo); w.low++ {
		w.todo[w.low] = 0
	}
	w.settle()
}

// sample returns a random value of a set that is not x, negative if there is none.
func sample(s []uint64, x int32, r uint32) int32 {
	n := Set(s).Count()
	if x >= 0 && Set(s).Has(x) {
		n--
	}
	if n <= 0 {
		return -1
	}
	k := int(uint64(r) * uint64(n) >> 32)
	for i, b := range s {
		if x >= 0 && int(x>>6) == i {
			b &^= 1 << (x & 63)
		}
		if c := bits.OnesCount64(b); k >= c {
			k -= c
			continue
		}
		for ; k > 0; k-- {
			b &= b - 1
		}
		return int32(i<<6 + bits.TrailingZeros64(b))
	}
	return -1
}

// set gives variable v value y, and counts what it is worth.
func (w *Walker) set(v, y int32) {
	old := w.x[v]
	w.log = append(w.log, turn{v: v, x: old})
	w.score += w.worth(v, y) - w.worth(v, old)
	w.apply(v, y)
	w.sets++
}

// worth returns what of the score depends on variable v, if it has value y.
func (w *Walker) worth(v, y int32) int64 {
	s := w.n.Vars[v].Unary[y]
	near := w.soft[w.softOf[v]:w.softOf[v+1]]
	w.stats.Work += int64(len(near))*2 + 2
	for i := range near {
		s += near[i].at(y, w.x[near[i].u])
	}
	for _, m := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
		g := &w.n.Groups[m.group]
		if g.Veto || !m.set.Has(y) {
			continue
		}
		others := w.inside[m.group]
		if m.set.Has(w.x[v]) {
			others--
		}
		if int(others) == len(g.Members)-1 {
			s += g.Score
		}
	}
	return s
}

// apply gives variable v value y, and counts who needs whom.
func (w *Walker) apply(v, y int32) {
	old := w.x[v]
	w.x[v] = y
	for _, h := range w.holds[w.holdsOf[v]:w.holdsOf[v+1]] {
		f, g := w.flags[h.flags+old], w.flags[h.flags+y]
		if f == g {
			continue
		}
		w.need[h.v] += int32(g&needs) - int32(f&needs)
		w.can[h.v] += int32(g>>1) - int32(f>>1)
		if k := w.loopOf[h.v]; k >= 0 && f > g && !w.lostOf[k] {
			w.lostOf[k] = true
			w.lost = append(w.lost, k)
		}
	}
	for _, m := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
		if m.set.Has(old) {
			w.inside[m.group]--
		}
		if m.set.Has(y) {
			w.inside[m.group]++
		}
	}
}

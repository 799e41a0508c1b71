package wcsp

import "math/bits"

// A Propagator keeps, for each variable of a network, the values that may still be
// part of a stack: it maintains arc consistency (Mackworth, 1977; Sabin and
// Freuder, 1994) over pairs, presence and vetoes, and removes what only a loop
// holds up. What it removes is in no stack of the box; what it keeps may be in
// none. Where each variable has one value, they are a stack.
//
// After it is made it allocates nothing. It is for one goroutine; its network may
// be shared.
type Propagator struct {
	n      *Network
	off    []int32 // by variable: its first word in dom; one more at the end
	dom    []uint64
	count  []int32 // by variable: values left
	trail  []change
	queue  ring // variables that lost values
	failed int32
	work   int64

	arcs   []arc
	arcsOf []int32 // by variable: its first arc; one more at the end

	needs    []need
	needsOf  []int32 // by variable that is held up: its first need
	holds    []int32 // needs, by the variable that holds up
	holdsOf  []int32 // by variable that holds up: its first in holds
	watch    []int32 // by variable: a need that can hold it up, or the first
	second   []int32 // another one; used where it is present for sure
	optional []bool

	vetoes   []veto
	vetoesOf [][]int32 // by variable

	loops loops
	mask  []uint64 // scratch for one variable
}

// A change is a word of dom as it was.
type change struct {
	word, v int32
	old     uint64
}

// NewPropagator returns a propagator of all values that propagation leaves. It is
// not ok if nothing is left of a variable: there is no stack, and propagation alone
// shows it.
func NewPropagator(n *Network) (p *Propagator, ok bool) {
	p = &Propagator{n: n, failed: -1}
	p.off = make([]int32, len(n.Vars)+1)
	p.count = make([]int32, len(n.Vars))
	p.optional = make([]bool, len(n.Vars))
	values, widest := 0, 0
	for v := range n.Vars {
		k := len(n.Vars[v].Unary)
		w := (k + 63) / 64
		p.off[v+1] = p.off[v] + int32(w)
		p.count[v] = int32(k)
		p.optional[v] = n.Vars[v].Optional
		values += k
		widest = max(widest, w)
	}
	p.dom = make([]uint64, p.off[len(n.Vars)])
	p.mask = make([]uint64, widest)
	// Each change takes a value at least, so the trail never grows beyond this.
	p.trail = make([]change, 0, values)
	p.queue = newRing(len(n.Vars))
	for v := range n.Vars {
		fill(p.domain(int32(v)), 0, p.count[v])
		if p.count[v] == 0 {
			return p, false
		}
	}
	p.compilePairs()
	p.compilePresence()
	p.compileVetoes()
	p.compileLoops()
	for v := range n.Vars {
		p.queue.push(int32(v))
	}
	return p, p.propagate()
}

func (p *Propagator) domain(v int32) Set { return Set(p.dom[p.off[v]:p.off[v+1]]) }

// Has reports whether variable v may still have value x.
func (p *Propagator) Has(v, x int32) bool { return p.domain(v).Has(x) }

// Count returns how many values variable v may still have.
func (p *Propagator) Count(v int32) int { return int(p.count[v]) }

// First returns the lowest value that variable v may still have.
func (p *Propagator) First(v int32) int32 {
	for w, b := range p.dom[p.off[v]:p.off[v+1]] {
		if b != 0 {
			return int32(w<<6 + bits.TrailingZeros64(b))
		}
	}
	return -1
}

// Domain returns the values that variable v may still have. It must not be
// changed, and changes with the propagator.
func (p *Propagator) Domain(v int32) Set { return p.domain(v) }

// Network returns the network it propagates.
func (p *Propagator) Network() *Network { return p.n }

// Work returns how much work it has done since it was made; see Stats.
func (p *Propagator) Work() int64 { return p.work * tick }

// tick is what one counted look into a table is in units of work: the benchmarks
// measure 2.5 to 4 ns.
const tick = 3

// Failed returns the variable that the last contradiction left without values.
func (p *Propagator) Failed() int32 { return p.failed }

// Mark returns where the trail of removals is, for Undo.
func (p *Propagator) Mark() int { return len(p.trail) }

// Undo gives back all values removed since Mark returned mark.
func (p *Propagator) Undo(mark int) {
	for i := len(p.trail) - 1; i >= mark; i-- {
		c := p.trail[i]
		p.count[c.v] += int32(bits.OnesCount64(c.old) - bits.OnesCount64(p.dom[c.word]))
		p.dom[c.word] = c.old
	}
	p.trail = p.trail[:mark]
}

// Assign removes all values of variable v but x, and what follows. It returns false
// on a contradiction; the propagator is of no use then until it is undone to a mark
// that is older.
func (p *Propagator) Assign(v, x int32) bool {
	if !p.Has(v, x) {
		p.failed = v
		return false
	}
	return p.assign(v, x) && p.propagate()
}

// Remove removes value x of variable v, and what follows. It returns false on a
// contradiction, as Assign does.
func (p *Propagator) Remove(v, x int32) bool {
	return p.remove(v, x) && p.propagate()
}

// Keep removes all values of variable v that are not in the set, and what follows.
// It returns false on a contradiction, as Assign does.
func (p *Propagator) Keep(v int32, s Set) bool {
	return p.keep(v, s) && p.propagate()
}

// Values reports whether each variable has one value left, and if so fills x with
// them: they are a stack then.
func (p *Propagator) Values(x []int32) bool {
	for v := range p.count {
		if p.count[v] != 1 {
			return false
		}
	}
	for v := range x {
		x[v] = p.First(int32(v))
	}
	return true
}

// The following remove values and queue their variable. They return false if
// nothing is left of it.

func (p *Propagator) assign(v, x int32) bool {
	if p.count[v] == 1 {
		return p.Has(v, x) || p.fail(v)
	}
	w := p.off[v]
	for i := w; i < p.off[v+1]; i++ {
		var m uint64
		if i-w == x>>6 {
			m = 1 << (x & 63)
		}
		p.word(v, i, p.dom[i]&m)
	}
	return p.changed(v)
}

func (p *Propagator) remove(v, x int32) bool {
	w := p.off[v] + x>>6
	if p.dom[w]>>(x&63)&1 == 0 {
		return true
	}
	p.word(v, w, p.dom[w]&^(1<<(x&63)))
	return p.changed(v)
}

func (p *Propagator) keep(v int32, s []uint64) bool {
	before := p.count[v]
	w := p.off[v]
	for i, d := range p.dom[w:p.off[v+1]] {
		var m uint64
		if i < len(s) {
			m = s[i]
		}
		p.word(v, w+int32(i), d&m)
	}
	return p.count[v] == before || p.changed(v)
}

func (p *Propagator) drop(v int32, s []uint64) bool {
	before := p.count[v]
	w := p.off[v]
	for i, m := range s {
		p.word(v, w+int32(i), p.dom[w+int32(i)]&^m)
	}
	return p.count[v] == before || p.changed(v)
}

// word sets a word of a domain to what is left of it.
func (p *Propagator) word(v, w int32, left uint64) {
	old := p.dom[w]
	if left == old {
		return
	}
	p.trail = append(p.trail, change{w, v, old})
	p.count[v] -= int32(bits.OnesCount64(old) - bits.OnesCount64(left))
	p.dom[w] = left
}

func (p *Propagator) changed(v int32) bool {
	if p.count[v] == 0 {
		return p.fail(v)
	}
	p.queue.push(v)
	return true
}

func (p *Propagator) fail(v int32) bool {
	p.failed = v
	p.queue.clear()
	p.loops.clear()
	return false
}

// A ring is a queue of distinct small numbers.
type ring struct {
	items []int32
	in    []bool
	head  int
	size  int
}

func newRing(n int) ring { return ring{items: make([]int32, n), in: make([]bool, n)} }

func (r *ring) push(x int32) {
	if r.in[x] {
		return
	}
	r.in[x] = true
	i := r.head + r.size
	if i >= len(r.items) {
		i -= len(r.items)
	}
	r.items[i] = x
	r.size++
}

func (r *ring) pop() int32 {
	x := r.items[r.head]
	if r.head++; r.head == len(r.items) {
		r.head = 0
	}
	r.size--
	r.in[x] = false
	return x
}

func (r *ring) clear() {
	for r.size > 0 {
		r.pop()
	}
}

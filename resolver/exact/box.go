package exact

import (
	"math"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// dead is what a forbidden value or combination is worth. Whatever is below
// alive is forbidden: sums of absolute scores are below MaxScore * Scale = 2^58,
// and two dead ones still add up.
const (
	dead  = math.MinInt64 / 8
	alive = dead / 2
)

// A box is a network of which some values are gone and some scores are shifted.
// What is decided is folded into base.
type box struct {
	*shape // shared, never changed

	b    []int64 // by slot of a value: what it is worth, with all messages
	d    []int64 // messages of the factors
	base int64   // worth of what is decided
	x    []int32 // by variable of the network: its value if decided, or -1

	sum int64 // the bound with the messages of when last looked
	ub  int64 // the least bound so far: no stack of the box is worth more
	// A factor whose variables have not changed since its last update would send
	// the same again. stamp says when each last changed, seen, by end of a factor,
	// up to when it has been told; clock is the last stamp.
	stamp, seen []uint32
	clock       uint32

	depth int32
	loops int32 // how many of the search's loop formulas are in
	from  int32 // variable of the network that was branched on last, or -1
}

// A shape is what boxes have in common that differ in messages and values only.
type shape struct {
	vars    []variable
	value   []int32 // by slot: the value in the network
	pairs   []pair
	choices []choice
	ends    int32 // of all factors
	cost    int64
	next    adjacency
}

// A variable of a box has the slots lo up to hi.
type variable struct {
	orig   int32 // in the network
	lo, hi int32
}

// A pair has a score for a row and a column; a row is a group of values of i
// that the pair does not tell apart, a column one of j. Messages are by row at
// di and by column at dj.
type pair struct {
	index  int32 // in the network
	i, j   int32
	row    []int32 // by value of i
	col    []int32 // by value of j
	rows   int32
	cols   int32
	di, dj int32
	table  []int64 // row by row; nil if that is too large
	runs   []run   // what is allowed, if kernel is not dense or there is no table
	off    []int32 // by row: where its runs begin
	kernel kernel
	cost   int64
}

// A kernel is a way to find maxima over the rows of a pair.
type kernel uint8

const (
	dense  kernel = iota // every entry
	sparse               // every entry that is allowed, run by run
	ladder               // every run, from maxima of doubling stretches
)

// A run is a stretch of columns of one score.
type run struct {
	lo, hi int32
	score  int64
}

// Classes of a member's values in a choice.
const (
	on     = 1 // the member is on
	off    = 2
	either = 3 // whichever suits
)

// A choice is worth 0 if some member is on. If none is, it is worth none (it has
// no q), or q must be absent. With a q, some on means that q is present, unless
// the choice is a loop formula, where q may be absent all the same.
type choice struct {
	factor  wcsp.Factor
	q       int32 // variable, or -1
	absent  int32 // index of q's absence; -1 if it is gone
	dq      int32 // messages: present, absent
	loop    bool
	may     bool  // somebody decided may be on
	none    int64 // without q: what it is worth if none is on
	members []member
	seen    int32 // ends: of its members, and of q
	cost    int64
}

// A member's messages are at d, by class less 1.
type member struct {
	v     int32
	class []uint8 // by value
	d     int32
}

func (s *shape) slots(v int32) (lo, hi int32) { return s.vars[v].lo, s.vars[v].hi }

// clone returns a box that can change apart from b.
func (b *box) clone() *box {
	c := *b
	c.b, c.d, c.x = slices.Clone(b.b), slices.Clone(b.d), slices.Clone(b.x)
	c.stamp, c.seen = slices.Clone(b.stamp), slices.Clone(b.seen)
	return &c
}

// size is about how many bytes a box takes that it does not share.
func (b *box) size() int64 {
	return int64(8*(len(b.b)+len(b.d))+4*(len(b.x)+len(b.stamp)+len(b.seen))) + 240
}

// fresh makes all factors due.
func (b *box) fresh() {
	n := int(b.ends)
	both := make([]uint32, n+len(b.vars))
	b.seen, b.stamp, b.clock = both[:n:n], both[n:], 1
	for v := range b.stamp {
		b.stamp[v] = 1
	}
}

// touch notes that a variable has changed.
func (b *box) touch(v int32) {
	b.clock++
	b.stamp[v] = b.clock
}

// bound sets and returns what no stack of the box can exceed. It holds once
// every factor is worth at most 0, which each has been since its first update.
func (b *box) bound() int64 {
	sum := b.base
	for _, v := range b.vars {
		m := int64(dead)
		for _, w := range b.b[v.lo:v.hi] {
			m = max(m, w)
		}
		if m < alive {
			b.sum, b.ub = dead, dead
			return dead
		}
		sum += m
	}
	b.sum = sum
	b.ub = min(b.ub, sum)
	return b.ub
}

// fix removes values with which no stack of the box is worth need, and returns
// how many are left of how many. It goes by the bound of now, not by the least so
// far: rounding may have raised it a little.
func (b *box) fix(need int64) (left, all int) {
	for v, o := range b.vars {
		m := int64(dead)
		vs := b.b[o.lo:o.hi]
		for _, w := range vs {
			m = max(m, w)
		}
		cut := max(need-b.sum+m, alive)
		gone := false
		for k, w := range vs {
			switch {
			case w >= cut:
				left++
			case w > dead:
				vs[k], gone = dead, true
			}
		}
		if gone {
			b.touch(int32(v))
		}
	}
	return left, len(b.b)
}

// adjacency lists the factors of each variable.
type adjacency struct {
	pair, choice       []int32 // indices
	pairOff, choiceOff []int32 // by variable: where its own begin
}

func (s *shape) link() {
	n := len(s.vars)
	a := &s.next
	a.pairOff, a.choiceOff = make([]int32, n+2), make([]int32, n+2)
	pairs := func(visit func(v, k int32)) {
		for k := range s.pairs {
			visit(s.pairs[k].i, int32(k))
			visit(s.pairs[k].j, int32(k))
		}
	}
	choices := func(visit func(v, k int32)) {
		for k := range s.choices {
			if q := s.choices[k].q; q >= 0 {
				visit(q, int32(k))
			}
			for m := range s.choices[k].members {
				visit(s.choices[k].members[m].v, int32(k))
			}
		}
	}
	fill := func(off []int32, each func(func(v, k int32))) []int32 {
		each(func(v, _ int32) { off[v+2]++ })
		for v := 2; v < len(off); v++ {
			off[v] += off[v-1]
		}
		list := make([]int32, off[n+1])
		each(func(v, k int32) {
			list[off[v+1]] = k
			off[v+1]++
		})
		return list
	}
	a.pair = fill(a.pairOff, pairs)
	a.choice = fill(a.choiceOff, choices)
	s.ends = int32(len(a.pair) + len(a.choice))
	at := int32(2 * len(s.pairs))
	for k := range s.choices {
		c := &s.choices[k]
		c.seen = at
		at += int32(len(c.members))
		if c.q >= 0 {
			at++
		}
	}
}

// price sets what updates cost, in units of work.
func (s *shape) price() {
	s.cost = 0
	for k := range s.pairs {
		p := &s.pairs[k]
		p.cost = 2*int64(len(p.row)+len(p.col)) + p.work(p.kernel) + 20
		s.cost += p.cost
	}
	for k := range s.choices {
		c := &s.choices[k]
		c.cost = 20
		for m := range c.members {
			c.cost += 2*int64(len(c.members[m].class)) + 10
		}
		if c.q >= 0 {
			lo, hi := s.slots(c.q)
			c.cost += 2 * int64(hi-lo)
		}
		s.cost += c.cost
	}
}

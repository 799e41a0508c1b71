package exact

import "slices"

// compact returns the box without what is dead, decided or constant; false if
// nothing is left. It consumes b.
//
// Whatever is folded was worth at most 0 with its messages, and that is given to
// one of its variables or to the base: the bound does not rise.
func (g *gatherer) compact(b *box) (*box, bool) {
	defer func() { g.old, g.choices, g.d = nil, nil, nil }()
	for {
		choices, ok := b.foldChoices()
		if !ok {
			return nil, false
		}
		g.old, g.choices, g.d = b, choices, make([]int64, 0, len(b.d))
		g.used = append(g.used[:0], make([]bool, len(b.vars))...)
		g.pairs = slices.Grow(g.pairs[:0], len(b.pairs))
		if !g.foldPairs() {
			return nil, false
		}
		if b, ok = g.gather(); !ok {
			return nil, false
		}
		again := false
		for _, v := range b.vars {
			again = again || v.hi-v.lo == 1
		}
		if !again {
			return b, true
		}
	}
}

// A gatherer makes a box of what is left of another. It may be used again.
type gatherer struct {
	maker
	old      *box
	choices  []choice
	pairs    []kept
	used     []bool // by variable: some factor has it
	d        []int64
	counts   []int32
	rowsLeft []bool // scratch: of a pair
	colsLeft []bool
	at       []int32 // scratch: by variable
	whole    []bool  // scratch: by variable: all its values are left
}

// A kept pair still has its old rows and columns by value; rows and cols say what
// became of them.
type kept struct {
	pair
	rowOf, colOf []int32
	same         bool // nothing
}

// foldPairs folds what is decided of the pairs and makes what is left smaller;
// false if one cannot be met.
func (g *gatherer) foldPairs() bool {
	b := g.old
	for k := range b.pairs {
		p := &b.pairs[k]
		g.rowsLeft, g.colsLeft = b.left(g.rowsLeft, p.i, p.row, p.rows), b.left(g.colsLeft, p.j, p.col, p.cols)
		rows, cols := g.rowsLeft, g.colsLeft
		nr, nc := count(rows), count(cols)
		switch {
		case nr == 0 || nc == 0:
			return false
		case nr == 1:
			r := first(rows)
			b.foldTo(p.j, p.col, func(c int32) int64 { return p.at(r, c) }, func(c int32) int64 { return b.d[p.di+r] + b.d[p.dj+c] })
			continue
		case nc == 1:
			c := first(cols)
			b.foldTo(p.i, p.row, func(r int32) int64 { return p.at(r, c) }, func(r int32) int64 { return b.d[p.di+r] + b.d[p.dj+c] })
			continue
		}
		q := kept{pair: *p}
		if nr == int(p.rows) && nc == int(p.cols) {
			q.rowOf, q.colOf, q.same = g.upTo(p.rows), g.upTo(p.cols), true
		} else {
			q.rowOf, q.colOf = q.shrink(&g.maker, p, rows, cols)
		}
		q.di, q.dj = g.merge(p.di, p.rows, q.rowOf, q.rows), g.merge(p.dj, p.cols, q.colOf, q.cols)
		if int(q.rows) < nr {
			b.lower(p.i, p.row, p.di, q.rowOf, g.d[q.di:])
		}
		if int(q.cols) < nc {
			b.lower(p.j, p.col, p.dj, q.colOf, g.d[q.dj:])
		}
		if q.rows == 1 {
			b.foldTo(p.j, p.col, func(c int32) int64 { return q.at(0, q.colOf[c]) }, func(c int32) int64 { return g.d[q.di] + g.d[q.dj+q.colOf[c]] })
			continue
		}
		if q.cols == 1 {
			b.foldTo(p.i, p.row, func(r int32) int64 { return q.at(q.rowOf[r], 0) }, func(r int32) int64 { return g.d[q.di+q.rowOf[r]] + g.d[q.dj] })
			continue
		}
		g.used[p.i], g.used[p.j] = true, true
		g.pairs = append(g.pairs, q)
	}
	return true
}

// left says which of n groups of a variable's values are left.
func (b *box) left(in []bool, v int32, of []int32, n int32) []bool {
	in = in[:0]
	for range n {
		in = append(in, false)
	}
	lo, hi := b.slots(v)
	for k, w := range b.b[lo:hi] {
		if w > alive {
			in[of[k]] = true
		}
	}
	return in
}

func count(in []bool) (n int) {
	for _, x := range in {
		if x {
			n++
		}
	}
	return n
}

func first(in []bool) int32 {
	for k, x := range in {
		if x {
			return int32(k)
		}
	}
	return -1
}

// upTo returns the numbers up to n, which must not be changed.
func (g *gatherer) upTo(n int32) []int32 {
	for k := len(g.counts); k < int(n); k++ {
		g.counts = append(g.counts, int32(k))
	}
	return g.counts[:n:n]
}

// foldTo gives values what a factor is worth without what it has sent.
func (b *box) foldTo(v int32, of []int32, worth, sent func(int32) int64) {
	lo, hi := b.slots(v)
	for k := range hi - lo {
		w := &b.b[lo+k]
		if *w < alive {
			continue
		}
		if e := worth(of[k]); e < alive {
			*w = dead
		} else {
			*w += e - sent(of[k])
		}
	}
}

// shrink makes q of the rows and columns of p that are left, and returns what
// became of p's; -1 of those that are gone.
func (q *kept) shrink(m *maker, p *pair, rows, cols []bool) (rowOf, colOf []int32) {
	rowOf, colOf = make([]int32, p.rows), make([]int32, p.cols)
	nr, nc := int32(0), int32(0)
	number := func(of []int32, in []bool, n *int32) {
		for k, x := range in {
			of[k] = -1
			if x {
				of[k] = *n
				*n++
			}
		}
	}
	number(rowOf, rows, &nr)
	number(colOf, cols, &nc)
	var r2, c2 []int32
	if p.table != nil {
		t := make([]int64, 0, nr*nc)
		for r, x := range rows {
			if !x {
				continue
			}
			row := p.table[r*int(p.cols) : (r+1)*int(p.cols)]
			for c, e := range row {
				if cols[c] {
					t = append(t, e)
				}
			}
		}
		q.rows, q.cols = nr, nc
		r2, c2 = m.setTable(&q.pair, t)
	} else {
		before := make([]int32, p.cols+1)
		for c, x := range cols {
			before[c+1] = before[c]
			if x {
				before[c+1]++
			}
		}
		list := make([][]run, 0, nr)
		for r, x := range rows {
			if !x {
				continue
			}
			var rs []run
			for _, e := range p.runs[p.off[r]:p.off[r+1]] {
				rs = appendRun(rs, run{before[e.lo], before[e.hi], e.score})
			}
			list = append(list, rs)
		}
		r2, c2 = m.setRuns(&q.pair, list, nc)
	}
	through := func(of, then []int32) {
		for k, x := range of {
			if x >= 0 {
				of[k] = then[x]
			}
		}
	}
	through(rowOf, r2)
	through(colOf, c2)
	return rowOf, colOf
}

// merge makes messages for n groups, each the least of the groups that are in it.
func (g *gatherer) merge(at, old int32, of []int32, n int32) int32 {
	base := int32(len(g.d))
	for range n {
		g.d = append(g.d, -dead)
	}
	for k := range old {
		if of[k] >= 0 {
			e := &g.d[base+of[k]]
			*e = min(*e, g.old.d[at+k])
		}
	}
	return base
}

// lower takes back what merging took from messages.
func (b *box) lower(v int32, group []int32, at int32, of []int32, d []int64) {
	lo, hi := b.slots(v)
	for k := range hi - lo {
		if w := &b.b[lo+k]; *w > alive {
			*w += d[of[group[k]]] - b.d[at+group[k]]
		}
	}
}

// gather makes the new box; false if a variable has no value left.
func (g *gatherer) gather() (*box, bool) {
	b := g.old
	for k := range g.choices {
		c := &g.choices[k]
		if c.q >= 0 {
			g.used[c.q] = true
		}
		for m := range c.members {
			g.used[c.members[m].v] = true
		}
	}
	s := &shape{}
	n := *b
	n.shape, n.b = s, make([]int64, 0, len(b.b))
	s.value, s.vars = make([]int32, 0, len(b.b)), make([]variable, 0, len(b.vars))
	g.at, g.whole = append(g.at[:0], make([]int32, len(b.vars))...), append(g.whole[:0], make([]bool, len(b.vars))...)
	at := g.at
	for v, o := range b.vars {
		lo, left, last := int32(len(n.b)), 0, int32(0)
		for k := o.lo; k < o.hi; k++ {
			if b.b[k] > alive {
				n.b, s.value = append(n.b, b.b[k]), append(s.value, b.value[k])
				last = k
				left++
			}
		}
		g.whole[v] = left == int(o.hi-o.lo)
		switch {
		case left == 0:
			return nil, false
		case left == 1 && !g.used[v]:
			n.x[o.orig] = b.value[last]
			n.base += b.b[last]
			n.b, s.value = n.b[:lo], s.value[:lo]
			at[v] = -1
			continue
		}
		at[v] = int32(len(s.vars))
		s.vars = append(s.vars, variable{o.orig, lo, int32(len(n.b))})
	}
	s.pairs = make([]pair, 0, len(g.pairs))
	ends := 0
	for k := range g.pairs {
		ends += len(g.pairs[k].row) + len(g.pairs[k].col)
	}
	slab := make([]int32, 0, ends)
	regroup := func(v int32, group, of []int32) []int32 {
		lo, hi := b.slots(v)
		from := len(slab)
		for k := range hi - lo {
			if b.b[lo+k] > alive {
				slab = append(slab, of[group[k]])
			}
		}
		return slab[from:len(slab):len(slab)]
	}
	for k := range g.pairs {
		p := &g.pairs[k]
		q := p.pair
		if !p.same || !g.whole[p.i] {
			q.row = regroup(p.i, p.row, p.rowOf)
		}
		if !p.same || !g.whole[p.j] {
			q.col = regroup(p.j, p.col, p.colOf)
		}
		q.i, q.j = at[p.i], at[p.j]
		s.pairs = append(s.pairs, q)
	}
	s.choices = g.choices
	for k := range s.choices {
		c := &s.choices[k]
		if c.q >= 0 {
			absent := int32(-1)
			lo, hi := b.slots(c.q)
			left := int32(0)
			for k := range hi - lo {
				if b.b[lo+k] > alive {
					if k == c.absent {
						absent = left
					}
					left++
				}
			}
			c.q, c.absent = at[c.q], absent
			g.d = append(g.d, b.d[c.dq], b.d[c.dq+1])
			c.dq = int32(len(g.d)) - 2
		}
		for k := range c.members {
			m := &c.members[k]
			lo, _ := b.slots(m.v)
			class := make([]uint8, 0, len(m.class))
			for k, e := range m.class {
				if b.b[lo+int32(k)] > alive {
					class = append(class, e)
				}
			}
			g.d = append(g.d, b.d[m.d:m.d+3]...)
			m.v, m.class, m.d = at[m.v], class, int32(len(g.d))-3
		}
	}
	n.d = g.d
	s.link()
	s.price()
	n.fresh()
	return &n, true
}

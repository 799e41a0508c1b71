package exact

import "math/bits"

// scratch is what updates work in, so that they allocate nothing.
type scratch struct {
	g, h   []int64 // by row
	m, n   []int64 // by column
	levels [][]int64
	best   []int64 // of choices: three of each member
	room   gatherer

	// big, if not 0, is taken from values that loop formulas forbid: for a
	// proof, which has to say so in a message.
	big int64

	work int64 // units done
	eps  int64 // changes up to this much are not passed on
}

// fit makes room for a box.
func (z *scratch) fit(s *shape) {
	rows, cols, members := 0, 0, 0
	climb := 0
	for k := range s.pairs {
		p := &s.pairs[k]
		rows, cols = max(rows, int(p.rows)), max(cols, int(p.cols))
		if p.kernel == ladder {
			climb = max(climb, int(p.cols))
		}
	}
	for k := range s.choices {
		members = max(members, len(s.choices[k].members))
	}
	if rows > len(z.g) {
		z.g, z.h = make([]int64, rows), make([]int64, rows)
	}
	if cols > len(z.m) {
		z.m, z.n = make([]int64, cols), make([]int64, cols)
	}
	if 3*members > len(z.best) {
		z.best = make([]int64, 3*members)
	}
	if climb > 0 {
		n := bits.Len(uint(climb))
		for len(z.levels) < n {
			z.levels = append(z.levels, nil)
		}
		for l := range z.levels[:n] {
			if len(z.levels[l]) < climb {
				z.levels[l] = make([]int64, climb)
			}
		}
	}
}

// sweep updates every factor once, backwards every other time.
func (z *scratch) sweep(b *box, back bool) {
	if !back {
		for k := range b.pairs {
			z.updatePair(b, int32(k))
		}
		for k := range b.choices {
			z.updateChoice(b, &b.choices[k])
		}
		return
	}
	for k := len(b.choices) - 1; k >= 0; k-- {
		z.updateChoice(b, &b.choices[k])
	}
	for k := len(b.pairs) - 1; k >= 0; k-- {
		z.updatePair(b, int32(k))
	}
}

// updatePair sends messages so that the pair is worth at most 0: half of what
// each row is worth to i, all that is left to j, and what is left then back to
// i (the handshake of MPLP++). What nothing goes with dies.
func (z *scratch) updatePair(b *box, k int32) {
	p := &b.pairs[k]
	seen := b.seen[2*k : 2*k+2]
	if seen[0] == b.stamp[p.i] && seen[1] == b.stamp[p.j] {
		return
	}
	z.work += p.cost
	li, hi := b.slots(p.i)
	lj, hj := b.slots(p.j)
	bi, bj := b.b[li:hi], b.b[lj:hj]
	di, dj := b.d[p.di:p.di+p.rows], b.d[p.dj:p.dj+p.cols]
	g, h := z.g[:p.rows], z.h[:p.rows]
	m, n := z.m[:p.cols], z.n[:p.cols]
	row, col := p.row[:len(bi)], p.col[:len(bj)]
	for r := range g {
		g[r] = dead
	}
	for c := range m {
		m[c] = dead
	}
	for x, w := range bi {
		r := row[x]
		g[r] = max(g[r], w)
	}
	for y, w := range bj {
		c := col[y]
		m[c] = max(m[c], w)
	}
	for r, w := range g {
		if w > alive {
			g[r] = w - di[r]
		}
	}
	for c, w := range m {
		if w > alive {
			m[c] = w - dj[c]
		}
		n[c] = dead
	}
	switch p.kernel {
	case dense:
		z.dense(p, g, h, m, n)
	case sparse:
		z.sparse(p, g, h, m, n)
	default:
		z.ladder(p, g, h, m, n)
	}
	least, most := int64(0), int64(0)
	for c, w := range n {
		e := int64(dead)
		if w > alive {
			e = w - dj[c]
			dj[c] = w
		}
		m[c] = e
		least, most = min(least, e), max(most, e)
	}
	if least < 0 || most > 0 {
		if least < -z.eps || most > z.eps {
			b.touch(p.j)
		}
		for y, w := range bj {
			if e := m[col[y]]; w > alive {
				if e == dead {
					bj[y] = dead
				} else {
					bj[y] = w + e
				}
			}
		}
	}
	least, most = 0, 0
	for r, w := range h {
		e := int64(dead)
		if w > alive {
			e = w - di[r]
			di[r] = w
		}
		g[r] = e
		least, most = min(least, e), max(most, e)
	}
	if least < 0 || most > 0 {
		if least < -z.eps || most > z.eps {
			b.touch(p.i)
		}
		for x, w := range bi {
			if e := g[row[x]]; w > alive {
				if e == dead {
					bi[x] = dead
				} else {
					bi[x] = w + e
				}
			}
		}
	}
	seen[0], seen[1] = b.stamp[p.i], b.stamp[p.j]
}

// dense sets n, by column, to what is left for j when i has had half of what
// its rows g and the columns m are worth, and h, by row, to what is left then
// for i.
func (z *scratch) dense(p *pair, g, h, m, n []int64) {
	w := int(p.cols)
	for r := range g {
		gr := g[r]
		if gr < alive {
			continue
		}
		row := p.table[r*w : r*w+w]
		row = row[:len(m)]
		best := int64(dead)
		for c, e := range m {
			best = max(best, row[c]+e)
		}
		if best < alive {
			g[r] = dead
			continue
		}
		gr = (gr - best) >> 1
		n := n[:len(row)]
		for c, e := range row {
			n[c] = max(n[c], e+gr)
		}
	}
	for c := range n {
		if m[c] < alive || n[c] < alive { // a dead column must not hold a row up
			n[c] = -dead
		}
	}
	for r := range g {
		if g[r] < alive {
			h[r] = dead
			continue
		}
		row := p.table[r*w : r*w+w]
		row = row[:len(n)]
		best := int64(dead)
		for c, e := range n {
			best = max(best, row[c]-e)
		}
		h[r] = best
	}
	undead(n)
}

func undead(n []int64) {
	for c, e := range n {
		if e == -dead {
			n[c] = dead
		}
	}
}

// sparse is dense of the entries that are allowed.
func (z *scratch) sparse(p *pair, g, h, m, n []int64) {
	for r := range g {
		if g[r] < alive {
			continue
		}
		rs := p.runs[p.off[r]:p.off[r+1]]
		best := int64(dead)
		for _, e := range rs {
			top := int64(dead)
			for _, w := range m[e.lo:e.hi] {
				top = max(top, w)
			}
			best = max(best, top+e.score)
		}
		if best < alive {
			g[r] = dead
			continue
		}
		half := (g[r] - best) >> 1
		for _, e := range rs {
			w := e.score + half
			for c := e.lo; c < e.hi; c++ {
				n[c] = max(n[c], w)
			}
		}
	}
	for c := range n {
		if m[c] < alive || n[c] < alive {
			n[c] = -dead
		}
	}
	for r := range g {
		best := int64(dead)
		if g[r] > alive {
			for _, e := range p.runs[p.off[r]:p.off[r+1]] {
				low := int64(-dead)
				for _, w := range n[e.lo:e.hi] {
					low = min(low, w)
				}
				best = max(best, e.score-low)
			}
		}
		h[r] = best
	}
	undead(n)
}

// ladder is dense of runs whose maxima come from a table of the maxima of all
// stretches of 1, 2, 4, ... columns; the same table, backwards, spreads what
// runs send to their columns.
func (z *scratch) ladder(p *pair, g, h, m, n []int64) {
	z.climb(m)
	for r := range g {
		if g[r] < alive {
			continue
		}
		best := int64(dead)
		for _, e := range p.runs[p.off[r]:p.off[r+1]] {
			best = max(best, e.score+z.top(e.lo, e.hi))
		}
		if best < alive {
			g[r] = dead
			continue
		}
		g[r] = (g[r] - best) >> 1
	}
	cols := len(n)
	top := bits.Len(uint(cols)) - 1
	for l := 0; l <= top; l++ {
		t := z.levels[l][:cols]
		for c := range t {
			t[c] = dead
		}
	}
	for r := range g {
		if g[r] < alive {
			continue
		}
		for _, e := range p.runs[p.off[r]:p.off[r+1]] {
			l := bits.Len32(uint32(e.hi-e.lo)) - 1
			t := z.levels[l]
			w := e.score + g[r]
			t[e.lo] = max(t[e.lo], w)
			t[e.hi-1<<l] = max(t[e.hi-1<<l], w)
		}
	}
	for l := top; l > 0; l-- {
		a, b := z.levels[l][:cols], z.levels[l-1][:cols]
		half := 1 << (l - 1)
		for c := 0; c+2*half <= cols; c++ {
			b[c] = max(b[c], a[c])
			b[c+half] = max(b[c+half], a[c])
		}
	}
	copy(n, z.levels[0][:cols])
	for c := range n {
		if m[c] < alive || n[c] < alive {
			n[c] = dead
			m[c] = dead
		} else {
			m[c] = -n[c]
		}
	}
	z.climb(m)
	for r := range g {
		best := int64(dead)
		if g[r] > alive {
			for _, e := range p.runs[p.off[r]:p.off[r+1]] {
				best = max(best, e.score+z.top(e.lo, e.hi))
			}
		}
		h[r] = best
	}
}

// climb fills the table of maxima.
func (z *scratch) climb(m []int64) {
	copy(z.levels[0], m)
	for l := 1; 1<<l <= len(m); l++ {
		a, b := z.levels[l-1][:len(m)], z.levels[l][:len(m)]
		half := 1 << (l - 1)
		for c := 0; c+2*half <= len(m); c++ {
			b[c] = max(a[c], a[c+half])
		}
	}
}

// top returns the maximum of columns lo up to hi.
func (z *scratch) top(lo, hi int32) int64 {
	l := bits.Len32(uint32(hi-lo)) - 1
	t := z.levels[l]
	return max(t[lo], t[hi-1<<l])
}

package exact

import (
	"math/bits"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// denseLimit is how many entries a pair keeps as a table (128 KiB).
const denseLimit = 1 << 14

// A maker makes pairs, and has what that takes.
type maker struct {
	left    [][]int32 // by variable: see before
	numbers []int32
	runs    []run
	rows    [][]run
	cut     []bool
	hash    []uint64
	slot    []int32
}

// compilePair makes a pair of the values that index, by variable and value of
// the network, knows.
func (m *maker) compilePair(p *wcsp.Pair, index [][]int32) pair {
	ia, ib := index[p.A], index[p.B]
	before := m.before(p.B, ib)
	cols := before[len(ib)]
	m.numbers = append(m.numbers[:0], make([]int32, len(p.Rows))...)
	rowOf := m.numbers // 1 and more
	var q pair
	q.row = make([]int32, 0, len(ia))
	runs := 0
	for _, rs := range p.Rows {
		runs += len(rs)
	}
	m.runs = slices.Grow(m.runs[:0], runs)
	m.rows = m.rows[:0]
	for x, k := range ia {
		if k < 0 {
			continue
		}
		r := p.Row[x]
		if rowOf[r] == 0 {
			begin := len(m.runs)
			for _, e := range p.Rows[r] {
				m.runs = append(m.runs[:begin], appendRun(m.runs[begin:], run{before[e.Lo], before[e.Hi], e.Score * wcsp.Scale})...)
			}
			m.rows = append(m.rows, m.runs[begin:len(m.runs):len(m.runs)])
			rowOf[r] = int32(len(m.rows))
		}
		q.row = append(q.row, rowOf[r]-1)
	}
	of, reps := m.setRuns(&q, m.rows, cols)
	for x := range q.row {
		q.row[x] = of[q.row[x]]
	}
	q.col = slices.Clone(reps[:cols])
	return q
}

// before returns how many values before each of variable v are left; one more at
// the end.
func (m *maker) before(v int32, index []int32) []int32 {
	if m.left[v] == nil {
		list := make([]int32, len(index)+1)
		for y, k := range index {
			list[y+1] = list[y]
			if k >= 0 {
				list[y+1]++
			}
		}
		m.left[v] = list
	}
	return m.left[v]
}

// appendRun appends a run unless it is empty, and lengthens the last one rather.
func appendRun(rs []run, r run) []run {
	if r.lo >= r.hi {
		return rs
	}
	if l := len(rs) - 1; l >= 0 && rs[l].hi == r.lo && rs[l].score == r.score {
		rs[l].hi = r.hi
		return rs
	}
	return append(rs, r)
}

// setRuns makes the pair's rows and columns of rows of runs over cols columns:
// equal rows become one, and so do columns next to each other that no run tells
// apart. It returns what became of the old rows and columns.
func (m *maker) setRuns(p *pair, rows [][]run, cols int32) (rowOf, colOf []int32) {
	rowOf, first := m.group(len(rows), func(r int) uint64 {
		h := uint64(len(rows[r]))
		for _, e := range rows[r] {
			h = mix(mix(h, uint64(e.lo)<<32|uint64(e.hi)), uint64(e.score))
		}
		return h
	}, func(a, b int) bool { return slices.Equal(rows[a], rows[b]) })
	m.cut = append(m.cut[:0], make([]bool, cols+1)...)
	cut := m.cut
	for _, r := range first {
		for _, e := range rows[r] {
			cut[e.lo], cut[e.hi] = true, true
		}
	}
	colOf = make([]int32, cols+1)
	n := int32(0)
	for c := int32(0); c < cols; c++ {
		if c > 0 && cut[c] {
			n++
		}
		colOf[c] = n
	}
	if cols > 0 {
		n++
	}
	colOf[cols] = n
	p.rows, p.cols = int32(len(first)), n
	p.table, p.runs, p.off = nil, nil, nil
	if int(p.rows)*int(n) <= denseLimit {
		t := make([]int64, int(p.rows)*int(n))
		for k := range t {
			t[k] = dead
		}
		for k, r := range first {
			row := t[k*int(n) : (k+1)*int(n)]
			for _, e := range rows[r] {
				for c := colOf[e.lo]; c < colOf[e.hi]; c++ {
					row[c] = e.score
				}
			}
		}
		// Rows that differ in their runs differ in the table.
		cols2 := m.setColumns(p, t)
		for c := range cols {
			colOf[c] = cols2[colOf[c]]
		}
		return rowOf, colOf
	}
	p.off = make([]int32, 0, len(first)+1)
	for _, r := range first {
		p.off = append(p.off, int32(len(p.runs)))
		for _, e := range rows[r] {
			p.runs = append(p.runs, run{colOf[e.lo], colOf[e.hi], e.score})
		}
	}
	p.off = append(p.off, int32(len(p.runs)))
	p.choose()
	return rowOf, colOf
}

// setTable makes the pair's rows and columns of a table of p.rows by p.cols
// entries: equal ones become one. It returns what became of the old ones.
func (m *maker) setTable(p *pair, t []int64) (rowOf, colOf []int32) {
	w := int(p.cols)
	rowOf, rows := m.group(int(p.rows), func(r int) uint64 {
		h := uint64(1)
		for _, e := range t[r*w : r*w+w] {
			h = mix(h, uint64(e))
		}
		return h
	}, func(a, b int) bool { return slices.Equal(t[a*w:a*w+w], t[b*w:b*w+w]) })
	if len(rows) < int(p.rows) {
		for k, r := range rows {
			copy(t[k*w:k*w+w], t[int(r)*w:int(r)*w+w])
		}
		p.rows = int32(len(rows))
		t = t[:len(rows)*w]
	}
	return rowOf, m.setColumns(p, t)
}

// setColumns is setTable of rows that differ. It takes the table.
func (m *maker) setColumns(p *pair, t []int64) (colOf []int32) {
	w := int(p.cols)
	colOf, cols := m.group(w, func(c int) uint64 {
		h := uint64(1)
		for k := c; k < len(t); k += w {
			h = mix(h, uint64(t[k]))
		}
		return h
	}, func(a, b int) bool {
		for r := 0; r < len(t); r += w {
			if t[r+a] != t[r+b] {
				return false
			}
		}
		return true
	})
	if len(cols) < w {
		k := 0
		for r := 0; r < len(t); r += w {
			for _, c := range cols {
				t[k] = t[r+int(c)] // never behind k
				k++
			}
		}
		t = t[:k]
		p.cols = int32(len(cols))
	}
	p.table, p.runs, p.off = t, nil, nil
	p.choose()
	return colOf
}

// choose picks the kernel that costs least.
func (p *pair) choose() {
	p.kernel = dense
	if p.table == nil {
		p.kernel = sparse
		if p.work(ladder) < p.work(sparse) {
			p.kernel = ladder
		}
		return
	}
	if len(p.table) < 64 {
		return
	}
	entries, runs := 0, 0
	for r := 0; r < len(p.table); r += int(p.cols) {
		last := int64(dead)
		for _, s := range p.table[r : r+int(p.cols)] {
			if s > alive {
				entries++
				if s != last {
					runs++
				}
			}
			last = s
		}
	}
	best := p.workOf(dense, entries, runs)
	for _, k := range []kernel{sparse, ladder} {
		if w := p.workOf(k, entries, runs); w < best {
			p.kernel, best = k, w
		}
	}
	if p.kernel == dense {
		return
	}
	p.runs, p.off = make([]run, 0, runs), make([]int32, 0, p.rows+1)
	for r := range p.rows {
		begin := len(p.runs)
		p.off = append(p.off, int32(begin))
		for c, s := range p.table[r*p.cols : (r+1)*p.cols] {
			if s > alive {
				p.runs = append(p.runs[:begin], appendRun(p.runs[begin:], run{int32(c), int32(c) + 1, s})...)
			}
		}
	}
	p.off = append(p.off, int32(len(p.runs)))
}

// work returns what a kernel costs, in units of work.
func (p *pair) work(k kernel) int64 {
	entries := 0
	for _, r := range p.runs {
		entries += int(r.hi - r.lo)
	}
	return p.workOf(k, entries, len(p.runs))
}

// workOf is work if so many entries are allowed, in so many runs.
func (p *pair) workOf(k kernel, entries, runs int) int64 {
	switch k {
	case sparse:
		return 3*int64(entries) + 10*int64(runs)
	case ladder:
		return 4*int64(p.cols)*int64(bits.Len32(uint32(p.cols))) + 12*int64(runs)
	}
	return 2 * int64(p.rows) * int64(p.cols)
}

// at returns what row r and column c are worth together, without messages.
func (p *pair) at(r, c int32) int64 {
	if p.table != nil {
		return p.table[r*p.cols+c]
	}
	rs := p.runs[p.off[r]:p.off[r+1]]
	k, _ := slices.BinarySearchFunc(rs, c, func(e run, c int32) int { return int(e.hi - c - 1) })
	if k < len(rs) && rs[k].lo <= c {
		return rs[k].score
	}
	return dead
}

// mix is a step of a hash (the multiplier is that of splitmix64).
func mix(h, x uint64) uint64 {
	h = (h ^ x) * 0xbf58476d1ce4e5b9
	return h ^ h>>29
}

// group gives equal things one number, in order of appearance. It returns the
// number of each, and of each number its first thing.
func (m *maker) group(n int, hash func(int) uint64, equal func(a, b int) bool) (of, first []int32) {
	both := make([]int32, 2*n)
	of, first = both[:n:n], both[n:n]
	size := 1
	for size < 2*n {
		size *= 2
	}
	m.slot = append(m.slot[:0], make([]int32, size)...)
	m.hash = append(m.hash[:0], make([]uint64, n)...)
	slot, hs := m.slot, m.hash
next:
	for k := range n {
		hs[k] = hash(k)
		at := int(hs[k]>>7) & (size - 1)
		for ; slot[at] != 0; at = (at + 1) & (size - 1) {
			if g := slot[at] - 1; hs[first[g]] == hs[k] && equal(int(first[g]), k) {
				of[k] = g
				continue next
			}
		}
		slot[at] = int32(len(first)) + 1
		of[k] = int32(len(first))
		first = append(first, int32(k))
	}
	return of, first
}

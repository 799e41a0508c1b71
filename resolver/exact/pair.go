package exact

import (
	"math/bits"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// denseLimit is how many entries a pair keeps as a table (128 KiB).
const denseLimit = 1 << 14

// compilePair makes a pair of the values that index, by variable and value of
// the network, knows.
func compilePair(p *wcsp.Pair, index [][]int32) pair {
	ia, ib := index[p.A], index[p.B]
	before := make([]int32, len(ib)+1) // values of B that are left
	for y, k := range ib {
		before[y+1] = before[y]
		if k >= 0 {
			before[y+1]++
		}
	}
	cols := before[len(ib)]
	rowOf := make([]int32, len(p.Rows))
	for r := range rowOf {
		rowOf[r] = -1
	}
	var q pair
	var rows [][]run
	for x, k := range ia {
		if k < 0 {
			continue
		}
		r := p.Row[x]
		if rowOf[r] < 0 {
			rowOf[r] = int32(len(rows))
			var rs []run
			for _, e := range p.Rows[r] {
				rs = appendRun(rs, run{before[e.Lo], before[e.Hi], e.Score * wcsp.Scale})
			}
			rows = append(rows, rs)
		}
		q.row = append(q.row, rowOf[r])
	}
	q.col = make([]int32, cols)
	for y := range q.col {
		q.col[y] = int32(y)
	}
	of, reps := q.setRuns(rows, cols)
	for x := range q.row {
		q.row[x] = of[q.row[x]]
	}
	for y := range q.col {
		q.col[y] = reps[q.col[y]]
	}
	return q
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
func (p *pair) setRuns(rows [][]run, cols int32) (rowOf, colOf []int32) {
	rowOf, first := group(len(rows), func(r int) uint64 {
		h := uint64(len(rows[r]))
		for _, e := range rows[r] {
			h = mix(mix(h, uint64(e.lo)<<32|uint64(e.hi)), uint64(e.score))
		}
		return h
	}, func(a, b int) bool { return slices.Equal(rows[a], rows[b]) })
	cut := make([]bool, cols+1)
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
		rows2, cols2 := p.setTable(t)
		for k := range rowOf {
			rowOf[k] = rows2[rowOf[k]]
		}
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
func (p *pair) setTable(t []int64) (rowOf, colOf []int32) {
	w := int(p.cols)
	rowOf, rows := group(int(p.rows), func(r int) uint64 {
		h := uint64(1)
		for _, e := range t[r*w : r*w+w] {
			h = mix(h, uint64(e))
		}
		return h
	}, func(a, b int) bool { return slices.Equal(t[a*w:a*w+w], t[b*w:b*w+w]) })
	colOf, cols := group(w, func(c int) uint64 {
		h := uint64(1)
		for _, r := range rows {
			h = mix(h, uint64(t[int(r)*w+c]))
		}
		return h
	}, func(a, b int) bool {
		for _, r := range rows {
			if t[int(r)*w+a] != t[int(r)*w+b] {
				return false
			}
		}
		return true
	})
	if len(rows) == int(p.rows) && len(cols) == w {
		p.table = t
	} else {
		p.table = make([]int64, 0, len(rows)*len(cols))
		for _, r := range rows {
			for _, c := range cols {
				p.table = append(p.table, t[int(r)*w+int(c)])
			}
		}
		p.rows, p.cols = int32(len(rows)), int32(len(cols))
	}
	p.runs, p.off = nil, nil
	p.choose()
	return rowOf, colOf
}

// choose picks the kernel that costs least.
func (p *pair) choose() {
	p.kernel = dense
	n := int(p.rows) * int(p.cols)
	if p.table != nil {
		if n < 64 {
			return
		}
		p.off = make([]int32, 0, p.rows+1)
		for r := range p.rows {
			p.off = append(p.off, int32(len(p.runs)))
			begin := len(p.runs)
			for c := int32(0); c < p.cols; c++ {
				if s := p.table[r*p.cols+c]; s > alive {
					p.runs = append(p.runs[:begin], appendRun(p.runs[begin:], run{c, c + 1, s})...)
				}
			}
		}
		p.off = append(p.off, int32(len(p.runs)))
	} else {
		p.kernel = sparse
	}
	for _, k := range []kernel{sparse, ladder} {
		if p.work(k) < p.work(p.kernel) {
			p.kernel = k
		}
	}
	if p.kernel == dense {
		p.runs, p.off = nil, nil
	}
}

// work returns what a kernel costs, in units of work.
func (p *pair) work(k kernel) int64 {
	switch k {
	case sparse:
		n := 0
		for _, r := range p.runs {
			n += int(r.hi - r.lo)
		}
		return 3*int64(n) + 10*int64(len(p.runs))
	case ladder:
		return 4*int64(p.cols)*int64(bits.Len32(uint32(p.cols))) + 12*int64(len(p.runs))
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
func group(n int, hash func(int) uint64, equal func(a, b int) bool) (of, first []int32) {
	of = make([]int32, n)
	first = make([]int32, 0, n)
	size := 1
	for size < 2*n {
		size *= 2
	}
	slot := make([]int32, size)
	hs := make([]uint64, n)
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

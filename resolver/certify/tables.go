package certify

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// parts are what is known of two variables together.
type parts struct {
	a, b  int
	needs []needAt // of either
	terms []pairTerm
}

// A needAt is that a value of one of them needs the other.
type needAt struct {
	variable, value int
	*need
}

// A pairTerm holds where both variables have some values.
type pairTerm struct {
	a, b  bitset
	score int64
	veto  bool
}

// A table is a pair factor: which values of two variables go together, and what
// that is worth. Values for which the same parts count are one row, or column.
type table struct {
	a, b       int
	rows, cols []bitset // values of a, and of b
	ok         []bool   // by row and column
	scores     []int64  // by row and column; nil if all are 0
}

// newTable makes the table of parts, over the values that can be at all.
func (n *network) newTable(p *parts) *table {
	t := &table{a: p.a, b: p.b}
	var needs [2][][]*need // by side and value
	var facing [2][]*need  // by side: the different needs that the other side has of it
	for side, v := range []int{p.a, p.b} {
		needs[side] = make([][]*need, len(n.unary[v]))
		for _, at := range p.needs {
			if at.variable == v {
				needs[side][at.value] = append(needs[side][at.value], at.need)
			} else {
				facing[side] = append(facing[side], at.need)
			}
		}
		slices.SortFunc(facing[side], func(x, y *need) int { return cmp.Compare(x.id, y.id) })
		facing[side] = slices.Compact(facing[side])
	}
	var ra, rb []int
	t.rows, ra = classify(n.start[p.a], func(x int, key []byte) []byte {
		key = sign(key, x, needs[0][x], facing[0])
		for i := range p.terms {
			key = append(key, flag(p.terms[i].a.has(x)))
		}
		return key
	})
	t.cols, rb = classify(n.start[p.b], func(y int, key []byte) []byte {
		key = sign(key, y, needs[1][y], facing[1])
		for i := range p.terms {
			key = append(key, flag(p.terms[i].b.has(y)))
		}
		return key
	})
	t.ok = make([]bool, len(ra)*len(rb))
	if len(p.terms) > 0 {
		t.scores = make([]int64, len(t.ok))
	}
	for r, x := range ra {
		for c, y := range rb {
			cell := r*len(rb) + c
			t.ok[cell] = admits(needs[0][x], y) && admits(needs[1][y], x)
			for i := range p.terms {
				if k := &p.terms[i]; k.a.has(x) && k.b.has(y) {
					t.ok[cell] = t.ok[cell] && !k.veto
					t.scores[cell] += k.score
				}
			}
		}
	}
	return t
}

// sign appends what tells value x apart from others of its variable.
func sign(key []byte, x int, needs, facing []*need) []byte {
	for _, n := range needs {
		key = binary.AppendUvarint(key, uint64(n.id+1))
	}
	key = append(key, 0)
	for _, n := range facing {
		key = append(key, flag(n.values.has(x)))
	}
	return key
}

// classify puts values with one signature together, and names one of each.
func classify(values bitset, sign func(x int, key []byte) []byte) (classes []bitset, first []int) {
	known := map[string]int{}
	var key []byte
	values.each(func(x int) {
		key = sign(x, key[:0])
		i, ok := known[string(key)]
		if !ok {
			i = len(classes)
			known[string(key)] = i
			classes, first = append(classes, make(bitset, len(values))), append(first, x)
		}
		classes[i].add(x)
	})
	return classes, first
}

func admits(needs []*need, x int) bool {
	return !slices.ContainsFunc(needs, func(n *need) bool { return !n.values.has(x) })
}

// revise removes from the box the values of either variable that go with none of
// the other's, and reports which variables lost some.
func (t *table) revise(b *box) (a, other bool) {
	va, vb := b.of(t.a), b.of(t.b)
	for r, row := range t.rows {
		if row.meets(va) && !t.supported(t.cols, vb, r*len(t.cols), 1) {
			a = va.drop(row) || a
		}
	}
	for c, col := range t.cols {
		if col.meets(vb) && !t.supported(t.rows, va, c, len(t.cols)) {
			other = vb.drop(col) || other
		}
	}
	return a, other
}

// supported reports whether a row goes with some column that the box leaves (or
// the other way round): its cells begin at cell and are stride apart.
func (t *table) supported(classes []bitset, left bitset, cell, stride int) bool {
	for i, class := range classes {
		if t.ok[cell+i*stride] && class.meets(left) {
			return true
		}
	}
	return false
}

// fold gives the scores to one variable if the box leaves one class of the other,
// and reports whether it did.
func (t *table) fold(e *evaluation) bool {
	va, vb := e.box.of(t.a), e.box.of(t.b)
	if r, ok := only(t.rows, va); ok {
		for c, col := range t.cols {
			e.credit(t.b, col, t.scores[r*len(t.cols)+c])
		}
		return true
	}
	if c, ok := only(t.cols, vb); ok {
		for r, row := range t.rows {
			e.credit(t.a, row, t.scores[r*len(t.cols)+c])
		}
		return true
	}
	return false
}

// only returns the class that alone has values in left.
func only(classes []bitset, left bitset) (int, bool) {
	found := -1
	for i, class := range classes {
		if class.meets(left) {
			if found >= 0 {
				return 0, false
			}
			found = i
		}
	}
	return found, found >= 0
}

// bound adds the best residual of the table, and what every value's best is less
// than that.
func (t *table) bound(e *evaluation, ma, mb []int64) {
	best := e.best(t.rows, t.a, ma)
	bestB := e.best(t.cols, t.b, mb)
	rowMax, colMax := make([]int64, len(t.rows)), make([]int64, len(t.cols)) // of the other side and the score
	for r := range rowMax {
		rowMax[r] = none
	}
	for c := range colMax {
		colMax[c] = none
	}
	top := int64(none)
	for r := range t.rows {
		for c := range t.cols {
			cell := r*len(t.cols) + c
			if !t.ok[cell] || best[r] == none || bestB[c] == none {
				continue
			}
			score := int64(0)
			if t.scores != nil {
				score = t.scores[cell]
			}
			rowMax[r] = max(rowMax[r], e.plus(score, bestB[c]))
			colMax[c] = max(colMax[c], e.plus(score, best[r]))
			top = max(top, e.plus(rowMax[r], best[r]))
		}
	}
	e.total(top)
	if e.slack == nil {
		return
	}
	for r, row := range t.rows {
		e.lose(t.a, row, ma, rowMax[r], top)
	}
	for c, col := range t.cols {
		e.lose(t.b, col, mb, colMax[c], top)
	}
}

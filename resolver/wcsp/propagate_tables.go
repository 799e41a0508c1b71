package wcsp

import (
	"cmp"
	"slices"
)

// An arc says what the values of one variable leave of another's. Values of from
// that leave the same are one class; the classes that leave most come first, so
// that a union of them is soon complete.
type arc struct {
	to    int32
	wide  int32    // words of to
	deep  int32    // words of from
	class []int32  // by value of from
	leave []uint64 // by class, wide words: values of to
	who   []uint64 // by class, deep words: values of from
}

func (a *arc) row(class int32) []uint64 { return a.leave[class*a.wide : (class+1)*a.wide] }

// compilePairs makes two arcs of each pair that forbids anything.
func (p *Propagator) compilePairs() {
	n := p.n
	p.arcsOf = make([]int32, len(n.Vars)+1)
	free := make([]bool, len(n.Pairs))
	for i := range n.Pairs {
		pair := &n.Pairs[i]
		if free[i] = pair.free(int32(len(n.Vars[pair.B].Unary))); !free[i] {
			p.arcsOf[pair.A+1]++
			p.arcsOf[pair.B+1]++
		}
	}
	for v := range n.Vars {
		p.arcsOf[v+1] += p.arcsOf[v]
	}
	next := slices.Clone(p.arcsOf)
	p.arcs = make([]arc, p.arcsOf[len(n.Vars)])
	var t tables
	for i := range n.Pairs {
		if free[i] {
			continue
		}
		pair := &n.Pairs[i]
		forth := &p.arcs[next[pair.A]]
		next[pair.A]++
		t.rows(pair, len(n.Vars[pair.B].Unary))
		t.arc(forth, pair.B, pair.Row)
		back := &p.arcs[next[pair.B]]
		next[pair.B]++
		t.columns(pair, forth, len(n.Vars[pair.B].Unary))
		t.arc(back, pair.A, t.column)
	}
}

// free reports whether a pair allows everything; b is how many values B has.
func (p *Pair) free(b int32) bool {
	for _, runs := range p.Rows {
		n := int32(0)
		for _, r := range runs {
			n += r.Hi - r.Lo
		}
		if n < b {
			return false
		}
	}
	return true
}

// Tables make arcs. They have few large allocations, and scratch for one arc.
type tables struct {
	ints  slab[int32]
	words slab[uint64]

	mask   []uint64 // rows of wide words each
	wide   int
	column []int32 // by value of B: its row, of columns

	cut   []uint64
	order []int32
	size  []int32 // by row: values, or negative if no value has it
	class []int32
}

// rows makes masks of a pair's rows.
func (t *tables) rows(pair *Pair, values int) {
	t.wide = (values + 63) / 64
	t.mask = grow(t.mask, len(pair.Rows)*t.wide)
	for r, runs := range pair.Rows {
		row := t.mask[r*t.wide : (r+1)*t.wide]
		for _, run := range runs {
			fill(row, run.Lo, run.Hi)
		}
	}
}

// columns makes masks of a pair's columns. They change only where a run begins or
// ends.
func (t *tables) columns(pair *Pair, forth *arc, values int) {
	t.cut = grow(t.cut, values/64+1)
	cut := Set(t.cut)
	for _, runs := range pair.Rows {
		for _, run := range runs {
			cut.Add(run.Lo)
			cut.Add(run.Hi)
		}
	}
	deep := int(forth.deep)
	t.wide = deep
	t.column = grow(t.column, values)
	t.mask = t.mask[:0]
	for b := range int32(values) {
		if b > 0 && !cut.Has(b) {
			t.column[b] = t.column[b-1]
			continue
		}
		at := len(t.mask)
		t.column[b] = int32(at / deep)
		for range deep {
			t.mask = append(t.mask, 0)
		}
		for k := range int32(len(forth.leave)) / forth.wide {
			if Set(forth.row(k)).Has(b) {
				for w := range deep {
					t.mask[at+w] |= forth.who[int(k)*deep+w]
				}
			}
		}
	}
}

// arc makes an arc of the masks; row says which of them each value has.
func (t *tables) arc(a *arc, to int32, row []int32) {
	rows := len(t.mask) / t.wide
	at := func(r int32) []uint64 { return t.mask[int(r)*t.wide : (int(r)+1)*t.wide] }
	t.size = grow(t.size, rows)
	t.order = t.order[:0]
	for _, r := range row {
		if t.size[r] == 0 {
			t.size[r] = 1 + int32(Set(at(r)).Count())
			t.order = append(t.order, r)
		}
	}
	slices.SortFunc(t.order, func(x, y int32) int {
		if t.size[x] != t.size[y] {
			return int(t.size[y] - t.size[x])
		}
		return cmp.Or(slices.Compare(at(x), at(y)), cmp.Compare(x, y))
	})
	t.class = grow(t.class, rows)
	classes := 0
	for i, r := range t.order {
		if i == 0 || !slices.Equal(at(r), at(t.order[i-1])) {
			classes++
		}
		t.class[r] = int32(classes - 1)
	}
	a.to, a.wide, a.deep = to, int32(t.wide), int32((len(row)+63)/64)
	a.leave = t.words.take(classes * t.wide)
	for _, r := range t.order {
		copy(a.row(t.class[r]), at(r))
	}
	a.class = t.ints.take(len(row))
	a.who = t.words.take(classes * int(a.deep))
	for x, r := range row {
		c := t.class[r]
		a.class[x] = c
		a.who[c*a.deep+int32(x>>6)] |= 1 << (x & 63)
	}
}

// A slab gives out zeroed slices of few large allocations.
type slab[T any] struct{ rest []T }

func (s *slab[T]) take(n int) []T {
	if n > len(s.rest) {
		s.rest = make([]T, max(n, 1<<12))
	}
	x := s.rest[:n:n]
	s.rest = s.rest[n:]
	return x
}

// grow returns n zeroes, in s if there is room.
func grow[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n, 2*n)
	}
	s = s[:n]
	clear(s)
	return s
}

// A need is one support of one optional variable, with masks as wide as the
// domain of the variable that holds it up.
type need struct {
	v, by int32
	need  []uint64
	can   []uint64 // values with which by holds v up: needs or allows it, and is present
}

// compilePresence makes the needs.
func (p *Propagator) compilePresence() {
	n := len(p.n.Vars)
	p.needsOf = make([]int32, n+1)
	p.holdsOf = make([]int32, n+1)
	p.watch = make([]int32, n)
	p.second = make([]int32, n)
	var words slab[uint64]
	for v := range p.n.Vars {
		p.watch[v], p.second[v] = int32(len(p.needs)), int32(len(p.needs))
		p.needsOf[v+1] = int32(len(p.needs))
		if !p.optional[v] {
			continue
		}
		for _, s := range p.n.Vars[v].Supports {
			wide := int(p.off[s.Var+1] - p.off[s.Var])
			masks := words.take(2 * wide)
			d := need{v: int32(v), by: s.Var, need: masks[:wide], can: masks[wide:]}
			copy(d.need, s.Need)
			copy(d.can, s.Need)
			for w := range min(wide, len(s.May)) {
				d.can[w] |= s.May[w]
			}
			if p.optional[s.Var] {
				Set(d.can).Remove(0)
			}
			p.needs = append(p.needs, d)
			p.holdsOf[s.Var+1]++
		}
		p.needsOf[v+1] = int32(len(p.needs))
	}
	for v := range n {
		p.holdsOf[v+1] += p.holdsOf[v]
	}
	next := slices.Clone(p.holdsOf)
	p.holds = make([]int32, len(p.needs))
	for i, d := range p.needs {
		p.holds[next[d.by]] = int32(i)
		next[d.by]++
	}
}

// A veto is a group that no stack may have; its sets are as wide as the domains.
type veto struct{ members []Member }

func (p *Propagator) compileVetoes() {
	p.vetoesOf = make([][]int32, len(p.n.Vars))
	for _, g := range p.n.Groups {
		if !g.Veto {
			continue
		}
		var t veto
		for _, m := range g.Members {
			p.vetoesOf[m.Var] = append(p.vetoesOf[m.Var], int32(len(p.vetoes)))
			mask := make(Set, p.off[m.Var+1]-p.off[m.Var])
			copy(mask, m.Set)
			t.members = append(t.members, Member{m.Var, mask})
		}
		p.vetoes = append(p.vetoes, t)
	}
}

// fill adds values lo up to but without hi.
func fill(s Set, lo, hi int32) {
	for w := lo >> 6; w<<6 < hi; w++ {
		m := ^uint64(0)
		if w == lo>>6 {
			m &= ^uint64(0) << (lo & 63)
		}
		if hi-w<<6 < 64 {
			m &= 1<<(hi-w<<6) - 1
		}
		s[w] |= m
	}
}

func meets(a, b []uint64) bool {
	for i, w := range a {
		if w&b[i] != 0 {
			return true
		}
	}
	return false
}

func within(a, b []uint64) bool {
	for i, w := range a {
		if w&^b[i] != 0 {
			return false
		}
	}
	return true
}

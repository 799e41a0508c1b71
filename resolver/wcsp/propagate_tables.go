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
	type made struct {
		from int32
		arc  arc
	}
	var all []made
	for i := range p.n.Pairs {
		pair := &p.n.Pairs[i]
		na, nb := len(p.n.Vars[pair.A].Unary), len(p.n.Vars[pair.B].Unary)
		wide := (nb + 63) / 64
		rows := make([]uint64, len(pair.Rows)*wide)
		free := true
		for r, runs := range pair.Rows {
			row := Set(rows[r*wide : (r+1)*wide])
			n := 0
			for _, run := range runs {
				fill(row, run.Lo, run.Hi)
				n += int(run.Hi - run.Lo)
			}
			free = free && n == nb
		}
		if free {
			continue
		}
		forth := newArc(pair.B, rows, wide, pair.Row)
		// The columns change only where a run begins or ends.
		cut := NewSet(nb + 1)
		cut.Add(0)
		for _, runs := range pair.Rows {
			for _, run := range runs {
				cut.Add(run.Lo)
				cut.Add(run.Hi)
			}
		}
		deep := (na + 63) / 64
		var columns []uint64
		column := make([]int32, nb)
		for b := range int32(nb) {
			if !cut.Has(b) {
				column[b] = column[b-1]
				continue
			}
			column[b] = int32(len(columns) / deep)
			columns = append(columns, make([]uint64, deep)...)
			c := columns[len(columns)-deep:]
			for k := range int32(len(forth.leave)) / forth.wide {
				if Set(forth.row(k)).Has(b) {
					for w := range c {
						c[w] |= forth.who[int(k)*deep+w]
					}
				}
			}
		}
		all = append(all, made{pair.A, forth}, made{pair.B, newArc(pair.A, columns, deep, column)})
	}
	slices.SortStableFunc(all, func(x, y made) int { return cmp.Compare(x.from, y.from) })
	p.arcsOf = make([]int32, len(p.n.Vars)+1)
	p.arcs = make([]arc, len(all))
	for i, m := range all {
		p.arcs[i] = m.arc
		p.arcsOf[m.from+1] = int32(i + 1)
	}
	fillForward(p.arcsOf)
}

// newArc makes an arc of rows, of which row says which one each value has.
func newArc(to int32, rows []uint64, wide int, row []int32) arc {
	used := make([]bool, len(rows)/wide)
	for _, r := range row {
		used[r] = true
	}
	var order []int32
	size := make([]int, len(used))
	for r, u := range used {
		if u {
			order = append(order, int32(r))
			size[r] = Set(rows[r*wide : (r+1)*wide]).Count()
		}
	}
	at := func(r int32) []uint64 { return rows[int(r)*wide : (int(r)+1)*wide] }
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(size[y], size[x]), slices.Compare(at(x), at(y)), cmp.Compare(x, y))
	})
	a := arc{to: to, wide: int32(wide), deep: int32((len(row) + 63) / 64), class: make([]int32, len(row))}
	class := make([]int32, len(used))
	k := int32(-1)
	for i, r := range order {
		if i == 0 || !slices.Equal(at(r), at(order[i-1])) {
			k++
			a.leave = append(a.leave, at(r)...)
		}
		class[r] = k
	}
	a.who = make([]uint64, (k+1)*a.deep)
	for x, r := range row {
		c := class[r]
		a.class[x] = c
		Set(a.who[c*a.deep : (c+1)*a.deep]).Add(int32(x))
	}
	return a
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
	for v := range p.n.Vars {
		p.watch[v], p.second[v] = int32(len(p.needs)), int32(len(p.needs))
		p.needsOf[v+1] = int32(len(p.needs))
		if !p.optional[v] {
			continue
		}
		for _, s := range p.n.Vars[v].Supports {
			wide := int(p.off[s.Var+1] - p.off[s.Var])
			masks := make([]uint64, 2*wide)
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

// fillForward completes offsets of which the empty ones are still 0.
func fillForward(of []int32) {
	for i := 1; i < len(of); i++ {
		of[i] = max(of[i], of[i-1])
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

package wcsp

import (
	"math"
	"math/bits"
)

// bind finds which values those that are not of the block leave to one of it, and
// what these are worth without the rest of the block.
func (w *Walker) bind(v int32) {
	b := w.blocks
	m := b.left[w.off[v]:w.off[v+1]]
	copy(m, w.root(v))
	worth := b.worth[b.at[v]:b.at[v+1]]
	unary := w.n.Vars[v].Unary[:len(worth)]
	seed := b.seed
	for y := range worth {
		seed = seed*6364136223846793005 + 1442695040888963407
		worth[y] = unary[y] + b.noise[seed>>56]
	}
	b.seed = seed
	links := b.links[b.linksOf[v]:b.linksOf[v+1]]
	w.stats.Work += int64(len(worth)+len(links))/2 + 6
	for i := range links {
		l := &links[i]
		if b.in[l.u] {
			continue
		}
		if l.row >= 0 {
			for k, a := range w.words[w.rowAt[l.row+w.x[l.u]]:][:len(m)] {
				m[k] &= a
			}
		}
		if l.soft >= 0 {
			w.soft[l.soft].add(worth, w.x[l.u])
			w.stats.Work += int64(len(worth)) / 2
		}
	}
	w.bindHeld(v, m)
	if w.optional[v] {
		switch n := b.holders[v]; {
		case n == 0 && w.need[v] > 0, n > 1 && w.x[v] != 0:
			m[0] &^= 1
		case n == 0 && w.can[v] == 0, n > 1:
			m[0] &= 1
			clear(m[1:])
		}
	}
	for _, g := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
		t := &w.n.Groups[g.group]
		others := w.inside[g.group]
		if g.set.Has(w.x[v]) {
			others--
		}
		if int(others) < len(t.Members)-1 {
			continue
		}
		if t.Veto {
			for k, a := range g.set {
				m[k] &^= a
			}
			continue
		}
		for y := range worth {
			if g.set.Has(int32(y)) {
				worth[y] += t.Score
			}
		}
	}
}

// bindHeld takes values of v that would change whether another is present that
// stays as it is.
func (w *Walker) bindHeld(v int32, m []uint64) {
	b := w.blocks
	for _, h := range w.holds[w.holdsOf[v]:w.holdsOf[v+1]] {
		switch u := h.v; {
		case b.in[u] && b.holders[u] == 1: // that is for messages
		case w.x[u] == 0:
			for k := range m {
				m[k] &^= w.flagged(v, h.flags, needs, k)
			}
		case w.can[u] == b.helpers[u] && b.keeper[u] == v:
			for k := range m {
				m[k] &= w.flagged(v, h.flags, helps, k)
			}
		}
	}
}

// tell adds to what each value of v's parent is worth the best that v can have with
// it, and takes those with which it can have none.
func (w *Walker) tell(v int32) {
	b := w.blocks
	l := &b.links[b.parent[v]]
	q := b.links[l.back].u
	h := b.heap[:0]
	worth := b.worth[b.at[v]:b.at[v+1]]
	top := 0
	for k, a := range b.left[w.off[v]:w.off[v+1]] {
		for ; a != 0; a &= a - 1 {
			y := int32(k<<6 + bits.TrailingZeros64(a))
			h = append(h, item{worth[y], y})
			if worth[y] > h[top].worth {
				top = len(h) - 1
			}
		}
	}
	w.stats.Work += int64(len(h))/2 + 8
	if len(h) == 0 {
		return // not so: what it has is left
	}
	if l.soft >= 0 {
		w.tellSoft(v, q, l, h)
		return
	}
	m, sum := b.left[w.off[q]:w.off[q+1]], b.worth[b.at[q]:b.at[q+1]]
	open := b.open[:copy(b.open, m)]
	h[0], h[top] = h[top], h[0]
	heap := false
	for {
		more := false
		for k, a := range open {
			if a == 0 {
				continue
			}
			a &= w.goes(v, q, l, h[0].x, k)
			open[k] &^= a
			for ; a != 0; a &= a - 1 {
				sum[k<<6+bits.TrailingZeros64(a)] += h[0].worth
			}
			more = more || open[k] != 0
		}
		last := len(h) - 1
		if !more || last == 0 {
			break
		}
		h[0] = h[last]
		h = h[:last]
		w.stats.Work += 3
		if heap {
			sink(h, 0)
			continue
		}
		// The best is mostly enough; only now it pays to order the others.
		for i := len(h)/2 - 1; i >= 0; i-- {
			sink(h, i)
		}
		w.stats.Work += int64(len(h)) / 2
		heap = true
	}
	for k, a := range open {
		m[k] &^= a
	}
}

// tellSoft is tell of a pair with scores.
func (w *Walker) tellSoft(v, q int32, l *link, h []item) {
	b := w.blocks
	m, sum := b.left[w.off[q]:w.off[q+1]], b.worth[b.at[q]:b.at[q+1]]
	open := b.open[:copy(b.open, m)]
	msg := b.msg[:len(sum)]
	for y := range msg {
		msg[y] = math.MinInt64
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	s, most := &w.soft[l.soft], b.most[l.soft]
	for more := true; more && len(h) > 0; {
		more = false
		x, worth := h[0].x, h[0].worth
		next := int64(math.MinInt64) // what those after it can be worth at most
		last := len(h) - 1
		h[0] = h[last]
		if h = h[:last]; last > 0 {
			sink(h, 0)
			next = h[0].worth + most
		}
		w.stats.Work += 4
		for k, a := range open {
			if a == 0 {
				continue
			}
			w.stats.Work += int64(bits.OnesCount64(a)) / 2
			goes := w.goes(v, q, l, x, k)
			for ; a != 0; a &= a - 1 {
				bit := a & -a
				y := k<<6 + bits.TrailingZeros64(a)
				if goes&bit != 0 {
					msg[y] = max(msg[y], worth+s.at(int32(y), x))
				}
				if msg[y] >= next {
					open[k] &^= bit
				}
			}
			more = more || open[k] != 0
		}
	}
	for k, a := range m {
		for ; a != 0; a &= a - 1 {
			y := k<<6 + bits.TrailingZeros64(a)
			if msg[y] == math.MinInt64 {
				m[k] &^= a & -a
			} else {
				sum[y] += msg[y]
			}
		}
	}
}

// goes returns which of word k of the values of q go with value x of v; l is the
// link from q to v, of which one is the other's parent.
func (w *Walker) goes(v, q int32, l *link, x int32, k int) uint64 {
	b := w.blocks
	a := ^uint64(0)
	if l.row >= 0 {
		a = w.words[w.rowAt[l.row+x]+int32(k)]
	}
	if l.holds >= 0 && b.holders[v] == 1 { // q holds up v
		now := w.flags[l.holds+w.x[q]]
		switch {
		case x == 0 && w.need[v] > int32(now&needs):
			return 0
		case x == 0:
			a &^= w.flagged(q, l.holds, needs, k)
		case w.can[v] == int32(now>>1):
			a &= w.flagged(q, l.holds, helps, k)
		}
	}
	if l.held >= 0 && b.holders[q] == 1 { // v holds up q
		now, then := w.flags[l.held+w.x[v]], w.flags[l.held+x]
		if k == 0 && (then&needs != 0 || w.need[q] > int32(now&needs)) {
			a &^= 1
		}
		if then&helps == 0 && w.can[q] == int32(now>>1) {
			if k > 0 {
				return 0
			}
			a &= 1
		}
	}
	return a
}

// flagged returns of word k of the values of v those that have a flag.
func (w *Walker) flagged(v, flags int32, flag uint8, k int) (a uint64) {
	w.stats.Work += 10
	first := flags + int32(k<<6)
	end := min(first+64, flags+int32(len(w.n.Vars[v].Unary)))
	for i, f := range w.flags[first:end] {
		if f&flag != 0 {
			a |= 1 << i
		}
	}
	return a
}

// best returns the best value of a variable of the block with that of its parent.
func (w *Walker) best(v int32) int32 {
	b := w.blocks
	worth := b.worth[b.at[v]:b.at[v+1]]
	w.stats.Work += int64(len(worth))/2 + 2
	var l *link
	q, yq := int32(0), int32(0)
	if i := b.parent[v]; i >= 0 {
		l = &b.links[i]
		q = b.links[l.back].u
		yq = b.y[q]
	}
	y, most := w.x[v], int64(math.MinInt64)
	for k, a := range b.left[w.off[v]:w.off[v+1]] {
		for ; a != 0; a &= a - 1 {
			x := int32(k<<6 + bits.TrailingZeros64(a))
			s := worth[x]
			if l != nil && l.soft >= 0 {
				s += w.soft[l.soft].at(yq, x)
			}
			if s > most && (l == nil || w.goes(v, q, l, x, int(yq>>6))>>(yq&63)&1 != 0) {
				y, most = x, s
			}
		}
	}
	return y
}

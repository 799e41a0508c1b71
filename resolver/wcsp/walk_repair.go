package wcsp

import (
	"math"
	"math/bits"
)

// stays reports whether a repair must leave variable v alone: it moved or is pinned.
func (w *Walker) stays(v int32) bool { return v == w.fixed || v == w.Pinned }

// push has variable v repaired; it is false if v has to stay.
func (w *Walker) push(v int32) bool {
	i := w.place[v]
	w.todo[i>>6] |= 1 << (i & 63)
	w.low = min(w.low, int(i>>6))
	return !w.stays(v)
}

// wake has those repaired that do not go with the value of variable v.
func (w *Walker) wake(v int32) bool {
	y := w.x[v]
	word, bit := y>>6, uint(y&63)
	near := w.near[w.nearOf[v]:w.nearOf[v+1]]
	w.stats.Work += int64(len(near)) * 2
	for i := range near {
		e := &near[i]
		if w.words[w.rowAt[e.row+w.x[e.u]]+word]>>bit&1 == 0 && !w.push(e.u) {
			return false
		}
	}
	for _, h := range w.holds[w.holdsOf[v]:w.holdsOf[v+1]] {
		if w.x[h.v] == 0 && w.need[h.v] > 0 || w.x[h.v] != 0 && w.can[h.v] == 0 {
			if !w.push(h.v) {
				return false
			}
		}
	}
	for _, m := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
		g := &w.n.Groups[m.group]
		if !g.Veto || int(w.inside[m.group]) < len(g.Members) {
			continue
		}
		last := int32(-1)
		for _, o := range g.Members {
			if !w.stays(o.Var) && (last < 0 || w.place[o.Var] > w.place[last]) {
				last = o.Var
			}
		}
		if last < 0 || !w.push(last) {
			return false
		}
	}
	return true
}

// repair gives variables new values until nothing is broken. It is false if it
// finds none for one of them.
func (w *Walker) repair() bool {
	for {
		for w.low < len(w.todo) {
			b := w.todo[w.low]
			if b == 0 {
				w.low++
				continue
			}
			w.todo[w.low] = b & (b - 1)
			v := w.order[w.low<<6+bits.TrailingZeros64(b)]
			m := w.pull(v)
			if Set(m).Has(w.x[v]) {
				continue
			}
			y := w.choose(v, m)
			if y < 0 || w.sets == w.limit() {
				return false
			}
			w.set(v, y)
			if !w.wake(v) {
				return false
			}
		}
		if len(w.lost) == 0 {
			return true
		}
		k := w.lost[len(w.lost)-1]
		w.lost = w.lost[:len(w.lost)-1]
		w.lostOf[k] = false
		if !w.refound(w.loops[k], k) {
			return false
		}
	}
}

// root returns the values that variable v may have at all.
func (w *Walker) root(v int32) []uint64 { return w.dom[w.off[v]:w.off[v+1]] }

// pull returns the values of variable v that go with those before it and with those
// that have to stay, with who needs it and with the vetoes. It is scratch.
func (w *Walker) pull(v int32) []uint64 {
	first, end := w.nearOf[v], w.beforeOf[v]
	for _, u := range [...]int32{w.fixed, w.Pinned} {
		if u < 0 || w.place[u] < w.place[v] {
			continue
		}
		for i := end; i < w.nearOf[v+1]; i++ {
			if w.near[i].u == u {
				// as if it came before
				w.near[i], w.near[end] = w.near[end], w.near[i]
				end++
				break
			}
		}
	}
	w.stats.Work += int64(end-first) * 2
	var m []uint64
	if w.off[v+1]-w.off[v] == 1 {
		one := w.dom[w.off[v]]
		for i := first; i < end; i++ {
			e := &w.near[i]
			one &= w.words[w.rowAt[e.row+w.x[e.u]]]
		}
		m = w.mask[:1]
		m[0] = one
	} else {
		m = w.mask[:copy(w.mask, w.root(v))]
		for i := first; i < end; i++ {
			e := &w.near[i]
			for k, b := range w.words[w.rowAt[e.row+w.x[e.u]]:][:len(m)] {
				m[k] &= b
			}
		}
		w.stats.Work += int64(end-first) * int64(len(m)) / 2
	}
	if w.optional[v] {
		if w.need[v] > 0 {
			m[0] &^= 1
		} else if w.can[v] == 0 {
			m[0] &= 1
			clear(m[1:])
		}
	}
	for _, g := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
		if t := &w.n.Groups[g.group]; t.Veto {
			others := w.inside[g.group]
			if g.set.Has(w.x[v]) {
				others--
			}
			if int(others) == len(t.Members)-1 {
				for k, b := range g.set {
					m[k] &^= b
				}
			}
		}
	}
	return m
}

// candidates is how many values a greedy repair compares at most.
const candidates = 16

// choose returns a value of the set, negative if it is empty: as often as not the
// one that is worth most, otherwise any.
func (w *Walker) choose(v int32, m []uint64) int32 {
	r := w.rng.Uint64()
	if r&1 == 0 {
		return sample(m, -1, uint32(r>>32))
	}
	best, most := int32(-1), int64(math.MinInt64)
	seen := 0
	for i, b := range m {
		for ; b != 0 && seen < candidates; b &= b - 1 {
			y := int32(i<<6 + bits.TrailingZeros64(b))
			s := int64(0)
			if w.Prior != nil {
				s = w.Prior[v][y]
			} else {
				s = w.worth(v, y)
			}
			if s > most {
				best, most = y, s
			}
			seen++
		}
	}
	return best
}

// refound makes the variables of a loop absent that only hold up each other.
func (w *Walker) refound(members []int32, k int32) bool {
	w.stats.Work += int64(len(members)) * 4
	for _, v := range members {
		w.held[v] = false
	}
	for more := true; more; {
		more = false
		for _, v := range members {
			if w.held[v] || w.x[v] == 0 {
				continue
			}
			for _, s := range w.supports[w.supportsOf[v]:w.supportsOf[v+1]] {
				if w.flags[s.flags+w.x[s.by]] != 0 && (w.loopOf[s.by] != k || w.held[s.by]) {
					w.held[v], more = true, true
					break
				}
			}
		}
	}
	first := len(w.log)
	for _, v := range members {
		if !w.held[v] && w.x[v] != 0 {
			if w.stays(v) || w.sets >= w.limit() || w.dom[w.off[v]]&1 == 0 {
				return false
			}
			w.set(v, 0)
		}
	}
	for _, t := range w.log[first:] {
		// Those before it are not repaired for its sake.
		for _, e := range w.near[w.nearOf[t.v]:w.beforeOf[t.v]] {
			if w.words[w.rowAt[e.row+w.x[e.u]]]&1 == 0 {
				return false
			}
		}
		if !w.wake(t.v) {
			return false
		}
	}
	return true
}

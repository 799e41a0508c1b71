package sample

import (
	"math/bits"

	"github.com/thamos/thamos/resolver/wcsp"
)

// separable reports whether a pair allows all values that are left, and each of
// its scores is the sum of one for either value.
func (w *walk) separable(p *wcsp.Pair) bool {
	if w.p.Count(p.A) == 1 || w.p.Count(p.B) == 1 {
		return true
	}
	w.values = appendSet(w.values[:0], w.p.Domain(p.B))
	a := w.p.First(p.A)
	last := p.Row[a]
	if !rowScores(p.Rows[last], w.values, w.ref) {
		return false
	}
	for a++; int(a) < len(p.Row); a++ {
		if p.Row[a] == last || !w.p.Has(p.A, a) {
			continue
		}
		last = p.Row[a]
		if !parallel(p.Rows[last], w.values, w.ref) {
			return false
		}
	}
	return true
}

// rowScores fills in the scores of a row at some values, in order. It returns
// false if the row forbids one.
func rowScores(row []wcsp.Run, values []int32, scores []int64) bool {
	k := 0
	for i, b := range values {
		for k < len(row) && row[k].Hi <= b {
			k++
		}
		if k == len(row) || b < row[k].Lo {
			return false
		}
		scores[i] = row[k].Score
	}
	return true
}

// parallel reports whether a row allows all values, with scores that differ from
// those given by the same number each.
func parallel(row []wcsp.Run, values []int32, scores []int64) bool {
	k := 0
	var shift int64
	for i, b := range values {
		for k < len(row) && row[k].Hi <= b {
			k++
		}
		if k == len(row) || b < row[k].Lo {
			return false
		}
		if i == 0 {
			shift = row[k].Score - scores[0]
		}
		if row[k].Score-scores[i] != shift {
			return false
		}
	}
	return true
}

// settled reports whether at most one member decides whether a group holds, and
// none whether a veto does; else which to branch on.
func (w *walk) settled(g *wcsp.Group) (v int32, ok bool) {
	open := 0
	for _, m := range g.Members {
		switch in, out := w.sides(m); {
		case !in:
			return 0, true
		case out:
			open, v = open+1, m.Var
		}
	}
	return v, open == 0 || open == 1 && !g.Veto
}

// sides reports whether a member has values left in its set, and out of it.
func (w *walk) sides(m wcsp.Member) (in, out bool) {
	for i, d := range w.p.Domain(m.Var) {
		s := word(m.Set, i)
		in, out = in || d&s != 0, out || d&^s != 0
	}
	return in, out
}

// founded reports whether all that is present is held up from outside whatever
// values it takes; else which variable to branch on, or -1 if there is none.
func (w *walk) founded() (v int32, ok bool) {
	vars := w.n.Vars
	clear(w.held)
	left := 0
	for v := range vars {
		w.held[v] = !vars[v].Optional || w.p.Has(int32(v), 0)
		if !w.held[v] {
			left++
		}
	}
	for more := true; more && left > 0; {
		more = false
		for v := range vars {
			if w.held[v] {
				continue
			}
			for _, s := range vars[v].Supports {
				if w.held[s.Var] && w.holds(s) {
					w.held[v], more = true, true
					left--
					break
				}
			}
		}
	}
	if left == 0 {
		return 0, true
	}
	for v := range vars {
		if w.held[v] {
			continue
		}
		for _, s := range vars[v].Supports {
			if w.p.Count(s.Var) > 1 && !w.holds(s) {
				return s.Var, false
			}
		}
	}
	return -1, false
}

// holds reports whether all values that a support has left hold up. Absence never
// does.
func (w *walk) holds(s wcsp.Support) bool {
	for i, d := range w.p.Domain(s.Var) {
		if d&^(word(s.Need, i)|word(s.May, i)) != 0 {
			return false
		}
	}
	return true
}

// word returns a word of a set, which may be shorter.
func word(s wcsp.Set, i int) uint64 {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// appendSet appends the values of a set, in order.
func appendSet(to []int32, s wcsp.Set) []int32 {
	for i, d := range s {
		for ; d != 0; d &= d - 1 {
			to = append(to, int32(i<<6+bits.TrailingZeros64(d)))
		}
	}
	return to
}

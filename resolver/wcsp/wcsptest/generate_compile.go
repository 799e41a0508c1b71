package wcsptest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// prune finds the releases that can be in a stack as far as looking at two
// packages at a time tells, and the packages that every stack has. It reports
// whether a direct requirement is left without a release.
func (x *index) prune() bool {
	for i := range x.packages {
		x.packages[i].alive = between(0, len(x.packages[i].date))
	}
	for _, d := range x.roots {
		p := &x.packages[d.on]
		p.alive, p.always = p.alive.and(d.allows), true
	}
	for again := true; again; {
		again = false
		reached := make([]releases, len(x.packages)) // by what somebody's need allows
		for _, d := range x.roots {
			reached[d.on] = d.allows
		}
		for i := range x.packages {
			again = x.pruneNeeds(i, reached) || again
			if p := &x.packages[i]; p.always && p.alive.empty() {
				return false
			}
		}
		for i := range x.packages {
			p := &x.packages[i]
			if left := p.alive.and(reached[i]); left != p.alive {
				p.alive, again = left, true
			}
		}
	}
	for i := range x.packages {
		if p := &x.packages[i]; p.always && p.alive.empty() {
			return false
		}
	}
	return true
}

// pruneNeeds drops the releases of package i whose needs cannot be met, notes
// what the needs of the others reach, and reports whether anything changed.
func (x *index) pruneNeeds(i int, reached []releases) (changed bool) {
	p := &x.packages[i]
	count := make([]int, len(x.packages))
	union := make([]releases, len(x.packages))
	for v := range p.date {
		if !p.alive.has(v) {
			continue
		}
		if slices.ContainsFunc(p.needs[v], func(d need) bool { return d.allows.and(x.packages[d.on].alive).empty() }) {
			p.alive.remove(v)
			changed = true
			continue
		}
		for _, d := range p.needs[v] {
			count[d.on]++
			union[d.on] = union[d.on].or(d.allows)
		}
	}
	for on, u := range union {
		reached[on] = reached[on].or(u)
		if q := &x.packages[on]; p.always && count[on] > 0 && count[on] == p.alive.count() {
			if left := q.alive.and(u); left != q.alive || !q.always {
				q.alive, q.always, changed = left, true, true
			}
		}
	}
	return changed
}

// classes returns for each package the releases that nobody can tell apart,
// newest first: they need the same, and whoever allows or scores one allows or
// scores all of them.
func (x *index) classes() [][][]int {
	told := make([][]releases, len(x.packages)) // what tells releases apart
	for i := range x.packages {
		for v, needs := range x.packages[i].needs {
			if !x.packages[i].alive.has(v) {
				continue
			}
			for _, d := range needs {
				told[d.on] = append(told[d.on], d.allows.and(x.packages[d.on].alive))
			}
		}
	}
	for _, t := range x.terms {
		told[t.a] = append(told[t.a], t.as)
		told[t.b] = append(told[t.b], t.bs)
	}
	all := make([][][]int, len(x.packages))
	for i := range x.packages {
		p := &x.packages[i]
		slices.SortFunc(told[i], func(a, b releases) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
		told[i] = slices.Compact(told[i])
		at := map[string]int{}
		for v := len(p.date) - 1; v >= 0; v-- {
			if !p.alive.has(v) {
				continue
			}
			var look []byte
			for _, d := range p.needs[v] {
				look = fmt.Appendf(look, "%d:%x ", d.on, d.allows.and(x.packages[d.on].alive))
			}
			for _, s := range told[i] {
				look = fmt.Append(look, s.has(v))
			}
			c, ok := at[string(look)]
			if !ok {
				c = len(all[i])
				at[string(look)] = c
				all[i] = append(all[i], nil)
			}
			all[i][c] = append(all[i][c], v)
		}
	}
	return all
}

// A cell is what a pair says of two values.
type cell struct {
	forbidden bool
	score     int64
}

// network puts the index in numbers.
func (x *index) network() *wcsp.Network {
	classes := x.classes()
	n := &wcsp.Network{}
	at := make([]int, len(x.packages)) // package to variable; -1 if no stack has it
	first := make([]int, len(x.packages))
	for i := range x.packages {
		p := &x.packages[i]
		if p.alive.empty() {
			at[i] = -1
			continue
		}
		at[i] = len(n.Vars)
		v := wcsp.Var{Optional: !p.always}
		if v.Optional {
			v.Unary, first[i] = append(v.Unary, 0), 1
		}
		for _, c := range classes[i] {
			best := p.score[c[0]]
			for _, r := range c {
				best = max(best, p.score[r])
			}
			v.Unary = append(v.Unary, best)
		}
		n.Vars = append(n.Vars, v)
	}
	tables := map[edge][][]cell{} // by packages; rows are classes of the first, with absence if it is optional
	table := func(a, b int) [][]cell {
		t, ok := tables[edge{a, b}]
		if !ok {
			t = make([][]cell, first[a]+len(classes[a]))
			for k := range t {
				t[k] = make([]cell, first[b]+len(classes[b]))
			}
			tables[edge{a, b}] = t
		}
		return t
	}
	for i := range x.packages {
		for k, c := range classes[i] {
			for _, d := range x.packages[i].needs[c[0]] {
				row := table(i, d.on)[first[i]+k]
				for y := range row {
					row[y].forbidden = y < first[d.on] || !d.allows.has(classes[d.on][y-first[d.on]][0])
				}
				if v := &n.Vars[at[d.on]]; v.Optional {
					support(v, at[i], first[i]+len(classes[i])).Add(int32(first[i] + k))
				}
			}
		}
	}
	for _, t := range x.terms {
		if at[t.a] < 0 || at[t.b] < 0 {
			continue
		}
		for k, c := range classes[t.a] {
			for l, d := range classes[t.b] {
				if !t.as.has(c[0]) || !t.bs.has(d[0]) {
					continue
				}
				z := &table(t.a, t.b)[first[t.a]+k][first[t.b]+l]
				z.forbidden = z.forbidden || t.veto
				z.score += t.score
			}
		}
	}
	keys := make([]edge, 0, len(tables))
	for k := range tables {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.on, b.on))
	})
	for _, k := range keys {
		n.Pairs = append(n.Pairs, pair(at[k.from], at[k.on], tables[k]))
	}
	return n
}

// support returns the set of values of another variable, which has so many, that
// need v. Whoever asks does so variable by variable.
func support(v *wcsp.Var, by, values int) wcsp.Set {
	if l := len(v.Supports); l == 0 || v.Supports[l-1].Var != int32(by) {
		v.Supports = append(v.Supports, wcsp.Support{Var: int32(by), Need: wcsp.NewSet(values)})
	}
	return v.Supports[len(v.Supports)-1].Need
}

// pair writes a table as runs; equal rows are kept once.
func pair(a, b int, t [][]cell) wcsp.Pair {
	p := wcsp.Pair{A: int32(a), B: int32(b)}
	for _, row := range t {
		var runs []wcsp.Run
		for y, c := range row {
			if c.forbidden {
				continue
			}
			if l := len(runs) - 1; l >= 0 && int(runs[l].Hi) == y && runs[l].Score == c.score {
				runs[l].Hi++
				continue
			}
			runs = append(runs, wcsp.Run{Lo: int32(y), Hi: int32(y) + 1, Score: c.score})
		}
		k := slices.IndexFunc(p.Rows, func(r []wcsp.Run) bool { return slices.Equal(r, runs) })
		if k < 0 {
			k = len(p.Rows)
			p.Rows = append(p.Rows, runs)
		}
		p.Row = append(p.Row, int32(k))
	}
	return p
}

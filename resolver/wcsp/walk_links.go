package wcsp

import "slices"

// A link is what one variable has to do with another, u.
type link struct {
	u     int32
	back  int32 // the link from u
	row   int32 // rowAt[row+x] begins the values of the variable that go with value x of u; -1 for all
	soft  int32 // in soft, from the variable's side; -1 for none
	held  int32 // flags of u if it holds up the variable; -1 if not
	holds int32 // flags of the variable if it holds up u; -1 if not
	apart bool  // a block has at most one of the two
}

// linkTables are links by variable.
type linkTables struct {
	linksOf []int32 // by variable: its first in links; one more at the end
	links   []link  // of each variable in order of u
	most    []int64 // by soft: its largest score, 0 or more
	choice  []bool  // by variable: it has one
}

func (w *Walker) newLinkTables() linkTables {
	n := len(w.n.Vars)
	t := linkTables{linksOf: make([]int32, n+1), most: make([]int64, len(w.soft)), choice: make([]bool, n)}
	at := make([]int32, n) // by variable: its place in links, and one more
	for v := range int32(n) {
		first := len(t.links)
		to := func(u int32) *link {
			if at[u] <= int32(first) {
				t.links = append(t.links, link{u: u, row: -1, soft: -1, held: -1, holds: -1})
				at[u] = int32(len(t.links))
			}
			return &t.links[at[u]-1]
		}
		for _, e := range w.near[w.nearOf[v]:w.nearOf[v+1]] {
			to(e.u).row = e.row
		}
		for i := w.softOf[v]; i < w.softOf[v+1]; i++ {
			to(w.soft[i].u).soft = i
		}
		for _, h := range w.holds[w.holdsOf[v]:w.holdsOf[v+1]] {
			to(h.v).holds = h.flags
		}
		for _, s := range w.supports[w.supportsOf[v]:w.supportsOf[v+1]] {
			to(s.by).held = s.flags
		}
		for _, m := range w.groups[w.groupsOf[v]:w.groupsOf[v+1]] {
			for _, o := range w.n.Groups[m.group].Members {
				if o.Var != v {
					to(o.Var).apart = true
				}
			}
		}
		mine := t.links[first:]
		for i := range mine {
			// Two that hold each other up could do so out of nothing.
			if k := w.loopOf[v]; k >= 0 && k == w.loopOf[mine[i].u] {
				mine[i].apart = true
			}
		}
		slices.SortFunc(mine, func(p, q link) int { return int(p.u - q.u) })
		t.linksOf[v+1] = int32(len(t.links))
	}
	for v := range int32(n) {
		for i := t.linksOf[v]; i < t.linksOf[v+1]; i++ {
			u := t.links[i].u
			k, _ := slices.BinarySearchFunc(t.links[t.linksOf[u]:t.linksOf[u+1]], v, func(l link, v int32) int { return int(l.u - v) })
			t.links[i].back = t.linksOf[u] + int32(k)
		}
	}
	for i := range w.soft {
		for _, runs := range w.soft[i].pair.Rows {
			for _, r := range runs {
				t.most[i] = max(t.most[i], r.Score)
			}
		}
	}
	for _, v := range w.active {
		t.choice[v] = true
	}
	return t
}

// add adds to worths, by value, what the pair is worth with value other of u.
func (s *soft) add(worth []int64, other int32) {
	switch {
	case s.table == nil:
		for y := range worth {
			worth[y] += s.at(int32(y), other)
		}
	case s.isA:
		row := s.pair.Row[:len(worth)]
		for y := range worth {
			worth[y] += s.table[row[y]*s.width+other]
		}
	default:
		row := s.table[s.pair.Row[other]*s.width:][:len(worth)]
		for y := range worth {
			worth[y] += row[y]
		}
	}
}

// An item is a value and what it is worth.
type item struct {
	worth int64
	x     int32
}

// sink makes h a heap again, the best first, after item i became worse.
func sink(h []item, i int) {
	e := h[i]
	for c := 2*i + 1; c < len(h); c = 2*i + 1 {
		if c+1 < len(h) && h[c+1].worth > h[c].worth {
			c++
		}
		if h[c].worth <= e.worth {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
}

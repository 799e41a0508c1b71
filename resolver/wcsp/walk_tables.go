package wcsp

import (
	"slices"
)

// walkTables are what a walker looks up, in flat arrays.
type walkTables struct {
	off      []int32 // by variable: its first word in dom; one more at the end
	dom      []uint64
	optional []bool
	active   []int32 // variables with a choice
	order    []int32 // variables, holders first
	place    []int32 // by variable: where it is in order

	nearOf   []int32 // by variable: its first in near; one more at the end
	beforeOf []int32 // by variable: the end of those in near that come before it
	near     []near
	rowAt    []int32
	words    []uint64

	softOf []int32
	soft   []soft

	holdsOf    []int32
	holds      []holdFlags
	supportsOf []int32
	supports   []supportFlags
	flags      []uint8 // by need and value of the holder

	groupsOf []int32
	groups   []membership

	loopOf []int32
	loops  [][]int32
}

// A near is another variable u that forbids values: rowAt[row+x] is where in words
// those begin that go with value x of u.
type near struct{ u, row int32 }

// holdFlags say, by value of a holder, what it does to variable v: flags[flags+x]
// has bits needs and helps.
type holdFlags struct{ v, flags int32 }

type supportFlags struct{ by, flags int32 }

const (
	needs = 1
	helps = 2 // needs or allows, and is present
)

// A membership is what a group has of one variable, in a set as wide as its domain.
type membership struct {
	group int32
	set   Set
}

// A soft is a pair with scores, from one side. Small ones are in a table.
type soft struct {
	u     int32
	isA   bool
	width int32 // values of B
	table []int64
	pair  *Pair
}

// small is how many entries a table of scores has at most.
const small = 1 << 14

func (s *soft) at(mine, other int32) int64 {
	if !s.isA {
		mine, other = other, mine
	}
	if s.table != nil {
		return s.table[s.pair.Row[mine]*s.width+other]
	}
	x, _ := s.pair.At(mine, other)
	return x
}

func newWalkTables(p *Propagator) walkTables {
	n := len(p.n.Vars)
	t := walkTables{
		off: p.off, dom: slices.Clone(p.dom), optional: p.optional,
		loopOf: p.loops.of, loops: p.loops.members,
		holdsOf: p.holdsOf, supportsOf: p.needsOf,
	}
	for v := range n {
		if p.count[v] > 1 {
			t.active = append(t.active, int32(v))
		}
	}
	t.compileOrder(p)
	t.compileNear(p)
	t.compileSoft(p.n)
	t.compileHolds(p)
	t.groupsOf = make([]int32, n+1)
	for v := range n {
		wide := p.off[v+1] - p.off[v]
		for g := range p.n.Groups {
			for _, m := range p.n.Groups[g].Members {
				if int(m.Var) == v {
					mask := make(Set, wide)
					copy(mask, m.Set)
					t.groups = append(t.groups, membership{int32(g), mask})
				}
			}
		}
		t.groupsOf[v+1] = int32(len(t.groups))
	}
	return t
}

// compileOrder puts holders before what they hold up; in loops, as the network
// has them.
func (t *walkTables) compileOrder(p *Propagator) {
	n := len(p.n.Vars)
	t.place = make([]int32, n)
	seen := make([]bool, n)
	var visit func(v int32)
	visit = func(v int32) {
		seen[v] = true
		for i := p.holdsOf[v+1] - 1; i >= p.holdsOf[v]; i-- {
			if u := p.needs[p.holds[i]].v; !seen[u] {
				visit(u)
			}
		}
		t.order = append(t.order, v)
	}
	for v := n - 1; v >= 0; v-- {
		if !seen[v] {
			visit(int32(v))
		}
	}
	slices.Reverse(t.order)
	for i, v := range t.order {
		t.place[v] = int32(i)
	}
}

func (t *walkTables) compileNear(p *Propagator) {
	n := len(p.n.Vars)
	t.nearOf, t.beforeOf = make([]int32, n+1), make([]int32, n)
	rows := make([]int32, len(p.arcs))
	for i := range p.arcs {
		a := &p.arcs[i]
		rows[i] = int32(len(t.rowAt))
		for _, c := range a.class {
			t.rowAt = append(t.rowAt, int32(len(t.words))+c*a.wide)
		}
		t.words = append(t.words, a.leave...)
		t.nearOf[a.to+1]++
	}
	for v := range n {
		t.nearOf[v+1] += t.nearOf[v]
	}
	t.near = make([]near, len(p.arcs))
	end := slices.Clone(t.nearOf[1:])
	copy(t.beforeOf, t.nearOf)
	for u := range int32(n) {
		for i := p.arcsOf[u]; i < p.arcsOf[u+1]; i++ {
			e, v := near{u, rows[i]}, p.arcs[i].to
			if t.place[u] < t.place[v] {
				t.near[t.beforeOf[v]] = e
				t.beforeOf[v]++
			} else {
				end[v]--
				t.near[end[v]] = e
			}
		}
	}
}

func (t *walkTables) compileSoft(n *Network) {
	t.softOf = make([]int32, len(n.Vars)+1)
	of := make([][]soft, len(n.Vars))
	for i := range n.Pairs {
		p := &n.Pairs[i]
		scored := false
		for _, runs := range p.Rows {
			for _, r := range runs {
				scored = scored || r.Score != 0
			}
		}
		if !scored {
			continue
		}
		s := soft{u: p.B, isA: true, width: int32(len(n.Vars[p.B].Unary)), pair: p}
		if len(p.Rows)*int(s.width) <= small {
			s.table = make([]int64, len(p.Rows)*int(s.width))
			for k, runs := range p.Rows {
				for _, r := range runs {
					for y := r.Lo; y < r.Hi; y++ {
						s.table[k*int(s.width)+int(y)] = r.Score
					}
				}
			}
		}
		of[p.A] = append(of[p.A], s)
		s.u, s.isA = p.A, false
		of[p.B] = append(of[p.B], s)
	}
	for v := range of {
		t.soft = append(t.soft, of[v]...)
		t.softOf[v+1] = int32(len(t.soft))
	}
}

func (t *walkTables) compileHolds(p *Propagator) {
	t.supports = make([]supportFlags, len(p.needs))
	for i, d := range p.needs {
		at := int32(len(t.flags))
		for y := range int32(len(p.n.Vars[d.by].Unary)) {
			f := uint8(0)
			if Set(d.need).Has(y) {
				f |= needs
			}
			if Set(d.can).Has(y) {
				f |= helps
			}
			t.flags = append(t.flags, f)
		}
		t.supports[i] = supportFlags{d.by, at}
	}
	t.holds = make([]holdFlags, len(p.holds))
	for k, i := range p.holds {
		t.holds[k] = holdFlags{p.needs[i].v, t.supports[i].flags}
	}
}

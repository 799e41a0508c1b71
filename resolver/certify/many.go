package certify

import (
	"fmt"
	"slices"
)

// A many is a factor of several variables that asks of each only on which side
// it is: in a set, or out of it. What it is worth depends on whether all are in;
// and, if it has a head, on whether the head is in.
//
//   - A group has members and no head: all in is worth its score, or forbidden.
//   - A presence has as head the variable (in: it is present), and as members
//     those who can need it (in: they do not). If it is absent, all are in; if it
//     is present, not all.
//   - A loop is like a presence whose head may be absent whatever the others do.
type many struct {
	head    *member
	members []member
	cases   []manyCase // what is not among them is forbidden
}

// A manyCase is what a factor is worth in one case.
type manyCase struct {
	headIn bool // where there is a head
	all    quantity
	score  int64
}

type quantity uint8

const (
	anyOf  quantity = iota // any of the members are in
	allOf                  // all are
	notAll                 // not all are
)

// group adds a term of three or more members, to one that looks at the same.
func (n *network) group(t *term, score int64, veto bool) {
	g := n.groups[t.id]
	if g == nil {
		g = &many{members: t.members, cases: []manyCase{{all: notAll}, {all: allOf}}}
		n.groups[t.id] = g
		n.order = append(n.order, g)
	}
	if len(g.cases) == 2 {
		g.cases[1].score += score
		if veto {
			g.cases = g.cases[:1]
		}
	}
}

// presence returns the presence factor of an optional variable.
func (n *network) presence(v int) (*many, error) {
	if !n.vars[v].optional {
		return nil, fmt.Errorf("%s is not optional, so its presence is no factor", n.vars[v].name)
	}
	f := n.entering(v, n.supports[v])
	f.cases = []manyCase{{headIn: false, all: allOf}, {headIn: true, all: notAll}}
	return f, nil
}

// loop returns the loop factor of a variable, all of whose loop is optional.
func (n *network) loop(v int, loop []int) (*many, error) {
	if !slices.Contains(loop, v) {
		return nil, fmt.Errorf("%s is not in its loop", n.vars[v].name)
	}
	var from []member
	for _, in := range loop {
		if !n.vars[in].optional {
			return nil, fmt.Errorf("%s is in a loop and not optional", n.vars[in].name)
		}
		for _, s := range n.supports[in] {
			if slices.Contains(loop, s.variable) {
				continue
			}
			i := slices.IndexFunc(from, func(m member) bool { return m.variable == s.variable })
			if i < 0 {
				i = len(from)
				from = append(from, member{s.variable, make(bitset, len(s.values))})
			}
			for w := range s.values {
				from[i].values[w] |= s.values[w]
			}
		}
	}
	f := n.entering(v, from)
	f.cases = []manyCase{{headIn: false, all: anyOf}, {headIn: true, all: notAll}}
	return f, nil
}

// entering returns a factor whose head is the presence of v, and whose members
// are in if they do not need what those in from do.
func (n *network) entering(v int, from []member) *many {
	f := &many{head: &member{v, n.present(v)}}
	for _, s := range from {
		not := make(bitset, len(s.values))
		for w := range not {
			not[w] = ^s.values[w]
		}
		f.members = append(f.members, member{s.variable, not})
	}
	return f
}

// present returns all values of a variable but its absence.
func (n *network) present(v int) bitset {
	all := newBits(len(n.unary[v]))
	for x := 1; x < len(n.unary[v]); x++ {
		all.add(x)
	}
	return all
}

// has reports whether a variable is one of the factor's.
func (f *many) has(v int) bool {
	return f.head != nil && f.head.variable == v ||
		slices.ContainsFunc(f.members, func(m member) bool { return m.variable == v })
}

// A side is the best that a member gives on either side: none if it cannot be.
type side struct{ in, out int64 }

// bound adds the best residual of the factor, and what every value's best is
// less than that. messages are by variable.
func (f *many) bound(e *evaluation, messages map[int][]int64) {
	sides := make([]side, len(f.members))
	for i := range f.members {
		sides[i] = e.side(&f.members[i], messages)
	}
	head := side{}
	if f.head != nil {
		head = e.side(f.head, messages)
	}
	top := f.best(e, head, sides)
	e.total(top)
	if e.slack == nil {
		return
	}
	for i := range f.members {
		m, own := &f.members[i], sides[i]
		sides[i] = side{0, none}
		in := f.best(e, head, sides)
		sides[i] = side{none, 0}
		out := f.best(e, head, sides)
		sides[i] = own
		e.loseSides(m, messages, in, out, top)
	}
	if f.head != nil {
		e.loseSides(f.head, messages, f.best(e, side{0, none}, sides), f.best(e, side{none, 0}, sides), top)
	}
}

// best returns the best of all cases.
func (f *many) best(e *evaluation, head side, sides []side) int64 {
	top := int64(none)
	for _, c := range f.cases {
		of := int64(0)
		switch {
		case f.head != nil && c.headIn:
			of = head.in
		case f.head != nil:
			of = head.out
		}
		if rest := sum(e, sides, c.all); of != none && rest != none {
			top = max(top, e.plus(c.score, e.plus(of, rest)))
		}
	}
	return top
}

// sum returns the best sum of sides, with as many in as it says.
func sum(e *evaluation, sides []side, in quantity) int64 {
	total, flip, out := int64(0), int64(none), false // flip: the least loss of moving one out
	for _, s := range sides {
		switch {
		case in == allOf && s.in == none, s.in == none && s.out == none:
			return none
		case in == allOf || s.out == none:
			total = e.plus(total, s.in)
		case s.in == none || s.out >= s.in:
			total, out = e.plus(total, s.out), true
		default:
			total = e.plus(total, s.in)
			flip = max(flip, e.plus(s.out, -s.in))
		}
	}
	switch {
	case in != notAll || out:
		return total
	case flip == none:
		return none
	}
	return e.plus(total, flip)
}

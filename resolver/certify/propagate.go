package certify

import (
	"slices"
)

// A box is a set of values for each variable.
type box struct {
	words  bitset
	layout []int // by variable: where its words begin; one more at the end
	empty  bool  // there is no stack in it
}

// newBox returns the box of all values.
func (n *network) newBox() *box {
	b := &box{layout: []int{0}}
	for _, s := range n.start {
		b.words = append(b.words, s...)
		b.layout = append(b.layout, len(b.words))
	}
	return b
}

// of returns the values of a variable; changing them changes the box.
func (b *box) of(v int) bitset { return b.words[b.layout[v]:b.layout[v+1]] }

func (b *box) clone() *box {
	return &box{words: slices.Clone(b.words), layout: b.layout, empty: b.empty}
}

// A propagation makes a box consistent: it removes values that are in no stack of
// the box.
type propagation struct {
	*network
	box     *box
	queue   []int  // variables that lost values
	waiting []bool // by variable
}

// propagate makes a box consistent again after some variables lost values; nil is
// all of them.
func (n *network) propagate(b *box, changed []int) {
	p := propagation{network: n, box: b, waiting: make([]bool, len(n.vars))}
	if changed == nil {
		for v := range n.vars {
			p.presence(v)
			changed = append(changed, v)
		}
	}
	for _, v := range changed {
		p.lost(v, true)
	}
	for !b.empty && (len(p.queue) > 0 || p.groups() || p.unfounded()) {
		if len(p.queue) == 0 {
			continue
		}
		v := p.queue[0]
		p.queue, p.waiting[v] = p.queue[1:], false
		for _, t := range n.tablesOf[v] {
			a, other := t.revise(b)
			p.lost(t.a, a)
			p.lost(t.b, other)
		}
		p.presence(v)
		for _, of := range n.supported[v] {
			p.presence(of)
		}
	}
}

// lost queues a variable that lost values.
func (p *propagation) lost(v int, any bool) {
	if !any {
		return
	}
	p.box.empty = p.box.empty || p.box.of(v).empty()
	if !p.waiting[v] {
		p.waiting[v] = true
		p.queue = append(p.queue, v)
	}
}

// presence removes values by who needs a variable.
func (p *propagation) presence(v int) {
	if !p.vars[v].optional {
		return
	}
	own := p.box.of(v)
	can, last := 0, member{} // who can need it
	for _, s := range p.supports[v] {
		by := p.box.of(s.variable)
		if by.meets(s.values) {
			can, last = can+1, s
		}
		if by.within(s.values) && own.has(0) { // needed in any case
			own.remove(0)
			p.lost(v, true)
		}
	}
	absent := newBits(len(p.unary[v]))
	absent.add(0)
	if can == 0 {
		p.lost(v, own.keep(absent))
	}
	switch {
	case own.within(absent):
		for _, s := range p.supports[v] {
			p.lost(s.variable, p.box.of(s.variable).drop(s.values))
		}
	case !own.has(0) && can == 1:
		p.lost(last.variable, p.box.of(last.variable).keep(last.values))
	}
}

// groups removes values that would make a vetoed group hold, and reports whether
// there were any.
func (p *propagation) groups() bool {
	for _, g := range p.order {
		if len(g.cases) == 2 {
			continue
		}
		var open []member
		for _, m := range g.members {
			if !p.box.of(m.variable).within(m.values) {
				open = append(open, m)
			}
		}
		switch len(open) {
		case 0:
			p.box.empty = true
		case 1:
			p.lost(open[0].variable, p.box.of(open[0].variable).drop(open[0].values))
		}
	}
	return len(p.queue) > 0
}

// unfounded removes the presence of variables that nothing can hold up from
// outside, and reports whether there were any.
func (p *propagation) unfounded() bool {
	founded := make([]bool, len(p.vars))
	var queue []int
	for v := range p.vars {
		if !p.vars[v].optional {
			founded[v] = true
			queue = append(queue, v)
		}
	}
	for head := 0; head < len(queue); head++ {
		u := queue[head]
		for _, v := range p.supported[u] {
			i := slices.IndexFunc(p.supports[v], func(s member) bool { return s.variable == u })
			if !founded[v] && p.box.of(u).meets(p.supports[v][i].values) {
				founded[v] = true
				queue = append(queue, v)
			}
		}
	}
	for v := range p.vars {
		if !founded[v] {
			absent := newBits(len(p.unary[v]))
			absent.add(0)
			p.lost(v, p.box.of(v).keep(absent))
		}
	}
	return len(p.queue) > 0
}

package exact

import (
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// into takes what is dead out of a box's sets.
func (b *box) into(in []wcsp.Set) {
	for _, o := range b.vars {
		var s wcsp.Set
		for k := o.lo; k < o.hi; k++ {
			if b.b[k] < alive {
				if s == nil {
					s = slices.Clone(in[o.orig])
				}
				s.Remove(b.value[k])
			}
		}
		if s != nil {
			in[o.orig] = s
		}
	}
}

// build compiles a box for a step: what its propagation decides is folded, and
// nothing else.
func (p *prover) build(in []wcsp.Set, warm *box) (*box, error) {
	b := p.addLoops(compile(p.net, in))
	var pairs []pair
	for k := range b.pairs {
		q := &b.pairs[k]
		switch {
		case len(q.row) == 1:
			b.foldTo(q.j, q.col, func(c int32) int64 { return q.at(0, c) }, func(int32) int64 { return 0 })
		case len(q.col) == 1:
			b.foldTo(q.i, q.row, func(r int32) int64 { return q.at(r, 0) }, func(int32) int64 { return 0 })
		case q.rows == 1 && q.cols == 1 && q.at(0, 0) > alive:
			b.base += q.at(0, 0)
		default:
			pairs = append(pairs, *q)
		}
	}
	var choices []choice
	for k := range b.choices {
		c := b.choices[k]
		keep, ok := true, true
		if c.factor.Kind != wcsp.LoopFactor {
			keep, ok = b.foldChoice(&c, true)
		}
		if !ok {
			for k := range b.b {
				b.b[k] = dead // whoever checks finds the box empty
			}
			break
		}
		if keep {
			choices = append(choices, c)
		}
	}
	s := *b.shape
	s.pairs, s.choices = pairs, choices
	b.shape = &s
	s.link()
	s.price()
	b.fresh()
	if warm != nil {
		b.warm(warm)
	}
	p.fit(b.shape)
	p.work += b.cost
	return b, nil
}

// warm sends the messages that another box of the network has sent.
func (b *box) warm(from *box) {
	at := make([]int32, len(b.x))
	for v := range at {
		at[v] = -1
	}
	for v, o := range from.vars {
		at[o.orig] = int32(v)
	}
	// end sends what from's groups of a variable were sent: to a group the least.
	end := func(v, w int32, group []int32, d []int64, old []int32, was []int64) {
		o, f := b.vars[v], from.vars[w]
		for g := range d {
			d[g] = -dead
		}
		k := f.lo
		for x := o.lo; x < o.hi; x++ {
			for from.value[k] != b.value[x] {
				k++
			}
			e := &d[group[x-o.lo]]
			*e = min(*e, was[old[k-f.lo]])
		}
		for x := o.lo; x < o.hi; x++ {
			if b.b[x] > alive {
				b.b[x] += d[group[x-o.lo]]
			}
		}
	}
	byIndex := make(map[int32]*pair, len(from.pairs))
	for k := range from.pairs {
		byIndex[from.pairs[k].index] = &from.pairs[k]
	}
	for k := range b.pairs {
		p := &b.pairs[k]
		if q := byIndex[p.index]; q != nil {
			end(p.i, q.i, p.row, b.d[p.di:p.di+p.rows], q.row, from.d[q.di:])
			end(p.j, q.j, p.col, b.d[p.dj:p.dj+p.cols], q.col, from.d[q.dj:])
		}
	}
	type name struct {
		kind  wcsp.FactorKind
		index int32
	}
	byName := make(map[name]*choice, len(from.choices))
	for k := range from.choices {
		if f := from.choices[k].factor; f.Kind != wcsp.LoopFactor {
			byName[name{f.Kind, f.Index}] = &from.choices[k]
		}
	}
	for k := range b.choices {
		c := &b.choices[k]
		q := byName[name{c.factor.Kind, c.factor.Index}]
		if q == nil || c.factor.Kind == wcsp.LoopFactor {
			continue
		}
		for m := range c.members {
			m := &c.members[m]
			j := slices.IndexFunc(q.members, func(o member) bool { return from.vars[o.v].orig == b.vars[m.v].orig })
			if j < 0 {
				continue
			}
			copy(b.d[m.d:m.d+3], from.d[q.members[j].d:q.members[j].d+3])
			lo, hi := b.slots(m.v)
			for k := range hi - lo {
				if b.b[lo+k] > alive {
					b.b[lo+k] += b.d[m.d+int32(m.class[k])-1]
				}
			}
		}
		if c.q >= 0 && q.q >= 0 {
			copy(b.d[c.dq:c.dq+2], from.d[q.dq:q.dq+2])
			lo, hi := b.slots(c.q)
			for k := range hi - lo {
				if b.b[lo+k] > alive {
					e := c.dq
					if k == c.absent {
						e++
					}
					b.b[lo+k] += b.d[e]
				}
			}
		}
	}
}

package exact

// decode reads a good assignment off the messages: each variable in turn takes
// its best value, and tells the factors it is in. It returns what the assignment
// is worth; false if it met a dead end. The values are in z.at, by variable.
func (z *search) decode(b *box) (worth int64, ok bool) {
	z.work += 2 * b.cost
	n := len(b.vars)
	z.cond = append(z.cond[:0], b.b...)
	z.at = z.at[:0]
	z.open = z.open[:0]
	for k := range b.choices {
		z.open = append(z.open, pending{left: int32(len(b.choices[k].members))})
	}
	for v := range int32(n) {
		lo, hi := b.slots(v)
		best, most := int32(-1), int64(alive)
		for k, w := range z.cond[lo:hi] {
			if w > most {
				best, most = int32(k), w
			}
		}
		if best < 0 {
			return dead, false
		}
		z.at = append(z.at, best)
		z.condition(b, v, best)
	}
	return z.worth(b, z.at)
}

// condition tells the variables behind v in order that v has value k.
func (z *search) condition(b *box, v, k int32) {
	a := &b.next
	for _, f := range a.pair[a.pairOff[v]:a.pairOff[v+1]] {
		p := &b.pairs[f]
		if p.i == v {
			r := p.row[k]
			if p.j > v {
				lo, hi := b.slots(p.j)
				z.add(z.cond[lo:hi], p.col, func(c int32) int64 { return p.at(r, c) }, b.d[p.dj:])
			}
			continue
		}
		c := p.col[k]
		if p.i > v {
			lo, hi := b.slots(p.i)
			z.add(z.cond[lo:hi], p.row, func(r int32) int64 { return p.at(r, c) }, b.d[p.di:])
		}
	}
	for _, f := range a.choice[a.choiceOff[v]:a.choiceOff[v+1]] {
		z.conditionChoice(b, &b.choices[f], &z.open[f], v, k)
	}
}

// add gives values what a pair is worth, row by row, and takes its messages back.
func (z *search) add(cond []int64, of []int32, worth func(int32) int64, d []int64) {
	for k, w := range cond {
		if w > alive {
			if e := worth(of[k]); e < alive {
				cond[k] = dead
			} else {
				cond[k] = w + e - d[of[k]]
			}
		}
	}
}

// pending is what a decoder knows of a choice.
type pending struct {
	left       int32 // members without a value
	some, may  bool
	here, gone bool // q is present, absent
}

func (z *search) conditionChoice(b *box, c *choice, o *pending, v, k int32) {
	if v == c.q {
		o.gone = k == c.absent
		o.here = !o.gone
	} else {
		for m := range c.members {
			if c.members[m].v == v {
				o.left--
				switch c.members[m].class[k] {
				case on:
					o.some = true
				case either:
					o.may = true
				}
			}
		}
	}
	if c.q > v && !c.loop && o.some && c.absent >= 0 {
		lo, _ := b.slots(c.q)
		z.cond[lo+c.absent] = dead
	}
	if c.q > v && o.left == 0 && !o.some && !o.may && !c.may {
		lo, hi := b.slots(c.q)
		for k := range hi - lo {
			if k != c.absent {
				z.cond[lo+k] = dead
			}
		}
	}
	must := (o.here || c.q < 0 && c.none < alive) && !o.some && !o.may && !c.may && o.left == 1
	not := o.gone && !c.loop
	last := c.q < 0 && c.none > alive && !o.some && o.left == 1
	if !must && !not && !last {
		return
	}
	for m := range c.members {
		m := &c.members[m]
		if m.v <= v {
			continue
		}
		lo, hi := b.slots(m.v)
		for k, w := range z.cond[lo:hi] {
			e := m.class[k]
			switch {
			case w < alive:
			case must && e == off || not && e == on:
				z.cond[lo+int32(k)] = dead
			case last:
				w -= b.d[m.d+int32(e)-1]
				if e == off {
					w += c.none
				}
				z.cond[lo+int32(k)] = w
			}
		}
	}
}

// worth returns what an assignment of a box is worth, by variable and value
// index; false if it is forbidden.
func (z *search) worth(b *box, at []int32) (int64, bool) {
	sum := b.base
	for v, o := range b.vars {
		w := b.b[o.lo+at[v]]
		if w < alive {
			return dead, false
		}
		sum += w
	}
	for k := range b.pairs {
		p := &b.pairs[k]
		r, c := p.row[at[p.i]], p.col[at[p.j]]
		e := p.at(r, c)
		if e < alive {
			return dead, false
		}
		sum += e - b.d[p.di+r] - b.d[p.dj+c]
	}
	for k := range b.choices {
		c := &b.choices[k]
		some, may := false, c.may
		for m := range c.members {
			m := &c.members[m]
			e := m.class[at[m.v]]
			some, may = some || e == on, may || e == either
			sum -= b.d[m.d+int32(e)-1]
		}
		switch {
		case c.q < 0:
			if !some && !may {
				if c.none < alive {
					return dead, false
				}
				sum += c.none
			}
		case at[c.q] == c.absent:
			if some && !c.loop {
				return dead, false
			}
			sum -= b.d[c.dq+1]
		default:
			if !some && !may {
				return dead, false
			}
			sum -= b.d[c.dq]
		}
	}
	return sum, true
}

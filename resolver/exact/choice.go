package exact

import "github.com/thamos/thamos/resolver/wcsp"

// updateChoice sends messages so that the choice is worth at most 0 and each of
// its variables has an equal share of the best that is left. Values of one class
// get one message: the choice cannot tell them apart, so what they differ by
// stays where it can be seen.
//
// A share is rounded up: the sum of all is then no less than what the choice is
// worth with any combination.
func (z *scratch) updateChoice(b *box, c *choice) {
	if !b.due(c) {
		return
	}
	z.work += c.cost
	n := int64(len(c.members))
	present, absent := int64(dead), int64(dead)
	var qs []int64
	if c.q >= 0 {
		n++
		lo, hi := b.slots(c.q)
		qs = b.b[lo:hi]
		for k, w := range qs {
			if int32(k) != c.absent {
				present = max(present, w)
			}
		}
		if c.absent >= 0 {
			absent = qs[c.absent]
		}
		if present > alive {
			present -= b.d[c.dq]
		}
		if absent > alive {
			absent -= b.d[c.dq+1]
		}
	}
	// all is what the members are worth at best, none if none may be on; second
	// is what it costs at least to have one on, but for the one that is cheapest.
	all, none := int64(0), int64(0)
	missing := 0 // members that cannot be off
	first, second, cheapest := int64(-dead), int64(-dead), -1
	for k := range c.members {
		m := &c.members[k]
		t := z.best[3*k : 3*k+3]
		t[0], t[1], t[2] = dead, dead, dead
		lo, hi := b.slots(m.v)
		vs := b.b[lo:hi]
		class := m.class[:len(vs)]
		for x, w := range vs {
			e := class[x] - 1
			t[e] = max(t[e], w)
		}
		d := b.d[m.d : m.d+3]
		for e := range t {
			if t[e] > alive {
				t[e] -= d[e]
			}
		}
		up, down := max(t[on-1], t[either-1]), max(t[off-1], t[either-1])
		best := max(up, down)
		if best < alive {
			return // a variable without values: the bound sees it
		}
		all += best
		if down > alive {
			none += down
		} else {
			missing++
		}
		cost := int64(-dead)
		if c.may {
			cost = 0
		} else if up > alive {
			cost = best - up
		}
		if cost < first {
			first, second, cheapest = cost, first, k
		} else if cost < second {
			second = cost
		}
	}
	if c.may {
		first, second = 0, 0
	}
	some := int64(dead)
	if first != -dead {
		some = all - first
	}
	if missing > 0 {
		none = dead
	}
	if c.q >= 0 {
		gone := none
		if c.loop {
			gone = all
		}
		s := share(present, some, n)
		if z.big > 0 && c.loop && s < alive && present > alive {
			s = present - z.big
		}
		z.tell(b, c.q, qs, c.absent, b.d[c.dq:c.dq+2], present, s, absent, share(absent, gone, n))
	}
	for k := range c.members {
		m := &c.members[k]
		t := z.best[3*k : 3*k+3]
		down := max(t[off-1], t[either-1])
		best := max(t[on-1], down)
		rest := all - best
		cost := first
		if k == cheapest {
			cost = second
		}
		oneMore := int64(dead) // another is on
		if c.may {
			oneMore = rest
		} else if cost != -dead {
			oneMore = rest - cost
		}
		noMore := int64(dead) // no other is
		switch {
		case missing == 0:
			noMore = none - down
		case missing == 1 && down < alive:
			noMore = sumOff(z.best, len(c.members), k)
		}
		var isOn, isOff int64
		switch {
		case c.q < 0:
			isOn, isOff = rest, max(oneMore, add(noMore, c.none))
		case c.loop:
			isOn = add(max(present, absent), rest)
			isOff = max(add(present, oneMore), add(absent, rest))
		default:
			isOn = add(present, rest)
			isOff = max(add(present, oneMore), add(absent, noMore))
		}
		d := b.d[m.d : m.d+3]
		var step [3]int64
		change := false
		for e, w := range t {
			if w < alive {
				continue
			}
			best := isOn
			switch e {
			case off - 1:
				best = isOff
			case either - 1:
				best = max(isOn, isOff)
			}
			s := share(w, best, n)
			if s < alive && (z.big == 0 || c.factor.Kind != wcsp.LoopFactor) {
				step[e], change = dead, true
				continue
			}
			if s < alive {
				s = w - z.big
			}
			step[e] = s - w - d[e]
			d[e] = s - w
			change = change || step[e] != 0
		}
		if !change {
			continue
		}
		if max(step[0], step[1], step[2]) > z.eps || min(step[0], step[1], step[2]) < -z.eps {
			b.touch(m.v)
		}
		lo, hi := b.slots(m.v)
		vs := b.b[lo:hi]
		class := m.class[:len(vs)]
		for x, w := range vs {
			if w > alive {
				if e := step[class[x]-1]; e == dead {
					vs[x] = dead
				} else {
					vs[x] = w + e
				}
			}
		}
	}
	seen := b.seen[c.seen:]
	for k := range c.members {
		seen[k] = b.stamp[c.members[k].v]
	}
	if c.q >= 0 {
		seen[len(c.members)] = b.stamp[c.q]
	}
}

// due reports whether a variable of a choice has changed since its last update.
func (b *box) due(c *choice) bool {
	seen := b.seen[c.seen:]
	for k := range c.members {
		if seen[k] != b.stamp[c.members[k].v] {
			return true
		}
	}
	return c.q >= 0 && seen[len(c.members)] != b.stamp[c.q]
}

// sumOff returns what all members but k are worth if they are off.
func sumOff(best []int64, n, k int) int64 {
	sum := int64(0)
	for o := range n {
		if o != k {
			sum += max(best[3*o+off-1], best[3*o+either-1])
		}
	}
	return sum
}

// tell sends q what it should be worth present and absent; ps and as are what it
// is worth without the messages d.
func (z *scratch) tell(b *box, q int32, qs []int64, at int32, d []int64, ps, present, as, absent int64) {
	step, other := int64(dead), int64(0)
	if present > alive {
		step = present - ps - d[0]
		d[0] = present - ps
	}
	if at >= 0 && qs[at] > alive {
		other = dead
		if absent > alive {
			other = absent - as - d[1]
			d[1] = absent - as
			qs[at] += other
		} else {
			qs[at] = dead
		}
	}
	if max(step, other) > z.eps || min(step, other) < -z.eps {
		b.touch(q)
	}
	if step != 0 {
		for k, w := range qs {
			if int32(k) != at && w > alive {
				if step == dead {
					qs[k] = dead
				} else {
					qs[k] = w + step
				}
			}
		}
	}
}

// add adds what may be dead.
func add(a, b int64) int64 {
	if a < alive || b < alive {
		return dead
	}
	return a + b
}

// share returns the n-th part of a+b, rounded up, or dead.
func share(a, b, n int64) int64 {
	if a < alive || b < alive {
		return dead
	}
	s := a + b
	q := s / n
	if s > 0 && q*n != s {
		q++
	}
	return q
}

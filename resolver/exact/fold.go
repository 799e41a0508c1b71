package exact

// kill removes the values of a variable that drop says, by index.
func (b *box) kill(v int32, drop func(k int32) bool) {
	lo, hi := b.slots(v)
	for k := range hi - lo {
		if drop(k) {
			b.b[lo+k] = dead
		}
	}
}

// classes says which classes of a member are left, as bits.
func (b *box) classes(m *member) (left uint8) {
	lo, hi := b.slots(m.v)
	for k, w := range b.b[lo:hi] {
		if w > alive {
			left |= 1 << (m.class[k] - 1)
		}
	}
	return left
}

// detach takes a member's messages back and returns what its factor is worth
// for that at best.
func (b *box) detach(m *member) int64 {
	left := b.classes(m)
	d := b.d[m.d : m.d+3]
	most := int64(dead)
	for e, w := range d {
		if left>>e&1 != 0 {
			most = max(most, -w)
		}
	}
	if most == dead {
		return 0
	}
	lo, hi := b.slots(m.v)
	for k, w := range b.b[lo:hi] {
		if w > alive {
			b.b[lo+int32(k)] = w - d[m.class[k]-1] - most
		}
	}
	return most
}

// detachQ is detach of q.
func (b *box) detachQ(c *choice) int64 {
	lo, hi := b.slots(c.q)
	most := int64(dead)
	side := func(k int32) int32 {
		if k == c.absent {
			return c.dq + 1
		}
		return c.dq
	}
	for k := range hi - lo {
		if b.b[lo+k] > alive {
			most = max(most, -b.d[side(k)])
		}
	}
	if most == dead {
		return 0
	}
	for k := range hi - lo {
		if b.b[lo+k] > alive {
			b.b[lo+k] += -b.d[side(k)] - most
		}
	}
	return most
}

// foldChoices folds what is decided of the choices into b and returns what is
// left of them, still in terms of b; false if one cannot be met.
func (b *box) foldChoices() (left []choice, ok bool) {
	for k := range b.choices {
		c := b.choices[k]
		keep, ok := b.foldChoice(&c, false)
		if !ok {
			return nil, false
		}
		if keep {
			left = append(left, c)
		}
	}
	return left, true
}

// foldChoice folds one choice, but if named no score that only a message of the
// choice could give to its last member.
func (b *box) foldChoice(c *choice, named bool) (keep, ok bool) {
	carry := int64(0) // what the choice is worth besides
	free := false     // it is worth the same whatever happens
	if c.q >= 0 {
		lo, hi := b.slots(c.q)
		here := false
		for k := range hi - lo {
			here = here || k != c.absent && b.b[lo+k] > alive
		}
		switch {
		case c.absent < 0 || b.b[lo+c.absent] < alive:
			if !here {
				return false, false
			}
			carry += b.detachQ(c)
			free = c.may
			c.q, c.none = -1, dead
		case !here:
			if !c.loop {
				for m := range c.members {
					m := &c.members[m]
					b.kill(m.v, func(k int32) bool { return m.class[k] == on })
				}
			}
			free = true
		}
	}
	members := make([]member, 0, len(c.members))
	for k := range c.members {
		m := c.members[k]
		switch b.classes(&m) {
		case 0:
			return false, false
		case 1 << (on - 1):
			if !free && c.q >= 0 && !c.loop {
				b.kill(c.q, func(k int32) bool { return k == c.absent })
			}
			free = true
		case 1 << (either - 1):
			c.may = true
			free = free || c.q < 0 || c.loop
		case 1 << (off - 1):
		default:
			members = append(members, m)
			continue
		}
		carry += b.detach(&m)
	}
	c.members = members
	if c.may && c.loop || c.may && c.q < 0 {
		free = true
	}
	if !free && len(members) == 0 {
		if c.q < 0 {
			if c.none < alive {
				return false, false
			}
			b.base += c.none + carry
			return false, true
		}
		if !c.may {
			b.kill(c.q, func(k int32) bool { return k != c.absent })
		}
		free = true
	}
	if !free && len(members) == 1 && c.q < 0 && !(named && c.none > alive) {
		m := &members[0]
		lo, hi := b.slots(m.v)
		for k := range hi - lo {
			w := &b.b[lo+k]
			switch {
			case *w < alive:
			case m.class[k] != off:
				*w += carry - b.d[m.d+int32(m.class[k])-1]
			case c.none < alive:
				*w = dead
			default:
				*w += carry + c.none - b.d[m.d+int32(m.class[k])-1]
			}
		}
		return false, true
	}
	if free {
		if c.q >= 0 {
			carry += b.detachQ(c)
		}
		for k := range members {
			carry += b.detach(&members[k])
		}
		b.base += carry
		return false, true
	}
	for e := range int32(3) {
		b.d[members[0].d+e] -= carry
	}
	return true, true
}

package wcsp

// propagate removes values until nothing more follows. It returns false on a
// contradiction.
func (p *Propagator) propagate() bool {
	for {
		for p.queue.size > 0 {
			if !p.follow(p.queue.pop()) {
				return false
			}
		}
		if !p.loops.dirty() {
			return true
		}
		if !p.refound() {
			return false
		}
	}
}

// follow removes what follows from variable x having lost values.
func (p *Propagator) follow(x int32) bool {
	p.work += 10
	arcs := p.arcs[p.arcsOf[x]:p.arcsOf[x+1]]
	if p.count[x] == 1 {
		only := p.First(x)
		p.work += int64(len(arcs)) * 2
		for i := range arcs {
			a := &arcs[i]
			if !p.keep(a.to, a.row(a.class[only])) {
				return false
			}
		}
	} else {
		for i := range arcs {
			// A variable with one value is followed itself, and then takes from
			// x whatever does not go with it.
			if p.count[arcs[i].to] > 1 && !p.revise(x, &arcs[i]) {
				return false
			}
		}
	}
	for _, i := range p.holds[p.holdsOf[x]:p.holdsOf[x+1]] {
		if !p.held(&p.needs[i], i) {
			return false
		}
	}
	if p.optional[x] {
		if p.dom[p.off[x]]&1 != 0 && p.count[x] == 1 {
			for i := p.needsOf[x]; i < p.needsOf[x+1]; i++ {
				if !p.drop(p.needs[i].by, p.needs[i].need) {
					return false
				}
			}
		} else if !p.support(x) {
			return false
		}
	}
	for _, i := range p.vetoesOf[x] {
		if !p.veto(&p.vetoes[i]) {
			return false
		}
	}
	return true
}

// revise removes what no value of x leaves of the arc's other variable.
func (p *Propagator) revise(x int32, a *arc) bool {
	if a.wide == 1 && a.deep == 1 {
		from, to := p.dom[p.off[x]], p.dom[p.off[a.to]]
		var left uint64
		for k, who := range a.who {
			if who&from != 0 {
				left |= a.leave[k]
				if to&^left == 0 {
					p.work += int64(k) + 3
					return true
				}
			}
		}
		p.work += int64(len(a.who)) + 6
		p.word(a.to, p.off[a.to], to&left)
		return p.changed(a.to)
	}
	from, to := p.dom[p.off[x]:p.off[x+1]], p.dom[p.off[a.to]:p.off[a.to+1]]
	left := p.mask[:a.wide]
	clear(left)
	classes := int32(len(a.who)) / a.deep
	for k := range classes {
		if !meets(from, a.who[k*a.deep:(k+1)*a.deep]) {
			continue
		}
		full := uint64(0)
		for w, m := range a.row(k) {
			left[w] |= m
			full |= to[w] &^ left[w]
		}
		if full == 0 {
			p.work += int64(k)*2 + 5
			return true
		}
	}
	p.work += int64(classes)*2 + 10
	return p.keep(a.to, left)
}

// held removes what follows for one need from its holder having lost values.
func (p *Propagator) held(d *need, i int32) bool {
	p.work += 3
	by := p.dom[p.off[d.by]:p.off[d.by+1]]
	v := d.v
	absent := p.dom[p.off[v]]&1 != 0
	if absent && within(by, d.need) {
		return p.remove(v, 0)
	}
	if absent && p.count[v] == 1 || meets(by, d.can) {
		return true
	}
	p.loops.lost(v, i)
	if i == p.watch[v] || i == p.second[v] {
		return p.support(v)
	}
	return true
}

// support removes what follows for a variable that may be present from who can
// still hold it up: it is absent if nobody can; if it is present for sure and just
// one can, that one does.
func (p *Propagator) support(v int32) bool {
	p.work += 3
	first := p.other(v, p.watch[v], -1)
	if first < 0 {
		if p.dom[p.off[v]]&1 == 0 {
			return p.fail(v)
		}
		return p.assign(v, 0)
	}
	p.watch[v] = first
	if p.dom[p.off[v]]&1 != 0 {
		return true
	}
	second := p.other(v, p.second[v], first)
	if second < 0 {
		return p.keep(p.needs[first].by, p.needs[first].can)
	}
	p.second[v] = second
	return true
}

// other returns a need that can hold v up and is not the one named; begin is where
// it looks first. It is negative if there is none.
func (p *Propagator) other(v, begin, not int32) int32 {
	lo, hi := p.needsOf[v], p.needsOf[v+1]
	i := begin
	for range hi - lo {
		d := &p.needs[i]
		if i != not && meets(p.dom[p.off[d.by]:p.off[d.by+1]], d.can) {
			return i
		}
		if i++; i == hi {
			i = lo
		}
		p.work += 2
	}
	return -1
}

// veto removes what follows from a veto: if all members but one are sure to be in
// their sets, the last one is not.
func (p *Propagator) veto(t *veto) bool {
	last := -1
	for i, m := range t.members {
		p.work += 2
		d := p.domain(m.Var)
		if within(d, m.Set) {
			continue
		}
		if last >= 0 || !meets(m.Set, d) {
			return true
		}
		last = i
	}
	if last < 0 {
		return p.fail(t.members[0].Var)
	}
	return p.drop(t.members[last].Var, t.members[last].Set)
}

package exact

// parts splits a box into what does not touch each other: nil if it is in one
// piece. Variables that no factor has are decided at once.
func (b *box) parts() []*box {
	of := make([]int32, len(b.vars))
	for v := range of {
		of[v] = int32(v)
	}
	root := func(v int32) int32 {
		for of[v] != v {
			of[v] = of[of[v]]
			v = of[v]
		}
		return v
	}
	join := func(v, w int32) {
		v, w = root(v), root(w)
		of[max(v, w)] = min(v, w)
	}
	for k := range b.pairs {
		join(b.pairs[k].i, b.pairs[k].j)
	}
	for k := range b.choices {
		c := &b.choices[k]
		for m := range c.members {
			join(c.members[0].v, c.members[m].v)
		}
		if c.q >= 0 {
			join(c.q, c.members[0].v)
		}
	}
	n := 0
	part := make([]int32, len(b.vars))
	for v := range of {
		if root(int32(v)) == int32(v) {
			part[v] = int32(n)
			n++
		}
	}
	if n <= 1 {
		return nil
	}
	list := make([]*box, n)
	for k := range list {
		list[k] = &box{shape: &shape{}, ub: -dead, depth: b.depth + 1, from: b.from, x: make([]int32, len(b.x))}
		for v := range list[k].x {
			list[k].x[v] = -1
		}
	}
	at := make([]int32, len(b.vars))
	for v, o := range b.vars {
		p := list[part[root(int32(v))]]
		at[v] = int32(len(p.vars))
		lo := int32(len(p.b))
		p.b, p.value = append(p.b, b.b[o.lo:o.hi]...), append(p.value, b.value[o.lo:o.hi]...)
		p.vars = append(p.vars, variable{o.orig, lo, int32(len(p.b))})
	}
	take := func(p *box, at, n int32) int32 {
		p.d = append(p.d, b.d[at:at+n]...)
		return int32(len(p.d)) - n
	}
	for k := range b.pairs {
		q := b.pairs[k]
		p := list[part[root(q.i)]]
		q.i, q.j = at[q.i], at[q.j]
		q.di, q.dj = take(p, q.di, q.rows), take(p, q.dj, q.cols)
		p.pairs = append(p.pairs, q)
	}
	for k := range b.choices {
		q := b.choices[k]
		p := list[part[root(q.members[0].v)]]
		ms := make([]member, len(q.members))
		for m := range ms {
			ms[m] = q.members[m]
			ms[m].v, ms[m].d = at[ms[m].v], take(p, ms[m].d, 3)
		}
		q.members = ms
		if q.q >= 0 {
			q.q, q.dq = at[q.q], take(p, q.dq, 2)
		}
		p.choices = append(p.choices, q)
	}
	for _, p := range list {
		p.link()
		p.price()
		p.fresh()
	}
	return list
}

package resolver

// best returns the preferred candidate of p that is open.
func (e *engine) best(p int) lit {
	for k := range e.cands[p] {
		if l := e.candidate(p, k); e.truth(l) == 0 {
			return l
		}
	}
	panic("resolver: a required project has no open candidate after propagation")
}

// next returns the first project, breadth first from the user's requirements,
// that is required and not chosen.
func (e *engine) next() (project int, ok bool) {
	e.walk(func(p int) bool {
		if e.chosen[p] < 0 {
			project, ok = p, true
		}
		return !ok
	})
	return project, ok
}

// walk visits the projects that the choices so far require, breadth first from
// the user's requirements, until f returns false.
func (e *engine) walk(f func(project int) bool) {
	e.round++
	e.queue = e.queue[:0]
	for i := range e.closure.roots {
		if r := &e.closure.roots[i]; !r.constraint && r.need.child.skip == "" {
			e.enter(r.need.child.id)
		}
	}
	for head := 0; head < len(e.queue); head++ {
		p := e.queue[head]
		if !f(p) {
			return
		}
		e.needs(p, func(n *need) { e.enter(n.child.id) })
	}
}

// enter queues a project for walk, once, if it is in the stack.
func (e *engine) enter(p int) {
	if e.visited[p] != e.round && e.truth(e.present[p]) == 1 {
		e.visited[p] = e.round
		e.queue = append(e.queue, p)
	}
}

// needs calls f with what the chosen candidate of p requires, in its order.
func (e *engine) needs(p int, f func(*need)) {
	k := e.chosen[p]
	if k < 0 {
		return
	}
	g := e.closure.projects[p].releases[e.cands[p][k]].group
	for _, n := range g.needs {
		if n.child.skip == "" && (n.extra < 0 || e.truth(e.extras[p][n.extra]) == 1) {
			f(n)
		}
	}
}

package wcsp

import "slices"

// Loops are the strongly connected components of optional variables that hold each
// other up. A loop is founded as long as each of its variables that may be present
// has a source: a need that leads to it from outside, not round in the loop (source
// pointers: Simons, Niemelä and Soininen, 2002). Values that come back leave
// sources as they are, so Undo has nothing to do.
type loops struct {
	of      []int32   // by variable: its loop, or negative
	members [][]int32 // by loop
	source  []int32   // by variable: a need, or negative if it had none when last looked at
	lostOf  []bool    // by loop: it must be looked at
	list    []int32   // those loops
	todo    []int32   // scratch
}

func (l *loops) dirty() bool { return len(l.list) > 0 }

func (l *loops) clear() {
	for _, k := range l.list {
		l.lostOf[k] = false
	}
	l.list = l.list[:0]
}

// lost says that need i cannot hold up v any more.
func (l *loops) lost(v, i int32) {
	k := l.of[v]
	if k < 0 || l.source[v] >= 0 && l.source[v] != i || l.lostOf[k] {
		return
	}
	l.lostOf[k] = true
	l.list = append(l.list, k)
}

// compileLoops finds the loops (Tarjan, 1972) and has all of them looked at.
func (p *Propagator) compileLoops() {
	n := len(p.n.Vars)
	l := &p.loops
	l.of = make([]int32, n)
	l.source = make([]int32, n)
	index, low := make([]int32, n), make([]int32, n)
	for v := range n {
		l.of[v], l.source[v] = -1, -1
	}
	var stack []int32
	on := make([]bool, n)
	clock := int32(0)
	var visit func(v int32)
	visit = func(v int32) {
		clock++
		index[v], low[v] = clock, clock
		stack = append(stack, v)
		on[v] = true
		self := false
		for _, i := range p.holds[p.holdsOf[v]:p.holdsOf[v+1]] {
			u := p.needs[i].v
			self = self || u == v
			if index[u] == 0 {
				visit(u)
				low[v] = min(low[v], low[u])
			} else if on[u] {
				low[v] = min(low[v], index[u])
			}
		}
		if low[v] != index[v] {
			return
		}
		i := slices.Index(stack, v)
		if len(stack)-i > 1 || self {
			for _, u := range stack[i:] {
				l.of[u] = int32(len(l.members))
			}
			l.members = append(l.members, slices.Clone(stack[i:]))
		}
		for _, u := range stack[i:] {
			on[u] = false
		}
		stack = stack[:i]
	}
	for v := range int32(n) {
		if index[v] == 0 && p.optional[v] {
			visit(v)
		}
	}
	l.lostOf = make([]bool, len(l.members))
	l.list = make([]int32, 0, len(l.members))
	l.todo = make([]int32, 0, n)
	for k := range l.members {
		l.lostOf[k] = true
		l.list = append(l.list, int32(k))
	}
}

// refound gives the variables of one loop new sources, and makes those absent that
// have none.
func (p *Propagator) refound() bool {
	l := &p.loops
	k := l.list[len(l.list)-1]
	l.list = l.list[:len(l.list)-1]
	l.lostOf[k] = false
	todo := l.todo[:0]
	for _, v := range l.members[k] {
		l.source[v] = -1
		for i := p.needsOf[v]; i < p.needsOf[v+1] && p.present(v); i++ {
			d := &p.needs[i]
			p.work += 3
			if l.of[d.by] != k && meets(p.dom[p.off[d.by]:p.off[d.by+1]], d.can) {
				l.source[v] = i
				todo = append(todo, v)
				break
			}
		}
	}
	for len(todo) > 0 {
		u := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range p.holds[p.holdsOf[u]:p.holdsOf[u+1]] {
			d := &p.needs[i]
			p.work += 3
			if l.of[d.v] == k && l.source[d.v] < 0 && p.present(d.v) && meets(p.dom[p.off[u]:p.off[u+1]], d.can) {
				l.source[d.v] = i
				todo = append(todo, d.v)
			}
		}
	}
	for _, v := range l.members[k] {
		if l.source[v] < 0 && p.present(v) {
			if p.dom[p.off[v]]&1 == 0 {
				return p.fail(v)
			}
			if !p.assign(v, 0) {
				return false
			}
		}
	}
	return true
}

// present reports whether variable v, which is optional, may be present.
func (p *Propagator) present(v int32) bool {
	return p.count[v] > 1 || p.dom[p.off[v]]&1 == 0
}

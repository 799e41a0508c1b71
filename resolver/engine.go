package resolver

import (
	"context"
	"fmt"
	"slices"
)

// maxLearned bounds the literals of learned clauses, and with them memory (four
// bytes each) and work. Real problems learn thousands; only requirements made
// to be hard learn millions.
const maxLearned = 30_000_000

// A GaveUpError says that a search ended at its bound: whether there is a stack
// is not known.
type GaveUpError struct{ Conflicts int }

func (e *GaveUpError) Error() string {
	return fmt.Sprintf("gave up after %d conflicts: whether a stack exists is not known; narrow the requirements", e.Conflicts)
}

// An engine searches the stacks that tables allow: conflict-driven clause
// learning (Marques-Silva and Sakallah, GRASP, 1996; two watched literals and
// first unique implication point as in Chaff and MiniSat) with one fixed order
// of decisions and no restarts. A learned clause never excludes a stack, and
// every decision takes the best candidate that is not refuted by those before
// it, so the first stack found is the one that plain depth-first search in the
// same order would find, and a search that ends without one is a proof.
type engine struct {
	*tables
	clauses [][]lit   // all, learned ones last
	watch   [][]int32 // by literal: clauses that watch its negation

	// What literals imply by clauses of two: by the tables', which lie one after
	// the other, where those of each literal begin; and by those learned, by
	// literal, nil until there is one.
	implied []lit
	begins  []int32
	more    [][]lit

	value   []int8 // by variable: 0 open, 1 true, -1 false
	level   []int32
	reason  []reason
	trail   []lit
	limits  []int // by level: length of the trail before its decision
	head    int   // trail[:head] is propagated
	chosen  []int // by project: candidate, -1 for none
	refuted bool  // there is no stack, whatever is assumed

	conflicts int // clauses learned
	learned   int // literals in them

	seen    []bool  // scratch of analyze
	visited []int32 // scratch of next, by project
	queue   []int
	round   int32
}

// A reason says why a literal is true: the clause that forced it, or the one
// literal that implied it, or neither (a decision or a fact).
type reason struct {
	clause int32 // -1 for none
	by     lit   // noLit for none
}

var decided = reason{-1, noLit}

// newEngine returns an engine that has drawn all conclusions from the tables
// that need no assumption.
func newEngine(t *tables) *engine {
	n := len(t.vars)
	e := &engine{
		tables:  t,
		watch:   make([][]int32, 2*n),
		value:   make([]int8, n),
		level:   make([]int32, n),
		reason:  make([]reason, n),
		chosen:  make([]int, len(t.present)),
		seen:    make([]bool, n),
		visited: make([]int32, len(t.present)),
	}
	for p := range e.chosen {
		e.chosen[p] = -1
	}
	e.addTwos(t.twos)
	for _, c := range t.clauses {
		e.add(c)
	}
	if !e.refuted {
		_, ok := e.propagate()
		e.refuted = !ok
	}
	return e
}

// addTwos adds the tables' clauses of two literals.
func (e *engine) addTwos(clauses [][2]lit) {
	e.begins = make([]int32, len(e.watch)+1)
	for _, c := range clauses {
		e.begins[c[0].not()+1]++
		e.begins[c[1].not()+1]++
	}
	for l := range e.watch {
		e.begins[l+1] += e.begins[l]
	}
	e.implied = make([]lit, 2*len(clauses))
	next := slices.Clone(e.begins)
	add := func(l, implies lit) {
		e.implied[next[l]] = implies
		next[l]++
	}
	for _, c := range clauses {
		add(c[0].not(), c[1])
		add(c[1].not(), c[0])
	}
}

func (e *engine) truth(l lit) int8 {
	if l&1 != 0 {
		return -e.value[l>>1]
	}
	return e.value[l>>1]
}

// add adds a clause before the search begins. What is known by then of its
// literals does not matter: propagation comes after all clauses are there.
func (e *engine) add(c []lit) {
	switch len(c) {
	case 0:
		e.refuted = true
	case 1:
		e.fact(c[0])
	case 2:
		if e.more == nil {
			e.more = make([][]lit, len(e.watch))
		}
		e.more[c[0].not()] = append(e.more[c[0].not()], c[1])
		e.more[c[1].not()] = append(e.more[c[1].not()], c[0])
	default:
		e.watchClause(c)
	}
}

// fact makes l true for good.
func (e *engine) fact(l lit) {
	switch e.truth(l) {
	case 0:
		e.assign(l, decided)
	case -1:
		e.refuted = true
	}
}

func (e *engine) watchClause(c []lit) int32 {
	id := int32(len(e.clauses))
	e.clauses = append(e.clauses, c)
	e.watch[c[0].not()] = append(e.watch[c[0].not()], id)
	e.watch[c[1].not()] = append(e.watch[c[1].not()], id)
	return id
}

// assign makes l true.
func (e *engine) assign(l lit, why reason) {
	v := l.id()
	e.value[v] = 1
	if l&1 != 0 {
		e.value[v] = -1
	} else if x := e.vars[v]; x.kind == candidate {
		e.chosen[x.project] = int(x.index)
	}
	e.level[v] = int32(len(e.limits))
	e.reason[v] = why
	e.trail = append(e.trail, l)
}

// A contradiction is a clause all of whose literals are false: one of the
// engine's, or the two literals that exclude each other.
type contradiction struct {
	clause int32
	a, b   lit // if clause is -1
}

// imply makes l true because by is, or reports the contradiction.
func (e *engine) imply(l, by lit) (contradiction, bool) {
	switch e.truth(l) {
	case 0:
		e.assign(l, reason{-1, by})
	case -1:
		return contradiction{-1, l, by.not()}, false
	}
	return contradiction{}, true
}

// propagate draws all conclusions from the trail, or finds a contradiction.
func (e *engine) propagate() (contradiction, bool) {
	for e.head < len(e.trail) {
		l := e.trail[e.head]
		e.head++
		if x := e.vars[l.id()]; l&1 == 0 && x.kind != other {
			if c, ok := e.exclude(l, x); !ok {
				return c, false
			}
		}
		for _, m := range e.implied[e.begins[l]:e.begins[l+1]] {
			if c, ok := e.imply(m, l); !ok {
				return c, false
			}
		}
		if e.more != nil {
			for _, m := range e.more[l] {
				if c, ok := e.imply(m, l); !ok {
					return c, false
				}
			}
		}
		if c, ok := e.visit(l); !ok {
			return c, false
		}
	}
	return contradiction{}, true
}

// exclude propagates the dense relations: a chosen candidate excludes all
// others of its project and the sets it is not in; a required set excludes the
// candidates outside it.
func (e *engine) exclude(l lit, x variable) (contradiction, bool) {
	p := int(x.project)
	if x.kind == required {
		members := e.sets[x.index].members
		for k := range e.cands[p] {
			if !members.has(k) {
				if c, ok := e.imply(e.candidate(p, k).not(), l); !ok {
					return c, false
				}
			}
		}
		return contradiction{}, true
	}
	for k := range e.cands[p] {
		if k != int(x.index) {
			if c, ok := e.imply(e.candidate(p, k).not(), l); !ok {
				return c, false
			}
		}
	}
	for _, s := range e.setsOf[p] {
		if !e.sets[s].members.has(int(x.index)) {
			if c, ok := e.imply(e.sets[s].lit.not(), l); !ok {
				return c, false
			}
		}
	}
	return contradiction{}, true
}

// visit looks at the clauses that watch the negation of l, which became false.
func (e *engine) visit(l lit) (contradiction, bool) {
	watching := e.watch[l]
	kept := watching[:0]
	for i, id := range watching {
		c := e.clauses[id]
		if c[0] == l.not() {
			c[0], c[1] = c[1], c[0]
		}
		if e.truth(c[0]) == 1 {
			kept = append(kept, id)
			continue
		}
		moved := false
		for j := 2; j < len(c); j++ {
			if e.truth(c[j]) != -1 {
				c[1], c[j] = c[j], c[1]
				e.watch[c[1].not()] = append(e.watch[c[1].not()], id)
				moved = true
				break
			}
		}
		if moved {
			continue
		}
		kept = append(kept, id)
		if e.truth(c[0]) == -1 {
			e.watch[l] = append(kept, watching[i+1:]...)
			return contradiction{clause: id}, false
		}
		e.assign(c[0], reason{id, noLit})
	}
	e.watch[l] = kept
	return contradiction{}, true
}

// decide opens a level in which l is true.
func (e *engine) decide(l lit) {
	e.limits = append(e.limits, len(e.trail))
	e.assign(l, decided)
}

// undo takes back all levels above n.
func (e *engine) undo(n int) {
	if len(e.limits) <= n {
		return
	}
	mark := e.limits[n]
	for i := len(e.trail) - 1; i >= mark; i-- {
		l := e.trail[i]
		e.value[l.id()] = 0
		if x := e.vars[l.id()]; l&1 == 0 && x.kind == candidate {
			e.chosen[x.project] = -1
		}
	}
	e.trail, e.limits, e.head = e.trail[:mark], e.limits[:n], mark
}

// antecedents calls f with the literals, all true, from which why concludes l.
func (e *engine) antecedents(l lit, why reason, f func(lit)) {
	if why.by != noLit {
		f(why.by)
	}
	if why.clause >= 0 {
		for _, m := range e.clauses[why.clause] {
			if m != l {
				f(m.not())
			}
		}
	}
}

// learn turns a contradiction into a clause that is false now and has one
// literal of the current level, first; level is where that literal follows.
func (e *engine) learn(c contradiction) (clause []lit, level int) {
	clause = []lit{noLit}
	open := 0
	mark := func(l lit) {
		v := l.id()
		if e.seen[v] || e.level[v] == 0 {
			return
		}
		e.seen[v] = true
		if int(e.level[v]) == len(e.limits) {
			open++
			return
		}
		clause = append(clause, l.not())
	}
	if c.clause >= 0 {
		for _, m := range e.clauses[c.clause] {
			mark(m.not())
		}
	} else {
		mark(c.a.not())
		mark(c.b.not())
	}
	i := len(e.trail) - 1
	for ; ; i-- {
		l := e.trail[i]
		if !e.seen[l.id()] {
			continue
		}
		e.seen[l.id()] = false
		if open--; open == 0 {
			clause[0] = l.not()
			break
		}
		e.antecedents(l, e.reason[l.id()], mark)
	}
	for j := 1; j < len(clause); j++ {
		v := clause[j].id()
		e.seen[v] = false
		if int(e.level[v]) > level {
			level = int(e.level[v])
			clause[1], clause[j] = clause[j], clause[1]
		}
	}
	return clause, level
}

// search looks for a stack under assumptions. It returns true with the stack in
// e.chosen; or false and the assumptions, true literals, that no stack
// satisfies together (none if there is no stack at all). It fails if ctx ends,
// and with a *GaveUpError at its bound.
func (e *engine) search(ctx context.Context, assumptions []lit) (found bool, core []lit, err error) {
	e.undo(0)
	for steps := 0; !e.refuted; steps++ {
		if steps&255 == 0 && ctx.Err() != nil {
			return false, nil, ctx.Err()
		}
		if c, ok := e.propagate(); !ok {
			if len(e.limits) == 0 {
				e.refuted = true
				break
			}
			clause, level := e.learn(c)
			e.conflicts++
			if e.learned += len(clause); e.learned > maxLearned {
				return false, nil, &GaveUpError{e.conflicts}
			}
			e.undo(level)
			e.assert(clause)
			continue
		}
		if n := len(e.limits); n < len(assumptions) {
			a := assumptions[n]
			if e.truth(a) == -1 {
				return false, e.blame(a), nil
			}
			if e.truth(a) == 0 {
				e.decide(a)
			} else {
				e.limits = append(e.limits, len(e.trail)) // it holds already: an empty level
			}
			continue
		}
		p, ok := e.next()
		if !ok {
			return true, nil, nil
		}
		e.decide(e.best(p))
	}
	return false, nil, nil
}

// assert adds a learned clause and what follows from it now.
func (e *engine) assert(clause []lit) {
	switch len(clause) {
	case 1:
		e.fact(clause[0])
	case 2:
		e.add(clause)
		e.assign(clause[0], reason{-1, clause[1].not()})
	default:
		e.assign(clause[0], reason{e.watchClause(clause), noLit})
	}
}

// blame returns the assumptions from which the negation of a follows, and a.
func (e *engine) blame(a lit) []lit {
	core := []lit{a}
	if e.level[a.id()] == 0 {
		return core
	}
	e.seen[a.id()] = true
	for i := len(e.trail) - 1; i >= e.limits[0]; i-- {
		l := e.trail[i]
		if !e.seen[l.id()] {
			continue
		}
		e.seen[l.id()] = false
		why := e.reason[l.id()]
		if why == decided {
			core = append(core, l)
			continue
		}
		e.antecedents(l, why, func(m lit) {
			if e.level[m.id()] > 0 {
				e.seen[m.id()] = true
			}
		})
	}
	e.seen[a.id()] = false
	return core
}

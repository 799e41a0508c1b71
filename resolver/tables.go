package resolver

// A lit is a variable (lit>>1) or its negation (odd).
type lit int32

func (l lit) not() lit { return l ^ 1 }
func (l lit) id() int  { return int(l >> 1) }

// noLit is no literal at all.
const noLit lit = -1

// tables is a closure in the language of the engine: Boolean variables and
// what they imply. Nothing in it is text.
//
// Variables:
//
//	present[p]      project p is in the stack
//	first[p]+2k     candidate k of p is chosen (as a literal)
//	groups          the chosen candidate of p belongs to this group
//	extras          the extra of p is asked for
//	sets            somebody requires that p's version is in this set
//	selectors       this requirement counts (when conflicts are explained)
//
// At most one candidate of a project is chosen, and a set that is required
// excludes the candidates outside it. These two relations are dense, so the
// engine propagates them from the candidates' and sets' tables; all others are
// clauses.
type tables struct {
	closure *closure
	vars    []variable
	present []lit
	cands   [][]int // by project: indices of releases, preferred first
	first   []lit   // by project: literal of its first candidate
	sets    []setTable
	setsOf  [][]int // by project: its sets
	extras  [][]lit // by project
	clauses [][]lit // but those of two literals, which are most
	twos    [][2]lit
	room    []lit // where the next clauses are kept

	// rules are the requirements that can be switched off, by selector; empty
	// unless the tables were made to explain.
	rules []rule
}

// A variable says what a variable stands for, for the dense relations.
type variable struct {
	kind    kind
	project int32
	index   int32 // candidate or set
}

type kind uint8

const (
	other kind = iota
	candidate
	required // a set
)

// A setTable is a set over the candidates of a project.
type setTable struct {
	lit     lit
	project int
	members bitset
}

// A rule is requirements with one text: the user's line, or the line as all
// releases of one project have it.
type rule struct {
	selector lit
	root     *root // the user's, or
	project  *project
	line     *line
	child    *project
	groups   []*group

	veto *Term // nothing of the above: a veto of the pipeline's
}

// newTables compiles a closure. With explain set, every requirement has a
// selector, which the engine assumes.
func newTables(c *closure, explain bool) *tables {
	t := &tables{closure: c}
	n := len(c.projects)
	t.present, t.first = make([]lit, n), make([]lit, n)
	t.cands, t.setsOf, t.extras = make([][]int, n), make([][]int, n), make([][]lit, n)
	size := len(c.sets)
	for _, p := range c.projects {
		size += 1 + p.reached.count() + len(p.groups) + len(p.extras)
	}
	t.vars = make([]variable, 0, size) // nearly all
	t.twos = make([][2]lit, 0, 2*size)
	var some []lit               // scratch
	position := make([][]int, n) // by project and release: candidate number, or -1
	for id, p := range c.projects {
		t.present[id] = t.variable(other, id, 0)
		position[id] = make([]int, len(p.releases))
		for i := range position[id] {
			position[id][i] = -1
		}
		t.cands[id] = p.usable()
		for k, i := range t.cands[id] {
			position[id][i] = k
		}
		for k := range t.cands[id] {
			l := t.variable(candidate, id, k)
			if k == 0 {
				t.first[id] = l
			}
			t.clause(l.not(), t.present[id])
		}
		some = some[:0]
		for k := range t.cands[id] {
			some = append(some, t.candidate(id, k))
		}
		t.clause(append(some, t.present[id].not())...)
		for range p.extras {
			e := t.variable(other, id, 0)
			t.extras[id] = append(t.extras[id], e)
			t.clause(e.not(), t.present[id])
		}
	}
	t.sets = make([]setTable, len(c.sets))
	for i, s := range c.sets {
		l := t.variable(required, s.project, i)
		t.sets[i] = setTable{lit: l, project: s.project, members: newBits(len(t.cands[s.project]))}
		t.setsOf[s.project] = append(t.setsOf[s.project], i)
		some = append(some[:0], l.not())
		for k, r := range t.cands[s.project] {
			if s.members.has(r) {
				t.sets[i].members.add(k)
				some = append(some, t.candidate(s.project, k))
			}
		}
		t.clause(l.not(), t.present[s.project])
		t.clause(some...)
	}
	for i := range c.roots {
		t.root(&c.roots[i], explain)
	}
	rules := map[ruleKey]int{}
	for _, p := range c.projects {
		for _, g := range p.groups {
			t.group(g, position[p.id], explain, rules)
		}
	}
	t.terms(explain)
	return t
}

// A ruleKey tells rules apart: the same line of the same project is one rule.
type ruleKey struct {
	project int
	line    *line
}

func (t *tables) variable(k kind, project, index int) lit {
	l := lit(len(t.vars) << 1)
	t.vars = append(t.vars, variable{k, int32(project), int32(index)})
	return l
}

// clause adds a clause, of which it keeps a copy.
func (t *tables) clause(lits ...lit) {
	if len(lits) == 2 {
		t.twos = append(t.twos, [2]lit(lits))
		return
	}
	if cap(t.room)-len(t.room) < len(lits) {
		t.room = make([]lit, 0, max(4096, len(lits)))
	}
	from := len(t.room)
	t.room = append(t.room, lits...)
	t.clauses = append(t.clauses, t.room[from:len(t.room):len(t.room)])
}

func (t *tables) candidate(project, k int) lit { return t.first[project] + lit(k<<1) }

// root adds the clauses of one of the user's requirements.
func (t *tables) root(r *root, explain bool) {
	var unless []lit // the selector's negation, when there is one
	if explain {
		s := t.variable(other, 0, 0)
		t.rules = append(t.rules, rule{selector: s, root: r, line: r.need.line, child: r.need.child})
		unless = []lit{s.not()}
	}
	if r.constraint && r.need.child.skip == "" {
		s := t.sets[r.need.set]
		for k := range t.cands[s.project] {
			if !s.members.has(k) {
				t.clause(append(unless, t.candidate(s.project, k).not())...)
			}
		}
		return
	}
	t.require(r.need, unless)
}

// group adds the clauses of what a group requires.
func (t *tables) group(g *group, position []int, explain bool, rules map[ruleKey]int) {
	if len(g.needs)+len(g.barred) == 0 {
		return
	}
	p := g.project.id
	v := t.variable(other, p, 0)
	for _, i := range g.releases {
		t.clause(t.candidate(p, position[i]).not(), v)
	}
	for _, x := range g.barred {
		t.clause(v.not(), t.extras[p][x].not())
	}
	for _, n := range g.needs {
		unless := []lit{v.not()}
		if n.extra >= 0 {
			unless = append(unless, t.extras[p][n.extra].not())
		}
		if explain {
			key := ruleKey{p, n.line}
			i, ok := rules[key]
			if !ok {
				i = len(t.rules)
				rules[key] = i
				t.rules = append(t.rules, rule{selector: t.variable(other, 0, 0), project: g.project, line: n.line, child: n.child})
			}
			t.rules[i].groups = append(t.rules[i].groups, g)
			unless = append(unless, t.rules[i].selector.not())
		}
		t.require(n, unless)
	}
}

// require adds: unless one of the literals holds, the need does.
func (t *tables) require(n *need, unless []lit) {
	if n.child.skip != "" {
		return // taken for satisfied
	}
	t.clause(append(unless, t.sets[n.set].lit)...)
	for _, e := range n.extras {
		t.clause(append(unless, t.extras[n.child.id][e])...)
	}
}

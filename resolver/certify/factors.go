package certify

import (
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// An objective is what a stage proves: a sum of levels, each times its weight,
// of stacks that pay nothing of the closed levels.
type objective struct {
	weights Worth
	closed  [Levels]bool
}

// of returns a worth's sum.
func (o *objective) of(w *Worth) (sum int64) {
	for l := range w {
		sum += w[l] * o.weights[l]
	}
	return sum
}

// pays reports whether a worth pays something of a closed level.
func (o *objective) pays(w *Worth) bool {
	for l := range w {
		if o.closed[l] && w[l] < 0 {
			return true
		}
	}
	return false
}

// maxObjective bounds the sum of the absolute scores of an objective, so that
// sums of it, in units of a proof, are far from overflow.
const maxObjective = 1 << 49

// check makes sure that nothing in the objective overflows.
func (o *objective) check(sizes *Worth) error {
	sum := int64(0)
	for l, w := range o.weights {
		if w < 0 {
			return fmt.Errorf("the weight of level %d is negative", l)
		}
		if w > 0 && sizes[l] > (maxObjective-sum)/w {
			return fmt.Errorf("the weight %d of level %d makes scores too large", w, l)
		}
		sum += w * sizes[l]
	}
	return nil
}

// target returns the sum of a limit.
func (o *objective) target(limit *Worth) (int64, error) {
	for l, w := range o.weights {
		if w > 0 && max(limit[l], -limit[l]) > maxObjective/w {
			return 0, fmt.Errorf("the weight %d of level %d makes the target too large", w, l)
		}
	}
	return o.of(limit), nil
}

// A network is a model under one objective: variables with scores, and factors
// that tie them together. Scores are in units of a proof.
type network struct {
	*model
	start     []bitset  // by variable
	unary     [][]int64 // by variable and value
	tables    []*table
	tableOf   map[[2]int]*table // by variables, the smaller first
	tablesOf  [][]*table        // by variable
	supports  [][]member        // by variable: who needs it, and with which values
	supported [][]int           // by variable: whom it can need
	groups    map[string]*many  // by GroupID
	order     []*many           // the groups, in the order of the terms
}

// unit returns a number, not in units of a proof, of which the sum of every stack
// in a box is a multiple; 0 if every stack has 0.
func (n *network) unit(o *objective, b *box) (unit int64) {
	for v := range n.vars {
		b.of(v).each(func(x int) { unit = gcd(unit, n.unary[v][x]/wcsp.Scale) })
	}
	for i := range n.terms {
		t := &n.terms[i]
		absent := func(k member) bool { return !b.of(k.variable).meets(k.values) }
		if !slices.ContainsFunc(t.members, absent) {
			unit = gcd(unit, o.weights[t.level]*t.score) // a veto that scores does no harm
		}
	}
	return unit
}

// above returns the least sum above a target that a stack can have.
func above(target, unit int64) int64 {
	switch {
	case unit == 0 && target >= 0: // every stack has 0, so there is none
		return maxObjective
	case unit == 0:
		return 0
	}
	down := target / unit
	if target%unit < 0 {
		down--
	}
	return (down + 1) * unit
}

// gcd is the greatest common divisor; 0 counts as a multiple of all.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// newNetwork builds the factors of an objective.
func (m *model) newNetwork(o *objective) *network {
	k := len(m.vars)
	n := &network{
		model: m, tableOf: map[[2]int]*table{}, tablesOf: make([][]*table, k),
		supports: make([][]member, k), supported: make([][]int, k), groups: map[string]*many{},
	}
	for id, v := range m.vars {
		start, unary := slices.Clone(v.start), make([]int64, len(v.needs))
		for x := range unary {
			w := &m.alone[id][x]
			unary[x] = o.of(w) * wcsp.Scale
			if o.pays(w) {
				start.remove(x)
			}
		}
		n.start, n.unary = append(n.start, start), append(n.unary, unary)
	}
	var all []*parts
	known := map[[2]int]*parts{}
	part := func(a, b int) *parts {
		key := [2]int{min(a, b), max(a, b)}
		p := known[key]
		if p == nil {
			p = &parts{a: key[0], b: key[1]}
			known[key], all = p, append(all, p)
		}
		return p
	}
	for id, v := range m.vars {
		n.start[id].each(func(x int) {
			for _, need := range v.needs[x] {
				p := part(id, need.child)
				p.needs = append(p.needs, needAt{id, x, need})
				n.support(id, x, need.child)
			}
		})
	}
	for i := range m.terms {
		t := &m.terms[i]
		score, veto := o.weights[t.level]*t.score*wcsp.Scale, t.veto || o.closed[t.level] && t.score < 0
		if len(t.members) == 2 {
			p := part(t.members[0].variable, t.members[1].variable)
			p.terms = append(p.terms, pairTerm{t.members[0].values, t.members[1].values, score, veto})
			continue
		}
		n.group(t, score, veto)
	}
	for _, p := range all {
		t := n.newTable(p)
		n.tables = append(n.tables, t)
		n.tableOf[[2]int{t.a, t.b}] = t
		n.tablesOf[t.a], n.tablesOf[t.b] = append(n.tablesOf[t.a], t), append(n.tablesOf[t.b], t)
	}
	return n
}

// support notes that value x of a variable needs another.
func (n *network) support(by, x, of int) {
	if !n.vars[of].optional {
		return
	}
	all := n.supports[of]
	i := slices.IndexFunc(all, func(s member) bool { return s.variable == by })
	if i < 0 {
		i = len(all)
		all = append(all, member{by, newBits(len(n.unary[by]))})
		n.supported[by] = append(n.supported[by], of)
	}
	all[i].values.add(x)
	n.supports[of] = all
}

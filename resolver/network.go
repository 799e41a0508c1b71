package resolver

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// An objective says what a network's scores are: the sum of levels, each times
// its weight, of stacks that pay nothing of the closed levels.
type objective struct {
	weights worth
	closed  [levels]bool
}

// of sums a worth up; false if it pays something of a closed level.
func (o *objective) of(w worth) (score int64, ok bool) {
	for l := range w {
		if o.closed[l] && w[l] < 0 {
			return 0, false
		}
		score += w[l] * o.weights[l]
	}
	return score, true
}

// A mapping is a space's network for one objective. The network's values are
// those of the space that are open, and an optional variable's absence.
type mapping struct {
	*space
	net    *wcsp.Network
	values [][]int32 // by variable and value of the network: the space's
	index  [][]int32 // by variable and value of the space: the network's, -1 for none
	groups []*Term   // by group of the network
	unit   int64     // of the network's scores: those of the objective are divided by it
}

// network makes the network of an objective.
func (s *space) network(o *objective) *mapping {
	m := &mapping{space: s, net: &wcsp.Network{Vars: make([]wcsp.Var, len(s.vars))}}
	m.values, m.index = make([][]int32, len(s.vars)), make([][]int32, len(s.vars))
	for id := range s.vars {
		m.variable(id, o)
	}
	supports := make([]map[int32]int, len(s.vars))
	pairs := map[[2]int32]*pairParts{}
	part := func(a, b int32) *pairParts {
		p := pairs[[2]int32{a, b}]
		if p == nil {
			p = &pairParts{a: a, b: b}
			pairs[[2]int32{a, b}] = p
		}
		return p
	}
	for i := range s.implied {
		im := &s.implied[i]
		when, then := m.set(im.from, im.when), m.set(im.to, im.then)
		if when.Count() == 0 {
			continue
		}
		if m.net.Vars[im.to].Optional {
			m.support(supports, im.to, im.from, when)
		}
		if im.from < im.to {
			p := part(im.from, im.to)
			p.allows = append(p.allows, allowance{when, then})
		} else { // the other way round: what is not in then does not go with when
			p := part(im.to, im.from)
			p.allows = append(p.allows, allowance{m.not(im.to, then), m.not(im.from, when)})
		}
	}
	for i := range s.terms {
		m.term(&s.terms[i], o, part)
	}
	keys := make([]*pairParts, 0, len(pairs))
	for _, p := range pairs {
		keys = append(keys, p)
	}
	slices.SortFunc(keys, func(x, y *pairParts) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	m.net.Pairs = make([]wcsp.Pair, 0, len(keys))
	for _, p := range keys {
		m.net.Pairs = append(m.net.Pairs, p.pair(len(m.values[p.a]), len(m.values[p.b])))
	}
	m.divide()
	return m
}

// divide divides all scores by a number of which all terms are multiples. A bound that is
// less than one whole score above a stack is a proof, so the larger one score is
// the sooner there is one: in tiers before the last most terms score the same.
func (m *mapping) divide() {
	scores := func(f func(*int64)) {
		for i := range m.net.Vars {
			for x := range m.net.Vars[i].Unary {
				f(&m.net.Vars[i].Unary[x])
			}
		}
		for i := range m.net.Pairs {
			for _, row := range m.net.Pairs[i].Rows {
				for r := range row {
					f(&row[r].Score)
				}
			}
		}
		for i := range m.net.Groups {
			f(&m.net.Groups[i].Score)
		}
	}
	if m.unit > 1 {
		scores(func(s *int64) { *s /= m.unit })
	}
	m.unit = max(m.unit, 1)
}

// variable adds a variable with its open values.
func (m *mapping) variable(id int, o *objective) {
	v := &m.vars[id]
	out := &m.net.Vars[id]
	out.Optional = v.optional
	m.index[id] = make([]int32, len(v.values))
	for x := range v.values {
		m.index[id][x] = -1
		score, ok := o.of(v.worth[x])
		if x == 0 && !v.optional || x > 0 && (len(v.values[x]) == 0 || !ok) {
			continue
		}
		m.index[id][x] = int32(len(m.values[id]))
		m.values[id] = append(m.values[id], int32(x))
		out.Unary = append(out.Unary, score)
		m.unit = gcd(m.unit, max(score, -score))
	}
}

// set translates a set of the space's values.
func (m *mapping) set(v int32, s wcsp.Set) wcsp.Set {
	out := wcsp.NewSet(len(m.values[v]))
	for y, x := range m.values[v] {
		if s.Has(x) {
			out.Add(int32(y))
		}
	}
	return out
}

// not returns all values of v that are not in s.
func (m *mapping) not(v int32, s wcsp.Set) wcsp.Set {
	out := wcsp.NewSet(len(m.values[v]))
	for y := range m.values[v] {
		if !s.Has(int32(y)) {
			out.Add(int32(y))
		}
	}
	return out
}

// support notes that some values of by need v.
func (m *mapping) support(known []map[int32]int, v, by int32, when wcsp.Set) {
	x := &m.net.Vars[v]
	if known[v] == nil {
		known[v] = map[int32]int{}
	}
	i, ok := known[v][by]
	if !ok {
		i = len(x.Supports)
		known[v][by] = i
		x.Supports = append(x.Supports, wcsp.Support{Var: by, Need: wcsp.NewSet(len(m.values[by]))})
	}
	for w := range when {
		x.Supports[i].Need[w] |= when[w]
	}
}

// term adds a term of several members.
func (m *mapping) term(t *spaceTerm, o *objective, part func(a, b int32) *pairParts) {
	var own worth
	if !t.Veto {
		own[levelOf(t.Tier)] = t.Score
	}
	score, ok := o.of(own)
	veto := t.Veto || !ok
	if !veto && score == 0 {
		return
	}
	members := make([]wcsp.Member, len(t.members))
	for i, k := range t.members {
		members[i] = wcsp.Member{Var: k.Var, Set: m.set(k.Var, k.Set)}
		if members[i].Set.Count() == 0 {
			return
		}
	}
	if !veto {
		m.unit = gcd(m.unit, max(score, -score))
	}
	slices.SortFunc(members, func(a, b wcsp.Member) int { return cmp.Compare(a.Var, b.Var) })
	switch a, b := members[0], members[1]; {
	case len(members) > 2:
		m.groups = append(m.groups, t.Term)
		m.net.Groups = append(m.net.Groups, wcsp.Group{Members: members, Veto: veto, Score: score})
	case veto:
		p := part(a.Var, b.Var)
		p.allows = append(p.allows, allowance{a.Set, m.not(b.Var, b.Set)})
	default:
		p := part(a.Var, b.Var)
		p.scores = append(p.scores, pairScore{a.Set, b.Set, score})
	}
}

// pairParts are what is known of two variables together, a before b.
type pairParts struct {
	a, b   int32
	allows []allowance
	scores []pairScore
}

// An allowance lets values of a go only with some of b.
type allowance struct{ when, then wcsp.Set }

// A pairScore is worth something where both have some values.
type pairScore struct {
	a, b  wcsp.Set
	score int64
}

// pair makes a pair of its parts. Values of a for which the same parts count
// share a row.
func (p *pairParts) pair(na, nb int) wcsp.Pair {
	out := wcsp.Pair{A: p.a, B: p.b, Row: make([]int32, na)}
	rows := map[string]int32{}
	var key []byte
	allowed, scores := wcsp.NewSet(nb), make([]int64, nb)
	differs := p.borders(na)
	for x := range out.Row {
		if x > 0 && !differs.has(x) {
			out.Row[x] = out.Row[x-1]
			continue
		}
		key = key[:0]
		for i := range p.allows {
			if p.allows[i].when.Has(int32(x)) {
				key = binary.LittleEndian.AppendUint32(key, uint32(i))
			}
		}
		for i := range p.scores {
			if p.scores[i].a.Has(int32(x)) {
				key = binary.LittleEndian.AppendUint32(key, uint32(len(p.allows)+i))
			}
		}
		r, ok := rows[string(key)]
		if !ok {
			r = int32(len(out.Rows))
			rows[string(key)] = r
			out.Rows = append(out.Rows, p.row(key, allowed, scores))
		}
		out.Row[x] = r
	}
	return out
}

// borders are the values of a, of na, for which other parts may count than for the
// one before.
func (p *pairParts) borders(na int) bitset {
	at := newBits(na + 1)
	for i := range p.allows {
		for x := range bitset(p.allows[i].when).borders() {
			at.add(x)
		}
	}
	for i := range p.scores {
		for x := range bitset(p.scores[i].a).borders() {
			at.add(x)
		}
	}
	return at
}

// row makes the runs of a row from the parts in its key.
func (p *pairParts) row(key []byte, allowed wcsp.Set, scores []int64) []wcsp.Run {
	for w := range allowed {
		allowed[w] = ^uint64(0)
	}
	clear(scores)
	for ; len(key) > 0; key = key[4:] {
		i := int(binary.LittleEndian.Uint32(key))
		if i < len(p.allows) {
			for w := range allowed {
				allowed[w] &= p.allows[i].then[w]
			}
			continue
		}
		s := &p.scores[i-len(p.allows)]
		for y := range scores {
			if s.b.Has(int32(y)) {
				scores[y] += s.score
			}
		}
	}
	var runs []wcsp.Run
	for y := range scores {
		if !allowed.Has(int32(y)) {
			continue
		}
		if l := len(runs) - 1; l >= 0 && runs[l].Hi == int32(y) && runs[l].Score == scores[y] {
			runs[l].Hi++
			continue
		}
		runs = append(runs, wcsp.Run{Lo: int32(y), Hi: int32(y) + 1, Score: scores[y]})
	}
	return runs
}

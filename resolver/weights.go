package resolver

import "github.com/thamos/thamos/resolver/wcsp"

// A limit is what scores of one level can come to.
type limit struct {
	unit  int64 // all are multiples of it; 0 if there are none
	most  int64 // no stack has more
	apart int64 // no two releases of one value differ by more
	earns bool  // some are bonuses
}

// limits looks at all scores of a space. Whether something can be earned at a
// level is asked of all that the pipeline says, also of what no stack can have:
// who checks a certificate need not know better.
func (s *space) limits() (all [levels]limit) {
	count := func(level int, score int64) {
		l := &all[level]
		l.unit = gcd(l.unit, max(score, -score))
		l.earns = l.earns || score > 0
	}
	for i := range s.vars {
		v := &s.vars[i]
		if v.extra >= 0 {
			continue
		}
		var best, worst worth
		for _, alone := range s.alone[v.project] {
			for level, score := range alone {
				if score == 0 {
					continue
				}
				count(level, score)
				best[level] = max(best[level], score)
				worst[level] = min(worst[level], score)
			}
		}
		for level := range all {
			all[level].most += best[level]
			all[level].apart = max(all[level].apart, best[level]-worst[level])
		}
	}
	for t := range s.closure.company() {
		if !t.Veto {
			count(levelOf(t.Tier), t.Score)
			all[levelOf(t.Tier)].most += max(0, t.Score)
		}
	}
	return all
}

// gcd is the greatest common divisor; 0 counts as a multiple of all.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// weigh returns the weights with which a sum is the greater at level the more
// important the first level is at which two stacks differ, if the better one has
// at least worst. It fails where the numbers would be out of all proportion.
func (o *optimization) weigh(level int, worst worth) (weights worth, ok bool) {
	weights[level] = 1
	gain := o.limits[level].most - worst[level] + o.limits[level].apart // at most, on a loss before
	for l := level - 1; l >= 0; l-- {
		if o.limits[l].unit == 0 || o.goal.closed[l] {
			continue
		}
		weights[l] = gain/o.limits[l].unit + 1
		spread := o.limits[l].most - worst[l] + o.limits[l].apart
		if spread > 0 && weights[l] > (wcsp.MaxScore-gain)/spread {
			return weights, false
		}
		gain += weights[l] * spread
	}
	return weights, true
}

// worthOf sums up what an assignment of the space is worth.
func (s *space) worthOf(x []int32) (sum worth) {
	for v, k := range x {
		for l, score := range s.vars[v].worth[k] {
			sum[l] += score
		}
	}
	for i := range s.terms {
		t := &s.terms[i]
		holds := !t.Veto
		for _, m := range t.members {
			holds = holds && m.Set.Has(x[m.Var])
		}
		if holds {
			sum[levelOf(t.Tier)] += t.Score
		}
	}
	return sum
}

// assignment translates one of the space.
func (m *mapping) assignment(x []int32) []int32 {
	out := make([]int32, len(x))
	for v, k := range x {
		out[v] = m.index[v][k]
	}
	return out
}

// origin translates an assignment of the network.
func (m *mapping) origin(x []int32) []int32 {
	out := make([]int32, len(x))
	for v, k := range x {
		out[v] = m.values[v][k]
	}
	return out
}

// assign returns the assignment of the space that has the given releases, by
// project: what the user's requirements lead to.
func (s *space) assign(chosen []int) []int32 {
	x := make([]int32, len(s.vars))
	var queue []int32
	enter := func(n *need) {
		id := n.child.id
		if s.ofProject[id] < 0 {
			return
		}
		vars := append(make([]int32, 0, 4), s.ofProject[id])
		for _, e := range n.extras {
			vars = append(vars, s.ofExtra[id][e])
		}
		for _, v := range vars {
			if x[v] == 0 {
				x[v] = s.vars[v].valueOf[chosen[id]]
				queue = append(queue, v)
			}
		}
	}
	for i := range s.closure.roots {
		if r := &s.closure.roots[i]; !r.constraint {
			enter(r.need)
		}
	}
	for len(queue) > 0 {
		v := &s.vars[queue[0]]
		queue = queue[1:]
		for _, n := range s.closure.projects[v.project].releases[chosen[v.project]].group.needs {
			if n.extra == v.extra {
				enter(n)
			}
		}
	}
	return x
}

// releases returns the best releases of an assignment, by project; -1 for none.
func (s *space) releases(x []int32) []int {
	chosen := make([]int, len(s.closure.projects))
	for id := range chosen {
		chosen[id] = -1
		if v := s.ofProject[id]; v >= 0 && x[v] > 0 {
			chosen[id] = s.vars[v].values[x[v]][0]
		}
	}
	return chosen
}

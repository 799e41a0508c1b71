package predictor

import "github.com/thamos/thamos/resolver/wcsp"

// A ledger says what each variable of a stack adds to the score, those before it
// in the network taken as given, and knows who comes before whom.
type ledger struct {
	u       *run
	earlier [][]earlier // by variable: pairs with scores
	groups  [][]int32   // by variable: groups of which it is the last member
	from    [][]int32   // by variable: those before it that it has to do with
	reward  []int64     // by variable, of the stack scored last
	cost    int64       // work of one stack
}

type earlier struct {
	pair *wcsp.Pair
	u    int32
	isA  bool // u is the pair's A
}

func newLedger(u *run) *ledger {
	n := u.n
	l := &ledger{
		u:       u,
		earlier: make([][]earlier, len(n.Vars)), groups: make([][]int32, len(n.Vars)), from: make([][]int32, len(n.Vars)),
		reward: make([]int64, len(n.Vars)),
		cost:   int64(len(n.Vars)) * 2,
	}
	near := make([]map[int32]bool, len(n.Vars))
	join := func(a, b int32) {
		v, w := max(a, b), min(a, b)
		if near[v] == nil {
			near[v] = map[int32]bool{}
		}
		if !near[v][w] && v != w {
			near[v][w] = true
			l.from[v] = append(l.from[v], w)
		}
	}
	for i := range n.Pairs {
		p := &n.Pairs[i]
		join(p.A, p.B)
		if scored(p) {
			v := max(p.A, p.B)
			l.earlier[v] = append(l.earlier[v], earlier{p, min(p.A, p.B), p.A < p.B})
			l.cost += 10
		}
	}
	for v := range n.Vars {
		for _, s := range n.Vars[v].Supports {
			join(int32(v), s.Var)
		}
	}
	for i := range n.Groups {
		g := &n.Groups[i]
		last := g.Members[0].Var
		for _, m := range g.Members {
			last = max(last, m.Var)
		}
		for _, m := range g.Members {
			join(last, m.Var)
		}
		if !g.Veto {
			l.groups[last] = append(l.groups[last], int32(i))
			l.cost += 10
		}
	}
	return l
}

func scored(p *wcsp.Pair) bool {
	for _, runs := range p.Rows {
		for _, r := range runs {
			if r.Score != 0 {
				return true
			}
		}
	}
	return false
}

// score returns what a stack is worth, and fills the rewards.
func (l *ledger) score(x []int32) int64 {
	l.u.scored += l.cost
	var sum int64
	for v, y := range x {
		s := l.u.n.Vars[v].Unary[y]
		for _, e := range l.earlier[v] {
			a, b := x[e.u], y
			if !e.isA {
				a, b = b, a
			}
			c, _ := e.pair.At(a, b)
			s += c
		}
		for _, i := range l.groups[v] {
			if g := &l.u.n.Groups[i]; g.Holds(x) {
				s += g.Score
			}
		}
		l.reward[v] = s
		sum += s
	}
	return sum
}

package certify

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
)

// TestFactorsAreExact: the best residual of a factor in a box, and with each value
// of its variables, is what trying every combination gives.
func TestFactorsAreExact(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 7))
		u, text := drawWorld(rng)
		m := modelOf(parseProblem(u, text), u, false)
		n := m.newNetwork(&objective{weights: Worth{1, 1, 0, 1, 0, 0, 0, 1, 1}})
		b := n.newBox()
		for v := range m.vars {
			b.of(v).each(func(x int) {
				if rng.IntN(6) == 0 {
					b.of(v).remove(x)
				}
			})
		}
		// check compares a factor with a definition of what a combination is worth.
		check := func(kind string, of []int, bound func(e *evaluation, messages map[int][]int64), value func(x map[int]int) (int64, bool)) {
			messages := map[int][]int64{}
			for _, v := range of {
				messages[v] = make([]int64, len(n.unary[v]))
				for x := range messages[v] {
					messages[v][x] = rng.Int64N(9) - 4
				}
			}
			e := &evaluation{network: n, box: b, theta: n.copies(n.unary), slack: n.copies(nil)}
			bound(e, messages)
			top, with := int64(none), n.copies(nil)
			for v := range with {
				for x := range with[v] {
					with[v][x] = none
				}
			}
			combination := map[int]int{}
			var try func(i int, taken int64)
			try = func(i int, taken int64) {
				if i < len(of) {
					b.of(of[i]).each(func(x int) {
						combination[of[i]] = x
						try(i+1, taken+messages[of[i]][x])
					})
					return
				}
				if worth, ok := value(combination); ok {
					top = max(top, worth-taken)
					for v, x := range combination {
						with[v][x] = max(with[v][x], worth-taken)
					}
				}
			}
			try(0, 0)
			counts[kind]++
			if e.empty != (top == none) || !e.empty && e.sum != top {
				t.Fatalf("seed %d: %s: %d, want %d\n%s", seed, kind, e.sum, top, text)
			}
			for _, v := range of {
				b.of(v).each(func(x int) {
					want := int64(none)
					if with[v][x] != none {
						want = with[v][x] - top
					}
					if top != none && e.slack[v][x] != want {
						t.Fatalf("seed %d: %s with value %d of %s: %d, want %d\n%s", seed, kind, x, m.vars[v].name, e.slack[v][x], want, text)
					}
				})
			}
		}
		for _, f := range n.tables {
			check("pair", []int{f.a, f.b}, func(e *evaluation, messages map[int][]int64) { f.bound(e, messages[f.a], messages[f.b]) },
				func(x map[int]int) (worth int64, ok bool) { return n.pairWorth(f.a, f.b, x[f.a], x[f.b]) })
		}
		for _, id := range n.names() {
			g := n.groups[id]
			var of []int
			for _, one := range g.members {
				of = append(of, one.variable)
			}
			check("group", of, g.bound, func(x map[int]int) (worth int64, ok bool) {
				for i := range m.terms {
					if k := &m.terms[i]; k.id == id && !slices.ContainsFunc(k.members, func(o member) bool { return !o.values.has(x[o.variable]) }) {
						if k.veto {
							return 0, false
						}
						worth += k.score * wcsp.Scale
					}
				}
				return worth, true
			})
		}
		for v := range m.vars {
			if !m.vars[v].optional {
				continue
			}
			needs := func(u, x int, of ...int) bool {
				return slices.ContainsFunc(m.vars[u].needs[x], func(k *need) bool { return slices.Contains(of, k.child) })
			}
			f, err := n.presence(v)
			if err != nil {
				t.Fatal(err)
			}
			of := []int{v}
			for _, s := range f.members {
				of = append(of, s.variable)
			}
			check("presence", of, f.bound, func(x map[int]int) (int64, bool) {
				needed := slices.ContainsFunc(of[1:], func(u int) bool { return needs(u, x[u], v) })
				return 0, needed == (x[v] != 0)
			})
			loop := []int{v}
			for u := range m.vars {
				if u != v && m.vars[u].optional && rng.IntN(3) == 0 {
					loop = append(loop, u)
				}
			}
			if f, err = n.loop(v, loop); err != nil {
				t.Fatal(err)
			}
			of = []int{v}
			for _, s := range f.members {
				of = append(of, s.variable)
			}
			check("loop", of, f.bound, func(x map[int]int) (int64, bool) {
				return 0, x[v] == 0 || slices.ContainsFunc(of[1:], func(u int) bool { return needs(u, x[u], loop...) })
			})
		}
	}
	t.Log(counts)
	for _, kind := range []string{"pair", "group", "presence", "loop"} {
		if counts[kind] < 100 {
			t.Errorf("only %d times: %s", counts[kind], kind)
		}
	}
}

// pairWorth is what two variables are worth together, by definition.
func (n *network) pairWorth(a, b, x, y int) (worth int64, ok bool) {
	for _, side := range [][4]int{{a, x, b, y}, {b, y, a, x}} {
		for _, k := range n.vars[side[0]].needs[side[1]] {
			if k.child == side[2] && !k.values.has(side[3]) {
				return 0, false
			}
		}
	}
	for i := range n.terms {
		k := &n.terms[i]
		if len(k.members) != 2 || k.members[0].variable != a || k.members[1].variable != b ||
			!k.members[0].values.has(x) || !k.members[1].values.has(y) {
			continue
		}
		if k.veto {
			return 0, false
		}
		worth += k.score * wcsp.Scale
	}
	return worth, true
}

func (n *network) names() (all []string) {
	for id := range n.groups {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

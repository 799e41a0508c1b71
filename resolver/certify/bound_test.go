package certify

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
)

// assignment returns a stack as values of a model's variables.
func (m *model) assignment(entries []Entry) []int {
	x := make([]int, len(m.vars))
	for _, e := range entries {
		for id, v := range m.vars {
			if v.project.name == e.Name && (v.extra == "" || slices.Contains(e.Extras, v.extra)) {
				x[id] = 1 + slices.IndexFunc(v.project.options, func(o *option) bool { return o.label == e.label() })
			}
		}
	}
	return x
}

func (b *box) has(x []int) bool {
	for v := range x {
		if !b.of(v).has(x[v]) {
			return false
		}
	}
	return true
}

// TestBoundHolds: in random boxes, under random objectives and messages,
// no stack is lost by propagation, no stack is worth more than the bound, and
// none is lost by fixing whose score is at least the limit.
func TestBoundHolds(t *testing.T) {
	boxes, several, tight, lost := 0, 0, 0, 0
	for seed := range uint64(160) {
		rng := rand.New(rand.NewPCG(seed, 2))
		u, text := drawWorld(rng)
		p := parseProblem(u, text)
		m := modelOf(p, u, false)
		truth := bruteForce(p, u, m)
		if len(truth.stacks) == 0 {
			continue
		}
		m.outrank()
		o := &objective{}
		for l := range o.weights {
			if o.weights[l] = rng.Int64N(4); rng.IntN(5) == 0 {
				o.weights[l], o.closed[l] = 0, true
			}
		}
		prover := prover{network: m.newNetwork(o), rng: rng}
		prover.name()
		root := prover.newBox()
		var all [][]int
		var worth []int64
		best := trueStack{}
		for i := range truth.stacks {
			s := &truth.stacks[i]
			x := m.assignment(s.entries)
			kept := true
			for v := range x {
				kept = kept && m.vars[v].start.has(x[v])
			}
			if kept && best.entries == nil {
				best = *s
			}
			pays := slices.ContainsFunc(m.terms, func(t term) bool { return o.closed[t.level] && t.score < 0 && t.holds(x) })
			if root.has(x) && !pays {
				all, worth = append(all, x), append(worth, o.of(&s.worth)*wcsp.Scale)
			}
		}
		if best.worth != truth.stacks[0].worth {
			t.Fatalf("seed %d: no best stack is left, only %v of %v\n%s", seed, best.worth, truth.stacks[0].worth, text)
		}
		for range 20 {
			b := root.clone()
			for v := range m.vars {
				b.of(v).each(func(x int) {
					if rng.IntN(8) == 0 {
						b.of(v).remove(x)
					}
				})
			}
			boxes++
			before := b.clone()
			prover.propagate(b, nil)
			top, count := int64(none), 0
			for i, x := range all {
				if !before.has(x) {
					continue
				}
				top = max(top, worth[i])
				count++
				if b.empty || !b.has(x) {
					t.Fatalf("seed %d: propagation lost the stack %v\n%s", seed, x, text)
				}
			}
			if b.empty {
				continue
			}
			for range 4 {
				step := wcsp.Step{Messages: prover.messages(b)}
				e, bound := prover.try(b, &step, true)
				if bound < top {
					t.Fatalf("seed %d: the bound is %d, but a stack has %d\n%s", seed, bound, top, text)
				}
				if count < 2 {
					continue
				}
				several++
				if bound == top {
					tight++
				}
				limit := bound - rng.Int64N(4*wcsp.Scale)
				left := b.clone()
				e.box = left
				if _, err := e.fix(bound, limit); err != nil {
					t.Fatal(err)
				}
				for i, x := range all {
					if b.has(x) && worth[i] >= limit && !left.has(x) {
						t.Fatalf("seed %d: fixing lost the stack %v of %d, limit %d, bound %d\n%s", seed, x, worth[i], limit, bound, text)
					}
				}
				if !slices.Equal(left.words, b.words) {
					lost++
				}
			}
		}
	}
	t.Logf("%d boxes, %d bounds where there are several stacks, %d of them tight; %d times values were fixed", boxes, several, tight, lost)
	if tight < 100 || lost < 200 {
		t.Error("the bounds are too weak to test anything")
	}
}

// TestFix: the values that are worth less than the limit go, and no others.
func TestFix(t *testing.T) {
	u := parseUniverse("d 1.0\nd 2.0\nd 3.0\n")
	m := modelOf(parseProblem(u, "d\nterm 7 -5 d<2\nterm 7 -4 d==2\n"), u, false)
	n := m.newNetwork(&objective{weights: Worth{lastLevel: 1}})
	for limit, want := range map[int64]int{-5: 3, -4: 2, 0: 1} {
		b := n.newBox()
		e, bound, err := n.evaluate(b, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.fix(bound, limit*wcsp.Scale); err != nil {
			t.Fatal(err)
		}
		left := 0
		b.of(0).each(func(int) { left++ })
		if left != want {
			t.Errorf("limit %d leaves %d values, not %d", limit, left, want)
		}
	}
}

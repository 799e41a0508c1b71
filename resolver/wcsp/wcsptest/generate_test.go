package wcsptest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
)

// TestGenerateShape holds generated networks to what was measured of indexes of
// their size.
func TestGenerateShape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		packages            int
		conditional         float64
		seeds               uint64
		pairs, classes      [2]int // mean, from and to
		variables, optional int    // mean, at least
	}{
		{38, 0, 10, [2]int{66, 90}, [2]int{450, 600}, 36, 6},
		{38, 0.05, 10, [2]int{90, 120}, [2]int{600, 800}, 36, 6},
		{150, 0.05, 4, [2]int{400, 480}, [2]int{2200, 2900}, 140, 30},
		{300, 0, 2, [2]int{560, 660}, [2]int{2900, 3700}, 280, 80},
		{300, 0.05, 2, [2]int{760, 900}, [2]int{4000, 4900}, 280, 80},
	} {
		pairs, classes, optional, variables := 0, 0, 0, 0
		for seed := range tt.seeds {
			n := Generate(seed, tt.packages, tt.conditional)
			pairs += len(n.Pairs)
			variables += len(n.Vars)
			for _, v := range n.Vars {
				classes += len(v.Unary)
				if v.Optional {
					classes--
					optional++
				}
			}
		}
		k := int(tt.seeds)
		if p, c := pairs/k, classes/k; p < tt.pairs[0] || p > tt.pairs[1] || c < tt.classes[0] || c > tt.classes[1] || variables/k < tt.variables || optional/k < tt.optional {
			t.Errorf("%d packages, %g: on average %d pairs, %d classes, %d variables of which %d optional", tt.packages, tt.conditional, p, c, variables/k, optional/k)
		}
	}
}

func TestGenerateHasStack(t *testing.T) {
	t.Parallel()
	for _, e := range []Ecosystem{
		{Packages: 1}, {Packages: 2, Conditional: 1}, {Packages: 7, Conditional: 0.3},
		Loose(40, 0.05), {Packages: 40, Conditional: 0.05, Sparse: true}, Tight(40, 0.05), Stress(40, 0.05), Stress(150, 0.05), Tight(150, 0.05), Stress(300, 0.05),
	} {
		t.Run(fmt.Sprintf("%+v", e), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				n := e.Network(seed)
				x := stack(n, rand.New(rand.NewPCG(seed, 1)))
				for try := uint64(2); x == nil && try < 20; try++ {
					x = stack(n, rand.New(rand.NewPCG(seed, try)))
				}
				if x == nil || !n.Legal(x) {
					t.Errorf("seed %d: %v is not a stack", seed, x)
				}
			}
		})
	}
}

// TestGenerateSound checks what a network promises: at most one pair for two
// variables, runs in order, and supports by variables that come before.
func TestGenerateSound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		n := Generate(seed, 5+int(seed), 0.2)
		have := map[[2]int32]bool{}
		for _, p := range n.Pairs {
			if p.A >= p.B || have[[2]int32{p.A, p.B}] || len(p.Row) != len(n.Vars[p.A].Unary) {
				t.Fatalf("seed %d: pair of %d and %d", seed, p.A, p.B)
			}
			have[[2]int32{p.A, p.B}] = true
			for _, runs := range p.Rows {
				end := int32(0)
				for _, r := range runs {
					if r.Lo < end || r.Hi <= r.Lo || int(r.Hi) > len(n.Vars[p.B].Unary) {
						t.Fatalf("seed %d: runs %v of %d values", seed, runs, len(n.Vars[p.B].Unary))
					}
					end = r.Hi
				}
			}
		}
		for v := range n.Vars {
			for _, s := range n.Vars[v].Supports {
				if !n.Vars[v].Optional || int(s.Var) >= v || s.Need.Count() == 0 || !have[[2]int32{s.Var, int32(v)}] {
					t.Fatalf("seed %d: variable %d has support %v", seed, v, s)
				}
			}
			if n.Vars[v].Optional && len(n.Vars[v].Supports) == 0 {
				t.Fatalf("seed %d: nobody needs variable %d", seed, v)
			}
		}
	}
}

// TestGenerateSame compares the stacks of networks with those of the indexes
// they were made of, whose releases are told apart: as many of them, counting
// releases that were merged, and the best as good.
func TestGenerateSame(t *testing.T) {
	t.Parallel()
	sum := 0
	for seed := range uint64(60) {
		x := tiny(rand.New(rand.NewPCG(seed, 7)))
		want, best := x.count()
		if !x.prune() {
			if want > 0 {
				t.Errorf("seed %d: pruned away %d stacks", seed, want)
			}
			continue
		}
		n := x.network()
		all := Stacks(n)
		got := 0
		for _, s := range all {
			got += x.releases(n, s.Values)
		}
		if got != want || want > 0 && all[0].Score != best {
			t.Errorf("seed %d: %d stacks of which the best scores %d; the network has %d", seed, want, best, got)
		}
		sum += got
	}
	if sum < 1000 {
		t.Errorf("only %d stacks seen", sum)
	}
}

// releases returns of how many stacks of releases one of the network is made.
func (x *index) releases(n *wcsp.Network, values []int32) int {
	product, v := 1, 0
	for i, classes := range x.classes() {
		if x.packages[i].alive.empty() {
			continue
		}
		if n.Vars[v].Optional && values[v] > 0 {
			product *= len(classes[values[v]-1])
		} else if !n.Vars[v].Optional {
			product *= len(classes[values[v]])
		}
		v++
	}
	return product
}

// tiny makes up an index of a few packages with a few releases.
func tiny(rng *rand.Rand) *index {
	e := Ecosystem{Packages: 4 + rng.IntN(3), Conditional: 0.1, Roots: 1}
	x := e.index(rng)
	for i := range x.packages {
		p := &x.packages[i]
		n := 2 + rng.IntN(3)
		p.date, p.needs, p.score = p.date[:n], p.needs[:n], p.score[:n]
	}
	cut := func(i int, r releases) releases { return r.and(between(0, len(x.packages[i].date))) }
	for i := range x.packages {
		for _, needs := range x.packages[i].needs {
			for k := range needs {
				needs[k].allows = cut(needs[k].on, needs[k].allows)
			}
		}
	}
	for i := range x.roots {
		x.roots[i].allows = between(0, len(x.packages[x.roots[i].on].date))
	}
	stretch := func(i int) releases {
		n := len(x.packages[i].date)
		lo := rng.IntN(n)
		return between(lo, lo+1+rng.IntN(n-lo))
	}
	for i := range x.terms {
		t := &x.terms[i]
		t.as, t.bs = stretch(t.a), stretch(t.b)
	}
	return x
}

// count returns how many stacks the index has and the score of the best, looking
// at all combinations of releases and nothing that was compiled.
func (x *index) count() (stacks int, best int64) {
	at := make([]int, len(x.packages)) // release; -1 is absent
	var walk func(i int)
	walk = func(i int) {
		if i < len(at) {
			for at[i] = -1; at[i] < len(x.packages[i].date); at[i]++ {
				walk(i + 1)
			}
			return
		}
		needed := make([]bool, len(at))
		needs := x.roots
		for i, v := range at {
			if v >= 0 {
				needs = append(needs[:len(needs):len(needs)], x.packages[i].needs[v]...)
			}
		}
		for _, d := range needs {
			needed[d.on] = true
			if at[d.on] < 0 || !d.allows.has(at[d.on]) {
				return
			}
		}
		var score int64
		for i, v := range at {
			if v >= 0 != needed[i] {
				return
			}
			if v >= 0 {
				score += x.packages[i].score[v]
			}
		}
		for _, t := range x.terms {
			if at[t.a] >= 0 && at[t.b] >= 0 && t.as.has(at[t.a]) && t.bs.has(at[t.b]) {
				if t.veto {
					return
				}
				score += t.score
			}
		}
		if stacks++; stacks == 1 || score > best {
			best = score
		}
	}
	walk(0)
	return stacks, best
}

func TestGenerateDeterministic(t *testing.T) {
	t.Parallel()
	if a, b := Generate(5, 38, 0.05), Generate(5, 38, 0.05); !reflect.DeepEqual(a, b) {
		t.Error("one seed gave two networks")
	}
	if a, b := Generate(5, 38, 0.05), Generate(6, 38, 0.05); reflect.DeepEqual(a, b) {
		t.Error("two seeds gave one network")
	}
}

func BenchmarkGenerate(b *testing.B) {
	for _, packages := range []int{38, 150, 300} {
		b.Run(fmt.Sprint(packages), func(b *testing.B) {
			for seed := uint64(0); b.Loop(); seed++ {
				Generate(seed, packages, 0.05)
			}
		})
	}
}

package predictor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// options are those that all strategies run with.
func options() predictor.Options { return predictor.Options{Exact: exact.Engine{}} }

// proves says which strategies prove their best score.
var proves = map[string]bool{"auto": true, "exact": true}

// solve runs a strategy and checks what every result must be.
func solve(t *testing.T, name string, s wcsp.Searcher, n *wcsp.Network, r wcsp.Request) wcsp.Result {
	t.Helper()
	res, err := s.Search(context.Background(), n, r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, x := range res.Stacks {
		if !n.Legal(x.Values) {
			t.Fatalf("%s: %v is no stack", name, x.Values)
		}
		if x.Score != n.Score(x.Values) {
			t.Fatalf("%s: %v is worth %d, not %d", name, x.Values, n.Score(x.Values), x.Score)
		}
		if x.Score > res.Bound {
			t.Fatalf("%s: %d is above the bound %d", name, x.Score, res.Bound)
		}
		if i == 0 || name == "latest" {
			continue
		}
		if y := res.Stacks[i-1]; y.Score < x.Score || y.Score == x.Score && slices.Compare(y.Values, x.Values) >= 0 {
			t.Fatalf("%s: %v comes before %v", name, y, x)
		}
	}
	return res
}

// universes are networks as large as real ones.
func universes() map[string]*wcsp.Network {
	return map[string]*wcsp.Network{
		"40 packages":          wcsptest.Generate(1, 40, 0.05),
		"40 packages, no term": wcsptest.Generate(2, 40, 0),
		"60 packages, tight":   wcsptest.Tight(60, 0.2).Network(3),
		"30 packages, stress":  wcsptest.Stress(30, 0.1).Network(4),
	}
}

// TestStrategies holds all strategies against each other: the same seed gives the
// same result on one core and on two, none is worse than random stacks by as much
// work, and nothing comes out of order.
func TestStrategies(t *testing.T) {
	for universe, n := range universes() {
		r := wcsp.Request{Seed: 7, Budget: 10e6, Count: 3}
		floor := solve(t, "random", predictor.Random{}, n, r)
		best := solve(t, "exact", predictor.Exact{Options: options()}, n, wcsp.Request{})
		for _, s := range predictor.Strategies() {
			t.Run(universe+"/"+s.Name, func(t *testing.T) {
				first := solve(t, s.Name, s.New(options()), n, r)
				before := runtime.GOMAXPROCS(1)
				again := solve(t, s.Name, s.New(options()), n, r)
				runtime.GOMAXPROCS(before)
				if !reflect.DeepEqual(first, again) {
					t.Errorf("same seed, another result:\n%v\n%v", first, again)
				}
				if len(first.Stacks) == 0 || first.Stacks[0].Score > best.Stacks[0].Score {
					t.Fatalf("found %v, the best is %v", first.Stacks, best.Stacks)
				}
				if s.Name == "latest" {
					return // scores do not matter to it
				}
				if len(first.Stacks) < 3 && s.Name != "exact" || first.Stacks[0].Score < floor.Stacks[0].Score {
					t.Errorf("found %d stacks, the best worth %d, by chance %d", len(first.Stacks), first.Stacks[0].Score, floor.Stacks[0].Score)
				}
				if first.Status != wcsp.Budget && first.Status != wcsp.Optimal || first.Status == wcsp.Optimal && !proves[s.Name] {
					t.Errorf("status %d", first.Status)
				}
				if work := first.Stats.Work; first.Status == wcsp.Budget && (work < r.Budget || work > 2*r.Budget) {
					t.Errorf("work %d by a budget of %d", work, r.Budget)
				}
				if !proves[s.Name] && first.Bound != wcsp.Unbounded {
					t.Errorf("bound %d, but it proves nothing", first.Bound)
				}
			})
		}
	}
}

// TestStrategiesFindStacks gives all strategies many small networks, with loops,
// groups, vetoes and supports that need nothing: each finds a stack wherever there
// is one, says so where there is none, and the best if it proves it.
func TestStrategiesFindStacks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	shapes := []wcsptest.Shape{
		{Vars: 5, Values: 3, Positive: true, Pairs: 0.4, Groups: 2, Vetoes: true, Cycles: true, May: true},
		{Vars: 6, Values: 2, Pairs: 0.3, Cycles: true},
		{Vars: 5, Values: 3, Pairs: 0.5, Groups: 5, Vetoes: true},
	}
	for round := range 10000 {
		n := wcsptest.Random(rng, shapes[round%len(shapes)])
		all := wcsptest.Stacks(n)
		r := wcsp.Request{Seed: uint64(round), Budget: 3000, Count: 1 + round%3}
		for _, s := range predictor.Strategies() {
			if proves[s.Name] || s.Name == "latest" {
				r.Budget = 0
			} else {
				r.Budget = 3000
			}
			res := solve(t, s.Name, s.New(options()), n, r)
			switch {
			case len(all) == 0:
				if res.Status != wcsp.Infeasible || len(res.Stacks) > 0 {
					t.Fatalf("round %d: %s: status %d with %v, but there is no stack", round, s.Name, res.Status, res.Stacks)
				}
			case res.Status == wcsp.Infeasible || len(res.Stacks) == 0:
				t.Fatalf("round %d: %s: no stack, but %v is one", round, s.Name, all[0].Values)
			case proves[s.Name]:
				if want := all[:min(len(all), r.Count)]; res.Status != wcsp.Optimal || !reflect.DeepEqual(res.Stacks, want) {
					t.Fatalf("round %d: %s: status %d with %v, want %v", round, s.Name, res.Status, res.Stacks, want)
				}
			case s.Name == "latest":
				if want := newest(n, all); !slices.Equal(res.Stacks[0].Values, want) || res.Status != wcsp.Optimal {
					t.Fatalf("round %d: status %d, latest is %v, want %v", round, res.Status, res.Stacks[0].Values, want)
				}
			}
		}
	}
}

// TestInfeasible asks all strategies for a stack of a network whose variables all
// differ, of which there is one more than values: that propagation alone does not
// show.
func TestInfeasible(t *testing.T) {
	n := free(5, make([]int64, 4)...)
	for b := range int32(5) {
		for a := range b {
			p := wcsp.Pair{A: a, B: b}
			for x := range int32(4) {
				p.Row = append(p.Row, x)
				p.Rows = append(p.Rows, []wcsp.Run{{Lo: 0, Hi: x}, {Lo: x + 1, Hi: 4}})
			}
			n.Pairs = append(n.Pairs, p)
		}
	}
	for _, s := range predictor.Strategies() {
		if res := solve(t, s.Name, s.New(options()), n, wcsp.Request{Budget: 1000}); res.Status != wcsp.Infeasible {
			t.Errorf("%s: status %d", s.Name, res.Status)
		}
	}
}

// newest returns the stack whose releases are newest in sum.
func newest(n *wcsp.Network, all []wcsp.Stack) (best []int32) {
	least := int32(math.MaxInt32)
	for _, s := range all {
		age := int32(0)
		for v, x := range s.Values {
			if n.Vars[v].Optional && x > 0 {
				x--
			}
			age += x
		}
		if age < least || age == least && slices.Compare(s.Values, best) < 0 {
			best, least = s.Values, age
		}
	}
	return best
}

// free returns a network of that many variables that have nothing to do with each
// other, with the score of each value by variable.
func free(vars int, unary ...int64) *wcsp.Network {
	n := &wcsp.Network{}
	for range vars {
		n.Vars = append(n.Vars, wcsp.Var{Unary: unary})
	}
	return n
}

// TestNoDefectOfOld has what went wrong in Thoth: its latest of n free packages was
// the newest for one of them, its table led to the oldest releases, the best of
// free packages was not found, and a cycle never ended.
func TestNoDefectOfOld(t *testing.T) {
	same := free(8, make([]int64, 10)...)
	scored := free(10, 0, 3, -2, 5, 1, -4, 2, 0, 4, -1)
	one := wcsp.Set{2}
	cycle := &wcsp.Network{Vars: []wcsp.Var{
		{Unary: []int64{0, 1}},
		{Unary: []int64{0, 0, 3}, Optional: true, Supports: []wcsp.Support{{Var: 0, Need: one}, {Var: 2, Need: wcsp.Set{6}}}},
		{Unary: []int64{0, 0, 3}, Optional: true, Supports: []wcsp.Support{{Var: 1, Need: wcsp.Set{6}}}},
	}}
	for _, s := range predictor.Strategies() {
		res := solve(t, s.Name, s.New(options()), same, wcsp.Request{Budget: 1e6})
		if x := res.Stacks[0].Values; slices.Max(x) > 0 {
			t.Errorf("%s: %v, want the newest of all", s.Name, x)
		}
		res = solve(t, s.Name, s.New(options()), scored, wcsp.Request{Budget: 5e6})
		if got := res.Stacks[0].Score; got < 50 && s.Name != "latest" && s.Name != "random" {
			t.Errorf("%s: %d of 50", s.Name, got)
		}
		res = solve(t, s.Name, s.New(options()), cycle, wcsp.Request{Budget: 1e6})
		if got := res.Stacks[0].Score; got != 7 && s.Name != "latest" {
			t.Errorf("%s: %d of 7 with a cycle", s.Name, got)
		}
	}
}

// TestRequests has what a request may ask of every strategy.
func TestRequests(t *testing.T) {
	ctx := context.Background()
	n := wcsptest.Generate(1, 40, 0.05)
	best := solve(t, "exact", predictor.Exact{Options: options()}, n, wcsp.Request{}).Stacks[0]
	bounded := options()
	bounded.Bound = func(*wcsp.Network) int64 { return best.Score }
	stopped, stop := context.WithCancel(ctx)
	stop()
	for _, s := range predictor.Strategies() {
		t.Run(s.Name, func(t *testing.T) {
			if s.Name != "latest" {
				res := solve(t, s.Name, s.New(options()), n, wcsp.Request{Budget: 1000, Known: [][]int32{best.Values}})
				if !slices.Equal(res.Stacks[0].Values, best.Values) {
					t.Errorf("worse than what is known")
				}
			}
			if _, err := s.New(options()).Search(ctx, n, wcsp.Request{Known: [][]int32{make([]int32, len(n.Vars))}}); err == nil {
				t.Error("a known stack that is none was taken")
			}
			if _, err := s.New(options()).Search(ctx, n, wcsp.Request{Known: [][]int32{{9000}}}); err == nil {
				t.Error("a known stack of another network was taken")
			}
			if !proves[s.Name] && s.Name != "latest" {
				res := solve(t, s.Name, s.New(bounded), n, wcsp.Request{Budget: 1e6, Known: [][]int32{best.Values}})
				if res.Status != wcsp.Optimal || res.Bound != best.Score || res.Stats.Work > 1e6 {
					t.Errorf("status %d, bound %d, work %d, though the best meets the bound", res.Status, res.Bound, res.Stats.Work)
				}
			}
			res, err := s.New(options()).Search(stopped, n, wcsp.Request{})
			if err != nil || res.Status != wcsp.Interrupted {
				t.Errorf("status %d, %v, though the context ended", res.Status, err)
			}
			var points []wcsp.Point
			r := wcsp.Request{Budget: 5e6, Record: func(p wcsp.Point) { points = append(points, p) }}
			res = solve(t, s.Name, s.New(options()), n, r)
			for i := 1; i < len(points); i++ {
				if p, q := points[i-1], points[i]; q.Work < p.Work || q.Best < p.Best || q.Bound > p.Bound {
					t.Fatalf("%v is recorded after %v", q, p)
				}
			}
			if len(points) == 0 || s.Name != "latest" && points[len(points)-1].Best != res.Stacks[0].Score {
				t.Errorf("recorded %d points", len(points))
			}
		})
	}
	for _, s := range predictor.Strategies() {
		if proves[s.Name] || s.Name == "latest" {
			continue
		}
		res := solve(t, s.Name, s.New(options()), n, wcsp.Request{Budget: 1e9, Limit: 7, Count: 20})
		if res.Status != wcsp.Budget || len(res.Stacks) > 7 || len(res.Stacks) < 2 || res.Stats.Work > 1e7 {
			t.Errorf("%s: status %d, %d stacks by work %d, though 7 may be looked at", s.Name, res.Status, len(res.Stacks), res.Stats.Work)
		}
	}
	for _, s := range predictor.Strategies()[:3] {
		if _, err := s.New(predictor.Options{}).Search(ctx, n, wcsp.Request{}); err == nil {
			t.Errorf("%s works without an engine", s.Name)
		}
	}
}

// TestPrior gives strategies a prior that knows the best stack: those that roll out
// find it at once, those that walk are none the worse.
func TestPrior(t *testing.T) {
	n := wcsptest.Generate(1, 40, 0.05)
	best := solve(t, "exact", predictor.Exact{Options: options()}, n, wcsp.Request{}).Stacks[0]
	knowing := options()
	knowing.Prior = func(n *wcsp.Network) [][]int64 {
		prior := make([][]int64, len(n.Vars))
		for v := range prior {
			prior[v] = make([]int64, len(n.Vars[v].Unary))
			for x := range prior[v] {
				prior[v][x] = -10_000_000 * wcsp.Scale
			}
			prior[v][best.Values[v]] = 0
		}
		return prior
	}
	for _, s := range predictor.Strategies()[3:] {
		res := solve(t, s.Name, s.New(knowing), n, wcsp.Request{Budget: 2e6})
		if gap := best.Score - res.Stacks[0].Score; gap > best.Score/50 || gap > 0 && s.Name != "annealing" && s.Name != "hill-climbing" {
			t.Errorf("%s: %d, the prior knows %d", s.Name, res.Stacks[0].Score, best.Score)
		}
	}
}

// TestNamed asks that names lead to strategies, each to its own.
func TestNamed(t *testing.T) {
	for _, s := range predictor.Strategies() {
		if got, ok := predictor.Named(s.Name); !ok || got.Doc != s.Doc || !strings.Contains(predictor.Names(), s.Name) {
			t.Errorf("%s leads to %q", s.Name, got.Doc)
		}
	}
	if _, ok := predictor.Named("oracle"); ok {
		t.Error("there is an oracle")
	}
}

// TestHeats asks that what is recorded of annealing cools, and is heated again.
func TestHeats(t *testing.T) {
	heats, last := 0, 0.0
	r := wcsp.Request{Budget: 5e6, Record: func(p wcsp.Point) {
		if p.Temperature > 2*last && last > 0 {
			heats++
		}
		last = p.Temperature
	}}
	solve(t, "annealing", predictor.Anneal{Heats: 4}, wcsptest.Generate(1, 40, 0.05), r)
	if heats != 3 {
		t.Errorf("heated %d times again, want 3", heats)
	}
}

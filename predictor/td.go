package predictor

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// TD rolls out by a table of what each value of each variable leads to, which it
// learns by temporal differences (Sutton, 1988). The reward of a variable is what
// it adds to the score; the return of a value is its reward and a share of the
// returns of the later variables that it has to do with, part of them as seen and
// part as the table has them. (Thoth's table was an average of what was lumped
// together, and its walk went to the oldest releases.) It never ends by itself.
type TD struct {
	Options

	// Lambda is how much of the returns is as seen, the rest is from the table.
	// Zero means 0.5, less than zero means nothing.
	Lambda float64

	// Discount is what the return of a later variable counts. Zero means 0.9.
	Discount float64

	// Explore is the share of decisions that are random at the beginning; it falls
	// to one decision in a roll-out. Zero means 0.2.
	Explore float64

	// Rate is the least weight of the newest return in the table. Zero means 0.05.
	Rate float64
}

// Search implements wcsp.Searcher.
func (s TD) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

func (s TD) run(u *run) {
	t := newTable(u, s)
	roll := newRollouts(u, t.choose)
	for u.more(0) {
		t.cool(u.share())
		if x, ok := roll.next(); ok {
			u.best.offer(x, t.learn(x))
		}
	}
}

// A table has for each value of each variable what it leads to beyond its own
// worth.
type table struct {
	u        *run
	led      *ledger
	lean     [][]float64 // by value: how much worse than the best the prior thinks it, times wcsp.Scale; nil for none
	future   [][]float64
	seen     [][]int32
	mean     []float64 // by variable: what its values lead to
	met      []int32
	back     []float64 // scratch: returns
	active   float64   // variables with a choice
	explore  float64   // now
	first    float64   // at the beginning
	lambda   float64
	discount float64
	rate     float64
}

func newTable(u *run, s TD) *table {
	t := &table{
		u: u, led: newLedger(u),
		lambda: max(0, or(s.Lambda, 0.5)), discount: or(s.Discount, 0.9), first: or(s.Explore, 0.2), rate: or(s.Rate, 0.05),
	}
	n := len(u.n.Vars)
	t.future, t.seen = make([][]float64, n), make([][]int32, n)
	t.mean, t.met, t.back = make([]float64, n), make([]int32, n), make([]float64, n)
	for v := range n {
		t.future[v] = make([]float64, len(u.n.Vars[v].Unary))
		t.seen[v] = make([]int32, len(t.future[v]))
		if u.prior != nil {
			lean, most := make([]float64, len(t.future[v])), slices.Max(u.prior[v])
			for x, s := range u.prior[v] {
				lean[x] = float64(s) - float64(most)
			}
			t.lean = append(t.lean, lean)
		}
		if u.p.Count(int32(v)) > 1 {
			t.active++
		}
	}
	return t
}

// cool sets how much is explored after a share of the budget.
func (t *table) cool(share float64) {
	t.explore = max(t.first*(1-share)*(1-share), 1/t.active)
}

// choose is a choice: the value that promises most, now and then any.
func (t *table) choose(v int32, _ int) int32 {
	u := t.u
	if u.rng.Float64() < t.explore {
		return u.uniform(v, 0)
	}
	best, most := int32(-1), math.Inf(-1)
	for i, b := range u.p.Domain(v) {
		for ; b != 0; b &= b - 1 {
			x := int32(i<<6 + bits.TrailingZeros64(b))
			if q := t.value(v, x); q > most {
				best, most = x, q
			}
		}
	}
	u.scored += int64(u.p.Count(v)) * 3
	return best
}

// value returns what value x of variable v promises, with the prior, which counts
// less the more often the value was seen (progressive bias: Chaslot and others,
// 2008). It begins with wcsp.Scale times what the prior says, so that it decides
// until a value was seen some hundred times: measured far better than once.
func (t *table) value(v, x int32) float64 {
	if t.lean == nil {
		return t.learnt(v, x)
	}
	return t.learnt(v, x) + t.lean[v][x]/float64(1+t.seen[v][x])
}

// learnt returns what value x of variable v led to; if it was never seen, what those
// of its variable lead to on average.
func (t *table) learnt(v, x int32) float64 {
	s := float64(t.u.n.Vars[v].Unary[x])
	if t.seen[v][x] == 0 {
		return s + t.mean[v]
	}
	return s + t.future[v][x]
}

// learn takes a stack into the table, and returns what it is worth.
func (t *table) learn(x []int32) int64 {
	score := t.led.score(x)
	for v := range t.back {
		t.back[v] = float64(t.led.reward[v])
	}
	for v := len(x) - 1; v >= 0; v-- {
		y := x[v]
		if from := t.led.from[v]; len(from) > 0 {
			next := t.lambda*t.back[v] + (1-t.lambda)*t.learnt(int32(v), y)
			next *= t.discount / float64(len(from))
			for _, w := range from {
				t.back[w] += next
			}
		}
		future := t.back[v] - float64(t.u.n.Vars[v].Unary[y])
		t.seen[v][y]++
		t.future[v][y] += (future - t.future[v][y]) * max(t.rate, 1/float64(t.seen[v][y]))
		t.met[v]++
		t.mean[v] += (future - t.mean[v]) * max(t.rate, 1/float64(t.met[v]))
	}
	t.u.scored += int64(len(x)) * 10
	return score
}

package predictor

import (
	"math"
	"math/bits"
	"slices"
)

// logits are a random policy: value x of variable v is chosen in proportion to
// exp(weight[v][x]).
type logits struct {
	u      *run
	bias   [][]float64
	weight [][]float64
	odds   [][]float64 // exp of weight
	active []int32     // variables with a choice
	values int64       // of those
}

// faint is the least weight of a bias: no value is quite impossible.
const faint = -12

// newLogits leans to values that are worth more: one that is worse than the best
// of its variable by t of what values differ in the median is chosen e times less
// often.
func newLogits(u *run, worth [][]int64, t float64) *logits {
	l := &logits{u: u}
	var differ []float64
	l.bias = make([][]float64, len(worth))
	for v := range worth {
		l.bias[v] = make([]float64, len(worth[v]))
		if u.p.Count(int32(v)) == 1 {
			continue
		}
		l.active = append(l.active, int32(v))
		l.values += int64(len(worth[v]))
		most := int64(math.MinInt64)
		for x, s := range worth[v] {
			if u.p.Has(int32(v), int32(x)) {
				most = max(most, s)
			}
		}
		for x, s := range worth[v] {
			d := float64(most) - float64(s)
			l.bias[v][x] = -d
			if d > 0 && u.p.Has(int32(v), int32(x)) {
				differ = append(differ, d)
			}
		}
	}
	scale := t
	if len(differ) > 0 {
		slices.Sort(differ)
		scale *= differ[len(differ)/2]
	}
	l.weight, l.odds = make([][]float64, len(worth)), make([][]float64, len(worth))
	for v := range l.bias {
		for x, d := range l.bias[v] {
			l.bias[v][x] = min(0, max(faint, d/scale))
		}
		l.weight[v] = slices.Clone(l.bias[v])
		l.odds[v] = make([]float64, len(l.bias[v]))
		for x, w := range l.weight[v] {
			l.odds[v][x] = math.Exp(w)
		}
	}
	return l
}

// reset forgets what was learnt.
func (l *logits) reset() {
	for _, v := range l.active {
		copy(l.weight[v], l.bias[v])
		for x, w := range l.weight[v] {
			l.odds[v][x] = math.Exp(w)
		}
	}
	l.u.scored += 10 * l.values
}

// adapt leans to a stack by so much: the gradient of the likelihood of its values.
func (l *logits) adapt(stack []int32, rate float64) {
	for _, v := range l.active {
		sum := 0.0
		for x, o := range l.odds[v] {
			if l.u.p.Has(v, int32(x)) {
				sum += o
			}
		}
		weight, odds := l.weight[v], l.odds[v]
		for x := range weight {
			if l.u.p.Has(v, int32(x)) {
				d := -rate * odds[x] / sum
				if int32(x) == stack[v] {
					d += rate
				}
				weight[x] = min(50, max(-50, weight[x]+d))
				odds[x] = math.Exp(weight[x])
			}
		}
	}
	l.u.scored += 12 * l.values
}

// choose is a choice.
func (l *logits) choose(v int32, _ int) int32 {
	domain, odds := l.u.p.Domain(v), l.odds[v]
	sum := 0.0
	for i, b := range domain {
		for ; b != 0; b &= b - 1 {
			sum += odds[i<<6+bits.TrailingZeros64(b)]
		}
	}
	l.u.scored += int64(l.u.p.Count(v)) * 3
	at := l.u.rng.Float64() * sum
	last := int32(-1)
	for i, b := range domain {
		for ; b != 0; b &= b - 1 {
			last = int32(i<<6 + bits.TrailingZeros64(b))
			if at -= odds[last]; at < 0 {
				return last
			}
		}
	}
	return last
}

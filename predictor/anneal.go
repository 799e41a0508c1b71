package predictor

import (
	"context"
	"math"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Anneal walks from stack to stack, always to a better one, and to a worse one the
// less often the more it costs and the cooler it is (Metropolis and others, 1953;
// Kirkpatrick, Gelatt and Vecchi, 1983). It cools geometrically, several times from
// the beginning (reheats), each time from the best stack so far. It never ends by
// itself. After a tenth of a second's work it is 0.0, 0.4 and 1.5 % below the best
// on made-up indexes of 40, 150 and 300 packages (BenchmarkStrategies).
type Anneal struct {
	Options

	// Hot is the first temperature, as a multiple of what a random move costs or
	// gains on average, so that it fits every scale of scores. Zero means 2.
	Hot float64

	// Cool is the last temperature, as a share of the first. Zero means 0.01.
	Cool float64

	// Heats is how often it cools within the budget. Zero means 3.
	Heats int
}

// Search implements wcsp.Searcher.
func (s Anneal) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

func (s Anneal) run(u *run) {
	hot, cool, heats := or(s.Hot, 2), or(s.Cool, 0.01), or(float64(s.Heats), 3)
	w := u.walk()
	w.Load(u.best.stacks[0].Values)
	first := hot * u.change(w)
	w.Load(u.best.stacks[0].Values)
	temperature, heat := first, 0.0
	for u.more(temperature) {
		whole, part := math.Modf(u.share() * heats)
		if whole != heat {
			heat = whole
			w.Load(u.best.stacks[0].Values)
		}
		temperature = first * math.Pow(cool, part)
		for i := 0; i < stride && !u.full(); i++ {
			gain, ok := u.try()
			switch {
			case !ok:
			case gain >= 0 || u.rng.Float64() < math.Exp(float64(gain)/temperature):
				w.Keep()
				u.visit(w)
			default:
				w.Undo()
			}
		}
	}
}

// stride is how many moves a walk makes before it looks at its budget.
const stride = 64

// visit offers where a walk is.
func (u *run) visit(w *wcsp.Walker) {
	x, score := w.Stack()
	u.best.offer(x, score)
}

// change walks freely for a moment, and returns how much the score changes by a
// move on average; at least 1.
func (u *run) change(w *wcsp.Walker) float64 {
	sum, moves := 0.0, 0.0
	for i := 0; i < 4*stride && !u.full(); i++ {
		if gain, ok := u.try(); ok {
			sum += math.Abs(float64(gain))
			moves++
			w.Keep()
			u.visit(w)
		}
	}
	return max(1, sum/max(moves, 1))
}

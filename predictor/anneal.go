package predictor

import (
	"context"
	"math"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Anneal walks from stack to stack, always to a better one, and to a worse one the
// less often the more it costs and the cooler it is (Metropolis and others, 1953;
// Kirkpatrick, Gelatt and Vecchi, 1983). Between moves of one variable it moves
// whole blocks. It cools geometrically, several times from a random stack (heats);
// what one of them has better in one place and another elsewhere goes into one
// stack. In what is left of the budget it kicks, see kicks. It never ends by
// itself.
//
// After a tenth of a second's work it is 0.0, 0.3 and 1.2 % below the best on
// average of 36 made-up indexes of 40, 150 and 300 packages, and 6 % in the worst
// (BenchmarkStrategies, 36 rounds): a few hubs that only pay together.
type Anneal struct {
	Options

	// Hot is the first temperature, as a multiple of what a random move costs or
	// gains in the median, so that it fits every scale of scores. Zero means 4.
	Hot float64

	// Cool is the last temperature, as a share of the first. Zero means 0.002.
	Cool float64

	// Heats is how often it cools within the budget. Zero means the more often the
	// larger the budget is for the size: once for Auto, twice for 300 packages in a
	// tenth of a second, nine times for 40.
	Heats int

	// Kicks is the share of the budget that is left for kicks. Zero means 0.2.
	Kicks float64
}

// Search implements wcsp.Searcher.
func (s Anneal) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

func (s Anneal) run(u *run) {
	hot, cool, heats, kicks := or(s.Hot, 4), or(s.Cool, 0.002), or(float64(s.Heats), u.heats()), or(s.Kicks, 0.2)
	w := u.walk()
	w.Load(u.best.stacks[0].Values)
	hot *= u.change(w)
	u.cool(hot, hot*cool, (1-kicks)/heats)
	k := newKicks(u)
	roll := newRollouts(u, u.uniform)
	for heat := 2.0; heat <= heats; heat++ {
		if x, ok := roll.next(); ok {
			w.Goto(x)
		}
		u.cool(hot, hot*cool, (1-kicks)*heat/heats)
		k.settle()
	}
	k.loop(hot * cool)
}

// heats is how often to cool within the budget: both more often and more slowly the
// more there is for any two variables.
func (u *run) heats() float64 {
	active := float64(len(u.active()))
	return max(1, math.Floor(math.Cbrt(float64(u.budget)/active/active)/5))
}

// cool walks while it cools from hot to cold, until a share of the budget is used.
func (u *run) cool(hot, cold, end float64) {
	begin := u.share()
	for temperature := hot; u.more(temperature); {
		part := (u.share() - begin) / (end - begin)
		if part >= 1 {
			return
		}
		temperature = hot * math.Pow(cold/hot, part)
		u.walk().Heat(temperature)
		u.steps(100, temperature)
		u.block(-1, len(u.n.Vars))
	}
}

// steps makes so many moves of one variable.
func (u *run) steps(moves int, temperature float64) {
	w := u.walk()
	for i := 0; i < moves && !u.full(); i++ {
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

// block moves a block of up to so many variables about v, or anywhere if that is
// negative.
func (u *run) block(v int32, size int) {
	if u.full() {
		return
	}
	w := u.walk()
	if _, ok := w.TryBlock(v, size); ok {
		u.looked++
		w.Keep()
		u.visit(w)
	}
}

// visit offers where a walk is.
func (u *run) visit(w *wcsp.Walker) {
	x, score := w.Stack()
	u.best.offer(x, score)
}

// change walks freely for a moment, and returns how much the score changes by a
// move, in the median of those that change it: single vetoes that were made into
// scores can be worth more than everything else. It is at least 1.
func (u *run) change(w *wcsp.Walker) float64 {
	var list []float64
	for i := 0; i < 256 && !u.full(); i++ {
		if gain, ok := u.try(); ok {
			if gain != 0 {
				list = append(list, math.Abs(float64(gain)))
			}
			w.Keep()
			u.visit(w)
		}
	}
	if len(list) == 0 {
		return 1
	}
	slices.Sort(list)
	return list[len(list)/2]
}

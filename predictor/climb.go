package predictor

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Climb walks from stack to stack, never to a worse one, and begins anew from a
// random stack where nothing better has been found for a while. It never ends by
// itself.
type Climb struct {
	Options

	// Patience is after how many moves without a better stack it begins anew, as
	// a multiple of the number of values in the network. Zero means 4.
	Patience float64
}

// Search implements wcsp.Searcher.
func (s Climb) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

// stride is how many moves it makes before it looks at its budget.
const stride = 64

func (s Climb) run(u *run) {
	values := 0
	for v := range u.n.Vars {
		values += u.p.Count(int32(v))
	}
	limit := int(or(s.Patience, 4) * float64(values))
	w := u.walk()
	w.Load(u.best.stacks[0].Values)
	roll := newRollouts(u, u.uniform)
	idle := 0
	for u.more(0) {
		if idle >= limit {
			idle = 0
			if x, ok := roll.next(); ok {
				w.Load(x)
			}
		}
		for i := 0; i < stride && !u.full(); i++ {
			gain, ok := u.try()
			switch {
			case ok && gain > 0:
				idle = 0
				w.Keep()
				u.visit(w)
			case ok && gain == 0:
				idle++
				w.Keep()
				u.visit(w)
			case ok:
				idle++
				w.Undo()
			default:
				idle++
			}
		}
	}
}

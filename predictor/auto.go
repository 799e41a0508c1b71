package predictor

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Auto anneals for a moment, so that the exact engine has something good to beat,
// and then has that search until it has a proof or the budget ends.
type Auto struct {
	Options

	// Anneal is the work of the annealing, for each square of a variable that has
	// a choice; at most a quarter of the budget. Zero means 50. Networks of less
	// than 12 such variables are not annealed.
	Anneal int64
}

// Search implements wcsp.Searcher.
func (s Auto) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return prove(ctx, s.Options, n, r, func(u *run) {
		active := int64(0)
		for v := range n.Vars {
			if u.p.Count(int32(v)) > 1 {
				active++
			}
		}
		if active < 12 {
			return
		}
		work := s.Anneal
		if work == 0 {
			work = 50
		}
		work *= active * active
		if r.Budget > 0 {
			work = min(work, r.Budget/4)
		}
		u.budget = u.work() + work
		Anneal{}.run(u)
	})
}

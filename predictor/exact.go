package predictor

import (
	"context"
	"errors"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Exact is the exact engine, with a first stack for it to beat, so that there is
// one however small the budget.
type Exact struct{ Options }

// Search implements wcsp.Searcher.
func (s Exact) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return prove(ctx, s.Options, n, r, nil)
}

// errNoEngine reports a fault of whoever made the strategy.
var errNoEngine = errors.New("this strategy needs an exact engine, and has none")

// prove has the exact engine go on from a first stack, after body has used its
// part of the budget, if there is one.
func prove(ctx context.Context, o Options, n *wcsp.Network, r wcsp.Request, body func(u *run)) (wcsp.Result, error) {
	if o.Exact == nil {
		return wcsp.Result{}, errNoEngine
	}
	settled := true
	first, err := search(ctx, n, r, Options{Prior: o.Prior}, func(u *run) {
		settled = false
		if body != nil {
			body(u)
		}
	})
	if err != nil || settled || first.Status == wcsp.Interrupted {
		return first, err
	}
	spent := first.Stats.Work
	next := r
	next.Known = nil
	for _, s := range first.Stacks {
		next.Known = append(next.Known, s.Values)
	}
	if r.Budget > 0 {
		if next.Budget = r.Budget - spent; next.Budget <= 0 {
			first.Status = wcsp.Budget
			return first, nil
		}
	}
	if r.Record != nil {
		next.Record = func(p wcsp.Point) {
			p.Work += spent
			r.Record(p)
		}
	}
	res, err := o.Exact.Search(ctx, n, next)
	res.Stats.Work += spent
	res.Stats.Nodes += first.Stats.Nodes
	res.Stats.Moves += first.Stats.Moves
	return res, err
}

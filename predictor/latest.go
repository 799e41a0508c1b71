package predictor

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Latest finds the newest stack and proves that none is newer: the sum of how many
// values of each variable are preferred to the one it has is least; absence costs
// nothing. Of several such stacks it is the canonical one: what comes first in the
// network is newest. (Thoth's strategy of that name burnt the newest release of
// all requirements but one on its way.)
//
// Results are in that order, best is the newest, and the status is about that.
// Scores are those of the network, of which nothing is proved; only what is
// recorded is in ages, less than zero.
type Latest struct{ Options }

// Search implements wcsp.Searcher.
func (s Latest) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	res, err := prove(ctx, Options{Exact: s.Exact}, age(n), r, nil)
	for i := range res.Stacks {
		res.Stacks[i].Score = n.Score(res.Stacks[i].Values)
	}
	if res.Status != wcsp.Infeasible {
		res.Bound = wcsp.Unbounded
	}
	return res, err
}

// age returns the network with ages for scores.
func age(n *wcsp.Network) *wcsp.Network {
	a := &wcsp.Network{Vars: make([]wcsp.Var, len(n.Vars)), Pairs: make([]wcsp.Pair, len(n.Pairs))}
	for v, x := range n.Vars {
		newest := 0
		if x.Optional {
			newest = 1
		}
		a.Vars[v] = wcsp.Var{Unary: make([]int64, len(x.Unary)), Optional: x.Optional, Supports: x.Supports}
		for k := newest; k < len(x.Unary); k++ {
			a.Vars[v].Unary[k] = int64(newest - k)
		}
	}
	for i, p := range n.Pairs {
		a.Pairs[i] = wcsp.Pair{A: p.A, B: p.B, Row: p.Row, Rows: make([][]wcsp.Run, len(p.Rows))}
		for k, runs := range p.Rows {
			for _, r := range runs {
				a.Pairs[i].Rows[k] = append(a.Pairs[i].Rows[k], wcsp.Run{Lo: r.Lo, Hi: r.Hi})
			}
		}
	}
	for _, g := range n.Groups {
		if g.Veto {
			a.Groups = append(a.Groups, g)
		}
	}
	return a
}

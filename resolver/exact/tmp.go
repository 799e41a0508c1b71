// Package exact is a stand-in until the engine lands.
package exact

import (
	"cmp"
	"context"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

type Engine struct{}

func (Engine) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	var all []wcsp.Stack
	x := make([]int32, len(n.Vars))
	for {
		if n.Legal(x) {
			all = append(all, wcsp.Stack{Values: slices.Clone(x), Score: n.Score(x)})
		}
		i := len(x) - 1
		for ; i >= 0; i-- {
			if x[i]++; int(x[i]) < len(n.Vars[i].Unary) {
				break
			}
			x[i] = 0
		}
		if i < 0 {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b wcsp.Stack) int { return cmp.Compare(b.Score, a.Score) })
	return wcsp.Result{Stacks: all[:min(len(all), max(1, r.Count))], Bound: all[0].Score, Status: wcsp.Optimal}, nil
}

func Prove(ctx context.Context, n *wcsp.Network, target, budget int64) (wcsp.Proof, error) { return nil, nil }

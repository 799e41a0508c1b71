package cmd

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A listener is the exact engine that keeps what it was asked last and what it
// proved.
type listener struct {
	network *wcsp.Network
	request wcsp.Request
	result  wcsp.Result
}

func (l *listener) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	res, err := exact.Engine{}.Search(ctx, n, r)
	l.network, l.request, l.result = n, r, res
	return res, err
}

// annealGraph gives annealing alone a tenth of a second's work for the last rank of
// each input, from the stack that the closure is solved with, and reports how far
// below the proved optimum it ends, in units of a score, and how often it has it.
// Each round has another seed.
func annealGraph(b *testing.B, base, kind string, inputs []string) {
	found, all := 0, 0
	for _, input := range inputs {
		b.Run("annealing/"+kind+"/"+strings.ReplaceAll(input, " ", "+"), func(b *testing.B) {
			a := graphProblem(b, base, input)
			var l listener
			a.search.Searcher = &l
			_, err := a.search.Solve(context.Background(), a.problem, a.directs)
			var none *resolver.NoStackError
			var unknown *resolver.UnknownError
			if errors.As(err, &none) || errors.As(err, &unknown) {
				b.Skip("no stack")
			}
			if err != nil {
				b.Fatal(err)
			}
			if l.network == nil || l.result.Status != wcsp.Optimal {
				b.Skip("nothing to search, or the optimum is not proved")
			}
			best := l.result.Stacks[0].Score
			r := wcsp.Request{Known: l.request.Known, Budget: predictor.DefaultBudget}
			gap, met, moves := int64(0), 0, int64(0)
			for b.Loop() {
				res, err := predictor.Anneal{}.Search(context.Background(), l.network, r)
				if err != nil {
					b.Fatal(err)
				}
				if res.Stacks[0].Score > best {
					b.Fatalf("found %d, proved is %d", res.Stacks[0].Score, best)
				}
				r.Seed++
				moves += res.Stats.Moves
				gap += best - res.Stacks[0].Score
				if res.Stacks[0].Score == best {
					met++
				}
			}
			found, all = found+met, all+b.N
			b.ReportMetric(float64(gap)/millionths/float64(b.N), "gap")
			b.ReportMetric(100*float64(met)/float64(b.N), "%optimal")
			b.ReportMetric(float64(moves)/float64(b.N), "moves/op")
		})
	}
	b.Logf("annealing alone has the optimum of %d of %d %s", found, all, kind)
}

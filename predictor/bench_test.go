package predictor_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// BenchmarkStrategies gives every strategy a tenth of a second's work and reports
// how far it stays below the best stack, and how many moves or roll-outs it made.
func BenchmarkStrategies(b *testing.B) {
	ctx := context.Background()
	const networks = 36 // one round of each: -benchtime 36x
	for _, packages := range []int{40, 150, 300} {
		var ns [networks]*wcsp.Network
		var best [networks]int64
		for i := range ns {
			ns[i] = wcsptest.Generate(uint64(i), packages, 0.05)
			res, err := predictor.Auto{Options: options()}.Search(ctx, ns[i], wcsp.Request{})
			if err != nil || res.Status != wcsp.Optimal {
				b.Fatal(res.Status, err)
			}
			best[i] = res.Stacks[0].Score
		}
		for _, s := range predictor.Strategies() {
			b.Run(fmt.Sprintf("%s/%d", s.Name, packages), func(b *testing.B) {
				gap, moves, work, i := 0.0, int64(0), int64(0), 0
				for b.Loop() {
					k := i % networks
					res, err := s.New(options()).Search(ctx, ns[k], wcsp.Request{Seed: uint64(i), Budget: predictor.DefaultBudget})
					if err != nil {
						b.Fatal(err)
					}
					gap += 100 * float64(best[k]-res.Stacks[0].Score) / float64(best[k])
					moves += res.Stats.Moves
					work += res.Stats.Work
					i++
				}
				b.ReportMetric(gap/float64(i), "%gap")
				b.ReportMetric(float64(moves)/float64(i), "moves/op")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(work), "ns/work")
			})
		}
	}
}

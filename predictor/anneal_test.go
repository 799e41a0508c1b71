package predictor_test

import (
	"testing"

	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// TestAnnealNear has annealing alone end within one percent of the best stack on
// average, in a fiftieth of a second's work. Without blocks it is 1.7.
func TestAnnealNear(t *testing.T) {
	const networks = 6
	gap := 0.0
	for seed := range uint64(networks) {
		n := wcsptest.Generate(seed, 80, 0.05)
		best := solve(t, "auto", predictor.Auto{Options: options()}, n, wcsp.Request{}).Stacks[0].Score
		got := solve(t, "annealing", predictor.Anneal{}, n, wcsp.Request{Seed: seed, Budget: 2e7}).Stacks[0].Score
		gap += 100 * float64(best-got) / float64(best) / networks
	}
	if gap > 1 {
		t.Errorf("%.2f %% below the best", gap)
	}
}

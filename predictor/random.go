package predictor

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Random rolls out again and again, each value as likely as any other: the
// baseline of all others. With a prior it prefers what that likes. It never ends
// by itself.
type Random struct {
	Options

	// Temperature says how much the prior is followed: a value that is so much
	// worse than the best one, as a share of how much values differ on average, is
	// chosen e times less often. Zero means 0.02.
	Temperature float64
}

// Search implements wcsp.Searcher.
func (s Random) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

func (s Random) run(u *run) {
	choose := u.uniform
	if u.prior != nil {
		t := s.Temperature
		if t == 0 {
			t = 0.02
		}
		l := newLogits(u, u.prior, t)
		choose = l.choose
	}
	roll := newRollouts(u, choose)
	led := newLedger(u)
	for u.more(0) {
		if x, ok := roll.next(); ok {
			u.best.offer(x, led.score(x))
		}
	}
}

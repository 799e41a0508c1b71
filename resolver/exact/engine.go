package exact

import (
	"context"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// Engine is the exact searcher. It draws no random numbers.
type Engine struct{}

// Search implements wcsp.Searcher. An error is a network that breaks its
// contract, or a fault of ours.
func (Engine) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	if err := check(n); err != nil {
		return wcsp.Result{}, err
	}
	z := newSearch(ctx, n, r)
	for _, x := range r.Known {
		if valid(n, x) {
			z.take(slices.Clone(x))
		}
	}
	z.solve()
	if z.fault != nil {
		return wcsp.Result{}, z.fault
	}
	z.stats.Work = z.work
	res := wcsp.Result{Stacks: z.stacks, Bound: z.bound, Status: z.status, Stats: z.stats}
	if !z.ended && len(z.stacks) == 0 {
		res.Status = wcsp.Infeasible
		res.Bound = wcsp.None
	}
	return res, nil
}

// valid reports whether x is a stack; x may be anything.
func valid(n *wcsp.Network, x []int32) bool {
	if len(x) != len(n.Vars) {
		return false
	}
	for v, k := range x {
		if k < 0 || int(k) >= len(n.Vars[v].Unary) {
			return false
		}
	}
	return n.Legal(x)
}

// solve finds the best stack, then the canonical one of those, then the others
// that are asked for.
func (z *search) solve() {
	b, ok := z.room.compact(compile(z.net, nil))
	if !ok || z.tick() {
		return
	}
	f := &frame{top: true, main: true, need: alive, best: dead}
	if z.best() != wcsp.None {
		f.need = (z.best() + 1) * wcsp.Scale
	}
	z.run(f, b)
	if z.ended || len(z.stacks) == 0 {
		return
	}
	z.bound = z.best()
	z.record()
	best := z.stacks[0]
	if f.spilt {
		f.tied = []*box{z.snap}
	}
	for _, b := range f.tied {
		best.Values = z.smaller(b, best.Values, best.Score)
	}
	z.stacks[0] = best
	if z.count > 1 && !z.ended {
		z.following()
	}
}

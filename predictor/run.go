package predictor

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A run is one search of a strategy: what all of them share.
type run struct {
	ctx    context.Context
	n      *wcsp.Network
	record func(wcsp.Point)
	p      *wcsp.Propagator
	f      *wcsp.Finder
	rng    *rand.Rand
	prior  [][]int64 // nil for none

	best   pool
	bound  int64
	budget int64
	status wcsp.Status

	walker *wcsp.Walker // nil for none
	limit  int64        // of stacks looked at; 0 for none
	looked int64
	width  int   // of the tree; 0 for none
	scored int64 // work of scoring roll-outs
	rolls  int64
	shown  int64 // the score that was recorded last
	next   int64 // when to record though nothing is better
	turns  int64
}

// search begins a run: the first stack, and whoever is known. Unless that settles
// everything, body goes on as long as more says.
func search(ctx context.Context, n *wcsp.Network, r wcsp.Request, o Options, body func(u *run)) (wcsp.Result, error) {
	u := &run{
		ctx: ctx, n: n, record: r.Record, bound: wcsp.Unbounded, budget: r.Budget, limit: r.Limit, width: r.Width,
		rng:   rand.New(rand.NewPCG(r.Seed, 0)),
		best:  pool{count: max(r.Count, 1)},
		shown: wcsp.None,
	}
	if u.budget == 0 {
		u.budget = DefaultBudget
	}
	for _, x := range r.Known {
		if err := check(n, x); err != nil {
			return wcsp.Result{}, err
		}
		u.best.offer(x, n.Score(x))
	}
	var ok bool
	if u.p, ok = wcsp.NewPropagator(n); !ok {
		u.status, u.bound = wcsp.Infeasible, wcsp.None
		return u.result(), nil
	}
	u.f = wcsp.NewFinder(u.p)
	x := make([]int32, len(n.Vars))
	if u.p.Values(x) {
		u.best.offer(x, n.Score(x))
		u.bound = u.best.score()
		return u.result(), nil
	}
	found, err := u.f.Find(ctx, nil, x)
	switch {
	case err != nil:
		u.status = wcsp.Interrupted
		return u.result(), nil
	case !found:
		u.status, u.bound = wcsp.Infeasible, wcsp.None
		return u.result(), nil
	}
	u.looked++
	u.best.offer(x, n.Score(x))
	if o.Bound != nil {
		u.bound = o.Bound(n)
	}
	if o.Prior != nil {
		u.prior = o.Prior(n)
	}
	body(u)
	u.point(0)
	return u.result(), nil
}

// check says what is wrong with a stack that somebody says is one.
func check(n *wcsp.Network, x []int32) error {
	if len(x) != len(n.Vars) {
		return fmt.Errorf("a known stack has %d values, the network %d variables", len(x), len(n.Vars))
	}
	for v, y := range x {
		if y < 0 || int(y) >= len(n.Vars[v].Unary) {
			return fmt.Errorf("a known stack has value %d for variable %d, which has %d", y, v, len(n.Vars[v].Unary))
		}
	}
	if !n.Legal(x) {
		return fmt.Errorf("a known stack is none")
	}
	return nil
}

// more reports whether to go on. Temperature is what to record, 0 for none.
func (u *run) more(temperature float64) bool {
	u.turns++
	work := u.work()
	if u.best.score() > u.shown || work >= u.next {
		u.point(temperature)
	}
	switch {
	case u.best.meets(u.bound):
		u.status = wcsp.Optimal
	case work >= u.budget || u.full():
		u.status = wcsp.Budget
	case u.turns&15 == 0 && u.ctx.Err() != nil:
		u.status = wcsp.Interrupted
	default:
		return true
	}
	return false
}

// full reports whether as many stacks were looked at as may be.
func (u *run) full() bool { return u.limit > 0 && u.looked >= u.limit }

// try has the run's walker try a move, and counts the stacks that it meets.
func (u *run) try() (gain int64, ok bool) {
	if gain, ok = u.walker.Try(); ok {
		u.looked++
	}
	return gain, ok
}

// work returns the work of the run so far.
func (u *run) work() int64 {
	work := u.scored
	if u.p != nil {
		work += u.p.Work()
	}
	if u.walker != nil {
		work += u.walker.Stats().Work
	}
	return work
}

// share returns how much of the budget is used, between 0 and 1.
func (u *run) share() float64 { return min(1, float64(u.work())/float64(u.budget)) }

// point records where the run is.
func (u *run) point(temperature float64) {
	work := u.work()
	u.shown = u.best.score()
	u.next = work + u.budget/256
	if u.record != nil {
		u.record(wcsp.Point{Work: work, Best: u.shown, Bound: u.bound, Temperature: temperature})
	}
}

func (u *run) result() wcsp.Result {
	res := wcsp.Result{Stacks: u.best.stacks, Bound: u.bound, Status: u.status}
	res.Stats.Work = u.work()
	res.Stats.Moves = u.rolls
	if u.f != nil {
		res.Stats.Nodes = u.f.Stats().Nodes
	}
	if u.walker != nil {
		res.Stats.Moves += u.walker.Stats().Moves
	}
	return res
}

// walk returns the run's walker, made when it is first asked for.
func (u *run) walk() *wcsp.Walker {
	if u.walker == nil {
		u.walker = wcsp.NewWalker(u.p, u.rng)
		u.walker.Prior = u.prior
	}
	return u.walker
}

package resolver

import (
	"context"
	"fmt"
	"math"

	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A Search says how a stack is searched. The zero Search finds the best stack
// with the exact engine, however long that takes.
type Search struct {
	// Searcher finds the best assignments of networks; nil is the exact engine.
	Searcher wcsp.Searcher

	Seed   uint64
	Budget int64 // of work for each rank (wcsp.Stats); 0 means no bound
	Count  int   // of stacks; 0 means 1
	Limit  int64 // of stacks looked at for each rank, see wcsp.Request
	Width  int   // of open nodes, see wcsp.Request

	// Record, if not nil, is shown the search as it goes on; see wcsp.Request.
	Record func(Rank, wcsp.Point)
}

// An Optimum says how good a stack is known to be.
type Optimum struct {
	Status wcsp.Status

	// Of the ranks before Open the stack is proved to be the best. Of Open, no
	// stack that is as good before has more than Bound, or nothing is known
	// (wcsp.Unbounded). If everything is proved, Open is AllLevels.
	Open  Rank
	Best  int64 // what the stack has at Open
	Bound int64

	Stats wcsp.Stats // of all levels together

	Variables, Values int // of the space that was searched
}

// Proved reports whether no stack is better.
func (o *Optimum) Proved() bool { return o.Open == AllLevels }

// A Rank is a place in the order in which stacks are compared: the tiers before
// the last, then how few pre-releases there are, then the last tier.
type Rank int

// AllLevels is the rank behind all others.
const AllLevels = Rank(levels)

// String names the rank.
func (r Rank) String() string {
	switch int(r) {
	case prereleaseLevel:
		return "pre-releases"
	case lastLevel:
		return "score"
	case levels:
		return "all"
	}
	return fmt.Sprintf("tier %d", int(r))
}

// A stage is one level of an objective as it was searched.
type stage struct {
	rank      Rank
	objective objective
	mapping   *mapping
	best      int64 // of the network
	bound     int64
}

// An optimization is the levels of one closure, searched one after the other:
// what is best at one is kept at those after it.
type optimization struct {
	Search
	*space
	limits  [levels]limit
	goal    objective // of the last stage
	stages  []stage
	optimum Optimum
	best    []int32 // assignment of the space
	scored  bool    // terms can make one stack better than another
	open    bool    // the alternatives need not be the next best
}

// optimize finds the best assignment of a space, at least as good as known,
// which is a stack.
func (s Search) optimize(ctx context.Context, sp *space, known []int32) (*optimization, error) {
	o := &optimization{Search: s, space: sp, best: known, limits: sp.limits()}
	o.optimum = Optimum{Open: AllLevels, Variables: len(sp.vars)}
	for i := range sp.vars {
		o.optimum.Values += len(sp.vars[i].values) - 1
	}
	for level, l := range o.limits {
		now := sp.worthOf(o.best)
		if last := level == lastLevel; !last && l.unit == 0 {
			continue // nothing is worth anything there
		} else if !last && !l.earns && now[level] == 0 {
			o.goal.closed[level] = true // nothing is better than to pay nothing
			continue
		}
		fits := false
		o.goal.weights, fits = o.weigh(level, now)
		if err := o.stage(ctx, Rank(level), fits); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// stage searches one level. Where the numbers do not fit, nothing is better than
// what is known as far as anybody can tell.
func (o *optimization) stage(ctx context.Context, rank Rank, fits bool) error {
	m := o.network(&o.goal)
	r := wcsp.Result{Status: wcsp.Budget, Bound: wcsp.Unbounded, Stacks: []wcsp.Stack{{Values: m.assignment(o.best)}}}
	if fits && m.fits() {
		request := wcsp.Request{Seed: o.Seed, Budget: o.Budget, Limit: o.Limit, Width: o.Width, Known: [][]int32{m.assignment(o.best)}}
		if o.Record != nil {
			request.Record = func(p wcsp.Point) { o.Record(rank, m.point(p)) }
		}
		var err error
		if r, err = o.searcher().Search(ctx, m.net, request); err != nil {
			return err
		}
		if len(r.Stacks) == 0 || !m.net.Legal(r.Stacks[0].Values) {
			return fmt.Errorf("the search of %v lost the stack that it was given (status %d)", rank, r.Status)
		}
	}
	o.optimum.add(r.Stats)
	o.best = m.origin(r.Stacks[0].Values)
	now := o.worthOf(o.best)
	o.stages = append(o.stages, stage{rank, o.goal, m, r.Stacks[0].Score, r.Bound})
	if r.Bound == r.Stacks[0].Score || o.optimum.Open != AllLevels {
		return nil
	}
	o.optimum.Status = r.Status
	o.optimum.Open, o.optimum.Best, o.optimum.Bound = rank, now[rank], r.Bound
	if r.Bound != wcsp.Unbounded {
		o.optimum.Bound *= m.unit
		// What is before is the best there is, so the rest is this rank's.
		for l := range rank {
			o.optimum.Bound -= now[l] * o.goal.weights[l]
		}
	}
	return nil
}

// improve takes x, which is better, in place of the best so far.
func (o *optimization) improve(x []int32) {
	o.best = x
	if o.optimum.Proved() {
		return
	}
	o.optimum.Best = o.worthOf(x)[o.optimum.Open]
	if o.optimum.Open == Rank(lastLevel) && o.optimum.Best == o.optimum.Bound {
		o.optimum.Open = AllLevels
	}
}

// point is a point in units of the objective.
func (m *mapping) point(p wcsp.Point) wcsp.Point {
	if p.Best != wcsp.None {
		p.Best *= m.unit
	}
	if p.Bound != wcsp.Unbounded {
		p.Bound *= m.unit
	}
	return p
}

// add counts what another search did.
func (o *Optimum) add(s wcsp.Stats) {
	o.Stats.Work += s.Work
	o.Stats.Nodes += s.Nodes
	o.Stats.Sweeps += s.Sweeps
	o.Stats.Moves += s.Moves
}

// fits reports whether the network's scores are in bounds.
func (m *mapping) fits() bool {
	sum := 0.0
	for i := range m.net.Vars {
		worst := 0.0
		for _, u := range m.net.Vars[i].Unary {
			worst = max(worst, math.Abs(float64(u)))
		}
		sum += worst
	}
	for i := range m.net.Pairs {
		worst := 0.0
		for _, row := range m.net.Pairs[i].Rows {
			for _, r := range row {
				worst = max(worst, math.Abs(float64(r.Score)))
			}
		}
		sum += worst
	}
	for i := range m.net.Groups {
		sum += math.Abs(float64(m.net.Groups[i].Score))
	}
	return sum < wcsp.MaxScore
}

// searcher returns the strategy.
func (s *Search) searcher() wcsp.Searcher {
	if s.Searcher != nil {
		return s.Searcher
	}
	return exact.Engine{}
}

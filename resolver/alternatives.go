package resolver

import (
	"context"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// alternatives finds the next best stacks after the best, up to Search.Count in
// all, of those that are as good in every rank before the last: first those
// that differ in more than releases which nobody can tell apart, then those.
// What the pipeline refuses is none of them. It stops where it meets a stack that
// is better than the best so far: that is the best then.
func (s Search) alternatives(ctx context.Context, e *engine, o *optimization, first []int) (reports []*Report, better bool, err error) {
	for refused, before := 0, 0; ; before = refused {
		all, better, err := s.next(ctx, o, s.Count+refused)
		if better || err != nil {
			return nil, better, err
		}
		if reports, refused, err = s.told(ctx, e, all, first); err != nil {
			return nil, false, err
		}
		if len(reports) == s.Count-1 || refused <= before || refused >= maxRefusals {
			return reports, false, nil
		}
	}
}

// told reports the stacks that the pipeline accepts, without the first and up to
// Search.Count with it, and counts the others.
func (s Search) told(ctx context.Context, e *engine, all [][]int, first []int) (reports []*Report, refused int, err error) {
	for _, chosen := range all {
		if slices.Equal(chosen, first) || len(reports) == s.Count-1 {
			continue
		}
		one, err := e.reportOf(chosen)
		if err != nil {
			return nil, 0, err
		}
		refusal := ""
		if p := e.closure.problem.Pipeline; p != nil {
			if refusal, err = p.Accept(context.WithoutCancel(ctx), one.Stack); err != nil {
				return nil, 0, err
			}
		}
		if refusal != "" {
			refused++
			continue
		}
		reports = append(reports, one)
	}
	return reports, refused, nil
}

// next finds the best stacks, up to want in all, as releases by project. If the
// first is better than the best so far it takes that one's place, and nothing is told.
func (s Search) next(ctx context.Context, o *optimization, want int) (all [][]int, better bool, err error) {
	best := o.worthOf(o.best)
	goal := o.goal
	// What is before the last rank must outweigh what stacks have at most.
	least := best
	for level := range least {
		least[level] = min(best[level], o.least(level))
	}
	weights, fits := o.weigh(lastLevel, least)
	goal.weights = weights
	m := o.network(&goal)
	if !fits || !m.fits() {
		o.open = true
		return nil, false, nil
	}
	r, err := o.searcher().Search(ctx, m.net, wcsp.Request{
		Seed: s.Seed, Budget: s.Budget, Limit: s.Limit, Width: s.Width, Count: want, Known: [][]int32{m.assignment(o.best)},
	})
	o.open = o.open || r.Status != wcsp.Optimal
	if err != nil {
		return nil, false, err
	}
	o.optimum.add(r.Stats)
	for i, stack := range r.Stacks {
		x := m.origin(stack.Values)
		now := o.worthOf(x)
		if i == 0 && o.scored && now.compare(best) > 0 {
			o.improve(x)
			return nil, true, nil
		}
		if slices.Compare(now[:lastLevel], best[:lastLevel]) == 0 {
			all = append(all, o.releases(x))
		}
	}
	if len(all) < want {
		all = append(all, o.versions(all, want-len(all))...)
	}
	return all, false, nil
}

// least is less than what any stack has at a level.
func (o *optimization) least(level int) (sum int64) {
	for i := range o.vars {
		worst := int64(0)
		for _, w := range o.vars[i].worth {
			worst = min(worst, w[level])
		}
		sum += worst
	}
	for _, t := range o.terms {
		if !t.Veto && levelOf(t.Tier) == level {
			sum += min(0, t.Score)
		}
	}
	return sum
}

// versions returns up to n stacks that have other releases of the same values,
// the best of each first: of the first stack before those of the second.
func (o *optimization) versions(stacks [][]int, n int) [][]int {
	var all [][]int
	for _, chosen := range stacks {
		var open []int // projects with a choice
		choice := map[int][]int{}
		for p, i := range chosen {
			if i < 0 {
				continue
			}
			v := &o.vars[o.ofProject[p]]
			alone := o.alone[p]
			for _, r := range v.values[v.valueOf[i]] {
				if slices.Equal(alone[r][:lastLevel], alone[i][:lastLevel]) {
					choice[p] = append(choice[p], r)
				}
			}
			if len(choice[p]) > 1 {
				open = append(open, p)
			}
		}
		all = append(all, o.products(chosen, open, choice, n-len(all))...)
		if len(all) == n {
			break
		}
	}
	return all
}

// products returns the n best stacks but the first that choose one of each
// project's releases, best first.
func (o *optimization) products(chosen, open []int, choice map[int][]int, n int) [][]int {
	type node struct {
		index []int // into choice, by open
		loss  int64
		last  int // the first of open that may still be raised
	}
	losses := make([][]int64, len(open))
	for k, p := range open {
		alone := o.alone[p]
		for _, r := range choice[p] {
			losses[k] = append(losses[k], alone[choice[p][0]][lastLevel]-alone[r][lastLevel])
		}
	}
	frontier := []node{{index: make([]int, len(open))}}
	var all [][]int
	for len(frontier) > 0 && len(all) < n {
		at := 0
		for i := range frontier {
			if frontier[i].loss < frontier[at].loss {
				at = i
			}
		}
		next := frontier[at]
		frontier = slices.Delete(frontier, at, at+1)
		if next.loss > 0 || slices.Max(append([]int{0}, next.index...)) > 0 {
			stack := slices.Clone(chosen)
			for k, p := range open {
				stack[p] = choice[p][next.index[k]]
			}
			all = append(all, stack)
		}
		for k := next.last; k < len(open); k++ {
			if next.index[k]+1 < len(choice[open[k]]) {
				child := node{slices.Clone(next.index), 0, k}
				child.index[k]++
				for j, i := range child.index {
					child.loss += losses[j][i]
				}
				frontier = append(frontier, child)
			}
		}
	}
	return all
}

package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/solver/journal"
)

// openLearnt opens what this machine learnt by trying. That it cannot be read is
// no reason not to advise, and is told.
func (k *knowledge) openLearnt(ctx context.Context) {
	dir := learntDir(k.env)
	if dir == "" {
		return
	}
	var err error
	k.learnt, err = journal.Read(ctx, dir, journalOptions(k.env, func() string { return "" }))
	if err != nil {
		k.notes = append(k.notes, fmt.Sprintf("what was learnt by trying cannot be read: %v", learntError(err)))
	}
}

// forgetLearnt forgets what was learnt by trying of projects, of all if names is
// nil.
func forgetLearnt(ctx context.Context, env *Env, names []py.Name) (int, error) {
	dir := learntDir(env)
	if dir == "" {
		return 0, nil
	}
	j, err := journal.Read(ctx, dir, journalOptions(env, func() string { return "" }))
	if err != nil {
		return 0, learntError(err)
	}
	defer j.Close()
	n, err := j.Forget(ctx, names)
	return n, learntError(err)
}

// facts are what a run knows beside releases: of the snapshot, and what this
// machine learnt by trying.
func (k *knowledge) facts() pipeline.Facts { return learntFacts{facts{k.Layered}, k.learnt} }

// learntFacts are facts with what was learnt by trying on top.
type learntFacts struct {
	facts
	journal *journal.Journal
}

// Observations are those of both, oldest first.
func (f learntFacts) Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error) {
	known, err := f.facts.Observations(ctx, names)
	if err != nil || f.journal == nil {
		return known, err
	}
	learnt, err := f.journal.Observations(ctx, names)
	if err != nil {
		return nil, learntError(err)
	}
	out := make([][]py.Observation, len(names))
	for i := range names {
		out[i] = slices.Concat(known[i], learnt[i])
		slices.SortStableFunc(out[i], func(a, b py.Observation) int { return cmp.Compare(a.At, b.At) })
	}
	return out, nil
}

// Indicators are those of both; what this machine counted with a tool in a
// release stands in the place of what the snapshot has.
func (f learntFacts) Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error) {
	known, err := f.facts.Indicators(ctx, names)
	if err != nil || f.journal == nil {
		return known, err
	}
	learnt, err := f.journal.Indicators(ctx, names)
	if err != nil {
		return nil, learntError(err)
	}
	out := make([][]py.Indicator, len(names))
	for i := range names {
		out[i] = slices.Clone(learnt[i])
		for _, x := range known[i] {
			if !slices.ContainsFunc(learnt[i], func(l py.Indicator) bool { return l.Tool == x.Tool && l.Version.Compare(x.Version) == 0 }) {
				out[i] = append(out[i], x)
			}
		}
		slices.SortStableFunc(out[i], func(a, b py.Indicator) int {
			return cmp.Or(a.Version.Compare(b.Version), cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Metric, b.Metric))
		})
	}
	return out, nil
}

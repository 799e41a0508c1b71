package steps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var hole = pipeline.Unit{
	Name: "hole",
	Doc:  "penalise releases that name no requirements although their neighbours do",
	Detail: `Metadata without requirements is most often metadata that was not written. Such a release fits everything, so a solver that
looks for a way out of a conflict finds it. It costs more than the staleness of a whole stack.`,
	Hindsight: true,
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Suspicions(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		single := newSingles(candidates)
		holes := 0
		for n := range all {
			for k := range all[n] {
				if all[n][k].Kind == py.Hole {
					holes++
				}
			}
		}
		terms := make([]pipeline.Term, 0, holes)
		for n, c := range candidates {
			for k := range all[n] {
				s := &all[n][k]
				if s.Kind != py.Hole {
					continue
				}
				if i, found := at(c.Project, s.Version); found && c.Usable.Has(i) {
					terms = append(terms, alone(c, single.of(c, i), -1, emptiness{s}))
				}
			}
		}
		return terms, nil
	},
}

// emptiness is the evidence of a hole.
type emptiness struct{ *py.Suspicion }

func (e emptiness) Justify() resolver.Justification {
	return resolver.Justification{
		Level: resolver.Warning, Package: e.Project, Evidence: e.Line,
		Message: fmt.Sprintf("%s %s names no requirements, but %s requires %s", e.Project, e.Version, e.By, e.Line),
	}
}

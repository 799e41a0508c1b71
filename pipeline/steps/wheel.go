package steps

import (
	"context"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var wheel = pipeline.Unit{
	Name:   "wheel",
	Doc:    "penalise releases that would be built from source here, if another has a wheel",
	Detail: "A build needs a compiler, time and trust: it runs the project's code. Where every usable release would be built, none is penalised.",
	Step: func(_ context.Context, _ *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		var terms []pipeline.Term
		for _, c := range candidates {
			set := where(c, c.Build.Has)
			if !set.Empty() && !covers(c, set) {
				terms = append(terms, alone(c, set, -1, said{of: c, set: set, after: " has no wheel for this environment"}))
			}
		}
		return terms, nil
	},
}

package steps

import (
	"context"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var yanked = pipeline.Unit{
	Name:   "yanked",
	Doc:    "penalise yanked releases that the user pins all the same",
	Detail: "What is yanked and not pinned with == cannot be chosen at all (PEP 592).",
	Step: func(_ context.Context, _ *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		var terms []pipeline.Term
		for _, c := range candidates {
			set := where(c, func(i int) bool { return c.Releases[i].Yanked })
			if !set.Empty() && !covers(c, set) {
				terms = append(terms, alone(c, set, -1, said{level: resolver.Warning, of: c, set: set, after: " is yanked"}))
			}
		}
		return terms, nil
	},
}

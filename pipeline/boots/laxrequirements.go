package boots

import (
	"context"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var laxRequirements = pipeline.Unit{
	Name: "lax-requirements",
	Doc:  "tell which of the user's requirements bound nothing",
	Detail: `Such a requirement admits releases that nobody has seen yet: what is locked is safe, what is locked again is not. A bound of
another line, or of a constraint, is enough.`,
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		bounded := map[py.Name]bool{}
		for _, r := range slices.Concat(plan.Problem.Requirements, plan.Problem.Constraints) {
			if r.URL != "" || len(r.Specifiers.All()) > 0 {
				bounded[r.Name] = true
			}
		}
		var lax []string
		for _, r := range plan.Problem.Requirements {
			if !bounded[r.Name] {
				lax = append(lax, string(r.Name))
			}
		}
		if len(lax) == 0 {
			return pipeline.Booted{}, nil
		}
		slices.Sort(lax)
		return note(resolver.Info, "", "nothing bounds the version of %s", strings.Join(slices.Compact(lax), ", ")), nil
	},
}

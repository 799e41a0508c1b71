package wraps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var builds = pipeline.Unit{
	Name:   "builds",
	Doc:    "tell what installing the stack builds from source",
	Detail: "A build runs the project's code and needs what it does not declare, such as a compiler.",
	Wrap: func(_ context.Context, plan *pipeline.Plan, stack []resolver.Choice) (w pipeline.Wrapped, _ error) {
		for _, c := range stack {
			if !c.Build {
				continue
			}
			j := resolver.Justification{Level: resolver.Warning, Package: c.Name, Message: fmt.Sprintf("%s has no wheel for this environment: installing it runs its build", c.Package)}
			if plan.Problem.NoBinary.Has(c.Name) { // the user wants it so
				j.Level, j.Message = resolver.Info, fmt.Sprintf("%s may not be a wheel: installing it runs its build", c.Package)
			}
			w.Notes = append(w.Notes, j)
		}
		return w, nil
	},
}

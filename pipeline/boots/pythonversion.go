package boots

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var pythonVersion = pipeline.Unit{
	Name: "python-version",
	Doc:  "tell where the manifest does not say which Python it needs, and warn where it excludes the one that is advised for",
	Detail: `A Python that the user names and the manifest excludes is refused before units are asked. What is left to warn of are those that
nobody named; the environment counts, as it is what the stack will run in.`,
	After: []string{"fully-specified"},
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		python := plan.Problem.Environment.Python
		if plan.ManifestPython == "" {
			return note(resolver.Info, "", "the manifest does not say which Python it needs; the advice is for %s alone", python), nil
		}
		specs, err := py.ParseSpecifiers(plan.ManifestPython)
		if err != nil {
			return pipeline.Booted{}, fmt.Errorf("Requires-Python %q of the manifest: %w", plan.ManifestPython, err)
		}
		if !specs.Contains(python) {
			return note(resolver.Warning, plan.ManifestPython, "the manifest needs Python %s, and the advice is for %s", specs, python), nil
		}
		return pipeline.Booted{}, nil
	},
}

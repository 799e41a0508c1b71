package boots

import (
	"context"

	"github.com/thamos/thamos/pipeline"
)

var fullySpecified = pipeline.Unit{
	Name:   "fully-specified",
	Doc:    "refuse to advise for an environment without a Python version or a platform",
	Detail: "The distribution is not needed: markers and wheels do not ask for it, and a stack can be locked for another machine.",
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		e := plan.Problem.Environment
		switch {
		case e == nil || e.Python.IsZero():
			return pipeline.Booted{Refusal: "the environment has no Python version", Remedy: "give --python-version"}, nil
		case e.Platform.OS == "" || e.Platform.Machine == "":
			return pipeline.Booted{Refusal: "the environment has no platform", Remedy: "give --platform"}, nil
		}
		return pipeline.Booted{}, nil
	},
}

package boots

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var labels = pipeline.Unit{
	Name:   "labels",
	Doc:    "tell the labels of the request",
	Detail: "Prescriptions ask for labels. Two have a meaning of their own: allow-cve (see allowances) and vulnerabilities (see drop-vulnerable).",
	When:   func(p *pipeline.Plan) bool { return len(p.Labels) > 0 },
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		var b pipeline.Booted
		for _, key := range slices.Sorted(maps.Keys(plan.Labels)) {
			b.Notes = append(b.Notes, resolver.Justification{Message: fmt.Sprintf("label %s=%s", key, plan.Labels[key])})
		}
		return b, nil
	},
}

package strides

import (
	"context"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var unique = pipeline.Unit{
	Name:   "unique",
	Doc:    "refuse a stack that is among those already seen",
	Detail: "A run that wants several stacks tells the plan which it has. (A search that gives one stack never meets it.)",
	When:   func(p *pipeline.Plan) bool { return len(p.Seen) > 0 },
	Stride: func(_ context.Context, plan *pipeline.Plan, stack []resolver.Choice) (string, error) {
		if plan.Seen[pipeline.StackKey(stack)] {
			return "it was seen before", nil
		}
		return "", nil
	},
}

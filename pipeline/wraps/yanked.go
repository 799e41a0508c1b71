package wraps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var yankedLeft = pipeline.Unit{
	Name:   "yanked-left",
	Doc:    "tell which releases of the stack are yanked",
	Detail: "They are there because the user pins them (PEP 592).",
	Wrap: func(_ context.Context, _ *pipeline.Plan, stack []resolver.Choice) (w pipeline.Wrapped, _ error) {
		for _, c := range stack {
			if !c.Release.Yanked {
				continue
			}
			text := fmt.Sprintf("%s is yanked", c.Package)
			if c.Release.YankedReason != "" {
				text += ": " + c.Release.YankedReason
			}
			w.Notes = append(w.Notes, resolver.Justification{Level: resolver.Warning, Package: c.Name, Message: text})
		}
		return w, nil
	},
}

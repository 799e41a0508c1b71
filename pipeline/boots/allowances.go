package boots

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var allowances = pipeline.Unit{
	Name:   "allowances",
	Doc:    "tell which advisories are accepted and why, and which allowances have expired",
	Detail: "Allowances are those of the settings, [[allow]] with id, reason, project and expires, and the ids of the label allow-cve.",
	When:   func(p *pipeline.Plan) bool { return len(p.Settings.Allow) > 0 },
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		var b pipeline.Booted
		for _, a := range plan.Settings.Allow {
			of := ""
			if a.Project != "" {
				of = " of " + string(a.Project)
			}
			text := fmt.Sprintf("%s%s is accepted: %s", a.ID, of, a.Because())
			if plan.Expired(a) {
				// Expires is the end of the last day on which it holds.
				text = fmt.Sprintf("the allowance for %s%s expired after %s and does not count (%s)", a.ID, of, date(a.Expires-1), a.From)
			}
			b.Notes = append(b.Notes, resolver.Justification{Level: resolver.Warning, Package: a.Project, Message: text, Evidence: a.ID})
		}
		return b, nil
	},
}

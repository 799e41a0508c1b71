package boots

import (
	"context"
	"time"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

const day = 24 * 3600 // seconds

// knowledgeDays is the age of advisories that is not old, if nobody says so.
const knowledgeDays = 7

var kbAge = pipeline.Unit{
	Name:   "kb-age",
	Doc:    "warn where the advisories of the knowledge base are old, or there are none",
	Detail: "Old is more than knowledge-days (7) since the newest advisory was modified; -1 is never.",
	Boot: func(_ context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
		limit := plan.Settings.KnowledgeDays
		if limit == 0 {
			limit = knowledgeDays
		}
		switch age := (plan.Clock - plan.AdvisoriesAt) / day; {
		case plan.AdvisoriesAt == 0:
			return note(resolver.Warning, "", "the knowledge base holds no advisories: nothing is known of vulnerabilities (thamos kb import --format osv)"), nil
		case limit > 0 && age > int64(limit):
			on := date(plan.AdvisoriesAt)
			return note(resolver.Warning, on, "the newest advisory of the knowledge base is of %s, %d days ago: newer vulnerabilities are not known", on, age), nil
		}
		return pipeline.Booted{}, nil
	},
}

// date is the day of a time in Unix seconds.
func date(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateOnly) }

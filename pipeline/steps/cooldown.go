package steps

import (
	"context"
	"fmt"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

const day = 24 * 3600

var cooldown = pipeline.Unit{
	Name: "cooldown",
	Doc:  "penalise releases that are too new for their faults to be known",
	Detail: `A release that was uploaded less than cooldown-days (7) before the day of the knowledge has -1 at first, less every day, 0 in the end.
One that is free of an advisory which the newest release outside the cooldown has is taken at once: who waits for the cure has the illness. Where every usable
release is that new, or nothing is known of when, there is no penalty.`,
	When: func(p *pipeline.Plan) bool { return p.Settings.CooldownDays >= 0 && p.Now > 0 },
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		days := int64(plan.Settings.CooldownDays)
		if days == 0 {
			days = 7
		}
		advisories, err := plan.Facts.Advisories(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		var terms []pipeline.Term
		for n, c := range candidates {
			cool := -1 // the newest that is old enough
			var young []int
			usable(c, func(i int) {
				if r := &c.Releases[i]; r.Uploaded != 0 && plan.Now-r.Uploaded < days*day {
					young = append(young, i)
				} else if cool < 0 {
					cool = i
				}
			})
			if cool < 0 {
				continue
			}
			for _, i := range young {
				r := &c.Releases[i]
				if fixes(plan, advisories[n], r.Version, c.Releases[cool].Version) {
					continue
				}
				age := max(plan.Now-r.Uploaded, 0)
				score := float64(age)/float64(days*day) - 1
				terms = append(terms, alone(c, one(c, i), score, novelty{c.Name, r.Version, r.Uploaded}))
			}
		}
		return terms, nil
	},
}

// fixes reports whether an advisory affects old and not v.
func fixes(plan *pipeline.Plan, advisories []*py.Advisory, v, old py.Version) bool {
	for _, a := range advisories {
		if !a.Affects(old) || a.Affects(v) {
			continue
		}
		if _, allowed := plan.Allowed(a); !allowed {
			return true
		}
	}
	return false
}

// novelty is the evidence of a cooldown.
type novelty struct {
	name     py.Name
	version  py.Version
	uploaded int64
}

func (n novelty) Justify() resolver.Justification {
	on := time.Unix(n.uploaded, 0).UTC().Format(time.DateOnly)
	return resolver.Justification{
		Package: n.name, Evidence: on,
		Message: fmt.Sprintf("%s %s was uploaded on %s, too short ago to be trusted", n.name, n.version, on),
	}
}

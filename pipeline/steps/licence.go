package steps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var licence = pipeline.Unit{
	Name: "licence",
	Doc:  "penalise releases whose licence the user's policy does not allow",
	Detail: `Patterns of licence.allow and licence.deny match the identifiers of the SPDX expression that the metadata gives (PEP 639): of what
OR joins one allowed side is enough, of what AND joins all must be, and an exception (WITH) takes nothing away. A licence that is no such expression is matched
as a whole. What names no licence is not penalised, because nothing is known of it.`,
	When: func(p *pipeline.Plan) bool { return len(p.Settings.LicenceAllow)+len(p.Settings.LicenceDeny) > 0 },
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Abouts(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		policy := func(id string) bool {
			s := &plan.Settings
			return !matches(s.LicenceDeny, id) && (len(s.LicenceAllow) == 0 || matches(s.LicenceAllow, id))
		}
		allowed := map[string]bool{} // most releases have the licence of another
		var terms []pipeline.Term
		for n, c := range candidates {
			refused := map[string]resolver.Releases{}
			usable(c, func(i int) {
				about := all[n][c.Releases[i].Version.Key()]
				if about == nil || about.License == "" {
					return
				}
				text := about.License
				fine, known := allowed[text]
				if !known {
					fine = satisfies(text, policy)
					allowed[text] = fine
				}
				if fine {
					return
				}
				if refused[text] == nil {
					refused[text] = resolver.NewReleases(len(c.Releases))
					terms = append(terms, alone(c, refused[text], -1, unlicensed{c, refused[text], text}))
				}
				refused[text].Add(i)
			})
		}
		return terms, nil
	},
}

// unlicensed is the evidence of releases of one licence that is not allowed.
type unlicensed struct {
	of      resolver.Candidates
	set     resolver.Releases
	licence string
}

func (u unlicensed) Justify() resolver.Justification {
	return resolver.Justification{
		Level: resolver.Warning, Package: u.of.Name, Evidence: u.licence,
		Message: fmt.Sprintf("the licence of %s, %s, is not allowed", span(u.of, u.set), u.licence),
	}
}

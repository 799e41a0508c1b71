package steps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var advisory = pipeline.Unit{
	Name: "advisory",
	Doc:  "penalise releases with a known vulnerability, by its severity",
	Detail: `One term for each advisory that is not withdrawn, over the releases that it affects, each with the score -1. Severity is
that of the CVSS base score, else the word of the database, else unrated. An allowance (thamos.toml, the label allow-cve) takes an advisory out.`,
	Classes: []pipeline.Class{
		{Name: "critical", Doc: "CVSS 9 and more"}, {Name: "high", Doc: "CVSS 7 and more"}, {Name: "medium", Doc: "CVSS 4 and more"},
		{Name: "low", Doc: "CVSS below 4"}, {Name: "unrated", Doc: "nobody rated it"},
	},
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		return affected(ctx, plan, candidates, false)
	},
}

// affected makes a term for each advisory that affects a usable release.
func affected(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates, malware bool) ([]pipeline.Term, error) {
	all, err := plan.Facts.Advisories(ctx, names(candidates))
	if err != nil {
		return nil, err
	}
	var terms []pipeline.Term
	for n, c := range candidates {
		for _, a := range all[n] {
			if a.Malware != malware {
				continue
			}
			if _, allowed := plan.Allowed(a); allowed {
				continue
			}
			set := resolver.NewReleases(len(c.Releases))
			for _, r := range a.Affected {
				between(c, set, r)
			}
			if set.Empty() {
				continue
			}
			t := alone(c, set, -1, knownFlaw{a})
			if !malware {
				t.Class = a.Severity.String()
			}
			terms = append(terms, t)
		}
	}
	return terms, nil
}

// A knownFlaw is the evidence of an advisory.
type knownFlaw struct{ *py.Advisory }

func (k knownFlaw) Justify() resolver.Justification {
	what := k.Severity.String() + " vulnerability"
	if k.CVSS > 0 {
		what += fmt.Sprintf(" (CVSS %.1f)", k.CVSS)
	}
	if k.Malware {
		what = "malware"
	}
	return resolver.Justification{
		Level: resolver.Warning, Package: k.Project, Evidence: k.ID, Link: k.Link,
		Message: fmt.Sprintf("%s: %s: %s", k.ID, what, k.Summary),
	}
}

package sieves

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var dropVulnerable = pipeline.Unit{
	Name: "drop-vulnerable",
	Doc:  "drop releases with a critical or high vulnerability, for the type security with the label vulnerabilities=refuse",
	Detail: `Without the label such releases are avoided wherever that can be: dropping them can leave no stack at all, where the best one
with a vulnerability would be the better answer.`,
	When: func(p *pipeline.Plan) bool {
		return p.Table.Name == "security" && p.Labels["vulnerabilities"] == "refuse"
	},
	Sieve: func(ctx context.Context, plan *pipeline.Plan, projects []*py.Project) ([]resolver.Sifted, error) {
		return drop(ctx, plan, projects, func(a *py.Advisory) bool { return !a.Malware && a.Severity >= py.High }, "has a known vulnerability")
	},
}

// drop refuses the releases that an advisory of a kind affects.
func drop(ctx context.Context, plan *pipeline.Plan, projects []*py.Project, kind func(*py.Advisory) bool, what string) ([]resolver.Sifted, error) {
	names := make([]py.Name, len(projects))
	for i, p := range projects {
		names[i] = p.Name
	}
	advisories, err := plan.Facts.Advisories(ctx, names)
	if err != nil {
		return nil, err
	}
	all := make([]resolver.Sifted, len(projects))
	for i, p := range projects {
		for _, a := range advisories[i] {
			if !kind(a) {
				continue
			}
			if _, allowed := plan.Allowed(a); allowed {
				continue
			}
			for n := range p.Releases {
				if all[i].Refused[n] == "" && a.Affects(p.Releases[n].Version) {
					refuse(&all[i], n, fmt.Sprintf("%s (%s)", what, a.ID))
				}
			}
		}
	}
	return all, nil
}

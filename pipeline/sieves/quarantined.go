package sieves

import (
	"context"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var dropQuarantined = pipeline.Unit{
	Name:   "drop-quarantined",
	Doc:    "drop all releases of a project that its index has in quarantine",
	Detail: "The status of PEP 792: what is quarantined is thought to be harmful until somebody has looked.",
	Sieve: func(_ context.Context, _ *pipeline.Plan, projects []*py.Project) ([]resolver.Sifted, error) {
		all := make([]resolver.Sifted, len(projects))
		for i, p := range projects {
			if p.Status != "quarantined" {
				continue
			}
			reason := "is of a project in quarantine"
			if p.StatusReason != "" {
				reason += ": " + p.StatusReason
			}
			for n := range p.Releases {
				refuse(&all[i], n, reason)
			}
		}
		return all, nil
	},
}

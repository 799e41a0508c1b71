package steps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var leastChange = pipeline.Unit{
	Name:   "least-change",
	Doc:    "penalise releases other than the one of the user's own lock",
	Detail: "Only where that one can still be used. No table weighs it unless the user's does: who asks for advice asks for something else than what there is.",
	When:   func(p *pipeline.Plan) bool { return len(p.Locked) > 0 },
	Step: func(_ context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		var terms []pipeline.Term
		for _, c := range candidates {
			version, ok := plan.Locked[c.Name]
			if !ok {
				continue
			}
			i, found := at(c.Project, version)
			if !found || !c.Usable.Has(i) {
				continue
			}
			set := where(c, func(j int) bool { return j != i })
			if !set.Empty() {
				terms = append(terms, alone(c, set, -1, locked{c.Name, version}))
			}
		}
		return terms, nil
	},
}

// locked is the evidence of a least change.
type locked struct {
	name    py.Name
	version py.Version
}

func (l locked) Justify() resolver.Justification {
	return resolver.Justification{
		Package: l.name, Evidence: l.version.String(), Message: fmt.Sprintf("%s is locked at %s", l.name, l.version),
	}
}

package steps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var retroCap = pipeline.Unit{
	Name: "retro-cap",
	Doc:  "penalise releases together with a dependency that the next releases of their project exclude",
	Detail: `A later release that caps a dependency says something of earlier ones that do not: what it excludes was most likely never
tried with them, or was tried and failed. A solver that escapes the cap by taking the earlier release dodges it. It is a fact of a pair: the release
with the release of the dependency. What counts is the nearest later release with a lower top for that dependency.`,
	Hindsight: true,
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Suspicions(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		place := places(candidates)
		var terms []pipeline.Term
		for n, c := range candidates {
			terms = dodges(terms, c, all[n], candidates, place)
		}
		return terms, nil
	},
}

// dodges appends a term for each cap that releases of c dodge: all of them
// together, with what it excludes of the dependency.
func dodges(terms []pipeline.Term, c resolver.Candidates, all []py.Suspicion, candidates []resolver.Candidates, place map[py.Name]int) []pipeline.Term {
	caps := map[dodge]resolver.Releases{} // who dodges it; nil if it excludes nothing here
	for k := range all {
		s := &all[k]
		if s.Kind != py.RetroCap {
			continue
		}
		m, there := place[s.Dependency]
		if !there || s.Dependency == c.Name {
			continue
		}
		i, found := at(c.Project, s.Version)
		if !found || !c.Usable.Has(i) {
			continue
		}
		key := dodge{s.Dependency, s.By.Key(), s.Top.Version.Key(), s.Top.Inclusive, s.Line}
		dodgers, known := caps[key]
		if !known {
			if excluded := above(candidates[m], s.Top); !excluded.Empty() {
				dodgers = resolver.NewReleases(len(c.Releases))
				terms = append(terms, pipeline.Term{
					Members: []resolver.Member{{Project: c.Name, Releases: dodgers}, {Project: s.Dependency, Releases: excluded}},
					Score:   -1, Why: dodged{s},
				})
			}
			caps[key] = dodgers
		}
		if dodgers != nil {
			dodgers.Add(i)
		}
	}
	return terms
}

// A dodge tells caps apart, and what they stand on.
type dodge struct {
	dependency  py.Name
	by, top     string
	inclusive   bool
	requirement string
}

// dodged is the evidence of a retro-cap. Of the suspicion it tells what all that
// dodge the same cap share.
type dodged struct{ *py.Suspicion }

func (d dodged) Justify() resolver.Justification {
	return resolver.Justification{
		Level: resolver.Warning, Package: d.Project, Evidence: d.Line,
		Message: fmt.Sprintf("releases of %s before %s do not exclude this %s, but %s requires %s", d.Project, d.By, d.Dependency, d.By, d.Line),
	}
}

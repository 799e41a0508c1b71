package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var performance = pipeline.Unit{
	Name: "performance",
	Doc:  "penalise releases that were measured to be slower than another",
	Detail: `Of each metric that was measured of single releases in this environment, the best usable one has 0; one that is a factor of two worse or more
has -1, linear between. The newest measurement of a release counts. Releases that were not measured have none. What was measured of a whole run (run_seconds
and the like, which depends on what else the machine does) counts only for projects of which no command told a metric of its own.`,
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Observations(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		h := hereOf(plan)
		var terms []pipeline.Term
		for n, c := range candidates {
			measured := newest(all[n], func(o *py.Observation) string { return measureKey(o, c, h) })
			terms = append(terms, slower(c, ownMetrics(measured))...)
		}
		return terms, nil
	},
}

// measureKey is what was measured of which release; empty if nothing was that
// can be compared. Only positive values have a factor.
func measureKey(o *py.Observation, c resolver.Candidates, h here) string {
	if o.Kind != "metric" || len(o.Packages) != 1 || !(o.Value > 0) || !h.is(o) {
		return ""
	}
	if i, found := at(c.Project, o.Packages[0].Version); !found || !c.Usable.Has(i) {
		return ""
	}
	return o.Packages[0].Version.Key() + " " + o.Metric + " " + o.Unit
}

// ofRun begins the names of the metrics that are taken of any run (package solver).
const ofRun = "run_"

// ownMetrics leaves out the metrics of runs, if there are others.
func ownMetrics(measured []py.Observation) []py.Observation {
	own := slices.DeleteFunc(slices.Clone(measured), func(o py.Observation) bool { return strings.HasPrefix(o.Metric, ofRun) })
	if len(own) == 0 {
		return measured
	}
	return own
}

// A scale is what makes values comparable.
type scale struct {
	metric, unit string
	higher       bool
}

func scaleOf(o *py.Observation) scale { return scale{o.Metric, o.Unit, o.Higher} }

// slower are the terms of measurements that are worse than the best of their scale.
func slower(c resolver.Candidates, measured []py.Observation) []pipeline.Term {
	best := map[scale]*py.Observation{}
	for i := range measured {
		o := &measured[i]
		if b := best[scaleOf(o)]; b == nil || worse(o, b) < 1 {
			best[scaleOf(o)] = o
		}
	}
	var terms []pipeline.Term
	for i := range measured {
		o := &measured[i]
		b := best[scaleOf(o)]
		score := max(-1, 1-worse(o, b))
		if score >= 0 {
			continue
		}
		place, _ := at(c.Project, o.Packages[0].Version) // measureKey found it
		terms = append(terms, alone(c, one(c, place), score, slowness{o, b}))
	}
	return terms
}

// worse is the factor by which o is worse than b.
func worse(o, b *py.Observation) float64 {
	if o.Higher {
		return b.Value / o.Value
	}
	return o.Value / b.Value
}

// slowness is the evidence of a measurement that is worse than the best.
type slowness struct{ it, best *py.Observation }

func (s slowness) Justify() resolver.Justification {
	return resolver.Justification{
		Package: s.it.Packages[0].Name, Evidence: s.it.Document,
		Message: fmt.Sprintf("%s: %s is %.4g %s, %s has %.4g", s.it.Packages[0], s.it.Metric, s.it.Value, s.it.Unit, s.best.Packages[0], s.best.Value),
	}
}

package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var securityIndicators = pipeline.Unit{
	Name: "security-indicators",
	Doc:  "penalise releases by the density of what a security linter finds in them",
	Detail: `Of the findings of bandit, weighed by severity (100, 10, 1) and confidence (1, 0.5, 0.1), s a line of Python code:
0.5 max(-1, -0.001 s²), as Thoth had it, above that of the usable release with the fewest. (Thoth's own numbers had severity and confidence swapped, and so do
not compare.) What was not looked at has no penalty. The metrics are bandit's severity_high__confidence_low and so on, and cloc's python_code_lines; with
dots or in capitals they are the same.`,
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Indicators(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		var terms []pipeline.Term
		for n, c := range candidates {
			terms = append(terms, denser(c, findings(all[n]))...)
		}
		return terms, nil
	},
}

// denser are the terms of usable releases that have more findings a line than
// the one with the fewest.
func denser(c resolver.Candidates, all []finding) []pipeline.Term {
	var terms []pipeline.Term
	best := -1.0
	for _, f := range all {
		i, found := at(c.Project, f.version)
		if !found || !c.Usable.Has(i) || !(f.lines > 0) {
			continue
		}
		f.name = c.Name
		terms = append(terms, alone(c, one(c, i), f.score(), f))
		best = max(best, f.score())
	}
	kept := terms[:0]
	for _, t := range terms {
		if t.Score -= best; t.Score < 0 {
			kept = append(kept, t)
		}
	}
	return kept
}

// A finding sums up the indicators of one release.
type finding struct {
	name           py.Name
	version        py.Version
	weighed, lines float64
}

func (f finding) density() float64 { return f.weighed / f.lines }

func (f finding) score() float64 { return 0.5 * max(-1, -0.001*f.density()*f.density()) }

func (f finding) Justify() resolver.Justification {
	return resolver.Justification{
		Package: f.name, Evidence: "bandit",
		Message: fmt.Sprintf("%s %s has %.3g weighed findings of bandit a line", f.name, f.version, f.density()),
	}
}

// findings sums up indicators, which come by version.
func findings(all []py.Indicator) []finding {
	var out []finding
	for _, i := range all {
		if n := len(out); n == 0 || out[n-1].version.Compare(i.Version) != 0 {
			out = append(out, finding{version: i.Version})
		}
		f := &out[len(out)-1]
		metric := strings.ReplaceAll(strings.ToLower(i.Metric), ".", "_")
		if metric == "python_code_lines" {
			f.lines = i.Value
			continue
		}
		severity, confidence, ok := strings.Cut(strings.TrimPrefix(metric, "severity_"), "__confidence_")
		if ok && i.Tool == "bandit" {
			f.weighed += weightOf(severity, 100, 10, 1) * weightOf(confidence, 1, 0.5, 0.1) * max(i.Value, 0)
		}
	}
	return out
}

// weightOf is one of three weights, or 0: of what bandit could not tell, nothing
// is said.
func weightOf(word string, high, medium, low float64) float64 {
	switch word {
	case "high":
		return high
	case "medium":
		return medium
	case "low":
		return low
	}
	return 0
}

package steps

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var observed = pipeline.Unit{
	Name: "observed",
	Doc:  "penalise releases, and stacks, that failed to build, install, import or pass a test in this environment",
	Detail: `The newest observation of a kind counts. One in another Python or on another platform says nothing. A failure of one release makes
its two neighbours on each side suspect as well, a quarter as much, unless they were seen to work. Failures of the network, the clock and the
memory are not facts of a package and are never recorded as such.`,
	Classes: []pipeline.Class{{Name: "failed", Doc: "it failed here"}, {Name: "neighbour", Doc: "a neighbouring release failed here"}},
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Observations(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		h := hereOf(plan)
		place := places(candidates)
		var terms []pipeline.Term
		for n, c := range candidates {
			var tried []py.Observation
			for _, o := range newest(all[n], func(o *py.Observation) string { return outcomeKey(o, c.Name, h) }) {
				if len(o.Packages) == 1 {
					tried = append(tried, o)
				} else if t, ok := together(o, candidates, place); ok {
					terms = append(terms, t)
				}
			}
			terms = append(terms, failures(c, tried)...)
		}
		return terms, nil
	},
}

// here is the environment as observations name it.
type here struct{ python, platform string }

func hereOf(plan *pipeline.Plan) here {
	e := plan.Problem.Environment
	return here{e.MarkerValues()["python_version"], e.Platform.OS + "_" + e.Platform.Machine}
}

// is reports whether an observation says something of this environment.
func (h here) is(o *py.Observation) bool {
	return (o.Python == "" || o.Python == h.python) && (o.Platform == "" || o.Platform == h.platform)
}

// newest returns the last of the observations, oldest first, of each key but the
// empty one, in the order in which keys come.
func newest(all []py.Observation, key func(*py.Observation) string) []py.Observation {
	var kept []py.Observation
	place := map[string]int{}
	for i := range all {
		k := key(&all[i])
		if k == "" {
			continue
		}
		if at, ok := place[k]; ok {
			kept[at] = all[i]
			continue
		}
		place[k] = len(kept)
		kept = append(kept, all[i])
	}
	return kept
}

// outcomeKey is what was tried, the kind and the packages; empty if that is none of a
// project's. What a stack came to is its first package's, so that it counts once.
func outcomeKey(o *py.Observation, name py.Name, h here) string {
	if o.Kind == "metric" || o.Outcome != "ok" && o.Outcome != "failed" || len(o.Packages) == 0 || o.Packages[0].Name != name || !h.is(o) {
		return ""
	}
	var b strings.Builder
	b.WriteString(o.Kind)
	for _, p := range o.Packages {
		b.WriteString(" " + string(p.Name) + "==" + p.Version.Key()) // equal versions have many spellings
	}
	return b.String()
}

// together is the term of a stack that failed.
func together(o py.Observation, candidates []resolver.Candidates, place map[py.Name]int) (pipeline.Term, bool) {
	t := pipeline.Term{Class: "failed", Score: -1, Why: failure{o}}
	if o.Outcome != "failed" {
		return t, false
	}
	for _, p := range o.Packages {
		n, ok := place[p.Name]
		if !ok {
			return t, false
		}
		i, found := at(candidates[n].Project, p.Version)
		if !found || !candidates[n].Usable.Has(i) {
			return t, false
		}
		t.Members = append(t.Members, resolver.Member{Project: p.Name, Releases: one(candidates[n], i)})
	}
	return t, true
}

// failures are the terms of the releases of a project that failed, and of those
// beside them.
func failures(c resolver.Candidates, tried []py.Observation) []pipeline.Term {
	var terms []pipeline.Term
	settled := map[int]bool{} // tried, or told of
	var failed []int
	for _, o := range tried {
		i, found := at(c.Project, o.Packages[0].Version)
		if !found {
			continue
		}
		settled[i] = true
		if o.Outcome == "ok" {
			continue
		}
		failed = append(failed, i)
		if c.Usable.Has(i) {
			t := alone(c, one(c, i), -1, failure{o})
			t.Class = "failed"
			terms = append(terms, t)
		}
	}
	for _, i := range failed {
		for j := max(0, i-2); j <= min(i+2, len(c.Releases)-1); j++ {
			if settled[j] || !c.Usable.Has(j) {
				continue
			}
			settled[j] = true
			t := alone(c, one(c, j), -0.25, nearFailure{c.Name, c.Releases[j].Version, c.Releases[i].Version})
			t.Class = "neighbour"
			terms = append(terms, t)
		}
	}
	return terms
}

// failure is the evidence of an observation.
type failure struct{ py.Observation }

func (f failure) Justify() resolver.Justification {
	what := f.Packages[0].String()
	if n := len(f.Packages) - 1; n > 0 {
		what += fmt.Sprintf(" with %s more", plural(n, "package"))
	}
	on := time.Unix(f.At, 0).UTC().Format(time.DateOnly)
	return resolver.Justification{
		Level: resolver.Warning, Package: f.Packages[0].Name, Evidence: f.Document,
		Message: fmt.Sprintf("%s failed to %s (%s) on %s", what, f.Kind, cmp.Or(f.Class, "unknown reason"), on),
	}
}

// nearFailure is the evidence of a release that was not tried.
type nearFailure struct {
	name            py.Name
	version, failed py.Version
}

func (f nearFailure) Justify() resolver.Justification {
	return resolver.Justification{
		Package: f.name, Evidence: f.failed.String(),
		Message: fmt.Sprintf("%s %s was not tried here, but its neighbour %s failed", f.name, f.version, f.failed),
	}
}

package steps_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/steps"
	"github.com/thamos/thamos/resolver"
)

// ready has its answers sorted by project beforehand, as a knowledge base has that
// was asked once.
type ready struct {
	Facts
	flaws     map[py.Name][]*py.Advisory
	suspected map[py.Name][]py.Suspicion
	about     map[py.Name]map[string]*py.About
}

func (r *ready) Advisories(_ context.Context, names []py.Name) ([][]*py.Advisory, error) {
	return each(r.flaws, names), nil
}

func (r *ready) Suspicions(_ context.Context, names []py.Name) ([][]py.Suspicion, error) {
	return each(r.suspected, names), nil
}

func (r *ready) Abouts(_ context.Context, names []py.Name) ([]map[string]*py.About, error) {
	return each(r.about, names), nil
}

func each[T any](of map[py.Name]T, names []py.Name) []T {
	all := make([]T, len(names))
	for i, name := range names {
		all[i] = of[name]
	}
	return all
}

// closure makes up one of the size of flask with tensorflow: 84 projects and
// 3,391 releases, 650 of them of one project, 400 advisories of another, and
// everywhere classifiers and a few retro-caps.
func closure(b *testing.B) (*pipeline.Plan, []resolver.Candidates) {
	facts := &ready{flaws: map[py.Name][]*py.Advisory{}, suspected: map[py.Name][]py.Suspicion{}, about: map[py.Name]map[string]*py.About{}}
	var lines []string
	for i := range 84 {
		name := py.Name(fmt.Sprintf("p%d", i))
		releases := 33
		if i == 1 {
			releases = 652
		}
		line := string(name)
		facts.about[name] = map[string]*py.About{}
		for v := releases; v > 0; v-- {
			version := Version(fmt.Sprintf("%d.%d", v/10, v%10))
			line += " " + version.String()
			facts.about[name][version.Key()] = &py.About{License: "MIT", Classifiers: []string{
				"License :: OSI Approved :: MIT License", "Programming Language :: Python :: 3", fmt.Sprintf("Programming Language :: Python :: 3.%d", 5+v%8),
			}}
			if v%4 == 0 {
				facts.suspected[name] = append(facts.suspected[name], py.Suspicion{
					Kind: py.RetroCap, Project: name, Version: version, Dependency: py.Name(fmt.Sprintf("p%d", (i+1)%84)),
					Top: py.Top{Version: Version("2.5")}, By: Version(fmt.Sprintf("%d.0", v/10+1)), Line: "p<2.5",
				})
			}
		}
		lines = append(lines, line)
	}
	for i := range 400 {
		from, before := fmt.Sprintf("%d.%d", i%3, i%10), fmt.Sprintf("%d.5", i%3+1)
		facts.flaws["p0"] = append(facts.flaws["p0"], flaw(fmt.Sprintf("PYSEC-%d", i), "p0", py.High, from+" "+before, "0.1 0.3"))
	}
	plan := Plan(b, nil)
	plan.Facts = facts
	plan.Now = 65_203 * Day // the newest release of p1 is three days old
	plan.Settings.LicenceDeny = []string{"AGPL-*"}
	return plan, Candidates(lines...)
}

// BenchmarkSteps asks all steps, and each alone.
func BenchmarkSteps(b *testing.B) {
	plan, candidates := closure(b)
	ask := func(b *testing.B, u pipeline.Unit) int {
		if u.When != nil && !u.When(plan) {
			return 0
		}
		terms, err := u.Step(context.Background(), plan, candidates)
		if err != nil {
			b.Fatal(err)
		}
		return len(terms)
	}
	b.Run("all", func(b *testing.B) {
		terms := 0
		for b.Loop() {
			terms = 0
			for _, u := range steps.Units() {
				terms += ask(b, u)
			}
		}
		b.ReportMetric(float64(terms), "terms")
	})
	for _, u := range steps.Units() {
		b.Run(u.Name, func(b *testing.B) {
			for b.Loop() {
				ask(b, u)
			}
		})
	}
}

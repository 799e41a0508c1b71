package prescription

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/resolver"
)

// A trial is one run of all units of prescriptions.
type trial struct {
	candidates []string // see pipelinetest.Project
	stack      []string
	plan       func(*pipeline.Plan)
	excluded   bool   // of each project the index is the one that the rules exclude, not the one they want
	image      string // tag of the image that the rules name, if it is to be the base image
}

// outcome writes down what prescriptions do, a line each, without their texts.
func (x trial) outcome(t *testing.T, set *Set, strict bool) []string {
	t.Helper()
	facts := &Facts{Declared: set.Rules, IndexOf: map[py.Name]string{}}
	candidates := Candidates(x.candidates...)
	for _, c := range candidates {
		facts.Known = append(facts.Known, c.Project)
	}
	images := ""
	for _, u := range set.units {
		for _, m := range u.Match {
			for _, r := range slices.Concat(m.Group, m.Resolved, m.From, releasesOf(m.Release)) {
				index := r.Index
				if x.excluded {
					index = r.NotIndex
				}
				for _, c := range candidates {
					if index != "" && (r.Name == "" || r.Name == string(c.Name)) {
						facts.IndexOf[c.Name] = strings.TrimRight(index, "/")
					}
				}
				if index != "" && r.Name != "" {
					facts.IndexOf[py.Name(r.Name)] = strings.TrimRight(index, "/")
				}
			}
		}
		if add := u.Run.Add; add != nil {
			facts.IndexOf[py.Name(add.Name)] = strings.TrimRight(add.Index, "/")
		}
		if y := u.Run.Yield; y != nil && !x.excluded {
			facts.IndexOf[py.Name(y.Name)] = strings.TrimRight(y.Index, "/")
		}
		if r := u.Include[0].Runtime; r != nil && r.Images != nil && r.Images.Values[0] != nil {
			images = *r.Images.Values[0]
		}
	}
	plan := Plan(t, facts)
	plan.Settings.Strict = strict
	if x.image != "" {
		plan.Host.BaseImage, _, _ = cutTag(images)
		plan.Host.BaseImage += ":" + x.image
	}
	for _, c := range candidates {
		if c.Direct {
			plan.Problem.Requirements = append(plan.Problem.Requirements, resolver.Requirement{Requirement: py.Requirement{Name: c.Name}})
		}
	}
	if x.plan != nil {
		x.plan(plan)
	}
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	b, err := boots(ctx, plan)
	check(err)
	if len(b.Notes) > 0 || b.Refusal != "" {
		line("boot: %d notes, refused %v", len(b.Notes), b.Refusal != "")
	}
	for i, f := range []func(context.Context, *pipeline.Plan, []*py.Project) ([]resolver.Sifted, error){pseudonyms, sieves} {
		all, err := f(ctx, plan, facts.Known)
		check(err)
		for n, s := range all {
			p := facts.Known[n]
			for _, in := range s.StandIns {
				line("%s %s: %s stands in", p.Name, p.Releases[in.Release].Version, in.By)
			}
			if s.Skip != "" {
				line("%s is left out", p.Name)
			}
			if i == 1 && len(s.Refused) > 0 {
				set := resolver.NewReleases(len(p.Releases))
				for r := range s.Refused {
					set.Add(r)
				}
				line("drops %s", members(facts, []resolver.Member{{Project: p.Name, Releases: set}}))
			}
			for _, e := range s.Edits {
				what := "without " + string(e.Drop)
				if e.Add != nil {
					what = "with " + e.Add.String()
				}
				line("%s %s", members(facts, []resolver.Member{{Project: p.Name, Releases: e.Releases}}), what)
			}
		}
	}
	terms, err := steps(ctx, plan, candidates)
	check(err)
	for _, term := range terms {
		if term.Veto {
			line("veto %s", members(facts, term.Members))
		} else {
			line("score %v %s", term.Score, members(facts, term.Members))
		}
	}
	stack := Stack(x.stack...)
	for i := range stack {
		stack[i].Direct = plan.Direct(stack[i].Name)
	}
	refusal, err := strides(ctx, plan, stack)
	check(err)
	if refusal != "" {
		line("stride refuses")
	}
	w, err := wraps(ctx, plan, stack)
	check(err)
	if len(w.Notes)+len(w.Changes) > 0 {
		line("wrap: %d notes, %d changes", len(w.Notes), len(w.Changes))
	}
	return lines
}

func members(facts *Facts, all []resolver.Member) string {
	var texts []string
	for _, m := range all {
		for _, p := range facts.Known {
			if p.Name != m.Project {
				continue
			}
			var versions []string
			for i, r := range p.Releases {
				if m.Releases.Has(i) {
					versions = append(versions, r.Version.String())
				}
			}
			texts = append(texts, fmt.Sprintf("%s%v", m.Project, versions))
		}
	}
	return strings.Join(texts, " ")
}

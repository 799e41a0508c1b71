package wraps_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/wraps"
	"github.com/thamos/thamos/resolver"
)

func TestWraps(t *testing.T) {
	project := func(text string) *py.Project { p, _ := Project(text); return p }
	flaw := func(id string, r py.Affected) *py.Advisory {
		return &py.Advisory{ID: id, Project: "a", Severity: py.High, Summary: "it is bad", Link: "https://x/" + id, Affected: []py.Affected{r}}
	}
	weighs := func(unit, class string, tier resolver.Tier) func(*pipeline.Plan) {
		return func(p *pipeline.Plan) {
			p.Table.Rows = []pipeline.Row{{Unit: unit, Class: class, Tier: tier, Weight: 1}}
		}
	}
	needs := func(p *py.Project, release int, python string) *py.Project {
		p.Releases[release].RequiresPython = python
		return p
	}
	undated := project("b 2.0 1.0")
	undated.Releases[0].Uploaded, undated.Releases[0].LastUploaded = 0, 0
	archived := project("a 2.0 1.0")
	archived.Status, archived.StatusReason = "archived", "use b"
	says := func(classifiers ...string) *py.About { return &py.About{Classifiers: classifiers} }
	for _, test := range []struct {
		name, wrap string
		facts      Facts
		plan       func(*pipeline.Plan)
		stack      []string
		change     func([]resolver.Choice)
		want       []string
	}{
		{name: "a newer release is without", wrap: "advisories-left",
			facts: Facts{Known: []*py.Project{project("a 4.0 3.0 2.0 1.0")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("3.0")}), flaw("P-2", py.Affected{From: Version("4.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, but the type stable does not weigh that <https://x/P-1>"}},
		{name: "what is avoided wherever it can be", wrap: "advisories-left", plan: weighs("advisory", "high", 4),
			facts: Facts{Known: []*py.Project{project("a 3.0 2.0 1.0")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("3.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, which does not go with the rest or has something worse <https://x/P-1>"}},
		{name: "what is weighed", wrap: "advisories-left", plan: weighs("advisory", "high", resolver.LastTier),
			facts: Facts{Known: []*py.Project{project("a 3.0 2.0 1.0")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("3.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, which does not go with the rest or costs more <https://x/P-1>"}},
		{name: "what would be weighed", wrap: "advisories-left", plan: func(p *pipeline.Plan) { weighs("advisory", "high", 4)(p); p.Settings.Disable = []string{"advisory"} },
			facts: Facts{Known: []*py.Project{project("a 3.0 2.0 1.0")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("3.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, but the type stable does not weigh that <https://x/P-1>"}},
		{name: "what cannot be had is passed over", wrap: "advisories-left", plan: weighs("advisory", "high", 4),
			facts: Facts{
				Known: []*py.Project{needs(project("a 7.0 6.0 5.0* 4.0rc1 3.0 2.0 1.0"), 1, "<3.12")},
				Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("4.0rc1")})},
			},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; 7.0 is without, which does not go with the rest or has something worse <https://x/P-1>"}},
		{name: "each has another remedy, and all have one", wrap: "advisories-left", plan: weighs("advisory", "high", 4),
			facts: Facts{
				Known: []*py.Project{project("a 6.0 5.0 4.0 3.0 2.0 1.0")},
				Flaws: []*py.Advisory{
					flaw("P-1", py.Affected{Before: Version("3.0")}), flaw("P-2", py.Affected{From: Version("2.0"), Before: Version("4.0")}),
					{ID: "P-3", Project: "a", Severity: py.Low, Affected: []py.Affected{{From: Version("2.0"), Before: Version("3.0")}}},
					flaw("P-4", py.Affected{From: Version("4.0"), Before: Version("5.0")}), // of releases that are not chosen
					flaw("P-5", py.Affected{From: Version("5.0"), Before: Version("6.0")}),
				},
			},
			stack: []string{"a==2.0"}, want: []string{
				"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, which does not go with the rest or has something worse <https://x/P-1>",
				"warning: a==2.0 has P-2 (high): it is bad; 4.0 is without, which does not go with the rest or has something worse <https://x/P-2>",
				"warning: a==2.0 has P-3 (low); 3.0 is without, but the type stable does not weigh that",
				"warning: of all known vulnerabilities of a (2.0 has 2 high, 1 low): 6.0 is without",
			}},
		{name: "the remedy has another", wrap: "advisories-left",
			facts: Facts{
				Known: []*py.Project{project("a 4.0 3.0 2.0")},
				Flaws: []*py.Advisory{flaw("P-1", py.Affected{Before: Version("3.0")}), flaw("P-2", py.Affected{From: Version("3.0"), Before: Version("4.0")})},
			},
			stack: []string{"a==2.0"}, want: []string{
				"warning: a==2.0 has P-1 (high): it is bad; 3.0 is without, but the type stable does not weigh that <https://x/P-1>",
				"warning: of all known vulnerabilities of a (2.0 has 1 high): 4.0 is without",
			}},
		{name: "one of several is accepted", wrap: "advisories-left",
			facts: Facts{
				Known: []*py.Project{project("a 3.0 2.0")},
				Flaws: []*py.Advisory{flaw("P-1", py.Affected{}), flaw("P-2", py.Affected{Before: Version("3.0")})},
			},
			plan:  func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "P-1", From: "x:1:1"}} },
			stack: []string{"a==2.0"}, want: []string{
				"info: a==2.0 has P-1, which is accepted: x:1:1 <https://x/P-1>",
				"warning: a==2.0 has P-2 (high): it is bad; 3.0 is without, but the type stable does not weigh that <https://x/P-2>",
			}},
		{name: "malware that was not dropped", wrap: "advisories-left", plan: weighs("malware", "", 1),
			facts: Facts{Known: []*py.Project{project("a 3.0 2.0")}, Flaws: []*py.Advisory{{ID: "MAL-1", Project: "a", Malware: true, Affected: []py.Affected{{Before: Version("3.0")}}}}},
			stack: []string{"a==2.0"}, want: []string{"error: a==2.0 has MAL-1 (malware); 3.0 is without, which does not go with the rest or has something worse"}},
		{name: "a project of which nothing else is known", wrap: "advisories-left",
			facts: Facts{Flaws: []*py.Advisory{flaw("P-1", py.Affected{})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; no release is without as far as is known <https://x/P-1>"}},
		{name: "an older release is without", wrap: "advisories-left",
			facts: Facts{Known: []*py.Project{project("a 3.0 2.0 1.0")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{From: Version("2.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; no newer release is without, the nearest older one that is is 1.0, but the type stable does not weigh that <https://x/P-1>"}},
		{name: "none is without", wrap: "advisories-left",
			facts: Facts{Known: []*py.Project{project("a 2.0 1.0*")}, Flaws: []*py.Advisory{flaw("P-1", py.Affected{From: Version("2.0")})}},
			stack: []string{"a==2.0"}, want: []string{"warning: a==2.0 has P-1 (high): it is bad; no release is without <https://x/P-1>"}},
		{name: "one that is accepted", wrap: "advisories-left",
			facts: Facts{Flaws: []*py.Advisory{flaw("P-1", py.Affected{})}}, plan: func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "p-1", Reason: "not reachable"}} },
			stack: []string{"a==2.0"}, want: []string{"info: a==2.0 has P-1, which is accepted: not reachable <https://x/P-1>"}},
		{name: "not affected", wrap: "advisories-left", facts: Facts{Flaws: []*py.Advisory{flaw("P-1", py.Affected{From: Version("3.0")})}}, stack: []string{"a==2.0"}},
		{name: "suspicions", wrap: "suspicions-left",
			facts: Facts{Suspected: []py.Suspicion{
				{Kind: py.Hole, Project: "a", Version: Version("1.0"), By: Version("2.0"), Line: "b"},
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "b", Top: py.Top{Version: Version("2.0")}, By: Version("3.0"), Line: "b<2"},
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "c", Top: py.Top{Version: Version("2.0")}, By: Version("3.0"), Line: "c<2"},
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "a", Top: py.Top{Version: Version("0.5")}, By: Version("3.0"), Line: "a<0.5"},
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "nobody", Top: py.Top{Version: Version("0.5")}, By: Version("3.0"), Line: "nobody<0.5"},
				{Kind: py.RetroCap, Project: "a", Version: Version("0.9"), Dependency: "b", Top: py.Top{Version: Version("2.0")}, By: Version("3.0"), Line: "b<2"},
			}},
			stack: []string{"a==1.0", "b==2.0", "c==1.0"},
			want: []string{
				"warning: a==1.0 names no requirements, but 2.0 requires b: its metadata may be missing",
				"warning: a==1.0 allows b 2.0, but the later 3.0 requires b<2",
			}},
		{name: "a project that is archived and silent", wrap: "project-status", facts: Facts{Known: []*py.Project{archived}}, stack: []string{"a==2.0", "b==1.0"},
			want: []string{"warning: a is archived: use b", "info: a has had no release for 26 years"}},
		{name: "nearly three years are not three", wrap: "project-status", facts: Facts{Known: []*py.Project{project("a 1.0")}}, plan: func(p *pipeline.Plan) { p.Now = (100 + 3*365) * Day }, stack: []string{"a==1.0"}},
		{name: "three years", wrap: "project-status", facts: Facts{Known: []*py.Project{project("a 1.0")}}, plan: func(p *pipeline.Plan) { p.Now = (100 + 3*366) * Day }, stack: []string{"a==1.0"},
			want: []string{"info: a has had no release for 3 years"}},
		{name: "a release without a date may be newer", wrap: "project-status", facts: Facts{Known: []*py.Project{undated, {Name: "c"}}}, stack: []string{"b==1.0", "c==1.0"}},
		{name: "an active one", wrap: "project-status", facts: Facts{Known: []*py.Project{project("a 1.0")}}, plan: func(p *pipeline.Plan) { p.Now = 200 * Day }, stack: []string{"a==1.0"}},
		{name: "built", wrap: "builds", stack: []string{"a==1.0", "b==1.0"}, change: func(s []resolver.Choice) { s[1].Build = true },
			want: []string{"warning: b==1.0 has no wheel for this environment: installing it runs its build"}},
		{name: "built as the user wants", wrap: "builds", plan: func(p *pipeline.Plan) { p.Problem.NoBinary.Names = []py.Name{"b"} }, stack: []string{"a==1.0", "b==1.0"},
			change: func(s []resolver.Choice) { s[1].Build = true }, want: []string{"info: b==1.0 may not be a wheel: installing it runs its build"}},
		{name: "maturity", wrap: "maturity",
			facts: Facts{About: map[string]*py.About{
				"a==1.0": says("Development Status :: 7 - Inactive", "Development Status :: 5 - Production/Stable"), "b==1.0": says("Development Status :: 3 - Alpha"),
				"c==1.0": says("Development Status :: 4 - Beta"), "d==1.0": says("Development Status :: 2 - Pre-Alpha", "Development Status :: 5 - Production/Stable"), "e==1.0": says("Topic :: X"),
			}},
			stack: []string{"a==1.0", "b==1.0", "c==1.0", "d==1.0", "e==1.0", "f==1.0"},
			want:  []string{"warning: a==1.0 calls itself inactive", "info: b==1.0 calls itself alpha"}},
		{name: "maturity for who wants what is new", wrap: "maturity", plan: func(p *pipeline.Plan) { p.Table.Name = "testing" },
			facts: Facts{About: map[string]*py.About{"a==1.0": says("Development Status :: 7 - Inactive"), "b==1.0": says("Development Status :: 3 - Alpha")}},
			stack: []string{"a==1.0", "b==1.0"}, want: []string{"warning: a==1.0 calls itself inactive"}},
		{name: "licences", wrap: "licences",
			facts: Facts{About: map[string]*py.About{
				"a==1.0": {License: "MIT"}, "b==1.0": {License: "Apache-2.0"}, "c==1.0": {License: "MIT"},
				"d==1.0": says("License :: OSI Approved", "License :: OSI Approved :: BSD License", "License :: Public Domain", "Topic :: X"), "e==1.0": says("License :: OSI Approved"),
			}},
			stack: []string{"a==1.0", "b==1.0", "c==1.0", "d==1.0", "e==1.0", "f==1.0"},
			want:  []string{"info: licences of the stack: MIT (2), Apache-2.0 (1), BSD License and Public Domain (1), not known (2)"}},
		{name: "licences that a policy cannot judge", wrap: "licences", plan: func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"AGPL-*"} },
			facts: Facts{About: map[string]*py.About{"a==1.0": {License: "MIT"}, "b==1.0": says("License :: Public Domain")}},
			stack: []string{"a==1.0", "b==1.0", "c==1.0"},
			want: []string{
				"warning: b==1.0 names no licence that the policy could judge", "warning: c==1.0 names no licence that the policy could judge",
				"info: licences of the stack: MIT (1), Public Domain (1), not known (1)",
			}},
		{name: "no licence known", wrap: "licences", stack: []string{"a==1.0"}},
		{name: "yanked", wrap: "yanked-left", stack: []string{"a==1.0", "b==1.0"}, change: func(s []resolver.Choice) { s[0].Release.Yanked, s[0].Release.YankedReason = true, "broken" },
			want: []string{"warning: a==1.0 is yanked: broken"}},
		{name: "release notes", wrap: "release-notes",
			facts: Facts{About: map[string]*py.About{"a==1.0": {Repository: "https://github.com/x/a"}, "b==1.0": {Repository: "https://gitlab.com/x/b"}, "c==1.0": {Repository: "https://example.org/c"},
				"e==1.0": {Repository: "https://git.sr.ht/~x/e"}, "f==1.0": {Repository: "https://gitlab.example.org/x/y/f"}, "g==2.0": {Repository: "https://github.com/x/g"}, "h==1.0": {}}},
			stack: []string{"a==1.0", "b==1.0", "c==1.0", "d==1.0", "e==1.0", "f==1.0", "g==1.0", "h==1.0"},
			want: []string{"info: release notes of a <https://github.com/x/a/releases>", "info: release notes of b <https://gitlab.com/x/b/-/releases>",
				"info: release notes of e <https://git.sr.ht/~x/e/refs>", "info: release notes of f <https://gitlab.example.org/x/y/f/-/releases>"}},
		{name: "where it is from", wrap: "project-links", facts: Facts{IndexOf: map[py.Name]string{"a": "https://index.example/simple", "c": "file:///wheels", "d": "kb:"}}, stack: []string{"a==1.0", "b==1.0", "c==1.0", "d==1.0"},
			want: []string{"info: a==1.0 is from https://index.example/simple <https://index.example/simple/a/>", "info: c==1.0 is from file:///wheels"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := Plan(t, &test.facts)
			if test.plan != nil {
				test.plan(plan)
			}
			stack := Stack(test.stack...)
			if test.change != nil {
				test.change(stack)
			}
			all := wraps.Units()
			u := all[slices.IndexFunc(all, func(u pipeline.Unit) bool { return u.Name == test.wrap })]
			w, err := u.Wrap(context.Background(), plan, stack)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range w.Notes {
				text := n.Level.String() + ": " + n.Message
				if n.Link != "" {
					text += " <" + n.Link + ">"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestOrderDoesNotMatter: a wrap says the same of a stack in another order, and
// asks as many questions of a long one as of a short one.
func TestOrderDoesNotMatter(t *testing.T) {
	facts := &Facts{About: map[string]*py.About{}, IndexOf: map[py.Name]string{}}
	var packages []string
	for i := range 20 {
		name := fmt.Sprintf("p%d", i)
		p, _ := Project(name + " 3.0 2.0 1.0")
		p.Status = []string{"", "archived", "deprecated"}[i%3]
		facts.Known = append(facts.Known, p)
		facts.Flaws = append(facts.Flaws, &py.Advisory{ID: "P-" + name, Project: p.Name, Affected: []py.Affected{{Before: Version("3.0")}}})
		facts.Suspected = append(facts.Suspected, py.Suspicion{Kind: py.Hole, Project: p.Name, Version: Version("2.0"), By: Version("3.0"), Line: "x"})
		facts.About[name+"==2.0"] = &py.About{License: fmt.Sprintf("L%d", i%4), Repository: "https://github.com/x/" + name, Classifiers: []string{"Development Status :: 3 - Alpha"}}
		facts.IndexOf[p.Name] = "https://index.example"
		packages = append(packages, name+"==2.0")
	}
	notes := func(packages []string) []resolver.Justification {
		facts.Asked = 0
		p, err := pipeline.Build(Plan(t, facts), wraps.Units())
		if err != nil {
			t.Fatal(err)
		}
		w, err := p.Wrap(context.Background(), Stack(packages...))
		if err != nil {
			t.Fatal(err)
		}
		return w.Notes
	}
	notes(packages[:1])
	asked := facts.Asked
	want := notes(packages)
	if facts.Asked != asked {
		t.Errorf("%d questions for one package, %d for twenty", asked, facts.Asked)
	}
	slices.Reverse(packages)
	if diff := cmp.Diff(want, notes(packages)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(want) != 20*5+13+20+1 { // flaw, hole, silence, notes and link; status; maturity; licences
		t.Errorf("%d notes: %s", len(want), strings.Join(packages, " "))
	}
}

// BenchmarkAdvisoriesLeft is an old release of a project with 300 releases and
// 400 advisories, most of which affect it.
func BenchmarkAdvisoriesLeft(b *testing.B) {
	line := "a"
	for v := 300; v > 0; v-- {
		line += fmt.Sprintf(" %d.%d", v/20, v%20)
	}
	p, _ := Project(line)
	for i := range p.Releases {
		p.Releases[i].RequiresPython = ">=3.8"
	}
	facts := &Facts{Known: []*py.Project{p}}
	for i := range 400 {
		a := &py.Advisory{ID: fmt.Sprintf("P-%d", i), Project: "a"}
		for major := range 14 {
			a.Affected = append(a.Affected, py.Affected{From: Version(fmt.Sprintf("%d.0", major)), Before: Version(fmt.Sprintf("%d.%d", major, i%20))})
		}
		facts.Flaws = append(facts.Flaws, a)
	}
	plan, stack := Plan(b, facts), Stack("a==1.2")
	for b.Loop() {
		if _, err := wraps.Units()[0].Wrap(context.Background(), plan, stack); err != nil {
			b.Fatal(err)
		}
	}
}

package steps_test

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
	"github.com/thamos/thamos/pipeline/steps"
	"github.com/thamos/thamos/resolver"
)

func unit(t testing.TB, name string) pipeline.Unit {
	t.Helper()
	all := steps.Units()
	i := slices.IndexFunc(all, func(u pipeline.Unit) bool { return u.Name == name })
	if i < 0 {
		t.Fatalf("there is no step %s", name)
	}
	return all[i]
}

// show writes a term as "class score a[2.0 1.0] b[1.0]: message".
func show(candidates []resolver.Candidates, term pipeline.Term) string {
	var b strings.Builder
	if term.Class != "" {
		b.WriteString(term.Class + " ")
	}
	fmt.Fprintf(&b, "%.3g", term.Score)
	for _, m := range term.Members {
		for _, c := range candidates {
			if c.Name != m.Project {
				continue
			}
			var versions []string
			for i, r := range c.Releases {
				if m.Releases.Has(i) {
					versions = append(versions, r.Version.String())
				}
			}
			fmt.Fprintf(&b, " %s%v", m.Project, versions)
		}
	}
	return b.String() + ": " + term.Why.Justify().Message
}

func run(t testing.TB, name string, plan *pipeline.Plan, candidates []resolver.Candidates) []string {
	t.Helper()
	u := unit(t, name)
	if u.When != nil && !u.When(plan) {
		return []string{"not included"}
	}
	terms, err := u.Step(context.Background(), plan, candidates)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, term := range terms {
		if term.Score < -1 || term.Score > 0 {
			t.Errorf("%s gives the score %v", name, term.Score)
		}
		lines = append(lines, show(candidates, term))
	}
	return lines
}

func flaw(id, project string, severity py.Severity, ranges ...string) *py.Advisory {
	a := &py.Advisory{ID: id, Project: py.Name(project), Severity: severity, Summary: "it is bad", Malware: strings.HasPrefix(id, "MAL-")}
	for _, r := range ranges { // "1.0 2.0": from, before
		from, before, _ := strings.Cut(r, " ")
		x := py.Affected{From: Version(from)}
		if before != "" {
			x.Before = Version(before)
		}
		a.Affected = append(a.Affected, x)
	}
	return a
}

func TestSteps(t *testing.T) {
	linux := func(o py.Observation) py.Observation { o.Python, o.Platform = "3.12", "linux_x86_64"; return o }
	packages := func(all ...string) (out []py.Package) {
		for _, c := range Stack(all...) {
			out = append(out, c.Package)
		}
		return out
	}
	about := func(licence string, pythons ...string) *py.About {
		a := &py.About{License: licence}
		for _, v := range pythons {
			a.Classifiers = append(a.Classifiers, "Programming Language :: Python :: "+v)
		}
		return a
	}
	classified := func(licence string) *py.About {
		return &py.About{Classifiers: []string{"License :: OSI Approved :: " + licence}}
	}
	for _, test := range []struct {
		name, step string
		facts      Facts
		plan       func(*pipeline.Plan)
		candidates []string
		want       []string
	}{
		{name: "an advisory, over what it affects of what is usable", step: "advisory",
			facts:      Facts{Flaws: []*py.Advisory{flaw("PYSEC-1", "a", py.High, "1.5 3.0", "0.5 1.0")}},
			candidates: []string{"a 3.1 3.0 2.5! 2.0 1.5 1.0 0.9 0.1"},
			want:       []string{"high -1 a[2.0 1.5 0.9]: PYSEC-1: high vulnerability: it is bad"}},
		{name: "an advisory of nothing that is usable", step: "advisory",
			facts: Facts{Flaws: []*py.Advisory{flaw("PYSEC-1", "a", py.High, "5.0")}}, candidates: []string{"a 3.1"}},
		{name: "an advisory of a single version", step: "advisory",
			facts: Facts{Flaws: []*py.Advisory{{ID: "X", Project: "a", Affected: []py.Affected{{From: Version("2.0"), Last: Version("2.0")}}}}}, candidates: []string{"a 3.0 2.0 1.0"},
			want: []string{"unrated -1 a[2.0]: X: unrated vulnerability: "}},
		{name: "one that is allowed", step: "advisory",
			facts:      Facts{Flaws: []*py.Advisory{{ID: "PYSEC-1", Aliases: []string{"CVE-1"}, Project: "a", Affected: []py.Affected{{}}}}},
			plan:       func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "cve-1"}} },
			candidates: []string{"a 1.0"}},
		{name: "an allowance that has expired", step: "advisory",
			facts:      Facts{Flaws: []*py.Advisory{{ID: "PYSEC-1", Project: "a", Affected: []py.Affected{{}}}}},
			plan:       func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "PYSEC-1", Expires: p.Clock}} },
			candidates: []string{"a 1.0"}, want: []string{"unrated -1 a[1.0]: PYSEC-1: unrated vulnerability: "}},
		{name: "an allowance for another project", step: "advisory",
			facts:      Facts{Flaws: []*py.Advisory{{ID: "PYSEC-1", Project: "a", Affected: []py.Affected{{}}}}},
			plan:       func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "PYSEC-1", Project: "b"}} },
			candidates: []string{"a 1.0"}, want: []string{"unrated -1 a[1.0]: PYSEC-1: unrated vulnerability: "}},
		{name: "malware is another step's", step: "advisory",
			facts: Facts{Flaws: []*py.Advisory{flaw("MAL-1", "a", py.Critical, "1.0")}}, candidates: []string{"a 1.0"}},
		{name: "malware", step: "malware",
			facts:      Facts{Flaws: []*py.Advisory{flaw("MAL-1", "a", py.Critical, "1.0"), flaw("PYSEC-1", "a", py.High, "1.0")}},
			candidates: []string{"a 1.0"}, want: []string{"-1 a[1.0]: MAL-1: malware: it is bad"}},
		{name: "freshness", step: "freshness", candidates: []string{"a 3.0 2.0! 1.1 1.0", "b 1.0", "c 2.0 2.0rc1 1.9"},
			want: []string{
				"-0.155 a[1.1]: a 1.1 is 1 release behind 3.0, by 0.5 years",
				"-0.176 a[1.0]: a 1.0 is 2 releases behind 3.0, by 0.8 years",
				"-0.00686 c[2.0rc1]: c 2.0rc1 is older than 2.0, by 0.3 years",
				"-0.0976 c[1.9]: c 1.9 is 1 release behind 2.0, by 0.5 years",
			}},
		{name: "freshness where all are pre-releases", step: "freshness", candidates: []string{"a 1.0b2 1.0b1"},
			want: []string{"-0.0327 a[1.0b1]: a 1.0b1 is 1 release behind 1.0b2, by 0.3 years"}},
		{name: "freshness below 1.0, and in another epoch", step: "freshness", candidates: []string{"a 0.25 0.15 0.5", "b 1!1.0 2020.1 2019.1"},
			want: []string{
				"-0.0927 a[0.15]: a 0.15 is 1 release behind 0.25, by 0.3 years", "-0.173 a[0.5]: a 0.5 is 2 releases behind 0.25, by 0.5 years",
				"-0.0927 b[2020.1]: b 2020.1 is 1 release behind 1!1.0, by 0.3 years", "-0.113 b[2019.1]: b 2019.1 is 2 releases behind 1!1.0, by 0.5 years",
			}},
		{name: "cooldown", step: "cooldown",
			plan:       func(p *pipeline.Plan) { p.Now = 302 * Day },
			candidates: []string{"a 3.0 2.0 1.0", "b 1.0", "c 3.0 2.0!"},
			want:       []string{"-0.714 a[3.0]: a 3.0 was uploaded on 1970-10-28, too short ago to be trusted"}},
		{name: "a cooldown yields to what fixes an advisory", step: "cooldown",
			facts:      Facts{Flaws: []*py.Advisory{flaw("PYSEC-1", "a", py.Low, "1.0 3.0")}},
			plan:       func(p *pipeline.Plan) { p.Now = 302 * Day },
			candidates: []string{"a 3.0 2.0 1.0"}},
		{name: "a cooldown yields to no advisory that is accepted, and to none that stays", step: "cooldown",
			facts: Facts{Flaws: []*py.Advisory{flaw("PYSEC-1", "a", py.Low, "1.0 3.0"), flaw("PYSEC-2", "a", py.Low, "1.0")}},
			plan: func(p *pipeline.Plan) {
				p.Now, p.Settings.Allow = 302*Day, []pipeline.Allowance{{ID: "PYSEC-1"}}
			},
			candidates: []string{"a 3.0 2.0 1.0"}, want: []string{"-0.714 a[3.0]: a 3.0 was uploaded on 1970-10-28, too short ago to be trusted"}},
		{name: "a cooldown looks at the newest release that is old enough", step: "cooldown",
			facts: Facts{Flaws: []*py.Advisory{flaw("PYSEC-1", "a", py.Low, "1.0 2.0")}}, plan: func(p *pipeline.Plan) { p.Now = 302 * Day },
			candidates: []string{"a 3.0 2.0 1.0"}, want: []string{"-0.714 a[3.0]: a 3.0 was uploaded on 1970-10-28, too short ago to be trusted"}},
		{name: "a cooldown of one day", step: "cooldown",
			plan:       func(p *pipeline.Plan) { p.Now, p.Settings.CooldownDays = 302*Day, 1 },
			candidates: []string{"a 3.0 2.0 1.0"}},
		{name: "no cooldown", step: "cooldown",
			plan: func(p *pipeline.Plan) { p.Settings.CooldownDays = -1 }, candidates: []string{"a 3.0"}, want: []string{"not included"}},
		{name: "retro-caps with one reason are one term", step: "retro-cap",
			facts: Facts{Suspected: []py.Suspicion{
				{Kind: py.RetroCap, Project: "connexion", Version: Version("2.14.1"), Dependency: "werkzeug", Top: py.Top{Version: Version("2.3")}, By: Version("2.14.2"), Line: "werkzeug<2.3"},
				{Kind: py.RetroCap, Project: "connexion", Version: Version("2.14.0"), Dependency: "werkzeug", Top: py.Top{Version: Version("2.3")}, By: Version("2.14.2"), Line: "werkzeug<2.3"},
				{Kind: py.RetroCap, Project: "connexion", Version: Version("2.14.0"), Dependency: "nobody", Top: py.Top{Version: Version("2.3")}, By: Version("2.14.2"), Line: "nobody<2.3"},
				{Kind: py.Hole, Project: "connexion", Version: Version("2.14.0"), By: Version("2.14.2"), Line: "werkzeug<2.3"},
			}},
			candidates: []string{"connexion 2.14.2 2.14.1 2.14.0", "werkzeug 3.0 2.3.8 2.3 2.2.3"},
			want:       []string{"-1 connexion[2.14.1 2.14.0] werkzeug[3.0 2.3.8 2.3]: releases of connexion before 2.14.2 do not exclude this werkzeug, but 2.14.2 requires werkzeug<2.3"}},
		{name: "retro-caps that two releases have", step: "retro-cap",
			facts: Facts{Suspected: []py.Suspicion{
				{Kind: py.RetroCap, Project: "a", Version: Version("3.0"), Dependency: "b", Top: py.Top{Version: Version("2.0")}, By: Version("4.0"), Line: "b<2.0"},
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "b", Top: py.Top{Version: Version("2.0")}, By: Version("2.0"), Line: "b<2.0"},
			}},
			candidates: []string{"a 4.0 3.0 2.0 1.0", "b 2.0 1.0"},
			want: []string{
				"-1 a[3.0] b[2.0]: releases of a before 4.0 do not exclude this b, but 4.0 requires b<2.0",
				"-1 a[1.0] b[2.0]: releases of a before 2.0 do not exclude this b, but 2.0 requires b<2.0",
			}},
		{name: "a retro-cap that excludes nothing usable", step: "retro-cap",
			facts: Facts{Suspected: []py.Suspicion{
				{Kind: py.RetroCap, Project: "a", Version: Version("1.0"), Dependency: "b", Top: py.Top{Version: Version("2.0"), Inclusive: true}, By: Version("2.0"), Line: "b<=2.0"},
			}}, candidates: []string{"a 1.0", "b 3.0! 2.0"}},
		{name: "a hole", step: "hole",
			facts: Facts{Suspected: []py.Suspicion{
				{Kind: py.RetroCap, Project: "a", Version: Version("2.0"), Dependency: "b", Top: py.Top{Version: Version("2.0")}, By: Version("3.0"), Line: "b<2"},
				{Kind: py.Hole, Project: "a", Version: Version("1.0"), By: Version("2.0"), Line: "b"}, {Kind: py.Hole, Project: "a", Version: Version("0.5"), By: Version("2.0"), Line: "b"},
			}},
			candidates: []string{"a 2.0 1.0 0.5!"}, want: []string{"-1 a[1.0]: a 1.0 names no requirements, but 2.0 requires b"}},
		{name: "what is built, where something is not", step: "wheel", candidates: []string{"a 2.0# 1.0", "b 2.0# 1.0#", "c 2.0"},
			want: []string{"-1 a[2.0]: a 2.0 has no wheel for this environment"}},
		{name: "yanked", step: "yanked", candidates: []string{"a 2.0* 1.0", "b 2.0*"}, want: []string{"-1 a[2.0]: a 2.0 is yanked"}},
		{name: "the user's lock", step: "least-change",
			plan: func(p *pipeline.Plan) {
				p.Locked = map[py.Name]py.Version{"a": Version("1.0"), "b": Version("9.0"), "c": Version("1.0")}
			},
			candidates: []string{"a 2.0 1.0", "b 1.0", "c 2.0 1.0!"}, want: []string{"-1 a[2.0]: a is locked at 1.0"}},
		{name: "no lock", step: "least-change", want: []string{"not included"}},
		{name: "classifiers", step: "classifiers",
			facts: Facts{About: map[string]*py.About{
				"a==3.0": about("", "3", "3.12"), "a==2.0": about("", "3.8"), "a==1.0": about("", "3"), "b==1.0": about("", "3.8"),
			}},
			candidates: []string{"a 3.0 2.0 1.0 0.5", "b 1.0", "c 1.0"},
			want:       []string{"-1 a[2.0]: a 2.0 does not name Python 3.12 among those it supports"}},
		{name: "classifiers of Python 2 alone, and of an implementation", step: "classifiers",
			facts: Facts{About: map[string]*py.About{
				"a==3.0": about("", "3.12"), "a==2.0": about("", "2", "2.7"), "a==1.0": about("", "3 :: Only", "Implementation :: CPython"),
			}},
			candidates: []string{"a 3.0 2.0 1.0"},
			want:       []string{"-1 a[2.0]: a 2.0 does not name Python 3.12 among those it supports"}},
		{name: "licences", step: "licence",
			facts: Facts{About: map[string]*py.About{
				"a==5.0": about("MIT"), "a==4.0": about("AGPL-3.0-or-later"), "a==3.0": about("MIT OR AGPL-3.0-only"), "a==2.0": about("(MIT AND AGPL-3.0-only)"),
			}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"agpl-*"} },
			candidates: []string{"a 5.0 4.0 3.0 2.0 1.0"},
			want: []string{
				"-1 a[4.0]: the licence of a 4.0, AGPL-3.0-or-later, is not allowed",
				"-1 a[2.0]: the licence of a 2.0, (MIT AND AGPL-3.0-only), is not allowed",
				"-1 a[1.0]: no licence is named by a 1.0, and that of 2.0, (MIT AND AGPL-3.0-only), is not allowed",
			}},
		{name: "licences that alone are allowed", step: "licence",
			facts:      Facts{About: map[string]*py.About{"a==5.0": about("MIT"), "a==4.0": about("Apache-2.0 WITH LLVM-exception")}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceAllow = []string{"Apache-2.0"} },
			candidates: []string{"a 5.0 4.0"}, want: []string{"-1 a[5.0]: the licence of a 5.0, MIT, is not allowed"}},
		{name: "no licence is no better than that of the next later release", step: "licence",
			facts: Facts{About: map[string]*py.About{
				"a==9.0": about(""), "a==8.0": about("MIT"), "a==7.0": classified("MIT License"), "a==6.0": classified("Apache Software License"),
				"a==5.0": about(""), "a==4.0": about("MIT"), "a==3.0": about("Apache-2.0"), "a==2.0": about(""), "a==1.5": about("mit"), "a==1.0": about(""),
			}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"MIT"} },
			candidates: []string{"a 9.0 8.0 7.0 6.0 5.0 4.0 3.0 2.0 1.5! 1.0"},
			want: []string{
				"-1 a[8.0 4.0]: the licence of a 8.0 and 4.0, MIT, is not allowed",
				"-1 a[7.0 5.0]: no licence is named by a 7.0 and 5.0, and that of 8.0, MIT, is not allowed",
				"-1 a[1.0]: no licence is named by a 1.0, and that of 1.5, mit, is not allowed",
			}},
		{name: "ranges of licences", step: "licence",
			facts: Facts{About: map[string]*py.About{
				"a==9.0": about("MIT"), "a==8.0": about("MIT"), "a==7.0": about("X"), "a==6.0": about("MIT"), "a==5.0": about("X"), "a==4.0": about("MIT"), "a==3.0": about("MIT"), "a==2.0": about("X"), "a==1.0": about("MIT"),
			}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"MIT"} },
			candidates: []string{"a 9.0 8.0 7.0 6.0 5.0 4.0 3.0 2.0 1.0"},
			want:       []string{"-1 a[9.0 8.0 6.0 4.0 3.0 1.0]: the licence of a 8.0 to 9.0, 6.0, 3.0 to 4.0 and 1 more, MIT, is not allowed"}},
		{name: "a yanked release says nothing of the licence of others", step: "licence",
			facts:      Facts{About: map[string]*py.About{"a==4.0": about("MIT"), "a==3.0": about("")}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"MIT"} },
			candidates: []string{"a 4.0* 3.0"}, want: []string{"-1 a[4.0]: the licence of a 4.0, MIT, is not allowed"}},
		{name: "a pre-release says nothing of the licence of a release", step: "licence",
			facts:      Facts{About: map[string]*py.About{"a==4.0rc1": about("MIT"), "a==3.0rc1": about(""), "a==3.0": about("")}},
			plan:       func(p *pipeline.Plan) { p.Settings.LicenceDeny = []string{"MIT"} },
			candidates: []string{"a 4.0rc1 3.0 3.0rc1"},
			want: []string{
				"-1 a[4.0rc1]: the licence of a 4.0rc1, MIT, is not allowed",
				"-1 a[3.0rc1]: no licence is named by a 3.0rc1, and that of 4.0rc1, MIT, is not allowed",
			}},
		{name: "no licence policy", step: "licence", want: []string{"not included"}},
		{name: "observed", step: "observed",
			facts: Facts{Observed: []py.Observation{
				linux(py.Observation{Packages: packages("a==3.0"), Kind: "import", Outcome: "failed", Class: "import_error", At: Day}),
				linux(py.Observation{Packages: packages("a==4.0"), Kind: "import", Outcome: "ok"}),
				linux(py.Observation{Packages: packages("a==5.0"), Kind: "import", Outcome: "failed"}),
				linux(py.Observation{Packages: packages("a==5.0"), Kind: "import", Outcome: "ok"}), // newer
				{Packages: packages("a==1.0"), Kind: "build", Outcome: "failed", Python: "3.9"},
				{Packages: packages("a==1.0"), Kind: "build", Outcome: "timeout"},
				linux(py.Observation{Packages: packages("a==2.0", "b==1.0"), Kind: "test", Outcome: "failed", Class: "test_failure", At: Day}),
			}},
			candidates: []string{"a 6.0 5.0 4.0 3.0 2.0 1.0 0.5", "b 1.0"},
			want: []string{
				"failed -1 a[2.0] b[1.0]: a==2.0 with 1 package more failed to test (test_failure) on 1970-01-02",
				"failed -1 a[3.0]: a==3.0 failed to import (import_error) on 1970-01-02",
				"neighbour -0.25 a[2.0]: a 2.0 was not tried here, but its neighbour 3.0 failed",
				"neighbour -0.25 a[1.0]: a 1.0 was not tried here, but its neighbour 3.0 failed",
			}},
		{name: "performance", step: "performance",
			facts: Facts{Observed: []py.Observation{
				{Packages: packages("a==3.0"), Kind: "metric", Metric: "matmul", Value: 30, Unit: "ms"},
				{Packages: packages("a==2.0"), Kind: "metric", Metric: "matmul", Value: 20, Unit: "ms"},
				{Packages: packages("a==1.0"), Kind: "metric", Metric: "matmul", Value: 100, Unit: "ms"},
				{Packages: packages("a==1.0"), Kind: "metric", Metric: "matmul", Value: 1, Unit: "ms", Platform: "win_amd64"},
				{Packages: packages("a==3.0"), Kind: "metric", Metric: "rate", Value: 2, Unit: "1/s", Higher: true}, // measured again
				{Packages: packages("a==3.0"), Kind: "metric", Metric: "rate", Value: 10, Unit: "1/s", Higher: true},
				{Packages: packages("a==2.0"), Kind: "metric", Metric: "rate", Value: 8, Unit: "1/s", Higher: true},
			}},
			candidates: []string{"a 3.0 2.0 1.0"},
			want: []string{
				"-0.5 a[3.0]: a==3.0: matmul is 30 ms, a==2.0 has 20", "-1 a[1.0]: a==1.0: matmul is 100 ms, a==2.0 has 20",
				"-0.25 a[2.0]: a==2.0: rate is 8 1/s, a==3.0 has 10",
			}},
		{name: "a whole run is noise where the command measured", step: "performance",
			facts: Facts{Observed: []py.Observation{
				{Packages: packages("a==2.0"), Kind: "metric", Metric: "took", Value: 4, Unit: "s"},
				{Packages: packages("a==1.0"), Kind: "metric", Metric: "took", Value: 1, Unit: "s"},
				{Packages: packages("a==2.0"), Kind: "metric", Metric: "run_seconds", Value: 1, Unit: "s"},
				{Packages: packages("a==1.0"), Kind: "metric", Metric: "run_seconds", Value: 9, Unit: "s"},
				{Packages: packages("b==2.0"), Kind: "metric", Metric: "run_seconds", Value: 2, Unit: "s"},
				{Packages: packages("b==1.0"), Kind: "metric", Metric: "run_seconds", Value: 1, Unit: "s"},
			}},
			candidates: []string{"a 2.0 1.0", "b 2.0 1.0"},
			want: []string{
				"-1 a[2.0]: a==2.0: took is 4 s, a==1.0 has 1", "-1 b[2.0]: b==2.0: run_seconds is 2 s, b==1.0 has 1",
			}},
		{name: "severity and confidence are not swapped", step: "security-indicators",
			facts: Facts{Indicated: []py.Indicator{
				{Package: packages("a==2.0")[0], Tool: "bandit", Metric: "SEVERITY_HIGH__CONFIDENCE_LOW", Value: 100},
				{Package: packages("a==2.0")[0], Tool: "cloc", Metric: "python_code_lines", Value: 100},
				{Package: packages("a==1.0")[0], Tool: "bandit", Metric: "severity_low__confidence_high", Value: 100},
				{Package: packages("a==1.0")[0], Tool: "cloc", Metric: "python_code_lines", Value: 100},
			}},
			candidates: []string{"a 2.0 1.0"},
			want:       []string{"-0.0495 a[2.0]: a 2.0 has 10 weighed findings of bandit a line"}},
		{name: "what was not looked at, or has no code", step: "security-indicators",
			facts: Facts{Indicated: []py.Indicator{
				{Package: packages("a==2.0")[0], Tool: "bandit", Metric: "SEVERITY.HIGH__CONFIDENCE.HIGH", Value: 100},
				{Package: packages("a==1.0")[0], Tool: "cloc", Metric: "python_code_lines", Value: 100},
			}}, candidates: []string{"a 2.0 1.0 0.5"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := Plan(t, &test.facts)
			if test.plan != nil {
				test.plan(plan)
			}
			if diff := cmp.Diff(test.want, run(t, test.step, plan, Candidates(test.candidates...))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestCooldownOfAnOldLine: a new release of an old line is as new as any.
func TestCooldownOfAnOldLine(t *testing.T) {
	candidates := Candidates("a 2.0 1.1 1.0")
	candidates[0].Releases[1].Uploaded = 400 * Day
	plan := Plan(t, new(Facts))
	plan.Now = 400 * Day
	want := []string{"-1 a[1.1]: a 1.1 was uploaded on 1971-02-05, too short ago to be trusted"}
	if diff := cmp.Diff(want, run(t, "cooldown", plan, candidates)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestLicenceOfUnread: of a release whose metadata was not read, nothing is
// presumed: it may name a licence.
func TestLicenceOfUnread(t *testing.T) {
	candidates := Candidates("a 2.0 1.0")
	candidates[0].Releases[1].Requires = nil
	plan := Plan(t, &Facts{About: map[string]*py.About{"a==2.0": {License: "MIT"}}})
	plan.Settings.LicenceDeny = []string{"MIT"}
	want := []string{"-1 a[2.0]: the licence of a 2.0, MIT, is not allowed"}
	if diff := cmp.Diff(want, run(t, "licence", plan, candidates)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

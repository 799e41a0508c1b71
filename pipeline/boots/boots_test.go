package boots_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/boots"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/resolver"
)

func requirement(text string) resolver.Requirement {
	r, err := py.ParseRequirement(text)
	if err != nil {
		panic(err)
	}
	return resolver.Requirement{Requirement: r}
}

func TestBoots(t *testing.T) {
	for _, test := range []struct {
		name, boot string
		plan       func(*pipeline.Plan)
		want       []string
	}{
		{"a whole environment", "fully-specified", nil, nil},
		{"no Python", "fully-specified", func(p *pipeline.Plan) { p.Problem.Environment = &py.Environment{} }, []string{"refuses: the environment has no Python version; give --python-version"}},
		{"no platform", "fully-specified", func(p *pipeline.Plan) { p.Problem.Environment = &py.Environment{Python: Version("3.12")} }, []string{"refuses: the environment has no platform; give --platform"}},
		{"an environment", "environment", func(p *pipeline.Plan) {
			p.Host = py.Host{OS: "fedora", OSVersion: "35", CPUFamily: 6, CPUModel: 85, GPUs: []string{"A", "B"}, CUDA: "11.2", BaseImage: "x:1"}
		}, []string{"info: advice for recommendation type stable, cpython 3.12.4, platform manylinux_2_36_x86_64, operating system fedora 35, CPU family 6 model 85, GPU A and B, CUDA 11.2, base image x:1"}},
		{"nothing known of the machine", "environment", nil, []string{"info: advice for recommendation type stable, cpython 3.12.4, platform manylinux_2_36_x86_64"}},
		{"no wish for a Python", "python-version", nil, []string{"info: the manifest does not say which Python it needs; the advice is for 3.12.4 alone"}},
		{"a wish that holds", "python-version", func(p *pipeline.Plan) { p.ManifestPython = ">=3.10" }, nil},
		{"a wish that does not", "python-version", func(p *pipeline.Plan) { p.ManifestPython = ">=3.13" }, []string{"warning: the manifest needs Python >=3.13, and the advice is for 3.12.4"}},
		{"a release candidate of what is wished for", "python-version", func(p *pipeline.Plan) {
			p.ManifestPython, p.Problem.Environment.Python = ">=3.13", Version("3.13.0rc1")
		}, []string{"warning: the manifest needs Python >=3.13, and the advice is for 3.13.0rc1"}},
		{"no environment", "fully-specified", func(p *pipeline.Plan) { p.Problem.Environment = nil }, []string{"refuses: the environment has no Python version; give --python-version"}},
		{"no advisories", "kb-age", nil, []string{"warning: the knowledge base holds no advisories: nothing is known of vulnerabilities (thamos kb import --format osv)"}},
		{"fresh advisories", "kb-age", func(p *pipeline.Plan) { p.AdvisoriesAt = p.Clock - 7*Day }, nil},
		{"old advisories", "kb-age", func(p *pipeline.Plan) { p.AdvisoriesAt = p.Clock - 8*Day }, []string{"warning: the newest advisory of the knowledge base is of 1997-05-11, 8 days ago: newer vulnerabilities are not known"}},
		{"another limit", "kb-age", func(p *pipeline.Plan) { p.AdvisoriesAt, p.Settings.KnowledgeDays = p.Clock-8*Day, 8 }, nil},
		{"any age is fine", "kb-age", func(p *pipeline.Plan) { p.AdvisoriesAt, p.Settings.KnowledgeDays = 1, -1 }, nil},
		{"no lock", "lock-hash", nil, []string{"not included"}},
		{"another lock", "lock-hash", func(p *pipeline.Plan) { p.LockStale = "it was made from another Pipfile" }, []string{"warning: the lock that is there does not count: it was made from another Pipfile"}},
		{"labels", "labels", func(p *pipeline.Plan) { p.Labels = map[string]string{"b": "2", "a": "1"} }, []string{"info: label a=1", "info: label b=2"}},
		{"no labels", "labels", nil, []string{"not included"}},
		{"allowances", "allowances", func(p *pipeline.Plan) {
			p.Settings.Allow = []pipeline.Allowance{{ID: "CVE-1", Reason: "not reachable", From: "thamos.toml:1:1"}, {ID: "CVE-3", Reason: "label allow-cve", From: "label allow-cve"}, {ID: "CVE-4", Project: "a", Reason: "so", From: "x", Expires: p.Clock + 1}, {ID: "CVE-2", Expires: p.Clock, From: "thamos.toml:5:1"}}
		}, []string{"warning: CVE-1 is accepted: not reachable (thamos.toml:1:1)", "warning: CVE-3 is accepted: label allow-cve", "warning: CVE-4 of a is accepted: so (x)", "warning: the allowance for CVE-2 expired after 1997-05-18 and does not count (thamos.toml:5:1)"}},
		{"requirements without bounds", "lax-requirements", func(p *pipeline.Plan) {
			p.Problem.Requirements = []resolver.Requirement{requirement("flask"), requirement("click>=8"), requirement("attrs"), requirement("here @ file:///x"), requirement("numpy"), requirement("two"), requirement("two<3"), requirement("flask")}
			p.Problem.Constraints = []resolver.Requirement{requirement("numpy<2")}
		}, []string{"info: nothing bounds the version of attrs, flask"}},
		{"UBI is RHEL", "rhel", func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "ubi", "8" }, []string{"info: the operating system ubi 8 is taken for rhel 8", "now rhel 8"}},
		{"a minor version of RHEL", "rhel", func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "rhel", "9.4" }, []string{"info: the operating system rhel 9.4 is taken for rhel 9", "now rhel 9"}},
		{"RHEL as it is named", "rhel", func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "rhel", "9" }, []string{"not included"}},
		{"another system's minor version", "rhel", func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "ubuntu", "22.04" }, []string{"not included"}},
		{"bounded ones", "lax-requirements", func(p *pipeline.Plan) { p.Problem.Requirements = []resolver.Requirement{requirement("click>=8")} }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := Plan(t, new(Facts))
			if test.plan != nil {
				test.plan(plan)
			}
			all := boots.Units()
			u := all[slices.IndexFunc(all, func(u pipeline.Unit) bool { return u.Name == test.boot })]
			var got []string
			if u.When != nil && !u.When(plan) {
				got = []string{"not included"}
			} else {
				b, err := u.Boot(context.Background(), plan)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range b.Notes {
					got = append(got, n.Level.String()+": "+n.Message)
				}
				if test.boot == "rhel" {
					got = append(got, "now "+plan.Host.OS+" "+plan.Host.OSVersion)
				}
				if b.Refusal != "" {
					got = append(got, "refuses: "+b.Refusal+"; "+b.Remedy)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestManifestPython: what is not a specifier ends the run, and says where it is from.
func TestManifestPython(t *testing.T) {
	plan := Plan(t, new(Facts))
	plan.ManifestPython = "three"
	p, err := pipeline.Build(plan, boots.Units())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.Boot(context.Background()); err == nil || !strings.Contains(err.Error(), `unit python-version: Requires-Python "three" of the manifest`) {
		t.Error(err)
	}
}

// TestBootsTogether: the boots of a plan that has a use for all of them are asked
// in their order, what one changes the next one sees, and a refusal ends it.
func TestBootsTogether(t *testing.T) {
	plan := Plan(t, new(Facts))
	plan.Host.OS, plan.Host.OSVersion = "ubi", "8.6"
	plan.LockStale, plan.Labels = "it is old", map[string]string{"a": "1"}
	plan.Settings.Allow = []pipeline.Allowance{{ID: "CVE-1", Reason: "so"}}
	plan.Problem.Requirements = []resolver.Requirement{requirement("flask")}
	p, err := pipeline.Build(plan, boots.Units())
	if err != nil {
		t.Fatal(err)
	}
	notes, err := p.Boot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range notes {
		got = append(got, n.Message)
	}
	want := []string{
		"the operating system ubi 8.6 is taken for rhel 8",
		"advice for recommendation type stable, cpython 3.12.4, platform manylinux_2_36_x86_64, operating system rhel 8",
		"the manifest does not say which Python it needs; the advice is for 3.12.4 alone",
		"the knowledge base holds no advisories: nothing is known of vulnerabilities (thamos kb import --format osv)",
		"the lock that is there does not count: it is old",
		"label a=1",
		"CVE-1 is accepted: so",
		"nothing bounds the version of flask",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	plan.Problem.Environment = nil
	var refused *pipeline.RefusedError
	if notes, err = p.Boot(context.Background()); !errors.As(err, &refused) || refused.Unit != "fully-specified" || len(notes) != 0 {
		t.Errorf("%v, %v", notes, err)
	}
}

package sieves_test

import (
	"context"
	"slices"
	"testing"

	"github.com/thamos/thamos/kb/py"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/sieves"
	"github.com/thamos/thamos/resolver"
)

// A shelf is knowledge of one project.
type shelf struct {
	project *py.Project
	files   map[string][]py.File // by version
}

func (s shelf) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	all := make([]*py.Project, len(names))
	for i, name := range names {
		if name == s.project.Name {
			all[i] = s.project
		}
	}
	return all, nil
}

func (s shelf) Files(_ context.Context, packages []py.Package) ([][]py.File, error) {
	all := make([][]py.File, len(packages))
	for i, p := range packages {
		all[i] = s.files[p.Version.String()]
	}
	return all, nil
}

func line(t *testing.T, text string) resolver.Requirement {
	t.Helper()
	r, err := py.ParseRequirement(text)
	if err != nil {
		t.Fatal(err)
	}
	return resolver.Requirement{Requirement: r, Origin: "test"}
}

// TestAdmission: each rule that Admission lists holds without any unit. Of a
// project with the releases 2.0 and 1.0 the newer is chosen, until it breaks the
// rule. The rule index is the knowledge's, and tested there (kb, TestLayering).
func TestAdmission(t *testing.T) {
	digest := func(c byte) string { return string(slices.Repeat([]byte{c}, 64)) }
	tests := map[string]func(p *resolver.Problem, newest *py.Release){
		"locked":      func(p *resolver.Problem, _ *py.Release) { p.Requirements[0] = line(t, "a==1.0") },
		"constraints": func(p *resolver.Problem, _ *py.Release) { p.Constraints = []resolver.Requirement{line(t, "a<2")} },
		"yanked":      func(_ *resolver.Problem, newest *py.Release) { newest.Yanked = true },
		"pre-release": func(_ *resolver.Problem, newest *py.Release) { newest.Version = Version("2.0rc1") },
		"exclude-newer": func(p *resolver.Problem, newest *py.Release) {
			p.ExcludeNewer = newest.Uploaded - 1
		},
		"requires-python": func(_ *resolver.Problem, newest *py.Release) { newest.RequiresPython = "<3.12" },
		"tags": func(_ *resolver.Problem, newest *py.Release) {
			newest.Artifacts = &py.Artifacts{Wheels: []string{"cp311-cp311-win_amd64"}}
		},
		"hashes": func(p *resolver.Problem, newest *py.Release) {
			newest.Artifacts = &py.Artifacts{Wheels: []string{"py3-none-any"}}
			p.Requirements[0].Hashes = []string{"sha256:" + digest('b')}
		},
		"requirements": func(_ *resolver.Problem, newest *py.Release) { newest.Requires, newest.Unreadable = nil, true },
	}
	chosen := func(t *testing.T, breach func(*resolver.Problem, *py.Release)) string {
		project, _ := Project("a 2.0 1.0")
		k := shelf{project, map[string][]py.File{"2.0": {{Filename: "a-2.0-py3-none-any.whl", SHA256: digest('a')}}}}
		problem := &resolver.Problem{Requirements: []resolver.Requirement{line(t, "a")}, Environment: Environment(t)}
		breach(problem, &project.Releases[0])
		report, err := resolver.Solve(context.Background(), problem, k)
		if err != nil {
			t.Fatal(err)
		}
		return report.Stack[0].Version.String()
	}
	if got := chosen(t, func(*resolver.Problem, *py.Release) {}); got != "2.0" {
		t.Errorf("without a breach %s is chosen", got)
	}
	for _, rule := range sieves.Admission() {
		t.Run(rule.Name, func(t *testing.T) {
			breach := tests[rule.Name]
			if breach == nil && rule.Name != "index" {
				t.Fatal("nothing shows that the rule holds")
			}
			if breach != nil {
				if got := chosen(t, breach); got != "1.0" {
					t.Errorf("%s is chosen", got)
				}
			}
			delete(tests, rule.Name)
		})
	}
	for name := range tests {
		t.Errorf("no rule is called %s", name)
	}
}

package sieves_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/sieves"
)

func TestSieves(t *testing.T) {
	malware := &py.Advisory{ID: "MAL-1", Project: "a", Malware: true, Severity: py.Critical, Affected: []py.Affected{{From: Version("2.0")}}}
	flaw := &py.Advisory{ID: "PYSEC-1", Project: "a", Severity: py.High, Affected: []py.Affected{{Before: Version("2.0")}}}
	low := &py.Advisory{ID: "PYSEC-2", Project: "a", Severity: py.Low, Affected: []py.Affected{{}}}
	security := func(p *pipeline.Plan) {
		p.Table.Name = "security"
		p.Labels["vulnerabilities"] = "refuse"
	}
	for _, test := range []struct {
		name, sieve string
		status      string
		plan        func(*pipeline.Plan)
		want        []string
	}{
		{"malware", "drop-malware", "", nil, []string{"a 2.0 is malware (MAL-1)"}},
		{"malware that is allowed", "drop-malware", "", func(p *pipeline.Plan) { p.Settings.Allow = []pipeline.Allowance{{ID: "mal-1"}} }, nil},
		{"quarantine", "drop-quarantined", "quarantined", nil, []string{"a 1.0 is of a project in quarantine: odd", "a 2.0 is of a project in quarantine: odd"}},
		{"archived", "drop-quarantined", "archived", nil, nil},
		{"vulnerable", "drop-vulnerable", "", security, []string{"a 1.0 has a known vulnerability (PYSEC-1)"}},
		{"vulnerable, and accepted", "drop-vulnerable", "", func(p *pipeline.Plan) {
			security(p)
			p.Settings.Allow = []pipeline.Allowance{{ID: "PYSEC-1", Project: "a"}}
		}, nil},
		{"vulnerable, and no longer accepted", "drop-vulnerable", "", func(p *pipeline.Plan) {
			security(p)
			p.Settings.Allow = []pipeline.Allowance{{ID: "PYSEC-1", Expires: p.Clock}}
		}, []string{"a 1.0 has a known vulnerability (PYSEC-1)"}},
		{"vulnerable, if that is only to be avoided", "drop-vulnerable", "", func(p *pipeline.Plan) { p.Table.Name = "security" }, []string{"not included"}},
		{"vulnerable for another type", "drop-vulnerable", "", func(p *pipeline.Plan) { p.Labels["vulnerabilities"] = "refuse" }, []string{"not included"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, _ := Project("a 2.0 1.0")
			p.Status, p.StatusReason = test.status, "odd"
			other, _ := Project("b 1.0")
			plan := Plan(t, &Facts{Flaws: []*py.Advisory{malware, flaw, low}})
			if test.plan != nil {
				test.plan(plan)
			}
			all := sieves.Units()
			u := all[slices.IndexFunc(all, func(u pipeline.Unit) bool { return u.Name == test.sieve })]
			var got []string
			if u.When != nil && !u.When(plan) {
				got = []string{"not included"}
			} else {
				sifted, err := u.Sieve(context.Background(), plan, []*py.Project{other, p})
				if err != nil {
					t.Fatal(err)
				}
				if len(sifted[0].Refused) > 0 {
					t.Errorf("b is refused: %v", sifted[0])
				}
				for _, i := range slices.Backward(slices.Sorted(maps.Keys(sifted[1].Refused))) {
					got = append(got, fmt.Sprintf("a %s %s", p.Releases[i].Version, sifted[1].Refused[i]))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

package pseudonyms_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/pseudonyms"
)

// TestAlias: each release that the other project has too, however it is written,
// can be stood in for, once.
func TestAlias(t *testing.T) {
	for _, test := range []struct {
		name    string
		aliases []pipeline.Alias
		want    []string
		asked   int
	}{
		{"nobody", nil, []string{"not included"}, 0},
		{"a project of another level", []pipeline.Alias{{Project: "z", By: "b"}}, nil, 0},
		{"one", []pipeline.Alias{{Project: "a", By: "b"}}, []string{"a 3.0 by b==3.0", "a 1.0 by b==1.0.0"}, 1},
		{"twice the same", []pipeline.Alias{{Project: "a", By: "b"}, {Project: "a", By: "b"}}, []string{"a 3.0 by b==3.0", "a 1.0 by b==1.0.0"}, 1},
		{"one that is not known", []pipeline.Alias{{Project: "a", By: "nobody"}}, nil, 1},
		{"itself", []pipeline.Alias{{Project: "a", By: "a"}}, nil, 0},
		{"two, both ways, asked at once", []pipeline.Alias{{Project: "a", By: "b"}, {Project: "a", By: "c"}, {Project: "c", By: "a"}},
			[]string{"a 3.0 by b==3.0", "a 1.0 by b==1.0.0", "a 2.0 by c==2.0", "c 2.0 by a==2.0"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _ := Project("a 3.0 2.0 1.0")
			b, _ := Project("b 4.0 3.0 1.0.0 0.5")
			c, _ := Project("c 2.0")
			facts := &Facts{Known: []*py.Project{a, b, c}}
			plan := Plan(t, facts)
			plan.Settings.Aliases = test.aliases
			u, projects := pseudonyms.Units()[0], []*py.Project{a, c}
			var got []string
			if !u.When(plan) {
				got = []string{"not included"}
			} else {
				all, err := u.Pseudonym(context.Background(), plan, projects)
				if err != nil || len(all) != len(projects) {
					t.Fatalf("%+v, %v", all, err)
				}
				for i, s := range all {
					for _, in := range s.StandIns {
						got = append(got, fmt.Sprintf("%s %s by %s", projects[i].Name, projects[i].Releases[in.Release].Version, in.By))
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if facts.Asked != test.asked {
				t.Errorf("%d questions, want %d", facts.Asked, test.asked)
			}
		})
	}
}

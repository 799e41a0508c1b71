package cmd

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// famousCases are inputs for which resolvers, or optimisers of a wrong score,
// give answers that nobody wants. Each has what a sane stack has, what it must
// not have ("!name"), and what comes out when a unit is switched off: what that unit is
// for. Units that are not listed change nothing.
type famousCase struct {
	name, input string
	sane        []string
	without     map[string][]string
}

var famousCases = []famousCase{
	{"apache-beam and dill", "dill<0.3.9,>=0.2.2\napache-beam<=2.49.0\n", []string{"apache-beam==2.49.0", "dill==0.3.1.1"},
		map[string][]string{"hole": {"apache-beam==2.13.0", "dill==0.3.8"}}},
	{"numba and a pre-release of numpy", "numpy>=2.0.0rc1\nnumba\n", []string{"numba==0.60.0rc1", "numpy==2.0.0rc2"},
		map[string][]string{"hole": {"numba==0.58.0"}, "retro-cap": {"numba==0.53.1"}}},
	{"fastapi and starlette", "starlette<=0.36.0\nfastapi<=0.115.2\n", []string{"fastapi==0.109.1", "starlette==0.35.1"}, nil},
	{"airflow, connexion and werkzeug", "apache-airflow==2.9.1\n", []string{"connexion==2.14.2", "werkzeug==2.2.3"},
		map[string][]string{"retro-cap": {"connexion==2.14.1", "werkzeug==2.3.8"}, "hole": {"sqlalchemy==1.4.52"}}},
	// openxlab pins what it needs, but its releases before 0.0.9 do not require
	// pytz: who insists on a newer one gets one of those, not the hole. The newest of
	// them would bring an old requests with an advisory.
	{"openxlab and a newer pytz", "openxlab\npytz>=2024\n", []string{"openxlab==0.0.1", "pytz==2024.1"},
		map[string][]string{"hole": {"openxlab==0.0.11"}, "advisory": {"openxlab==0.0.8"}}},
	// Here a release of openmim that does not require it saves all that openxlab costs.
	{"autogluon and openxlab", "autogluon==1.1.0\n", []string{"!openxlab"},
		map[string][]string{"retro-cap": {"datasets==2.19.1"}}},
}

// TestConformanceFamousCases asserts the sane answer with all units, and records
// the answers without each of them, on the graph and the advisories of the
// third-party data.
func TestConformanceFamousCases(t *testing.T) {
	if raced {
		t.Skip("one goroutine searches for minutes under the race detector: nothing to see")
	}
	base := graphBase(t)
	env, _, _ := testEnv(t, nil)
	audit(t, env, base, famousCases)
}

// TestFamousCases does so on the embedded knowledge base, as far as it holds
// them: there the newest releases go together, and our own rules know pairs that
// do not.
func TestFamousCases(t *testing.T) {
	env, _, _ := testEnv(t, nil)
	audit(t, env, "", []famousCase{
		{"numba and numpy 2", "numpy>=2\nnumba\n", []string{"numba==0.68.1", "numpy==2.4.6"}, nil},
		{"apache-beam and dill", "dill<0.3.9,>=0.2.2\napache-beam\n", []string{"apache-beam==2.77.0", "dill==0.3.8"}, nil},
		{"connexion and werkzeug", "connexion\nwerkzeug\n", []string{"connexion==3.3.0", "werkzeug==3.1.9"}, nil},
		{"an old flask", "flask<2.3\nwerkzeug\n", []string{"flask==2.2.5", "werkzeug==2.3.8"},
			map[string][]string{"prescription-steps": {"werkzeug==3.1.9"}}},
	})
}

// audit advises for each case with all units and without each of them.
func audit(t *testing.T, env *Env, kb string, cases []famousCase) {
	env.Stderr = io.Discard
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(env.Dir, "x.in"), []byte(c.input), 0o666); err != nil {
				t.Fatal(err)
			}
			o := adviseOptions{problemOptions: problemOptions{pythonVersion: "3.11", platform: "manylinux_2_36_x86_64", kb: kb}}
			o.maxTime = time.Hour
			a, err := newAuditor(context.Background(), env, "x.in", o)
			if err != nil {
				t.Fatal(err)
			}
			defer a.knowledge.close()
			with, why, err := a.solve(context.Background(), "")
			if with == nil {
				t.Fatal(why, err)
			}
			has(t, "with all units", with, c.sane)
			for _, unit := range unitNames() {
				if _, listed := c.without[unit]; raced && !listed {
					continue
				}
				without, why, err := a.solve(context.Background(), unit)
				if without == nil {
					t.Fatalf("without %s: %s, %v", unit, why, err)
				}
				change := difference(with.Stack, without.Stack)
				if want, listed := c.without[unit]; listed {
					has(t, "without "+unit, without, want)
				} else if change != "the same" && unit != "freshness" { // without which any release is as good
					t.Errorf("without %s: %s", unit, change)
				}
			}
		})
	}
}

func has(t *testing.T, what string, r *resolver.Report, packages []string) {
	t.Helper()
	for _, want := range packages {
		name, _, _ := strings.Cut(strings.TrimPrefix(want, "!"), "==")
		got := "!" + name
		for _, c := range r.Stack {
			if c.Name == py.Name(name) {
				got = c.Package.String()
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

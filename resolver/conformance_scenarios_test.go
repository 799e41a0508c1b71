package resolver

import (
	cmp2 "cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// A scenario is a resolver scenario as uv's test suite has it. The README of
// the third-party data has the defaults.
type scenario struct {
	Name, Description string
	Testgen           map[string]any
	Environment       struct {
		Python           string
		AdditionalPython []string `toml:"additional_python"`
	}
	Root struct {
		RequiresPython *string `toml:"requires_python"`
		Requires       []string
	}
	Packages map[string]struct {
		Versions map[string]scenarioRelease
	}
	Expected struct {
		Satisfiable bool
		Packages    map[string]string
		Explanation string
	}
	Options struct {
		Python               string
		Prereleases          bool
		NoBuild              []string `toml:"no_build"`
		NoBinary             []string `toml:"no_binary"`
		Universal            bool
		PythonPlatform       string   `toml:"python_platform"`
		RequiredEnvironments []string `toml:"required_environments"`
		Resolution           string
	} `toml:"resolver_options"`
}

type scenarioRelease struct {
	RequiresPython *string `toml:"requires_python"`
	Requires       []string
	Extras         map[string][]string
	Sdist, Wheel   *bool
	WheelTags      []string `toml:"wheel_tags"`
	Yanked         bool
	Description    string
}

// scenarioDeviations are the scenarios in which thamos answers otherwise than
// uv on purpose.
var scenarioDeviations = map[string]string{
	"python-less-than-current": "uv ignores an upper bound of Requires-Python because its locks are for every Python; " +
		"thamos advises for one environment and honours it",
	"incompatible-python-compatible-override-no-wheels": "uv must build the source to learn its metadata, with a Python that it does not have; " +
		"thamos has the metadata in its knowledge base",
}

func TestConformanceScenarios(t *testing.T) {
	root := kbtest.Shared(t, "scenarios")
	count := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".toml" {
			return err
		}
		count++
		rel, _ := filepath.Rel(root, path)
		t.Run(strings.TrimSuffix(filepath.ToSlash(rel), ".toml"), func(t *testing.T) { checkScenario(t, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count == 0 {
		t.Skipf("no scenarios in %s", root)
	}
}

func checkScenario(t *testing.T, path string) {
	var s scenario
	meta, err := toml.DecodeFile(path, &s)
	if err != nil {
		t.Fatal(err)
	}
	if un := meta.Undecoded(); len(un) > 0 {
		t.Fatalf("unknown fields %v", un)
	}
	if why, ok := scenarioDeviations[s.Name]; ok {
		t.Skip(why)
	}
	u := closed{s.universe(t)}
	for _, env := range s.environments(t) {
		p := s.problem(t, env)
		r, err := Solve(context.Background(), p, u)
		var none *NoStackError
		switch {
		case errors.As(err, &none):
			// One environment of a universal scenario may have no stack although
			// another has: plain search must find none either.
			if s.Expected.Satisfiable && (!s.Options.Universal || newPlain(t, p, u, false).solve()) {
				t.Errorf("%s: %s\n%s", env.Platform, err, s.Expected.Explanation)
			}
			continue
		case err != nil:
			t.Fatal(err)
		case !s.Expected.Satisfiable && !s.Options.Universal:
			t.Errorf("found a stack where there is none:\n%s%s", printReport(r), s.Expected.Explanation)
		}
		if err := Verify(context.Background(), p, u, r.Stack); err != nil {
			t.Errorf("%s: not a solution: %v", env.Platform, err)
		}
		if want := s.Expected.Packages; len(want) > 0 && !s.Options.Universal {
			got := map[string]string{}
			for _, c := range r.Stack {
				got[string(c.Name)] = c.Version.String()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packages (-want +got):\n%s%s", diff, s.Expected.Explanation)
			}
		}
	}
}

// universe builds the scenario's packages.
func (s *scenario) universe(t *testing.T) *universe {
	u := &universe{projects: map[py.Name]*py.Project{}, files: map[string][]py.File{}}
	uploaded := time.Date(2024, 3, 24, 0, 0, 0, 0, time.UTC).Unix()
	for name, p := range s.Packages {
		for version, x := range p.Versions {
			v, err := py.ParseVersion(version)
			if err != nil {
				t.Fatal(err)
			}
			r := py.Release{
				Version: v, Uploaded: uploaded, LastUploaded: uploaded,
				Yanked:         x.Yanked,
				RequiresPython: orDefault(x.RequiresPython, ">=3.12"),
				Requires:       &py.Requires{Lines: slices.Clone(x.Requires)},
				Artifacts:      &py.Artifacts{Sdist: orDefault(x.Sdist, true)},
			}
			for extra, lines := range x.Extras {
				n := py.NormalizeName(extra)
				r.Requires.Extras = append(r.Requires.Extras, n)
				for _, l := range lines {
					req, err := py.ParseRequirement(l)
					if err != nil {
						t.Fatal(err)
					}
					if !req.Marker.IsZero() {
						t.Fatalf("an extra's requirement with a marker: %s", l)
					}
					r.Requires.Lines = append(r.Requires.Lines, fmt.Sprintf("%s ; extra == '%s'", l, n))
				}
			}
			if orDefault(x.Wheel, true) {
				r.Artifacts.Wheels = x.WheelTags
				if x.WheelTags == nil {
					r.Artifacts.Wheels = []string{"py3-none-any"}
				}
			}
			u.addRelease(py.NormalizeName(name), r)
		}
	}
	return u
}

func orDefault[T any](p *T, d T) T {
	if p == nil {
		return d
	}
	return *p
}

// environments returns where the scenario is to be solved: a universal one is
// projected onto three environments that its Requires-Python admits.
func (s *scenario) environments(t *testing.T) []*py.Environment {
	if !s.Options.Universal {
		return []*py.Environment{environment(t, cmp2.Or(s.Options.Python, s.Environment.Python, "3.12"), cmp2.Or(s.Options.PythonPlatform, "x86_64-unknown-linux-gnu"))}
	}
	specs, err := py.ParseSpecifiers(orDefault(s.Root.RequiresPython, ">=3.12"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*py.Environment
	for _, e := range []*py.Environment{
		environment(t, "3.12", "x86_64-unknown-linux-gnu"),
		environment(t, "3.12", "aarch64-apple-darwin"),
		environment(t, "3.13", "x86_64-pc-windows-msvc"),
	} {
		if specs.Contains(e.Python) {
			all = append(all, e)
		}
	}
	return all
}

func (s *scenario) problem(t *testing.T, env *py.Environment) *Problem {
	p := &Problem{Environment: env}
	for i, line := range s.Root.Requires {
		p.Requirements = append(p.Requirements, userLine(t, line, i+1))
	}
	if s.Options.Prereleases {
		p.Prereleases = Allow
	}
	p.NoBuild, p.NoBinary = formats(strings.Join(s.Options.NoBuild, " ")), formats(strings.Join(s.Options.NoBinary, " "))
	switch s.Options.Resolution {
	case "", "highest":
	case "lowest":
		p.Preference = Oldest
	case "lowest-direct":
		p.Preference = OldestDirect
	default:
		t.Fatalf("unknown resolution %q", s.Options.Resolution)
	}
	return p
}

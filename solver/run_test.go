package solver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver/solvertest"
)

// wheelOf and sdistOf put a distribution into a directory and make a target of it.
func wheelOf(t testing.TB, d solvertest.Dist) Dist {
	t.Helper()
	name, text := d.Wheel()
	return distOf(t, d, name, text, false)
}

func sdistOf(t testing.TB, d solvertest.Dist) Dist {
	t.Helper()
	name, text := d.Sdist()
	return distOf(t, d, name, text, true)
}

func distOf(t testing.TB, d solvertest.Dist, name string, text []byte, build bool) Dist {
	t.Helper()
	v, err := py.ParseVersion(d.Version)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return Dist{Package: py.Package{Name: py.NormalizeName(d.Name), Version: v}, Path: path, Build: build, Target: true}
}

func runOf(t testing.TB, s *Sandbox, job Job) *Report {
	t.Helper()
	r, err := s.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Steps {
		t.Logf("%s %s ok=%v class=%q %.2fs peak %d left %d\n%s", x.Name, x.Dist, x.OK, x.Class, x.Seconds, x.Peak>>20, x.LeftBehind, x.Excerpt)
	}
	if r.Class != "" || r.Spoiled != "" {
		t.Logf("class %q: %s; spoiled: %s", r.Class, r.Reason, r.Spoiled)
	}
	return r
}

// outcome is the class of the last step of a name; "ok" if it has none, and
// "none" if there was no such step.
func outcome(r *Report, step string, name py.Name) string {
	found := "none"
	for _, s := range r.Steps {
		if s.Name == step && (s.Dist == name || s.Dist == "") {
			found = string(s.Class)
			if s.OK {
				found = "ok"
			}
		}
	}
	return found
}

func TestRun(t *testing.T) {
	s := live(t)
	t.Parallel()
	good := solvertest.Dist{Name: "Good-Thing", Version: "1.0", Requires: []string{"helper>=1"}, Files: map[string]string{
		"good_thing/__init__.py": "import helper\nprint('hello')\n", "good_thing/x.py": "eval('1')\n", "space/inner/__init__.py": "",
	}}
	helper := solvertest.Dist{Name: "helper", Version: "1.5", Files: map[string]string{"helper.py": "x = 1\n"}}
	h := wheelOf(t, helper)
	h.Target = false
	r := runOf(t, s, Job{Dists: []Dist{sdistOf(t, good), h}, Smoke: []string{"python", "-c", "import good_thing; print('{\"n\": 3}')"}, Repeat: 2})
	for _, step := range []string{StepBuild, StepInstall, StepCheck, StepImport, StepScan, StepSmoke} {
		if got := outcome(r, step, "good-thing"); got != "ok" {
			t.Errorf("%s: %s", step, got)
		}
	}
	d := r.Dists["good-thing"]
	if want := []string{"good_thing", "space.inner"}; !slices.Equal(d.Modules, want) || d.Counts["call_eval"] != 1 || d.Files < 5 {
		t.Errorf("modules %v, want %v; counts %v, %d files", d.Modules, want, d.Counts, d.Files)
	}
	if m, err := py.ParseMetadata(d.Metadata); err != nil || m.Name != "Good-Thing" || len(m.RequiresDist) != 1 || !strings.HasPrefix(m.RequiresDist[0], "helper") {
		t.Errorf("metadata: %v\n%s", err, d.Metadata)
	}
	last := r.Steps[len(r.Steps)-1]
	if last.Stdout != "hello\n{\"n\": 3}\n" || r.MemoryPeak < 1<<20 || r.Noise != 0 || last.CPU <= 0 || last.Peak < 1<<20 {
		t.Errorf("last %+v, peak %d, noise %d", last, r.MemoryPeak, r.Noise)
	}
}

func TestRunFails(t *testing.T) {
	s := live(t)
	for _, c := range []struct {
		name    string
		dist    solvertest.Dist
		sdist   bool
		step    string
		class   Class
		modules int
	}{
		{"import", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "import no_such_thing\n"}}, false, StepImport, ClassImport, 1},
		{"removed", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "from collections import Mapping\n"}}, false, StepImport, ClassRemoved, 1},
		{"syntax", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "print 'x'\n"}}, false, StepImport, ClassSyntax, 1},
		{"exits", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "import os; os._exit(0)\n"}}, false, StepImport, ClassExit, 1},
		{"raises exit", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "raise SystemExit(0)\n"}}, false, StepImport, ClassImport, 1},
		{"crash", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.py": "import ctypes; ctypes.string_at(0)\n"}}, false, StepImport, ClassCrash, 1},
		{"requirement", solvertest.Dist{Name: "a", Version: "1", Requires: []string{"b>2"}, Files: map[string]string{"a.py": ""}}, false, StepCheck, ClassRequires, 1},
		{"build", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"setup.py": "raise RuntimeError('no')\n"}}, true, StepBuild, ClassBackend, 0},
		{"build module", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"setup.py": "import numpy\n"}}, true, StepBuild, ClassModule, 0},
		{"compiler", solvertest.Dist{Name: "a", Version: "1", Files: map[string]string{"a.c": "", "setup.py": "from setuptools import setup, Extension\nsetup(name='a', version='1', ext_modules=[Extension('a', ['a.c'])])\n"}}, true, StepBuild, ClassTool, 0},
		{"tags", solvertest.Dist{Name: "a", Version: "1", Tags: "cp27-cp27m-win32"}, false, StepInstall, ClassNoArtifact, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			make := wheelOf
			if c.sdist {
				make = sdistOf
			}
			r := runOf(t, s, Job{Dists: []Dist{make(t, c.dist)}})
			if got := outcome(r, c.step, "a"); got != string(c.class) {
				t.Errorf("%s: %s, want %s", c.step, got, c.class)
			}
			if n := len(r.Dists["a"].Modules); n != c.modules {
				t.Errorf("%d modules, want %d", n, c.modules)
			}
		})
	}
}

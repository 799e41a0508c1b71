package solver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

func pkg(t testing.TB, name string) py.Package {
	t.Helper()
	v, err := py.ParseVersion("1")
	if err != nil {
		t.Fatal(err)
	}
	return py.Package{Name: py.Name(name), Version: v}
}

// TestDescribe: whose a failure is, and what says nothing of anybody.
func TestDescribe(t *testing.T) {
	a, b := pkg(t, "a"), pkg(t, "b")
	frame := "  File \"/tmp/venv/lib/python3.11/site-packages/b_mod/x.py\", line 1, in <module>\n"
	for _, c := range []struct {
		name string
		step Step
		with []py.Package
		own  bool
		want Result
	}{
		{"its own", Step{Name: StepImport, Dist: "a", Class: ClassImport, Excerpt: "ImportError: x"}, nil, false,
			Result{Packages: []string{"a==1"}, Kind: "import", Outcome: "failed", Class: ClassImport, Excerpt: "ImportError: x"}},
		{"with others", Step{Name: StepImport, Dist: "a", Class: ClassImport}, []py.Package{b}, false,
			Result{Packages: []string{"a==1", "b==1"}, Kind: "import", Outcome: "failed", Class: ClassImport}},
		{"of the other's module", Step{Name: StepImport, Dist: "a", Class: ClassImport, Excerpt: "ImportError: cannot import name 'x' from 'b_mod.y' (/z)"}, nil, false,
			Result{Packages: []string{"a==1", "b==1"}, Kind: "import", Outcome: "failed", Class: ClassImport, Excerpt: "ImportError: cannot import name 'x' from 'b_mod.y' (/z)"}},
		{"in the other's code", Step{Name: StepImport, Dist: "a", Class: ClassImport, Excerpt: frame + "ValueError"}, nil, false,
			Result{Packages: []string{"a==1", "b==1"}, Kind: "import", Outcome: "failed", Class: ClassImport, Excerpt: frame + "ValueError"}},
		{"ok", Step{Name: StepImport, Dist: "a", OK: true, Good: []string{"a"}}, []py.Package{b}, false,
			Result{Packages: []string{"a==1"}, Kind: "import", Outcome: "ok", Modules: []string{"a"}}},
		{"out of time", Step{Name: StepImport, Dist: "a", Class: ClassTimeout}, nil, false,
			Result{Packages: []string{"a==1"}, Kind: "import", Outcome: "timeout", Class: ClassTimeout}},
		{"library of a user's image", Step{Name: StepImport, Dist: "a", Class: ClassNative}, nil, false,
			Result{Packages: []string{"a==1"}, Kind: "import", Outcome: "failed", Class: ClassNative}},
		{"library of our image", Step{Name: StepImport, Dist: "a", Class: ClassNative}, nil, true,
			Result{Packages: []string{"a==1"}, Kind: "import", Outcome: "lacking", Class: ClassNative}},
		{"a user's command", Step{Name: StepSmoke, Class: ClassTest}, nil, false,
			Result{Packages: []string{"a==1", "b==1"}, Kind: "command", Outcome: "failed", Class: ClassCommand}},
		{"install", Step{Name: StepInstall, Class: ClassWheel}, nil, false,
			Result{Packages: []string{"a==1"}, Kind: "install", Outcome: "failed", Class: ClassWheel}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Sandbox{Engine: new(Engine), Image: Image{Own: c.own}, Interpreter: Interpreter{Version: "3.11.2", Machine: "x86_64", Implementation: "cpython"}}
			job := Job{Dists: []Dist{{Package: a, Target: true, With: c.with}, {Package: b}}}
			r := &Report{Steps: []Step{c.step}, Dists: map[py.Name]DistReport{"b": {Modules: []string{"b_mod"}}}}
			d := s.Describe(job, r, nil, time.Unix(1, 0))
			if diff := cmp.Diff([]Result{c.want}, d.Results); diff != "" {
				t.Error(diff)
			}
			observations, err := d.Observations("x")
			want := 1
			if c.want.Kind == KindCommand || c.want.Outcome != "ok" && c.want.Outcome != "failed" {
				want = 0
			}
			if err != nil || len(observations) != want {
				t.Errorf("%d observations, want %d; %v", len(observations), want, err)
			}
			text, err := d.Text()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := ParseDocument(text); err != nil || cmp.Diff(d, again) != "" {
				t.Errorf("%v %s", err, cmp.Diff(d, again))
			}
		})
	}
}

// TestDescribeTest: a command counts if the user says that it is a test.
func TestDescribeTest(t *testing.T) {
	s := &Sandbox{Engine: new(Engine), Interpreter: Interpreter{Version: "3.11.2", Machine: "x86_64", Implementation: "cpython"}}
	job := Job{Dists: []Dist{{Package: pkg(t, "a")}}, Smoke: []string{"x"}, Test: true}
	d := s.Describe(job, &Report{Steps: []Step{{Name: StepSmoke, Class: ClassTest}}}, nil, time.Unix(1, 0))
	o, err := d.Observations("x")
	if err != nil || len(o) != 1 || o[0].Kind != "test" || o[0].Class != string(ClassTest) {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestDescribeWhole: of a run that failed as a whole nothing is said of packages.
func TestDescribeWhole(t *testing.T) {
	s := &Sandbox{Engine: new(Engine)}
	d := s.Describe(Job{Dists: []Dist{{Package: pkg(t, "a"), Target: true}}}, &Report{Class: ClassMemory, Reason: "killed"}, nil, time.Unix(1, 0))
	if o, err := d.Observations("x"); len(o) != 0 || err != nil {
		t.Error(o, err)
	}
	if outcome, class := d.Verdict(); outcome != "oom" || class != ClassMemory {
		t.Error(outcome, class)
	}
}

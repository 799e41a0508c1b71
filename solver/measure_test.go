package solver

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

func TestParseMeasured(t *testing.T) {
	for _, c := range []struct {
		stdout string
		want   Measured
		ok     bool
	}{
		{`{"elapsed": 2.5, "text": "x", "flag": true}`, Measured{Values: map[string]float64{"elapsed": 2.5}}, true},
		{"some words\n{\"n\": 1}\n", Measured{Values: map[string]float64{"n": 1}}, true},
		{`{"framework": "tensorflow", "name": "PiMatmul", "@parameters": {"reps": 3}, "@result": {"rate": 1.5, "elapsed": 2}, "overall_score": 7}`,
			Measured{"tensorflow", map[string]float64{"PiMatmul.rate": 1.5, "PiMatmul.elapsed": 2, "PiMatmul.overall_score": 7}}, true},
		{"no object", Measured{}, false},
		{"[1]", Measured{}, false},
		{"null", Measured{}, false},
		{"", Measured{}, false},
	} {
		got, ok := ParseMeasured(c.stdout)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
			t.Errorf("%q: %v %s", c.stdout, ok, diff)
		}
	}
}

func FuzzParseMeasured(f *testing.F) {
	f.Add(`{"name": "x", "@result": {"rate": 1e300}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParseMeasured(text); ok && len(m.Values) > maxMetrics {
			t.Errorf("%d values", len(m.Values))
		}
	})
}

// TestMeasurements: what is not recorded is told.
func TestMeasurements(t *testing.T) {
	a, b := pkg(t, "a"), pkg(t, "b")
	job := Job{Dists: []Dist{{Package: a}, {Package: b}}}
	for _, c := range []struct {
		name   string
		stdout []string
		named  bool
		want   string // metrics that were printed, with whose they are
		notes  string
	}{
		{"numbers", []string{`{"n": 1}`, `{"n": 3}`}, false, "n=2 [a==1]", ""},
		{"another's", []string{`{"n": 1, "component": "B"}`}, false, "n=1 [b==1]", ""},
		{"words", []string{"x", "y z"}, false, "", `no metric was read: the command printed "y z", .*`},
		{"a list", []string{"[1]"}, false, "", `no metric was read: the command printed "\[1\]", .*`},
		{"no number", []string{`{"time": "x"}`}, false, "", `no metric was read: .*`},
		{"nothing", []string{""}, false, "", `no metric was read: the command printed nothing, .*`},
		{"sometimes", []string{`{"n": 1}`, "x"}, false, "n=1 [a==1]", `1 of 2 runs printed no JSON object with numbers, but "x"`},
		{"not in the stack", []string{`{"n": 1, "framework": "zz"}`}, false, "", `the command says that it measured "zz", which is not in the stack: .*--of.*`},
		{"but named", []string{`{"n": 1, "framework": "zz"}`}, true, "n=1 [a==1]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Report{Steps: []Step{{Name: StepSmoke, OK: true, Stdout: "warming up"}}}
			for _, s := range c.stdout {
				r.Steps = append(r.Steps, Step{Name: StepSmoke, OK: true, Stdout: s})
			}
			metrics, notes := r.Measurements(job, Subject{[]py.Package{a}, c.named}, 1)
			if len(metrics) < 3 || len(metrics[len(metrics)-1].Values) != len(c.stdout) {
				t.Fatalf("%+v", metrics)
			}
			var got []string
			for _, m := range metrics[:len(metrics)-3] {
				got = append(got, fmt.Sprintf("%s=%g %v", m.Metric, m.Value, m.Packages))
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("%s, want %s", text, c.want)
			}
			if text := strings.Join(notes, "; "); !regexp.MustCompile("^(" + c.notes + ")$").MatchString(text) {
				t.Errorf("notes %s, want %s", text, c.notes)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	got := Summarize("PiMatmul.rate", []py.Package{{Name: "b"}, {Name: "a"}}, []float64{1, 9, 2, 3})
	want := MetricJSON{Packages: []string{"a==", "b=="}, Metric: "PiMatmul.rate", Unit: "GFLOPS", Higher: true, Value: 2.5, Spread: 1, Values: []float64{1, 9, 2, 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if Summarize("x", nil, nil).Value != 0 {
		t.Error("no values")
	}
}

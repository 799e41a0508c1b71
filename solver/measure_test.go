package solver

import (
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

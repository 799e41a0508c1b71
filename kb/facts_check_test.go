package kb

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func TestAddFactsRefuses(t *testing.T) {
	v := version(t, "1")
	long := strings.Repeat("x", 100_000)
	demo := py.Package{Name: "demo", Version: v}
	for _, test := range []struct {
		name string
		f    Facts
		want string
	}{
		{"project", Facts{Advisories: []py.Advisory{{ID: "A", Project: "Not_Normal"}}}, "not a normalised name"},
		{"id", Facts{Advisories: []py.Advisory{{ID: "A\n", Project: "p"}}}, "the id is not a word"},
		{"alias", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Aliases: []string{""}}}}, "an alias is not a word"},
		{"summary", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Summary: long}}}, "more than 8192 bytes"},
		{"severity", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Severity: 9}}}, "severity 9"},
		{"CVSS", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", CVSS: math.NaN()}}}, "CVSS NaN"},
		{"date", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Modified: -1}}}, "modified -1"},
		{"ranges", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Affected: many(t)}}}, "more than 20000 ranges"},
		{"long version", Facts{Advisories: []py.Advisory{{ID: "A", Project: "p", Affected: []py.Affected{{Last: version(t, strings.Repeat("1", 600))}}}}}, "a version of more"},
		{"kind", Facts{Rules: []py.Rule{{Kind: "", Name: "n", Body: []byte(`{}`)}}}, "the kind is not a word"},
		{"no name", Facts{Rules: []py.Rule{{Kind: "step", Body: []byte(`{}`)}}}, "a name of 0 bytes"},
		{"rule of no project", Facts{Rules: []py.Rule{{Kind: "step", Name: "n", Project: "A b", Body: []byte(`{}`)}}}, "not a normalised name"},
		{"no JSON", Facts{Rules: []py.Rule{{Kind: "step", Name: "n", Body: []byte("a: b")}}}, "the body is not JSON"},
		{"body", Facts{Rules: []py.Rule{{Kind: "step", Name: "n", Body: []byte(`"` + strings.Repeat(long, 50) + `"`)}}}, "a body of more"},
		{"no packages", Facts{Observations: []py.Observation{{Kind: "build"}}}, "it has 0 packages"},
		{"twice", Facts{Observations: []py.Observation{{Kind: "build", Packages: []py.Package{demo, demo}}}}, "demo is there twice"},
		{"no release", Facts{Observations: []py.Observation{{Kind: "build", Packages: []py.Package{{Name: "demo"}}}}}, "is not a release"},
		{"infinite", Facts{Observations: []py.Observation{{Kind: "metric", Packages: []py.Package{demo}, Value: math.Inf(1)}}}, "the value +Inf"},
		{"excerpt", Facts{Observations: []py.Observation{{Kind: "build", Packages: []py.Package{demo}, Excerpt: long}}}, "an excerpt of more"},
		{"word", Facts{Observations: []py.Observation{{Kind: "build", Packages: []py.Package{demo}, Class: long}}}, "a word of more"},
		{"not a number", Facts{Indicators: []py.Indicator{{Package: demo, Tool: "t", Metric: "m", Value: math.NaN()}}}, "the value NaN"},
		{"tool", Facts{Indicators: []py.Indicator{{Package: demo, Metric: "m"}}}, "tool or metric"},
	} {
		w := create1(t)
		if err := w.AddFacts(labSource, test.f); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "lab") {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	w := create1(t)
	if err := w.AddFacts(Source{}, Facts{}); err == nil || !strings.Contains(err.Error(), "without a name") {
		t.Errorf("no source: %v", err)
	}
	if err := errors.Join(w.AddFacts(labSource, Facts{}), w.AddFacts(labSource, Facts{})); err != nil {
		t.Error(err)
	}
	if err := w.AddFacts(Source{Name: "lab"}, Facts{}); err == nil || !strings.Contains(err.Error(), "added before and was different") {
		t.Errorf("another lab: %v", err)
	}
	for what, f := range map[string]Facts{
		"advisory A of p": {Advisories: []py.Advisory{{ID: "A", Project: "p"}, {ID: "A", Project: "p", CVSS: 1}}},
		`step rule "n"`:   {Rules: []py.Rule{{Kind: "step", Name: "n", Body: []byte(`{}`)}, {Kind: "step", Name: "n", Body: []byte(`[]`)}}},
	} {
		w := create1(t)
		if err := w.AddFacts(labSource, f); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(testInfo); err == nil || !strings.Contains(err.Error(), what+" was given twice and differs") {
			t.Errorf("%v, want that the %s was given twice", err, what)
		}
	}
}

func many(t *testing.T) []py.Affected {
	out := make([]py.Affected, 20_001)
	for i := range out {
		out[i].From = version(t, "1."+strings.Repeat("9", i%100)+string(rune('0'+i%10))+"."+strconv.Itoa(i))
	}
	return out
}

func create1(t *testing.T) *Writer {
	t.Helper()
	w, err := Create(filepath.Join(t.TempDir(), "kb.db"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

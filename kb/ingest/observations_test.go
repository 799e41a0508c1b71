package ingest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

func pinned(t testing.TB, texts ...string) (packages []py.Package) {
	t.Helper()
	for _, text := range texts {
		p, err := parsePinned(text)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

const observationHead = `{"schema": "thamos/observation/1", `

func TestReadObservations(t *testing.T) {
	text := observationHead + `"packages": ["Num_py==1.26.4", "pandas==2.0"], "kind": "import", "outcome": "failed", "class": "import_error",
` // broken on purpose below: a line ends where it ends
	if _, _, err := ReadObservations(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("an object over two lines: %v", err)
	}
	text = observationHead + `"packages": ["pandas==2.0", "Num_py==1.26.4"], "kind": "import", "outcome": "failed", "class": "import_error", ` +
		`"excerpt": "a\n  b", "python": "3.12", "platform": "linux_x86_64", "document": "sha256:ab", "at": "2026-11-24T01:00:00+01:00"}` + "\n\r\n" +
		observationHead + `"packages": ["a==1"], "kind": "metric", "metric": "matmul", "value": -1.5e3, "unit": "s", "higher": true}` + "\n" +
		observationHead + `"packages": ["flask==2.0"], "tool": "bandit", "metric": "high_high", "value": 3}`
	observations, indicators, err := ReadObservations(iotest.OneByteReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	want := []py.Observation{
		{Packages: pinned(t, "num-py==1.26.4", "pandas==2.0"), Kind: "import", Outcome: "failed", Class: "import_error", Excerpt: "a\n  b",
			Python: "3.12", Platform: "linux_x86_64", Document: "sha256:ab", At: day.Unix()},
		{Packages: pinned(t, "a==1"), Kind: "metric", Metric: "matmul", Value: -1500, Unit: "s", Higher: true},
	}
	if diff := cmp.Diff(want, observations, sameVersion); diff != "" {
		t.Errorf("observations (-want +got):\n%s", diff)
	}
	wantIndicators := []py.Indicator{{Package: pinned(t, "flask==2.0")[0], Tool: "bandit", Metric: "high_high", Value: 3}}
	if diff := cmp.Diff(wantIndicators, indicators, sameVersion); diff != "" {
		t.Errorf("indicators (-want +got):\n%s", diff)
	}
	takes(t, kb.Facts{Observations: observations, Indicators: indicators})
}

// takes makes sure that a knowledge base takes facts.
func takes(t testing.TB, f kb.Facts) {
	t.Helper()
	w, err := kb.Create(filepath.Join(t.TempDir(), "kb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddFacts(kb.Source{Name: "test"}, f); err != nil {
		t.Errorf("a knowledge base does not take what was read: %v", err)
	}
}

func TestReadObservationsFails(t *testing.T) {
	const ok = observationHead + `"packages": ["a==1"], "kind": "build", "outcome": "ok"}`
	line := func(rest string) string { return observationHead + rest + "}" }
	var many strings.Builder
	for i := range maxObservedPackages + 1 {
		fmt.Fprintf(&many, `,"p%d==1"`, i)
	}
	for _, c := range []struct{ line, want string }{
		{`{`, "unexpected EOF"},
		{`[]`, "cannot unmarshal array"},
		{ok + ok, "more than one value"},
		{ok + " x", "more than one value"},
		{`{"packages": ["a==1"], "kind": "build", "outcome": "ok"}`, `the schema is "", want "thamos/observation/1"`},
		{strings.Replace(ok, "/1", "/2", 1), `the schema is "thamos/observation/2"`},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "ok", "colour": 1`), `unknown field "colour"`},
		{line(`"kind": "build", "outcome": "ok"`), "0 packages"},
		{line(`"packages": [` + many.String()[1:] + `], "kind": "build", "outcome": "ok"`), "10001 packages, want 1 to 10000"},
		{line(`"packages": ["a"], "kind": "build", "outcome": "ok"`), `"a" is not NAME==VERSION`},
		{line(`"packages": ["a==x"], "kind": "build", "outcome": "ok"`), `"x"`},
		{line(`"packages": ["-==1"], "kind": "build", "outcome": "ok"`), `"-"`},
		{line(`"packages": ["a==1.` + strings.Repeat("1", 600) + `"], "kind": "build", "outcome": "ok"`), "too long"},
		{line(`"packages": ["a_b==1", "A.b==2"], "kind": "build", "outcome": "ok"`), "a-b is there twice"},
		{line(`"packages": ["a==1"], "outcome": "ok"`), `kind: "" is none of build, install, import, test, metric`},
		{line(`"packages": ["a==1"], "kind": "burn", "outcome": "ok"`), `kind: "burn"`},
		{line(`"packages": ["a==1"], "kind": "build"`), "build needs an outcome"},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "o\nk"`), `outcome: "o\nk" is not a word`},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "` + strings.Repeat("o", 256) + `"`), "is not a word"},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "ok", "value": 1`), "are of kind metric, not build"},
		{line(`"packages": ["a==1"], "kind": "metric", "metric": "m"`), "needs metric and value"},
		{line(`"packages": ["a==1"], "kind": "metric", "metric": "m", "value": 1, "outcome": "ok"`), "has no outcome"},
		{line(`"packages": ["a==1"], "kind": "metric", "metric": "m", "value": 1e999`), "1e999"},
		{line(`"packages": ["a==1"], "kind": "metric", "metric": "m", "value": NaN`), "invalid character"},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "ok", "at": "yesterday"`), `at: "yesterday"`},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "ok", "at": "1969-01-01T00:00:00Z"`), "is not a time since 1970"},
		{line(`"packages": ["a==1"], "kind": "build", "outcome": "ok", "excerpt": "` + strings.Repeat("x", 70_000) + `"`), "excerpt: 70000 bytes"},
		{line(`"packages": ["a==1"], "tool": "", "metric": "m", "value": 1`), `tool: "" is not a word`},
		{line(`"packages": ["a==1", "b==1"], "tool": "t", "metric": "m", "value": 1`), "an indicator is of one package, not of 2"},
		{line(`"packages": ["a==1"], "tool": "t", "metric": "m"`), "an indicator needs metric and value"},
		{line(`"packages": ["a==1"], "tool": "t", "metric": "m", "value": 1, "kind": "build"`), "an indicator has schema"},
		{`"` + strings.Repeat("x", maxObservationLine) + `"`, "more than 1048576 bytes"},
	} {
		_, _, err := ReadObservations(strings.NewReader(ok + "\n\n" + c.line + "\n" + ok + "\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "read observations: line 3: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.100s:\nerror is %v, want %q", c.line, err, c.want)
		}
	}
	stop := errors.New("stop")
	if _, _, err := ReadObservations(iotest.ErrReader(stop)); !errors.Is(err, stop) {
		t.Errorf("the reader's error is lost: %v", err)
	}
}

// FuzzReadObservations: whatever is read can be kept.
func FuzzReadObservations(f *testing.F) {
	f.Add(observationHead + `"packages": ["a==1"], "kind": "build", "outcome": "ok"}`)
	f.Add(observationHead + `"packages": ["flask==2.0"], "tool": "bandit", "metric": "high_high", "value": 3}`)
	f.Add(observationHead + `"packages": ["a==1"], "kind": "metric", "metric": "matmul", "value": -0, "at": "2026-11-24T00:00:00Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		observations, indicators, err := ReadObservations(strings.NewReader(text))
		if err == nil && len(observations)+len(indicators) > 0 {
			takes(t, kb.Facts{Observations: observations, Indicators: indicators})
		}
	})
}

package kb

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// told is a snapshot of the test world with these facts, made by a Writer, as
// bytes.
func told(t *testing.T, info Info, facts map[Source]Facts) []byte {
	t.Helper()
	w := create1(t)
	for _, l := range append(world(t), tool(t)) {
		if err := w.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	for s, f := range facts {
		if err := w.AddFacts(s, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(info); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Amending gives the bytes that a Writer gives that was told all at once; what
// the source said before is forgotten, what others said stays.
func TestAmend(t *testing.T) {
	lab := Facts{Rules: rulesOf("step/demo/a", "boot//b", "wrap/leaf/c"), Observations: observations(t), Indicators: indicators(t)}
	dir := t.TempDir()
	base, file := filepath.Join(dir, "base.db"), filepath.Join(dir, "kb #1?.db")
	if err := os.WriteFile(base, told(t, testInfo, map[Source]Facts{labSource: lab}), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(what, from string, source Source, f Facts, want map[Source]Facts) {
		t.Helper()
		info, err := Amend(t.Context(), from, file, source, f)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, told(t, testInfo, want)) {
			t.Errorf("%s: not the bytes that a Writer gives", what)
		}
		d := openTest(t, file)
		read, err := d.Info(t.Context())
		if err := errors.Join(err, d.Verify(t.Context())); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(info, read); diff != "" {
			t.Errorf("%s: Amend and Info (-said +read):\n%s", what, diff)
		}
	}
	all := Facts{Advisories: advisories(t)}
	fewer := Facts{Advisories: advisories(t)[1:]} // one was withdrawn
	later := advisoriesSource
	later.Date = "2023-12-01"
	check("another source", base, advisoriesSource, all, map[Source]Facts{labSource: lab, advisoriesSource: all})
	check("the same again", file, advisoriesSource, all, map[Source]Facts{labSource: lab, advisoriesSource: all})
	check("later", file, later, fewer, map[Source]Facts{labSource: lab, later: fewer})
	check("a source that says nothing more", file, labSource, Facts{}, map[Source]Facts{labSource: {}, later: fewer})
	check("and says it again", file, labSource, lab, map[Source]Facts{labSource: lab, later: fewer})

	if got, err := openTest(t, file).Advisories(t.Context(), []py.Name{"demo"}); err != nil || len(got[0]) != 1 || got[0][0].ID != "X-1" {
		t.Errorf("advisories of demo: %v, %v, want X-1", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

// What cannot be amended stays as it is.
func TestAmendRefuses(t *testing.T) {
	good, _ := write(t, append(world(t), tool(t)), addFacts(t))
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, from, to string
		source         Source
		f              Facts
		is             error
		want           string
	}{
		{"changed", alter(t, good, "UPDATE project SET status = 'x'"), "", labSource, Facts{}, ErrDamaged, "its content has the digest"},
		{"something else", notes, "", labSource, Facts{}, ErrNotSnapshot, "notes.txt"},
		{"over something else", good, notes, labSource, Facts{}, ErrNotSnapshot, "will not be replaced"},
		{"no source", good, "", Source{}, Facts{}, nil, "a source without a name"},
		{"a bad fact", good, "", labSource, Facts{Rules: rulesOf("step/No Name/x")}, nil, "not a normalised name"},
		{"a fact that differs", good, "", labSource, Facts{Rules: []py.Rule{{Kind: "a", Name: "n", Body: []byte(`1`)}, {Kind: "a", Name: "n", Body: []byte(`2`)}}}, nil, "differs"},
		{"absent", filepath.Join(t.TempDir(), "no.db"), "", labSource, Facts{}, os.ErrNotExist, "no.db"},
	} {
		to := test.to
		if to == "" {
			to = good
		}
		_, err := Amend(t.Context(), test.from, to, test.source, test.f)
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	if now, err := os.ReadFile(good); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the target has changed (%v)", err)
	}
	if left, err := os.ReadDir(filepath.Dir(good)); err != nil || len(left) != 1 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

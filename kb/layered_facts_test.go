package kb

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// require makes a listing of p with releases from text; see suspectsOf. All have
// an sdist.
func require(t testing.TB, text string) Listing {
	l := Listing{Name: "p"}
	for _, row := range strings.Split(strings.TrimSpace(text), "\n") {
		v, lines, known := strings.Cut(row, "|")
		v = strings.TrimSpace(v)
		l.Files = append(l.Files, py.File{Filename: "p-" + v + ".tar.gz", Uploaded: 10})
		if known {
			m := py.Metadata{Name: "p", Version: version(t, v)}
			if lines = strings.TrimSpace(lines); lines != "" {
				m.RequiresDist = []string{lines}
			}
			l.Metadata = append(l.Metadata, m)
		}
	}
	return l
}

// TestLayeredSuspicions is what is suspected of p where local knowledge adds to
// a snapshot that was built at 1000.
func TestLayeredSuspicions(t *testing.T) {
	const snapshot = `
		3
		2 | a<3
		1.5 |
		1 | a
		0.9 |`
	both := []string{"1.5: a hole, by 2: a<3", "1: a below 3.dev0, by 2: a<3"}
	for _, test := range []struct {
		name, learn  string
		index        string
		read         int64
		emptyUnknown bool
		want         []string
	}{
		{name: "nothing", want: both},
		{name: "a listing that says the same", learn: "3\n2\n1.5\n1", index: public, read: 2000, want: both},
		{name: "metadata of a later release", learn: "3 | a<2\n2\n1.5\n1", index: public, read: 2000,
			want: []string{"2: a below 2.dev0, by 3: a<2", "1.5: a hole, by 2: a<3", "1: a below 3.dev0, by 2: a<3"}},
		{name: "an older listing with metadata", learn: "3 | a<2", index: public, read: 500,
			want: []string{"2: a below 2.dev0, by 3: a<2", "1.5: a hole, by 2: a<3", "1: a below 3.dev0, by 2: a<3"}},
		{name: "the witness is gone", learn: "3\n1.5\n1", index: public, read: 2000, want: nil},
		{name: "another index", learn: "2 | b<2\n1 | b", index: private, read: 2000, want: []string{"1: b below 2.dev0, by 2: b<2"}},
		{name: "an empty list that may not have been read", emptyUnknown: true, learn: "3 | a<2\n2\n1.5\n1\n0.9\n0.5 |", index: public, read: 2000,
			want: []string{"2: a below 2.dev0, by 3: a<2", "1.5: a hole, by 2: a<3", "1: a below 3.dev0, by 2: a<3", "0.9: a hole, by 1: a"}},
	} {
		file := snapshotAt(t, 1000, func(w *Writer) { w.EmptyMayBeUnknown = test.emptyUnknown }, require(t, snapshot))
		d := openTest(t, file)
		var l *Local
		if test.learn != "" {
			l = newLocal(t, documents(test.index, test.read, require(t, test.learn))...)
		}
		k := NewLayered(d, l, Route{Indexes: []string{private, public}}, true)
		for range 2 {
			got, err := k.Suspicions(t.Context(), []py.Name{"nobody", "p"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, suspicionTexts(got[1])); diff != "" || got[0] != nil {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
		stored, err := d.Suspicions(t.Context(), []py.Name{"p"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(both, suspicionTexts(stored[0])[:2]); diff != "" {
			t.Errorf("%s: the snapshot's (-want +got):\n%s", test.name, diff)
		}
	}
}

// What is learnt while a Layered is in use counts at once.
func TestLayeredSuspicionsLearn(t *testing.T) {
	l := newLocal(t, documents(public, 5, require(t, "2 | a<3\n1 | a"))...)
	k := NewLayered(nil, l, Route{Indexes: []string{public}}, false)
	for _, want := range []string{"1: a below 3.dev0, by 2: a<3", "1: a below 2.dev0, by 2: a<2"} {
		got, err := k.Suspicions(t.Context(), []py.Name{"p"})
		if err != nil || len(got[0]) != 1 || suspicionTexts(got[0])[0] != want {
			t.Errorf("%v, %v, want %s", suspicionTexts(got[0]), err, want)
		}
		if err := l.Learn(t.Context(), documents(public, 6, require(t, "2 | a<2\n1 | a"))); err != nil {
			t.Fatal(err)
		}
	}
}

// Facts are the snapshot's; without one there are none.
func TestLayeredFacts(t *testing.T) {
	file, _ := write(t, world(t), addFacts(t))
	for _, test := range []struct {
		d      *DB
		counts []int
	}{
		{openTest(t, file), []int{2, 2, 2, 3, 1}},
		{nil, []int{0, 0, 0, 0, 0}},
	} {
		k := NewLayered(test.d, nil, Route{Indexes: []string{public}}, false)
		names := []py.Name{"nobody", "demo"}
		advs, err := k.Advisories(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := k.Rules(t.Context(), "step", names)
		if err != nil {
			t.Fatal(err)
		}
		obs, err := k.Observations(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		inds, err := k.Indicators(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		abouts, err := k.Abouts(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		got := []int{len(advs[1]), len(rules), len(obs[1]), len(inds[1]), len(abouts[1])}
		if diff := cmp.Diff(test.counts, got); diff != "" {
			t.Errorf("advisories, rules, observations, indicators, abouts (-want +got):\n%s", diff)
		}
	}
}

// The status is that of the newer listing, with whatever is known of releases
// besides.
func TestLayeredStatus(t *testing.T) {
	d := openTest(t, snapshotAt(t, 1000, nil, Listing{Name: "p", Status: "archived", StatusReason: "done", Files: small(t, 1, "1").Files}))
	of := func(read int64, status, reason string) []Document {
		l := requiring(t, small(t, 1, "1", "2"), "x", "1")
		l.Files[0].RequiresPython = ">=3"
		l.Status, l.StatusReason = status, reason
		return documents(public, read, l)
	}
	for _, test := range []struct {
		learn        []Document
		want, reason string
	}{
		{nil, "archived", "done"},
		{of(500, "quarantined", "x"), "archived", "done"},
		{of(2000, "quarantined", `a "reason"`), "quarantined", `a "reason"`},
		{of(2000, "deprecated", ""), "deprecated", ""},
		{of(2000, "", ""), "", ""},
	} {
		k := NewLayered(d, newLocal(t, test.learn...), Route{Indexes: []string{public}}, false)
		got, err := k.Projects(t.Context(), []py.Name{"p"})
		if err != nil {
			t.Fatal(err)
		}
		if p := got[0]; p.Status != test.want || p.StatusReason != test.reason {
			t.Errorf("%d documents: status %q, %q; want %q, %q", len(test.learn), p.Status, p.StatusReason, test.want, test.reason)
		}
	}
}

// snapshotAt makes a snapshot of a birthday.
func snapshotAt(t testing.TB, built int64, with func(*Writer), listings ...Listing) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kb.db")
	w, err := Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if with != nil {
		with(w)
	}
	for _, l := range listings {
		if err := w.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	info := testInfo
	info.Built = built
	if _, err := w.Finish(info); err != nil {
		t.Fatal(err)
	}
	return file
}

package kb

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// describe says briefly what is known of a project: each release with its
// requirements, "?" for not read, "!" for unreadable, "*" where its files are not known.
func describe(p *py.Project) string {
	if p == nil {
		return "unknown"
	}
	out := []string{}
	for _, r := range p.Releases {
		s := r.Version.String()
		switch {
		case r.Unreadable:
			s += "!"
		case r.Requires == nil:
			s += "?"
		default:
			s += "(" + strings.Join(r.Requires.Lines, ",") + ")" + r.RequiresPython
		}
		if r.Artifacts == nil {
			s += "*"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// small is a listing of p with some releases, each one sdist that was uploaded
// at that time.
func small(t testing.TB, uploaded int64, versions ...string) Listing {
	l := Listing{Name: "p"}
	for _, v := range versions {
		l.Files = append(l.Files, py.File{Filename: fmt.Sprintf("p-%s.tar.gz", v), Uploaded: uploaded, SHA256: sum("1"), Size: uploaded})
	}
	return l
}

// requiring adds metadata of releases to a listing: each requires one line.
func requiring(t testing.TB, l Listing, line string, versions ...string) Listing {
	for _, v := range versions {
		l.Metadata = append(l.Metadata, py.Metadata{Name: string(l.Name), Version: version(t, v), RequiresDist: []string{line}, RequiresPython: ">=3"})
	}
	return l
}

// TestLayering is the table of the rules. The snapshot, of public, was built at
// 1000; it knows p 1 and 2, and what 1 requires.
func TestLayering(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kb.db")
	w, err := Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w.FilesOfKnownOnly = true
	if err := w.Add(requiring(t, small(t, 10, "1", "2"), "old", "1")); err != nil {
		t.Fatal(err)
	}
	info := testInfo
	info.Built = 1000
	info.Origin += "/"
	if _, err := w.Finish(info); err != nil {
		t.Fatal(err)
	}
	d := openTest(t, file)

	const third = "https://third.example/simple"
	v := func(s string) py.Version { return version(t, s) }
	both := []string{private, public}
	for _, test := range []struct {
		name    string
		noSnap  bool
		learn   []Document
		route   Route
		online  string // what is known, and "@" where it is from
		offline string // the same; empty: the same as online
		doubts  string
	}{
		{name: "snapshot only", route: Route{Indexes: []string{public}},
			online: "2?* 1(old)>=3 @public"},
		{name: "snapshot only, trailing slashes", route: Route{Indexes: []string{public + "//"}},
			online: "2?* 1(old)>=3 @public"},
		{name: "another index than the snapshot's", route: Route{Indexes: []string{private}},
			online: "unknown @"},
		{name: "no index", route: Route{}, online: "unknown @"},
		{name: "no layer", noSnap: true, route: Route{Indexes: both}, online: "unknown @"},
		{name: "local only", noSnap: true, learn: documents(private, 5, requiring(t, small(t, 1, "7", "8"), "q", "8")), route: Route{Indexes: []string{private}},
			online: "8(q)>=3 7? @private"},
		{name: "newer listing: metadata of the snapshot stays", learn: documents(public, 2000, small(t, 10, "1", "2", "3")), route: Route{Indexes: []string{public}},
			online: "3? 2? 1(old)>=3 @public"},
		{name: "newer listing lacks a release", learn: documents(public, 2000, small(t, 10, "2", "3")), route: Route{Indexes: []string{public}},
			online: "3? 2? @public"},
		{name: "newer listing, more metadata", learn: documents(public, 2000, requiring(t, small(t, 10, "1", "2", "3"), "new", "3")), route: Route{Indexes: []string{public}},
			online: "3(new)>=3 2? 1(old)>=3 @public"},
		{name: "newer metadata counts", learn: documents(public, 2000, requiring(t, small(t, 10, "1"), "new", "1")), route: Route{Indexes: []string{public}},
			online: "1(new)>=3 @public"},
		{name: "metadata of a release that is not listed", learn: documents(public, 2000, requiring(t, small(t, 10, "1"), "new", "5")), route: Route{Indexes: []string{public}},
			online: "1(old)>=3 @public"},
		{name: "metadata only, on top of the snapshot", learn: documents(public, 2000, requiring(t, small(t, 10), "new", "2"))[:1], route: Route{Indexes: []string{public}},
			online: "2(new)>=3* 1(old)>=3 @public"},
		{name: "metadata only", noSnap: true, learn: documents(public, 2000, requiring(t, small(t, 10), "new", "2"))[:1], route: Route{Indexes: []string{public}},
			online: "unknown @"},
		{name: "newer snapshot", learn: documents(public, 500, requiring(t, small(t, 10, "0", "2"), "mine", "1", "2")), route: Route{Indexes: []string{public}},
			online: "2(mine)>=3 1(old)>=3 @public"},
		{name: "newer snapshot, older absent", learn: []Document{absent(public, "p", 500)}, route: Route{Indexes: []string{public}},
			online: "2?* 1(old)>=3 @public"},
		{name: "older snapshot, newer absent", learn: []Document{absent(public, "p", 2000)}, route: Route{Indexes: []string{public}},
			online: " @"},
		{name: "unreadable", learn: append(documents(public, 2000, small(t, 10, "1", "2", "3")), unreadable(public, "p", v("3.0"), 2000), unreadable(public, "p", v("1"), 2000)), route: Route{Indexes: []string{public}},
			online: "3! 2? 1(old)>=3 @public"},
		{name: "unreadable, on top of the snapshot", learn: []Document{unreadable(public, "p", v("2"), 2000)}, route: Route{Indexes: []string{public}},
			online: "2!* 1(old)>=3 @public"},
		{name: "unreadable, and a file was added", learn: append(documents(public, 2000, small(t, 1900, "3")), unreadable(public, "p", v("3"), 1800)), route: Route{Indexes: []string{public}},
			online: "3? @public"},
		{name: "no index has it", learn: []Document{absent(public, "p", 2000), absent(private, "p", 1)}, route: Route{Indexes: both},
			online: " @"},
		{name: "one index has not, the other was not asked", learn: []Document{absent(public, "p", 2000)}, route: Route{Indexes: both},
			online: "unknown @"},
		{name: "first index was not asked", route: Route{Indexes: both},
			online: "unknown @", offline: "2?* 1(old)>=3 @public", doubts: "p public [private]"},
		{name: "first two were not asked", route: Route{Indexes: []string{private, third, public}},
			online: "unknown @", offline: "2?* 1(old)>=3 @public", doubts: "p public [private third]"},
		{name: "first index has not", learn: []Document{absent(private, "p", 1)}, route: Route{Indexes: both},
			online: "2?* 1(old)>=3 @public"},
		{name: "private index first", learn: documents(private, 1, small(t, 1, "0.1")), route: Route{Indexes: both},
			online: "0.1? @private"},
		{name: "private index last", learn: documents(private, 1, small(t, 1, "0.1")), route: Route{Indexes: []string{public, private}},
			online: "2?* 1(old)>=3 @public"},
		{name: "metadata is of its index only", learn: append(documents(private, 1, small(t, 1, "1", "2")), documents(public, 2000, requiring(t, small(t, 1), "evil", "2"))[0]), route: Route{Indexes: both},
			online: "2? 1? @private"},
		{name: "pinned", learn: documents(third, 1, small(t, 1, "9")), route: Route{Indexes: both, Pins: map[py.Name]string{"p": third + "/"}},
			online: "9? @third"},
		{name: "pinned to the snapshot's", learn: documents(private, 1, small(t, 1, "9")), route: Route{Indexes: both, Pins: map[py.Name]string{"p": public}},
			online: "2?* 1(old)>=3 @public"},
		{name: "pinned where it was not asked", route: Route{Indexes: []string{public}, Pins: map[py.Name]string{"p": third}},
			online: "unknown @"},
		{name: "pinned where it is not", learn: []Document{absent(third, "p", 1)}, route: Route{Indexes: []string{public}, Pins: map[py.Name]string{"p": third}},
			online: " @"},
		{name: "another is pinned", route: Route{Indexes: []string{public}, Pins: map[py.Name]string{"q": third}},
			online: "2?* 1(old)>=3 @public"},
		{name: "explicit index is not of the route", learn: documents(third, 1, small(t, 1, "9")), route: Route{Indexes: []string{public}},
			online: "2?* 1(old)>=3 @public"},
	} {
		snapshot := d
		if test.noSnap {
			snapshot = nil
		}
		locals := []*Local{newLocal(t, test.learn...)}
		if len(test.learn) == 0 {
			locals = append(locals, nil)
		}
		for _, local := range locals {
			for _, offline := range []bool{false, true} {
				k := NewLayered(snapshot, local, test.route, offline)
				ps, err := k.Projects(t.Context(), []py.Name{"p"})
				if err != nil {
					t.Fatal(err)
				}
				short := strings.NewReplacer(public, "public", private, "private", third, "third").Replace
				want, doubts := test.online, ""
				if offline {
					doubts = test.doubts
					if test.offline != "" {
						want = test.offline
					}
				}
				if got := describe(ps[0]) + " @" + short(k.Index("p")); got != want {
					t.Errorf("%s, offline %t:\n got %s\nwant %s", test.name, offline, got, want)
				}
				var got []string
				for _, d := range k.Doubts() {
					got = append(got, short(fmt.Sprint(d.Name, " ", d.Index, " ", d.Unknown)))
				}
				if strings.Join(got, "; ") != doubts {
					t.Errorf("%s, offline %t: doubts %q, want %q", test.name, offline, got, doubts)
				}
			}
		}
	}
}

// When an index was asked is known of what counts, and of nothing else.
func TestLayeredReadAt(t *testing.T) {
	d := openTest(t, snapshotAt(t, 1000, nil, small(t, 10, "1", "2")))
	both := []string{private, public}
	for _, test := range []struct {
		name  string
		learn []Document
		route []string
		want  int64
	}{
		{"snapshot", nil, []string{public}, 1000},
		{"not known", nil, []string{private}, 0},
		{"newer listing", documents(public, 2000, small(t, 10, "1", "3")), []string{public}, 2000},
		{"older listing", documents(public, 500, small(t, 10, "1")), []string{public}, 1000},
		{"absent", []Document{absent(private, "p", 700)}, []string{private}, 700},
		{"absent from both", []Document{absent(private, "p", 700), absent(public, "p", 2000)}, both, 700},
		{"absent from the first", []Document{absent(private, "p", 700)}, both, 1000},
	} {
		k := NewLayered(d, newLocal(t, test.learn...), Route{Indexes: test.route}, true)
		if at := k.ReadAt("p"); at != 0 {
			t.Errorf("%s: read at %d before it was asked for", test.name, at)
		}
		if _, err := k.Projects(t.Context(), []py.Name{"p"}); err != nil {
			t.Fatal(err)
		}
		if at := k.ReadAt("p"); at != test.want {
			t.Errorf("%s: read at %d, want %d", test.name, at, test.want)
		}
	}
}

// Files come from the layer that knows them.
func TestLayeredFiles(t *testing.T) {
	file, _ := write(t, []Listing{requiring(t, small(t, 10, "1", "2"), "old", "1")}, func(w *Writer) { w.FilesOfKnownOnly = true })
	d := openTest(t, file)
	packages := []py.Package{{Name: "p", Version: version(t, "1.0")}, {Name: "p", Version: version(t, "2.0")}, {Name: "p", Version: version(t, "3")}, {Name: "q", Version: version(t, "1")}}
	for _, test := range []struct {
		name  string
		learn []Document
		want  []int64 // the size of the one file of each package, 0 for none
	}{
		{"snapshot", nil, []int64{10, 0, 0, 0}},
		{"newer listing", documents(public, 2_000_000_000, small(t, 20, "2.0", "3.0")), []int64{0, 20, 20, 0}},
		{"older listing", documents(public, 1, small(t, 20, "1.0", "2.0", "3.0")), []int64{10, 20, 0, 0}},
		{"another index's listing", documents(private, 2_000_000_000, small(t, 20, "2.0", "3.0")), []int64{10, 0, 0, 0}},
		{"absent", []Document{absent(public, "p", 2_000_000_000)}, []int64{0, 0, 0, 0}},
	} {
		k := NewLayered(d, newLocal(t, test.learn...), Route{Indexes: []string{public}}, false)
		files, err := k.Files(t.Context(), packages)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, fs := range files {
			switch len(fs) {
			case 0:
				got = append(got, 0)
			case 1:
				got = append(got, fs[0].Size)
			default:
				t.Errorf("%s: %v", test.name, fs)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// What is learnt is known at once to a Layered that was asked before, and what
// did not change stays the same pointer.
func TestLayeredLearns(t *testing.T) {
	l := newLocal(t, documents(public, 1, world(t)[1])...)
	k := NewLayered(nil, l, Route{Indexes: []string{public}}, false)
	projects := func(names ...py.Name) []*py.Project {
		ps, err := k.Projects(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		return ps
	}
	first := projects("p", "leaf", "leaf")
	if first[0] != nil || first[1] == nil || first[1] != first[2] {
		t.Fatalf("at first: %v", first)
	}
	if err := l.Learn(t.Context(), documents(public, 1, small(t, 1, "1"))); err != nil {
		t.Fatal(err)
	}
	second := projects("p", "leaf")
	if describe(second[0]) != "1?" || second[1] != first[1] {
		t.Errorf("then: %s, the other one is the same: %t", describe(second[0]), second[1] == first[1])
	}
	if err := l.Learn(t.Context(), documents(public, 1, requiring(t, small(t, 1), "leaf", "1"))[:1]); err != nil {
		t.Fatal(err)
	}
	if third := projects("p"); describe(third[0]) != "1(leaf)>=3" {
		t.Errorf("in the end: %s", describe(third[0]))
	}
	if describe(second[0]) != "1?" {
		t.Error("what was returned has changed")
	}
}

// The snapshot is what it was, whatever is learnt on top of it.
func TestLayeredLeavesSnapshot(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	ask := func() []*py.Project {
		ps, err := d.Projects(t.Context(), []py.Name{"demo", "leaf"})
		if err != nil {
			t.Fatal(err)
		}
		return ps
	}
	before := fmt.Sprintf("%+v", ask()[0])
	ls := world(t)
	ls[0].Files = ls[0].Files[:1]
	ls[0].Metadata[0].RequiresDist = nil
	k := NewLayered(d, newLocal(t, append(documents(public, 2_000_000_000, ls...), unreadable(public, "demo", version(t, "1.10"), 2_000_000_001))...), Route{Indexes: []string{public}}, false)
	layered, err := k.Projects(t.Context(), []py.Name{"demo"})
	if err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprintf("%+v", ask()[0]); after != before || fmt.Sprintf("%+v", layered[0]) == before {
		t.Errorf("%s\nbefore: %s", after, before)
	}
	if diff := cmp.Diff(wantWorld(t)["leaf"], ask()[1].Releases, sameVersion); diff != "" {
		t.Error(diff)
	}
}

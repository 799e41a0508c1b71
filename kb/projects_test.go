package kb

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// version parses a version that is one.
func version(t testing.TB, s string) py.Version {
	t.Helper()
	v, err := py.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sum is a sha256 of one digit.
func sum(digit string) string { return strings.Repeat(digit, 64) }

// world is a small index with one of everything.
func world(t testing.TB) []Listing {
	v := func(s string) py.Version { return version(t, s) }
	return []Listing{
		{
			Name: "demo",
			Files: []py.File{
				{Filename: "demo-2.0-py3-none-any.whl", Size: 20, SHA256: sum("2"), Uploaded: 2000, RequiresPython: ">=3.9", URL: "https://index.example/f/demo-2.0-py3-none-any.whl"},
				{Filename: "demo-2.0.tar.gz", Size: 21, SHA256: sum("3"), Uploaded: 2010, RequiresPython: ">=3.9", Yanked: true, YankedReason: "wrong\x00\nfile"},
				{Filename: "Demo-1.0.tar.gz", Size: 10, SHA256: sum("1"), Uploaded: 1000},
				{Filename: "Demo-1.5-cp311-cp311-manylinux_2_17_x86_64.whl", Uploaded: 1500, Yanked: true, YankedReason: "bad"},
				{Filename: "demo-1.5-cp310-cp310-win_amd64.whl", Uploaded: 1600, Yanked: true},
				{Filename: "demo-1.0-py2.7.egg", Uploaded: 1},
				{Filename: "other-9.0.tar.gz", Uploaded: 9},
				{Filename: "other-9.0-py3-none-any.whl", Uploaded: 9},
				{Filename: "demo-1.0.post1-1-py3-none-any.whl", Uploaded: 1100, RequiresPython: ">=3.6"},
				{Filename: "demo-1.0.post1-2-py3-none-any.whl", Uploaded: 1200, RequiresPython: ">=3.7"},
				{Filename: "demo-1.0.post1-3-py3-none-any.whl", Uploaded: 1150, RequiresPython: ">=3.8"},
			},
			Versions: []py.Version{v("0.1"), v("2.0"), v("1.10")},
			Metadata: []py.Metadata{
				{Name: "demo", Version: v("2.0"), RequiresPython: ">=3.10", RequiresDist: []string{`leaf>=1 ; extra == "x"`, "leaf"}, ProvidesExtra: []py.Name{"x"},
					LicenseExpression: "MIT", Classifiers: []string{"Topic :: Games", "Development Status :: 5 - Production/Stable"}},
				{Name: "demo", Version: v("1.5"), RequiresDist: []string{`leaf>=1 ; extra == "x"`, "leaf"}, ProvidesExtra: []py.Name{"x"}},
				{Name: "demo", Version: v("1.0")},
			},
		},
		{
			Name: "leaf", Status: "archived", StatusReason: "done",
			Files:    []py.File{{Filename: "leaf-1.0.0.zip", Uploaded: 5}, {Filename: "leaf-1.0-py3-none-any.whl", Uploaded: 6}},
			Metadata: []py.Metadata{{Name: "leaf", Version: v("1.0.0")}},
		},
		{Name: "empty"},
	}
}

// want is what a snapshot must say of demo and leaf.
func wantWorld(t testing.TB) map[py.Name][]py.Release {
	v := func(s string) py.Version { return version(t, s) }
	leaf := &py.Requires{Lines: []string{`leaf>=1 ; extra == "x"`, "leaf"}, Extras: []py.Name{"x"}}
	return map[py.Name][]py.Release{
		"demo": {
			// Yanked files are no artifacts of a release that has others.
			{Version: v("2.0"), Uploaded: 2000, LastUploaded: 2010, RequiresPython: ">=3.10", Requires: leaf, Artifacts: &py.Artifacts{Wheels: []string{"py3-none-any"}}},
			{Version: v("1.10"), Artifacts: &py.Artifacts{}},
			// All files are yanked: so is the release, and they are its artifacts.
			{Version: v("1.5"), Uploaded: 1500, LastUploaded: 1600, Yanked: true, YankedReason: "bad", Requires: leaf, Artifacts: &py.Artifacts{Wheels: []string{"cp310-cp310-win_amd64", "cp311-cp311-manylinux_2_17_x86_64"}}},
			// Nobody read its metadata: the newest file says which Python.
			{Version: v("1.0.post1"), Uploaded: 1100, LastUploaded: 1200, RequiresPython: ">=3.7", Artifacts: &py.Artifacts{Wheels: []string{"py3-none-any"}}},
			// Known to need nothing, which is not the same as not known.
			{Version: v("1.0"), Uploaded: 1000, LastUploaded: 1000, Requires: &py.Requires{}, Artifacts: &py.Artifacts{Sdist: true}},
			{Version: v("0.1"), Artifacts: &py.Artifacts{}},
		},
		// Two spellings are one release, spelled as briefly as a file does.
		"leaf": {{Version: v("1.0"), Uploaded: 5, LastUploaded: 6, Requires: &py.Requires{}, Artifacts: &py.Artifacts{Sdist: true, Wheels: []string{"py3-none-any"}}}},
	}
}

// testInfo is the Info of snapshots that tests write.
var testInfo = Info{
	Built:   1_700_000_000,
	Origin:  "https://index.example/simple",
	Sources: []Source{{"index", "as published", "2023-11-14", "z"}, {"a", "b", "c", "d"}},
}

// write makes a snapshot of listings and returns its path and Info.
func write(t testing.TB, listings []Listing, with func(*Writer)) (string, Info) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kb #1?.db") // a name that must be quoted
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
	info, err := w.Finish(testInfo)
	if err != nil {
		t.Fatal(err)
	}
	return file, info
}

// openTest opens a snapshot until the test ends.
func openTest(t testing.TB, file string) *DB {
	t.Helper()
	d, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// sameVersion compares versions by their text: their fields are their own.
var sameVersion = cmp.Comparer(func(a, b py.Version) bool { return a.String() == b.String() })

func TestProjects(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	got, err := d.Projects(t.Context(), []py.Name{"leaf", "nobody", "demo", "empty", "leaf"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got[1] != nil || got[0] != got[4] {
		t.Fatalf("got %v, want a project for each name, nil for nobody and the same one twice", got)
	}
	want := wantWorld(t)
	for i, name := range map[int]py.Name{0: "leaf", 2: "demo"} {
		project := &py.Project{Name: name, Releases: want[name]}
		if name == "leaf" {
			project.Status, project.StatusReason = "archived", "done"
		}
		if diff := cmp.Diff(project, got[i], sameVersion); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got[3] == nil || got[3].Name != "empty" || len(got[3].Releases) != 0 {
		t.Errorf("empty: %+v, want a project without releases", got[3])
	}
	demo := got[2].Releases
	if demo[0].Requires != demo[2].Requires {
		t.Error("equal requirement lists are two pointers")
	}
	if demo[1].Requires != nil {
		t.Error("a release whose metadata was not read has requirements")
	}
	if demo[3].Artifacts != got[2].Releases[3].Artifacts || demo[1].Artifacts != demo[5].Artifacts {
		t.Error("equal artifacts are two pointers")
	}
	again, err := d.Projects(t.Context(), []py.Name{"demo"})
	if err != nil || again[0] != got[2] {
		t.Errorf("asked again: %v, %v, want the same project", again, err)
	}
}

// Files of releases whose metadata was not read may be left out, and then it is
// not known which there are.
func TestFilesOfKnownOnly(t *testing.T) {
	file, info := write(t, world(t), func(w *Writer) { w.FilesOfKnownOnly = true })
	d := openTest(t, file)
	got, err := d.Projects(t.Context(), []py.Name{"demo"})
	if err != nil {
		t.Fatal(err)
	}
	want := wantWorld(t)["demo"]
	for i := range want {
		if want[i].Requires == nil {
			want[i].Artifacts = nil
		}
	}
	if diff := cmp.Diff(want, got[0].Releases, sameVersion); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info.Files != 7 {
		t.Errorf("%d files, want 7", info.Files)
	}
	files, err := d.Files(t.Context(), []py.Package{{Name: "demo", Version: version(t, "1.0.post1")}})
	if err != nil || len(files) != 1 || len(files[0]) != 0 {
		t.Errorf("files of 1.0.post1: %v, %v, want none", files, err)
	}
}

func TestFiles(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	got, err := d.Files(t.Context(), []py.Package{
		{Name: "leaf", Version: version(t, "1.0.0.0")}, // a spelling nobody used
		{Name: "nobody", Version: version(t, "1")},
		{Name: "demo", Version: version(t, "2.0")},
		{Name: "demo", Version: version(t, "3.0")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]py.File{
		{{Filename: "leaf-1.0-py3-none-any.whl", Uploaded: 6}, {Filename: "leaf-1.0.0.zip", Uploaded: 5}},
		nil,
		{
			{Filename: "demo-2.0-py3-none-any.whl", Size: 20, SHA256: sum("2"), Uploaded: 2000, RequiresPython: ">=3.9", URL: "https://index.example/f/demo-2.0-py3-none-any.whl"},
			{Filename: "demo-2.0.tar.gz", Size: 21, SHA256: sum("3"), Uploaded: 2010, RequiresPython: ">=3.9", Yanked: true, YankedReason: "wrong  file"},
		},
		nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := d.Files(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("no packages: %v, %v", none, err)
	}
}

// The order of files is promised, whatever the file's tables look like.
func TestFilesAreSorted(t *testing.T) {
	good, _ := write(t, world(t), nil)
	d := openTest(t, alter(t, good, "CREATE TABLE f AS SELECT * FROM file ORDER BY filename DESC", "DROP TABLE file", "ALTER TABLE f RENAME TO file"))
	got, err := d.Files(t.Context(), []py.Package{{Name: "demo", Version: version(t, "2.0")}})
	if err != nil || len(got[0]) != 2 || got[0][0].Filename > got[0][1].Filename {
		t.Errorf("%v, %v", got, err)
	}
}

// Of several spellings of a version the shortest is used, in any order.
// When the newest file was uploaded is not known if a file that can be
// installed has no date: it may be the newest.
func TestUndated(t *testing.T) {
	wheel := func(build string, uploaded int64, yanked bool) py.File {
		return py.File{Filename: "a-1.0-" + build + "-py3-none-any.whl", Uploaded: uploaded, Yanked: yanked}
	}
	for _, test := range []struct {
		name        string
		files       []py.File
		first, last int64
	}{
		{"all dated", []py.File{wheel("1", 10, false), wheel("2", 20, false)}, 10, 20},
		{"the second not", []py.File{wheel("1", 10, false), wheel("2", 0, false)}, 10, 0},
		{"the first not", []py.File{wheel("1", 0, false), wheel("2", 20, false), wheel("3", 10, false)}, 10, 0},
		{"none dated", []py.File{wheel("1", 0, false), wheel("2", 0, false)}, 0, 0},
		{"a yanked one not", []py.File{wheel("1", 10, false), wheel("2", 0, true)}, 10, 10},
		{"all yanked", []py.File{wheel("1", 10, true), wheel("2", 0, true)}, 10, 0},
		{"no files", nil, 0, 0},
	} {
		l := Listing{Name: "a", Versions: []py.Version{version(t, "1.0")}, Files: test.files}
		file, _ := write(t, []Listing{l}, nil)
		ps, err := openTest(t, file).Projects(t.Context(), []py.Name{"a"})
		if err != nil {
			t.Fatal(err)
		}
		if r := ps[0].Releases[0]; r.Uploaded != test.first || r.LastUploaded != test.last {
			t.Errorf("%s: first %d, last %d, want %d and %d", test.name, r.Uploaded, r.LastUploaded, test.first, test.last)
		}
	}
}

func TestSpelling(t *testing.T) {
	for _, test := range [][3]string{{"1.0", "1.0.0", "1.0"}, {"1.0.0rc1", "1.0rc1", "1.0rc1"}, {"1", "1", "1"}} {
		v, w := version(t, test[0]), version(t, test[1])
		if a, b := briefer(v, w).String(), briefer(w, v).String(); a != test[2] || b != test[2] {
			t.Errorf("%s and %s: %s and %s, want %s", v, w, a, b, test[2])
		}
	}
}

// The tables promise answers to questions in SQL; the views are part of that.
func TestViews(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	for query, want := range map[string]string{
		`SELECT group_concat(version, ' ') FROM release WHERE name = 'demo' ORDER BY rank`:                                                                                 "2.0 1.10 1.5 1.0.post1 1.0 0.1",
		`SELECT group_concat(version, ' ') FROM release WHERE name = 'demo' AND requires IS NULL ORDER BY rank`:                                                            "1.10 1.0.post1 0.1",
		`SELECT group_concat(q.n || ' ' || q.value, '|') FROM release r JOIN requirement q ON q.project = r.project AND q.requires = r.requires WHERE r.version = '1.5'`:   `1 leaf>=1 ; extra == "x"|2 leaf`,
		`SELECT t.value FROM release r JOIN text t ON t.id = r.requires_python WHERE r.version = '2.0'`:                                                                    ">=3.10",
		`SELECT hex(s.digest) FROM file f JOIN sha256 s ON s.file = f.id WHERE f.filename = 'Demo-1.0.tar.gz'`:                                                             sum("1"),
		`SELECT status || ' ' || status_reason || ' ' || total || ' ' || known FROM project WHERE name = 'leaf'`:                                                           "archived done 1 1",
		`SELECT count(*) FROM release r JOIN project p ON p.id = r.project JOIN file f ON f.project = p.id AND f.version = r.version WHERE r.yanked AND r.version = '1.5'`: "2",
	} {
		var got string
		if err := d.sql.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", query, got, err, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	var all sync.WaitGroup
	shared := make([]*py.Requires, 8)
	for i := range shared {
		all.Go(func() {
			for range 20 {
				ps, err := d.Projects(t.Context(), []py.Name{"demo", "leaf"})
				if err != nil {
					t.Error(err)
					return
				}
				shared[i] = ps[0].Releases[0].Requires
				if _, err := d.Files(t.Context(), []py.Package{{Name: "demo", Version: ps[0].Releases[0].Version}}); err != nil {
					t.Error(err)
				}
				if _, err := d.Info(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, r := range shared {
		if r == nil || r != shared[0] {
			t.Fatal("the same requirement list is two pointers")
		}
	}
}

// A question that was given up says why, and the next one is answered.
func TestCancelled(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := d.Projects(ctx, []py.Name{"demo"}); !errors.Is(err, reason) {
		t.Errorf("Projects: %v, want the reason", err)
	}
	if err := d.Verify(ctx); !errors.Is(err, reason) {
		t.Errorf("Verify: %v, want the reason", err)
	}
	if _, err := Open(ctx, file); !errors.Is(err, reason) || errors.Is(err, ErrDamaged) {
		t.Errorf("Open: %v, want the reason", err)
	}
	if ps, err := d.Projects(t.Context(), []py.Name{"demo"}); err != nil || ps[0] == nil {
		t.Errorf("the next question: %v, %v", ps, err)
	}
}

func TestInfo(t *testing.T) {
	file, wrote := write(t, world(t), nil)
	d := openTest(t, file)
	got, err := d.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Info{
		Schema: "2.0.0", Digest: got.Digest, Built: testInfo.Built, Origin: testInfo.Origin,
		Sources:  []Source{{"a", "b", "c", "d"}, {"index", "as published", "2023-11-14", "z"}},
		Projects: 3, Releases: 7, Known: 4, Files: 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, wrote); diff != "" {
		t.Errorf("Finish (-want +got):\n%s", diff)
	}
	if len(got.Digest) != 64 || strings.Trim(got.Digest, "0123456789abcdef") != "" {
		t.Errorf("digest %q", got.Digest)
	}
	if err := d.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

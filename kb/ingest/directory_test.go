package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// day is when the documents of tests were read.
var day = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)

// savedIndex makes a file system of texts.
func savedIndex(texts map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

const emptyPage = `{"meta": {"api-version": "1.1"}, "name": "NAME", "files": [], "versions": ["1.0"]}`

func bareListing(name string) string { return strings.Replace(emptyPage, "NAME", name, 1) }

func TestDirectory(t *testing.T) {
	fsys := savedIndex(map[string]string{
		"simple/index.json":              `{"meta": {"api-version": "1.1"}, "projects": [{"name": "Good"}, {"name": "gone"}, {"name": "bad"}, {"name": "../up"}, {"name": "late"}, {"name": "folder"}]}`,
		"simple/good/index.json":         `{"meta": {"api-version": "1.1"}, "name": "good", "versions": ["1.0", "2004d"], "files": [{"filename": "good-1.0-py3-none-any.whl", "url": "../../files/good-1.0-py3-none-any.whl"}, {"filename": "good-2.0-py3-none-any.whl", "yanked": 7}]}`,
		"simple/bad/index.json":          "<html>",
		"simple/late/index.json":         bareListing("late"),
		"simple/folder/index.json/x":     "a folder where a file should be",
		"simple/unlisted/index.json":     bareListing("unlisted"),
		"metadata/good/1.0":              "Metadata-Version: 2.1\nName: Good\nVersion: 1.0\nRequires-Dist: late >=1\nRequires-Dist: x; extra == 'e'\nProvides-Extra: e\nRequires-Python: >=3.8\n\n",
		"metadata/good/1.0.0":            "Metadata-Version: 2.1\nName: good\nVersion: 1.0\n\n",
		"metadata/good/1.1":              "Metadata-Version: 2.1\nName: good\nVersion: 1.2\n\n",
		"metadata/good/1.3":              "Metadata-Version: 2.1\nName: evil\nVersion: 1.3\n\n",
		"metadata/good/1.4":              "",
		"metadata/good/1.5/METADATA":     "",
		"metadata/good/readme":           "no version",
		"metadata/good/1.6":              "Metadata-Version: 2.1\nName: good\nVersion: 1.6\nRequires-Dist: " + strings.Repeat("x", 100_000) + "\n\n",
		"metadata/late/1.0":              "Metadata-Version: 2.1\nName: late\nVersion: 1.0\n\n",
		"metadata/nobody/1.0":            "Metadata-Version: 2.1\nName: nobody\nVersion: 1.0\n\n",
		"files/good-1.0-py3-none-any.xz": "not looked at",
	})
	var got []kb.Listing
	report, err := Directory(t.Context(), fsys, func(l kb.Listing) error { got = append(got, l); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "good" || got[1].Name != "late" {
		t.Fatalf("projects %v, want good and late", got)
	}
	if fs := got[0].Files; len(fs) != 1 || fs[0].URL != "" {
		t.Errorf("files of good: %+v, want one without a URL", fs)
	}
	m := got[0].Metadata
	if len(m) != 1 || m[0].Version.String() != "1.0" || m[0].RequiresPython != ">=3.8" ||
		!slices.Equal(m[0].RequiresDist, []string{"late >=1", "x; extra == 'e'"}) || !slices.Equal(m[0].ProvidesExtra, []py.Name{"e"}) {
		t.Errorf("metadata of good: %+v", m)
	}
	if report.Projects != 2 || report.Files != 1 || report.Metadata != 2 || report.Ignored != 1 || !slices.Equal(report.Missing, []py.Name{"gone"}) {
		t.Errorf("report %+v", report)
	}
	where := []string{
		"list of projects",
		"good-2.0-py3-none-any.whl",
		"metadata/good/1.0.0",
		"metadata/good/1.1",
		"metadata/good/1.3",
		"metadata/good/1.4",
		"metadata/good/1.5",
		"metadata/good/1.6",
		"metadata/good/readme",
		"simple/bad/index.json",
		"simple/folder/index.json",
	}
	var faults []string
	for _, f := range report.Faults {
		faults = append(faults, f.Where)
		if f.Reason == "" {
			t.Errorf("%s: no reason", f.Where)
		}
	}
	if diff := cmp.Diff(where, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s\n%v", diff, report.Faults)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	list := `{"meta": {"api-version": "1.1"}, "projects": [{"name": "p"}]}`
	good := savedIndex(map[string]string{"simple/index.json": list, "simple/p/index.json": bareListing("p")})
	none := func(kb.Listing) error { return nil }
	if _, err := Directory(t.Context(), savedIndex(nil), none); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "expected are simple/index.json") {
		t.Errorf("no index: %v", err)
	}
	if _, err := Directory(t.Context(), savedIndex(map[string]string{"simple/index.json": "<html>"}), none); err == nil || !strings.Contains(err.Error(), "simple/index.json") {
		t.Errorf("HTML: %v", err)
	}
	full := errors.New("disk full")
	if _, err := Directory(t.Context(), good, func(kb.Listing) error { return full }); !errors.Is(err, full) {
		t.Errorf("add fails: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(full)
	if _, err := Directory(ctx, good, none); !errors.Is(err, full) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReadBounded(t *testing.T) {
	fsys := savedIndex(map[string]string{"f": "12345"})
	if text, err := readBounded(fsys, "f", 5); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := readBounded(fsys, "f", 4); err == nil {
		t.Errorf("%q of at most 4 bytes", text)
	}
}

// A hostile index cannot make the report large.
func TestReportIsBounded(t *testing.T) {
	var r Report
	for range maxFaults + 5 {
		r.fault("x", "y")
	}
	if len(r.Faults) != maxFaults || r.Dropped != 5 {
		t.Errorf("%d faults, %d dropped", len(r.Faults), r.Dropped)
	}
}

// The real index builds, twice to the same bytes, and holds what its listing
// says it does.
func TestConformancePyPI(t *testing.T) {
	index := kbtest.Zip(t, "pypi.zip")
	dir := t.TempDir()
	info := kb.Info{Built: day.Unix(), Origin: "https://index.example/simple"}
	one, report, err := BuildDirectory(t.Context(), index, filepath.Join(dir, "one.db"), info, true)
	if err != nil {
		t.Fatal(err)
	}
	metadata := 0
	err = fs.WalkDir(index, "metadata", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			metadata++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	projects, err := fs.ReadDir(index, "simple")
	if err != nil {
		t.Fatal(err)
	}
	if one.Projects != len(projects)-1 || one.Known != metadata || report.Metadata != metadata || one.Releases < metadata || len(report.Faults)+len(report.Missing) > 0 {
		t.Errorf("%d projects and %d metadata; built %+v, report %+v", len(projects)-1, metadata, one, report)
	}
	d, err := kb.Open(t.Context(), filepath.Join(dir, "one.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	names, err := d.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held, err := d.Projects(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	var packages []py.Package // with metadata
	for _, p := range held {
		for _, r := range p.Releases {
			if r.Requires == nil {
				continue
			}
			packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
			if r.Artifacts == nil || len(r.Artifacts.Wheels) == 0 || r.Uploaded == 0 {
				t.Errorf("%s %v: %+v", p.Name, r.Version, r)
			}
		}
	}
	files, err := d.Files(t.Context(), packages)
	if err != nil || len(packages) != metadata {
		t.Fatalf("%d releases with metadata, want %d: %v", len(packages), metadata, err)
	}
	for i, p := range packages {
		if len(files[i]) == 0 || len(files[i][0].SHA256) != 64 || files[i][0].Size == 0 {
			t.Errorf("%s: files %+v", p, files[i])
		}
	}

	two, _, err := BuildDirectory(t.Context(), index, filepath.Join(dir, "two.db"), info, true)
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest != two.Digest || !sameBytes(t, filepath.Join(dir, "one.db"), filepath.Join(dir, "two.db")) {
		t.Error("built twice, and the bytes differ")
	}
	all, _, err := BuildDirectory(t.Context(), index, filepath.Join(dir, "all.db"), info, false)
	if err != nil {
		t.Fatal(err)
	}
	if all.Releases != one.Releases || all.Files < 4*one.Files {
		t.Errorf("with all files %+v, without %+v", all, one)
	}
}

func sameBytes(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

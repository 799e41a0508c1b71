package kb

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// The order in which anything is added does not show, not in one byte, and
// adding the same twice changes nothing.
func TestOrderDoesNotShow(t *testing.T) {
	file, first := write(t, world(t), nil)
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	shuffle := func(n int, swap func(i, j int)) { r.Shuffle(n, swap) }
	for range 10 {
		ls := world(t)
		ls = append(ls, world(t)[r.IntN(len(ls))])
		shuffle(len(ls), func(i, j int) { ls[i], ls[j] = ls[j], ls[i] })
		for _, l := range ls {
			shuffle(len(l.Files), func(i, j int) { l.Files[i], l.Files[j] = l.Files[j], l.Files[i] })
			shuffle(len(l.Versions), func(i, j int) { l.Versions[i], l.Versions[j] = l.Versions[j], l.Versions[i] })
			shuffle(len(l.Metadata), func(i, j int) { l.Metadata[i], l.Metadata[j] = l.Metadata[j], l.Metadata[i] })
		}
		file, info := write(t, ls, nil)
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Digest != first.Digest || !bytes.Equal(got, want) {
			t.Fatalf("digest %s, same bytes: %t; the first had %s", info.Digest, bytes.Equal(got, want), first.Digest)
		}
	}
}

// Whatever is said, if it is said otherwise the digest is another.
func TestDigestSeesEverything(t *testing.T) {
	digests := map[string]string{}
	note := func(what string, change func(ls []Listing)) {
		ls := world(t)
		if change != nil {
			change(ls)
		}
		_, info := write(t, ls, nil)
		if other, twice := digests[info.Digest]; twice {
			t.Errorf("%s: the same digest as %s", what, other)
		}
		digests[info.Digest] = what
	}
	note("nothing", nil)
	note("status", func(ls []Listing) { ls[1].Status = "quarantined" })
	note("reason", func(ls []Listing) { ls[1].StatusReason = "x" })
	note("size", func(ls []Listing) { ls[0].Files[0].Size++ })
	note("hash", func(ls []Listing) { ls[0].Files[0].SHA256 = sum("4") })
	note("no hash", func(ls []Listing) { ls[0].Files[0].SHA256 = "" })
	note("URL", func(ls []Listing) { ls[0].Files[0].URL += "x" })
	note("uploaded", func(ls []Listing) { ls[0].Files[0].Uploaded++ })
	note("file name", func(ls []Listing) { ls[1].Files[0].Filename = "leaf-1.0.0.tar.gz" })
	note("requires-python", func(ls []Listing) { ls[0].Files[0].RequiresPython = "" })
	note("yanked", func(ls []Listing) { ls[1].Files[0].Yanked = true })
	note("yanked reason", func(ls []Listing) { ls[0].Files[3].YankedReason = "worse" })
	note("requirement", func(ls []Listing) { ls[0].Metadata[1].RequiresDist[1] = "leaf>0" })
	note("order of requirements", func(ls []Listing) { slices.Reverse(ls[0].Metadata[1].RequiresDist) })
	note("extra", func(ls []Listing) { ls[0].Metadata[1].ProvidesExtra = nil })
	note("not read", func(ls []Listing) { ls[1].Metadata = nil })
	note("version", func(ls []Listing) { ls[2].Versions = []py.Version{version(t, "1")} })
	note("name", func(ls []Listing) { ls[2].Name = "emptier" })
	for what, change := range map[string]func(*Info){
		"birthday": func(i *Info) { i.Built++ },
		"origin":   func(i *Info) { i.Origin = "" },
		"source":   func(i *Info) { i.Sources = i.Sources[1:] },
	} {
		w, err := Create(filepath.Join(t.TempDir(), "kb.db"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range world(t) {
			if err := w.Add(l); err != nil {
				t.Fatal(err)
			}
		}
		info := testInfo
		change(&info)
		if info, err = w.Finish(info); err != nil {
			t.Fatal(err)
		}
		if other, twice := digests[info.Digest]; twice {
			t.Errorf("%s: the same digest as %s", what, other)
		}
		digests[info.Digest] = what
	}
}

func TestAddRefuses(t *testing.T) {
	v := version(t, "1.0")
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct {
		name string
		l    Listing
		want string
	}{
		{"name", Listing{Name: "Not_Normal"}, "not a normalised name"},
		{"no name", Listing{}, "not a normalised name"},
		{"long name", Listing{Name: py.Name(long)}, "not a normalised name"},
		{"status", Listing{Name: "p", Status: long}, "a status of more"},
		{"path", Listing{Name: "p", Files: []py.File{{Filename: "../p-1.0.zip"}}}, `"../p-1.0.zip" is not a file name`},
		{"line break", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0-py3-none-a\nb.whl"}}}, "not a file name"},
		{"hash", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip", SHA256: "ab"}}}, `p-1.0.zip: "ab" is not a sha256`},
		{"size", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip", Size: -1}}}, "size -1"},
		{"date", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip", Uploaded: -1}}}, "uploaded -1"},
		{"URL", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip", URL: "https://index.example/\n"}}}, "control characters"},
		{"text", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip", YankedReason: long}}}, "a text of more"},
		{"file twice", Listing{Name: "p", Files: []py.File{{Filename: "p-1.0.zip"}, {Filename: "p-1.0.zip"}}}, "p-1.0.zip was given twice"},
		{"metadata twice", Listing{Name: "p", Metadata: []py.Metadata{{Version: v}, {Version: version(t, "1.0.0")}}}, "was given twice"},
		{"no version", Listing{Name: "p", Metadata: []py.Metadata{{}}}, "a version of 0 bytes"},
		{"long version", Listing{Name: "p", Versions: []py.Version{version(t, strings.Repeat("1", 600))}}, "a version of 600 bytes"},
		{"long version of metadata", Listing{Name: "p", Metadata: []py.Metadata{{Version: version(t, strings.Repeat("1", 600))}}}, "a version of 600 bytes"},
		{"long line", Listing{Name: "p", Metadata: []py.Metadata{{Version: v, RequiresDist: []string{long}}}}, "a requirement of more"},
		{"many lines", Listing{Name: "p", Metadata: []py.Metadata{{Version: v, RequiresDist: make([]string, 20_000)}}}, "more than 10000 requirements"},
		{"long python", Listing{Name: "p", Metadata: []py.Metadata{{Version: v, RequiresPython: long}}}, "Requires-Python of more"},
	} {
		w, err := Create(filepath.Join(t.TempDir(), "kb.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(test.l); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}

	w, err := Create(filepath.Join(t.TempDir(), "kb.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(Listing{Name: "p"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(Listing{Name: "p", Status: "archived"}); err == nil || !strings.Contains(err.Error(), "it was added before and was different") {
		t.Errorf("another listing of p: %v", err)
	}
}

// Lists are kept as lines, so a stranger's line break must not make two of one.
func TestLineBreaksInRequirements(t *testing.T) {
	file, _ := write(t, []Listing{{Name: "p", Metadata: []py.Metadata{{
		Version:       version(t, "1"),
		RequiresDist:  []string{"a\r\n>1", "", " \n", "b \xff"},
		ProvidesExtra: []py.Name{"x", "not a\nname", "X"},
	}}}}, nil)
	ps, err := openTest(t, file).Projects(t.Context(), []py.Name{"p"})
	if err != nil {
		t.Fatal(err)
	}
	r := ps[0].Releases[0].Requires
	if want := []string{"a  >1", "b \uFFFD"}; !slices.Equal(r.Lines, want) || !slices.Equal(r.Extras, []py.Name{"x"}) {
		t.Errorf("%q, extras %q, want %q and x", r.Lines, r.Extras, want)
	}
}

func TestFinishRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Info)
		want   string
	}{
		{"no birthday", func(i *Info) { i.Built = 0 }, "birthday"},
		{"origin", func(i *Info) { i.Origin = "index" }, "the origin is not a URL"},
		{"credentials", func(i *Info) { i.Origin = "https://me:secret@index.example/simple" }, "the origin holds credentials"},
		{"source twice", func(i *Info) { i.Sources = []Source{{Name: "s"}, {Name: "s"}} }, `source "s"`},
	} {
		dir := t.TempDir()
		w, err := Create(filepath.Join(dir, "kb.db"))
		if err != nil {
			t.Fatal(err)
		}
		info := testInfo
		test.change(&info)
		if _, err := w.Finish(info); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v, %v", test.name, left, err)
		}
	}
}

// A file is replaced by a whole one or not at all.
func TestCreateAndReplace(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Create over a directory: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "no", "kb.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create in a directory that is not there: %v", err)
	}
	file := filepath.Join(dir, "kb.db")
	old, _ := write(t, world(t), nil)
	foreign := map[string][]byte{"text": []byte("[packages]\n"), "database": nil}
	var err error
	if foreign["database"], err = os.ReadFile(alter(t, old, "PRAGMA application_id = 1")); err != nil {
		t.Fatal(err)
	}
	for name, text := range foreign {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(file); !errors.Is(err, ErrNotSnapshot) || !strings.Contains(err.Error(), file) {
			t.Errorf("Create over a %s: %v", name, err)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, text) {
			t.Errorf("Create over a %s changed it (%v)", name, err)
		}
	}
	text, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, len(text) / 2, len(text)} { // empty, damaged, good
		if err := os.WriteFile(file, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(file); err != nil {
			t.Errorf("Create over %d bytes of a knowledge base: %v", n, err)
		}
	}
	w, err := Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(Info{}); err == nil {
		t.Fatal("finished without a birthday")
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, text) {
		t.Fatalf("a failed Finish left %d bytes, %v", len(now), err)
	}
	if _, err := w.Finish(testInfo); err != nil {
		t.Fatal(err)
	}
	if err := openTest(t, file).Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

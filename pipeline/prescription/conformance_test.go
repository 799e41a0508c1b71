package prescription

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
)

// corpora returns the tar.gz files of the third-party data, as trees in memory.
func corpora(t testing.TB) map[string]fs.FS {
	t.Helper()
	out := map[string]fs.FS{}
	for _, file := range kbtest.Glob(t, "prescriptions*.tar.gz") {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		unzipped, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := zip.NewWriter(&packed)
		for r := tar.NewReader(unzipped); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			to, err := w.CreateHeader(&zip.FileHeader{Name: h.Name, Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(to, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		tree, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(file)] = tree
	}
	return out
}

// documented reports whether a corpus is the one whose counts and faults Thoth's
// documents and ours tell.
func documented(s *Set) bool { return s.Counts["wraps wrap"] > 80_000 }

// loaded are the corpora, read once.
var loaded = func() func(testing.TB) map[string]*Set {
	var once sync.Once
	sets := map[string]*Set{}
	return func(t testing.TB) map[string]*Set {
		t.Helper()
		trees := corpora(t)
		once.Do(func() {
			for name, tree := range trees {
				start := time.Now()
				set, err := Load(tree)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: read in %v", name, time.Since(start))
				sets[name] = set
			}
		})
		return sets
	}
}()

// TestConformanceCorpus: every file of a corpus loads or is listed with file,
// line and reason.
func TestConformanceCorpus(t *testing.T) {
	for name, set := range loaded(t) {
		units := 0
		for _, key := range slices.Sorted(maps.Keys(set.Counts)) {
			t.Logf("%s: %-30s %d", name, key, set.Counts[key])
			units += set.Counts[key]
		}
		for _, f := range set.Faults {
			t.Logf("%s: %s", name, f)
			if f.File == "" || f.Reason == "" || f.Line == 0 {
				t.Errorf("%s: a fault without a place: %+v", name, f)
			}
		}
		if len(set.Faults) > set.Files/1000 {
			t.Errorf("%s: %d faults in %d files", name, len(set.Faults), set.Files)
		}
		size := 0
		for _, r := range set.Rules {
			size += len(r.Body)
		}
		t.Logf("%s: %d files, %d units, %d rules of %d bytes, %d faults", name, set.Files, units, len(set.Rules), size, len(set.Faults))
		if !documented(set) {
			continue
		}
		want := map[string]int{
			"wraps wrap": 83_041, "wraps wrap.GHReleaseNotes": 3_978, "boots boot": 3_502, "sieves sieve": 50, "sieves sieve.SkipPackage": 5,
			"steps step": 20, "steps step.Group": 12, "steps step.SkipPackage": 1, "pseudonyms pseudonym": 2,
		}
		want["wraps wrap"] -= len(set.Faults) // each is one malformed version of a generated wrap
		if diff := cmp.Diff(want, set.Counts); diff != "" {
			t.Errorf("counts (-documented +read)\n%s", diff)
		}
	}
}

// TestConformanceLint: what is known to be wrong with the corpus is found, and
// the list of harmful rules speaks of rules that there are.
func TestConformanceLint(t *testing.T) {
	for name, set := range loaded(t) {
		found := map[string]int{}
		known := map[string]bool{}
		for _, f := range Lint(set) {
			if f.Line == 0 || f.Unit == "" {
				t.Errorf("%s: a finding without a place: %v", name, f)
			}
			what, _, _ := strings.Cut(f.Reason, ":")
			what, _, _ = strings.Cut(what, " fits ")
			found[what]++
		}
		for _, u := range set.units {
			known[u.Name] = true
		}
		for _, what := range slices.Sorted(maps.Keys(found)) {
			t.Logf("%s: %d times: %s", name, found[what], what)
		}
		if !documented(set) {
			continue
		}
		for _, h := range harmful {
			if !known[h.unit] {
				t.Errorf("%s has no %s", name, h.unit)
			}
		}
		want := map[string]int{
			"it is never asked": 9,  // 8 of indexes, and the one of authenticated requests
			"no version":        15, // 14 of CUDA and cuDNN, and setuptools46
			`"add," is no operation of a JSON patch (RFC 6902)`: 2,
			"it is followed only by strict plans":               len(harmful),
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s (-documented +found)\n%s", name, diff)
		}
	}
}

package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// linux is the environment of the tests.
func linux(t testing.TB) *py.Environment {
	t.Helper()
	v, err := py.ParseVersion("3.12.4")
	if err != nil {
		t.Fatal(err)
	}
	platform, err := py.ParsePlatform("manylinux_2_36_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	return &py.Environment{Implementation: "cpython", Python: v, Platform: platform}
}

// openLocal makes new local knowledge.
func openLocal(t testing.TB) *kb.Local {
	t.Helper()
	return openLocalAt(t, filepath.Join(t.TempDir(), "local.db"))
}

func openLocalAt(t testing.TB, file string) *kb.Local {
	t.Helper()
	local, err := kb.OpenLocal(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	return local
}

// indexes makes Indexes on a fake clock, patient as tests are.
func indexes(t testing.TB, clock *fakeClock, specs []IndexSpec, pins map[py.Name]string, findLinks []string, change ...func(*ClientOptions)) *Indexes {
	t.Helper()
	o := ClientOptions{Now: clock.Now, Sleep: clock.Sleep, Timeout: 5 * time.Second}
	for _, f := range change {
		f(&o)
	}
	x, err := NewIndexes(specs, pins, findLinks, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range x.sources {
		if s.client != nil {
			s.client.probe = time.Minute
		}
	}
	return x
}

// readerOptions are options with all that must be set.
func readerOptions(t testing.TB, clock *fakeClock, x *Indexes, local *kb.Local) ReaderOptions {
	return ReaderOptions{
		Indexes: x, Environment: linux(t), Local: local, Now: clock.Now, Refresh: -1,
		Learn: func(docs []kb.Document) error { return local.Learn(t.Context(), docs) },
	}
}

func wants(t testing.TB, lines ...string) []Want {
	t.Helper()
	var all []Want
	for _, line := range lines {
		req, err := py.ParseRequirement(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Want{Requirement: req})
	}
	return all
}

// readAll reads with a new Reader.
func readAll(t testing.TB, o ReaderOptions, lines ...string) ReadReport {
	t.Helper()
	report, err := NewReader(o).Read(t.Context(), wants(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// learnt is what local knowledge holds, a line a document, without what depends
// on the server's address and the time.
func learnt(t testing.TB, local *kb.Local) []string {
	t.Helper()
	var lines []string
	err := local.Documents(t.Context(), func(d kb.Document) error {
		line := fmt.Sprintf("%s %s", d.Kind, d.Project)
		switch d.Kind {
		case kb.KindListing:
			for _, f := range d.Listing.Files {
				line += fmt.Sprintf(" %s/%.8s", f.Filename, f.SHA256)
			}
		case kb.KindMetadata:
			line += fmt.Sprintf(" %s %.8s", d.Version, hexSHA256(d.Metadata))
		case kb.KindUnreadable:
			line += " " + d.Version.String()
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Errorf("local knowledge is not whole: %v", err)
	}
	slices.Sort(lines)
	return lines
}

func texts[T fmt.Stringer](all []T) string {
	var lines []string
	for _, one := range all {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// htmlOnly serves pages as an index does that knows PEP 503 alone.
func htmlOnly(files fs.FS) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/simple/") {
			return false
		}
		text, err := fs.ReadFile(files, path.Join(r.URL.Path[1:], "index.json"))
		if err != nil {
			return false
		}
		var page document
		if err := json.Unmarshal(text, &page); err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><body><h1>Links</h1>")
		for _, f := range page.Files {
			fmt.Fprintf(w, "<a href=\"%s#sha256=%s\" data-requires-python=\"%s\">%s</a><br/>\n", f.URL, f.Hashes.sha256, html.EscapeString(f.RequiresPython), f.Filename)
		}
		return true
	}
}

// TestReaderLearnFails: a disk that fails ends the reading with its error.
func TestReaderLearnFails(t *testing.T) {
	lb := newLoopback(t, small())
	clock := newClock()
	o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), openLocal(t))
	full := errors.New("no space left on the device")
	o.Learn = func([]kb.Document) error { return full }
	if _, err := NewReader(o).Read(t.Context(), wants(t, "alpha")); !errors.Is(err, full) {
		t.Errorf("error is %v, want %v", err, full)
	}
}

// TestReaderProgress: what is told of a reading grows to its end.
func TestReaderProgress(t *testing.T) {
	lb := newLoopback(t, small())
	clock := newClock()
	o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), openLocal(t))
	var mu sync.Mutex
	var told []string
	o.Progress = func(done, total int, what string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprintf("%d/%d %s", done, total, what))
	}
	readAll(t, o, "alpha")
	want := []string{"1/2 alpha", "2/3 alpha==1.0", "3/4 beta", "4/4 beta==1.0"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

package ingest

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// metadataRead lists the releases whose metadata was learnt, sorted.
func metadataRead(t *testing.T, local *kb.Local) string {
	var all []string
	for _, line := range learnt(t, local) {
		if fields := strings.Fields(line); fields[0] == "metadata" {
			all = append(all, fields[1]+"=="+fields[2])
		}
	}
	return strings.Join(all, " ")
}

// TestReaderGuesses: of each project the release is read that will most likely
// be chosen, with what that needs, and nothing else is.
func TestReaderGuesses(t *testing.T) {
	stable := func() *universe {
		u := newUniverse()
		for _, v := range []string{"1.0", "1.5", "2.0", "3.0b1"} {
			u.release("beta", v)
		}
		return u.release("gamma", "1.0")
	}
	yank := func(e map[string]any) { e["yanked"] = "broken" }
	file := func(name string) map[string]any { return map[string]any{"filename": name} }
	tests := []struct {
		name  string
		index *universe
		roots []string
		guess Guess
		later string // this page comes after beta 2.0 was asked for
		want  string
	}{
		{name: "the newest stable one", index: stable(), roots: []string{"beta"}, want: "beta==2.0"},
		{name: "what a requirement admits", index: stable(), roots: []string{"beta<2"}, want: "beta==1.5"},
		{name: "what a constraint admits", index: stable(), roots: []string{"beta"}, guess: Guess{Constraints: wantsOf(t, "beta<1.5")}, want: "beta==1.0"},
		{name: "what requirements admit together", index: stable(), roots: []string{"beta<2", "beta!=1.5"}, want: "beta==1.0"},
		{name: "a pre-release that is as good", index: stable(), roots: []string{"beta"}, guess: Guess{Prereleases: func(n py.Name) bool { return n == "beta" }}, want: "beta==3.0b1"},
		{name: "a pre-release where there is nothing else", index: stable(), roots: []string{"beta>2"}, want: "beta==3.0b1"},
		{name: "the oldest", index: stable(), roots: []string{"beta"}, guess: Guess{Oldest: func(py.Name) bool { return true }}, want: "beta==1.0"},
		{name: "nothing admitted", index: stable(), roots: []string{"beta>9"}},
		{name: "no yanked one", index: stable().release("beta", "4.0").change("beta", yank), roots: []string{"beta"}, want: "beta==2.0"},
		{name: "a yanked one that is pinned", index: stable().release("beta", "4.0").change("beta", yank), roots: []string{"beta==4.0"}, want: "beta==4.0"},
		{name: "no other Python's", index: stable().release("beta", "4.0").change("beta", func(e map[string]any) { e["requires-python"] = ">=3.13" }), roots: []string{"beta"}, want: "beta==2.0"},
		{name: "no other platform's", index: stable().file("beta", file("beta-4.0-cp312-cp312-win_amd64.whl")), roots: []string{"beta"}, want: "beta==2.0"},
		{name: "no source that must not be built", index: stable().file("beta", file("beta-4.0.tar.gz")), roots: []string{"beta"}, guess: Guess{NoBuild: func(py.Name) bool { return true }}, want: "beta==2.0"},
		{name: "no wheel where source is a must", index: stable(), roots: []string{"beta"}, guess: Guess{NoBinary: func(py.Name) bool { return true }}},
		{name: "nothing too new", index: stable().change("beta", func(e map[string]any) { e["upload-time"] = "2026-01-02T00:00:00Z" }), roots: []string{"beta"},
			guess: Guess{ExcludeNewer: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC).Unix()}, want: "beta==3.0b1"},
		{name: "what it needs", index: stable().release("alpha", "1.0", "beta<1.5", `gamma; sys_platform == "win32"`), roots: []string{"alpha"}, want: "alpha==1.0 beta==1.0"},
		{name: "with an extra", index: stable().release("alpha", "1.0", `gamma; extra == "x"`, `beta; extra == "y"`), roots: []string{"alpha[x]"}, want: "alpha==1.0 gamma==1.0"},
		{name: "with an extra asked for later", index: stable().release("alpha", "1.0", "delta", `gamma; extra == "x"`).release("delta", "1.0", "alpha[x]"), roots: []string{"alpha"}, want: "alpha==1.0 delta==1.0 gamma==1.0"},
		{name: "once more when a later requirement does not admit the first guess",
			index: stable().release("alpha", "1.0", "delta").release("delta", "1.0", "beta<2"), roots: []string{"beta", "alpha"}, later: "delta", want: "alpha==1.0 beta==1.5 beta==2.0 delta==1.0"},
		{name: "the last requirement's where all together admit nothing",
			index: stable().release("alpha", "1.0", "delta").release("delta", "1.0", "beta<2"), roots: []string{"beta>=2", "alpha"}, later: "delta", want: "alpha==1.0 beta==1.5 beta==2.0 delta==1.0"},
		{name: "a direct reference leads nowhere", index: stable().release("alpha", "1.0", "beta @ https://files.example/beta-1.0.tar.gz"), roots: []string{"alpha"}, want: "alpha==1.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lb := newLoopback(t, test.index)
			asked := make(chan struct{})
			lb.set(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case test.later != "" && strings.HasPrefix(r.URL.Path, "/files/beta-2.0-"):
					close(asked)
				case test.later != "" && isPage(r, test.later):
					<-asked
				}
				return false
			})
			clock, local := newClock(), openLocal(t)
			o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local)
			o.Guess = test.guess
			readAll(t, o, test.roots...)
			if got := metadataRead(t, local); got != test.want {
				t.Errorf("read %s, want %s", got, test.want)
			}
		})
	}
}

func wantsOf(t *testing.T, lines ...string) []py.Requirement {
	var all []py.Requirement
	for _, w := range wants(t, lines...) {
		all = append(all, w.Requirement)
	}
	return all
}

// TestReaderReleases: a release that is wanted by its version is read even if
// nobody would guess it, and one of which there is no metadata is unreadable,
// for ever, and the next best one is read.
func TestReaderReleases(t *testing.T) {
	u := newUniverse().release("alpha", "1.0", "beta").release("alpha", "2.0").
		file("alpha", map[string]any{"filename": "alpha-3.0.tar.gz"}).
		file("alpha", map[string]any{"filename": "alpha-4.0-py3-none-any.whl"}). // not there
		release("beta", "1.0")
	u.MapFS["files/alpha-5.0-py3-none-any.whl"] = u.MapFS["files/beta-1.0-py3-none-any.whl"]
	u.file("alpha", map[string]any{"filename": "alpha-5.0-py3-none-any.whl"}) // another project's
	lb := newLoopback(t, u)
	clock, local := newClock(), openLocal(t)
	r := NewReader(readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local))

	want := wants(t, "alpha<3")
	want[0].Version = version(t, "1.0")
	report, err := r.Read(t.Context(), want)
	if err != nil || metadataRead(t, local) != "alpha==1.0 beta==1.0" || report.Metadata != 2 || report.Listings != 2 {
		t.Errorf("read %s, %+v, %v", metadataRead(t, local), report, err)
	}

	lb.set(nil)
	report, err = r.Read(t.Context(), wants(t, "alpha"))
	if err != nil {
		t.Fatal(err)
	}
	unreadable := "alpha==3.0: source distribution only; its metadata would need running its code\n" +
		"alpha==4.0: " + lb.URL + "/files/alpha-4.0-py3-none-any.whl: the index has none; and no .metadata: " + lb.URL + "/files/alpha-4.0-py3-none-any.whl.metadata: the index has none\n" +
		"alpha==5.0: " + lb.URL + "/files/alpha-5.0-py3-none-any.whl: no METADATA for alpha in it; and no .metadata: " + lb.URL + "/files/alpha-5.0-py3-none-any.whl.metadata: the index has none"
	// Whether .metadata was tried before it was found to be lacking is a matter of time.
	if got := strings.ReplaceAll(texts(report.Unreadable), " announced", ""); got != unreadable {
		t.Errorf("unreadable is\n %s, want\n %s", got, unreadable)
	}
	if len(report.Unknown) > 0 {
		t.Errorf("unknown is\n %s, want nothing", texts(report.Unknown))
	}
	lines := learnt(t, local)
	if !slices.Contains(lines, "unreadable alpha 3.0") || !slices.Contains(lines, "unreadable alpha 5.0") || !slices.Contains(lines, "unreadable alpha 4.0") {
		t.Errorf("learnt %q", lines)
	}
	for _, path := range lb.asked() {
		if strings.HasPrefix(path, "/simple/") {
			t.Errorf("asked again for %s", path)
		}
	}

	// A release that the listing does not have: nothing to read, and said so.
	want[0].Version = version(t, "9.9")
	report, err = r.Read(t.Context(), want)
	if err != nil || texts(report.Unreadable) != "alpha==9.9: the index has no file of it that can be read" || report.Requests != 0 {
		t.Errorf("of a release that is not listed: %+v, %v", report, err)
	}
}

// TestReaderKnows: what is known is not asked for, and what that needs is read.
func TestReaderKnows(t *testing.T) {
	lb := newLoopback(t, newUniverse().release("alpha", "1.0", "gamma").release("beta", "1.0"))
	clock, local := newClock(), openLocal(t)
	o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local)
	o.Requires = func(name py.Name, v py.Version) *py.Requires {
		if name == "alpha" && v.String() == "1.0" {
			return &py.Requires{Lines: []string{"beta", "not a requirement!"}}
		}
		return nil
	}
	readAll(t, o, "alpha")
	if got := metadataRead(t, local); got != "beta==1.0" {
		t.Errorf("read %s", got)
	}
}

// TestReaderFreshness: a listing is asked for again when its index or the user
// says so, then only whether it changed, and what does not answer stays true.
func TestReaderFreshness(t *testing.T) {
	u := small()
	lb := newLoopback(t, u)
	var control, etag string
	var conditions []string
	serve := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/simple/") {
			return false
		}
		conditions = append(conditions, r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since"))
		if control != "" {
			w.Header().Set("Cache-Control", control)
		}
		if etag == "date" {
			w.Header().Set("Last-Modified", "Tue, 24 Nov 2026 10:00:00 GMT")
		} else if etag != "" {
			w.Header().Set("ETag", etag)
		}
		if c := conditions[len(conditions)-1]; c != "" && (c == etag || etag == "date" && c == "Tue, 24 Nov 2026 10:00:00 GMT") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
		return false
	}
	clock := newClock()
	tests := []struct {
		name          string
		control, etag string
		after         time.Duration
		refresh       time.Duration
		asked         []string // conditions of the second reading
	}{
		{name: "of its own age", after: 9 * time.Minute, refresh: -1},
		{name: "older than that", after: 11 * time.Minute, refresh: -1, asked: []string{"", ""}},
		{name: "as old as the index allows", control: "public, max-age=3600", after: 59 * time.Minute, refresh: -1},
		{name: "older than the index allows", control: "max-age=60", after: 61 * time.Second, refresh: -1, asked: []string{"", ""}},
		{name: "never to be kept", control: "no-cache", refresh: -1, asked: []string{"", ""}},
		{name: "younger than the user wants", after: 4 * time.Minute, refresh: 5 * time.Minute},
		{name: "older than the user wants", after: 6 * time.Minute, refresh: 5 * time.Minute, asked: []string{"", ""}},
		{name: "to be asked for whatever its age", refresh: 0, asked: []string{"", ""}},
		{name: "unchanged", etag: `"v1"`, after: time.Hour, refresh: -1, asked: []string{`"v1"`, `"v1"`}},
		{name: "unchanged since a date", etag: "date", after: time.Hour, refresh: -1, asked: []string{"Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lb.set(serve)
			control, etag, conditions = test.control, test.etag, nil
			local := openLocal(t)
			o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil, func(o *ClientOptions) { o.Concurrency = 1 }), local)
			readAll(t, o, "alpha")
			before := learnt(t, local)
			clock.Sleep(t.Context(), test.after)
			conditions, o.Refresh = nil, test.refresh
			o.Requires = func(py.Name, py.Version) *py.Requires { return &py.Requires{Lines: []string{"beta"}} }
			report := readAll(t, o, "alpha")
			if !slices.Equal(conditions, test.asked) || report.Listings != len(test.asked) || report.Metadata != 0 {
				t.Errorf("asked with %q, want %q; %+v", conditions, test.asked, report)
			}
			if after := learnt(t, local); !slices.Equal(before, after) {
				t.Errorf("knows %q, before %q", after, before)
			}
			if test.asked != nil {
				doc, ok, err := local.Listing(t.Context(), Origin(lb.index("")), "alpha")
				if err != nil || !ok || doc.Read != clock.Now().Unix() || test.etag != "" && doc.ETag+doc.LastModified == "" {
					t.Errorf("listing is of %d, now is %d: %v, %v", doc.Read, clock.Now().Unix(), ok, err)
				}
			}
		})
	}

	t.Run("stale", func(t *testing.T) {
		lb.set(nil)
		local := openLocal(t)
		o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local)
		readAll(t, o, "alpha")
		before := learnt(t, local)
		clock.Sleep(t.Context(), time.Hour)
		lb.set(func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(403); return true })
		o.Requires = func(py.Name, py.Version) *py.Requires { return &py.Requires{Lines: []string{"beta"}} }
		report := readAll(t, o, "alpha")
		if len(report.Stale) != 2 || !strings.HasPrefix(report.Stale[0].String(), "alpha: "+lb.URL+"/simple/alpha/: answered 403") || len(report.Unknown) != 0 || !slices.Equal(before, learnt(t, local)) {
			t.Errorf("of an index that stopped to answer: %+v", report)
		}
	})
}

// TestReaderCancel: the end of the context ends a reading that waits.
func TestReaderCancel(t *testing.T) {
	lb := newLoopback(t, small())
	reached := make(chan struct{}, 100)
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		reached <- struct{}{}
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	clock := newClock()
	o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), openLocal(t))
	start := time.Now()
	if report, err := NewReader(o).Read(ctx, wants(t, "alpha", "beta")); !errors.Is(err, context.Canceled) || len(report.Unknown) > 0 || time.Since(start) > 2*time.Second {
		t.Errorf("ended after %v with %+v, %v", time.Since(start), report, err)
	}
}

// TestConformanceReader reads three inputs from the real index, saved, over
// loopback. It must find all that they need, learning nothing twice.
func TestConformanceReader(t *testing.T) {
	files := kbtest.Zip(t, "pypi.zip")
	lb := newLoopback(t, files)
	for _, test := range []struct {
		roots []string
		least int // projects
	}{
		{[]string{"flask", "tensorflow"}, 35},
		{[]string{"jupyterlab", "pandas"}, 60},
		{[]string{"starlette", "sqlalchemy[asyncio]>=2", "boto3"}, 10},
	} {
		t.Run(test.roots[0], func(t *testing.T) {
			for _, root := range wants(t, test.roots...) {
				if _, err := fs.Stat(files, path.Join("simple", string(root.Requirement.Name), "index.json")); err != nil {
					t.Skip("the data are of another index:", err)
				}
			}
			lb.set(nil)
			clock, local := newClock(), openLocal(t)
			o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local)
			seen := map[string]int{}
			o.Learn = func(docs []kb.Document) error {
				for _, d := range docs {
					seen[fmt.Sprint(d.Kind, " ", d.Project, " ", d.Version)]++
				}
				return local.Learn(t.Context(), docs)
			}
			report := readAll(t, o, test.roots...)
			if len(report.Unknown)+len(report.Missing)+len(report.Unreadable) > 0 {
				t.Errorf("%+v", report)
			}
			if report.Listings < test.least || report.Metadata < report.Listings || report.Metadata > report.Listings*3/2 || report.Requests > 3*report.Listings {
				t.Errorf("read %d listings and %d metadata in %d requests", report.Listings, report.Metadata, report.Requests)
			}
			for what, n := range seen {
				if n > 1 {
					t.Errorf("%s was learnt %d times", what, n)
				}
			}
			t.Logf("%d listings, %d metadata, %d requests of %d metadata in the data", report.Listings, report.Metadata, report.Requests, metadataIn(files))
		})
	}
}

// metadataIn counts what a full reading would read.
func metadataIn(z *zip.ReadCloser) (n int) {
	for _, f := range z.File {
		if strings.HasPrefix(f.Name, "metadata/") {
			n++
		}
	}
	return n
}

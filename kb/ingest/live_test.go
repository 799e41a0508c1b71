package ingest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// read lists what a reading read: "name: versions with metadata".
func read(listings []kb.Listing) string {
	var all []string
	for _, l := range listings {
		var versions []string
		for _, m := range l.Metadata {
			versions = append(versions, m.Version.String())
		}
		all = append(all, string(l.Name)+": "+strings.Join(versions, " "))
	}
	return strings.Join(all, "; ")
}

func TestLiveReads(t *testing.T) {
	linux, windows := &py.Environment{Implementation: "cpython"}, &py.Environment{Implementation: "cpython"}
	linux.Python, windows.Python = version(t, "3.12.1"), version(t, "3.12.1")
	linux.Platform = py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 36}
	windows.Platform = py.Platform{OS: "windows", Machine: "AMD64"}

	many := func() *universe {
		u := newUniverse()
		for _, v := range []string{"1.0", "1.1", "1.2", "1.10", "2.0a1", "2.0", "2.1", "3.0rc1", "3.0"} {
			u.release("alpha", v)
		}
		u.change("alpha", func(e map[string]any) { e["yanked"] = "broken" }) // 3.0
		return u
	}
	needs := func(lines ...string) *universe {
		return newUniverse().release("alpha", "1.0", lines...).
			release("beta", "1.0").release("beta", "2.0").release("beta", "3.0b1").
			release("gamma", "1.0", `delta; extra == "Dark_mode"`, `beta; extra == "lite"`, "Provides-Extra: Dark_mode", "Provides-Extra: lite").
			release("delta", "1.0", "alpha") // a cycle
	}
	tests := []struct {
		name    string
		index   *universe
		roots   []string
		options LiveOptions
		want    string
		missing string
		unread  string
	}{
		{name: "nothing", index: many()},
		{name: "the newest five stable ones, no yanked one", index: many(), roots: []string{"alpha"}, want: "alpha: 2.1 2.0 1.10 1.2 1.1"},
		{name: "two", index: many(), roots: []string{"alpha"}, options: LiveOptions{Newest: 2}, want: "alpha: 2.1 2.0"},
		{name: "pre-releases only to make the number", index: many(), roots: []string{"alpha"}, options: LiveOptions{Newest: 7}, want: "alpha: 3.0rc1 2.1 2.0 1.10 1.2 1.1 1.0"},
		{name: "and what a requirement admits", index: many(), roots: []string{"alpha<1.2", "alpha==3.0", "alpha<2,>1.2", "alpha>9"}, options: LiveOptions{Newest: 1}, want: "alpha: 3.0 2.1 1.10 1.1"},
		{name: "what is needed, with what it admits", index: needs("beta<2", "gamma", "none"), roots: []string{"alpha"}, options: LiveOptions{Newest: 1},
			want: "alpha: 1.0; beta: 2.0 1.0; gamma: 1.0", missing: "none"},
		{name: "an extra that is asked for", index: needs("gamma[dark-mode]"), roots: []string{"alpha"}, want: "alpha: 1.0; delta: 1.0; gamma: 1.0"},
		{name: "an extra that is asked for later", index: needs("gamma", "delta").release("delta", "2.0", "gamma[lite]"), roots: []string{"alpha"}, options: LiveOptions{Newest: 1},
			want: "alpha: 1.0; beta: 2.0; delta: 2.0; gamma: 1.0"},
		{name: "an extra of the start", index: needs(), roots: []string{"gamma[Dark.mode]"}, want: "alpha: 1.0; delta: 1.0; gamma: 1.0"},
		{name: "all extras", index: needs(), roots: []string{"gamma"}, options: LiveOptions{Extras: true, Newest: 1}, want: "alpha: 1.0; beta: 2.0; delta: 1.0; gamma: 1.0"},
		{name: "no environment: both platforms", index: needs(`beta; sys_platform == "win32"`, `delta; sys_platform == "linux"`), roots: []string{"alpha"}, options: LiveOptions{Newest: 1},
			want: "alpha: 1.0; beta: 2.0; delta: 1.0"},
		{name: "linux", index: needs(`beta; sys_platform == "win32"`, `delta; sys_platform == "linux"`), roots: []string{"alpha"}, options: LiveOptions{Newest: 1, Environment: linux},
			want: "alpha: 1.0; delta: 1.0"},
		{name: "windows", index: needs(`beta; sys_platform == "win32"`, `delta; sys_platform == "linux"`), roots: []string{"alpha"}, options: LiveOptions{Newest: 1, Environment: windows},
			want: "alpha: 1.0; beta: 2.0"},
		{name: "an extra in an environment", index: needs("gamma[dark-mode]"), roots: []string{"alpha"}, options: LiveOptions{Newest: 1, Environment: linux}, want: "alpha: 1.0; delta: 1.0; gamma: 1.0"},
		{name: "all extras in an environment", index: needs("gamma"), roots: []string{"alpha"}, options: LiveOptions{Newest: 1, Environment: linux, Extras: true}, want: "alpha: 1.0; beta: 2.0; delta: 1.0; gamma: 1.0"},
		{name: "no extra in an environment", index: needs("gamma"), roots: []string{"alpha"}, options: LiveOptions{Newest: 1, Environment: linux}, want: "alpha: 1.0; gamma: 1.0"},
		{name: "requirements that lead nowhere", index: needs("!!", "beta @ https://files.example/beta.zip"), roots: []string{"alpha"}, want: "alpha: 1.0"},
		{name: "a source distribution only", index: newUniverse().file("alpha", map[string]any{"filename": "alpha-1.0.tar.gz"}), roots: []string{"alpha"}, want: "alpha: ",
			unread: "alpha==1.0: no wheel, and no metadata of its source distribution is announced"},
		{name: "files of nothing", index: needs().file("alpha", map[string]any{"filename": "beta-9.tar.gz"}).file("alpha", map[string]any{"filename": "alpha-9.exe"}), roots: []string{"alpha"}, want: "alpha: 1.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lb := newLoopback(t, test.index)
			var first []kb.Listing
			for _, concurrency := range []int{1, 8} {
				o := test.options
				o.Client = client(t, lb.index(""), "", func(c *ClientOptions) { c.Concurrency = concurrency })
				done, total := 0, 0
				o.Progress = func(d, n int, what string) {
					if d != done+1 || n < d || n < total || what == "" {
						t.Errorf("progress %d of %d (%q) after %d of %d", d, n, what, done, total)
					}
					done, total = d, n
				}
				got, report := readLive(t, o, test.roots...)
				if s := read(got); s != test.want {
					t.Errorf("read %q, want %q", s, test.want)
				}
				if s := strings.Trim(fmt.Sprint(report.Missing), "[]"); s != test.missing {
					t.Errorf("missing %q, want %q", s, test.missing)
				}
				if s := strings.Trim(fmt.Sprint(report.Unread), "[]"); s != test.unread || len(report.Unknown) > 0 {
					t.Errorf("unread %q, unknown %v, want %q", s, report.Unknown, test.unread)
				}
				if done != total || report.Projects != len(got) || report.Requests != o.Client.Requests() {
					t.Errorf("%d of %d done; report %+v", done, total, report)
				}
				if first == nil {
					first = got
				}
				sameListings(t, got, first)
			}
		})
	}
}

// TestLiveWheel: the file whose metadata is read.
func TestLiveWheel(t *testing.T) {
	file := func(names ...string) (files []py.File) {
		for _, n := range names {
			files = append(files, py.File{Filename: strings.TrimSuffix(n, "!"), URL: "https://files.example/x", Yanked: strings.HasSuffix(n, "!")})
		}
		return files
	}
	tests := []struct {
		files     []py.File
		announced string
		want      string
	}{
		{nil, "", ""},
		{file("a-1.tar.gz"), "", ""},
		{file("a-1.tar.gz"), "a-1.tar.gz", "a-1.tar.gz"},
		{file("a-1-cp39-cp39-win32.whl", "a-1-cp310-cp310-win32.whl", "a-1.tar.gz"), "a-1.tar.gz", "a-1-cp310-cp310-win32.whl"},
		{file("a-1-cp39-cp39-win32.whl", "a-1-py3-none-any.whl"), "", "a-1-py3-none-any.whl"},
		{file("a-1-cp39-cp39-win32.whl", "a-1-py3-none-any.whl"), "a-1-cp39-cp39-win32.whl", "a-1-cp39-cp39-win32.whl"},
		{file("a-1-cp310-cp310-win32.whl!", "a-1-cp39-cp39-win32.whl"), "", "a-1-cp39-cp39-win32.whl"},
		{[]py.File{{Filename: "a-1-py3-none-any.whl"}}, "", ""}, // no URL
	}
	for _, test := range tests {
		got, ok := bestFile(test.files, map[string]string{test.announced: ""})
		if got.Filename != test.want || ok != (test.want != "") {
			t.Errorf("of %v with %q announced: %q, %v, want %q", test.files, test.announced, got.Filename, ok, test.want)
		}
	}
}

// TestLiveWrongHash: metadata that is not what the index announced is not used,
// not replaced by another and not kept.
func TestLiveWrongHash(t *testing.T) {
	u := small()
	text := u.MapFS["metadata/beta/1.0"].Data
	announce := func(sum string) {
		u.change("beta", func(e map[string]any) { e["core-metadata"] = map[string]string{"sha256": sum} })
	}
	zero := strings.Repeat("0", 64)
	announce(zero)
	lb := newLoopback(t, u)
	dir := t.TempDir()
	got, report := readLive(t, LiveOptions{Client: client(t, lb.index(""), dir)}, "alpha")
	want := "beta==1.0: " + lb.URL + "/files/beta-1.0-py3-none-any.whl.metadata: its sha256 is " + hexSHA256(text) + ", the index announced " + zero
	if len(report.Unread) != 1 || report.Unread[0].String() != want || read(got) != "alpha: 1.0; beta: " {
		t.Errorf("read %q, report\n %v, want\n %s", read(got), report.Unread, want)
	}
	wholeCache(t, dir)
	announce(hexSHA256(text))
	if got, _ := readLive(t, LiveOptions{Client: client(t, lb.index(""), dir)}, "alpha"); read(got) != "alpha: 1.0; beta: 1.0" {
		t.Errorf("rightly announced: read %q", read(got))
	}
	// What is kept counts only while it is what the index announces.
	announce(zero)
	if got, _ := readLive(t, LiveOptions{Client: client(t, lb.index(""), dir)}, "alpha"); read(got) != "alpha: 1.0; beta: " {
		t.Errorf("wrongly announced again: read %q", read(got))
	}
}

// TestLiveResumes: a reading that was cut short is continued, not begun anew:
// no metadata is asked for twice, listings by their age.
func TestLiveResumes(t *testing.T) {
	u := newUniverse()
	for i := range 8 {
		u.release(fmt.Sprintf("p%d", i), "1.0", fmt.Sprintf("p%d", i+1))
	}
	u.release("p8", "1.0")
	lb := newLoopback(t, u)
	dir := t.TempDir()
	broken := errors.New("disk full")
	req, err := py.ParseRequirement("p0")
	if err != nil {
		t.Fatal(err)
	}
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		if isPage(r, "p5") {
			w.WriteHeader(403)
			return true
		}
		return noMetadata(w, r)
	})
	o := LiveOptions{Client: client(t, lb.index(""), dir), Projects: []py.Requirement{req}, Age: time.Hour}
	if _, err := Live(t.Context(), o, func(kb.Listing) error { return broken }); !errors.Is(err, broken) || err.Error() != "add p0: disk full" {
		t.Errorf("error is %v, want add's", err)
	}
	lb.set(nil)
	o.Projects = nil
	o.Client = client(t, lb.index(""), dir)
	got, _ := readLive(t, o, "p0")
	if want := 4; len(lb.asked()) != 2*want || len(got) != 9 { // pages and metadata of p5 to p8
		t.Errorf("read %d projects by %d requests: %q", len(got), len(lb.asked()), lb.asked())
	}
	lb.set(nil)
	o.Client = client(t, lb.index(""), dir)
	if again, _ := readLive(t, o, "p0"); len(lb.asked()) != 0 {
		t.Errorf("with everything kept: %q", lb.asked())
	} else {
		sameListings(t, again, got)
	}
	lb.set(nil)
	o.Client = client(t, lb.index(""), dir, func(c *ClientOptions) {
		c.Now = func() time.Time { return newClock().now.Add(2 * time.Hour) }
	})
	readLive(t, o, "p0")
	if asked := lb.asked(); len(asked) != 9 || slices.ContainsFunc(asked, func(s string) bool { return !strings.HasPrefix(s, "/simple/") }) {
		t.Errorf("with old listings: %q", asked)
	}
}

// TestLiveBound: releases that need more projects than there can be end the reading.
func TestLiveBound(t *testing.T) {
	u := newUniverse()
	for release := range 12 {
		needs := make([]string, maxProjects/10)
		for i := range needs {
			needs[i] = fmt.Sprintf("p%d-%d", release, i)
		}
		u.release("alpha", fmt.Sprint(release), needs...)
	}
	lb := newLoopback(t, u)
	req, err := py.ParseRequirement("alpha")
	if err != nil {
		t.Fatal(err)
	}
	o := LiveOptions{Client: client(t, lb.index(""), ""), Projects: []py.Requirement{req}, Newest: 12}
	report, err := Live(t.Context(), o, func(kb.Listing) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "the projects needed are more than 100000 (after alpha==") {
		t.Errorf("error is %v, report %+v", err, report)
	}
}

// TestLiveDiskFails: a cache that cannot be written ends the reading; it is
// not a fault of the index.
func TestLiveDiskFails(t *testing.T) {
	lb := newLoopback(t, small())
	dir := filepath.Join(t.TempDir(), "cache")
	c := client(t, lb.index(""), dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	req, err := py.ParseRequirement("alpha")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Live(t.Context(), LiveOptions{Client: c, Projects: []py.Requirement{req}}, func(kb.Listing) error { return nil })
	if !errors.Is(err, errCache) {
		t.Errorf("error is %v", err)
	}
}

// TestConformanceLoopback serves a part of a real index and reads ten projects
// of it, with a cache and again from the cache: the listings are those
// that Directory reads from the files.
func TestConformanceLoopback(t *testing.T) {
	archive := kbtest.Zip(t, "pypi.zip")
	want := map[py.Name]kb.Listing{}
	if _, err := Directory(t.Context(), archive, func(l kb.Listing) error {
		want[l.Name] = l
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	lb := newLoopback(t, archive)
	cache := t.TempDir()
	var roots []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if l := want[name]; len(roots) < 10 && len(l.Files) > 0 && len(l.Metadata) > 0 {
			roots = append(roots, string(name))
		}
	}
	for i, what := range []string{"from the server", "from the cache"} {
		lb.set(nil)
		c := client(t, lb.index(""), cache)
		// So many that every release is wanted; one without metadata is a 404.
		got, report := readLive(t, LiveOptions{Client: c, Newest: 1 << 20, Age: time.Hour}, roots...)
		if len(report.Unknown) > 0 || len(report.Faults) > 0 {
			t.Errorf("%s: %v %v", what, report.Unknown, report.Faults)
		}
		byName := map[py.Name]kb.Listing{}
		for _, l := range got {
			byName[l.Name] = l
		}
		for _, root := range roots {
			name := py.NormalizeName(root)
			l, w := byName[name], want[name]
			for j, f := range l.Files {
				if f.URL != lb.URL+"/files/"+f.Filename {
					t.Fatalf("%s has the URL %s", f.Filename, f.URL)
				}
				l.Files[j].URL = "" // the saved files have none
			}
			for _, metadata := range [][]py.Metadata{l.Metadata, w.Metadata} {
				slices.SortFunc(metadata, func(a, b py.Metadata) int { return a.Version.Compare(b.Version) })
			}
			sameListings(t, []kb.Listing{l}, []kb.Listing{w})
		}
		if i == 1 {
			for _, path := range lb.asked() {
				if name := askedPage(path); name != "" && !slices.Contains(report.Missing, name) {
					t.Errorf("%s was asked for although it is kept", path)
				}
			}
		}
	}
}

// askedPage returns the project whose page a path is.
func askedPage(path string) py.Name {
	name, _ := strings.CutPrefix(path, "/simple/")
	if name == path {
		return ""
	}
	return py.Name(strings.TrimSuffix(name, "/"))
}

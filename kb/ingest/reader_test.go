package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	local, err := kb.OpenLocal(t.Context(), filepath.Join(t.TempDir(), "local.db"))
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

// TestReaderMisbehaviour reads an index that does one thing wrong, checks what
// is said of it and that local knowledge is whole, and reads it again, well
// behaved: local knowledge must then be that of a clean reading.
func TestReaderMisbehaviour(t *testing.T) {
	universe := func() *universe {
		return newUniverse().release("alpha", "1.0", "beta>=1", "gamma").release("beta", "1.0").release("beta", "2.0").release("gamma", "1.0")
	}
	beta := func(do func(w http.ResponseWriter, r *http.Request)) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !isPage(r, "beta") {
				return false
			}
			do(w, r)
			return true
		}
	}
	status := func(code int) func(w http.ResponseWriter, r *http.Request) bool {
		return beta(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
	}
	times := func(n int32, do func(w http.ResponseWriter, r *http.Request) bool) func(w http.ResponseWriter, r *http.Request) bool {
		var met atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) bool {
			return isPage(r, "beta") && met.Add(1) <= n && do(w, r)
		}
	}
	// The other host must not get the password, and its answer counts.
	var leaked atomic.Value
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if login := r.Header.Get("Authorization"); login != "" {
			leaked.Store(login)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(stranger.Close)

	tests := []struct {
		name       string
		misbehave  func(w http.ResponseWriter, r *http.Request) bool
		announce   string // sha256 of beta's metadata that the listing announces
		unknown    string // {} stands for the server
		unreadable string
		missing    string
		slept      int
		most       int // requests, 0: not checked
	}{
		{name: "nothing wrong", most: 6},
		{name: "HTML only", misbehave: htmlOnly(universe().MapFS)},
		{name: "no .metadata", misbehave: noMetadata, most: 7},
		{name: "no ranges", misbehave: rangeless},
		{name: "neither .metadata nor ranges", misbehave: func(w http.ResponseWriter, r *http.Request) bool {
			return noMetadata(w, r) || rangeless(w, r)
		}},
		{name: "absent", misbehave: status(404), missing: "beta"},
		{name: "401", misbehave: status(401), unknown: "beta: {}/simple/beta/: answered 401 Unauthorized (it wants other credentials: see the index URL, netrc and the proxy's URL)"},
		{name: "403", misbehave: status(403), unknown: "beta: {}/simple/beta/: answered 403 Forbidden (it wants other credentials: see the index URL, netrc and the proxy's URL)"},
		{name: "a burst of 500", misbehave: times(3, status(500)), slept: 3},
		{name: "500 without end", misbehave: status(500), unknown: "beta: {}/simple/beta/: answered 500 Internal Server Error (tried 4 times)", slept: 3},
		{name: "429 with Retry-After", misbehave: times(2, beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusTooManyRequests)
		})), slept: 2},
		{name: "429 for too long", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}), unknown: "beta: {}/simple/beta/: answered 429 Too Many Requests (it asks to wait 1h0m0s)"},
		{name: "slow", misbehave: beta(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
			unknown: "beta: {}/simple/beta/: no answer in time (100ms without a byte, 2s in all) (tried 4 times)", slept: 3},
		{name: "cut connections", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"meta":`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}), unknown: "beta: {}/simple/beta/: the connection was cut (tried 4 times)", slept: 3},
		{name: "a huge body", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1099511627776")
		}), unknown: "beta: {}/simple/beta/: larger than 67108864 bytes"},
		{name: "no JSON", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"meta":`)
		}), unknown: "beta: {}/simple/beta/: page of beta: unexpected end of JSON input"},
		{name: "metadata with another hash", announce: strings.Repeat("0", 64),
			unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl.metadata: its sha256 is " + hexSHA256(universe().MapFS["metadata/beta/2.0"].Data) + ", the index announced " + strings.Repeat("0", 64)},
		{name: "a redirect to another host", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stranger.URL+"/simple/beta/?token=secret", http.StatusFound)
		}), unknown: "beta: " + stranger.URL + "/simple/beta/: answered 401 Unauthorized (it wants other credentials: see the index URL, netrc and the proxy's URL)"},
		{name: "a redirect loop", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/simple/beta/?again", http.StatusFound)
		}), unknown: "beta: {}/simple/beta/: more than 10 redirects"},
		{name: "a wheel that is none", misbehave: func(w http.ResponseWriter, r *http.Request) bool {
			if noMetadata(w, r) {
				return true
			}
			if strings.HasPrefix(r.URL.Path, "/files/beta-2") {
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(noise(1000)))
				return true
			}
			return false
		}, unknown: fmt.Sprintf("beta==2.0: {}/files/beta-2.0-py3-none-any.whl: has 1000 bytes, expected %d", len(universe().MapFS["files/beta-2.0-py3-none-any.whl"].Data))},
	}
	clean := newLoopback(t, universe())
	cleanLocal := openLocal(t)
	clock := newClock()
	readAll(t, readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: clean.index("")}}, nil, nil), cleanLocal), "alpha")
	want := learnt(t, cleanLocal)
	if len(want) != 6 {
		t.Fatalf("a clean reading gives %q", want)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := universe()
			if test.announce != "" {
				u.change("beta", func(e map[string]any) { e["core-metadata"] = map[string]string{"sha256": test.announce} })
			}
			lb := newLoopback(t, u)
			lb.set(test.misbehave)
			clock, local := newClock(), openLocal(t)
			options := func() ReaderOptions {
				x := indexes(t, clock, []IndexSpec{{URL: lb.index("bob:hunter2@")}}, nil, nil, func(o *ClientOptions) {
					if test.name == "slow" {
						o.Timeout = 100 * time.Millisecond
					}
				})
				return readerOptions(t, clock, x, local)
			}
			report := readAll(t, options(), "alpha")
			check := func(what, got, want string) {
				if want = strings.ReplaceAll(want, "{}", lb.URL); got != want && !(want != "" && strings.HasPrefix(got, want+"; and no .metadata: ")) {
					t.Errorf("%s is\n %s, want\n %s", what, got, want)
				}
			}
			check("Unknown", texts(report.Unknown), test.unknown)
			check("Unreadable", texts(report.Unreadable), test.unreadable)
			check("Stale", texts(report.Stale), "")
			check("Missing", strings.Trim(fmt.Sprint(report.Missing), "[]"), test.missing)
			if len(clock.slept) != test.slept {
				t.Errorf("waited %v, want %d waits", clock.slept, test.slept)
			}
			if n := len(lb.asked()); n < report.Requests-1 || n > report.Requests || test.most > 0 && n > test.most {
				t.Errorf("%d requests of %d, want at most %d: %q", n, report.Requests, test.most, lb.asked())
			}
			for _, line := range learnt(t, local) {
				if strings.Contains(line, "hunter2") || !slices.Contains(want, line) && test.missing == "" {
					t.Errorf("learnt %s", line)
				}
			}
			if test.unknown == "" && test.missing == "" && !slices.Equal(learnt(t, local), want) {
				t.Errorf("learnt\n %q, want\n %q", learnt(t, local), want)
			}
			if strings.Contains(texts(report.Unknown), "secret") || leaked.Load() != nil {
				t.Errorf("credentials got out: %v, %v", report.Unknown, leaked.Load())
			}

			for _, f := range u.pages["beta"]["files"].([]map[string]any) {
				delete(f, "core-metadata")
			}
			u.change("beta", func(map[string]any) {})
			lb.set(nil)
			clock.Sleep(t.Context(), time.Hour)
			report = readAll(t, options(), "alpha")
			if len(report.Unknown)+len(report.Unreadable)+len(report.Stale)+len(report.Missing) > 0 {
				t.Errorf("well again, and yet %+v", report)
			}
			if got := learnt(t, local); !slices.Equal(got, want) {
				t.Errorf("learnt\n %q, want\n %q", got, want)
			}
		})
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

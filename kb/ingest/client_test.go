package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// small is the index most tests read: one project that needs another.
func small() *universe {
	return newUniverse().release("alpha", "1.0", "beta>=1").release("beta", "1.0")
}

func noMetadata(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, ".metadata") {
		http.NotFound(w, r)
		return true
	}
	return false
}

func isPage(r *http.Request, name string) bool { return r.URL.Path == "/simple/"+name+"/" }

// TestMisbehaviour reads an index that does one thing wrong, checks what is
// said of it, and then reads it again, well behaved, with the same cache: the
// result must be what a clean reading gives.
func TestMisbehaviour(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !isPage(r, "beta") {
				return false
			}
			w.WriteHeader(code)
			return true
		}
	}
	tests := []struct {
		name      string
		misbehave func(w http.ResponseWriter, r *http.Request) bool
		unknown   string // beginning of the report's only Unknown, {} stands for the server
		unread    string // the same of Unread
		missing   string
		announce  bool // that there is a .metadata
		slept     int  // how often the client waited, -1: not checked
	}{
		{name: "nothing wrong"},
		{name: "no .metadata", misbehave: noMetadata},
		{
			name:      "a project is absent",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool { return status(404)(w, r) },
			missing:   "beta",
		},
		{
			name: "neither .metadata nor ranges",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/files/beta") && strings.HasSuffix(r.URL.Path, ".whl") {
					w.(http.Flusher).Flush() // 200, of unknown length
					return true
				}
				return noMetadata(w, r)
			},
			unread: "beta==1.0: {}/files/beta-1.0-py3-none-any.whl: its sha256 is e3b0c442",
		},
		{
			name:      "401",
			misbehave: status(401),
			unknown:   "beta: {}/simple/beta/: answered 401 Unauthorized (it wants other credentials: see the index URL, netrc and the proxy's URL)",
		},
		{
			name:      "403",
			misbehave: status(403),
			unknown:   "beta: {}/simple/beta/: answered 403 Forbidden",
		},
		{
			name:      "500 without end",
			misbehave: status(500),
			unknown:   "beta: {}/simple/beta/: answered 500 Internal Server Error (tried 4 times)",
			slept:     3,
		},
		{
			name: "a burst of 503",
			misbehave: func() func(w http.ResponseWriter, r *http.Request) bool {
				var n atomic.Int32
				return func(w http.ResponseWriter, r *http.Request) bool {
					return isPage(r, "beta") && n.Add(1) <= 3 && status(503)(w, r)
				}
			}(),
			slept: 3,
		},
		{
			name: "429 that asks for too long a wait",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Retry-After", "3600")
				return status(429)(w, r)
			},
			unknown: "beta: {}/simple/beta/: answered 429 Too Many Requests (it asks to wait 1h0m0s)",
		},
		{
			name: "a picture",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					w.Header().Set("Content-Type", "image/png")
					return true
				}
				return false
			},
			unknown: `beta: {}/simple/beta/: serves neither PEP 691 JSON nor PEP 503 HTML (its answer is "image/png")`,
		},
		{
			name:      "406",
			misbehave: status(406),
			unknown:   "beta: {}/simple/beta/: serves neither PEP 691 JSON nor PEP 503 HTML",
		},
		{
			name: "JSON that is none",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprint(w, `{"meta":`)
					return true
				}
				return false
			},
			unknown: "beta: {}/simple/beta/: page of beta: unexpected end of JSON input",
		},
		{
			name: "connections cut",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
					w.Header().Set("Content-Length", "1000")
					fmt.Fprint(w, `{"meta":`)
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
				return false
			},
			unknown: "beta: {}/simple/beta/: the connection was cut (tried 4 times)",
			slept:   3,
		},
		{
			name: "a connection cut once in .metadata",
			misbehave: func() func(w http.ResponseWriter, r *http.Request) bool {
				var n atomic.Int32
				return func(w http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, ".metadata") && n.Add(1) == 1 {
						w.Header().Set("Content-Length", "1000")
						fmt.Fprint(w, "Metadata-Version: 2.1\n")
						w.(http.Flusher).Flush()
						panic(http.ErrAbortHandler)
					}
					return false
				}
			}(),
			slept: 1,
		},
		{
			name: "a huge page, announced",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Length", "1099511627776")
					w.WriteHeader(200)
					return true
				}
				return false
			},
			unknown: "beta: {}/simple/beta/: larger than 67108864 bytes",
		},
		{
			name: "a huge .metadata, not announced",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/files/beta") || !strings.HasSuffix(r.URL.Path, ".metadata") {
					return false
				}
				block := make([]byte, 1<<20)
				for range 10 {
					if _, err := w.Write(block); err != nil {
						break
					}
				}
				return true
			},
		},
		{
			name: "a redirect loop",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					http.Redirect(w, r, "/simple/beta/?again", http.StatusFound)
					return true
				}
				return false
			},
			unknown: "beta: {}/simple/beta/: more than 10 redirects",
		},
		{
			name: "a redirect to nowhere",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if isPage(r, "beta") {
					w.Header().Set("Location", "file:///etc/passwd")
					w.WriteHeader(302)
					return true
				}
				return false
			},
			unknown: "beta: {}/simple/beta/: redirects to something that is not http",
		},
		{
			name: "a page of someone else as .metadata", // the wheel has the true one
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, ".metadata") {
					fmt.Fprint(w, "<html>welcome</html>")
					return true
				}
				return false
			},
		},
		{
			name: "403 for an unannounced .metadata", // as object stores say it
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, ".metadata") {
					w.WriteHeader(403)
					return true
				}
				return false
			},
		},
		{
			name: "500 for .metadata is not absence",
			misbehave: func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/files/beta") && strings.HasSuffix(r.URL.Path, ".metadata") {
					w.WriteHeader(500)
					return true
				}
				return false
			},
			announce: true,
			unread:   "beta==1.0: {}/files/beta-1.0-py3-none-any.whl.metadata: answered 500 Internal Server Error (tried 4 times)",
			slept:    3,
		},
	}
	clean := newLoopback(t, small())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := small()
			if test.announce {
				for _, name := range []string{"alpha", "beta"} {
					u.change(name, func(e map[string]any) { e["core-metadata"] = true })
				}
			}
			lb := newLoopback(t, u)
			dir := t.TempDir()
			lb.set(test.misbehave)
			clock := newClock()
			c := client(t, lb.index(""), dir, func(o *ClientOptions) { o.Now, o.Sleep = clock.Now, clock.Sleep })
			_, report := readLive(t, LiveOptions{Client: c}, "alpha")
			check := func(what string, got []Fault, want string) {
				want = strings.ReplaceAll(want, "{}", lb.URL)
				switch {
				case want == "" && len(got) > 0:
					t.Errorf("%s is %v, want none", what, got)
				case want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].String(), want)):
					t.Errorf("%s is\n %v, want\n [%s…]", what, got, want)
				}
			}
			check("Unknown", report.Unknown, test.unknown)
			check("Unread", report.Unread, test.unread)
			if got := fmt.Sprint(report.Missing); got != "["+test.missing+"]" {
				t.Errorf("Missing is %s, want [%s]", got, test.missing)
			}
			if len(clock.slept) != test.slept {
				t.Errorf("waited %v, want %d waits", clock.slept, test.slept)
			}
			wholeCache(t, dir)

			lb.set(nil)
			got, report := readLive(t, LiveOptions{Client: client(t, lb.index(""), dir), Age: time.Hour}, "alpha")
			if len(report.Unknown)+len(report.Unread)+len(report.Missing)+len(report.Faults) > 0 {
				t.Errorf("well again, and yet %+v", report)
			}
			want, _ := readLive(t, LiveOptions{Client: client(t, clean.index(""), "")}, "alpha")
			for i := range got {
				for j := range got[i].Files {
					got[i].Files[j].URL = strings.Replace(got[i].Files[j].URL, lb.URL, clean.URL, 1)
				}
			}
			sameListings(t, got, want)
			if len(got) != 2 || len(got[0].Metadata) != 1 || len(got[1].Metadata) != 1 {
				t.Errorf("read %+v, want two projects with metadata", got)
			}
		})
	}
}

// TestWaits: an index's own Retry-After counts, in seconds and as a date; the
// client never comes back earlier, and without one waits longer each time.
func TestWaits(t *testing.T) {
	tests := []struct {
		retryAfter string
		least      []time.Duration
	}{
		{"", []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}},
		{"7", []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}},
		{"Tue, 24 Nov 2026 12:00:30 GMT", []time.Duration{30 * time.Second, time.Second}},
		{"soon", []time.Duration{500 * time.Millisecond}},
	}
	for _, test := range tests {
		t.Run(test.retryAfter, func(t *testing.T) {
			lb := newLoopback(t, small())
			var n atomic.Int32
			lb.set(func(w http.ResponseWriter, r *http.Request) bool {
				if int(n.Add(1)) > len(test.least) {
					return false
				}
				w.Header().Set("Retry-After", test.retryAfter)
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			})
			clock := newClock()
			c := client(t, lb.index(""), "", func(o *ClientOptions) { o.Now, o.Sleep = clock.Now, clock.Sleep })
			if _, err := c.Page(t.Context(), "alpha", 0); err != nil {
				t.Fatal(err)
			}
			if len(clock.slept) != len(test.least) {
				t.Fatalf("waited %v, want at least %v", clock.slept, test.least)
			}
			spread := false
			for i, d := range clock.slept {
				if d < test.least[i] || d > test.least[i]*3/2 {
					t.Errorf("wait %d is %v, want %v to half as long again", i, d, test.least[i])
				}
				spread = spread || d != test.least[i]
			}
			if !spread {
				t.Errorf("waits %v have no jitter", clock.slept)
			}
		})
	}
}

// TestRedirects: ten are followed, the eleventh is not.
func TestRedirects(t *testing.T) {
	lb := newLoopback(t, small())
	for _, chain := range []int{10, 11} {
		n := 0
		lb.set(func(w http.ResponseWriter, r *http.Request) bool {
			if n++; n > chain {
				return false
			}
			http.Redirect(w, r, fmt.Sprintf("/simple/beta/?%d", n), http.StatusTemporaryRedirect)
			return true
		})
		_, err := client(t, lb.index(""), "").Page(t.Context(), "beta", 0)
		if (err == nil) != (chain == 10) || len(lb.asked()) != 11 {
			t.Errorf("%d redirects: %v after %d requests", chain, err, len(lb.asked()))
		}
	}
}

// TestSilence: a server that says nothing is left, one that is slow but
// speaks is not.
func TestSilence(t *testing.T) {
	lb := newLoopback(t, small())
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	c := client(t, lb.index(""), "", func(o *ClientOptions) { o.Timeout = 30 * time.Millisecond })
	_, err := c.Page(t.Context(), "alpha", 0)
	want := lb.URL + "/simple/alpha/: no answer in time (30ms without a byte, 600ms in all) (tried 4 times)"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}

	text := string(small().MapFS["simple/alpha/index.json"].Data)
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		for part := range slices.Chunk([]byte(text), len(text)/5+1) {
			w.Write(part)
			w.(http.Flusher).Flush()
			time.Sleep(300 * time.Millisecond) // five times: longer than the limit for silence
		}
		return true
	})
	c = client(t, lb.index(""), "", func(o *ClientOptions) { o.Timeout = time.Second })
	if _, err := c.Page(t.Context(), "alpha", 0); err != nil || len(lb.asked()) != 1 {
		t.Errorf("slow but speaking: %v after %q", err, lb.asked())
	}
}

// TestCancel: the end of the context ends the reading at once, whatever it waits for.
func TestCancel(t *testing.T) {
	lb := newLoopback(t, small())
	reached := make(chan struct{}, 100)
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		reached <- struct{}{}
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	start := time.Now()
	req, err := py.ParseRequirement("alpha")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Live(ctx, LiveOptions{Client: client(t, lb.index(""), ""), Projects: []py.Requirement{req}}, nil)
	if !errors.Is(err, context.Canceled) || time.Since(start) > 2*time.Second {
		t.Errorf("ended after %v with %v", time.Since(start), err)
	}

	// While it waits to try again.
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(503)
		reached <- struct{}{}
		return true
	})
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	c := client(t, lb.index(""), "", func(o *ClientOptions) { o.Sleep = nil })
	if _, err := c.Page(ctx, "alpha", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// TestConcurrency: never more requests at once than asked for, and that many.
func TestConcurrency(t *testing.T) {
	u := newUniverse()
	var roots []string
	for i := range 12 {
		name := fmt.Sprintf("p%d", i)
		u.release(name, "1.0")
		roots = append(roots, name)
	}
	lb := newLoopback(t, u)
	var now, most atomic.Int32
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		return false
	})
	readLive(t, LiveOptions{Client: client(t, lb.index(""), "", func(o *ClientOptions) { o.Concurrency = 3 })}, roots...)
	if most.Load() != 3 {
		t.Errorf("%d requests at once, want 3", most.Load())
	}
}

// TestAbsentMetadataIsRememberedForTheRun: one 404 a file, and a new client asks again.
func TestAbsentMetadataIsRememberedForTheRun(t *testing.T) {
	u := newUniverse().release("alpha", "1.0")
	delete(u.MapFS, "files/alpha-1.0-py3-none-any.whl")
	lb := newLoopback(t, u)
	lb.set(noMetadata)
	dir := t.TempDir()
	f := RemoteFile{
		File:    py.File{Filename: "alpha-1.0-py3-none-any.whl", URL: lb.URL + "/files/alpha-1.0-py3-none-any.whl"},
		Package: py.Package{Name: "alpha", Version: version(t, "1.0")},
	}
	c := client(t, lb.index(""), dir)
	for range 3 {
		if _, err := c.Metadata(t.Context(), f); !errors.Is(err, ErrAbsent) {
			t.Errorf("error is %v, want one that is ErrAbsent", err)
		}
	}
	side := 0
	for _, path := range lb.asked() {
		if strings.HasSuffix(path, ".metadata") {
			side++
		}
	}
	if side != 1 {
		t.Errorf(".metadata was asked for %d times", side)
	}
	lb.set(nil)
	if _, err := client(t, lb.index(""), dir).Metadata(t.Context(), f); err != nil {
		t.Errorf("a later run: %v", err)
	}
}

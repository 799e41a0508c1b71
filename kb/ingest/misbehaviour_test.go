package ingest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
)

// TestReaderMisbehaviour reads an index that does one thing wrong, checks what
// is said of it and that local knowledge is whole, and reads it again, well
// behaved: local knowledge must then be that of a clean reading.
func TestReaderMisbehaviour(t *testing.T) {
	universe := func() *universe {
		return newUniverse().release("alpha", "1.0", "beta>=1", "gamma").release("beta", "1.0").release("beta", "2.0").heavy("beta", "2.0").release("gamma", "1.0")
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

	other := newLoopback(t, universe())
	wheel := universe().MapFS["files/beta-2.0-py3-none-any.whl"].Data
	gamma := universe().MapFS["files/gamma-1.0-py3-none-any.whl"].Data
	short := damage(gamma, 60) // in a member that nobody reads
	altered := damage(wheel, len(wheel)/2)
	betaMetadata := func(do func(w http.ResponseWriter)) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/files/beta-2.0-py3-none-any.whl.metadata" {
				return false
			}
			do(w)
			return true
		}
	}
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
		{name: "401 for metadata", announce: "true", misbehave: betaMetadata(func(w http.ResponseWriter) { w.WriteHeader(401) }),
			unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl.metadata: answered 401 Unauthorized (it wants other credentials: see the index URL, netrc and the proxy's URL)"},
		{name: "500 for metadata without end", announce: "true", misbehave: betaMetadata(func(w http.ResponseWriter) { w.WriteHeader(500) }),
			unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl.metadata: answered 500 Internal Server Error (tried 4 times)", slept: 3},
		{name: "metadata that is cut off", announce: "true", misbehave: betaMetadata(func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "Metadata-Version: 2.1\nName: beta\nVersion: 2.0\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}), unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl.metadata: the connection was cut (tried 4 times)", slept: 3},
		{name: "a huge body, not announced", announce: "true", misbehave: betaMetadata(func(w http.ResponseWriter) {
			block := make([]byte, 1<<20)
			for range 10 {
				if _, err := w.Write(block); err != nil {
					break
				}
			}
		}), unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl.metadata: larger than 8388608 bytes"},
		{name: "a huge body, packed", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			block := bytes.Repeat([]byte(" "), 1<<20)
			for range MaxDocument>>20 + 1 {
				if _, err := z.Write(block); err != nil {
					break
				}
			}
			_ = z.Close()
		}), unknown: "beta: {}/simple/beta/: larger than 67108864 bytes"},
		{name: "a wheel with another hash", misbehave: func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/files/beta-2") && strings.HasSuffix(r.URL.Path, ".whl") {
				_, _ = w.Write(altered) // no ranges: the whole is read, and checked
				return true
			}
			return noMetadata(w, r)
		}, unknown: "beta==2.0: {}/files/beta-2.0-py3-none-any.whl: its sha256 is " + hexSHA256(altered) + ", the index announced " + hexSHA256(wheel)},
		{name: "a short wheel with another hash", misbehave: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/files/gamma-1.0-py3-none-any.whl" {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(short))
				return true
			}
			return noMetadata(w, r)
		}, unknown: "gamma==1.0: {}/files/gamma-1.0-py3-none-any.whl: its sha256 is " + hexSHA256(short) + ", the index announced " + hexSHA256(gamma)},
		{name: "429 without end", misbehave: beta(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		}), unknown: "beta: {}/simple/beta/: answered 429 Too Many Requests (tried 4 times)", slept: 3},
		{name: "a redirect to another host that has it", misbehave: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusFound)
			return true
		}},
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
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(noise(len(wheel)+1)))
				return true
			}
			return false
		}, unknown: fmt.Sprintf("beta==2.0: {}/files/beta-2.0-py3-none-any.whl: has %d bytes, expected %d", len(wheel)+1, len(wheel))},
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
			if test.announce == "true" {
				u.change("beta", func(e map[string]any) { e["core-metadata"] = true })
			}
			lb := newLoopback(t, u)
			lb.set(test.misbehave)
			clock, file := newClock(), filepath.Join(t.TempDir(), "local.db")
			local := openLocalAt(t, file)
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
			if n := len(lb.asked()); n+len(other.asked()) < report.Requests-1 || n > report.Requests || test.most > 0 && n > test.most {
				t.Errorf("%d requests of %d, want at most %d: %q", n, report.Requests, test.most, lb.asked())
			}
			if got, left := wholeLocal(t, file), leftOf(want, test.unknown, test.missing); !slices.Equal(got, left) {
				t.Errorf("learnt\n %q, want\n %q", got, left)
			}
			if strings.Contains(texts(report.Unknown), "secret") || leaked.Load() != nil {
				t.Errorf("credentials got out: %v, %v", report.Unknown, leaked.Load())
			}
			if got := other.passwords(); len(got) > 0 {
				t.Errorf("another host was given %q", got)
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
			if got := wholeLocal(t, file); !slices.Equal(got, want) {
				t.Errorf("learnt\n %q, want\n %q", got, want)
			}
		})
	}
}

// leftOf is what a reading learns that fails at one thing, of what a clean one
// does: neither half of it, nor that it does not exist.
func leftOf(clean []string, unknown, missing string) []string {
	failed, _, _ := strings.Cut(unknown, ": ")
	name, version, isRelease := strings.Cut(cmp.Or(failed, missing), "==")
	left := slices.DeleteFunc(slices.Clone(clean), func(line string) bool {
		if isRelease {
			return strings.HasPrefix(line, "metadata "+name+" "+version+" ")
		}
		return name != "" && strings.Fields(line)[1] == name
	})
	if missing != "" {
		left = append(left, "absent "+missing)
		slices.Sort(left)
	}
	return left
}

// wholeLocal opens local knowledge as the next process does, checks that it is
// whole, and returns what it holds.
func wholeLocal(t testing.TB, file string) []string {
	t.Helper()
	local, err := kb.OpenLocal(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("the file is damaged: %s, %v", verdict, err)
	}
	for _, f := range []string{file, file + "-wal"} {
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("%s has a password", f)
		}
	}
	return learnt(t, local)
}

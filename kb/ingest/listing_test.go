package ingest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

func TestFreshFor(t *testing.T) {
	for _, test := range []struct {
		control, age string
		want         time.Duration
	}{
		{"", "", ownAge},
		{"public", "", ownAge},
		{"max-age=600, public", "", 10 * time.Minute},
		{"Max-Age=600", "100", 500 * time.Second},
		{`max-age="60"`, "soon", time.Minute},
		{"max-age=60", "61", 0},
		{"max-age=x", "", 0},
		{"max-age=0", "", 0},
		{"no-store, max-age=60", "", 0},
		{"max-age=99999999", "", mostAge},
	} {
		h := http.Header{}
		h.Set("Cache-Control", test.control)
		h.Set("Age", test.age)
		if got := freshFor(h); got != test.want {
			t.Errorf("%q, age %q: fresh for %v, want %v", test.control, test.age, got, test.want)
		}
	}
}

// TestGuessedMetadata: unannounced .metadata are asked for until the first that
// is not there.
func TestGuessedMetadata(t *testing.T) {
	u := newUniverse()
	for _, v := range []string{"1", "2", "3", "4", "5", "6"} {
		u.release("alpha", v)
	}
	read := func(t *testing.T, lb *loopback, c *Client) (sides, parts int) {
		page, err := c.Page(t.Context(), "alpha", 0)
		if err != nil {
			t.Fatal(err)
		}
		lb.mu.Lock()
		lb.log = nil
		lb.mu.Unlock()
		for _, f := range page.Listing.Files {
			pkg, _, _ := packageOf("alpha", f.Filename)
			if _, err := c.Metadata(t.Context(), RemoteFile{File: f, Package: pkg}); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range lb.asked() {
			if strings.HasSuffix(path, ".metadata") {
				sides++
			} else {
				parts++
			}
		}
		return sides, parts
	}
	for _, test := range []struct {
		name         string
		misbehave    func(w http.ResponseWriter, r *http.Request) bool
		sides, parts int
	}{
		{"all there", nil, 6, 0},
		{"none there", noMetadata, 1, 6},
		{"the third is not", func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "alpha-3-") && noMetadata(w, r)
		}, 3, 4},
		{"a failing server says nothing", func() func(w http.ResponseWriter, r *http.Request) bool {
			var n atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, ".metadata") || n.Add(1) > tries {
					return false
				}
				w.WriteHeader(500)
				return true
			}
		}(), 4 + 5, 1},
		{"wheels not in parts", func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "alpha-1-") && noMetadata(w, r) || rangeless(w, r)
		}, 1, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			lb := newLoopback(t, u)
			lb.set(test.misbehave)
			if sides, parts := read(t, lb, client(t, lb.index(""), "")); sides != test.sides || parts != test.parts {
				t.Errorf("asked for %d .metadata and %d wheels, want %d and %d: %q", sides, parts, test.sides, test.parts, lb.asked())
			}
		})
	}
}

// TestGuessedMetadataIsNotWaitedFor: while one is awaited the others, and that
// one after a while, are read from the wheel.
func TestGuessedMetadataIsNotWaitedFor(t *testing.T) {
	u := newUniverse().release("alpha", "1").release("beta", "1")
	lb := newLoopback(t, u)
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".metadata") {
			<-r.Context().Done()
			return true
		}
		return false
	})
	c := client(t, lb.index(""), "")
	c.probe = time.Millisecond
	for _, name := range []py.Name{"alpha", "beta"} {
		page, err := c.Page(t.Context(), name, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := page.Listing.Files[0]
		if _, err := c.Metadata(t.Context(), RemoteFile{File: f, Package: py.Package{Name: name, Version: version(t, "1")}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	sides := 0
	for _, path := range lb.asked() {
		if strings.HasSuffix(path, ".metadata") {
			sides++
		}
	}
	if sides > 1 {
		t.Errorf("asked for %d .metadata: %q", sides, lb.asked())
	}
	lb.CloseClientConnections()
}

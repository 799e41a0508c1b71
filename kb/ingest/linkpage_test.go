package ingest

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
)

// linkPageServer is an index that has alpha 1.0, and pages of links.
func linkPageServer(t *testing.T) *loopback {
	u := newUniverse().release("alpha", "1.0").release("beta", "1.0")
	u.release("alpha", "2.0", "beta")
	sum := hexSHA256(u.MapFS["files/alpha-2.0-py3-none-any.whl"].Data)
	indexed := newUniverse().release("alpha", "1.0").release("beta", "1.0")
	u.MapFS["simple/alpha/index.json"] = indexed.MapFS["simple/alpha/index.json"]
	lb := newLoopback(t, u)
	pages := map[string]struct{ media, text string }{
		"/links.html": {"text/html; charset=utf-8", `<!DOCTYPE html><html><body>
			<a href="files/alpha-2.0-py3-none-any.whl#sha256=` + sum + `">alpha</a>
			<a href="/files/gamma-1.0.tar.gz">gamma</a> <a href="other.zip">?</a> <a href="/about">about</a></body></html>`},
		"/text":  {"text/plain", "alpha-2.0-py3-none-any.whl"},
		"/login": {"text/html", "<html><form>who are you?</form></html>"},
		"/wrong": {"text/html", `<a href="files/alpha-2.0-py3-none-any.whl#sha256=` + strings.Repeat("0", 64) + `">alpha</a>`},
	}
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		p, ok := pages[r.URL.Path]
		if ok {
			w.Header().Set("Content-Type", p.media)
			_, _ = w.Write([]byte(p.text))
		}
		return ok
	})
	return lb
}

// TestLinkPage: a page of links comes before the index; one that cannot be read
// leaves its projects unknown, whatever the index has.
func TestLinkPage(t *testing.T) {
	for _, c := range []struct {
		name, page string
		metadata   string // that was learnt
		unknown    string // part of the reason why alpha is
	}{
		{name: "links", page: "/links.html", metadata: "alpha==2.0 beta==1.0"},
		{name: "not HTML", page: "/text", unknown: `not an HTML page (its answer is "text/plain")`},
		{name: "not there", page: "/nothing.html", unknown: "there is no such page"},
		{name: "to log in", page: "/login", unknown: "lists no file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lb, clock, local := linkPageServer(t), new(fakeClock), openLocal(t)
			clock.now = day
			place := strings.Replace(lb.URL, "://", "://anna:s3cret@", 1) + c.page
			x := indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, []string{place})
			report := readAll(t, readerOptions(t, clock, x, local), "alpha")
			if got := metadataRead(t, local); got != c.metadata {
				t.Errorf("metadata of %q, want %q", got, c.metadata)
			}
			if got := texts(report.Unknown); c.unknown == "" && got != "" || !strings.Contains(got, c.unknown) || strings.Contains(got, "s3cret") {
				t.Errorf("unknown: %q, want %q", got, c.unknown)
			}
			asked := 0
			for _, path := range lb.asked() {
				if strings.HasPrefix(path, c.page) {
					asked++
				} else if c.unknown != "" {
					t.Errorf("%s was asked for", path)
				}
			}
			if asked != 1 {
				t.Errorf("the page was asked for %d times", asked)
			}
			err := local.Documents(t.Context(), func(d kb.Document) error {
				if strings.Contains(d.Index, "s3cret") || d.Kind == kb.KindAbsent && c.unknown != "" {
					t.Errorf("learnt %s of %s from %s", d.Kind, d.Project, d.Index)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLinkPageHash: a file that is read as a whole must have the hash of its link.
func TestLinkPageHash(t *testing.T) {
	lb, clock, local := linkPageServer(t), new(fakeClock), openLocal(t)
	clock.now = day
	pages := lb.misbehave
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".metadata") {
			http.NotFound(w, r)
			return true
		}
		return pages(w, r)
	})
	x := indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, []string{lb.URL + "/wrong"})
	for _, s := range x.sources {
		if s.client != nil {
			s.client.rangeless[strings.TrimPrefix(lb.URL, "http://")] = true
		}
	}
	report := readAll(t, readerOptions(t, clock, x, local), "alpha")
	if got := texts(report.Unknown); !strings.Contains(got, "the index announced "+strings.Repeat("0", 64)) {
		t.Errorf("unknown: %q", got)
	}
}

// TestLinkPlaces: what a place to find links may be.
func TestLinkPlaces(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	slashed := "file://" + strings.TrimSuffix("/"+strings.TrimPrefix(dir, "/"), "/")
	index := IndexSpec{URL: "https://index.example/simple"}
	for _, c := range []struct{ place, origin, fails string }{
		{place: slashed, origin: slashed},
		{place: "https://files.example/links.html", origin: "https://files.example/links.html"},
		{place: "https://anna:s3cret@files.example/", origin: "https://files.example"},
		{place: "ftp://files.example/", fails: "only directories, and pages on http and https"},
		{place: "https://index.example/simple/", fails: "it is an index as well"},
	} {
		x, err := NewIndexes([]IndexSpec{index}, nil, []string{c.place}, ClientOptions{Now: new(fakeClock).Now})
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %q", c.place, err, c.fails)
			}
		} else if err != nil || x.Route().Indexes[0] != c.origin {
			t.Errorf("%s: %v, %v", c.place, x, err)
		}
	}
}

// TestSent: requests are counted by what they are for.
func TestSent(t *testing.T) {
	u := newUniverse().release("alpha", "1.0").heavy("alpha", "1.0")
	lb, clock, local := newLoopback(t, u), new(fakeClock), openLocal(t)
	clock.now = day
	lb.set(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `"1"`)
		if strings.HasSuffix(r.URL.Path, ".metadata") {
			http.NotFound(w, r)
			return true
		}
		return false
	})
	o := readerOptions(t, clock, indexes(t, clock, []IndexSpec{{URL: lb.index("")}}, nil, nil), local)
	o.Refresh = 0
	first := readAll(t, o, "alpha")
	if s := first.Sent; s.Listings != 1 || s.Metadata != 1 || s.Files == 0 || s.Unchanged != 0 || s.Requests() != len(lb.asked()) || first.Requests != s.Requests() {
		t.Errorf("sent %+v, the index answered %q", s, lb.asked())
	}
	if s := readAll(t, o, "alpha").Sent; s.Listings != 1 || s.Unchanged != 1 {
		t.Errorf("then %+v", s)
	}
}

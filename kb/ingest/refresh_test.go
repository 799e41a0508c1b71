package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A changing index serves listings that tests change, with validators, and counts
// what it was asked for.
type changing struct {
	mu     sync.Mutex
	pages  map[string]string // by project; its text
	status map[string]int    // what it answers instead
	asked  int
	unmod  int
	etags  bool
	dates  bool
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	name := filepath.Base(r.URL.Path)
	if status := c.status[name]; status != 0 {
		http.Error(w, "no", status)
		return
	}
	text, ok := c.pages[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	tag := `"` + hexSHA256([]byte(text))[:16] + `"`
	date := "Tue, 24 Nov 2026 00:00:00 GMT"
	switch {
	case c.etags && r.Header.Get("If-None-Match") == tag, c.dates && !c.etags && r.Header.Get("If-Modified-Since") == date:
		c.unmod++
		w.WriteHeader(http.StatusNotModified)
		return
	case c.etags:
		w.Header().Set("ETag", tag)
	}
	if c.dates {
		w.Header().Set("Last-Modified", date)
	}
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	fmt.Fprint(w, text)
}

// simplePage is a listing in JSON: files by name and number of their hash, and
// what else is to be in it.
func simplePage(name string, files map[string]int, more string) string {
	var list []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		list = append(list, fmt.Sprintf(`{"filename": %q, "url": "../../files/%s", "hashes": {"sha256": "%064x"}}`, file, file, files[file]))
	}
	return fmt.Sprintf(`{"meta": {"api-version": "1.4"}, "name": %q, "files": [%s]%s}`, name, strings.Join(list, ","), more)
}

// A refresher refreshes and keeps what came of it.
type refresher struct {
	t       *testing.T
	indexes *Indexes
	local   *kb.Local
	clock   *fakeClock
}

func newRefresher(t *testing.T, specs ...IndexSpec) *refresher {
	t.Helper()
	local, err := kb.OpenLocal(t.Context(), filepath.Join(t.TempDir(), "local.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	clock := newClock()
	indexes, err := NewIndexes(specs, nil, nil, ClientOptions{Now: clock.Now, Sleep: clock.Sleep, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &refresher{t, indexes, local, clock}
}

func (r *refresher) refresh(names ...py.Name) (RefreshReport, []string) {
	r.t.Helper()
	r.clock.mu.Lock()
	r.clock.now = r.clock.now.Add(time.Hour)
	r.clock.mu.Unlock()
	var all []kb.Event
	report, err := Refresh(r.t.Context(), RefreshOptions{
		Indexes: r.indexes, Local: r.local, Now: r.clock.Now,
		Take: Watch(r.local, nil, func(events []kb.Event) { all = append(all, events...) }),
	}, names)
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(all, kb.CompareEvents)
	var events []string
	for _, e := range all {
		events = append(events, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Severity, e.Kind, e.Project, e.Version)))
	}
	return report, events
}

func serveChanging(t *testing.T, c *changing) IndexSpec {
	lb := newLoopback(t, nil)
	lb.set(func(w http.ResponseWriter, r *http.Request) bool { c.ServeHTTP(w, r); return true })
	return IndexSpec{URL: lb.index("")}
}

// Every kind of change is seen through a real index, and asked for on condition.
func TestRefresh(t *testing.T) {
	for _, test := range []struct {
		name         string
		etags, dates bool
	}{{"etag", true, true}, {"date", false, true}, {"neither", false, false}} {
		t.Run(test.name, func(t *testing.T) {
			c := &changing{etags: test.etags, dates: test.dates, status: map[string]int{}, pages: map[string]string{
				"a": simplePage("a", map[string]int{"a-1.0.tar.gz": 1, "a-2.0.tar.gz": 2}, ""),
				"b": simplePage("b", map[string]int{"b-1.0.tar.gz": 1}, ""),
				"c": simplePage("c", map[string]int{"c-1.0.tar.gz": 1}, ""),
			}}
			r := newRefresher(t, serveChanging(t, c))
			report, events := r.refresh("a", "b", "c", "d", "a")
			if report.Asked != 4 || report.Listings != 3 || len(events) > 0 || !slices.Equal(report.Missing, []py.Name{"d"}) {
				t.Errorf("first: %+v, %v", report, events)
			}
			c.asked, c.unmod = 0, 0
			report, events = r.refresh("a", "b", "c", "d")
			wanted := 0
			if test.etags || test.dates {
				wanted = 3
			}
			if len(events) > 0 || c.asked != 4 || c.unmod != wanted || report.Sent.Unchanged != wanted || report.Sent.Listings != 4 {
				t.Errorf("nothing changed: %+v, %v; asked %d, not modified %d", report, events, c.asked, c.unmod)
			}
			if test.dates && !test.etags {
				return // it changes what it says of a date: then nobody can see it
			}
			c.pages["a"] = simplePage("a", map[string]int{"a-1.0.tar.gz": 9, "a-2.0.tar.gz": 2, "a-2.0-py3-none-any.whl": 5, "a-3.0.tar.gz": 3}, "")
			c.pages["b"] = simplePage("b", map[string]int{}, `, "project-status": {"status": "quarantined"}`)
			delete(c.pages, "c")
			want := []string{
				"alarm hash-changed a 1.0", "notice file-added a 2.0", "notice release-added a 3.0", "alarm status-changed b", "warning project-removed c",
			}
			if report, events = r.refresh("a", "b", "c", "d"); !cmp.Equal(events, want) || !slices.Equal(report.Missing, []py.Name{"c", "d"}) {
				t.Errorf("changed: %+v, %s", report, cmp.Diff(want, events))
			}
			if _, events = r.refresh("d", "c", "b", "a"); len(events) > 0 {
				t.Errorf("once more: %v", events)
			}
			kept, err := r.local.Events(t.Context(), kb.EventQuery{})
			if err != nil || len(kept) != 5 {
				t.Errorf("%d kept, %v", len(kept), err)
			}
		})
	}
}

// Of an index that refuses, fails or talks nonsense nothing is concluded; what was
// known stays known, and the next index is not asked in its place.
func TestRefreshUnknown(t *testing.T) {
	good := simplePage("a", map[string]int{"a-1.0.tar.gz": 1}, "")
	for name, break_ := range map[string]func(*changing){
		"401":       func(c *changing) { c.status["a"] = http.StatusUnauthorized },
		"403":       func(c *changing) { c.status["a"] = http.StatusForbidden },
		"429":       func(c *changing) { c.status["a"] = http.StatusTooManyRequests },
		"500":       func(c *changing) { c.status["a"] = http.StatusInternalServerError },
		"503":       func(c *changing) { c.status["a"] = http.StatusServiceUnavailable },
		"not JSON":  func(c *changing) { c.pages["a"] = "{" },
		"other":     func(c *changing) { c.pages["a"] = simplePage("b", map[string]int{"b-1.0.tar.gz": 1}, "") },
		"version 2": func(c *changing) { c.pages["a"] = `{"meta": {"api-version": "2.0"}, "name": "a", "files": []}` },
	} {
		t.Run(name, func(t *testing.T) {
			c := &changing{status: map[string]int{}, pages: map[string]string{"a": good}}
			second := &changing{pages: map[string]string{"a": simplePage("a", map[string]int{"a-1.0.tar.gz": 666}, "")}}
			r := newRefresher(t, serveChanging(t, c), serveChanging(t, second))
			if _, events := r.refresh("a"); len(events) > 0 {
				t.Error(events)
			}
			break_(c)
			report, events := r.refresh("a")
			if len(events) > 0 || len(report.Unknown) != 1 || report.Listings != 0 || len(report.Missing) > 0 || report.Unknown[0].Reason == "" || second.asked > 0 {
				t.Errorf("%+v, %v; the second index was asked %d times", report, events, second.asked)
			}
			doc, ok, err := r.local.Listing(t.Context(), r.indexes.Route().Indexes[0], "a")
			if err != nil || !ok || len(doc.Listing.Files) != 1 {
				t.Errorf("what was known is gone: %+v, %v", doc, err)
			}
			c.status, c.pages = map[string]int{}, map[string]string{"a": good}
			if report, events = r.refresh("a"); len(events) > 0 || report.Listings != 1 {
				t.Errorf("well again: %+v, %v", report, events)
			}
		})
	}
}

// A refresh that is ended, or whose taker fails, says so and leaves nobody behind.
func TestRefreshEnds(t *testing.T) {
	c := &changing{pages: map[string]string{}}
	var names []py.Name
	for i := range 100 {
		name := fmt.Sprintf("p%d", i)
		c.pages[name] = simplePage(name, map[string]int{name + "-1.0.tar.gz": 1}, "")
		names = append(names, py.Name(name))
	}
	r := newRefresher(t, serveChanging(t, c))
	full := errors.New("the disk is full")
	o := RefreshOptions{Indexes: r.indexes, Local: r.local, Now: r.clock.Now, Concurrency: 3,
		Take: func(context.Context, []kb.Sighting) error { return full }}
	if _, err := Refresh(t.Context(), o, names); !errors.Is(err, full) {
		t.Errorf("a taker that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	taken := 0
	o.Take = func(_ context.Context, s []kb.Sighting) error { taken += len(s); cancel(); return nil }
	if report, err := Refresh(ctx, o, names); !errors.Is(err, context.Canceled) || taken == 0 || taken == len(names) || report.Asked == len(names) {
		t.Errorf("ended after %d: %v", taken, err)
	}
	if report, err := Refresh(t.Context(), o, nil); err != nil || report.Asked > 0 {
		t.Errorf("nothing to ask: %v", err)
	}
}

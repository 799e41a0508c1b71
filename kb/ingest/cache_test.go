package ingest

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestCache(t *testing.T) {
	c, err := OpenCache(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	plain := mustURL(t, "https://index.example/simple/x/")
	login := mustURL(t, "https://user:pass@index.example/simple/x/#frag")
	query := mustURL(t, "https://index.example/simple/x/?token=secret")
	if _, ok, err := c.get(plain); ok || err != nil {
		t.Fatalf("an empty cache has something: %v, %v", ok, err)
	}
	for _, body := range []string{"", "first", "line\nline\n\x00"} {
		if err := c.put(login, entry{Base: "b", Type: "t", Fetched: 7, body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		e, ok, err := c.get(plain)
		if !ok || err != nil || string(e.body) != body || e.Base != "b" || e.Type != "t" || e.Fetched != 7 {
			t.Errorf("got %+v, %v, %v for %q", e, ok, err, body)
		}
	}
	if _, ok, _ := c.get(query); ok {
		t.Error("the query does not count")
	}
	if err := c.put(query, entry{body: []byte("other")}); err != nil {
		t.Fatal(err)
	}
	if n := wholeCache(t, c.dir, "user", "pass", "frag", "secret"); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	var none *Cache
	if _, ok, err := none.get(plain); ok || err != nil || none.put(plain, entry{}) != nil {
		t.Error("a nil cache is not empty")
	}
}

// TestCacheTorn: whatever a file of the cache was cut or changed to, it
// counts as absent and never as something else.
func TestCacheTorn(t *testing.T) {
	c, err := OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	u := mustURL(t, "https://index.example/x")
	if err := c.put(u, entry{Type: "t", body: []byte("some body")}); err != nil {
		t.Fatal(err)
	}
	name := c.path(u)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	try := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if e, ok, err := c.get(u); err != nil || ok {
			t.Errorf("%q gives %+v, %v", text, e, err)
		}
	}
	for n := range len(whole) {
		try(whole[:n])
	}
	try(append(bytes.Clone(whole), 'x'))
	try(bytes.Replace(whole, []byte("body"), []byte("BODY"), 1))
	try(bytes.Replace(whole, []byte("index"), []byte("other"), 1))
	try(make([]byte, 1000))
}

// TestCacheShared: writers and readers of one file at once see one whole body.
func TestCacheShared(t *testing.T) {
	dir := t.TempDir()
	u := mustURL(t, "https://index.example/x")
	var all sync.WaitGroup
	for i := range 4 {
		c, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat(string(rune('a'+i)), 10000*(i+1))
		all.Go(func() {
			for range 20 {
				if err := c.put(u, entry{body: []byte(body)}); err != nil {
					t.Error(err)
				}
				if _, ok, err := c.get(u); !ok || err != nil {
					t.Errorf("torn: %v, %v", ok, err)
				}
			}
		})
	}
	all.Wait()
	if n := wholeCache(t, dir); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
}

func TestCacheFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(file); err == nil || !strings.HasPrefix(err.Error(), "cache of the index: make: mkdir "+file) {
		t.Errorf("error is %v", err)
	}
	if _, err := OpenCache(""); err == nil {
		t.Error("a cache without a directory")
	}
	c := &Cache{file} // the directory became a file
	if err := c.put(mustURL(t, "https://index.example/x"), entry{}); err == nil || !strings.HasPrefix(err.Error(), "cache of the index: write: ") {
		t.Errorf("error is %v", err)
	}
}

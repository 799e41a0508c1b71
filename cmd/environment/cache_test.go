package environment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const oneWorld = "python bin/python3 3.11.7\nenv PATH=$/bin"

func TestCache(t *testing.T) {
	change := func(t *testing.T, name string) {
		t.Helper()
		if err := os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 5)); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		between func(t *testing.T, w *world, file string)
		starts  int
	}{
		{"nothing changed", func(*testing.T, *world, string) {}, 1},
		{"another link to the same", func(t *testing.T, w *world, _ string) {
			if err := os.Symlink(w.path("bin/python3"), w.path("bin/python3.11")); err != nil {
				t.Fatal(err)
			}
			w.env["PATH"] = w.path("v")
			w.mkdir("v/x")
			if err := os.Symlink(w.path("bin/python3"), w.path("v/python3")); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"interpreter touched", func(t *testing.T, w *world, _ string) { change(t, w.path("bin/python3")) }, 2},
		{"interpreter longer, same time", func(t *testing.T, w *world, _ string) {
			info, err := os.Stat(w.path("bin/python3"))
			if err != nil {
				t.Fatal(err)
			}
			w.python("bin/python3", "3.11.10")
			if err := os.Chtimes(w.path("bin/python3"), info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, 2},
		{"C library replaced", func(t *testing.T, w *world, _ string) {
			change(t, w.path("system/lib/x86_64-linux-gnu/libc.so.6"))
		}, 2},
		{"cache removed", func(t *testing.T, _ *world, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, 2},
		{"cache truncated", func(t *testing.T, _ *world, file string) {
			if err := os.Truncate(file, 100); err != nil {
				t.Fatal(err)
			}
		}, 2},
		{"cache overwritten", func(t *testing.T, _ *world, file string) {
			if err := os.WriteFile(file, []byte("\x00\xff{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 2},
		{"cache of another format", edit(`"format":1`, `"format":2`), 2},
		{"cache with facts that cannot be", edit(`"bits":64`, `"bits":65`), 2},
		{"cache too long", func(t *testing.T, _ *world, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append([]byte(strings.Repeat(" ", maxCache)), data...), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, oneWorld)
			file := w.path("cache/interpreters.json")
			first := w.detect("cache")
			if !strings.HasPrefix(first, "Python 3.11.7 from ") {
				t.Fatal(first)
			}
			test.between(t, w, file)
			got := w.detect("cache")
			if n := w.starts(); n != test.starts || !strings.HasPrefix(got, "Python 3.11.") {
				t.Errorf("%d starts, want %d: %s", n, test.starts, got)
			}
			// Whatever it was, the cache is whole again.
			if w.detect("cache"); w.starts() != test.starts {
				t.Errorf("started again")
			}
			if left, _ := filepath.Glob(w.path("cache/*")); len(left) != 1 {
				t.Errorf("the directory has %q", left)
			}
		})
	}
}

func edit(old, new string) func(*testing.T, *world, string) {
	return func(t *testing.T, _ *world, file string) {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%v: no %s in %s", err, old, data)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestShimIsNotKept: what another program answers is not the property of the
// file that was started.
func TestShimIsNotKept(t *testing.T) {
	w := newWorld(t, "python bin/python3 3.11.7 shim\npython elsewhere 3.11.7\nenv PATH=$/bin")
	w.detect("cache")
	if w.detect("cache"); w.starts() != 2 {
		t.Errorf("%d starts, want 2", w.starts())
	}
}

// TestCacheThatCannotBeWritten only costs time.
func TestCacheThatCannotBeWritten(t *testing.T) {
	w := newWorld(t, oneWorld+"\nfile cache not a directory")
	if got := w.detect("cache"); !strings.HasPrefix(got, "Python 3.11.7 from ") {
		t.Error(got)
	}
}

func TestCacheIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	f := facts{Implementation: "cpython", Version: "3.11.7", OS: "linux", Machine: "x86_64", Bits: 64}
	for i := range cacheEntries + 10 {
		newCache(file).keep(stamp{Path: fmt.Sprint("/", i)}, f)
	}
	c := newCache(file)
	if n := len(c.load().Entries); n != cacheEntries {
		t.Errorf("%d entries", n)
	}
	if _, ok := c.find(stamp{Path: "/9"}); ok {
		t.Error("the oldest is still there")
	}
	if got, ok := c.find(stamp{Path: "/10"}); !ok || got != f {
		t.Errorf("got %v, %v", got, ok)
	}
	newCache(file).keep(stamp{Path: "/20", Size: 7}, f)
	c = newCache(file)
	if _, ok := c.find(stamp{Path: "/20"}); ok {
		t.Error("an interpreter that changed has two entries")
	}
	if _, ok := c.find(stamp{Path: "/20", Size: 7}); !ok {
		t.Error("what was kept last is not there")
	}
}

// TestConcurrent: many at once see a whole cache or none.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, oneWorld)
	const n = 16
	results := make([]Result, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { results[i], errs[i] = detect(t.Context(), w.request("cache"), w.host) })
	}
	wg.Wait()
	for i := range n {
		if errs[i] != nil || results[i].Environment != results[0].Environment {
			t.Errorf("%+v, %v", results[i], errs[i])
		}
	}
	before := w.starts()
	if before < 1 || before > n {
		t.Errorf("%d starts", before)
	}
	if w.detect("cache"); w.starts() != before {
		t.Error("the cache holds nothing")
	}
}

func BenchmarkDetectCached(b *testing.B) {
	w := newWorld(b, "python bin/python3.11 3.11.7\nlink bin/python3 -> bin/python3.11\nenv PATH=$/a:$/b:$/c:$/bin")
	benchmark(b, w.request("cache"), w.host)
	if w.starts() != 1 {
		b.Errorf("%d starts", w.starts())
	}
}

// BenchmarkDetectReal is the first run: the interpreter is started each time.
func BenchmarkDetectReal(b *testing.B) {
	for version, path := range realInterpreters(b) {
		if strings.HasPrefix(version, "2.") {
			continue
		}
		b.Run(version, func(b *testing.B) {
			benchmark(b, Request{Dir: b.TempDir(), Getenv: os.Getenv, Python: path}, thisHost())
		})
	}
}

// BenchmarkDetectUnasked reads the C library instead of asking anybody.
func BenchmarkDetectUnasked(b *testing.B) {
	benchmark(b, Request{Dir: b.TempDir(), PythonVersion: "3.12"}, thisHost())
}

func benchmark(b *testing.B, r Request, h host) {
	b.Helper()
	if _, err := detect(b.Context(), r, h); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := detect(b.Context(), r, h); err != nil {
			b.Fatal(err)
		}
	}
}

package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// A world is a machine in a directory: a host, interpreters that count how
// often they are started, and a user's environment. It is written as lines:
//
//	python bin/python3 3.11.7       an interpreter; more words set facts: pypy, musl, t
//	link bin/python -> bin/python3  a symbolic link
//	file project/.python-version 3.12\n3.11
//	env PATH=$/bin                  $ is the directory of the world
type world struct {
	t    testing.TB
	root string
	env  map[string]string
	host host
}

func newWorld(t testing.TB, text string) *world {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the interpreters of this test are shell scripts")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, root: root, env: map[string]string{"HOME": root + "/home"},
		host: host{goos: "linux", goarch: "amd64", root: root + "/system", patience: 10 * time.Second}}
	w.write("system/lib/x86_64-linux-gnu/libc.so.6", "\x7fELF GNU C Library\x00GNU C Library (Debian GLIBC 2.31-9) stable release version 2.31.\nCopyright", 0o644)
	w.write("system/proc/sys/kernel/osrelease", "6.1.0-test\n", 0o644)
	w.write("system/proc/sys/kernel/version", "#1 SMP test\n", 0o644)
	if err := os.MkdirAll(root+"/project", 0o755); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "":
		case "python":
			words := strings.Fields(rest)
			w.python(words[0], words[1], words[2:]...)
		case "script":
			path, body, _ := strings.Cut(rest, " ")
			w.script(path, strings.ReplaceAll(body, `\n`, "\n"))
		case "link":
			from, to, _ := strings.Cut(rest, " -> ")
			w.mkdir(from)
			if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, from)); err != nil {
				t.Fatal(err)
			}
		case "file":
			path, body, _ := strings.Cut(rest, " ")
			w.write(path, strings.ReplaceAll(body, `\n`, "\n"), 0o644)
		case "env":
			key, value, _ := strings.Cut(rest, "=")
			w.env[key] = strings.ReplaceAll(value, "$", root)
		default:
			t.Fatalf("world line %q", line)
		}
	}
	return w
}

func (w *world) path(rel string) string { return filepath.Join(w.root, rel) }

func (w *world) mkdir(rel string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(rel)), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(rel, body string, mode os.FileMode) {
	w.t.Helper()
	w.mkdir(rel)
	if err := os.WriteFile(w.path(rel), []byte(body), mode); err != nil {
		w.t.Fatal(err)
	}
}

// script writes a program that says it was started and runs body.
func (w *world) script(rel, body string) {
	w.t.Helper()
	w.write(rel, "#!/bin/sh\necho \"$1 $2 $3\" >>'"+w.path("starts")+"'\n"+body+"\n", 0o755)
}

// answer returns what a fake interpreter prints.
func (w *world) answer(rel, version string, words ...string) string {
	implementation, libc, free, executable := "cpython", "glibc 2.36", false, w.path(rel)
	for _, word := range words {
		switch word {
		case "musl":
			libc = "musl 1.2"
		case "t":
			free = true
		case "shim":
			executable = w.path("elsewhere")
		default:
			implementation = word
		}
	}
	return fmt.Sprintf(`{"implementation": %q, "version": %q, "free_threaded": %t, "debug": false, "os": "linux", "machine": "x86_64", "bits": 64, "libc": %q, "executable": %q}`,
		implementation, version, free, libc, executable)
}

func (w *world) python(rel, version string, words ...string) {
	w.t.Helper()
	w.script(rel, "printf '%s\\n' '"+w.answer(rel, version, words...)+"'")
}

// starts returns how many processes were started in the world.
func (w *world) starts() int {
	data, err := os.ReadFile(w.path("starts"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if line != "-I -S -c\n" {
			w.t.Errorf("an interpreter was started with %q", line)
		}
	}
	return strings.Count(string(data), "\n")
}

// request returns a request made of words such as "--python=3.12",
// "requires=>=3.10", "cache".
func (w *world) request(flags string) Request {
	w.t.Helper()
	r := Request{Dir: w.path("project"), Getenv: func(key string) string { return w.env[key] }}
	for _, word := range strings.Fields(flags) {
		key, value, _ := strings.Cut(word, "=")
		value = strings.ReplaceAll(value, "$", w.root)
		switch key {
		case "--python":
			r.Python = value
		case "--python-version":
			r.PythonVersion = value
		case "--platform":
			r.Platform = value
		case "cache":
			r.CacheFile = w.path("cache/interpreters.json")
		case "requires":
			var err error
			if r.RequiresPython, err = py.ParseSpecifiers(value); err != nil {
				w.t.Fatal(err)
			}
		default:
			w.t.Fatalf("request word %q", word)
		}
	}
	return r
}

// detect runs a request and prints what came of it, with $ for the world.
func (w *world) detect(flags string) string {
	w.t.Helper()
	r, err := detect(context.Background(), w.request(flags), w.host)
	var b strings.Builder
	if err != nil {
		var conflict *ConflictError
		kind := "error"
		if errors.As(err, &conflict) {
			kind = "conflict"
		}
		fmt.Fprintf(&b, "%s: %v\n", kind, err)
	} else {
		e := r.Environment
		fmt.Fprintf(&b, "%s\n%s\n", r.PythonFrom, r.PlatformFrom)
		if e.Implementation != "cpython" || e.FreeThreaded || e.Debug {
			fmt.Fprintf(&b, "%s %s free-threaded %t debug %t\n", e.Implementation, e.Python, e.FreeThreaded, e.Debug)
		}
		if r.Interpreter != "" {
			fmt.Fprintf(&b, "interpreter %s\n", r.Interpreter)
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "note: %s\n", n)
		}
	}
	fmt.Fprintf(&b, "starts %d\n", w.starts())
	return strings.ReplaceAll(b.String(), w.root, "$")
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/thamos/thamos/solver/livetest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"thamos": func() { os.Exit(run()) }})
}

// TestScript runs every script of testdata/script with the real binary. There
// is one glob, so a new script cannot be forgotten.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(root, "testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"index": serveIndex, "asked": wasAsked, "exits": exits, "pinned": pinned, "damage": damage, "dists": makeDists,
		},
		Condition: condition,
		Setup: func(env *testscript.Env) error {
			// No configuration of the user's, and no index but an example.
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CACHE_HOME", "")
			env.Setenv("PIP_CONFIG_FILE", os.DevNull)
			env.Setenv("PIP_INDEX_URL", "https://index.example/simple")
			env.Values[requests{}] = new(atomic.Int64)
			env.Setenv("THAMOS_IMAGE", livetest.Image)
			env.Setenv("PROJECTS", filepath.Join(root, "testdata", "projects"))
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o777)
		},
	})
}

// requests is the key of the number of requests that a script's index answered.
type requests struct{}

// serveIndex is "index DIR": it serves a folder of the script as an index on the
// loopback interface until the script ends, and puts its URL into $INDEX.
// DIR/simple/NAME.json are its listings, and DIR/files what they name.
func serveIndex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: index DIR")
	}
	dir := ts.MkAbs(args[0])
	count := ts.Value(requests{}).(*atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		name := path.Clean(r.URL.Path)
		if path.Dir(name) == "/simple" {
			name += ".json"
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		}
		http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(name)))
	}))
	ts.Defer(server.Close)
	ts.Setenv("INDEX", server.URL+"/simple")
}

// wasAsked is "asked" and "! asked": whether the index was asked for anything
// since the script last looked.
func wasAsked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 {
		ts.Fatalf("usage: [!] asked")
	}
	if n := ts.Value(requests{}).(*atomic.Int64).Swap(0); (n > 0) == neg {
		ts.Fatalf("the index answered %d requests", n)
	}
}

// exits is "exits STATUS PROGRAM ARGS...": exec of what must end with a status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS...")
	}
	got := "0"
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = strconv.Itoa(failed.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// pinned is "pinned KEY SOURCE...": the user's configuration names sources, and
// pins the verifier key in a file.
func pinned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pinned KEY SOURCE...")
	}
	name := filepath.Join(ts.Getenv("HOME"), ".config", "thamos", "config.toml")
	var sources []string
	for _, s := range args[1:] {
		sources = append(sources, strconv.Quote(s))
	}
	text := fmt.Sprintf("[kb]\nsources = [%s]\nkeys = [%q]\n", strings.Join(sources, ", "), strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o777))
	ts.Check(os.WriteFile(name, []byte(text), 0o666))
}

// damage is "damage DIR": every database in a folder loses its second half.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.db"))
	ts.Check(err)
	if neg || len(args) != 1 || len(files) == 0 {
		ts.Fatalf("usage: damage DIR, and there must be one")
	}
	for _, f := range files {
		stat, err := os.Stat(f)
		ts.Check(err)
		ts.Check(os.Truncate(f, stat.Size()/2))
	}
}

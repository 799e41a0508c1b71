package main

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"index": serveIndex},
		Setup: func(env *testscript.Env) error {
			// No configuration of the user's, and no index but an example.
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CACHE_HOME", "")
			env.Setenv("PIP_CONFIG_FILE", os.DevNull)
			env.Setenv("PIP_INDEX_URL", "https://index.example/simple")
			env.Setenv("PROJECTS", filepath.Join(root, "testdata", "projects"))
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o777)
		},
	})
}

// serveIndex is "index DIR": it serves a folder of the script as an index on the
// loopback interface until the script ends, and puts its URL into $INDEX.
// DIR/simple/NAME.json are its listings, and DIR/files what they name.
func serveIndex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: index DIR")
	}
	dir := ts.MkAbs(args[0])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

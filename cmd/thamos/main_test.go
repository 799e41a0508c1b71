package main

import (
	"flag"
	"os"
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

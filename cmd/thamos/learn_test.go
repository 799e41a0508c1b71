package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/livetest"
	"github.com/thamos/thamos/solver/solvertest"
)

// makeDists is "dists FOLDER INDEX": it makes wheels and source distributions of
// the folders in FOLDER, and an index of them; see solvertest.ReadDists.
func makeDists(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dists FOLDER INDEX")
	}
	dists, err := solvertest.ReadDists(ts.MkAbs(args[0]))
	if err == nil {
		err = solvertest.WriteIndex(ts.MkAbs(args[1]), dists...)
	}
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// engine finds out whether there is a container engine. It is asked once.
var engine = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "thamos-script-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shell, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	_, err = livetest.Open(context.Background(), solver.Options{
		Look: exec.LookPath, Env: os.Environ(), Temp: dir, Owner: "probe", Token: func() string { return fmt.Sprintf("probe%d", os.Getpid()) },
	}, shell)
	return err
})

// condition is [engine]: there is a container engine, and its image. Where there
// must be one and is none the script fails, with the reason.
func condition(cond string) (bool, error) {
	if cond != "engine" {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	err := engine()
	if err != nil && os.Getenv(livetest.Require) == "" {
		return false, nil
	}
	return err == nil, err
}

// TestEngine tells why scripts that need a container engine skip.
func TestEngine(t *testing.T) {
	if err := engine(); err != nil && os.Getenv(livetest.Require) == "" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
}

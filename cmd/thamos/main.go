package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/term"

	"github.com/thamos/thamos/cmd"
)

// version is set by the linker.
var version = "devel"

func main() { os.Exit(run()) }

// gcPercent lets the heap grow fivefold between collections: a run is over in
// milliseconds and small, and three collections were a quarter of its time.
const gcPercent = 400

func run() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interruption ends the process
	return cmd.Main(ctx, realEnv(), os.Args[1:])
}

// realEnv is the world as it is. Directories that cannot be told stay empty;
// commands that need them say so.
func realEnv() *cmd.Env {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	home, _ := os.UserHomeDir()
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "thamos")
	}
	return &cmd.Env{
		DataDir:  dataDir(home),
		Dir:      dir,
		Getenv:   os.Getenv,
		CacheDir: cache,
		HomeDir:  home,
		Stdin:    os.Stdin,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
		Now:      time.Now,
		After:    time.After,
		Rand:     rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
		GOOS:     runtime.GOOS,
		Version:  version,
	}
}

// dataDir is where programs keep a user's data on this system.
func dataDir(home string) string {
	var dir string
	switch runtime.GOOS {
	case "windows":
		dir = os.Getenv("LocalAppData")
	case "darwin":
		if home != "" {
			dir = filepath.Join(home, "Library", "Application Support")
		}
	default:
		if dir = os.Getenv("XDG_DATA_HOME"); !filepath.IsAbs(dir) && home != "" {
			dir = filepath.Join(home, ".local", "share")
		}
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "thamos")
}

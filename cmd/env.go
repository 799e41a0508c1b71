package cmd

import (
	"io"
	"math/rand/v2"
	"time"
)

// Env is everything a command may touch besides its arguments. Tests fill it
// with buffers and a fixed clock; main fills it with the real thing. No package
// below cmd reads the environment, the clock or the terminal.
type Env struct {
	// Dir is the directory that relative paths are relative to.
	Dir    string
	Getenv func(key string) string
	// CacheDir is where thamos may keep what it can make again; empty if there
	// is no such place.
	CacheDir string
	// DataDir is where thamos keeps what it learnt; empty if there is no such
	// place.
	DataDir string
	// HomeDir is the user's home, empty if there is none.
	HomeDir string

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal reports that Stderr is a terminal that can show progress.
	Terminal bool

	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// Rand is the one source of randomness.
	Rand *rand.Rand

	// GOOS is the operating system, in Go's words.
	GOOS string

	// Version is what `thamos version` says of the binary.
	Version string
}

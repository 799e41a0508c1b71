package solver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// A Kind is a container engine whose flags are known.
type Kind string

const (
	Podman Kind = "podman"
	Docker Kind = "docker"
)

// An Engine is a container engine on this machine. Whether it isolates is not
// known before Open.
type Engine struct {
	Path string // of the program
	Kind Kind
	// Version is what it says of itself, such as "podman version 4.3.1".
	Version string
	// Runtime is the OCI runtime that is asked for; empty is the engine's own.
	Runtime string
	// Env is the whole environment of the program, as KEY=VALUE.
	Env []string
	// Dir is a directory of ours: engines leave files in their working directory.
	Dir string
}

// engineTimeout bounds a question to the engine that starts no container. The
// first one of a machine makes the engine's store.
const engineTimeout = time.Minute

// maxEngineOutput bounds what is read of an engine's own answers, in bytes.
const maxEngineOutput = 1 << 20

// identify asks a program what it is.
func identify(ctx context.Context, path string, env []string, dir string) (*Engine, error) {
	e := &Engine{Path: path, Env: env, Dir: dir}
	out, err := e.ask(ctx, "--version")
	if err != nil {
		return nil, err
	}
	e.Version, _, _ = strings.Cut(strings.TrimSpace(out), "\n")
	switch lower := strings.ToLower(e.Version); {
	case strings.HasPrefix(lower, "podman"):
		e.Kind = Podman
	case strings.HasPrefix(lower, "docker"):
		e.Kind = Docker
	default:
		return nil, fmt.Errorf("%s says that it is %.80q, which is neither podman nor docker", path, e.Version)
	}
	return e, nil
}

// global are the flags before an engine's command.
func (e *Engine) global() []string {
	if e.Kind == Podman && e.Runtime != "" {
		return []string{"--runtime", e.Runtime}
	}
	return nil
}

// An engineError is what an engine said when it failed.
type engineError struct {
	args   string
	exit   int // -1: it did not end by itself
	stderr string
	err    error
}

func (e *engineError) Error() string {
	said := lastLines(e.stderr, 3)
	if said == "" {
		said = e.err.Error()
	}
	return fmt.Sprintf("%s: %s", e.args, said)
}

func (e *engineError) Unwrap() error { return e.err }

// ask runs a command of the engine that ends soon and returns what it printed.
func (e *Engine) ask(ctx context.Context, args ...string) (string, error) {
	timed, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	args = append(e.global(), args...)
	c := exec.CommandContext(timed, e.Path, args...)
	c.Env, c.Dir, c.WaitDelay = e.Env, e.Dir, time.Second
	apart(c)
	stdout, stderr := &capped{left: maxEngineOutput}, &capped{left: maxEngineOutput}
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		failed := &engineError{args: e.Path + " " + strings.Join(args, " "), exit: -1, stderr: stderr.String(), err: err}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			failed.exit = exit.ExitCode()
		}
		return "", failed
	}
	return stdout.String(), nil
}

// A capped keeps the first bytes of what is written and forgets the others.
type capped struct {
	bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	keep := min(len(p), c.left)
	c.left -= keep
	c.Buffer.Write(p[:keep])
	return len(p), nil
}

// errFull ends a container that prints more than it may.
var errFull = errors.New("it printed more than it may")

// A limited keeps what is written until it is too much, and then fails.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		l.left = 0
		return 0, errFull
	}
	l.left -= len(p)
	return l.Buffer.Write(p)
}

var (
	_ io.Writer = (*capped)(nil)
	_ io.Writer = (*limited)(nil)
)

// lastLines returns the last lines that are not empty, joined by "; ".
func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

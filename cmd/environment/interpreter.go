package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	maxAnswer    = 64 << 10 // bytes of an interpreter's stdout; it needs about 2,000
	maxComplaint = 4 << 10  // bytes of its stderr that are kept
)

// passed are the only variables an interpreter sees: what it or the shim in
// front of it needs to start. -I makes it blind to PYTHON… anyway.
var passed = []string{"PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "USERPROFILE"}

// start runs the interpreter at path, once, and returns what it says.
//
// -I keeps the user's settings and the working directory out, -S the site
// packages, whose .pth files may run anything.
func (h host) start(ctx context.Context, path, dir string, getenv func(string) string) (facts, error) {
	// The working directory changes, so that a relative path would mislead.
	path, err := filepath.Abs(path)
	if err != nil {
		return facts{}, err
	}
	timed, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	cmd := exec.CommandContext(timed, path, "-I", "-S", "-c", script)
	cmd.Env = []string{} // nil would mean all of ours
	for _, key := range passed {
		if v := getenv(key); v != "" {
			cmd.Env = append(cmd.Env, key+"="+v)
		}
	}
	// Shims choose by the directory they are started in.
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		cmd.Dir = dir
	}
	answer := &capped{limit: maxAnswer, full: cancel}
	complaints := &capped{limit: maxComplaint}
	cmd.Stdout, cmd.Stderr = answer, complaints
	cmd.WaitDelay = time.Second // for grandchildren that hold the pipes
	alone(cmd)
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return facts{}, ctx.Err()
	case answer.over:
		return facts{}, fmt.Errorf("its answer is longer than %d KiB", maxAnswer>>10)
	case timed.Err() != nil:
		return facts{}, fmt.Errorf("it did not answer in %v", h.patience)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // it answered, and left a child behind
		return facts{}, failure(err, complaints.data)
	}
	f, err := parseFacts(answer.data)
	if err != nil {
		return facts{}, err
	}
	if f.OS == "linux" && f.Libc == "" {
		f.Libc = h.loaderLibc(f.Executable, path)
	}
	return f, nil
}

// loaderLibc returns what the C library of an interpreter is that cannot say
// it itself, which is so on musl: its loader tells.
func (h host) loaderLibc(programs ...string) string {
	for _, p := range programs {
		if !filepath.IsAbs(p) {
			continue
		}
		if name, major, minor := h.libcOf(p); name != "" {
			return fmt.Sprintf("%s %d.%d", name, major, minor)
		}
	}
	return ""
}

// failure says why an interpreter that ended badly did so.
func failure(err error, stderr []byte) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	said := complaint(stderr)
	switch {
	case strings.HasPrefix(string(stderr), "Unknown option: -I"): // Python 2
		return fmt.Errorf("it does not know the option -I of Python; 3.%d is the oldest that is supported", supportedMinor)
	case said != "":
		return fmt.Errorf("it failed (%v): %s", exit, said)
	}
	return fmt.Errorf("it failed (%v)", exit)
}

// capped keeps the first limit bytes of what is written and drops the rest.
type capped struct {
	data  []byte
	limit int
	over  bool
	full  func() // called when more than limit was written; may be nil
}

func (c *capped) Write(p []byte) (int, error) {
	keep := min(len(p), c.limit-len(c.data))
	c.data = append(c.data, p[:keep]...)
	if keep < len(p) && !c.over {
		c.over = true
		if c.full != nil {
			c.full()
		}
	}
	return len(p), nil
}

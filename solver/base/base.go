package base

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed make.sh
var script []byte

// Version is that of the images that are made; one of another version is made
// again.
const Version = "1"

// Options say with what an image is made.
type Options struct {
	// Shell is the path of a POSIX shell.
	Shell string
	// Env is the whole environment of the tools, as KEY=VALUE; PATH must be in it.
	Env []string
	// Temp is a directory that is there.
	Temp string
	// Debs is a directory with the packages; empty has apt-get download them.
	Debs string
}

// Make makes a tar file of a root file system in a new directory below o.Temp
// and returns its path; the caller removes the directory. The error says what
// the tools complained of.
func Make(ctx context.Context, o Options) (tar string, err error) {
	dir, err := os.MkdirTemp(o.Temp, "base-")
	if err != nil {
		return "", fmt.Errorf("make an image: %w", err)
	}
	defer func() {
		// What was unpacked goes in any case.
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, "work")))
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	work, made := filepath.Join(dir, "work"), filepath.Join(dir, "base.tar")
	if err := os.Mkdir(work, 0o755); err != nil {
		return "", fmt.Errorf("make an image: %w", err)
	}
	c := exec.CommandContext(ctx, o.Shell, "-s", made, work)
	c.Env, c.Dir, c.Stdin, c.WaitDelay = o.Env, work, bytes.NewReader(script), time.Second
	if o.Debs != "" {
		c.Env = append(append([]string{}, o.Env...), "DEBS="+o.Debs)
	}
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return "", fmt.Errorf("make an image of this system's packages: %w: %s", err, strings.Join(lines[max(0, len(lines)-3):], "; "))
	}
	return made, nil
}

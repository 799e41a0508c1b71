package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/thamos/thamos/lockfile"
)

// checkable refuses what does not go with --check.
func (t *target) checkable(o adviseOptions) error {
	switch {
	case !o.checkLock:
	case o.dryRun, o.json, o.why, o.count > 1, o.certificate != "", o.plot != "":
		return usagef("--check prints a difference or nothing: it goes without --dry-run, --json, --why, --count, --certificate and --plot")
	case t.path == "":
		return usagef("--check looks at a lock that is there: it goes without --output -")
	}
	return nil
}

// check holds the committed lock against the one that is advised and against
// where it should come from. It writes nothing, and says nothing if both agree.
func (a *advice) check(ctx context.Context, env *Env, o adviseOptions) error {
	committed, err := os.ReadFile(a.target.path)
	if errors.Is(err, fs.ErrNotExist) {
		committed, err = nil, nil
	}
	if err != nil {
		return err
	}
	differs := !bytes.Equal(body(committed), body(a.text))
	if differs {
		old := filepath.ToSlash(a.target.shown)
		text := diff.Diff(old, body(committed), old+" (advised)", body(a.text))
		// The library begins with a line of its own, which is none of the format.
		if _, after, ok := bytes.Cut(text, []byte("\n")); ok && bytes.HasPrefix(text, []byte("diff ")) {
			text = after
		}
		if _, err := env.Stdout.Write(text); err != nil {
			return err
		}
	}
	wrong, err := a.checkProvenance(ctx, env, o, committed != nil)
	if err != nil {
		return err
	}
	if !differs && !wrong {
		return nil
	}
	return errReported{exitRefused}
}

// body is a lock without the comment it begins with, which names the knowledge
// that it was made from: that changes every day, and nobody installs from it.
func body(lock []byte) []byte {
	for bytes.HasPrefix(lock, []byte("#")) {
		_, lock, _ = bytes.Cut(lock, []byte("\n"))
	}
	return bytes.TrimLeft(lock, "\n")
}

// checkProvenance prints the findings that are as bad as the project's fail-on,
// and reports whether there are any.
func (a *advice) checkProvenance(ctx context.Context, env *Env, o adviseOptions, there bool) (bool, error) {
	if !there || !lockfile.IsLock(a.target.path) {
		return false, nil
	}
	s, err := newSubject(env, a.target.path)
	if err != nil {
		return false, err
	}
	s.dir = a.project.dir
	if err := s.readSettings(); err != nil {
		return false, err
	}
	c, err := s.check(ctx, env, a.knowledge, provenanceOptions{
		kb: o.kb, onlineOptions: o.onlineOptions, attestations: "all",
	})
	if err != nil {
		return false, err
	}
	found := judgeChecked([]checked{*c}, false) == exitRefused
	if found {
		var table strings.Builder
		if err := printChecked(&table, []checked{*c}, true); err != nil {
			return true, err
		}
		if _, err := fmt.Fprint(env.Stdout, table.String()); err != nil {
			return true, err
		}
	}
	return found, nil
}

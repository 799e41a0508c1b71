package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
)

// learnLock tries the stack of a lock together.
func (l *learner) learnLock(ctx context.Context, path string) ([]learntJSON, error) {
	pins, err := readPins(path)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(path)
	out := learntJSON{Requirement: base, Env: queueEnv(l.environment)}
	if l.box == nil {
		out.Outcome, out.Reason = "unchecked", "install and import were not tried: "+l.without
		return []learntJSON{out}, nil
	}
	started := l.lab.env.Now()
	problem := &resolver.Problem{Environment: l.environment}
	for _, r := range pins {
		problem.Requirements = append(problem.Requirements, resolver.Requirement{Requirement: r, Origin: base})
	}
	var got lesson
	report, err := l.solve(ctx, problem, &got)
	var docs []*solver.Document
	if err == nil {
		var targets []py.Name
		for _, c := range report.Stack {
			targets = append(targets, c.Name)
		}
		docs, err = l.try(ctx, problem, report.Stack, targets, false, true)
	}
	got.docs = append(got.docs, docs...)
	if got, err = got.failed(err); err != nil {
		return nil, err
	}
	if out.Documents, err = l.lab.journal.Keep(ctx, got.docs...); err != nil {
		return nil, err
	}
	out.Seconds = l.lab.env.Now().Sub(started).Seconds()
	out.Outcome, out.Class, out.Reason = "left", string(got.class), got.reason
	if len(docs) > 0 && got.class == "" {
		outcome, class := docs[0].Verdict()
		out.Outcome, out.Class = outcome, string(class)
		for _, r := range docs[0].Results {
			if r.Outcome != "ok" && out.Reason == "" {
				out.Reason = fmt.Sprintf("%s of %s: %s", r.Kind, strings.Join(r.Packages, " "), r.Told())
			}
		}
	}
	return []learntJSON{out}, nil
}

// readPins reads what a lock pins, of any kind that names its versions.
func readPins(path string) ([]py.Requirement, error) {
	base := filepath.Base(path)
	switch {
	case base == "Pipfile.lock":
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usageError{err}
		}
		lock, err := lockfile.ReadPipfileLock(base, text)
		if err != nil {
			return nil, err
		}
		var out []py.Requirement
		for _, s := range lock.Sections {
			for _, p := range s.Packages {
				if p.Direct != "" {
					continue
				}
				r, err := py.ParseRequirement(string(p.Name) + "==" + p.Version.String())
				if err != nil {
					return nil, usageError{err}
				}
				out = append(out, r)
			}
		}
		return out, nil
	case strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml"):
		return readPylockPins(path)
	}
	m, err := readManifest(path)
	if err != nil {
		return nil, usageError{err}
	}
	var out []py.Requirement
	for _, r := range m.Requirements {
		if _, pinned := r.Specifiers.Pinned(); !pinned {
			return nil, &lockfile.Error{Pos: r.Pos, Msg: fmt.Sprintf("%s is not pinned with ==, so this is no lock", r.Name), Hint: "name its lock"}
		}
		out = append(out, r.Requirement)
	}
	return out, nil
}

// readPylockPins reads what a pylock.toml pins (PEP 751).
func readPylockPins(path string) ([]py.Requirement, error) {
	var lock struct {
		Packages []struct {
			Name    string `toml:"name"`
			Version string `toml:"version"`
			Marker  string `toml:"marker"`
		} `toml:"packages"`
	}
	if _, err := toml.DecodeFile(path, &lock); err != nil {
		return nil, usageError{err}
	}
	var out []py.Requirement
	for _, p := range lock.Packages {
		text := p.Name + "==" + p.Version
		if p.Version == "" {
			return nil, usagef("%s: %s has no version, so it is not from an index", filepath.Base(path), p.Name)
		}
		r, err := py.ParseRequirement(text)
		if err != nil {
			return nil, usagef("%s: %w", filepath.Base(path), err)
		}
		out = append(out, r)
	}
	return out, nil
}

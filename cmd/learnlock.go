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
	locked, err := readPins(path)
	if err != nil {
		return nil, err
	}
	if len(locked.requirements) == 0 {
		return nil, usagef("%s pins nothing that could be tried", filepath.Base(path))
	}
	for _, n := range locked.notes {
		l.lab.note(n)
	}
	base := filepath.Base(path)
	out := learntJSON{Requirement: base, Env: queueEnv(l.environment)}
	if l.box == nil {
		out.Outcome, out.Reason = "unchecked", "install and import were not tried: "+l.without
		return []learntJSON{out}, nil
	}
	started := l.lab.env.Now()
	problem := &resolver.Problem{
		Environment: l.environment, Requirements: originating(locked.requirements, base), Constraints: originating(locked.constraints, base),
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
	out.Outcome, out.Class, out.Reason, out.exit = "left", string(got.class), got.reason, got.exit
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

func originating(list []py.Requirement, origin string) []resolver.Requirement {
	var out []resolver.Requirement
	for _, r := range list {
		out = append(out, resolver.Requirement{Requirement: r, Origin: origin})
	}
	return out
}

// pins are what a lock pins: what is required, and what only bounds versions.
type pins struct {
	requirements, constraints []py.Requirement
	notes                     []string
}

// fromLockUsage is what --from-lock takes.
const fromLockUsage = "the stack of this lock: requirements with ==, Pipfile.lock, pylock.toml, uv.lock or poetry.lock"

// readPins reads what a lock pins. What comes from the project's own directories
// is left out, with a note; what comes from a URL is refused.
func readPins(path string) (*pins, error) {
	base := filepath.Base(path)
	if stat, err := os.Stat(path); err != nil {
		return nil, usagef("--from-lock: %w", err)
	} else if stat.IsDir() {
		return nil, usagef("--from-lock: %s is a directory, and no lock", base)
	}
	switch {
	case base == "Pipfile.lock":
		return readPipfilePins(path)
	case strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml"):
		return readPylockPins(path)
	case base == "uv.lock" || strings.HasSuffix(base, ".uv.lock") || base == "poetry.lock":
		return readGraphPins(path)
	}
	m, err := readManifest(path)
	if err != nil {
		return nil, usageError{err}
	}
	out := new(pins)
	for _, r := range m.Requirements {
		if r.Direct != nil || r.URL != "" {
			return nil, &lockfile.Error{Pos: r.Pos, Msg: fmt.Sprintf("%s is not from an index, so it cannot be tried", r.Name), Hint: "leave it out of the lock"}
		}
		if _, pinned := r.Specifiers.Pinned(); !pinned {
			return nil, &lockfile.Error{Pos: r.Pos, Msg: fmt.Sprintf("%s is not pinned with ==, so this is no lock", r.Name), Hint: "name its lock"}
		}
		out.requirements = append(out.requirements, r.Requirement)
	}
	return out, nil
}

// pin adds a pinned release, where marker holds if it is not empty.
func (p *pins) pin(name, version, marker string) error {
	text := name + "==" + version
	if marker != "" {
		text += " ; " + marker
	}
	r, err := py.ParseRequirement(text)
	if err != nil {
		return usageError{err}
	}
	p.requirements = append(p.requirements, r)
	return nil
}

// direct says what becomes of what is from no index.
func (p *pins) direct(name string, local bool) error {
	if !local {
		return usagef("%s is from a URL and no index, so the stack cannot be tried", name)
	}
	p.notes = append(p.notes, name+" lies in a directory, and is left out of what is tried")
	return nil
}

func readPipfilePins(path string) (*pins, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	lock, err := lockfile.ReadPipfileLock(filepath.Base(path), text)
	if err != nil {
		return nil, err
	}
	out := new(pins)
	for _, s := range lock.Sections {
		for _, p := range s.Packages {
			if p.Direct != "" {
				err = out.direct(string(p.Name), !strings.Contains(p.Direct, "://"))
			} else {
				err = out.pin(string(p.Name), p.Version.String(), p.Marker.String())
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// readPylockPins reads what a pylock.toml pins (PEP 751).
func readPylockPins(path string) (*pins, error) {
	var lock struct {
		Packages []struct {
			Name      string         `toml:"name"`
			Version   string         `toml:"version"`
			Marker    string         `toml:"marker"`
			Directory map[string]any `toml:"directory"`
			VCS       map[string]any `toml:"vcs"`
			Archive   map[string]any `toml:"archive"`
		} `toml:"packages"`
	}
	if _, err := toml.DecodeFile(path, &lock); err != nil {
		return nil, usageError{err}
	}
	out := new(pins)
	for _, p := range lock.Packages {
		var err error
		if p.Directory != nil || p.VCS != nil || p.Archive != nil || p.Version == "" {
			err = out.direct(p.Name, p.Directory != nil)
		} else {
			// A marker of extras or groups of the project is none of a requirement.
			if strings.Contains(p.Marker, "extras") || strings.Contains(p.Marker, "dependency_groups") {
				p.Marker = ""
			}
			err = out.pin(p.Name, p.Version, p.Marker)
		}
		if err != nil {
			return nil, usagef("%s: %w", filepath.Base(path), err)
		}
	}
	return out, nil
}

// readGraphPins reads a lock for all environments, which says who requires whom
// and not always where. What nobody in it requires is required; the others are
// bounded by it, and taken where they are required here.
func readGraphPins(path string) (*pins, error) {
	base := filepath.Base(path)
	lock, err := lockfile.ReadLocked(os.DirFS(filepath.Dir(path)), base)
	if err != nil {
		return nil, err
	}
	versions, required := map[py.Name]int{}, map[py.Name]bool{}
	for _, r := range lock.Releases {
		versions[r.Name]++
		for _, n := range r.Requires {
			required[n] = required[n] || r.Direct == "" && n != r.Name
		}
	}
	out := new(pins)
	for _, r := range lock.Releases {
		switch {
		case r.Direct != "":
			if err := out.direct(r.Text, r.Local); err != nil {
				return nil, usagef("%s: %w", base, err)
			}
		case versions[r.Name] > 1:
			out.notes = append(out.notes, fmt.Sprintf("%s is in %s with several versions: any may be tried", r.String(), base))
			if !required[r.Name] {
				out.requirements = append(out.requirements, py.Requirement{Name: r.Name})
			}
		default:
			q, err := py.ParseRequirement(r.String())
			if err != nil {
				return nil, usagef("%s: %w", base, err)
			}
			if required[r.Name] || r.Conditional {
				out.constraints = append(out.constraints, q)
			} else {
				out.requirements = append(out.requirements, q)
			}
		}
	}
	return out, nil
}

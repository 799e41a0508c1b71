package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
)

// A project is a directory and the manifest in it.
type project struct {
	dir  string // absolute
	file string // base name of the manifest
}

// path returns the manifest's path.
func (p project) path() string { return filepath.Join(p.dir, p.file) }

// read reads the manifest.
func (p project) read() (*lockfile.Manifest, error) { return readManifest(p.path()) }

// readManifest reads the manifest at an absolute path. Places in it and in what
// it includes are named relative to its directory; Files are absolute.
func readManifest(path string) (*lockfile.Manifest, error) {
	dir, base := filepath.Split(path)
	m, err := lockfile.Read(os.DirFS(dir), base)
	if err == nil {
		for i, f := range m.Files {
			m.Files[i] = filepath.Join(dir, filepath.FromSlash(f))
		}
		return m, nil
	}
	if !errors.Is(err, lockfile.ErrOutside) {
		return nil, err
	}
	// It includes ../something: read from the root of the file system, and name
	// places as before.
	root := filepath.VolumeName(path) + string(filepath.Separator)
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	m, err = lockfile.ReadRooted(os.DirFS(root), filepath.ToSlash(rel))
	relative := func(p *lockfile.Position) {
		if short, err := filepath.Rel(dir, filepath.Join(root, filepath.FromSlash(p.File))); err == nil && p.File != "" {
			p.File = filepath.ToSlash(short)
		}
	}
	if file, ok := errors.AsType[*lockfile.Error](err); ok {
		relative(&file.Pos)
	}
	if err != nil {
		return nil, err
	}
	for i, f := range m.Files {
		m.Files[i] = filepath.Join(root, filepath.FromSlash(f))
	}
	for i := range m.Broken {
		relative(&m.Broken[i].Err.Pos)
	}
	for i := range m.Requirements {
		relative(&m.Requirements[i].Pos)
	}
	for i := range m.Constraints {
		relative(&m.Constraints[i].Pos)
	}
	return m, nil
}

// findProject finds the manifest that path names, or that is nearest above the
// working directory.
func findProject(env *Env, path string) (project, error) {
	if path == "" {
		return nearestProject(env.Dir)
	}
	abs := absolute(env, path)
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return project{}, usagef("%s does not exist; name a project's directory or its manifest", path)
	case err != nil:
		return project{}, usagef("%s: %w", path, err)
	case info.IsDir():
		name, err := lockfile.Find(os.DirFS(abs))
		if err != nil {
			return project{}, usagef("%s: %w", path, err)
		}
		return project{abs, name}, nil
	}
	return project{filepath.Dir(abs), filepath.Base(abs)}, nil
}

func nearestProject(dir string) (project, error) {
	var first error
	for {
		name, err := lockfile.Find(os.DirFS(dir))
		if err == nil {
			return project{dir, name}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return project{}, err
		}
		if first == nil {
			first = err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return project{}, first
		}
		dir = parent
	}
}

func absolute(env *Env, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(env.Dir, path)
}

// newProblem makes of a manifest and flags what is to be solved. The files of
// --constraint join the manifest's.
func newProblem(env *Env, p project, m *lockfile.Manifest, s selection, where *py.Environment, o adviseOptions) (*resolver.Problem, error) {
	problem := &resolver.Problem{
		Environment:    where,
		PrereleasesFor: m.PrereleasesFor,
		NoBuild:        union(m.NoBuild, o.noBuild),
		NoBinary:       union(m.NoBinary, o.noBinary),
	}
	if problem.NoBuild.All && problem.NoBinary.All {
		return nil, usagef("--only-binary :all: and --no-binary :all: together leave no file at all")
	}
	switch {
	case o.pre && o.prerelease != "":
		return nil, usagef("--pre and --prerelease: one of them")
	case o.pre:
		problem.Prereleases = resolver.Allow
	case o.prerelease != "":
		policy, ok := prereleasePolicies[o.prerelease]
		if !ok {
			return nil, usagef("--prerelease: unknown policy %q (have if-necessary, allow, explicit, disallow)", o.prerelease)
		}
		problem.Prereleases = policy
	case m.Prereleases:
		problem.Prereleases = resolver.Allow
	}
	for _, b := range m.Broken {
		if s.has(lockfile.Requirement{Group: b.Group, Extra: b.Extra}) {
			return nil, b.Err
		}
	}
	for _, r := range m.Requirements {
		if s.has(r) {
			problem.Requirements = append(problem.Requirements, userRequirement(r))
		}
	}
	for _, r := range m.Constraints {
		problem.Constraints = append(problem.Constraints, userRequirement(r))
	}
	for _, file := range o.constraints {
		c, err := readManifest(absolute(env, file))
		if err != nil {
			return nil, err
		}
		if len(c.Broken) > 0 {
			return nil, c.Broken[0].Err // all of its groups bound versions
		}
		for _, r := range append(c.Requirements, c.Constraints...) {
			problem.Constraints = append(problem.Constraints, userRequirement(r))
		}
		m.Files = append(m.Files, c.Files...)
	}
	if m.NoIndex {
		return nil, usagef("%s says --no-index, which leaves nothing to lock from; take it out", p.file)
	}
	limit, from := o.excludeNewer, "--exclude-newer"
	if limit == "" {
		limit, from = m.ExcludeNewer, m.ExcludeNewerPos.String()
	}
	var err error
	if problem.ExcludeNewer, err = parseLimit(limit, env.Now()); err != nil {
		return nil, usagef("%s: %w", from, err)
	}
	return problem, nil
}

// prereleasePolicies are the words of --prerelease, which are uv's.
var prereleasePolicies = map[string]resolver.Prereleases{
	"if-necessary": resolver.IfNecessary,
	"allow":        resolver.Allow,
	"explicit":     resolver.Explicit,
	"disallow":     resolver.Disallow,
}

func userRequirement(r lockfile.Requirement) resolver.Requirement {
	return resolver.Requirement{Requirement: r.Requirement, Origin: r.Pos.String(), Hashes: r.Hashes}
}

// union joins a manifest's set of projects with that of a flag.
func union(m lockfile.Formats, flags []string) resolver.Formats {
	f := resolver.Formats{All: m.All, Names: m.Names}
	for _, text := range flags {
		if text == ":all:" {
			f.All = true
		} else {
			f.Names = append(f.Names, py.NormalizeName(text))
		}
	}
	return f
}

// A selection says which groups and extras of a manifest are wanted.
type selection struct {
	groups map[string]bool
	extras map[py.Name]bool
}

func newSelection(m *lockfile.Manifest, o adviseOptions) (selection, error) {
	s := selection{map[string]bool{"": true}, map[py.Name]bool{}}
	if o.dev {
		s.groups["dev"] = true
	}
	known := map[string]string{}
	for _, g := range m.Groups {
		known[groupKey(g)] = g
	}
	for _, g := range o.groups {
		name, ok := known[groupKey(g)]
		if !ok {
			return s, usagef("no group %q in the manifest%s", g, have(m.Groups))
		}
		s.groups[name] = true
	}
	for _, x := range m.Extras {
		s.extras[x] = o.allExtras
	}
	for _, x := range o.extras {
		n := py.NormalizeName(x)
		if _, ok := s.extras[n]; !ok {
			names := make([]string, len(m.Extras))
			for i, e := range m.Extras {
				names[i] = string(e)
			}
			return s, usagef("no extra %q in the manifest%s", x, have(names))
		}
		s.extras[n] = true
	}
	return s, nil
}

// groupKey compares group names as PEP 735 does: normalised.
func groupKey(name string) string { return string(py.NormalizeName(name)) }

func have(names []string) string {
	if len(names) == 0 {
		return ", which has none"
	}
	return "; it has " + strings.Join(names, ", ")
}

func (s selection) has(r lockfile.Requirement) bool {
	return s.groups[r.Group] && (r.Extra == "" || s.extras[r.Extra])
}

// ages match how long ago a limit is: "7 days", "1 week", "P7D", "P1W".
var ages = []*regexp.Regexp{
	regexp.MustCompile(`^(?P<n>\d{1,5})\s*(?P<unit>hour|day|week)s?$`),
	regexp.MustCompile(`^P(?P<n>\d{1,5})(?P<unit>D|W)$`),
}

// parseLimit reads a day, which counts to its end in UTC, a time, or an age
// before now. It returns Unix seconds, 0 for an empty text.
func parseLimit(text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.Parse(time.DateOnly, text); err == nil {
		return seen(d.AddDate(0, 0, 1).Add(-time.Second)), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return seen(t), nil
	}
	days := map[string]int{"day": 1, "D": 1, "week": 7, "W": 7}
	for _, age := range ages {
		m := age.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		if m[2] == "hour" {
			return seen(now.Add(-time.Duration(n) * time.Hour)), nil
		}
		return seen(now.AddDate(0, 0, -n*days[m[2]])), nil
	}
	return 0, fmt.Errorf("%q is neither a day (2026-01-31) nor a time (2026-01-31T12:00:00Z) nor an age (7 days, P1W)", text)
}

// seen is a limit in Unix seconds; before all indexes is not "no limit".
func seen(t time.Time) int64 { return max(t.Unix(), 1) }

// day prints a time in Unix seconds as a day in UTC.
func day(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }

package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// A format is a kind of lock.
type format string

const (
	pipfileLock  format = "pipfile-lock"
	requirements format = "requirements"
	pylock       format = "pylock"
)

// A target is where which lock goes.
type target struct {
	format format
	path   string // absolute; empty for standard output
	shown  string // for messages
	own    bool   // the user named neither a format nor a file
}

// chooseTarget decides which lock is written where, before any work is done.
func chooseTarget(env *Env, p project, m *lockfile.Manifest, o adviseOptions) (target, error) {
	t := target{format: format(o.format)}
	own, name := ownLock(p, m)
	switch t.format {
	case "":
		t.format = formatOf(o.output, own)
		t.own = o.output == "" || o.output == "-"
	case pipfileLock:
		if m.Kind != lockfile.Pipfile {
			return t, usagef("a Pipfile.lock is the lock of a Pipfile, and this is %s; use --format requirements or pylock", p.file)
		}
	case requirements, pylock:
	default:
		return t, usagef("unknown format %q (have pipfile-lock, requirements, pylock)", o.format)
	}
	switch {
	case o.output == "-":
		if o.json {
			return t, usagef("--json and --output - both want standard output; give the lock a file")
		}
		return t, nil
	case o.output != "":
		t.path = absolute(env, o.output)
	case t.format != own:
		t.path = filepath.Join(p.dir, map[format]string{requirements: "requirements.lock", pylock: "pylock.toml"}[t.format])
	default:
		t.path = filepath.Join(p.dir, name)
	}
	t.shown = shorten(env, t.path)
	if t.format == pipfileLock && filepath.Base(t.path) != "Pipfile.lock" || t.format != pipfileLock && filepath.Base(t.path) == "Pipfile.lock" {
		return t, usagef("%s: Pipfile.lock is the name of a Pipfile's lock, and of nothing else", t.shown)
	}
	if err := t.spared(); err != nil {
		return t, err
	}
	if o.fileDir != "" && (filepath.IsAbs(o.fileDir) || t.format != pylock) {
		return t, usagef("--file-dir: a directory relative to the pylock.toml that is written; this is %q for %s", o.fileDir, t.format)
	}
	if t.format == pylock && !pylockName(filepath.Base(t.path)) {
		return t, usagef("%s: installers read a pylock only if it is called pylock.toml or pylock.NAME.toml", t.shown)
	}
	return t, nil
}

// spared refuses to write where something else lies than a lock, or would be
// taken for something else.
func (t *target) spared() error {
	base := filepath.Base(t.path)
	switch base {
	case "Pipfile", "pyproject.toml", lockfile.SettingsFile, lockfile.ThothFile, ".thoth.yml":
		return usagef("%s: a file of this name is no lock; give the lock another name with --output", t.shown)
	}
	info, err := os.Stat(t.path)
	switch ext := filepath.Ext(base); {
	case err != nil: // it is not there, or writing will tell
	case info.IsDir():
		return usagef("%s is a directory; name the file to write", t.shown)
	case info.Mode().IsRegular() && info.Size() > 0 && t.format == requirements && ext != ".txt" && ext != ".lock":
		return usagef("%s is there, and not called as locks are (*.txt, *.lock); remove it, or give the lock another name", t.shown)
	}
	return nil
}

// formatOf tells a format by the name of the file that is to have it.
func formatOf(output string, own format) format {
	base := filepath.Base(output)
	switch ext := filepath.Ext(base); {
	case base == "Pipfile.lock" && own == pipfileLock:
		return pipfileLock
	case pylockName(base):
		return pylock
	case ext == ".txt", ext == ".lock":
		return requirements
	}
	return own
}

// ownLock returns the lock that goes with a manifest and its usual name.
func ownLock(p project, m *lockfile.Manifest) (format, string) {
	switch m.Kind {
	case lockfile.Pipfile:
		return pipfileLock, "Pipfile.lock"
	case lockfile.Pyproject:
		return pylock, "pylock.toml"
	}
	if base, ok := strings.CutSuffix(p.file, ".in"); ok {
		return requirements, base + ".txt"
	}
	return requirements, strings.TrimSuffix(p.file, filepath.Ext(p.file)) + ".lock"
}

// pylockName reports whether PEP 751 lets a lock have this name.
func pylockName(base string) bool {
	if base == "pylock.toml" {
		return true
	}
	middle, ok := strings.CutPrefix(base, "pylock.")
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, ".toml")
	return ok && middle != "" && !strings.Contains(middle, ".")
}

// same reports whether two paths are one file.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return a == b || errA == nil && errB == nil && os.SameFile(x, y)
}

// shorten shows a path relative to the working directory where that is shorter.
func shorten(env *Env, path string) string {
	rel, err := filepath.Rel(env.Dir, path)
	if err != nil || len(rel) > len(path) {
		return path
	}
	return rel
}

// lock makes the text of the lock.
func (a *advice) lock(ctx context.Context, env *Env, k *knowledge, o adviseOptions) error {
	packages := make([]py.Package, len(a.report.Stack))
	for i, c := range a.report.Stack {
		packages[i] = c.Package
	}
	files, err := a.directs.Files(ctx, packages)
	if err != nil {
		return err
	}
	l := &lockfile.Lock{
		RequiresPython:    a.manifest.RequiresPython.String(),
		Environment:       a.problem.Environment,
		PythonVersion:     a.manifest.PythonVersion,
		PythonFullVersion: a.manifest.PythonFullVersion,
		FileDir:           o.fileDir,
		FindLinks:         a.manifest.FindLinks,
		Comment:           a.comment(),
	}
	if err := a.sources(ctx, env, o, l); err != nil {
		return err
	}
	needs := a.needs()
	for i, c := range a.report.Stack {
		p := lockfile.Pin{
			Package: c.Package, Extras: c.Extras, RequiresPython: c.Release.RequiresPython,
			Direct: a.directs.from[c.Name],
		}
		if p.Direct != nil {
			p.Files = files[i]
		} else {
			p.Index = k.source(c.Name, l)
			if p.Files, err = a.problem.Usable(c.Name, files[i]); err != nil {
				return err
			}
		}
		if a.target.format == pipfileLock && !c.Direct && p.Index == l.Sources[0].Name {
			p.Index = "" // as Pipenv writes it
		}
		if len(p.Files) == 0 && p.Direct == nil {
			return unknownError{fmt.Errorf("the knowledge base has no file of %s, so no lock can be written; use one that has (--kb)", c.Package)}
		}
		for _, v := range c.Via {
			if v.From == "" {
				p.Via = append(p.Via, "-r "+a.project.file)
			} else {
				p.Via = append(p.Via, string(v.From))
			}
		}
		for _, n := range c.Needs {
			p.Requires = append(p.Requires, n.To)
		}
		slices.Sort(p.Via)
		p.Via = slices.Compact(p.Via)
		slices.Sort(p.Requires)
		p.Requires = slices.Compact(p.Requires)
		needs[c.Name].fill(&p)
		l.Packages = append(l.Packages, p)
	}
	a.text, err = printLock(l, a.target.format)
	var missing *lockfile.MissingURLError
	if !errors.As(err, &missing) {
		return err
	}
	if a.target.own {
		// The project still gets a lock that installs, and is told which.
		a.notes = append(a.notes, "pylock.toml would need the URL of every file, which this knowledge base does not record: locked as requirements instead (see --file-dir)")
		a.target.format = requirements
		if a.target.path != "" {
			a.target.path = filepath.Join(a.project.dir, "requirements.lock")
			a.target.shown = shorten(env, a.target.path)
		}
		a.text, err = printLock(l, requirements)
		return err
	}
	return unknownError{fmt.Errorf("%w.\nThe knowledge base was built from a listing without them. Lock with --format requirements; or give the directory\n"+
		"that will hold the files with --file-dir; or use a knowledge base built from a live index (thamos kb build --projects)", err)}
}

// printLock is the lock in a format.
func printLock(l *lockfile.Lock, f format) ([]byte, error) {
	switch f {
	case pipfileLock:
		return l.PipfileLock()
	case pylock:
		return l.Pylock()
	}
	return l.RequirementsTxt()
}

// comment tells how the lock was made, without time and place.
func (a *advice) comment() []string {
	return []string{
		"Locked by thamos for " + a.environment() + ".",
		fmt.Sprintf("Knowledge base of %s, sha256:%s%s.", day(a.info.Built), a.info.Digest, a.onTop()),
	}
}

// onTop says that there is more than the knowledge base, if there is.
func (a *advice) onTop() string {
	if a.knowledge.local == nil {
		return ""
	}
	return " with local knowledge on top"
}

// environment is the environment in words.
func (a *advice) environment() string {
	e := a.problem.Environment
	name := map[string]string{"cpython": "CPython", "pypy": "PyPy"}[e.Implementation]
	if name == "" {
		name = e.Implementation
	}
	if e.FreeThreaded {
		name = "free-threaded " + name
	}
	return fmt.Sprintf("%s %s on %s", name, e.Python, e.Platform)
}

// sources fills in the indexes of the lock: the manifest's, else what pip is
// configured to use, else where the knowledge base comes from. Requirements do
// not name the default index, so they can do without knowing it.
func (a *advice) sources(ctx context.Context, env *Env, o adviseOptions, l *lockfile.Lock) error {
	l.Sources = slices.Clone(a.manifest.Sources)
	pip, err := pipConfig(env)
	if err != nil {
		return err
	}
	url := cmp.Or(pip.IndexURL, a.info.Origin)
	for i := range l.Sources {
		l.Sources[i].URL = cmp.Or(l.Sources[i].URL, url) // Poetry only names the default index
	}
	if len(l.Sources) == 0 || l.Sources[0].Extra || l.Sources[0].Explicit {
		// Pipenv's name for its default index, with which it hashes a Pipfile.
		name := "pypi"
		for slices.ContainsFunc(l.Sources, func(s lockfile.Source) bool { return s.Name == name }) {
			name += "-default"
		}
		l.DefaultSource = name
		l.Sources = slices.Insert(l.Sources, 0, lockfile.Source{Name: name, URL: url, VerifySSL: true})
	}
	if url == "" && a.target.format != requirements && slices.ContainsFunc(l.Sources, func(s lockfile.Source) bool { return s.URL == "" }) {
		return usagef("neither the manifest nor pip's configuration names an index, and the knowledge base does not record one; set PIP_INDEX_URL")
	}
	if url == "" && l.DefaultSource != "" {
		l.Sources, l.DefaultSource = l.Sources[1:], ""
	}
	l.PipfileHash, err = a.pipfileHash(ctx, env)
	return err
}

// pipfileHash is Pipenv's hash of a Pipfile. One without sources is hashed with
// Pipenv's own default index, wherever it is installed from: the one that the
// embedded knowledge base is of.
func (a *advice) pipfileHash(ctx context.Context, env *Env) (string, error) {
	if a.manifest.Kind != lockfile.Pipfile || a.manifest.PipfileHash != "" {
		return a.manifest.PipfileHash, nil
	}
	origin := a.info.Origin
	if a.knowledge.snapshot.name != embeddedName {
		db, err := openEmbedded(ctx, env)
		if err != nil {
			return "", err
		}
		defer db.Close()
		info, err := db.Identity(ctx)
		if err != nil {
			return "", err
		}
		origin = info.Origin
	}
	return a.manifest.HashWithSource(lockfile.Source{Name: "pypi", URL: origin, VerifySSL: true}), nil
}

// A need says who needs a package.
type need struct {
	project bool
	groups  []string
	extras  []py.Name
}

func (n *need) fill(p *lockfile.Pin) {
	p.Default = n.project
	p.Groups, p.ForExtras = n.groups, n.extras
}

// needs works out who needs each package, following the report's requirements
// from the project's own ones, then from each group's and extra's.
func (a *advice) needs() map[py.Name]*need {
	needs := map[py.Name]*need{}
	for _, c := range a.report.Stack {
		needs[c.Name] = new(need)
	}
	reach := func(group string, extra py.Name) map[py.Name]bool {
		var from []py.Requirement
		for _, r := range a.manifest.Requirements {
			holds, _ := r.Marker.Evaluate(a.problem.Environment, "")
			if r.Group == group && r.Extra == extra && a.selected.has(r) && holds {
				from = append(from, r.Requirement)
			}
		}
		return a.report.Reach(from)
	}
	for n := range reach("", "") {
		needs[n].project = true
	}
	for _, g := range a.manifest.Groups {
		for n := range reach(g, "") {
			needs[n].groups = append(needs[n].groups, g)
		}
	}
	for _, x := range a.manifest.Extras {
		for n := range reach("", x) {
			needs[n].extras = append(needs[n].extras, x)
		}
	}
	return needs
}

// written says what became of the lock.
type written string

const (
	wroteLock    written = "written"
	sameLock     written = "unchanged"
	noLock       written = "not written"
	lockOnStdout written = "on standard output"
)

// write puts the lock where it belongs.
func (a *advice) write(env *Env, o adviseOptions) error {
	if a.target.path != "" {
		for _, f := range a.manifest.Files {
			if same(a.target.path, f) {
				return usagef("%s is what the project asks for, which is never changed; give the lock another name with --output", a.target.shown)
			}
		}
	}
	switch {
	case o.dryRun:
		a.written = noLock
		return nil
	case a.target.path == "":
		a.written = lockOnStdout
		if _, err := env.Stdout.Write(a.text); err != nil {
			return fmt.Errorf("the lock cannot be written: %w", err)
		}
		return nil
	}
	info, err := os.Stat(a.target.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("the lock cannot be written: %w", err)
	case info.IsDir():
		return usagef("%s is a directory; name the file to write", a.target.shown)
	case !info.Mode().IsRegular():
		// A pipe or a device: there is nothing to keep and nothing to compare.
		a.written = wroteLock
		return writeTo(a.target.path, a.text)
	case info.Size() == int64(len(a.text)):
		if old, err := os.ReadFile(a.target.path); err == nil && bytes.Equal(old, a.text) {
			a.written = sameLock
			return nil
		}
	}
	if err := lockfile.WriteFile(a.target.path, a.text); err != nil {
		return fmt.Errorf("the lock cannot be written: %w", err)
	}
	a.written = wroteLock
	return nil
}

// writeTo writes to something that is not a regular file.
func writeTo(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("the lock cannot be written: %w", err)
	}
	return nil
}

// pipConfig reads pip's configuration.
func pipConfig(env *Env) (ingest.PipConfig, error) {
	read := func(name string) ([]byte, error) {
		data, err := os.ReadFile(name)
		if errors.Is(err, syscall.ENOTDIR) { // a HOME such as /dev/null
			err = fs.ErrNotExist
		}
		return data, err
	}
	c, err := ingest.FindPipConfig(ingest.PipEnv{Getenv: env.Getenv, ReadFile: read, GOOS: env.GOOS})
	if err != nil {
		return c, usageError{err}
	}
	return c, nil
}

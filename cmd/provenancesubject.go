package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
	"github.com/thamos/thamos/lockfile/provenance/sigstore"
)

// A subject is a lock, or an environment, that is to be checked, with what the
// project says of it.
type subject struct {
	shown string // path, for messages
	dir   string // where the settings are

	lock      *lockfile.Locked
	installed *lockfile.Installed // nil: a lock

	manifest     *lockfile.Manifest // empty if there is none
	manifestFile string             // base name; empty if there is none
	whyNoHash    string             // why the lock cannot be held against the manifest

	settings *lockfile.Settings
	notes    []string
}

// newSubject reads a lock, its manifest and the settings beside it.
func newSubject(env *Env, lock string) (*subject, error) {
	dir, base := filepath.Split(lock)
	s := &subject{shown: shorten(env, lock), dir: dir, manifest: &lockfile.Manifest{}}
	var err error
	if s.lock, err = lockfile.ReadLocked(os.DirFS(dir), base); err != nil {
		if e, ok := errors.AsType[*lockfile.Error](err); ok {
			e.Pos.File = path.Join(filepath.ToSlash(filepath.Dir(s.shown)), e.Pos.File)
		}
		return nil, err
	}
	s.under(filepath.ToSlash(filepath.Dir(s.shown)))
	s.expand(env)
	if manifest := manifestOf(lock); manifest != "" {
		s.manifestFile = filepath.Base(manifest)
		m, err := readManifest(manifest)
		switch {
		case err == nil:
			s.manifest = m
		case s.lock.Format == lockfile.LockPipfile:
			return nil, err
		default:
			// A manifest that cannot be locked here can have been locked by others, with
			// indexes that it names.
			s.manifest.Sources = s.lock.Sources
			s.notes = append(s.notes, fmt.Sprintf("what %s says of indexes is not known, so that those of the lock are taken for its: %v", s.manifestFile, err))
		}
	} else if s.lock.Format == lockfile.LockRequirements {
		s.manifest.Sources = s.lock.Sources // it is its own manifest
	}
	switch {
	case s.lock.Format == lockfile.LockPipfile && s.manifestFile == "":
		s.whyNoHash = "there is no Pipfile beside it"
	case s.lock.Format == lockfile.LockPoetry:
		s.whyNoHash = "how Poetry makes its content-hash differs from version to version"
	}
	return s, s.readSettings()
}

// under makes the places of the lock relative to the working directory.
func (s *subject) under(dir string) {
	relative := func(p *lockfile.Position) {
		if p.File != "" && dir != "." {
			p.File = path.Join(filepath.ToSlash(dir), p.File)
		}
	}
	s.lock.File = path.Join(filepath.ToSlash(dir), s.lock.File)
	for i := range s.lock.Sources {
		relative(&s.lock.Sources[i].Pos)
	}
	for i := range s.lock.Releases {
		r := &s.lock.Releases[i]
		relative(&r.Pos)
		for k := range r.Files {
			relative(&r.Files[k].Pos)
		}
	}
}

// expand puts the values of ${VARIABLES} into the indexes that a lock names, as
// who installs from it does. Logins do not become part of them.
func (s *subject) expand(env *Env) {
	full := func(url *string) {
		if !strings.Contains(*url, "${") {
			return
		}
		if text, err := expand(env, *url); err == nil {
			*url = ingest.Origin(text)
		}
	}
	for i := range s.lock.Sources {
		full(&s.lock.Sources[i].URL)
	}
	for i := range s.lock.Releases {
		full(&s.lock.Releases[i].Index)
	}
}

func (s *subject) readSettings() error {
	settings, note, err := lockfile.FindSettings(os.DirFS(s.dir))
	if err != nil {
		return err
	}
	if note != "" {
		s.notes = append(s.notes, note)
	}
	if s.settings = settings; settings == nil {
		s.settings = &lockfile.Settings{}
	}
	return nil
}

// policy joins settings and flags.
func (s *subject) policy(o provenanceOptions) (*provenance.Policy, provenance.Severity, error) {
	p := &provenance.Policy{Severity: map[string]provenance.Severity{}, CooldownDays: s.settings.CooldownDays}
	failOn := o.failOn
	if own := s.settings.Provenance; own != nil {
		if _, err := provenance.ParseSeverity(own.FailOn); own.FailOn != "" && err != nil {
			return nil, 0, usagef("%s: fail-on: %w", own.FailOnAt, err)
		}
		failOn = cmp.Or(failOn, own.FailOn)
		p.AllowedIndexes = own.AllowedIndexes
		for _, c := range own.Severities {
			severity, err := provenance.ParseSeverity(c.Severity)
			if err != nil {
				return nil, 0, usagef("%s: %w", c.Pos, err)
			}
			if !slices.ContainsFunc(provenance.Checks(), func(k provenance.Check) bool { return k.ID == c.Check }) {
				return nil, 0, usagef("%s: there is no check %q; `thamos provenance-check --list` lists them", c.Pos, c.Check)
			}
			p.Severity[c.Check] = severity
		}
		for _, e := range own.Projects {
			p.Expect = append(p.Expect, provenance.Expectation{Project: e.Project, Index: e.Index, Publisher: e.Publisher, From: e.PublisherAt.String()})
		}
		for _, a := range own.Allow {
			p.Allow = append(p.Allow, provenance.Allowance{
				Check: a.Check, Project: a.Project, Version: a.Version, Reason: a.Reason, Expires: a.Expires, From: a.Pos.String(),
			})
		}
	}
	if o.allowedIndexes != nil {
		p.AllowedIndexes = o.allowedIndexes
	}
	if err := p.Validate(); err != nil {
		return nil, 0, usageError{err}
	}
	severity, err := provenance.ParseSeverity(cmp.Or(failOn, "error"))
	if err != nil {
		return nil, 0, usagef("fail-on: %w", err)
	}
	return p, severity, nil
}

// hashes are those of the manifest, of which the lock must have one; nil if that
// cannot be told.
func (s *subject) hashes(ctx context.Context, env *Env, k *knowledge, o provenanceOptions) ([]string, error) {
	if s.lock.Format != lockfile.LockPipfile || s.manifestFile == "" {
		return nil, nil
	}
	a := &advice{manifest: s.manifest, info: k.info, knowledge: k}
	own, err := a.pipfileHash(ctx, env)
	if err != nil {
		return nil, err
	}
	return []string{own, s.manifest.ThothHash()}, nil
}

// check holds the subject against what is known, asking for it online.
func (s *subject) check(ctx context.Context, env *Env, k *knowledge, o provenanceOptions) (*checked, error) {
	policy, failOn, err := s.policy(o)
	if err != nil {
		return nil, err
	}
	w, err := s.world(ctx, env, k, o)
	if err != nil {
		return nil, err
	}
	bar := newBar(env, 0, "checking")
	defer func() { _ = bar.Clear() }()
	w.world.Progress = func(done, total int, what string) {
		bar.ChangeMax(total)
		bar.Describe(what)
		_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
	}
	report, err := provenance.Run(ctx, s.lock, s.installed, w.world, policy)
	if err != nil {
		return nil, err
	}
	return &checked{
		shown: s.shown, format: s.lock.Format, report: report, failOn: failOn,
		notes: append(append(s.notes, w.notes...), k.notes...),
	}, nil
}

// verifier makes the one of --trusted-root.
func verifier(env *Env, file string) (provenance.Verifier, error) {
	if file == "" {
		return sigstore.New(sigstore.Root())
	}
	text, err := os.ReadFile(absolute(env, file))
	if err != nil {
		return nil, usagef("--trusted-root: %w", err)
	}
	v, err := sigstore.New(text)
	if err != nil {
		return nil, usagef("--trusted-root %s: %w", file, err)
	}
	return v, nil
}

// names are the projects of the lock that come from an index, each once, in its
// order.
func (s *subject) names() []py.Name {
	var names []py.Name
	seen := map[py.Name]bool{}
	for i := range s.lock.Releases {
		if r := &s.lock.Releases[i]; r.Name != "" && r.Direct == "" && !seen[r.Name] {
			seen[r.Name] = true
			names = append(names, r.Name)
		}
	}
	return names
}

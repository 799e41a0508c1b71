package provenance

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// A run is one check of one lock.
type run struct {
	lock   *lockfile.Locked
	world  *World
	policy *Policy
	checks map[string]Check
	report *Report

	releases []*release
	puzzles  []puzzle
	digests  map[string]place // see place
}

// A release is an entry of the lock that comes from an index.
type release struct {
	*lockfile.LockedRelease
	at   []standing // what each of world.Indexes has of it
	from []int      // those of world.Indexes that may serve it

	// outside says why no index of the world may serve it; empty if one may.
	outside string
}

// A standing is what is known of a release on one index.
type standing struct {
	project *py.Project // nil: not known
	release *py.Release // nil: the index has no such release, or project is nil
	files   []py.File   // none: not known
	known   int64       // when project was read, in Unix seconds; 0 means in this run
}

// An entry is what a finding is about.
type entry struct {
	name    py.Name
	version string
	pos     lockfile.Position
}

func (e *release) entry() entry { return entryOf(e.LockedRelease) }

func entryOf(e *lockfile.LockedRelease) entry {
	version := e.VersionText
	if !e.Version.IsZero() {
		version = e.Version.String()
	}
	return entry{py.Name(cmp.Or(string(e.Name), e.Text)), version, e.Pos}
}

// Run holds a lock against the world under a policy. installed is what
// ReadInstalled gave if the lock is an installed environment, else nil. The
// error is that of who was asked, or of ctx; what is wrong with the lock is in
// the report.
func Run(ctx context.Context, lock *lockfile.Locked, installed *lockfile.Installed, w *World, p *Policy) (*Report, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	r := &run{lock: lock, world: w, policy: p, checks: map[string]Check{}, report: &Report{}}
	for _, c := range Checks() {
		r.checks[c.ID] = c
	}
	r.manifest()
	r.sources()
	for i := range lock.Releases {
		r.structure(&lock.Releases[i])
	}
	r.duplicates()
	if installed != nil {
		r.installed(installed)
	}
	if err := r.gather(ctx); err != nil {
		return nil, err
	}
	for _, e := range r.releases {
		r.release(e)
	}
	r.elsewhere()
	for _, step := range []func(context.Context) error{r.strange, r.confusion, r.malware, r.lookalikes, r.attestations} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.allow()
	r.report.sort()
	return r.report, nil
}

// on reports whether a check is made.
func (r *run) on(id string) bool { return r.policy.severity(r.checks[id]) != Off }

// add adds a finding, unless its check is off.
func (r *run) add(id string, e entry, message string, evidence ...string) {
	c := r.checks[id]
	severity := r.policy.severity(c)
	if severity == Off {
		return
	}
	if e.pos.File == "" {
		e.pos.File = r.lock.File
	}
	r.report.Findings = append(r.report.Findings, Finding{
		Check: id, Severity: severity, Name: e.name, Version: e.version,
		Message: message, Evidence: slices.DeleteFunc(evidence, func(s string) bool { return s == "" }), Remedy: c.Remedy, Pos: e.pos,
		installed: r.lock.Format == lockfile.LockInstalled,
	})
}

func (r *run) unchecked(e entry, what, why string) {
	r.report.Unchecked = append(r.report.Unchecked, Unchecked{e.name, e.version, what, why})
}

// gather asks the indexes for the releases of the lock.
func (r *run) gather(ctx context.Context) error {
	var names []py.Name
	var packages []py.Package
	for i := range r.lock.Releases {
		e := &r.lock.Releases[i]
		if e.Direct != "" && e.Local {
			r.report.Counts.Local++
			continue
		}
		r.report.Counts.Releases++
		if e.Name == "" || e.Direct != "" || e.Version.IsZero() {
			continue
		}
		r.releases = append(r.releases, &release{LockedRelease: e})
		names, packages = append(names, e.Name), append(packages, e.Package())
	}
	for _, e := range r.releases {
		e.at = make([]standing, len(r.world.Indexes))
		r.route(e)
	}
	for k := range r.world.Indexes {
		index := &r.world.Indexes[k]
		projects, err := index.Projects(ctx, names)
		if err != nil {
			return err
		}
		files, err := index.Files(ctx, packages)
		if err != nil {
			return err
		}
		for i, e := range r.releases {
			s := standing{project: projects[i], files: files[i]}
			if s.project != nil {
				s.release = find(s.project, e.Version)
				if index.KnownAt != nil {
					s.known = index.KnownAt(e.Name)
				}
			}
			e.at[k] = s
		}
		if r.world.Progress != nil {
			r.world.Progress(k+1, len(r.world.Indexes), "reading what is known")
		}
	}
	return nil
}

// find finds a version among the releases of a project, which are sorted newest
// first.
func find(p *py.Project, v py.Version) *py.Release {
	at, found := slices.BinarySearchFunc(p.Releases, v, func(r py.Release, v py.Version) int { return v.Compare(r.Version) })
	if !found {
		return nil
	}
	return &p.Releases[at]
}

// route says which indexes may serve an entry: the one that it names, or that
// the policy or the manifest pins its project to, else all that are not explicit.
func (r *run) route(e *release) {
	where, by := e.Index, "the lock"
	if where == "" {
		where, by = r.policy.expect(e.Name).Index, "the policy"
	}
	if where == "" {
		where, by = r.world.Pins[e.Name], "the manifest"
	}
	if where == "" {
		for k := range r.world.Indexes {
			if !r.world.Indexes[k].Explicit {
				e.from = append(e.from, k)
			}
		}
		if len(e.from) == 0 {
			e.outside = "no index is known"
		}
		return
	}
	if k := r.index(where); k >= 0 {
		e.from = []int{k}
		return
	}
	e.outside = fmt.Sprintf("nothing is known of %s, the index that %s names", where, by)
}

// index finds an index by URL; -1 if the world has none.
func (r *run) index(where string) int {
	return slices.IndexFunc(r.world.Indexes, func(x Index) bool { return x.is(where) })
}

// is reports whether a URL is that of the index.
func (x *Index) is(where string) bool {
	return SameIndex(x.URL, where) || slices.ContainsFunc(x.Also, func(u string) bool { return SameIndex(u, where) })
}

// same reports whether two URLs are of one index of the world.
func (r *run) same(a, b string) bool {
	k := r.index(a)
	return SameIndex(a, b) || k >= 0 && k == r.index(b)
}

// place is where a digest is from.
type place struct {
	pkg  py.Package
	file string
}

// where finds the locked release that has a file with a digest on any index.
func (r *run) where(digest string) (place, bool) {
	if r.digests == nil {
		r.digests = map[string]place{}
		for _, e := range r.releases {
			for _, s := range e.at {
				for _, f := range s.files {
					if _, taken := r.digests[f.SHA256]; f.SHA256 != "" && !taken {
						r.digests[f.SHA256] = place{e.Package(), f.Filename}
					}
				}
			}
		}
	}
	p, ok := r.digests[digest]
	return p, ok
}

// SameIndex reports whether two URLs are of one index: scheme and host have no
// case, the usual port may be left out, and so may a slash at the end, a login
// and a fragment. Thoth compared the texts, and called the example of its own
// documentation a stranger.
func SameIndex(a, b string) bool { return a == b || canonical(a) == canonical(b) }

func canonical(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return strings.TrimRight(text, "/")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	} else if u.Scheme == "http" {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u.String()
}

package certify

import (
	"context"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A judge says which releases may be chosen in the problem's environment, under
// its policies, whatever else is chosen and whatever they require.
type judge struct {
	*resolver.Problem
	knowledge resolver.Knowledge
	tags      *py.Tags
	pins      map[py.Name][]py.Version
	named     map[py.Name]bool     // a user's line names a pre-release of it
	hashes    map[py.Name][]string // the only ones allowed
	pythons   map[string]bool
	wheels    map[*py.Artifacts]bool
}

// newJudge takes the user's lines whose markers hold.
func newJudge(p *resolver.Problem, k resolver.Knowledge, lines []*resolver.Requirement) *judge {
	j := &judge{
		Problem: p, knowledge: k, tags: p.Environment.Tags(),
		pins: map[py.Name][]py.Version{}, named: map[py.Name]bool{}, hashes: map[py.Name][]string{},
		pythons: map[string]bool{}, wheels: map[*py.Artifacts]bool{},
	}
	for _, l := range lines {
		if v, ok := l.Specifiers.Pinned(); ok {
			j.pins[l.Name] = append(j.pins[l.Name], v)
		}
		if l.Specifiers.Prereleases() {
			j.named[l.Name] = true
		}
		if len(l.Hashes) == 0 {
			continue
		}
		allowed := slices.Clone(l.Hashes)
		if before, ok := j.hashes[l.Name]; ok { // every line must allow it
			allowed = slices.DeleteFunc(allowed, func(h string) bool { return !slices.Contains(before, h) })
		}
		j.hashes[l.Name] = allowed
	}
	return j
}

// policy returns how pre-releases of one project are taken.
func (j *judge) policy(name py.Name) resolver.Prereleases {
	switch {
	case slices.Contains(j.PrereleasesFor, name):
		return resolver.Allow
	case j.Prereleases != resolver.Explicit:
		return j.Prereleases
	case j.named[name]:
		return resolver.Allow
	}
	return resolver.Disallow
}

// usable tells, by release, which of a project may be chosen.
func (j *judge) usable(ctx context.Context, p *py.Project) ([]bool, error) {
	files, err := j.files(ctx, p)
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(p.Releases))
	for i := range p.Releases {
		r := &p.Releases[i]
		ok[i] = (!r.Yanked || j.pinned(p.Name, r.Version)) &&
			!(r.Version.Prerelease() && j.policy(p.Name) == resolver.Disallow) &&
			(j.ExcludeNewer == 0 || r.Uploaded != 0 && r.Uploaded <= j.ExcludeNewer) &&
			j.python(r.RequiresPython) &&
			j.installable(p.Name, files[i])
	}
	return ok, nil
}

// pinned reports whether a user's line asks for exactly this version (PEP 592).
// A pin without a local part means every local version, too.
func (j *judge) pinned(name py.Name, v py.Version) bool {
	return slices.ContainsFunc(j.pins[name], func(pin py.Version) bool {
		return pin.Compare(v) == 0 || pin.Local() == "" && pin.Compare(v.Public()) == 0
	})
}

// python judges Requires-Python; what cannot be read excludes nothing.
func (j *judge) python(text string) bool {
	ok, seen := j.pythons[text]
	if !seen {
		s, err := py.ParseSpecifiers(text)
		ok = text == "" || err != nil || s.Contains(j.Environment.Python)
		j.pythons[text] = ok
	}
	return ok
}

// installable judges the kinds of file; nil is that they are not known.
func (j *judge) installable(name py.Name, a *py.Artifacts) bool {
	if a == nil {
		return true
	}
	source := a.Sdist && !j.NoBuild.Has(name)
	return source || !j.NoBinary.Has(name) && j.wheel(a)
}

// wheel reports whether one of the wheels fits the environment.
func (j *judge) wheel(a *py.Artifacts) bool {
	ok, seen := j.wheels[a]
	if !seen {
		for _, w := range a.Wheels {
			_, fits := j.tags.Rank(w)
			ok = ok || fits
		}
		j.wheels[a] = ok
	}
	return ok
}

// built reports whether a release is built from source here.
func (j *judge) built(name py.Name, a *py.Artifacts) bool {
	return a != nil && (j.NoBinary.Has(name) || !j.wheel(a))
}

// files returns the kinds of file that the user's hashes and dates leave of each
// release. The files themselves are asked for only where that may be fewer than
// all: hashes are given, or some files may be newer than the limit.
func (j *judge) files(ctx context.Context, p *py.Project) ([]*py.Artifacts, error) {
	left := make([]*py.Artifacts, len(p.Releases))
	_, hashed := j.hashes[p.Name]
	var asked []int
	var packages []py.Package
	for i := range p.Releases {
		r := &p.Releases[i]
		left[i] = r.Artifacts
		some := j.ExcludeNewer != 0 && r.Uploaded <= j.ExcludeNewer && (r.LastUploaded == 0 || r.LastUploaded > j.ExcludeNewer)
		if r.Artifacts != nil && (hashed || some) {
			asked = append(asked, i)
			packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
		}
	}
	if len(asked) == 0 {
		return left, nil
	}
	all, err := j.knowledge.Files(ctx, packages)
	if err != nil {
		return nil, err
	}
	for n, i := range asked {
		left[i] = j.kinds(p.Name, all[n])
	}
	return left, nil
}

// kinds says which kinds of file may be used.
func (j *judge) kinds(name py.Name, files []py.File) *py.Artifacts {
	out := new(py.Artifacts)
	allowed, hashed := j.hashes[name]
	allYanked := !slices.ContainsFunc(files, func(f py.File) bool { return !f.Yanked })
	for _, f := range files {
		wheel := strings.HasSuffix(f.Filename, ".whl")
		if f.Yanked && !allYanked ||
			j.ExcludeNewer != 0 && (f.Uploaded == 0 || f.Uploaded > j.ExcludeNewer) ||
			hashed && !slices.Contains(allowed, "sha256:"+f.SHA256) ||
			wheel && j.NoBinary.Has(name) || !wheel && j.NoBuild.Has(name) {
			continue
		}
		if w, err := py.ParseWheelName(f.Filename); err == nil {
			out.Wheels = append(out.Wheels, w.Tags)
		} else {
			out.Sdist = true
		}
	}
	return out
}

package ingest

import (
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A Guess is what is known of how an answer will be chosen. It decides what is
// prefetched and nothing else: a wrong guess costs a request.
type Guess struct {
	// Constraints bound projects as the user's constraints do.
	Constraints []py.Requirement

	// Prereleases reports whether a pre-release of a project is as good as any
	// other release; otherwise it is the last resort. Nil: of no project.
	Prereleases func(py.Name) bool

	// NoBuild and NoBinary report projects of which a source distribution, or a
	// wheel, must not be used. Nil: of no project.
	NoBuild, NoBinary func(py.Name) bool

	// Oldest reports that of a project the oldest release is the best. Nil: the
	// newest of every project.
	Oldest func(py.Name) bool

	// ExcludeNewer hides what was uploaded after it, in Unix seconds; 0: nothing.
	ExcludeNewer int64
}

func says(f func(py.Name) bool, name py.Name) bool { return f != nil && f(name) }

// guess returns the best release that all requirements of a node admit, else
// the best that the last of them admits, which may be of a release that took
// the place of one that made the others; nil if there is none.
func (r *Reader) guess(n *node) *heldRelease {
	specs := slices.Clone(n.specs)
	for _, c := range r.options.Guess.Constraints {
		if c.Name == n.name {
			specs = append(specs, c.Specifiers)
		}
	}
	rel := r.best(n, specs)
	if rel == nil && len(n.specs) > 1 {
		rel = r.best(n, n.specs[len(n.specs)-1:])
	}
	return rel
}

// best returns the best usable release that all of specs admit.
func (r *Reader) best(n *node, specs []py.Specifiers) *heldRelease {
	pre := says(r.options.Guess.Prereleases, n.name)
	var resort *heldRelease
	releases := n.project.releases
	for i := range releases {
		rel := releases[i]
		if says(r.options.Guess.Oldest, n.name) {
			rel = releases[len(releases)-1-i]
		}
		if resort != nil && rel.version.Prerelease() || !admitsAll(specs, rel.version) || !r.usable(n.name, rel, specs) {
			continue
		}
		if !rel.version.Prerelease() || pre {
			return rel
		}
		resort = rel
	}
	return resort
}

func admitsAll(specs []py.Specifiers, v py.Version) bool {
	for _, s := range specs {
		if !s.Contains(v) {
			return false
		}
	}
	return true
}

// usable reports whether a release can be installed in the environment.
func (r *Reader) usable(name py.Name, rel *heldRelease, specs []py.Specifiers) bool {
	g := &r.options.Guess
	switch {
	case rel.unreadable:
		return false
	case rel.yanked && !slices.ContainsFunc(specs, func(s py.Specifiers) bool { _, pinned := s.Pinned(); return pinned }):
		return false
	case g.ExcludeNewer != 0 && (rel.uploaded == 0 || rel.uploaded > g.ExcludeNewer):
		return false
	}
	if rel.requiresPython != "" {
		if s, err := py.ParseSpecifiers(rel.requiresPython); err == nil && !s.Contains(r.options.Environment.Python) {
			return false
		}
	}
	if rel.sdist && !says(g.NoBuild, name) {
		return true
	}
	return !says(g.NoBinary, name) && slices.ContainsFunc(rel.wheels, func(tags string) bool {
		_, ok := r.tags.Rank(tags)
		return ok
	})
}

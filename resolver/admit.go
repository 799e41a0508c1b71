package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A verdict says whether a release may be chosen at all, and if not, why.
type verdict uint8

const (
	admitted    verdict = iota
	unread              // its requirements are not known
	opaque              // it requires what no knowledge tells, such as a URL
	malformed           // a requirement line of its metadata cannot be read
	yanked              // PEP 592
	wrongPython         // Requires-Python excludes the environment's
	noWheel             // no wheel for this environment, and no source, or builds are not allowed
	noSource            // only source is allowed, and there is none
	tooNew              // uploaded after Problem.ExcludeNewer
	prerelease          // the policy excludes pre-releases
	wrongHash           // no file has a hash that the user allows
	undateable          // ExcludeNewer is set and the upload time is not known
	sifted              // the pipeline refuses it, see release.refusal
)

// String says why a release may not be chosen, as the end of a sentence that
// begins with its name.
func (v verdict) String() string {
	switch v {
	case admitted:
		return "can be used"
	case unread:
		return "has requirements that are not known"
	case opaque:
		return "requires a URL, of which nothing is known"
	case malformed:
		return "has a requirement that cannot be read"
	case yanked:
		return "is yanked"
	case wrongPython:
		return "does not run on this Python"
	case noWheel:
		return "has no file for this platform and Python"
	case noSource:
		return "has no source distribution"
	case tooNew:
		return "is newer than allowed"
	case prerelease:
		return "is a pre-release"
	case wrongHash:
		return "has no file with an allowed hash"
	case undateable:
		return "has no known upload time"
	}
	return "cannot be used"
}

// A hope says which of what is unknown is taken at its most helpful: a release
// whose requirements were not read as one that requires nothing, a direct
// reference as fulfilled, a project of which nothing is known as one with a
// release that fits every requirement.
type hope uint8

const (
	noHope   hope = iota // nothing: what is unknown cannot be chosen
	askable              // what asking an index may still make known
	fullHope             // everything
)

// An admission judges releases against a problem's environment and policies.
// It keeps what it worked out for the texts that many releases share.
type admission struct {
	problem *Problem
	hope    hope
	tags    *py.Tags
	pythons map[string]bool        // Requires-Python text → holds here
	wheels  map[*py.Artifacts]bool // has a wheel for this environment
	pins    map[py.Name][]py.Version
	named   map[py.Name]bool     // a user's requirement names a pre-release
	hashes  map[py.Name][]string // the only files the user allows, see allowedHashes
}

func newAdmission(p *Problem, requirements, constraints []*Requirement, hope hope) *admission {
	a := &admission{
		problem: p,
		hope:    hope,
		tags:    p.Environment.Tags(),
		pythons: map[string]bool{},
		wheels:  map[*py.Artifacts]bool{},
		pins:    map[py.Name][]py.Version{},
		named:   map[py.Name]bool{},
		hashes:  allowedHashes(requirements, constraints),
	}
	for _, r := range slices.Concat(requirements, constraints) {
		if v, ok := r.Specifiers.Pinned(); ok {
			a.pins[r.Name] = append(a.pins[r.Name], v)
		}
		if r.Specifiers.Prereleases() {
			a.named[r.Name] = true
		}
	}
	return a
}

// judge gives the verdict on one release. artifacts are r.Artifacts, or what
// the user's hashes and dates leave of them.
func (a *admission) judge(name py.Name, r *py.Release, artifacts *py.Artifacts) verdict {
	switch {
	case r.Yanked && !a.pinned(name, r.Version):
		return yanked
	case r.Version.Prerelease() && a.policy(name) == Disallow:
		return prerelease
	case a.problem.ExcludeNewer != 0 && r.Uploaded == 0:
		return undateable
	case a.problem.ExcludeNewer != 0 && r.Uploaded > a.problem.ExcludeNewer:
		return tooNew
	case !a.runsOnPython(r.RequiresPython):
		return wrongPython
	}
	if v := a.files(name, artifacts); v != admitted {
		return v
	}
	if r.Requires == nil && (a.hope == noHope || a.hope == askable && r.Unreadable) {
		return unread
	}
	return admitted
}

// pinned reports whether the user asked for exactly this version, which is how
// PEP 592 lets a yanked release be used.
func (a *admission) pinned(name py.Name, v py.Version) bool {
	for _, p := range a.pins[name] {
		if p.Compare(v) == 0 || p.Local() == "" && p.Compare(v.Public()) == 0 {
			return true
		}
	}
	return false
}

// policy returns the policy for the pre-releases of one project.
func (a *admission) policy(name py.Name) Prereleases {
	switch p := a.problem; {
	case slices.Contains(p.PrereleasesFor, name):
		return Allow
	case p.Prereleases == Explicit && a.named[name]:
		return Allow
	case p.Prereleases == Explicit:
		return Disallow
	default:
		return p.Prereleases
	}
}

// runsOnPython judges Requires-Python with its upper bounds: advice is for one
// environment, so a bound excludes it or does not. Malformed text excludes
// nothing, as with pip.
func (a *admission) runsOnPython(text string) bool {
	if text == "" {
		return true
	}
	ok, seen := a.pythons[text]
	if !seen {
		s, err := py.ParseSpecifiers(text)
		ok = err != nil || s.Contains(a.problem.Environment.Python)
		a.pythons[text] = ok
	}
	return ok
}

// files judges what a release can be installed from. Files that are not known
// rule nothing out.
func (a *admission) files(name py.Name, artifacts *py.Artifacts) verdict {
	if artifacts == nil {
		return admitted
	}
	if a.problem.NoBinary.Has(name) {
		if artifacts.Sdist && !a.problem.NoBuild.Has(name) {
			return admitted
		}
		return noSource
	}
	if artifacts.Sdist && !a.problem.NoBuild.Has(name) {
		return admitted
	}
	if !a.hasWheel(artifacts) {
		return noWheel
	}
	return admitted
}

// hasWheel reports whether one of the wheels can be installed here.
func (a *admission) hasWheel(artifacts *py.Artifacts) bool {
	ok, seen := a.wheels[artifacts]
	if !seen {
		ok = slices.ContainsFunc(artifacts.Wheels, func(w string) bool {
			_, fits := a.tags.Rank(w)
			return fits
		})
		a.wheels[artifacts] = ok
	}
	return ok
}

// builds reports whether an admitted release is built from source.
func (a *admission) builds(name py.Name, artifacts *py.Artifacts) bool {
	return artifacts != nil && (a.problem.NoBinary.Has(name) || !a.hasWheel(artifacts))
}

// judgeNarrowed is judge for a release of which the user's hashes and dates
// leave only some files.
func (a *admission) judgeNarrowed(name py.Name, r *py.Release, left *py.Artifacts) verdict {
	v := a.judge(name, r, left)
	if v == noWheel && !left.Sdist && len(left.Wheels) == 0 {
		if _, hashed := a.hashes[name]; hashed {
			return wrongHash
		}
		return tooNew
	}
	return v
}

// narrow returns, by index of release, what the user's hashes and dates leave
// of the files of those releases for which that is less than all.
func (a *admission) narrow(ctx context.Context, k Knowledge, p *py.Project) (map[int]*py.Artifacts, error) {
	limit := a.problem.ExcludeNewer
	_, hashed := a.hashes[p.Name]
	if limit == 0 && !hashed {
		return nil, nil
	}
	var indices []int
	var packages []py.Package
	for i := range p.Releases {
		r := &p.Releases[i]
		straddles := limit != 0 && r.Uploaded <= limit && (r.LastUploaded > limit || r.LastUploaded == 0)
		if r.Artifacts != nil && (hashed || straddles) {
			indices = append(indices, i)
			packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
		}
	}
	if len(indices) == 0 {
		return nil, nil
	}
	files, err := k.Files(ctx, packages)
	if err != nil {
		return nil, err
	}
	left := make(map[int]*py.Artifacts, len(indices))
	for n, i := range indices {
		left[i] = artifactsOf(a.usable(p.Name, files[n]))
	}
	return left, nil
}

// allowedHashes returns, for the projects for which the user gives hashes, those
// that every line with hashes allows.
func allowedHashes(requirements, constraints []*Requirement) map[py.Name][]string {
	allowed := map[py.Name][]string{}
	for _, r := range slices.Concat(requirements, constraints) {
		if len(r.Hashes) == 0 {
			continue
		}
		if before, ok := allowed[r.Name]; ok {
			allowed[r.Name] = slices.DeleteFunc(before, func(h string) bool { return !slices.Contains(r.Hashes, h) })
		} else {
			allowed[r.Name] = slices.Clone(r.Hashes)
		}
	}
	return allowed
}

// Usable returns those of a project's files that the problem's dates, hashes
// and formats let be installed, on whatever platform: what a lock lists. It
// fails as Solve does if a marker of the user's has no meaning.
func (p *Problem) Usable(name py.Name, files []py.File) ([]py.File, error) {
	requirements, err := holding(p, p.Requirements)
	if err != nil {
		return nil, err
	}
	constraints, err := holding(p, p.Constraints)
	if err != nil {
		return nil, err
	}
	a := admission{problem: p, hashes: allowedHashes(requirements, constraints)}
	return a.usable(name, files), nil
}

func (a *admission) usable(name py.Name, files []py.File) []py.File {
	p := a.problem
	allowed, hashed := a.hashes[name]
	allYanked := !slices.ContainsFunc(files, func(f py.File) bool { return !f.Yanked })
	var kept []py.File
	for _, f := range files {
		wheel := strings.HasSuffix(f.Filename, ".whl")
		switch {
		case f.Yanked && !allYanked,
			p.ExcludeNewer != 0 && (f.Uploaded == 0 || f.Uploaded > p.ExcludeNewer),
			hashed && !slices.Contains(allowed, "sha256:"+f.SHA256),
			wheel && p.NoBinary.Has(name),
			!wheel && p.NoBuild.Has(name):
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// artifactsOf says which kinds of file are among files.
func artifactsOf(files []py.File) *py.Artifacts {
	a := new(py.Artifacts)
	for _, f := range files {
		if w, err := py.ParseWheelName(f.Filename); err == nil {
			a.Wheels = append(a.Wheels, w.Tags)
		} else {
			a.Sdist = true
		}
	}
	return a
}

// order returns the indices of p's releases, preferred first.
func (a *admission) order(p *project) []int {
	order := make([]int, len(p.releases))
	for i := range order {
		order[i] = i
	}
	if a.oldest(p) {
		slices.Reverse(order)
	}
	if a.policy(p.name) == IfNecessary {
		// Pre-releases keep their own order behind everything else.
		var last []int
		first := order[:0]
		for _, i := range order {
			if !p.releases[i].pre {
				first = append(first, i)
			} else {
				last = append(last, i)
			}
		}
		order = append(first, last...)
	}
	return order
}

// oldest reports whether older releases of p are preferred to newer ones.
func (a *admission) oldest(p *project) bool {
	return a.problem.Preference == Oldest || a.problem.Preference == OldestDirect && p.direct
}

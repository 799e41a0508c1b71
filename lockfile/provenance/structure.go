package provenance

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// What follows needs no knowledge: the lock contradicts itself, its manifest or
// the policy.

// manifest checks that the lock was made from the manifest.
func (r *run) manifest() {
	switch {
	case !r.on(LockStale):
	case r.world.ManifestHashes == nil:
		if r.world.WhyNoHash != "" {
			r.unchecked(entry{}, "manifest", r.world.WhyNoHash)
		}
	case r.lock.ManifestHash == "":
		r.add(LockStale, entry{}, "the lock does not say which "+r.world.Manifest+" it was made from")
	case !slices.Contains(r.world.ManifestHashes, r.lock.ManifestHash):
		r.add(LockStale, entry{}, r.world.Manifest+" is not the one that the lock was made from",
			"recorded sha256 "+r.lock.ManifestHash, "that of "+r.world.Manifest+" "+strings.Join(r.world.ManifestHashes, " or "))
	}
}

// sources checks the indexes that the lock names.
func (r *run) sources() {
	allowed, whose := r.policy.AllowedIndexes, "allowed-indexes does not have it"
	if allowed == nil {
		for _, x := range r.world.Indexes {
			allowed = append(append(allowed, x.URL), x.Also...)
		}
		allowed = append(allowed, r.world.Trusted...)
		whose = "neither the manifest nor the configuration names it"
	}
	users := map[string]int{}
	for i := range r.lock.Releases {
		users[r.lock.Releases[i].Index]++
	}
	for _, s := range r.lock.Sources {
		e := entry{pos: s.Pos}
		if !strings.Contains(s.URL, "${") && !slices.ContainsFunc(allowed, func(a string) bool { return SameIndex(a, s.URL) }) {
			r.add(IndexNotAllowed, e, fmt.Sprintf("the index %s is not allowed: %s", s.URL, whose), said(users[s.URL], "entry comes from it", "entries come from it"))
		}
		insecure := !s.VerifySSL
		if k := r.index(s.URL); k >= 0 {
			insecure = insecure || r.world.Indexes[k].Insecure
		}
		switch u, err := url.Parse(s.URL); {
		case insecure:
			r.add(IndexInsecure, e, fmt.Sprintf("the certificate of %s is not checked", s.URL))
		case err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()):
			r.add(IndexInsecure, e, fmt.Sprintf("%s is asked without TLS", s.URL))
		}
	}
}

// said is a count with its words, empty for none.
func said(n int, one, many string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// structure checks one entry.
func (r *run) structure(e *lockfile.LockedRelease) {
	at := entryOf(e)
	if e.Name == "" {
		r.oddName(e)
		return
	}
	want := r.policy.expect(e.Name).Index
	by := "provenance.project"
	if want == "" {
		want, by = r.world.Pins[e.Name], r.world.Manifest
	}
	if want != "" && e.Index != "" && !r.same(want, e.Index) {
		r.add(IndexUnexpected, at, fmt.Sprintf("comes from %s, and %s wants it from %s", e.Index, by, want))
	}
	installed := r.lock.Format == lockfile.LockInstalled
	switch {
	case e.Direct != "" && e.Local:
		return // the project's own, or a directory that nobody publishes
	case e.Direct != "":
		r.direct(e)
		return
	case e.Version.IsZero() && e.VersionText != "":
		r.add(NotPinned, at, fmt.Sprintf("%q is not a version", e.VersionText))
		return
	case e.Version.IsZero():
		r.add(NotPinned, at, "pins no version")
		return
	}
	if !installed {
		r.hasHashes(e)
	}
	for i := range e.Files {
		f := &e.Files[i]
		if p, ok := fileRelease(e.Name, f.Filename); ok && (p.Name != e.Name || !sameRelease(p.Version, e.Version)) {
			r.add(FileOtherRelease, entry{at.name, at.version, f.Pos}, fmt.Sprintf("%s is a file of %s, and the entry is %s", f.Filename, p, e.Package()))
		}
		if base := baseOf(f.URL); f.URL != "" && base != f.Filename {
			r.add(FileOtherRelease, entry{at.name, at.version, f.Pos}, fmt.Sprintf("%s is to be fetched from %s", f.Filename, f.URL))
		}
	}
}

// sameRelease reports whether a file of version file may be one of the release
// that is locked: a wheel may leave out what a build adds.
func sameRelease(file, locked py.Version) bool {
	return file.Compare(locked) == 0 || locked.Local() == "" && file.Public().Compare(locked) == 0
}

// fileRelease tells the release that a file is of by its name; not ok if the
// name does not say.
func fileRelease(project py.Name, filename string) (py.Package, bool) {
	if w, err := py.ParseWheelName(filename); err == nil {
		return py.Package{Name: w.Name, Version: w.Version}, true
	}
	if p, err := py.ParseSdistNameOf(project, filename); err == nil {
		return p, true
	}
	p, err := py.ParseSdistName(filename)
	return p, err == nil
}

// baseOf is the last element of the path of a URL.
func baseOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return u.Path[strings.LastIndexByte(u.Path, '/')+1:]
}

// direct tells of what comes from no index.
func (r *run) direct(e *lockfile.LockedRelease) {
	vcs := e.Revision != "" || strings.Contains(e.Direct, "git+") || strings.HasSuffix(e.Direct, ".git")
	switch {
	case vcs && len(e.Revision) < 40:
		r.add(HashMissing, entryOf(e), "comes from a version control system at no certain commit", e.Direct, e.Revision)
	case !vcs && len(e.Hashes) == 0 && !slices.ContainsFunc(e.Files, func(f lockfile.LockedFile) bool { return len(f.Hashes) > 0 }):
		r.add(HashMissing, entryOf(e), "comes from a URL without a hash", e.Direct)
	case !vcs:
		r.hasHashes(e)
	}
	r.add(NotFromIndex, entryOf(e), "comes from "+e.Direct+", which is no index")
}

// strong are the algorithms that nobody can make two files for.
func strong(hash string) bool {
	algorithm, _, _ := strings.Cut(hash, ":")
	return slices.Contains([]string{"sha256", "sha384", "sha512", "sha3_256", "blake2b"}, algorithm)
}

// hasHashes checks that an entry says what it is, in a way that cannot be
// forged. Of hashes without files an installer takes whatever has one of them,
// so that a single weak one is too many; a named file must have all of its.
func (r *run) hasHashes(e *lockfile.LockedRelease) {
	at := entryOf(e)
	var bare, weak []string
	for _, f := range e.Files {
		switch {
		case len(f.Hashes) == 0:
			bare = append(bare, f.Filename)
		case !slices.ContainsFunc(f.Hashes, strong):
			weak = append(weak, f.Filename+" "+f.Hashes[0])
		}
	}
	for _, h := range e.Hashes {
		if !strong(h) {
			weak = append(weak, h)
		}
	}
	switch {
	case len(e.Files) == 0 && len(e.Hashes) == 0:
		r.add(HashMissing, at, "has no hash, so whatever the index has today is installed")
	case len(bare) > 0:
		r.add(HashMissing, at, said(len(bare), "file has no hash", "files have no hash"), few(bare)...)
	}
	if len(weak) > 0 {
		r.add(HashWeak, at, "accepts a file by a hash that can be forged", few(weak)...)
	}
}

// few are the first of a list, and how many more there are.
func few(all []string) []string {
	const most = 5
	if len(all) <= most {
		return all
	}
	return append(slices.Clone(all[:most]), fmt.Sprintf("and %d more", len(all)-most))
}

// maxTwins is with how many earlier entries of its project an entry is compared:
// each may be for another environment, and nobody has so many.
const maxTwins = 50

// duplicates finds entries that contradict each other. Versions for different
// environments do not, and neither do the sections of a Pipfile.lock that say
// the same.
func (r *run) duplicates() {
	type key struct {
		name                   py.Name
		version, index, direct string
	}
	same := map[key]*lockfile.LockedRelease{}
	earlier := map[py.Name][]*lockfile.LockedRelease{}
	for i := range r.lock.Releases {
		e := &r.lock.Releases[i]
		if e.Name == "" {
			continue
		}
		of := earlier[e.Name]
		k := key{e.Name, e.Version.String(), e.Index, e.Direct}
		if o := same[k]; o != nil {
			of = append([]*lockfile.LockedRelease{o}, of...)
		}
		same[k] = e
		for _, o := range of {
			if why := r.contradict(o, e); why != "" {
				r.add(DuplicateEntry, entryOf(e), why, fmt.Sprintf("%v: %s", o.Pos, o), fmt.Sprintf("%v: %s", e.Pos, e))
				break
			}
		}
		if len(earlier[e.Name]) < maxTwins {
			earlier[e.Name] = append(earlier[e.Name], e)
		}
	}
}

// contradict says why two entries of a project cannot both hold; empty if they can.
func (r *run) contradict(a, b *lockfile.LockedRelease) string {
	sameVersion := a.Version.Compare(b.Version) == 0 && a.Direct == b.Direct
	switch r.lock.Format {
	case lockfile.LockUV, lockfile.LockPoetry, lockfile.LockPylock:
		forks := r.lock.Format == lockfile.LockPylock && a.Conditional && b.Conditional
		if sameVersion && a.Index == b.Index && !forks {
			return "stands in the lock twice"
		}
		return ""
	}
	switch {
	case a.Conditional && b.Conditional:
	case r.lock.Format == lockfile.LockInstalled:
		return "is installed twice"
	case !sameVersion:
		return "is locked to two versions"
	case !slices.Equal(a.Hashes, b.Hashes):
		return "is locked with different hashes"
	case a.Index != "" && b.Index != "" && !SameIndex(a.Index, b.Index):
		return "is locked to two indexes"
	}
	return ""
}

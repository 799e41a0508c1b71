package lockfile

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// maxSources bounds the sources of a lock, which are looked through for every package.
const maxSources = 1000

// A PipfileLock is what a Pipfile.lock says.
type PipfileLock struct {
	// Hash is the sha256 of the Pipfile it was made from, as hex. It may be
	// empty: see MatchesPipfile.
	Hash string

	// PythonVersion and PythonFullVersion are _meta.requires, empty if absent.
	PythonVersion, PythonFullVersion string

	Sources []Source // in the order of the file

	// Sections are default, develop and further categories, in the order of the file.
	Sections []LockedSection
}

// A LockedSection is the packages of a category.
type LockedSection struct {
	Name     string
	Packages []LockedPackage // in the order of the file; a name occurs once
}

// A LockedPackage is an entry of a Pipfile.lock.
type LockedPackage struct {
	Name    py.Name
	Version py.Version // zero if Direct is set
	Extras  []py.Name  // sorted
	Hashes  []string   // "algorithm:hex digits", sorted; may be empty
	Index   string     // name of a source, or empty
	Marker  py.Marker

	// Direct is the key that makes the entry one without a version from an
	// index (git, hg, svn, bzr, path or file), or empty.
	Direct string

	Pos Position // of its name
}

// MatchesPipfile reports whether the lock was made from a Pipfile with one of
// these hashes. Two recipes are in use for the same Pipfile: Pipenv's
// (Manifest.PipfileHash), and that of Thoth, which normalises more than names
// (Manifest.ThothHash) and wrote locks that Pipenv calls out of date.
// A lock is current if it has either. Empty hashes match nothing.
func (l *PipfileLock) MatchesPipfile(hashes ...string) bool {
	return l.Hash != "" && slices.Contains(hashes, l.Hash)
}

// Section returns the packages of a section, nil if there is none of that name.
func (l *PipfileLock) Section(name string) []LockedPackage {
	for _, s := range l.Sections {
		if s.Name == name {
			return s.Packages
		}
	}
	return nil
}

// ReadPipfileLock reads a Pipfile.lock; name is the file's, for messages. A
// key that stands twice in an object is an error, for tools differ on which one
// holds. Keys that thamos does not know are passed over, because newer versions
// of Pipenv add some. Every error is an *Error.
func ReadPipfileLock(name string, data []byte) (*PipfileLock, error) {
	root, r, err := parseJSON(name, data)
	if err != nil {
		return nil, err
	}
	if err := r.want(root, '{', "a Pipfile.lock"); err != nil {
		return nil, err
	}
	lock := &PipfileLock{}
	meta, ok := root.get("_meta")
	if !ok {
		return nil, refuse(r.at(root), "is this a Pipfile.lock?", "there is no _meta")
	}
	if err := lock.readMeta(r, meta); err != nil {
		return nil, err
	}
	for _, m := range root.members {
		if m.key == "_meta" {
			continue
		}
		s, err := lock.readSection(r, m)
		if err != nil {
			return nil, err
		}
		lock.Sections = append(lock.Sections, s)
	}
	for _, required := range []string{"default", "develop"} {
		if _, ok := root.get(required); !ok {
			return nil, refuse(r.at(root), "make the lock again", "there is no section %s", required)
		}
	}
	return lock, nil
}

func (l *PipfileLock) readMeta(r *jsonReader, meta jsonValue) error {
	if err := r.want(meta, '{', "_meta"); err != nil {
		return err
	}
	if spec, ok := meta.get("pipfile-spec"); ok && (spec.kind != '0' || spec.text != "6") {
		return refuse(r.at(spec), "make the lock again with a current Pipenv or with thamos", "only pipfile-spec 6 is supported")
	}
	var err error
	if hash, ok := meta.get("hash"); ok {
		if l.Hash, err = r.field(hash, "hash", "sha256"); err != nil {
			return err
		}
	}
	if requires, ok := meta.get("requires"); ok {
		if l.PythonVersion, err = r.field(requires, "requires", "python_version"); err != nil {
			return err
		}
		if l.PythonFullVersion, err = r.field(requires, "requires", "python_full_version"); err != nil {
			return err
		}
	}
	sources, ok := meta.get("sources")
	if !ok {
		return nil
	}
	if err := r.want(sources, '[', "sources"); err != nil {
		return err
	}
	if n := len(sources.items); n > maxSources {
		return refuse(r.at(sources), "", "%d sources, the limit is %d", n, maxSources)
	}
	for i, v := range sources.items {
		s := Source{VerifySSL: true, Extra: i > 0, Pos: r.at(v)}
		if s.Name, err = r.field(v, "a source", "name"); err != nil {
			return err
		}
		if s.URL, err = r.field(v, "a source", "url"); err != nil {
			return err
		}
		if s.Name == "" || s.URL == "" {
			return refuse(s.Pos, "", "a source needs a name and a url")
		}
		if slices.ContainsFunc(l.Sources, func(o Source) bool { return o.Name == s.Name }) {
			return refuse(s.Pos, "", "two sources are named %q", s.Name)
		}
		if verify, ok := v.get("verify_ssl"); ok {
			if verify.kind != 't' && verify.kind != 'f' {
				return refuse(r.at(verify), "", "verify_ssl must be true or false")
			}
			s.VerifySSL = verify.kind == 't'
		}
		l.Sources = append(l.Sources, s)
	}
	return nil
}

func (l *PipfileLock) readSection(r *jsonReader, m jsonMember) (LockedSection, error) {
	s := LockedSection{Name: m.key}
	if err := r.want(m.value, '{', "section "+m.key); err != nil {
		return s, err
	}
	seen := make(map[py.Name]Position, len(m.value.members))
	for _, entry := range m.value.members {
		p, err := l.readPackage(r, entry)
		if err != nil {
			return s, err
		}
		if first, ok := seen[p.Name]; ok {
			return s, refuse(p.Pos, "names that differ in case, - and _ are one project", "%s stands in section %s twice, first at %v", p.Name, m.key, first)
		}
		seen[p.Name] = p.Pos
		s.Packages = append(s.Packages, p)
	}
	return s, nil
}

func (l *PipfileLock) readPackage(r *jsonReader, m jsonMember) (LockedPackage, error) {
	p := LockedPackage{Pos: r.position(m.at)}
	name, err := py.ParseName(m.key)
	if err != nil {
		return p, refuse(p.Pos, "", "%v", err)
	}
	p.Name = name
	if err := r.want(m.value, '{', "package "+m.key); err != nil {
		return p, err
	}
	for _, key := range []string{"git", "hg", "svn", "bzr", "path", "file"} {
		if _, ok := m.value.get(key); ok {
			p.Direct = key
			break
		}
	}
	if err := p.readVersion(r, m.value); err != nil {
		return p, err
	}
	extras, err := r.texts(m.value, "extras")
	if err != nil {
		return p, err
	}
	for _, e := range extras {
		n, err := py.ParseName(e.text)
		if err != nil {
			return p, refuse(r.at(e), "", "extra: %v", err)
		}
		p.Extras = append(p.Extras, n)
	}
	p.Extras = sorted(p.Extras)
	hashes, err := r.texts(m.value, "hashes")
	if err != nil {
		return p, err
	}
	for _, h := range hashes {
		if !isHash(h.text) {
			return p, refuse(r.at(h), "a hash looks like sha256:2cf2…, with 64 hex digits", "%q is not a hash", h.text)
		}
		p.Hashes = append(p.Hashes, h.text)
	}
	p.Hashes = sorted(p.Hashes)
	if p.Index, err = r.field(m.value, "package "+m.key, "index"); err != nil {
		return p, err
	}
	if i, ok := m.value.get("index"); ok && !slices.ContainsFunc(l.Sources, func(s Source) bool { return s.Name == p.Index }) {
		return p, refuse(r.at(i), "make the lock again", "no source is named %q", p.Index)
	}
	if markers, ok := m.value.get("markers"); ok {
		if err := r.want(markers, '"', "markers"); err != nil {
			return p, err
		}
		if p.Marker, err = py.ParseMarker(markers.text); err != nil {
			return p, refuse(r.at(markers), "", "markers: %v", err)
		}
	}
	return p, nil
}

// readVersion reads the version of an entry, which only a direct reference may
// do without.
func (p *LockedPackage) readVersion(r *jsonReader, entry jsonValue) error {
	v, ok := entry.get("version")
	switch {
	case p.Direct != "":
		return nil // a version beside it is what was found there, no pin
	case !ok:
		return refuse(r.at(entry), "make the lock again", "%s has no version", p.Name)
	}
	if err := r.want(v, '"', "version"); err != nil {
		return err
	}
	text, ok := strings.CutPrefix(v.text, "==")
	if !ok {
		return refuse(r.at(v), "a locked version looks like ==1.2.3", "%s is locked to %q, which is not one version", p.Name, v.text)
	}
	var err error
	if p.Version, err = py.ParseVersion(strings.TrimPrefix(text, "=")); err != nil {
		return refuse(r.at(v), "a locked version looks like ==1.2.3", "%v", err)
	}
	return nil
}

// isHash reports whether s is "algorithm:hex digits", the digits of a sha256
// being 64. Old locks have md5 too.
func isHash(s string) bool {
	algorithm, digits, ok := strings.Cut(s, ":")
	if algorithm == "sha256" {
		return isSHA256(digits)
	}
	return ok && algorithm != "" && digits != "" && fitsOnLine(algorithm) && strings.Trim(digits, "0123456789abcdef") == ""
}

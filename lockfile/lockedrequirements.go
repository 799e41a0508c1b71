package lockfile

import (
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A lockedRequirements reads requirements as a lock. It takes whatever pip
// takes: lines that Read refuses, because they cannot be locked or are no use to
// who resolves, are what a check is to tell of.
type lockedRequirements struct {
	fsys  fs.FS
	lock  *Locked
	chain []string // the files that include one another, the current one last
	files int
	bytes int
}

func readLockedRequirements(fsys fs.FS, name string) (*Locked, error) {
	r := &lockedRequirements{fsys: fsys, lock: &Locked{Format: LockRequirements}}
	if err := r.file(name, Position{File: name}); err != nil {
		return nil, err
	}
	r.lock.Sources = distinct(r.lock.Sources)
	return r.lock, nil
}

func (r *lockedRequirements) file(name string, from Position) error {
	switch {
	case slices.Contains(r.chain, name):
		return refuse(from, "take one of the includes out", "the files include each other: %s", strings.Join(append(r.chain, name), " -> "))
	case len(r.chain) == maxIncludeDepth, r.files == maxIncludes, r.bytes > maxIncluded:
		return refuse(from, "", "more than %d files or %d MiB are included, or %d deep, the limits", maxIncludes, maxIncluded>>20, maxIncludeDepth)
	}
	text, err := readText(r.fsys, name, maxFile)
	if err != nil {
		return err
	}
	r.files++
	r.bytes += len(text)
	r.chain = append(r.chain, name)
	defer func() { r.chain = r.chain[:len(r.chain)-1] }()
	return eachLine(name, text, r.line)
}

func (r *lockedRequirements) line(l logicalLine) error {
	end := startOfOptions(l.text)
	words, err := l.split(end)
	if err != nil {
		return err
	}
	var e *LockedRelease
	if written := strings.TrimSpace(l.text[:end]); written != "" {
		e = requirementEntry(written, l.position(strings.Index(l.text, written)))
	}
	for len(words) > 0 {
		var o option
		if o, words, err = l.option(words); err != nil {
			return err
		}
		if err := r.option(o, &e); err != nil {
			return err
		}
	}
	if e != nil {
		if len(r.lock.Releases) == maxRequirements {
			return refuse(e.Pos, "", "more than %d requirements, the limit", maxRequirements)
		}
		e.tidy()
		r.lock.Releases = append(r.lock.Releases, *e)
	}
	return nil
}

// option takes what says where packages come from; e is the line's requirement.
func (r *lockedRequirements) option(o option, e **LockedRelease) error {
	switch o.name {
	case "--hash":
		if *e == nil {
			return refuse(o.pos, "write it after the requirement it is for", "%s without a requirement", o.name)
		}
		h := strings.ToLower(o.value)
		if !isAnyHash(h) {
			return refuse(o.pos, "a hash looks like sha256:2cf2…, with 64 hex digits", "%q is not a hash", o.value)
		}
		(*e).Hashes = append((*e).Hashes, h)
	case "--requirement":
		name := path.Join(path.Dir(o.pos.File), o.value)
		if isRemote(o.value) || path.IsAbs(o.value) || !fs.ValidPath(name) {
			return refuse(o.pos, "copy it into the folder of the lock", "%s %s leaves the folder that is read", o.name, o.value)
		}
		return r.file(name, o.pos)
	case "--index-url", "--extra-index-url":
		extra := o.name == "--extra-index-url"
		r.lock.Sources = append(r.lock.Sources, Source{URL: bare(o.value), VerifySSL: true, Extra: extra, Pos: o.pos})
		if len(r.lock.Sources) > maxIndexes {
			return refuse(o.pos, "", "more than %d indexes, the limit", maxIndexes)
		}
	case "--trusted-host":
		for i := range r.lock.Sources {
			if s := &r.lock.Sources[i]; hostOf(s.URL) == o.value || strings.HasPrefix(hostOf(s.URL), o.value+":") {
				s.VerifySSL = false
			}
		}
	case "--editable":
		*e = requirementEntry(o.value, o.pos)
	}
	return nil
}

// requirementEntry reads a requirement, or what stands for one.
func requirementEntry(written string, pos Position) *LockedRelease {
	e := &LockedRelease{Pos: pos}
	head := written
	if i := strings.IndexAny(head, " \t;[<>=!~@("); i > 0 && !strings.Contains(head[:i], "/") {
		head = head[:i]
	}
	if isRemote(head) || strings.ContainsAny(head, `/\`) || strings.HasPrefix(head, ".") || archive.MatchString(head) {
		place, _, conditional := strings.Cut(written, "; ")
		e.Conditional = conditional
		e.point(strings.TrimSpace(place))
		return e
	}
	q, err := py.ParseRequirement(written)
	if err != nil {
		// The name may be one that only looks like a name.
		e.Text = RedactURL(strings.TrimSpace(head))
		if _, version, ok := strings.Cut(written, "=="); ok {
			version, _, _ = strings.Cut(version, ";")
			e.VersionText = RedactURL(strings.TrimSpace(version))
		}
		return e
	}
	e.Text, e.Name, e.Conditional = head, q.Name, !q.Marker.IsZero()
	if q.URL != "" {
		e.point(q.URL)
		e.Text, e.Name = head, q.Name
	} else if v, ok := q.Specifiers.Pinned(); ok && len(q.Specifiers.All()) == 1 {
		e.Version, e.VersionText = v, v.String()
	}
	return e
}

// point makes the entry one of a URL or path. A version control system's URL
// has its name before a plus.
func (r *LockedRelease) point(place string) {
	where, fragment, _ := strings.Cut(place, "#")
	for item := range strings.SplitSeq(fragment, "&") {
		key, value, _ := strings.Cut(item, "=")
		if h := key + ":" + strings.ToLower(value); isAnyHash(h) {
			r.Hashes = append(r.Hashes, h)
		} else if key == "egg" {
			name, _, _ := strings.Cut(value, "[")
			r.setName(name)
		}
	}
	r.Direct, r.Local = bare(where), !isRemote(where) || strings.HasPrefix(where, "file:")
	base := lastElement(where)
	if w, err := py.ParseWheelName(base); err == nil {
		r.Text, r.Name, r.Version, r.VersionText = string(w.Name), w.Name, w.Version, w.Version.String()
	} else if s, err := py.ParseSdistName(base); err == nil {
		r.Text, r.Name, r.Version, r.VersionText = string(s.Name), s.Name, s.Version, s.Version.String()
	}
	if i := strings.LastIndexByte(base, '@'); i >= 0 && isVCS(where) {
		r.Revision = base[i+1:]
	}
	if r.Text == "" {
		r.Text = base
	}
}

// isVCS reports whether a URL is one of a version control system.
func isVCS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (strings.Contains(u.Scheme, "+") || u.Scheme == "git" || u.Scheme == "ssh")
}

// isAnyHash reports whether s is "algorithm:hex digits" of an algorithm that has
// so many digits.
func isAnyHash(s string) bool {
	algorithm, digits, _ := strings.Cut(s, ":")
	size, known := map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128, "blake2b": 128, "sha3_256": 64}[algorithm]
	return known && len(digits) == size && strings.Trim(digits, "0123456789abcdef") == ""
}

package lockfile

import (
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A LockFormat is a kind of lock that ReadLocked reads.
type LockFormat string

const (
	LockPipfile      LockFormat = "Pipfile.lock"
	LockPylock       LockFormat = "pylock.toml"
	LockRequirements LockFormat = "requirements"
	LockUV           LockFormat = "uv.lock"
	LockPoetry       LockFormat = "poetry.lock"
	LockInstalled    LockFormat = "installed" // see ReadInstalled
)

// A Locked is what a lock of any format pins, as its file says it: for who
// checks a lock that another tool made. Nothing in it was judged, so a name may
// be no name and a hash no hash of anything.
type Locked struct {
	File   string
	Format LockFormat

	// ManifestHash is the hash of what the lock was made from, as hex, in the
	// recipe of the format: see Manifest.PipfileHash and ThothHash. Empty if the
	// format has none or the file does not say.
	ManifestHash string

	Sources  []Source // indexes that the lock itself names, in the order of the file
	Releases []LockedRelease
}

// A LockedRelease is one entry of a lock.
type LockedRelease struct {
	Text    string     // the name as written
	Name    py.Name    // empty if Text is not the name of a project
	Version py.Version // zero if VersionText is not a version
	// VersionText is the version as written, empty if there is none.
	VersionText string

	// Index is the URL of the index that the entry names, as written but without
	// credentials; empty if it names none.
	Index string

	// Direct says where it comes from if from no index, without credentials: a
	// URL, or a path. Local reports a path, and Revision the commit of what
	// comes from a version control system.
	Direct   string
	Local    bool
	Revision string

	Hashes []string     // "algorithm:digits", of files that are not named, sorted
	Files  []LockedFile // in the order of the file

	// Requires are the projects of the lock that it requires, where the format
	// says so, sorted.
	Requires []py.Name

	// Section is the part of a Pipfile.lock that it stands in.
	Section string

	// Conditional reports that it is for some environments only.
	Conditional bool

	Pos Position
}

// Package is the release.
func (r *LockedRelease) Package() py.Package { return py.Package{Name: r.Name, Version: r.Version} }

// String is the release as the file has it.
func (r *LockedRelease) String() string {
	if r.VersionText == "" {
		return r.Text
	}
	return r.Text + "==" + r.VersionText
}

// A LockedFile is a file that a lock names.
type LockedFile struct {
	Filename string
	URL      string   // without credentials; empty if there is none
	Hashes   []string // "algorithm:digits", sorted
	Size     int64    // bytes; 0 means not said
	Uploaded int64    // Unix seconds; 0 means not said
	Pos      Position
}

// lockReaders are the formats by the names of their files.
func lockReader(name string) func(fsys fs.FS, name string) (*Locked, error) {
	switch base := path.Base(name); {
	case base == "Pipfile.lock":
		return readLockedPipfile
	case base == "uv.lock", strings.HasSuffix(base, ".uv.lock"):
		return readUVLock
	case base == "poetry.lock":
		return readPoetryLock
	case base == "pylock.toml", strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml"):
		return readPylock
	case strings.HasSuffix(base, ".txt"), strings.HasSuffix(base, ".lock"):
		return readLockedRequirements
	}
	return nil
}

// IsLock reports whether ReadLocked reads a file of this name.
func IsLock(name string) bool { return lockReader(name) != nil }

// ReadLocked reads the lock name of fsys, whose format its name tells:
// Pipfile.lock, uv.lock, poetry.lock, pylock.toml and pylock.NAME.toml, and
// *.txt and *.lock for requirements. Every error is an *Error.
func ReadLocked(fsys fs.FS, name string) (*Locked, error) {
	read := lockReader(name)
	if read == nil {
		return nil, noKind(fsys, name, "give a Pipfile.lock, pylock.toml, uv.lock, poetry.lock, or requirements in a file named *.txt or *.lock",
			"cannot tell what kind of lock this is")
	}
	l, err := read(fsys, name)
	if err != nil {
		return nil, err
	}
	l.File = name
	return l, nil
}

// emptyLock is the error of a lock without text: a tool that found nothing to
// lock would have written its format.
func emptyLock(name string) *Error {
	return refuse(Position{File: name}, "make the lock again", "the file is empty")
}

// setName takes a name as written.
func (r *LockedRelease) setName(text string) {
	r.Text = text
	if n, err := py.ParseName(text); err == nil {
		r.Name = n
	}
}

// setVersion takes a version as written.
func (r *LockedRelease) setVersion(text string) {
	r.VersionText = text
	if v, err := py.ParseVersion(text); err == nil {
		r.Version = v
	}
}

// isRemote reports whether a text is a URL and no path.
func isRemote(text string) bool { return strings.Contains(text, "://") }

// bare is a URL or path as it may be shown: without user, password and fragment.
func bare(text string) string {
	if !isRemote(text) || !strings.ContainsAny(text, "@#") {
		return text // most are so
	}
	text, _, _ = strings.Cut(text, "#")
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return RedactURL(text)
	}
	u.User = nil
	return u.String()
}

// lastElement is the file's name in a URL or path, decoded.
func lastElement(text string) string {
	if isRemote(text) {
		text, _, _ = strings.Cut(text, "?")
		text, _, _ = strings.Cut(text, "#")
	}
	base := text[strings.LastIndexAny(text, `/\`)+1:]
	if plain, err := url.PathUnescape(base); err == nil && isRemote(text) {
		return plain
	}
	return base
}

// addRequires keeps the names that are names.
func (r *LockedRelease) addRequires(text string) {
	if n, err := py.ParseName(text); err == nil {
		r.Requires = append(r.Requires, n)
	}
}

// tidy puts the lists of an entry in order.
func (r *LockedRelease) tidy() {
	r.Hashes = sorted(r.Hashes)
	r.Requires = sorted(r.Requires)
	for i := range r.Files {
		r.Files[i].Hashes = sorted(r.Files[i].Hashes)
	}
}

// distinct are the sources without repetitions of their URLs.
func distinct(sources []Source) []Source {
	var out []Source
	for _, s := range sources {
		if !slices.ContainsFunc(out, func(o Source) bool { return o.URL == s.URL }) {
			out = append(out, s)
		}
	}
	return out
}

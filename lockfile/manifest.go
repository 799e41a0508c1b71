package lockfile

import (
	"fmt"

	"github.com/thamos/thamos/kb/py"
)

// A Kind is a kind of manifest.
type Kind uint8

const (
	Pipfile Kind = iota + 1
	Pyproject
	Requirements
)

// A Position is a place in a file. Line and Col count from 1, Col in bytes;
// zero means not known.
type Position struct {
	File      string
	Line, Col int
}

// String returns "file:line:col", leaving out what is not known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// An Error refuses a file: where, what is wrong, and what to do about it.
type Error struct {
	Pos  Position
	Msg  string // what is wrong, without a full stop
	Hint string // what to do, may be empty

	cause error // of a file that cannot be read, else nil
	lazy  bool  // only a requirement is refused, see Manifest.Broken
}

// Unwrap returns the error of the file system, so that fs.ErrNotExist is found.
func (e *Error) Unwrap() error { return e.cause }

func (e *Error) Error() string {
	s := e.Pos.String() + ": " + e.Msg
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// A Manifest is what a project asks for.
type Manifest struct {
	Kind Kind
	Name string // the project's own name, empty if it has none

	// Files are the files that were read, by their names in the fs.FS: the
	// manifest itself, then what it includes in the order of reading, then the
	// pyproject.toml of every directory that is required, sorted; each once.
	Files []string

	// Requirements holds every requirement of every group and extra, in the
	// order of the file, except those that cannot be used.
	Requirements []Requirement

	// Broken holds what is wrong with groups and extras of which a requirement
	// cannot be used. Whoever asks for such a group or extra must be refused with
	// its Err; nobody else need know.
	Broken []Broken

	// Constraints bound versions of projects without requiring them (-c).
	Constraints []Requirement

	// Sources are the indexes the manifest names, first the default one. If the
	// first is Extra, the manifest names no default one.
	Sources []Source

	// FindLinks are places that hold wheels, besides the indexes (--find-links):
	// directories, by path as in Direct.Path, and URLs of pages that name them,
	// which may hold credentials and ${VARIABLES}.
	FindLinks []string

	// NoIndex says that no index may be asked (--no-index).
	NoIndex bool

	// RequiresPython is what the manifest says of Python, as specifiers
	// ("==3.11.*" for a Pipfile's python_version); empty if it does not.
	RequiresPython py.Specifiers
	PythonPos      Position

	// Groups and Extras are the names that the manifest defines, in file order,
	// for messages such as "no extra x; have y, z".
	Groups []string
	Extras []py.Name

	// Prereleases says that the manifest allows pre-releases everywhere (Pipfile's
	// allow_prereleases, --pre).
	Prereleases bool

	// PrereleasesFor names projects whose pre-releases the manifest allows
	// (Poetry's allow-prereleases, Thoth's [thoth.allow_prereleases]), sorted.
	PrereleasesFor []py.Name

	// ExcludeNewer is tool.uv.exclude-newer as written: a date, a time or a
	// duration; empty if there is none.
	ExcludeNewer    string
	ExcludeNewerPos Position

	// NoBuild and NoBinary name projects of --only-binary and --no-binary; All
	// means every project.
	NoBuild, NoBinary Formats

	// PipfileHash is Pipenv's sha256 of a Pipfile, hex; empty for other kinds,
	// and for a Pipfile without [[source]], see HashWithSource.
	PipfileHash string

	// PythonVersion and PythonFullVersion are [requires] of a Pipfile as written.
	PythonVersion, PythonFullVersion string

	document *node // of a Pipfile, for HashWithSource
}

// A Broken is a group, or an extra, that cannot be used, and why. As in
// Requirement, one of Group and Extra is set.
type Broken struct {
	Group string
	Extra py.Name
	Err   *Error
}

// Formats is a set of projects: all, or those named.
type Formats struct {
	All   bool
	Names []py.Name
}

// A Requirement is one requirement and where it stands.
type Requirement struct {
	py.Requirement
	Pos  Position
	Text string // as written, one line, for messages

	// Group is the group it belongs to: empty for the project's own
	// requirements, else a dependency group's name ("dev" for a Pipfile's
	// dev-packages and Poetry's dev-dependencies).
	Group string
	// Extra is the extra (optional-dependencies) it belongs to, or empty.
	Extra py.Name

	// Direct, if set, is what must meet it instead of a release of an index.
	Direct *Direct

	Index  string   // name of the Source it must come from, or empty
	Hashes []string // "sha256:…" of --hash options; if there are any, one is sha256

	err *Error // why it cannot be used; nil for all of Manifest.Requirements
}

// A Source is an index. An empty URL is the default index, to which Poetry gives
// a name and a rank by that name alone. URL may hold ${VARIABLES} but never credentials in clear
// text in anything that is written or printed: see RedactURL.
type Source struct {
	Name      string
	URL       string
	VerifySSL bool
	Extra     bool // --extra-index-url, or a [[source]] after the first
	Explicit  bool // only for requirements whose Index it is (uv, Poetry)
	Pos       Position
}

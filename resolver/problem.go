package resolver

import (
	"context"

	"github.com/thamos/thamos/kb/py"
)

// A Problem is what is wanted and where it will run.
type Problem struct {
	// Requirements are the user's, in the user's order, which is the order of
	// importance. Their markers are judged in Environment.
	Requirements []Requirement

	// Constraints bound the versions of projects that something else requires.
	Constraints []Requirement

	Environment *py.Environment

	// Prereleases says when a pre-release may be chosen.
	Prereleases Prereleases
	// PrereleasesFor names projects for which it is Allow.
	PrereleasesFor []py.Name

	// Preference says which releases are preferred; the zero Preference is newest.
	Preference Preference

	// Pipeline judges releases and stacks; nil likes newer ones better and
	// nothing else.
	Pipeline Pipeline

	// ExcludeNewer hides every file uploaded after it, in Unix seconds; 0 hides
	// none. A release whose upload time is not known is hidden by it.
	ExcludeNewer int64

	// NoBuild names projects that must not be built from source, NoBinary those
	// that must be.
	NoBuild, NoBinary Formats
}

// A Requirement is one of the user's lines.
type Requirement struct {
	py.Requirement

	// Origin is where the user wrote it, such as "Pipfile:7:1".
	Origin string

	// Hashes, if any, are the only files that may be used, as "sha256:…".
	Hashes []string
}

// Formats is a set of projects: all of them, or those named.
type Formats struct {
	All   bool
	Names []py.Name
}

// Has reports whether name is in the set.
func (f Formats) Has(name py.Name) bool {
	if f.All {
		return true
	}
	for _, n := range f.Names {
		if n == name {
			return true
		}
	}
	return false
}

// Prereleases is a policy for pre-releases (PEP 440, "Handling of
// pre-releases").
type Prereleases uint8

const (
	// IfNecessary takes a pre-release only where every stable release that the
	// requirements admit is ruled out.
	IfNecessary Prereleases = iota
	// Allow treats a pre-release like any other version.
	Allow
	// Explicit treats it so for the projects for which a user's requirement
	// names a pre-release, and never takes one of any other.
	Explicit
	// Disallow never takes one.
	Disallow
)

// Preference says which of several releases is better.
type Preference uint8

const (
	Newest       Preference = iota // the newest of every project
	Oldest                         // the oldest of every project
	OldestDirect                   // the oldest of what the user requires, the newest of the rest
)

// Knowledge answers what the resolver asks about the world.
//
// Methods must be safe for concurrent use and give the same answer to the same
// question for the length of one run. Callers must not modify what is returned.
type Knowledge interface {
	// Projects returns what is known of each project, in the order of names. A
	// nil entry means that nothing is known of it, not even whether it exists;
	// a Project without releases is known to have none.
	Projects(ctx context.Context, names []py.Name) ([]*py.Project, error)

	// Files returns the files of each package, in the order of packages, sorted
	// by file name; an empty entry means that they are not known.
	Files(ctx context.Context, packages []py.Package) ([][]py.File, error)
}

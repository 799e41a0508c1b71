package provenance

import (
	"cmp"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// A Finding is something that is wrong with a lock.
type Finding struct {
	Check    string
	Severity Severity

	// Name and Version are of the release it is about; empty for the lock as a
	// whole, and Version also where it is about a project.
	Name    py.Name
	Version string

	Message  string   // a sentence without a full stop
	Evidence []string // what it stands on: hashes, files, indexes, dates
	Remedy   string

	Pos lockfile.Position

	// Allowed is why it does not count; empty if it does.
	Allowed string

	installed bool // it is of an environment
}

// Subject names what the finding is about.
func (f *Finding) Subject() string {
	switch {
	case f.Name == "" && f.installed:
		return "the environment"
	case f.Name == "":
		return "the lock"
	case f.Version == "":
		return string(f.Name)
	}
	return string(f.Name) + "==" + f.Version
}

// An Unchecked is something that could not be checked, and why.
type Unchecked struct {
	Name    py.Name // empty for the lock as a whole
	Version string
	What    string // "release", "index", "hash", "attestation", "manifest", "file", "names"
	Why     string
}

// Counts says how much was looked at.
type Counts struct {
	Releases int // in the lock
	Local    int // entries beside them that are no release: the project itself, and paths
	Known    int // of which an index that may serve them has the release, for all that is known
	Hashes   int // that were held against a file of an index and are right
	Verified int // attestations that hold
	Files    int // installed files whose hash is right
}

// A Report is what came of checking a lock.
type Report struct {
	Findings  []Finding // by check in the order of Checks, then by place
	Unchecked []Unchecked
	Counts    Counts
}

// Worst is the severity of the worst finding that counts, Off if there is none.
func (r *Report) Worst() Severity {
	worst := Off
	for _, f := range r.Findings {
		if f.Allowed == "" {
			worst = max(worst, f.Severity)
		}
	}
	return worst
}

// sort puts findings in the order of the checks, then of the file.
func (r *Report) sort() {
	order := map[string]int{}
	for i, c := range Checks() {
		order[c.ID] = i
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			-cmp.Compare(a.Severity, b.Severity), cmp.Compare(order[a.Check], order[b.Check]),
			cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Version, b.Version), cmp.Compare(a.Message, b.Message),
		)
	})
	slices.SortStableFunc(r.Unchecked, func(a, b Unchecked) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Why, b.Why))
	})
	r.Unchecked = slices.Compact(r.Unchecked)
}

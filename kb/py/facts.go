package py

import (
	"cmp"
	"slices"
	"strings"
)

// An Advisory is a known vulnerability of one project, or a report that releases
// of it are malware: what an OSV record says of the project, joined with the
// records that are aliases of it.
type Advisory struct {
	ID      string   // of the record that was read, the first by name of those joined
	Aliases []string // other names of the same, sorted
	Project Name

	Summary  string // one line
	Severity Severity
	CVSS     float64 // base score, 0 to 10; 0 means not known
	Malware  bool    // an id that begins with MAL-
	Link     string  // where to read more

	Published, Modified int64 // Unix seconds; 0 means not known

	Affected []Affected
}

// Affects reports whether a version is affected: it is listed, or in a range.
func (a *Advisory) Affects(v Version) bool {
	return slices.ContainsFunc(a.Affected, func(r Affected) bool { return r.Has(v) })
}

// Named reports whether id is the advisory's or one of its aliases. Ids have no case.
func (a *Advisory) Named(id string) bool {
	return strings.EqualFold(a.ID, id) || slices.ContainsFunc(a.Aliases, func(alias string) bool { return strings.EqualFold(alias, id) })
}

// Affected is versions that an advisory is about: all from From on and before
// Before, or up to and with Last, whose local versions belong to it. Zero From
// begins at the first version; zero Before and Last have no end. A single version
// is From and Last.
type Affected struct {
	From, Before, Last Version
}

// Has reports whether v is in the range.
func (r Affected) Has(v Version) bool {
	return (r.From.IsZero() || v.Compare(r.From) >= 0) &&
		(r.Before.IsZero() || v.Compare(r.Before) < 0) &&
		(r.Last.IsZero() || nearer(v, r.Last).Compare(r.Last) <= 0)
}

// nearer is v without its local part if bound has none: a build of a version is
// on no other side of a bound than the version (PEP 440, local versions).
func nearer(v, bound Version) Version {
	if bound.Local() == "" {
		return v.Public()
	}
	return v
}

// A Severity is how bad a vulnerability is (CVSS qualitative rating scale).
type Severity uint8

const (
	Unrated Severity = iota // nobody said
	Low
	Medium
	High
	Critical
)

// String returns the word.
func (s Severity) String() string {
	return [...]string{"unrated", "low", "medium", "high", "critical"}[min(s, Critical)]
}

// SeverityOf rates a CVSS base score (CVSS v3.1, section 5); 0 is unrated.
func SeverityOf(score float64) Severity {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return Unrated
}

// A Suspicion is what the later releases of a project make one think of an
// earlier one.
type Suspicion struct {
	Kind    SuspicionKind
	Project Name
	Version Version // the suspect

	// Dependency and Top are of a RetroCap: of the releases of Dependency that
	// the suspect admits, those above Top are suspect with it.
	Dependency Name
	Top        Top

	By   Version // the later release that says so
	Line string  // its requirement
}

// A SuspicionKind says what is suspected.
type SuspicionKind uint8

const (
	// RetroCap: the nearest later release that has a lower top for a
	// dependency excludes what the suspect still admits.
	RetroCap SuspicionKind = iota + 1
	// Hole: the release names no requirements although its neighbours do.
	Hole
)

// A Top is an upper bound of versions. The zero Top is none.
type Top struct {
	Version   Version
	Inclusive bool
}

// Below reports whether t is a lower bound than u.
func (t Top) Below(u Top) bool {
	if t.Version.IsZero() || u.Version.IsZero() {
		return !t.Version.IsZero() && u.Version.IsZero()
	}
	return cmp.Or(t.Version.Compare(u.Version), boolCompare(t.Inclusive, u.Inclusive)) < 0
}

// Excludes reports whether v is above t.
func (t Top) Excludes(v Version) bool {
	if t.Version.IsZero() {
		return false
	}
	c := nearer(v, t.Version).Compare(t.Version)
	return c > 0 || c == 0 && !t.Inclusive
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A Rule is a declared unit as a knowledge base keeps it: a prescription of one
// project, or of none in particular.
type Rule struct {
	Kind    string // boot, pseudonym, sieve, step, stride or wrap
	Name    string // with its namespace
	Project Name   // the project it is indexed by; empty for one that looks at all
	Body    []byte // JSON, see package prescription
}

// An Observation is what came of trying a release, or a stack, somewhere.
type Observation struct {
	Packages []Package // one, or a stack; sorted by name
	Kind     string    // build, install, import, test, metric
	Outcome  string    // ok, failed; others say nothing about the package
	Class    string    // of the failure, such as import_error
	Excerpt  string    // of what it printed

	// Environment in which it was; empty values mean that it does not matter.
	Python, Platform string // 3.12, linux_x86_64

	// Metric is a measured value with its unit, of a metric.
	Metric string
	Value  float64
	Unit   string
	Higher bool // a higher value is better

	Document string // digest of the document that says so
	At       int64  // Unix seconds
}

// An Indicator is a count that a tool made of a release, such as bandit's
// findings of one severity and confidence.
type Indicator struct {
	Package
	Tool, Metric string
	Value        float64
}

// About is what the metadata of a release says of it beside requirements.
type About struct {
	Classifiers []string // of Python versions, development status and licence
	License     string   // License-Expression (PEP 639), else a short License
	Repository  string   // of the source, an https URL without a slash at its end
}

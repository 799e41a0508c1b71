package resolver

import (
	"cmp"
	"context"

	"github.com/thamos/thamos/kb/py"
)

// A Pipeline judges what a closure holds. It is asked before the search begins,
// level by level, and must give the same answer to the same question for the
// length of one run.
type Pipeline interface {
	// Sift judges projects as the closure reads them, in the order of projects.
	Sift(ctx context.Context, projects []*py.Project) ([]Sifted, error)

	// Terms returns the terms that hold of stacks made of the candidates, which
	// have every project of the closure once. Their order does not matter.
	Terms(ctx context.Context, candidates []Candidates) ([]Term, error)

	// Vetoes returns those of Terms that are vetoes, for who only asks whether
	// there is a stack.
	Vetoes(ctx context.Context, candidates []Candidates) ([]Term, error)

	// Accept judges a finished stack: a reason refuses it.
	Accept(ctx context.Context, stack []Choice) (refusal string, err error)

	// Scores reports that terms can make one stack better than another: that not
	// all of them are vetoes, whatever the candidates.
	Scores() bool

	// Hindsight reports that what a release is thought of may depend on what
	// later releases of its project require.
	Hindsight() bool
}

// Sifted is what a pipeline makes of one project. The zero Sifted is a project
// that is taken as it is.
type Sifted struct {
	// Refused are the releases that may not be chosen, by index into
	// Project.Releases, each with the reason: the end of a sentence that begins
	// with the release.
	Refused map[int]string

	// Skip, if not empty, says why no stack shall have the project: what
	// requires it is taken for satisfied.
	Skip string

	// Edits change what releases of the project require.
	Edits []Edit

	// StandIns are releases of other projects that can take its place.
	StandIns []StandIn
}

// An Edit changes what some releases of a project require.
type Edit struct {
	Releases Releases
	Drop     py.Name         // no longer required, or
	Add      *py.Requirement // required as well
	Unit     string          // that says so
	Reason   string
}

// A StandIn says that whoever requires a release of a project is served as well
// by one of another project.
type StandIn struct {
	Release int // index into Project.Releases
	By      py.Package
	Unit    string
}

// Candidates are the releases of one project that stacks may have.
type Candidates struct {
	*py.Project
	Direct bool     // a user's requirement names it
	Usable Releases // admissible and admitted by some requirement; never nil
	Build  Releases // of these, those that would be built from source here; never nil
}

// A Term is a judgement that holds of every stack in which each of its members
// is: by itself of one release, or of releases that meet. Terms are order-free:
// it does not matter how a stack was found.
type Term struct {
	Members []Member // of different projects, at least one
	Veto    bool     // no stack may have them all
	Tier    Tier     // of Score
	Score   int64    // in millionths; negative is a penalty
	Unit    string   // that gave it
	Why     Justifier
}

// A Member is the releases of a project of which a stack has one.
type Member struct {
	Project  py.Name
	Releases Releases
}

// A Tier is a rank of terms: a smaller tier outranks all larger ones, whatever
// the sums of their scores.
type Tier uint8

// Tiers is how many there are. How few pre-releases a stack has counts after all
// but the last.
const Tiers = 8

// LastTier holds what can be weighed against each other.
const LastTier = Tiers - 1

// A Score is the sum of terms, by tier, in millionths.
type Score [Tiers]int64

// Compare returns -1, 0 or 1 as s is worse than, as good as or better than t:
// the first tier in which they differ decides.
func (s Score) Compare(t Score) int {
	for i := range s {
		switch {
		case s[i] < t[i]:
			return -1
		case s[i] > t[i]:
			return 1
		}
	}
	return 0
}

// Add returns s with a term's score.
func (s Score) Add(t *Term) Score {
	s[t.Tier] += t.Score
	return s
}

// A Justifier says what a term stands on. It is asked only about terms that are
// shown.
type Justifier interface {
	Justify() Justification
}

// A Justification is one thing that is known of a stack or a package of it, and
// where that is from.
type Justification struct {
	Level   Level
	Package py.Name // empty for the stack
	Message string  // one sentence without a full stop
	Link    string  // where to read more; may be empty

	// Evidence is what it stands on: an advisory's id, a rule's name, a
	// requirement line.
	Evidence string
}

// Justify returns j, so that a Justification is a Justifier.
func (j Justification) Justify() Justification { return j }

// CompareJustifications orders by package, level, message, link and evidence.
func CompareJustifications(a, b Justification) int {
	return cmp.Or(
		cmp.Compare(a.Package, b.Package),
		cmp.Compare(a.Level, b.Level),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Link, b.Link),
		cmp.Compare(a.Evidence, b.Evidence),
	)
}

// A Level says how much a justification matters.
type Level uint8

const (
	Info Level = iota
	Warning
	Error
)

// String returns the word.
func (l Level) String() string { return [...]string{"info", "warning", "error"}[min(l, Error)] }

// Releases is a set of a project's releases, by index into Project.Releases. A
// nil set is all of them.
type Releases []uint64

// NewReleases returns the empty set for a project of n releases.
func NewReleases(n int) Releases { return make(Releases, (n+63)/64) }

// Has reports whether release i is in the set.
func (s Releases) Has(i int) bool { return s == nil || s[i>>6]>>(i&63)&1 != 0 }

// Add adds release i.
func (s Releases) Add(i int) { s[i>>6] |= 1 << (i & 63) }

// Empty reports whether nothing is in the set.
func (s Releases) Empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return s != nil
}

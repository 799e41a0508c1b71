package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// Facts answers what units ask about the world beside releases and their
// requirements. Each question is asked for many projects at once; answers are in
// the order of names, empty where nothing is known.
//
// Methods must be safe for concurrent use and give the same answer to the same
// question for the length of one run. Callers must not modify what is returned.
type Facts interface {
	// Advisories returns those that are not withdrawn, by id.
	Advisories(ctx context.Context, names []py.Name) ([][]*py.Advisory, error)

	// Suspicions returns those of a project's releases, newest release first,
	// by dependency.
	Suspicions(ctx context.Context, names []py.Name) ([][]py.Suspicion, error)

	// Rules returns the rules of a kind that are indexed by one of the names or
	// by none, by name of the rule.
	Rules(ctx context.Context, kind Kind, names []py.Name) ([]py.Rule, error)

	// Observations returns those that have a release of the project, oldest
	// first; one of a stack is returned for each of its projects.
	Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error)

	// Indicators returns those of a project's releases, by version, tool, metric.
	Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error)

	// Abouts returns what the metadata of a project's releases says, by key of
	// the version.
	Abouts(ctx context.Context, names []py.Name) ([]map[string]*py.About, error)

	// Projects returns what is known of each project; nil means that nothing is.
	Projects(ctx context.Context, names []py.Name) ([]*py.Project, error)

	// Index returns the URL of the index that serves a project, without a slash
	// at the end; empty if it is not known.
	Index(name py.Name) string
}

// A Plan is what a run is about. Boots may change it; later units only read it.
type Plan struct {
	Problem *resolver.Problem
	Facts   Facts
	Table   Table

	// Monkey is set for a run that generates stacks to try them, not for advice;
	// Decision is then "all" or "random".
	Monkey   bool
	Decision string

	Host   py.Host
	Labels map[string]string
	// Usage is which symbols of which packages the user's code uses; nil if
	// nobody looked.
	Usage map[string][]string

	// Locked is the user's own lock, nil if there is none.
	Locked map[py.Name]py.Version
	// LockStale says why the lock is not the manifest's, empty if it is.
	LockStale string

	// Seen are stacks that are not wanted again, by StackKey.
	Seen map[string]bool

	// Dev lists direct requirements that are only for development.
	Dev []py.Name

	// ManifestPython is the Requires-Python of the manifest, empty for any.
	ManifestPython string

	// Now is the day of the advice in Unix seconds: of the newest knowledge, so
	// that equal knowledge gives equal advice.
	Now int64
	// Clock is the time in Unix seconds, for what is said of the knowledge's age.
	Clock int64
	// AdvisoriesAt is when the newest advisory was modified; 0 means that there
	// are none.
	AdvisoriesAt int64

	Settings Settings
}

// Settings are what a user can set of units. The zero Settings are the default.
type Settings struct {
	// Disable names units, and prescriptions, that are not asked.
	Disable []string

	// Allow lists advisories that are accepted.
	Allow []Allowance

	// CooldownDays is for how long a release is thought to be too new. Zero
	// means 7; negative none.
	CooldownDays int

	// LicenceAllow and LicenceDeny are patterns of SPDX expressions' ids, such as
	// "AGPL-*". If LicenceAllow is empty, what LicenceDeny does not name is allowed.
	LicenceAllow, LicenceDeny []string

	// Aliases are projects that another can stand in for.
	Aliases []Alias

	// Strict takes prescriptions as Thoth's adviser did, faults included,
	// instead of as they are documented.
	Strict bool

	// KnowledgeDays is how old advisories may be without a warning. Zero means 7.
	KnowledgeDays int
}

// An Allowance accepts one advisory, of one project or of any.
type Allowance struct {
	ID      string
	Project py.Name // empty for any
	Reason  string
	Expires int64  // Unix seconds; 0 means never
	From    string // where it is written
}

// Because says for what reason an advisory is accepted, and where it is written.
func (a Allowance) Because() string {
	switch {
	case a.Reason == "" || a.Reason == a.From:
		return a.From
	case a.From == "":
		return a.Reason
	}
	return a.Reason + " (" + a.From + ")"
}

// An Alias says that By can stand in for Project, at the same version.
type Alias struct{ Project, By py.Name }

// Disabled reports whether a unit or prescription is switched off.
func (p *Plan) Disabled(name string) bool { return slices.Contains(p.Settings.Disable, name) }

// Allowed returns the allowance for an advisory, if there is one that has not
// expired.
func (p *Plan) Allowed(a *py.Advisory) (Allowance, bool) {
	for _, w := range p.Settings.Allow {
		if a.Named(strings.TrimSpace(w.ID)) && (w.Project == "" || w.Project == a.Project) && !p.Expired(w) {
			return w, true
		}
	}
	return Allowance{}, false
}

// Expired reports whether an allowance does not count any more.
func (p *Plan) Expired(a Allowance) bool { return a.Expires != 0 && p.Clock >= a.Expires }

// Direct reports whether a requirement of the user's names the project.
func (p *Plan) Direct(name py.Name) bool {
	return slices.ContainsFunc(p.Problem.Requirements, func(r resolver.Requirement) bool { return r.Name == name })
}

// StackKey tells stacks apart: their packages, by name.
func StackKey(stack []resolver.Choice) string {
	var b strings.Builder
	for _, c := range stack {
		b.WriteString(c.Package.String())
		b.WriteByte(' ')
	}
	return b.String()
}

package provenance

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// A Policy is what a project says of its provenance. The zero Policy is the one
// of most projects.
type Policy struct {
	// Severity replaces the severity of checks, by id.
	Severity map[string]Severity

	// AllowedIndexes are the URLs of the only indexes that a lock may name. Nil
	// means those of the manifest and those of World.Trusted.
	AllowedIndexes []string

	// CooldownDays is how many days a file must be old. 0 means 7, less than 0
	// that it may be new.
	CooldownDays int

	Expect []Expectation
	Allow  []Allowance
}

// An Expectation is what a project is expected to be.
type Expectation struct {
	Project py.Name
	Index   string // URL; empty for any

	// Publisher is who must publish it (PEP 740): "github:OWNER/REPOSITORY" or
	// "github:OWNER/REPOSITORY/WORKFLOW", the same with gitlab, or
	// "google:EMAIL"; empty for anybody.
	Publisher string

	From string // where it stands; may be empty
}

// An Allowance accepts findings, for a reason and until a day.
type Allowance struct {
	Check   string
	Project py.Name // empty for any
	Version string  // empty for any
	Reason  string
	Expires int64  // Unix seconds; 0 means never
	From    string // where it stands
}

// Validate reports what is wrong with a policy.
func (p *Policy) Validate() error {
	known := map[string]bool{}
	for _, c := range Checks() {
		known[c.ID] = true
	}
	for id := range p.Severity {
		if !known[id] {
			return fmt.Errorf("provenance.severity: there is no check %q; `thamos provenance-check --list` lists them", id)
		}
	}
	for _, a := range p.Allow {
		if !known[a.Check] {
			return fmt.Errorf("%s: there is no check %q; `thamos provenance-check --list` lists them", cmp.Or(a.From, "provenance.allow"), a.Check)
		}
	}
	for _, e := range p.Expect {
		if _, err := parsePublisher(e.Publisher); e.Publisher != "" && err != nil {
			return fmt.Errorf("%s: %w", cmp.Or(e.From, "provenance.project "+string(e.Project)), err)
		}
	}
	return nil
}

// severity is how bad a check is under the policy.
func (p *Policy) severity(c Check) Severity {
	if s, ok := p.Severity[c.ID]; ok {
		return s
	}
	return c.Severity
}

// expect returns what is expected of a project.
func (p *Policy) expect(name py.Name) Expectation {
	for _, e := range p.Expect {
		if e.Project == name {
			return e
		}
	}
	return Expectation{}
}

// covers reports whether the allowance is about a finding.
func (a *Allowance) covers(f *Finding) bool {
	return a.Check == f.Check && (a.Project == "" || a.Project == f.Name) && (a.Version == "" || sameVersion(a.Version, f.Version))
}

// sameVersion compares versions however they are spelled.
func sameVersion(a, b string) bool {
	v, errV := py.ParseVersion(a)
	w, errW := py.ParseVersion(b)
	return a == b || errV == nil && errW == nil && v.Compare(w) == 0
}

// allow marks the findings that are accepted, and adds one for every allowance
// that is over but would have been needed.
func (r *run) allow() {
	for i := range r.policy.Allow {
		a := &r.policy.Allow[i]
		over := a.Expires > 0 && r.world.Now >= a.Expires
		needed := false
		for k := range r.report.Findings {
			f := &r.report.Findings[k]
			if !a.covers(f) {
				continue
			}
			needed = true
			if !over && f.Allowed == "" {
				f.Allowed = a.Reason
			}
		}
		if over && needed {
			r.add(AllowanceExpired, entry{}, fmt.Sprintf("the allowance of %s%s ended on %s: %s", a.Check, of(a.Project), day(a.Expires-1), a.Reason), a.From)
		}
	}
}

func of(name py.Name) string {
	if name == "" {
		return ""
	}
	return " for " + string(name)
}

// day prints Unix seconds as a day in UTC.
func day(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }

// A publisher is an expected one, parsed.
type publisher struct{ kind, repository, workflow, email string }

func parsePublisher(text string) (publisher, error) {
	kind, rest, ok := strings.Cut(text, ":")
	bad := fmt.Errorf("publisher %q: write github:OWNER/REPOSITORY, github:OWNER/REPOSITORY/WORKFLOW, the same with gitlab, or google:EMAIL", text)
	p := publisher{kind: strings.ToLower(kind)}
	switch {
	case !ok || rest == "":
		return p, bad
	case p.kind == "google":
		p.email = rest
		return p, nil
	case p.kind != "github" && p.kind != "gitlab":
		return p, bad
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return p, bad
	}
	last := parts[len(parts)-1]
	if len(parts) > 2 && (strings.HasSuffix(last, ".yml") || strings.HasSuffix(last, ".yaml")) {
		p.workflow, parts = last, parts[:len(parts)-1]
	}
	if p.kind == "github" && len(parts) != 2 {
		return p, bad
	}
	p.repository = strings.Join(parts, "/")
	return p, nil
}

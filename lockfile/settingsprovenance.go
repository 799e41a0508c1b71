package lockfile

import (
	"regexp"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// ProvenanceSettings are what [provenance] says of where things should come
// from. What the words mean is for package provenance to say.
type ProvenanceSettings struct {
	FailOn         string // a severity; empty: not said
	FailOnAt       Position
	AllowedIndexes []string // URLs; nil: not said
	Severities     []CheckSeverity
	Projects       []ExpectedProject
	Allow          []AllowedFinding
}

// A CheckSeverity says how bad a check is.
type CheckSeverity struct {
	Check, Severity string
	Pos             Position
}

// An ExpectedProject says where a project must come from.
type ExpectedProject struct {
	Project   py.Name
	Index     string // URL; may be empty
	Publisher string // may be empty
	Pos       Position

	PublisherAt Position
}

// An AllowedFinding accepts findings of a check, for a reason and until a day.
type AllowedFinding struct {
	Check   string
	Project py.Name // empty for any
	Version string  // empty for any
	Reason  string
	Expires int64 // Unix seconds at the end of the day in UTC; 0 means never
	Pos     Position
}

// IsIndexURL reports whether a text is the URL of an index, as far as its form
// tells.
func IsIndexURL(text string) bool { return indexURL.MatchString(text) }

var indexURL = regexp.MustCompile(`^(?i:https?://[^/\s]+|file:/)\S*$`)

const wantURL = "the URL of an index, such as https://index.example/simple"

func (s *Settings) provenance(root *node) (err error) {
	n := root.get("provenance")
	if n == nil {
		return nil
	}
	if err := n.table("provenance"); err != nil {
		return err
	}
	if err := n.known("provenance", "fail-on", "allowed-indexes", "severity", "project", "allow"); err != nil {
		return err
	}
	p := &ProvenanceSettings{}
	if p.FailOn, err = n.get("fail-on").filled("fail-on"); err != nil {
		return err
	}
	p.FailOnAt = n.get("fail-on").where()
	if p.AllowedIndexes, err = n.get("allowed-indexes").patterns("allowed-indexes", indexURL, wantURL); err != nil {
		return err
	}
	if n.get("allowed-indexes") != nil && p.AllowedIndexes == nil {
		p.AllowedIndexes = []string{} // none at all
	}
	for _, part := range []func(*node) error{p.severity, p.project, p.allow} {
		if err := part(n); err != nil {
			return err
		}
	}
	s.Provenance = p
	return nil
}

func (p *ProvenanceSettings) severity(root *node) error {
	n := root.get("severity")
	if n == nil {
		return nil
	}
	if err := n.table("provenance.severity"); err != nil {
		return err
	}
	for _, key := range n.keys {
		text, err := n.fields[key].filled("the severity of " + key)
		if err != nil {
			return err
		}
		p.Severities = append(p.Severities, CheckSeverity{key, text, n.fields[key].key})
	}
	return nil
}

func (p *ProvenanceSettings) project(root *node) error {
	return root.get("project").each("provenance.project", []string{"name", "index", "publisher"}, func(e *node) (err error) {
		x := ExpectedProject{Pos: e.pos}
		if x.Project, err = e.get("name").project("name"); err != nil {
			return err
		}
		if x.Index, err = e.get("index").filled("index"); err != nil {
			return err
		}
		if x.Publisher, err = e.get("publisher").filled("publisher"); err != nil {
			return err
		}
		x.PublisherAt = e.get("publisher").where()
		if x.Index != "" && !indexURL.MatchString(x.Index) {
			return refuse(e.get("index").pos, "write "+wantURL, "index has %q", x.Index)
		}
		if x.Project == "" || x.Index == "" && x.Publisher == "" {
			return refuse(e.pos, `write name = "…" and index = "…" or publisher = "…"`, "an expectation needs a project and what is expected of it")
		}
		if slices.ContainsFunc(p.Projects, func(o ExpectedProject) bool { return o.Project == x.Project }) {
			return refuse(e.pos, "make them one", "%s is expected twice", x.Project)
		}
		p.Projects = append(p.Projects, x)
		return nil
	})
}

func (p *ProvenanceSettings) allow(root *node) error {
	return root.get("allow").each("provenance.allow", []string{"check", "project", "version", "reason", "expires"}, func(e *node) (err error) {
		a := AllowedFinding{Pos: e.pos}
		for _, part := range []struct {
			to  *string
			key string
		}{{&a.Check, "check"}, {&a.Version, "version"}, {&a.Reason, "reason"}} {
			if *part.to, err = e.get(part.key).filled(part.key); err != nil {
				return err
			}
		}
		if a.Check == "" || a.Reason == "" {
			return refuse(e.pos, `write check = "…" and reason = "…"`, "an allowance needs a check and a reason")
		}
		if a.Project, err = e.get("project").project("project"); err != nil {
			return err
		}
		if a.Version != "" {
			v, err := py.ParseVersion(a.Version)
			if err != nil {
				return refuse(e.get("version").pos, "", "%v", err)
			}
			a.Version = v.String()
		}
		if a.Expires, err = e.get("expires").lastDay("expires"); err != nil {
			return err
		}
		p.Allow = append(p.Allow, a)
		return nil
	})
}

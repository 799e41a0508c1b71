package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// An UnknownError says that no stack was found among what is known, but that
// there may be one: what is missing would decide.
type UnknownError struct {
	// Projects are required and not known at all, sorted by name.
	Projects []Missing

	// Releases exist, and are needed for a stack as far as anybody can tell, but
	// their requirements were not read; sorted by name.
	Releases []py.Package
}

// A Missing is a project of which nothing is known and who requires it.
type Missing struct {
	Name py.Name
	By   Edge
}

func (e *UnknownError) Error() string {
	var b strings.Builder
	b.WriteString("the knowledge does not suffice to tell whether a stack exists")
	for _, m := range e.Projects {
		fmt.Fprintf(&b, "\n  %s is not known", m.Name)
		if m.By.From != "" {
			fmt.Fprintf(&b, " (required by %s: %s)", m.By.From, m.By.Text)
		} else {
			fmt.Fprintf(&b, " (required at %s)", m.By.Origin)
		}
	}
	for _, p := range e.Releases {
		fmt.Fprintf(&b, "\n  the requirements of %s are not known", p)
	}
	return b.String()
}

// unknown names what the optimistic stack that the engine found stands on.
func (e *engine) unknown() *UnknownError {
	u := new(UnknownError)
	for _, c := range e.report().Stack {
		p := e.closure.projects[e.closure.byName[c.Name]]
		switch {
		case !p.known:
			u.Projects = append(u.Projects, Missing{c.Name, c.Via[0]})
		case c.Release.Requires == nil:
			u.Releases = append(u.Releases, c.Package)
		}
	}
	slices.SortFunc(u.Projects, func(a, b Missing) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return u
}

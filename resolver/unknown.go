package resolver

import (
	"context"
	"errors"
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
func (e *engine) unknown(r *Report) *UnknownError {
	u := new(UnknownError)
	for _, c := range r.Stack {
		p := e.closure.projects[e.closure.byName[c.Name]]
		switch {
		case !p.known:
			u.Projects = append(u.Projects, Missing{c.Name, c.Via[0]})
		case c.Release.Requires == nil, e.closure.beyond(&c):
			u.Releases = append(u.Releases, c.Package)
		}
	}
	slices.SortFunc(u.Projects, func(a, b Missing) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return u
}

// beyond reports whether a choice asks for what no knowledge tells: with its
// extras, or always.
func (c *closure) beyond(choice *Choice) bool {
	list := c.list(choice.Release.Requires)
	return list.opaque || slices.ContainsFunc(list.lines, func(l *line) bool {
		return l.req.URL != "" && slices.ContainsFunc(choice.Extras, func(x py.Name) bool { return c.holds(l, x) })
	})
}

// maxDoubts bounds how many choices of one report are looked at twice.
const maxDoubts = 20

// doubt looks again at the better releases that do not go together with the
// rest, as far as is known: where what is unknown could make them do so, the
// report says that it is not known.
func doubt(ctx context.Context, p *Problem, k Knowledge, r *Report) error {
	doubts := 0
	for i := range r.Stack {
		c := &r.Stack[i]
		if c.Why.Reason != Traded || doubts == maxDoubts {
			continue
		}
		doubts++
		pin, err := py.ParseRequirement(fmt.Sprintf("%s==%s", c.Name, c.Why.Better))
		if err != nil {
			return err
		}
		q := *p
		q.Requirements = append(slices.Clone(p.Requirements), Requirement{Requirement: pin})
		closure, err := newClosure(ctx, &q, k, true)
		if err != nil {
			return err
		}
		e := newEngine(newTables(closure, false))
		found, _, err := e.search(ctx, nil)
		var gaveUp *GaveUpError
		if errors.As(err, &gaveUp) {
			continue
		}
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		switch u := e.unknown(e.report()); {
		case len(u.Releases) > 0 && u.Releases[0].Name == c.Name:
			c.Why = Why{Reason: Known, Better: c.Why.Better, Detail: "requires a URL, of which nothing is known"}
		case len(u.Releases) > 0:
			c.Why = Why{Reason: Known, Better: c.Why.Better, Detail: fmt.Sprintf("may go with %s, whose requirements are not known", u.Releases[0])}
		case len(u.Projects) > 0:
			c.Why = Why{Reason: Known, Better: c.Why.Better, Detail: fmt.Sprintf("needs %s, of which nothing is known", u.Projects[0].Name)}
		}
	}
	return nil
}

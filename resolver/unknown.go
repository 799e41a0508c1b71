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

// Ask is one step of solving with knowledge that can grow: it takes everything
// that asking an index may make known at its most helpful and returns the stack
// that would then be chosen, and what of it stands on hope. If that is nothing
// (a nil *UnknownError) the stack is the one that Solve would find if everything
// were known that can be.
//
// It fails as Solve does; a *NoStackError then says that nothing that is still
// to be asked for will help.
//
// Why that is so: let F be the stack of the full knowledge and A one that stands
// on facts only. At the first project where they differ everything chosen
// before is the same and known. If F had the better release there, F without
// what only unread releases of it bring along would be a hopeful stack with
// that release, and A would have it. If A had, A would be a stack of the full
// knowledge with that release, and F would have it. With a pipeline the same
// holds of the ranks, in their order, and "better" is what the pipeline thinks:
// of what A chose it thinks as it would with full knowledge, since all that this
// depends on is known, and of what is unread it thinks no worse.
func Ask(ctx context.Context, p *Problem, k Knowledge) (*Report, *UnknownError, error) {
	return Search{}.Ask(ctx, p, k)
}

// Ask is the function of the same name with a search of one's own.
func (s Search) Ask(ctx context.Context, p *Problem, k Knowledge) (*Report, *UnknownError, error) {
	c, err := newClosure(ctx, p, k, askable)
	if err != nil {
		return nil, nil, err
	}
	e := newEngine(newTables(c, false))
	found, _, err := e.search(ctx, nil)
	switch {
	case err != nil:
		return nil, nil, err
	case !found:
		return nil, nil, conflict(ctx, c)
	}
	r, err := s.best(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	u := e.unknown(r)
	if p.Pipeline != nil && p.Pipeline.Hindsight() {
		e.hindsight(r, u)
	}
	if len(u.Projects)+len(u.Releases) > 0 {
		return r, u, nil
	}
	return r, nil, nil
}

// hindsight adds the later releases of what was chosen that are not known: what
// they require decides what is thought of the choice. Where the choice requires
// nothing although a later release does, the earlier ones decide as well.
func (e *engine) hindsight(r *Report, u *UnknownError) {
	for _, c := range r.Stack {
		p := e.closure.projects[e.closure.byName[c.Name]]
		if !p.known {
			continue
		}
		ask := func(r *py.Release) bool {
			if r.Requires != nil || r.Unreadable {
				return false
			}
			u.Releases = append(u.Releases, py.Package{Name: c.Name, Version: r.Version})
			return true
		}
		asks := false // a later release requires something
		i := 0
		for ; i < len(p.source.Releases); i++ { // newest first
			later := &p.source.Releases[i]
			if later.Version.Compare(c.Version) <= 0 {
				break
			}
			if !later.Yanked && (!later.Version.Prerelease() || c.Version.Prerelease()) {
				asks = asks || requiresAlways(later)
				ask(later)
			}
		}
		if !asks || c.Release.Requires == nil || len(c.Release.Requires.Lines) > 0 {
			continue
		}
		unread := 0
		for ; i < len(p.source.Releases) && unread < maxEarlier; i++ {
			earlier := &p.source.Releases[i]
			if requiresAlways(earlier) {
				break // which settles it
			}
			if ask(earlier) {
				unread++
			}
		}
	}
}

// maxEarlier is how many earlier releases are asked for at once.
const maxEarlier = 8

// requiresAlways reports whether a release is known to require something without
// a marker.
func requiresAlways(r *py.Release) bool {
	return r.Requires != nil && slices.ContainsFunc(r.Requires.Lines, func(l string) bool { return !strings.Contains(l, ";") })
}

// unknown names what the hopeful stack that the engine found stands on.
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
func doubt(ctx context.Context, k Knowledge, r *Report, known *closure) error {
	var e *engine // of everything unknown at its most helpful
	doubts := 0
	for i := range r.Stack {
		c := &r.Stack[i]
		if c.Why.Reason != Traded || doubts == maxDoubts {
			continue
		}
		doubts++
		if e == nil {
			closure, err := newHopeful(ctx, k, known)
			if err != nil {
				return err
			}
			e = newEngine(newTables(closure, false))
		}
		better, ok := e.named(py.Package{Name: c.Name, Version: c.Why.Better})
		if !ok {
			continue
		}
		found, _, err := e.search(ctx, []lit{better})
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

// named returns the literal that a package is chosen, if it is a candidate.
func (e *engine) named(p py.Package) (lit, bool) {
	id, ok := e.closure.byName[p.Name]
	if !ok {
		return noLit, false
	}
	for k, i := range e.cands[id] {
		if r := &e.closure.projects[id].releases[i]; r.standIn == nil && r.Version.Compare(p.Version) == 0 {
			return e.candidate(id, k), true
		}
	}
	return noLit, false
}

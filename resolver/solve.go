package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Solve finds the stack that the package comment describes.
//
// It fails with a *NoStackError if there provably is none, with an
// *UnknownError if knowledge is missing to tell, with a *GaveUpError if the search
// is too long to tell, with ctx's error if ctx ends first, and with Knowledge's
// error if that fails.
func Solve(ctx context.Context, p *Problem, k Knowledge) (*Report, error) {
	c, err := newClosure(ctx, p, k, noHope)
	if err != nil {
		return nil, err
	}
	e := newEngine(newTables(c, false))
	found, _, err := e.search(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case found:
		r := e.report()
		if !c.complete() {
			err = doubt(ctx, p, k, r)
		}
		return r, err
	}
	if c.complete() {
		return nil, conflict(ctx, c)
	}

	// Nothing that is known helps. There is no stack only if there is none even
	// with everything unknown at its most helpful.
	if c, err = newClosure(ctx, p, k, fullHope); err != nil {
		return nil, err
	}
	e = newEngine(newTables(c, false))
	found, _, err = e.search(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case found:
		return nil, e.unknown(e.report())
	}
	return nil, conflict(ctx, c)
}

// complete reports whether nothing that is unknown could change the answer: a
// closure that reaches no unknown project and admits no unread release.
func (c *closure) complete() bool {
	for _, p := range c.projects {
		if !p.known {
			return false
		}
		for i := range p.releases {
			if v := p.releases[i].verdict; v == unread || v == opaque {
				return false
			}
		}
		for _, g := range p.groups {
			if len(g.barred) > 0 {
				return false
			}
		}
	}
	return true
}

// A Report is a stack and why it is as it is.
type Report struct {
	// Stack is sorted by name; no name occurs twice.
	Stack []Choice

	// Projects and Releases count what the search chose among.
	Projects, Releases int
}

// A Choice is one package of a stack.
type Choice struct {
	py.Package
	Release *py.Release
	Extras  []py.Name // that are asked for, sorted

	// Direct reports that one of the user's requirements names it.
	Direct bool

	// Build reports that it has no wheel for the environment, so that installing
	// it means building it from source.
	Build bool

	// Via are the requirements that it satisfies, and Needs those of its own
	// that hold in the environment.
	Via, Needs []Edge

	Why Why
}

// An Edge is one requirement that one part of a stack has of another.
type Edge struct {
	// From is who requires: a project, or empty for the user; Origin is then
	// where the user wrote it.
	From   py.Name
	Origin string

	// Extra is the extra of From for which it is required, or empty.
	Extra py.Name

	To     py.Name
	Extras []py.Name // of To that it asks for
	Text   string    // the requirement as it was written
}

// A Why tells why a release was chosen and no better one.
type Why struct {
	Reason Reason
	// Better is the release that would have been preferred; the zero Version
	// if there is none.
	Better py.Version
	// By is the requirement that excludes Better, for Bounded.
	By Edge
	// Detail ends a sentence that begins with Better, for Usable and Known.
	Detail string
}

// A Reason is why in a word.
type Reason uint8

const (
	IsNewest Reason = iota // no release is better, and newer is better
	IsOldest               // no release is better, and older is better
	Bounded                // a requirement of the stack excludes the better one
	Usable                 // the better one cannot be used in this environment
	Known                  // the requirements of the better one are not known
	Traded                 // the better one does not go together with more important choices
)

// String returns the word.
func (r Reason) String() string {
	switch r {
	case IsNewest:
		return "newest"
	case IsOldest:
		return "oldest"
	case Bounded:
		return "bounded"
	case Usable:
		return "newest here"
	case Known:
		return "newest known"
	case Traded:
		return "traded"
	}
	return "chosen"
}

// report reads the stack that the engine found.
func (e *engine) report() *Report {
	r := new(Report)
	for p := range e.cands {
		r.Projects++
		r.Releases += len(e.cands[p])
	}
	byProject := map[int]*Choice{}
	e.walk(func(p int) bool {
		project := e.closure.projects[p]
		release := project.releases[e.cands[p][e.chosen[p]]]
		byProject[p] = &Choice{
			Package: py.Package{Name: project.name, Version: release.Version},
			Release: release.Release,
			Direct:  project.direct,
			Build:   e.closure.admit.builds(project.name, release.Artifacts),
		}
		return true
	})
	edge := func(n *need, x Edge) {
		child := byProject[n.child.id]
		x.To, x.Text = child.Name, n.line.text
		for _, i := range n.extras {
			x.Extras = append(x.Extras, n.child.extras[i])
		}
		child.Extras = append(child.Extras, x.Extras...)
		child.Via = append(child.Via, x)
		if parent, ok := e.closure.byName[x.From]; ok {
			byProject[parent].Needs = append(byProject[parent].Needs, x)
		}
	}
	for _, root := range e.closure.roots {
		if !root.constraint {
			edge(root.need, Edge{Origin: root.req.Origin})
		}
	}
	for _, p := range sortedKeys(byProject) {
		project := e.closure.projects[p]
		e.needs(p, func(n *need) {
			x := Edge{From: project.name}
			if n.extra >= 0 {
				x.Extra = project.extras[n.extra]
			}
			edge(n, x)
		})
	}
	for _, p := range sortedKeys(byProject) {
		choice := byProject[p]
		slices.Sort(choice.Extras)
		choice.Extras = slices.Compact(choice.Extras)
		choice.Why = e.why(p, choice)
		r.Stack = append(r.Stack, *choice)
	}
	slices.SortFunc(r.Stack, func(a, b Choice) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return r
}

func sortedKeys(m map[int]*Choice) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// why says why nothing better than the chosen release of p was taken. Of the
// better ones, those that could be used count before those that cannot. A yanked
// release is not better than any.
func (e *engine) why(p int, choice *Choice) Why {
	project := e.closure.projects[p]
	best := Why{}
	if e.closure.admit.oldest(project) {
		best.Reason = IsOldest
	}
	for _, i := range project.order {
		r := &project.releases[i]
		if r.Release == choice.Release {
			break
		}
		if r.verdict == yanked || r.verdict == prerelease {
			continue
		}
		w := Why{Reason: Usable, Better: r.Version, Detail: r.verdict.String()}
		by, excluded := e.excludes(project, choice, i)
		switch {
		case excluded:
			w = Why{Reason: Bounded, Better: r.Version, By: by}
		case r.verdict == unread, r.verdict == opaque:
			w.Reason = Known
			return w
		case r.verdict == admitted:
			if name, ok := r.stranger(); ok {
				return Why{Reason: Known, Better: r.Version, Detail: fmt.Sprintf("requires %s, of which nothing is known", name)}
			}
			return Why{Reason: Traded, Better: r.Version}
		}
		if best.Better.IsZero() {
			best = w
		}
	}
	return best
}

// stranger returns a project that a release always requires and of which
// nothing is known.
func (r *release) stranger() (py.Name, bool) {
	if r.group != nil {
		for _, n := range r.group.needs {
			if n.extra < 0 && !n.child.known {
				return n.child.name, true
			}
		}
	}
	return "", false
}

// excludes returns the first requirement or constraint of the stack that
// excludes release i.
func (e *engine) excludes(p *project, choice *Choice, i int) (Edge, bool) {
	for _, via := range choice.Via {
		for _, root := range e.closure.roots {
			if via.From == "" && root.req.Origin == via.Origin && root.need.child == p && !e.closure.sets[root.need.set].members.has(i) {
				return via, true
			}
		}
		if via.From != "" {
			l := e.closure.lines[via.Text]
			if !e.closure.sets[p.sets[l.specs]].members.has(i) {
				return via, true
			}
		}
	}
	for _, root := range e.closure.roots {
		if root.constraint && root.need.child == p && !e.closure.sets[root.need.set].members.has(i) {
			return Edge{Origin: root.req.Origin, To: p.name, Text: root.need.line.text}, true
		}
	}
	return Edge{}, false
}

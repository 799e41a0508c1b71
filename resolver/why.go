package resolver

import (
	"fmt"

	"github.com/thamos/thamos/kb/py"
)

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
	// Term is the weightiest that would hold of Better in place of the choice
	// and does not hold now, for Judged.
	Term *Term
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
	Judged                 // the pipeline thinks less of the better one
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
	case Judged:
		return "judged"
	}
	return "chosen"
}

// why says why nothing better than the chosen release of p was taken. Of the
// better ones, those that could be used count before those that cannot. A yanked
// release is not better than any.
func (e *engine) why(in foundStack, p int, choice *Choice) Why {
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
		if r.verdict == yanked || r.verdict == prerelease || r.standIn != nil {
			continue
		}
		w := Why{Reason: Usable, Better: r.Version, Detail: r.reason()}
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
			if t := e.worse(in, p, i); t != nil {
				return Why{Reason: Judged, Better: r.Version, Term: t}
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
			if l.req.Name != p.name {
				continue // somebody else's, for whom p stands in
			}
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

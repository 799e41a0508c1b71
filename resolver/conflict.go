package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A NoStackError says that no stack satisfies the requirements, and proves it:
// its lines cannot all hold together, and any one of them could be dropped to
// make the others satisfiable.
type NoStackError struct {
	// Lines are in the order of a walk from the user's requirements; the first
	// is the user's.
	Lines []ConflictLine

	// Supplies say what the projects that the lines ask for have, as far as it
	// matters.
	Supplies []Supply
}

// A ConflictLine is one requirement of a conflict.
type ConflictLine struct {
	// Origin is where the user wrote it; empty if releases require it.
	Origin string

	// Constraint reports that the user's line only bounds a version.
	Constraint bool

	// Parent and Versions are the releases that require it, newest first; All
	// reports that the other lines leave no other release of Parent.
	Parent   py.Name
	Versions []py.Version
	All      bool

	Text  string // the requirement as written, or why Unit refuses
	Child py.Name

	// Unit, if not empty, is who refuses to have a release of each of Together
	// in one stack; nothing of the above is set then but Text.
	Unit     string
	Together []Meeting
}

// A Meeting is one side of a veto: the releases of a project, newest first, that
// may not meet those of the other sides. All reports that it is every release.
type Meeting struct {
	Name     py.Name
	Versions []py.Version
	All      bool
}

// A Supply says which releases of a project the lines of a conflict admit by
// version without being able to use them.
type Supply struct {
	Name  py.Name
	Known bool // there is such a project, with releases

	// Short reports that the lines leave no release at all; otherwise they leave
	// some, which other lines rule out.
	Short    bool
	Excluded []Exclusion

	// Have are the newest releases that can be used but that the lines, taken
	// together, do not admit; at most three.
	Have []py.Version
}

// An Exclusion is releases that are out for one reason.
type Exclusion struct {
	Versions []py.Version // newest first
	Reason   string       // ends a sentence that begins with the releases
}

func (e *NoStackError) Error() string {
	var b strings.Builder
	b.WriteString("no stack satisfies the requirements:")
	for i, l := range e.Lines {
		b.WriteString("\n  ")
		switch {
		case l.Unit != "":
			sides := make([]string, len(l.Together))
			for n, m := range l.Together {
				if sides[n] = string(m.Name); !m.All {
					sides[n] += " " + ranges(m.Versions)
				}
			}
			fmt.Fprintf(&b, "%s refuses %s: %s", l.Unit, strings.Join(sides, " with "), l.Text)
		case l.Constraint:
			fmt.Fprintf(&b, "%s allows only %s", l.Origin, l.Text)
		case l.Origin != "":
			fmt.Fprintf(&b, "%s requires %s", l.Origin, l.Text)
		case l.All:
			fmt.Fprintf(&b, "all that is left of %s (%s) requires %s", l.Parent, ranges(l.Versions), l.Text)
		default:
			fmt.Fprintf(&b, "%s %s requires %s", l.Parent, ranges(l.Versions), l.Text)
		}
		if i+1 < len(e.Lines) {
			b.WriteString(",")
		}
	}
	for _, s := range e.Supplies {
		b.WriteString("\n  ")
		switch {
		case !s.Known:
			fmt.Fprintf(&b, "but there is no project %s", s.Name)
		case s.Short && len(s.Excluded) == 0:
			fmt.Fprintf(&b, "but no release of %s satisfies all of that (usable are %s)", s.Name, ranges(s.Have))
		case s.Short:
			fmt.Fprintf(&b, "but no usable release of %s satisfies all of that:", s.Name)
		default:
			fmt.Fprintf(&b, "where of %s:", s.Name)
		}
		for _, x := range s.Excluded {
			fmt.Fprintf(&b, "\n    %s %s", ranges(x.Versions), x.Reason)
		}
		if s.Short && len(s.Excluded) > 0 && len(s.Have) > 0 {
			fmt.Fprintf(&b, "\n    usable are %s", ranges(s.Have))
		}
	}
	return b.String()
}

// ranges prints versions, newest first, shortly.
func ranges(vs []py.Version) string {
	switch n := len(vs); {
	case n == 0:
		return "none"
	case n <= 3:
		texts := make([]string, n)
		for i, v := range vs {
			texts[i] = v.String()
		}
		return strings.Join(texts, ", ")
	default:
		return fmt.Sprintf("%s, %s … %s (%d releases)", vs[0], vs[1], vs[n-1], n)
	}
}

// conflict explains why the closure, which is known to have no stack, has none.
func conflict(ctx context.Context, c *closure) error {
	e := newEngine(newTables(c, true))
	rules, err := e.minimise(ctx)
	if err != nil {
		return err
	}
	return e.explain(rules)
}

// minimise returns the numbers of the rules of a minimal conflict: no stack
// satisfies them, and without any one of them there is one. The user's rules
// are minimised first, against everything that releases require, so that each
// of the user's lines is needed whatever else is said.
func (e *engine) minimise(ctx context.Context) ([]int, error) {
	var users, releases []int
	for i, r := range e.rules {
		if r.root != nil {
			users = append(users, i)
		} else {
			releases = append(releases, i)
		}
	}
	users, err := e.shrink(ctx, releases, users)
	if err != nil {
		return nil, err
	}
	releases, err = e.shrink(ctx, users, releases)
	return slices.Concat(users, releases), err
}

// shrink returns a minimal part of open that has no stack together with fixed.
// It drops rules one by one and keeps those that cannot go; each failed search
// also drops what it did not need (deletion with core refinement; Marques-Silva,
// "Minimal unsatisfiability", 2010).
func (e *engine) shrink(ctx context.Context, fixed, open []int) ([]int, error) {
	var kept []int
	try := func() (found bool, err error) {
		rules := slices.Concat(fixed, kept, open)
		assumed := make([]lit, len(rules))
		for i, r := range rules {
			assumed[i] = e.rules[r].selector
		}
		found, core, err := e.search(ctx, assumed)
		if !found && err == nil {
			open = slices.DeleteFunc(open, func(i int) bool { return !slices.Contains(core, e.rules[i].selector) })
		}
		return found, err
	}
	if _, err := try(); err != nil {
		return nil, err
	}
	for len(open) > 0 {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		found, err := try()
		if err != nil {
			return nil, err
		}
		if found {
			kept = append(kept, last)
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// explain puts the rules of a minimal conflict in the order of a walk from the
// user's, and says what the projects that they ask for have.
func (e *engine) explain(rules []int) *NoStackError {
	left := e.left(rules)
	x := new(NoStackError)
	queue := []*project{nil} // nil: the user
	seen := map[*project]bool{nil: true}
	for head := 0; head < len(queue); head++ {
		for _, i := range rules {
			r := e.rules[i]
			if r.veto != nil || r.project != queue[head] {
				continue
			}
			x.Lines = append(x.Lines, e.line(r, left))
			if !seen[r.child] {
				seen[r.child] = true
				queue = append(queue, r.child)
			}
		}
	}
	for _, i := range rules {
		if t := e.rules[i].veto; t != nil {
			x.Lines = append(x.Lines, e.closure.refusal(t))
		}
	}
	for _, p := range queue[1:] {
		if s := supply(p, left[p]); s.Short || len(s.Excluded) > 0 {
			x.Supplies = append(x.Supplies, s)
		}
	}
	return x
}

// left works out, for each project that the rules ask for, which releases they
// leave by version, as far as that can be said without searching: what the user
// says of it holds, and so does what every remaining release of a parent says;
// where its releases say different things, what any of them says may be.
func (e *engine) left(rules []int) map[*project]bitset {
	left := map[*project]bitset{}
	full := func(p *project) bitset {
		b := newBits(len(p.releases))
		for i := range p.releases {
			b.add(i)
		}
		return b
	}
	byParent := map[*project][]rule{}
	for _, i := range rules {
		r := e.rules[i]
		if r.veto != nil {
			continue
		}
		if left[r.child] == nil {
			left[r.child] = full(r.child)
		}
		if r.root != nil {
			left[r.child].and(e.admits(r))
		} else {
			byParent[r.project] = append(byParent[r.project], r)
		}
	}
	for again := true; again; {
		again = false
		for _, i := range rules {
			parent, child := e.rules[i].project, e.rules[i].child
			if parent == nil { // the user's, or a veto
				continue
			}
			allowed := newBits(len(child.releases))
			some := false
			for j := range parent.releases {
				g := parent.releases[j].group
				if g == nil || left[parent] != nil && !left[parent].has(j) {
					continue
				}
				some = true
				here := full(child)
				for _, r := range byParent[parent] {
					if r.child == child && slices.Contains(r.groups, g) {
						here.and(e.admits(r))
					}
				}
				allowed.or(here)
			}
			before := left[child].count()
			if some {
				left[child].and(allowed)
			}
			again = again || left[child].count() != before
		}
	}
	return left
}

// admits returns the releases that a rule admits.
func (e *engine) admits(r rule) bitset {
	return e.closure.sets[r.child.sets[r.line.specs]].members
}

// line tells one rule of a conflict.
func (e *engine) line(r rule, left map[*project]bitset) ConflictLine {
	if r.root != nil {
		return ConflictLine{Origin: r.root.req.Origin, Constraint: r.root.constraint, Text: r.line.text, Child: r.child.name}
	}
	l := ConflictLine{Parent: r.project.name, Text: r.line.text, Child: r.child.name, All: true}
	var others []py.Version // that have the line, although they are not left
	for i := range r.project.releases {
		rel := &r.project.releases[i]
		if rel.group == nil {
			continue
		}
		has, remains := slices.Contains(r.groups, rel.group), left[r.project] == nil || left[r.project].has(i)
		switch {
		case has && remains:
			l.Versions = append(l.Versions, rel.Version)
		case has:
			others = append(others, rel.Version)
		case remains:
			l.All = false
		}
	}
	if len(l.Versions) == 0 {
		l.Versions, l.All = others, false
	}
	return l
}

// refusal tells a veto.
func (c *closure) refusal(t *Term) ConflictLine {
	l := ConflictLine{Unit: t.Unit, Text: t.Why.Justify().Message}
	for _, m := range t.Members {
		p := c.projects[c.byName[m.Project]]
		side := Meeting{Name: m.Project, All: true}
		for i := range p.source.Releases {
			switch {
			case !p.reached.has(i):
			case m.Releases.Has(i):
				side.Versions = append(side.Versions, p.releases[i].Version)
			default:
				side.All = false
			}
		}
		l.Together = append(l.Together, side)
	}
	return l
}

// supply says what p has for rules that admit some of its versions.
func supply(p *project, admits bitset) Supply {
	s := Supply{Name: p.name, Known: p.known && len(p.releases) > 0, Short: true}
	reasons := map[string]int{}
	for i := range p.releases {
		r := &p.releases[i]
		switch {
		case admits.has(i) && r.verdict == admitted:
			s.Short = false
		case admits.has(i):
			n, ok := reasons[r.reason()]
			if !ok {
				n = len(s.Excluded)
				reasons[r.reason()] = n
				s.Excluded = append(s.Excluded, Exclusion{Reason: r.reason()})
			}
			s.Excluded[n].Versions = append(s.Excluded[n].Versions, r.Version)
		case r.verdict == admitted && len(s.Have) < 3:
			s.Have = append(s.Have, r.Version)
		}
	}
	return s
}

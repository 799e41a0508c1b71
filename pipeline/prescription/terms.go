package prescription

import (
	"context"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// linkBase is where Thoth expanded the identifiers of links.
const linkBase = "https://thoth-station.ninja/j/"

func (i info) justification(u *unit) resolver.Justification {
	j := resolver.Justification{Message: i.Message, Package: py.Name(i.Package), Evidence: u.Name}
	if j.Link, _, _ = strings.Cut(i.Link, " "); j.Link != "" && !strings.Contains(j.Link, "://") {
		j.Link = linkBase + j.Link
	}
	switch i.Type {
	case "WARNING":
		j.Level = resolver.Warning
	case "ERROR":
		j.Level = resolver.Error
	}
	return j
}

// notes are what a unit tells when it applies. A log line that only repeats an
// entry of the stack is not told again.
func (u *unit) notes() []resolver.Justification {
	var all []resolver.Justification
	said := false
	for _, i := range u.Run.StackInfo {
		all = append(all, i.justification(u))
		said = said || u.Run.Log != nil && i.Message == u.Run.Log.Message
	}
	if u.Run.Log != nil && !said {
		all = append(all, u.Run.Log.justification(u))
	}
	return all
}

// because is what a unit says first, as the end of a sentence.
func (u *unit) because() string {
	if notes := u.notes(); len(notes) > 0 {
		return ": " + notes[0].Message
	}
	return ""
}

// steps gives the scores and refusals of steps and groups as terms.
func steps(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
	names := make([]py.Name, len(candidates))
	for i, c := range candidates {
		names[i] = c.Name
	}
	units, err := lookUp(ctx, plan, pipeline.Step, names, nil)
	if err != nil {
		return nil, err
	}
	c := newClosure(plan, candidates)
	var terms []pipeline.Term
	for i := range units {
		u := &units[i]
		if u.Type != typeStep && u.Type != typeGroup || u.Run.Score == nil && u.Run.Refuse == "" {
			continue
		}
		for m := range u.Match {
			for _, ms := range c.members(&u.Match[m]) {
				terms = append(terms, u.term(ms))
			}
		}
	}
	return terms, nil
}

func (u *unit) term(ms meeting) pipeline.Term {
	t := pipeline.Term{Members: ms, Unit: u.Name, Class: classOther, Veto: u.Run.Refuse != "", Why: u.why(ms)}
	if u.Run.Score != nil {
		t.Score = *u.Run.Score
	}
	if t.Score == -1 {
		t.Class = classWorst
	}
	return t
}

// why is the justification of a step's term.
func (u *unit) why(ms meeting) resolver.Justification {
	j := resolver.Justification{Level: resolver.Warning, Package: ms[0].Project, Evidence: u.Name}
	switch {
	case u.Run.Refuse != "":
		j.Message = u.Run.Refuse
	case len(u.Run.Why) > 0:
		j = u.Run.Why[0].justification(u)
	case len(u.Run.StackInfo) > 0:
		j.Message = u.Run.StackInfo[0].Message
	default:
		j.Message = "the prescription " + u.Name + " says so"
	}
	for _, i := range u.Run.StackInfo {
		if j.Link == "" {
			j.Link = i.justification(u).Link
		}
	}
	return j
}

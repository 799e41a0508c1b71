package wraps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var advisoriesLeft = pipeline.Unit{
	Name: "advisories-left",
	Doc:  "tell which known vulnerabilities the stack has, which are accepted, and what it would take to be without them",
	Detail: `The release that is named is the nearest newer one without the vulnerability that is not yanked, no pre-release and runs on this
Python, else the nearest older one. Why it was not chosen is as the table has it: what is avoided wherever it can be is left because the release does
not go with the rest, or would bring something worse; what is weighed can be left because the other release costs more.`,
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		all, err := plan.Facts.Advisories(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		projects, err := plan.Facts.Projects(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		var w pipeline.Wrapped
		for i := range stack {
			w.Notes = append(w.Notes, flaws(plan, &stack[i], projects[i], all[i])...)
		}
		return w, nil
	},
}

// flaws are the notes on one package: one for each advisory that affects it,
// and one that sums up where another release would be needed for all of them.
func flaws(plan *pipeline.Plan, c *resolver.Choice, p *py.Project, advisories []*py.Advisory) []resolver.Justification {
	var notes []resolver.Justification
	var left, open []*py.Advisory // that affect c, that affect any release; accepted ones are in neither
	for _, a := range advisories {
		affects := a.Affects(c.Version)
		if allowance, allowed := plan.Allowed(a); !allowed {
			open = append(open, a)
			if affects {
				left = append(left, a)
			}
		} else if affects {
			text := fmt.Sprintf("%s has %s, which is accepted: %s", c.Package, a.ID, allowance.Because())
			notes = append(notes, resolver.Justification{Package: c.Name, Message: text, Link: a.Link, Evidence: a.ID})
		}
	}
	if len(left) == 0 {
		return notes
	}
	instead := othersOf(plan, p, c.Version)
	cures := map[string]bool{}
	for _, a := range left {
		cure := instead.without(a)
		cures[cure] = true
		j := resolver.Justification{Level: resolver.Warning, Package: c.Name, Link: a.Link, Evidence: a.ID}
		if a.Malware {
			j.Level = resolver.Error
		}
		j.Message = fmt.Sprintf("%s has %s; %s%s", c.Package, flaw(a), cure, price(plan, a, cure))
		notes = append(notes, j)
	}
	if best := instead.without(open...); !cures[best] || len(cures) > 1 {
		text := fmt.Sprintf("of all known vulnerabilities of %s (%s has %s): %s", c.Name, c.Version, tally(left), best)
		notes = append(notes, resolver.Justification{Level: resolver.Warning, Package: c.Name, Message: text})
	}
	return notes
}

// flaw is an advisory in words: what it is called, how bad it is and what it says.
func flaw(a *py.Advisory) string {
	kind := a.Severity.String()
	if a.Malware {
		kind = "malware"
	}
	text := fmt.Sprintf("%s (%s)", a.ID, kind)
	if a.Summary != "" {
		text += ": " + a.Summary
	}
	return text
}

// tally counts vulnerabilities by severity, the gravest first.
func tally(advisories []*py.Advisory) string {
	var count [py.Critical + 1]int
	for _, a := range advisories {
		count[min(a.Severity, py.Critical)]++
	}
	var parts []string
	for s := len(count) - 1; s >= 0; s-- {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], py.Severity(s)))
		}
	}
	return strings.Join(parts, ", ")
}

const noCure = "no release is without"

// others are the versions that one could have instead of the chosen one, the
// nearest first: not yanked, no pre-releases unless it is one, for this Python.
type others struct {
	known        bool // the project is
	newer, older []py.Version
}

func othersOf(plan *pipeline.Plan, p *py.Project, v py.Version) (o others) {
	if p == nil {
		return o
	}
	o.known = true
	for i := range p.Releases { // newest first
		r := &p.Releases[i]
		order := r.Version.Compare(v)
		switch {
		case order == 0, r.Yanked, r.Version.Prerelease() && !v.Prerelease(), !runs(plan, r):
		case order > 0:
			o.newer = append(o.newer, r.Version)
		default:
			o.older = append(o.older, r.Version)
		}
	}
	slices.Reverse(o.newer)
	return o
}

// without says which is the nearest that none of the advisories affects.
func (o others) without(advisories ...*py.Advisory) string {
	affected := func(v py.Version) bool {
		return slices.ContainsFunc(advisories, func(a *py.Advisory) bool { return a.Affects(v) })
	}
	for _, v := range o.newer {
		if !affected(v) {
			return v.String() + " is without"
		}
	}
	for _, v := range o.older {
		if !affected(v) {
			return "no newer release is without, the nearest older one that is is " + v.String()
		}
	}
	if !o.known {
		return noCure + " as far as is known"
	}
	return noCure
}

// runs reports whether a release's Requires-Python admits the environment's;
// what cannot be read excludes nothing, as in the resolver.
func runs(plan *pipeline.Plan, r *py.Release) bool {
	if r.RequiresPython == "" || plan.Problem.Environment == nil {
		return true
	}
	s, err := py.ParseSpecifiers(r.RequiresPython)
	return err != nil || s.Contains(plan.Problem.Environment.Python)
}

// price says why the release that is without an advisory was not chosen.
func price(plan *pipeline.Plan, a *py.Advisory, cure string) string {
	unit, class := "advisory", a.Severity.String()
	if a.Malware {
		unit, class = "malware", ""
	}
	row, weighed := plan.Table.Row(unit, class)
	switch {
	case strings.HasPrefix(cure, noCure):
		return ""
	case !weighed || row.Weight == 0 || plan.Disabled(unit):
		return fmt.Sprintf(", but the type %s does not weigh that", plan.Table.Name)
	case row.Tier < resolver.LastTier:
		return ", which does not go with the rest or has something worse"
	}
	return ", which does not go with the rest or costs more"
}

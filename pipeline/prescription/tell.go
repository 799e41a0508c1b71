package prescription

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

func namesIn(stack []resolver.Choice) []py.Name {
	names := make([]py.Name, len(stack))
	for i, c := range stack {
		names[i] = c.Name
	}
	return names
}

// applies reports whether a unit of a finished stack matches it.
func (u *unit) applies(plan *pipeline.Plan, stack []resolver.Choice) bool {
	return len(u.Match) == 0 || slices.ContainsFunc(u.Match, func(m match) bool { return inStack(plan, stack, m.Resolved) })
}

func strides(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (string, error) {
	units, err := lookUp(ctx, plan, pipeline.Stride, namesIn(stack), stack)
	for i := range units {
		if u := &units[i]; u.Run.Refuse != "" && u.applies(plan, stack) {
			return u.Run.Refuse + " (" + u.Name + ")", nil
		}
	}
	return "", err
}

// wraps tells what wraps say of a finished stack, and what units of the other
// kinds say that had a part in it.
func wraps(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
	var w pipeline.Wrapped
	for _, tell := range []func(context.Context, *pipeline.Plan, []resolver.Choice, *pipeline.Wrapped) error{
		tellWraps, tellStrides, tellSteps, tellSieves,
	} {
		if err := tell(ctx, plan, stack, &w); err != nil {
			return pipeline.Wrapped{}, err
		}
	}
	return w, nil
}

// say adds all that a unit tells.
func (u *unit) say(w *pipeline.Wrapped) {
	w.Notes = append(w.Notes, u.notes()...)
	for _, j := range u.Run.Why {
		w.Notes = append(w.Notes, j.justification(u))
	}
}

func tellWraps(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice, w *pipeline.Wrapped) error {
	units, err := lookUp(ctx, plan, pipeline.Wrap, namesIn(stack), stack)
	for i := range units {
		u := &units[i]
		if u.Run.Notes != nil {
			u.releaseNotes(plan, stack, w)
			continue
		}
		if !u.applies(plan, stack) {
			continue
		}
		u.say(w)
		if u.Run.Change != nil {
			w.Changes = append(w.Changes, pipeline.Change{Unit: u.Name, JSON: u.Run.Change})
		}
	}
	return err
}

// releaseNotes says where the release notes of each matching package are.
func (u *unit) releaseNotes(plan *pipeline.Plan, stack []resolver.Choice, w *pipeline.Wrapped) {
	n := u.Run.Notes
	for _, m := range u.Match {
		if !inStack(plan, stack, m.Resolved) {
			continue
		}
		name := m.Resolved[0].Name
		i := slices.IndexFunc(stack, func(c resolver.Choice) bool { return string(c.Name) == name })
		w.Notes = append(w.Notes, resolver.Justification{
			Package: py.Name(name), Message: "release notes of " + name, Evidence: u.Name,
			Link: "https://github.com/" + n.Organization + "/" + n.Repository + "/releases/tag/" + n.Prefix + stack[i].Version.String(),
		})
	}
}

func tellStrides(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice, w *pipeline.Wrapped) error {
	units, err := lookUp(ctx, plan, pipeline.Stride, namesIn(stack), stack)
	for i := range units {
		if u := &units[i]; u.applies(plan, stack) {
			u.say(w)
		}
	}
	return err
}

// tellSteps tells of steps whose releases are in the stack: a stack is a closure
// with one release of each project.
func tellSteps(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice, w *pipeline.Wrapped) error {
	units, err := lookUp(ctx, plan, pipeline.Step, namesIn(stack), stack)
	if len(units) == 0 {
		return err
	}
	chosen := make([]resolver.Candidates, len(stack))
	for i, c := range stack {
		release := py.Release{Version: c.Version}
		if c.Release != nil {
			release = *c.Release
		}
		chosen[i] = resolver.Candidates{Project: &py.Project{Name: c.Name, Releases: []py.Release{release}}, Direct: c.Direct}
	}
	all := newClosure(plan, chosen)
	for i := range units {
		u := &units[i]
		if slices.ContainsFunc(u.Match, func(m match) bool {
			switch u.Type {
			case typeStepSkip:
				return inStack(plan, stack, m.From)
			case typeStepAdd:
				return inStack(plan, stack, []release{*m.Release})
			}
			return len(all.members(&m)) > 0
		}) {
			u.say(w)
		}
	}
	return nil
}

// tellSieves tells of sieves that dropped releases of what is in the stack, or a
// project that it would have, and of pseudonyms.
func tellSieves(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice, w *pipeline.Wrapped) error {
	names := wanted(plan, stack)
	for _, kind := range []pipeline.Kind{pipeline.Pseudonym, pipeline.Sieve} {
		units, err := lookUp(ctx, plan, kind, names, nil)
		if err != nil {
			return err
		}
		for i := range units {
			u := &units[i]
			if len(u.notes()) == 0 {
				continue
			}
			did, err := u.did(ctx, plan, stack)
			if err != nil {
				return err
			}
			if did {
				u.say(w)
			}
		}
	}
	return nil
}

// did reports whether a sieve or pseudonym had something to do for a stack.
func (u *unit) did(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (bool, error) {
	for _, m := range u.Match {
		if u.Type == typeSieveSkip {
			if required(plan, stack, py.Name(m.Project)) {
				return true, nil
			}
			continue
		}
		names := []py.Name{py.Name(m.Release.Name)}
		switch {
		case m.Release.Name == "":
			names = namesIn(stack)
		case !required(plan, stack, names[0]):
			continue
		}
		projects, err := plan.Facts.Projects(ctx, names)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(projects, func(p *py.Project) bool {
			if p == nil {
				return false
			}
			_, some := m.Release.set(plan, p, true)
			return some
		}) {
			return true, nil
		}
	}
	return false, nil
}

// wanted are the projects of a stack, and those that it or the user name and that
// are not in it.
func wanted(plan *pipeline.Plan, stack []resolver.Choice) []py.Name {
	names := namesIn(stack)
	for _, r := range plan.Problem.Requirements {
		names = append(names, r.Name)
	}
	for _, c := range stack {
		if c.Release != nil && c.Release.Requires != nil {
			for _, line := range c.Release.Requires.Lines {
				names = append(names, lineName(line))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// required reports whether a project is in the stack, or the user or somebody in
// it requires it here, extras aside.
func required(plan *pipeline.Plan, stack []resolver.Choice, name py.Name) bool {
	c := &closure{plan: plan}
	return plan.Direct(name) || slices.ContainsFunc(stack, func(s resolver.Choice) bool {
		return s.Name == name || s.Release != nil && c.requires(s.Release, name)
	})
}

package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Verify checks a report's stack against the knowledge, release by release and
// line by line, without the closure, the tables and the engine that made it: a
// stack that it accepts satisfies every requirement that holds in the
// environment, has only admissible known releases, and nothing that nobody
// requires. It returns the first fault.
func Verify(ctx context.Context, p *Problem, k Knowledge, stack []Choice) error {
	requirements, err := holding(p, p.Requirements)
	if err != nil {
		return err
	}
	constraints, err := holding(p, p.Constraints)
	if err != nil {
		return err
	}
	v := verification{
		ctx:     ctx,
		k:       k,
		problem: p,
		admit:   newAdmission(p, requirements, constraints, noHope),
		chosen:  map[py.Name]*py.Release{},
		extras:  map[py.Name][]py.Name{},
		needed:  map[py.Name]bool{},
		sifted:  map[py.Name]siftedProject{},
	}
	if err := v.releases(stack); err != nil {
		return err
	}
	for _, r := range requirements {
		if err := v.need(r.Requirement, r.Origin); err != nil {
			return err
		}
	}
	// Extras are asked for along the way, so go on until nothing new is.
	for asked := -1; asked != v.asked; {
		asked = v.asked
		for _, c := range stack {
			if err := v.requirements(c); err != nil {
				return err
			}
		}
	}
	for _, c := range stack {
		if !v.needed[c.Name] {
			return fmt.Errorf("nobody requires %s", c.Name)
		}
	}
	for _, r := range constraints {
		if rel := v.chosen[r.Name]; rel != nil && !r.Specifiers.Contains(rel.Version) {
			return fmt.Errorf("%s allows only %s, but %s is chosen", r.Origin, r.Requirement, rel.Version)
		}
	}
	return v.vetoes(stack)
}

// A verification is a stack under test.
type verification struct {
	ctx     context.Context
	k       Knowledge
	problem *Problem
	admit   *admission
	chosen  map[py.Name]*py.Release
	extras  map[py.Name][]py.Name // asked for, by project
	needed  map[py.Name]bool      // reached from the user's requirements
	asked   int                   // grows with extras and needed
	sifted  map[py.Name]siftedProject
}

// releases looks up the chosen releases and judges each.
func (v *verification) releases(stack []Choice) error {
	names := make([]py.Name, len(stack))
	for i, c := range stack {
		names[i] = c.Name
	}
	projects, err := v.k.Projects(v.ctx, names)
	if err != nil {
		return err
	}
	for i, p := range projects {
		if p == nil {
			return fmt.Errorf("%s is not known", names[i])
		}
	}
	if err := v.sift(projects); err != nil {
		return err
	}
	for i, c := range stack {
		n := slices.IndexFunc(projects[i].Releases, func(r py.Release) bool { return r.Version.Compare(c.Version) == 0 })
		if n < 0 {
			return fmt.Errorf("there is no %s", c.Package)
		}
		if v.chosen[c.Name] != nil {
			return fmt.Errorf("%s is chosen twice", c.Name)
		}
		r := &projects[i].Releases[n]
		v.chosen[c.Name] = r
		left, err := v.admit.narrow(v.ctx, v.k, &py.Project{Name: c.Name, Releases: projects[i].Releases[n : n+1]})
		if err != nil {
			return err
		}
		verdict := admitted
		if a, ok := left[0]; ok {
			verdict = v.admit.judgeNarrowed(c.Name, r, a)
		} else {
			verdict = v.admit.judge(c.Name, r, r.Artifacts)
		}
		if verdict != admitted {
			return fmt.Errorf("%s %s", c.Package, verdict)
		}
		if refusal := v.sifted[c.Name].Refused[n]; refusal != "" {
			return fmt.Errorf("%s %s", c.Package, refusal)
		}
		if skip := v.sifted[c.Name].Skip; skip != "" {
			return fmt.Errorf("%s is to be left out: %s", c.Package, skip)
		}
	}
	return nil
}

// need checks one requirement that holds and notes what it asks for.
func (v *verification) need(r py.Requirement, by string) error {
	chosen := v.chosen[r.Name]
	if chosen == nil {
		if fine, err := v.absent(r); fine || err != nil {
			return err
		}
		return fmt.Errorf("%s requires %s, which is not in the stack", by, r)
	}
	if !r.Specifiers.Contains(chosen.Version) {
		return fmt.Errorf("%s requires %s, but %s is chosen", by, r, chosen.Version)
	}
	if !v.needed[r.Name] {
		v.needed[r.Name] = true
		v.asked++
	}
	for _, x := range r.Extras {
		if !slices.Contains(v.extras[r.Name], x) {
			v.extras[r.Name] = append(v.extras[r.Name], x)
			v.asked++
		}
	}
	return nil
}

// requirements checks what one package requires, if it is needed itself.
func (v *verification) requirements(c Choice) error {
	if !v.needed[c.Name] {
		return nil
	}
	all, err := v.edited(c.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Package, err)
	}
	for _, r := range all {
		holds, _ := r.Marker.Evaluate(v.problem.Environment, "")
		for _, x := range v.extras[c.Name] {
			if holds {
				break
			}
			holds, _ = r.Marker.Evaluate(v.problem.Environment, x)
		}
		if holds && r.URL != "" {
			return fmt.Errorf("%s requires %s, which is not known", c.Package, r)
		}
		if holds {
			if err := v.need(r, c.Package.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

package resolver

import (
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A siftedProject is a project with what the problem's pipeline says of it.
type siftedProject struct {
	*py.Project
	Sifted
}

// sift asks the pipeline about projects.
func (v *verification) sift(projects []*py.Project) error {
	if v.problem.Pipeline == nil {
		return nil
	}
	all, err := siftAll(v.ctx, v.problem.Pipeline, projects)
	for i, s := range all {
		v.sifted[projects[i].Name] = siftedProject{projects[i], s}
	}
	return err
}

// absent accepts that a project that is required is not in the stack: it is to
// be left out, or another stands in.
func (v *verification) absent(r py.Requirement) (bool, error) {
	if v.problem.Pipeline == nil {
		return false, nil
	}
	s, ok := v.sifted[r.Name]
	if !ok {
		projects, err := v.k.Projects(v.ctx, []py.Name{r.Name})
		if err != nil || projects[0] == nil {
			return false, err
		}
		if err := v.sift(projects); err != nil {
			return false, err
		}
		s = v.sifted[r.Name]
	}
	for _, in := range s.StandIns {
		by := v.chosen[in.By.Name]
		// Of a stand-in nobody says what an extra is.
		if len(r.Extras) == 0 && by != nil && by.Version.Compare(in.By.Version) == 0 && r.Specifiers.Contains(s.Releases[in.Release].Version) {
			return true, v.need(py.Requirement{Name: in.By.Name}, string(r.Name))
		}
	}
	return s.Skip != "", nil
}

// edited returns the requirement lines of a chosen release after the pipeline's
// edits.
func (v *verification) edited(name py.Name) ([]py.Requirement, error) {
	release := v.chosen[name]
	var all []py.Requirement
	for _, text := range release.Requires.Lines {
		r, err := py.ParseRequirement(text)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	s, ok := v.sifted[name]
	if !ok {
		return all, nil
	}
	i := slices.IndexFunc(s.Releases, func(r py.Release) bool { return r.Version.Compare(release.Version) == 0 })
	var added []py.Requirement
	for _, e := range s.Edits {
		switch {
		case !e.Releases.Has(i):
		case e.Add != nil:
			added = append(added, *e.Add)
		default:
			all = slices.DeleteFunc(all, func(r py.Requirement) bool { return r.Name == e.Drop })
		}
	}
	return append(all, added...), nil
}

// vetoes checks that the pipeline lets the releases meet.
func (v *verification) vetoes(stack []Choice) error {
	if v.problem.Pipeline == nil {
		return nil
	}
	chosen := map[py.Name]int{}
	var candidates []Candidates
	for _, c := range stack {
		s := v.sifted[c.Name]
		i := slices.IndexFunc(s.Releases, func(r py.Release) bool { return r.Version.Compare(c.Version) == 0 })
		chosen[c.Name] = i
		one := Candidates{Project: s.Project, Direct: c.Direct, Usable: NewReleases(len(s.Releases)), Build: NewReleases(len(s.Releases))}
		if one.Usable.Add(i); c.Build {
			one.Build.Add(i)
		}
		candidates = append(candidates, one)
	}
	terms, err := termsOf(v.ctx, v.problem.Pipeline, Pipeline.Terms, candidates)
	if err != nil {
		return err
	}
	for _, t := range terms {
		if t.Veto && !slices.ContainsFunc(t.Members, func(m Member) bool { return !m.Releases.Has(chosen[m.Project]) }) {
			return fmt.Errorf("%s refuses the stack: %s", t.Unit, t.Why.Justify().Message)
		}
	}
	return nil
}

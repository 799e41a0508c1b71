package prescription

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

func boots(ctx context.Context, plan *pipeline.Plan) (pipeline.Booted, error) {
	var direct []py.Name
	for _, r := range plan.Problem.Requirements {
		direct = append(direct, r.Name)
	}
	units, err := lookUp(ctx, plan, pipeline.Boot, direct, nil)
	var b pipeline.Booted
	for i := range units {
		u := &units[i]
		if len(u.Match) > 0 && !slices.ContainsFunc(u.Match, func(m match) bool { return m.Project == "" || slices.Contains(direct, py.Name(m.Project)) }) {
			continue
		}
		b.Notes = append(b.Notes, u.notes()...)
		if u.Run.Refuse != "" && b.Refusal == "" {
			b.Refusal, b.Remedy = u.Run.Refuse, "switch the prescription off with --disable-unit "+u.Name
		}
	}
	return b, err
}

func namesOf(projects []*py.Project) []py.Name {
	names := make([]py.Name, len(projects))
	for i, p := range projects {
		names[i] = p.Name
	}
	return names
}

func pseudonyms(ctx context.Context, plan *pipeline.Plan, projects []*py.Project) ([]resolver.Sifted, error) {
	all := make([]resolver.Sifted, len(projects))
	units, err := lookUp(ctx, plan, pipeline.Pseudonym, namesOf(projects), nil)
	if err != nil {
		return nil, err
	}
	for i := range units {
		u := &units[i]
		y := u.Run.Yield
		known, err := plan.Facts.Projects(ctx, []py.Name{py.Name(y.Name)})
		if err != nil {
			return nil, err
		}
		if by := known[0]; by == nil || !(&release{Index: y.Index}).serves(plan, by.Name) {
			continue
		}
		for n, p := range projects {
			for _, m := range u.Match {
				set, some := m.Release.set(plan, p, true)
				if !some || string(p.Name) == y.Name {
					continue
				}
				for r := range p.Releases {
					if set.Has(r) {
						all[n].StandIns = append(all[n].StandIns, y.standIns(u, r, p.Releases[r].Version, known[0])...)
					}
				}
			}
		}
	}
	return all, nil
}

// standIns are the releases of another project that can stand in for release r.
func (y *yield) standIns(u *unit, r int, v py.Version, by *py.Project) []resolver.StandIn {
	if y.Version != "" {
		locked, err := py.ParseVersion(y.Version)
		if err != nil {
			return nil
		}
		v = locked
	}
	var all []resolver.StandIn
	for _, other := range by.Releases {
		if !y.SameVersion && y.Version == "" || other.Version.Compare(v) == 0 {
			all = append(all, resolver.StandIn{Release: r, By: py.Package{Name: by.Name, Version: other.Version}, Unit: u.Name})
		}
	}
	return all
}

// sieves drops releases and projects, and edits requirements: the steps that
// leave out a package or add one hang on nothing but the release of the parent.
func sieves(ctx context.Context, plan *pipeline.Plan, projects []*py.Project) ([]resolver.Sifted, error) {
	all := make([]resolver.Sifted, len(projects))
	units, err := lookUp(ctx, plan, pipeline.Sieve, namesOf(projects), nil)
	if err != nil {
		return nil, err
	}
	edits, err := lookUp(ctx, plan, pipeline.Step, namesOf(projects), nil)
	if err != nil {
		return nil, err
	}
	for i := range units {
		for n, p := range projects {
			units[i].sift(plan, p, &all[n])
		}
	}
	for i := range edits {
		u := &edits[i]
		if u.Type == typeStepAdd {
			known, err := plan.Facts.Projects(ctx, []py.Name{py.Name(u.Run.Add.Name)})
			if err != nil {
				return nil, err
			}
			if known[0] == nil || !u.Run.Add.serves(plan, known[0].Name) {
				continue // nobody could be given it
			}
		}
		for n, p := range projects {
			all[n].Edits = append(all[n].Edits, u.edits(plan, p)...)
		}
	}
	return all, nil
}

// sift does what a sieve says of one project.
func (u *unit) sift(plan *pipeline.Plan, p *py.Project, out *resolver.Sifted) {
	for i := range u.Match {
		m := &u.Match[i]
		if u.Type == typeSieveSkip {
			if m.Project == string(p.Name) {
				out.Skip = "the prescription " + u.Name + " leaves it out" + u.because()
			}
			continue
		}
		set, some := m.Release.set(plan, p, true)
		if !some {
			continue
		}
		if out.Refused == nil {
			out.Refused = map[int]string{}
		}
		reason := "is dropped by the prescription " + u.Name + u.because()
		for r := range p.Releases {
			if set.Has(r) && out.Refused[r] == "" {
				out.Refused[r] = reason
			}
		}
	}
}

// edits are the changes that a step makes to what a project's releases require.
func (u *unit) edits(plan *pipeline.Plan, p *py.Project) []resolver.Edit {
	var all []resolver.Edit
	for _, m := range u.Match {
		e, some := resolver.Edit{Unit: u.Name}, false
		switch u.Type {
		case typeStepSkip:
			e.Drop = py.Name(m.Release.Name)
			e.Releases, some = m.From[0].set(plan, p, false)
		case typeStepAdd:
			add, err := py.ParseRequirement(u.Run.Add.Name + u.Run.Add.Specs)
			if err != nil {
				continue
			}
			e.Add = &add
			e.Releases, some = m.Release.set(plan, p, false)
		}
		if some {
			e.Reason = "the prescription says so" + u.because()
			all = append(all, e)
		}
	}
	return all
}

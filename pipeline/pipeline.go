package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A Pipeline is the units that a plan has a use for. It is a resolver.Pipeline.
type Pipeline struct {
	plan  *Plan
	units []Unit // included, in the order in which they are asked
}

// Build includes the units that the plan does not switch off and has a use for,
// and those that they come after. A pass adds what it can until one adds
// nothing; then those are left whose After is not included.
func Build(plan *Plan, units []Unit) (*Pipeline, error) {
	if err := Validate(units); err != nil {
		return nil, err
	}
	if err := plan.Table.check(units); err != nil {
		return nil, err
	}
	included := make([]bool, len(units))
	names := map[string]bool{}
	for added := true; added; {
		added = false
		for i := range units {
			u := &units[i]
			if included[i] || plan.Disabled(u.Name) || u.When != nil && !u.When(plan) {
				continue
			}
			if slices.ContainsFunc(u.After, func(name string) bool { return !names[name] }) {
				continue
			}
			included[i], names[u.Name], added = true, true, true
		}
	}
	p := &Pipeline{plan: plan}
	for _, kind := range Kinds() {
		for i := range units {
			if included[i] && units[i].Kind() == kind {
				p.units = append(p.units, units[i])
			}
		}
	}
	return p, nil
}

// Units returns the included units in the order in which they are asked.
func (p *Pipeline) Units() []Unit { return slices.Clone(p.units) }

// guarded calls f, and makes an error that names the unit of its error or panic.
func guarded(u *Unit, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unit %s panicked: %v", u.Name, r)
		}
	}()
	if err := f(); err != nil {
		return fmt.Errorf("unit %s: %w", u.Name, err)
	}
	return nil
}

// Boot asks the boots. It fails with a *RefusedError if one refuses the problem;
// the notes are then those so far.
func (p *Pipeline) Boot(ctx context.Context) ([]resolver.Justification, error) {
	var notes []resolver.Justification
	for i := range p.units {
		u := &p.units[i]
		if u.Boot == nil {
			continue
		}
		var b Booted
		err := guarded(u, func() (err error) { b, err = u.Boot(ctx, p.plan); return err })
		if err != nil {
			return notes, err
		}
		notes = append(notes, b.Notes...)
		if b.Refusal != "" {
			return notes, &RefusedError{u.Name, b.Refusal, b.Remedy}
		}
	}
	return notes, nil
}

// Sift asks the pseudonyms and sieves (resolver.Pipeline).
func (p *Pipeline) Sift(ctx context.Context, projects []*py.Project) ([]resolver.Sifted, error) {
	all := make([]resolver.Sifted, len(projects))
	for i := range p.units {
		u := &p.units[i]
		f := u.Sieve
		if f == nil {
			f = u.Pseudonym
		}
		if f == nil {
			continue
		}
		var one []resolver.Sifted
		err := guarded(u, func() (err error) { one, err = f(ctx, p.plan, projects); return err })
		if err != nil {
			return nil, err
		}
		if len(one) != len(projects) {
			return nil, fmt.Errorf("unit %s answered for %d of %d projects", u.Name, len(one), len(projects))
		}
		for n := range one {
			join(&all[n], &one[n])
		}
	}
	return all, nil
}

// join adds what another unit says of the same project. The first to refuse a
// release gives the reason.
func join(all, one *resolver.Sifted) {
	if len(one.Refused) > 0 && all.Refused == nil {
		all.Refused = map[int]string{}
	}
	for _, i := range slices.Sorted(maps.Keys(one.Refused)) {
		if _, ok := all.Refused[i]; !ok {
			all.Refused[i] = one.Refused[i]
		}
	}
	if all.Skip == "" {
		all.Skip = one.Skip
	}
	all.Edits = append(all.Edits, one.Edits...)
	all.StandIns = append(all.StandIns, one.StandIns...)
}

// Terms asks the steps, and weighs what they say (resolver.Pipeline).
func (p *Pipeline) Terms(ctx context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	return p.ask(ctx, candidates, func(*Unit) bool { return true })
}

// Vetoes asks the steps that may veto (resolver.Pipeline).
func (p *Pipeline) Vetoes(ctx context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	terms, err := p.ask(ctx, candidates, func(u *Unit) bool { return u.Vetoes })
	return slices.DeleteFunc(terms, func(t resolver.Term) bool { return !t.Veto }), err
}

// ask asks some of the steps, and weighs what they say.
func (p *Pipeline) ask(ctx context.Context, candidates []resolver.Candidates, which func(*Unit) bool) ([]resolver.Term, error) {
	direct := map[py.Name]bool{}
	for _, c := range candidates {
		direct[c.Name] = c.Direct
	}
	said := make([][]Term, len(p.units))
	count := 0
	for i := range p.units {
		u := &p.units[i]
		if u.Step == nil || !which(u) {
			continue
		}
		err := guarded(u, func() (err error) { said[i], err = u.Step(ctx, p.plan, candidates); return err })
		if err != nil {
			return nil, err
		}
		count += len(said[i])
	}
	all := make([]resolver.Term, 0, count)
	for i, terms := range said {
		u := &p.units[i]
		rows := p.plan.Table.rows(u.Name)
		for n := range terms {
			t := &terms[n]
			isDirect := len(t.Members) == 1 && direct[t.Members[0].Project]
			if t.Veto && !u.Vetoes {
				return nil, fmt.Errorf("unit %s gives a veto, which it does not say it may", u.Name)
			}
			weighed, counts, err := weigh(u.Name, rows, t, isDirect)
			if err != nil {
				return nil, err
			}
			if counts && !p.plan.Disabled(weighed.Unit) {
				all = append(all, weighed)
			}
		}
	}
	return all, nil
}

// Accept asks the strides (resolver.Pipeline).
func (p *Pipeline) Accept(ctx context.Context, stack []resolver.Choice) (refusal string, err error) {
	for i := range p.units {
		u := &p.units[i]
		if u.Stride == nil {
			continue
		}
		err := guarded(u, func() (err error) { refusal, err = u.Stride(ctx, p.plan, stack); return err })
		if err != nil || refusal != "" {
			return refusal, err
		}
	}
	return "", nil
}

// Scores reports whether a step weighs anything (resolver.Pipeline).
func (p *Pipeline) Scores() bool {
	return slices.ContainsFunc(p.units, func(u Unit) bool {
		return u.Step != nil && slices.ContainsFunc(p.plan.Table.Rows, func(r Row) bool { return r.Unit == u.Name && r.Weight > 0 })
	})
}

// Hindsight reports whether a step looks at what later releases require
// (resolver.Pipeline).
func (p *Pipeline) Hindsight() bool {
	return slices.ContainsFunc(p.units, func(u Unit) bool { return u.Hindsight })
}

// Wrap asks the wraps what is known of a stack. Notes are sorted by package,
// level, message and link, each once.
func (p *Pipeline) Wrap(ctx context.Context, stack []resolver.Choice) (Wrapped, error) {
	var all Wrapped
	for i := range p.units {
		u := &p.units[i]
		if u.Wrap == nil {
			continue
		}
		var one Wrapped
		err := guarded(u, func() (err error) { one, err = u.Wrap(ctx, p.plan, stack); return err })
		if err != nil {
			return Wrapped{}, err
		}
		all.Notes = append(all.Notes, one.Notes...)
		all.Changes = append(all.Changes, one.Changes...)
	}
	slices.SortFunc(all.Notes, resolver.CompareJustifications)
	all.Notes = slices.Compact(all.Notes)
	return all, nil
}

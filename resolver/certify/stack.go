package certify

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A chosen is what a certificate says of one project, looked up.
type chosen struct {
	*Entry
	project *project
	option  int
	asked   []py.Name // extras that somebody asks for
	needed  bool
}

// A walk goes through a stack from the user's requirements, line by line.
type walk struct {
	*model
	chosen map[py.Name]*chosen
	queue  []node
}

// A node is that a project is needed, or an extra of it.
type node struct {
	*chosen
	extra py.Name
}

// stack checks that entries are a stack, and returns it as an assignment with
// what it is worth.
func (m *model) stack(ctx context.Context, entries []Entry) (worth Worth, err error) {
	w := walk{model: m, chosen: map[py.Name]*chosen{}}
	for i := range entries {
		if err := w.enter(&entries[i]); err != nil {
			return worth, err
		}
	}
	for _, l := range m.roots {
		if err := w.need(l, "the user"); err != nil {
			return worth, err
		}
	}
	for head := 0; head < len(w.queue); head++ {
		n := w.queue[head]
		by := nameOf(n.Name, n.extra) + " " + n.label()
		lines, barred := m.requires(n.project.options[n.option], n.extra)
		if barred {
			return worth, fmt.Errorf("nothing is known of what %s requires", by)
		}
		for _, l := range lines {
			if err := w.need(l, by); err != nil {
				return worth, err
			}
		}
	}
	for i := range entries {
		c := w.chosen[entries[i].Name]
		slices.Sort(c.asked)
		switch {
		case !c.needed:
			return worth, fmt.Errorf("nobody requires %s", c.Name)
		case !slices.Equal(c.asked, c.Extras):
			return worth, fmt.Errorf("the extras %v of %s are asked for, not %v", c.asked, c.Name, c.Extras)
		}
	}
	for _, l := range m.constraints {
		if c := w.chosen[l.Name]; c != nil && !m.set(c.project, l).has[c.option] {
			return worth, fmt.Errorf("a constraint allows only %s, but %s is chosen", l.Requirement, c.label())
		}
	}
	if worth, err = w.worth(); err != nil {
		return worth, err
	}
	return worth, w.accept(ctx, entries)
}

// enter looks an entry up.
func (w *walk) enter(e *Entry) error {
	p := w.byName[e.Name]
	if p == nil {
		return fmt.Errorf("nobody requires %s", e.Name)
	}
	i := slices.IndexFunc(p.options, func(o *option) bool { return o.label == e.label() })
	if i < 0 {
		return fmt.Errorf("there is no %s %s", e.Name, e.label())
	}
	if !p.options[i].reached {
		return fmt.Errorf("%s %s may not be chosen, or no requirement admits it", e.Name, e.label())
	}
	w.chosen[e.Name] = &chosen{Entry: e, project: p, option: i}
	return nil
}

// need checks that a line is satisfied, and queues what it asks for.
func (w *walk) need(l *line, by string) error {
	p, c := w.byName[l.Name], w.chosen[l.Name]
	switch {
	case p.skip:
		return nil
	case c == nil:
		return fmt.Errorf("%s requires %s, which is not in the stack", by, l.Requirement)
	case !w.set(p, l).has[c.option]:
		return fmt.Errorf("%s requires %s, but %s is chosen", by, l.Requirement, c.label())
	}
	if !c.needed {
		c.needed = true
		w.queue = append(w.queue, node{c, ""})
	}
	for _, x := range l.Extras {
		if !slices.Contains(c.asked, x) {
			c.asked = append(c.asked, x)
			w.queue = append(w.queue, node{c, x})
		}
	}
	return nil
}

// worth sums up what the pipeline says of the stack.
func (w *walk) worth() (sum Worth, err error) {
	x := make([]int, len(w.vars)) // the stack's value of each project
	for id, v := range w.vars {
		c := w.chosen[v.project.name]
		if c == nil || v.extra != "" {
			continue
		}
		x[id] = c.option + 1
		if !v.start.has(x[id]) {
			return sum, fmt.Errorf("%s %s is excluded", v.name, c.label())
		}
		for l, score := range w.alone[id][x[id]] {
			sum[l] += score
		}
	}
	for i := range w.terms {
		switch t := &w.terms[i]; {
		case !t.holds(x):
		case t.veto:
			return sum, fmt.Errorf("a veto excludes %s and others of the stack together", w.vars[t.members[0].variable].name)
		default:
			sum[t.level] += t.score
		}
	}
	return sum, nil
}

// accept asks the pipeline about the finished stack.
func (w *walk) accept(ctx context.Context, entries []Entry) error {
	if w.Pipeline == nil {
		return nil
	}
	var stack []resolver.Choice
	for i := range entries {
		c := w.chosen[entries[i].Name]
		o := c.project.options[c.option]
		if o.release < 0 {
			continue
		}
		r := &c.project.known.Releases[o.release]
		stack = append(stack, resolver.Choice{
			Package: py.Package{Name: c.Name, Version: r.Version}, Release: r, Extras: c.asked,
			Direct: c.project.direct, Build: w.built(c.Name, r.Artifacts),
		})
	}
	refusal, err := w.Pipeline.Accept(ctx, stack)
	if err == nil && refusal != "" {
		err = fmt.Errorf("the pipeline refuses the stack: %s", refusal)
	}
	return err
}

// score is a worth as a resolver.Score: without the level of pre-releases.
func (w *Worth) score() (s resolver.Score) {
	copy(s[:resolver.LastTier], w[:])
	s[resolver.LastTier] = w[lastLevel]
	return s
}

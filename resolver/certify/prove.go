package certify

import (
	"fmt"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A proving is one stage under test: its names, looked up in a network.
type proving struct {
	*network
	stage   *Stage
	above   int64      // the least sum above the target that a stack can have
	vars    []int      // by variable of the stage: the network's
	classes [][]bitset // by variable of the stage and class: values
	factors []factor   // by factor of the stage
}

// A factor is a table or one of many, and its place among a step's messages.
type factor struct {
	table *table
	many  *many
	place int // one more than its index; 0 if the step has no message to it
}

// maxWords bounds the memory of the boxes that are still to be proved: half a
// gigabyte.
const maxWords = 1 << 26

// prove checks the proof of stage i: that no stack's objective is more than the
// stage's target.
func (c *checking) prove(i int, o *objective) error {
	s := &c.certificate.Stages[i]
	p := &proving{network: c.newNetwork(o), stage: s}
	if err := p.bind(); err != nil {
		return &Fault{stageName(i, s), err.Error()}
	}
	root := p.newBox()
	p.propagate(root, nil)
	if err := p.complete(root); err != nil {
		return &Fault{stageName(i, s), err.Error()}
	}
	p.above = above(s.Target, p.unit(o, root))
	d := decoder{rest: s.Proof, vars: s.Variables, factors: len(s.Factors)}
	for open := []*box{root}; len(open) > 0; {
		if d.steps&31 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		err := d.next()
		if err == nil {
			open, err = p.step(&d.step, open)
		}
		if err == nil && len(open)*len(root.words) > maxWords {
			err = fmt.Errorf("%d branches are open, which is too many", len(open))
		}
		if err != nil {
			return &Fault{fmt.Sprintf("%s, step %d", stageName(i, s), d.steps-1), err.Error()}
		}
	}
	c.finding.Steps += d.steps
	return nil
}

// step does one step on the last of the open boxes.
func (p *proving) step(s *step, open []*box) ([]*box, error) {
	last := len(open) - 1
	b := open[last]
	if s.kind == wcsp.BranchStep {
		in, out := b, b.clone()
		v, values := p.vars[s.variable], newBits(len(p.unary[p.vars[s.variable]]))
		for _, class := range s.values {
			p.classes[s.variable][class].each(values.add)
		}
		in.of(v).keep(values)
		out.of(v).drop(values)
		for _, half := range []*box{in, out} {
			p.propagate(half, []int{v})
		}
		open[last] = out
		return append(open, in), nil
	}
	limit := p.above * wcsp.Scale
	var e *evaluation
	var bound int64
	if !b.empty {
		messages, err := p.messages(s)
		if err != nil {
			return nil, err
		}
		if e, bound, err = p.evaluate(b, messages, s.kind == wcsp.FixStep); err != nil {
			return nil, err
		}
	}
	switch {
	case s.kind == wcsp.FixStep && !b.empty:
		changed, err := e.fix(bound, limit)
		if len(changed) > 0 {
			p.propagate(b, changed)
		}
		return open, err
	case s.kind == wcsp.BoundStep && !b.empty && bound >= limit:
		return nil, fmt.Errorf("the bound of its box is %d/%d, which is not below %d", bound, wcsp.Scale, p.above)
	case s.kind == wcsp.BoundStep:
		open = open[:last]
	}
	return open, nil
}

// messages gives the messages of a step to their factors, by value.
func (p *proving) messages(s *step) ([]received, error) {
	var all []received
	defer func() {
		for i := range s.messages {
			p.factors[s.messages[i].factor].place = 0
		}
	}()
	for i := range s.messages {
		m := &s.messages[i]
		f, v := &p.factors[m.factor], p.vars[m.variable]
		if f.place == 0 {
			all = append(all, received{f.table, f.many, map[int][]int64{}})
			f.place = len(all)
		}
		switch {
		case f.table != nil && v != f.table.a && v != f.table.b:
			return nil, fmt.Errorf("%s is not a variable of factor %d", p.network.vars[v].name, m.factor)
		case f.many != nil && !f.many.has(v):
			continue // all of its values are on one side: the message could only raise the bound
		}
		deltas := make([]int64, len(p.unary[v]))
		for class, values := range p.classes[m.variable] {
			values.each(func(x int) { deltas[x] = m.deltas[class] })
		}
		all[f.place-1].messages[v] = deltas
	}
	return all, nil
}

// bind looks the stage's names up.
func (p *proving) bind() error {
	known := map[string]int{} // of the stage
	for i := range p.stage.Variables {
		v := &p.stage.Variables[i]
		id, ok := p.index[v.Name]
		if _, twice := known[v.Name]; twice || !ok {
			return fmt.Errorf("variable %d: there is no other %q", i, v.Name)
		}
		known[v.Name] = i
		classes, err := p.classesOf(id, v.Classes)
		if err != nil {
			return fmt.Errorf("variable %s: %w", v.Name, err)
		}
		p.vars, p.classes = append(p.vars, id), append(p.classes, classes)
	}
	seen := map[*table]bool{}
	seenMany := map[*many]bool{}
	for i := range p.stage.Factors {
		f, err := p.factor(&p.stage.Factors[i])
		if err != nil {
			return fmt.Errorf("factor %d: %w", i, err)
		}
		if f.table != nil && seen[f.table] || f.many != nil && seenMany[f.many] {
			return fmt.Errorf("factor %d: it occurs twice", i)
		}
		seen[f.table], seenMany[f.many] = true, true
		p.factors = append(p.factors, f)
	}
	return nil
}

// classesOf returns the values of classes. A release that may not be chosen is
// no value, and of no interest.
func (p *proving) classesOf(id int, classes [][]string) ([]bitset, error) {
	options := p.network.vars[id].project.options
	byLabel := make(map[string]int, len(options))
	for i, o := range options {
		byLabel[o.label] = i + 1
	}
	seen := newBits(len(options) + 1)
	all := make([]bitset, len(classes))
	for i, labels := range classes {
		all[i] = newBits(len(options) + 1)
		values := make([]int, 0, len(labels))
		for _, l := range labels {
			x, ok := byLabel[l]
			if !ok {
				return nil, fmt.Errorf("there is no release %q", l)
			}
			values = append(values, x)
		}
		if len(labels) == 0 {
			values = append(values, 0) // absence
		}
		for _, x := range values {
			if seen.has(x) {
				return nil, fmt.Errorf("class %d: what is in it occurs twice", i)
			}
			seen.add(x)
			all[i].add(x)
		}
	}
	return all, nil
}

// complete checks that every value that the box leaves is in a class. A variable
// that is always absent need not be named.
func (p *proving) complete(b *box) error {
	if b.empty {
		return nil
	}
	named := make([]bitset, len(p.network.vars))
	for id, v := range p.network.vars {
		named[id] = newBits(len(v.needs))
		named[id].add(0)
	}
	for i, id := range p.vars {
		named[id].remove(0)
		for _, class := range p.classes[i] {
			class.each(named[id].add)
		}
	}
	for id, v := range p.network.vars {
		if left := b.of(id); !left.within(named[id]) {
			missing := "its absence"
			left.each(func(x int) {
				if x > 0 && !named[id].has(x) {
					missing = v.project.options[x-1].label
				}
			})
			return fmt.Errorf("variable %s: %s is in none of its classes, but can be", v.name, missing)
		}
	}
	return nil
}

// factor looks a factor up.
func (p *proving) factor(f *Factor) (out factor, err error) {
	var of []int
	names := append(append([]string{}, f.Pair...), f.Loop...)
	if f.Presence != "" {
		names = append(names, f.Presence)
	}
	for _, name := range names {
		id, ok := p.index[name]
		if !ok {
			return out, fmt.Errorf("there is no variable %q", name)
		}
		of = append(of, id)
	}
	switch {
	case f.Group != "" && len(of) == 0:
		if out.many = p.groups[f.Group]; out.many == nil {
			err = fmt.Errorf("there is no group %q", f.Group)
		}
	case f.Group != "":
		err = fmt.Errorf("it is of several kinds")
	case len(f.Pair) == 2 && len(of) == 2 && of[0] != of[1]:
		a, b := min(of[0], of[1]), max(of[0], of[1])
		if out.table = p.tableOf[[2]int{a, b}]; out.table == nil { // no value that can be ties them
			out.table = p.newTable(&parts{a: a, b: b})
		}
	case f.Presence != "" && len(of) == 1:
		out.many, err = p.presence(of[0])
	case len(f.Loop) > 1 && len(of) == len(f.Loop):
		out.many, err = p.loop(of[0], of[1:])
	default:
		err = fmt.Errorf("it is not one of the kinds")
	}
	return out, err
}

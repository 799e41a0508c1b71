package certify

import (
	"cmp"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A variable is a project, or an extra of one. Value 0 is its absence, and value
// i+1 the project's option number i.
type variable struct {
	name     string
	project  *project
	extra    py.Name // empty for the project itself
	optional bool
	start    bitset    // values that can be at all
	needs    [][]*need // by value
}

// A need is that another variable is present and at one of some values.
type need struct {
	id     int
	child  int
	values bitset
	tie    bool // of an extra to its project
}

// A model is a world as variables, with what the pipeline says of them.
type model struct {
	*world
	vars  []*variable
	index map[string]int // of variables, by name
	terms []term
	alone [][]Worth // by variable and value: terms of one member
	sizes Worth     // by level: the sum of absolute scores
	needs map[needKey]*need
}

type needKey struct {
	child int
	set   *set // nil ties an extra to the option
	value int  // of its project
}

func nameOf(project, extra py.Name) string {
	if extra == "" {
		return string(project)
	}
	return string(project) + "[" + string(extra) + "]"
}

// newModel makes the variables of a world.
func newModel(w *world) *model {
	m := &model{world: w, index: map[string]int{}, needs: map[needKey]*need{}}
	for _, p := range w.projects {
		if p.skip {
			continue
		}
		for _, x := range append([]py.Name{""}, p.extras...) {
			m.index[nameOf(p.name, x)] = len(m.vars)
			m.vars = append(m.vars, &variable{name: nameOf(p.name, x), project: p, extra: x, optional: true})
		}
	}
	for _, l := range w.roots {
		if !w.byName[l.Name].skip {
			for _, x := range append([]py.Name{""}, l.Extras...) {
				m.vars[m.index[nameOf(l.Name, x)]].optional = false
			}
		}
	}
	for id := range m.vars {
		m.fill(id)
	}
	return m
}

// fill gives a variable its values and what they need.
func (m *model) fill(id int) {
	v := m.vars[id]
	p := v.project
	v.start, v.needs = newBits(len(p.options)+1), make([][]*need, len(p.options)+1)
	if v.optional {
		v.start.add(0)
	}
	shared := map[*list][]*need{}
	for i, o := range p.options {
		if !o.reached || !m.allowed(p, i) {
			continue
		}
		lines, barred := m.requires(o, v.extra)
		if barred {
			m.unknown = append(m.unknown, v.name+"=="+o.label)
			continue
		}
		needs, ok := shared[o.list]
		if !ok {
			needs = m.needed(lines)
			shared[o.list] = needs
		}
		if v.extra != "" {
			needs = append(slices.Clip(needs), m.need(needKey{child: m.index[string(p.name)], value: i + 1}))
		}
		own := func(n *need) bool { return n.child == id }
		if slices.ContainsFunc(needs, func(n *need) bool { return own(n) && !n.values.has(i+1) }) {
			continue // it requires another release of its own project
		}
		if slices.ContainsFunc(needs, own) {
			needs = slices.DeleteFunc(slices.Clone(needs), own)
		}
		v.start.add(i + 1)
		v.needs[i+1] = needs
	}
}

// allowed reports whether the user's lines admit option i of a project.
func (m *model) allowed(p *project, i int) bool {
	for _, lines := range [][]*line{m.roots, m.constraints} {
		for _, l := range lines {
			if l.Name == p.name && !m.set(p, l).has[i] {
				return false
			}
		}
	}
	return true
}

// needed returns what lines need, sorted and each once.
func (m *model) needed(lines []*line) []*need {
	var all []*need
	for _, l := range lines {
		child := m.byName[l.Name]
		if child.skip {
			continue // taken for satisfied
		}
		for _, x := range append([]py.Name{""}, l.Extras...) {
			all = append(all, m.need(needKey{child: m.index[nameOf(l.Name, x)], set: m.set(child, l)}))
		}
	}
	slices.SortFunc(all, func(a, b *need) int { return cmp.Compare(a.id, b.id) })
	return slices.Compact(all)
}

func (m *model) need(k needKey) *need {
	n := m.needs[k]
	if n == nil {
		n = &need{id: len(m.needs), tie: k.set == nil, child: k.child, values: newBits(len(m.vars[k.child].project.options) + 1)}
		m.needs[k] = n
		if k.set == nil {
			n.values.add(k.value)
		} else {
			for i, has := range k.set.has {
				if has {
					n.values.add(i + 1)
				}
			}
		}
	}
	return n
}

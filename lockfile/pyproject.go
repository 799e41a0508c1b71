package lockfile

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A pyproject is a pyproject.toml being read.
type pyproject struct {
	f    *folder
	m    *Manifest
	file string
	doc  *node
	self py.Name // the project's own name, or empty

	extras map[py.Name][]Requirement // as written, for references to the project itself
	groups map[string]*node          // dependency groups by normalised name
	known  map[string]bool           // the names in Manifest.Groups
}

// pyproject reads a pyproject.toml: the standard tables (PEP 621, PEP 735),
// Poetry's, and what [tool.uv] adds to them. Tables of other tools are theirs.
func (f *folder) pyproject(file string, doc *node) (*Manifest, error) {
	p, err := f.newPyproject(file, doc)
	if err != nil {
		return nil, err
	}
	return p.run(p.name, p.static, p.python, p.dependencies, p.optional, p.poetry, p.poetryGroups, p.uvDev, p.dependencyGroups, p.uv)
}

// pyprojectAlone reads what a pyproject.toml says of the project as others
// require it: nothing that is for its developers or for the root of a workspace.
func (f *folder) pyprojectAlone(file string, doc *node) (*Manifest, error) {
	p, err := f.newPyproject(file, doc)
	if err != nil {
		return nil, err
	}
	m, err := p.run(p.name, p.static, p.python, p.dependencies, p.optional, p.poetry, p.uvPlaces)
	if err == nil && m.Name == "" {
		err = refuse(Position{File: file}, "write it into [project]", "the project has no name")
	}
	return m, err
}

func (f *folder) newPyproject(file string, doc *node) (*pyproject, error) {
	p := &pyproject{f: f, m: &Manifest{Kind: Pyproject}, file: file, doc: doc, extras: map[py.Name][]Requirement{}, groups: map[string]*node{}, known: map[string]bool{}}
	for _, path := range [][]string{{"project"}, {"dependency-groups"}, {"tool"}, {"tool", "poetry"}, {"tool", "uv"}} {
		if err := doc.get(path...).table(strings.Join(path, ".")); err != nil {
			return nil, err
		}
	}
	if !hasRequirements(doc) {
		return nil, refuse(Position{File: file}, "write a [project] table with dependencies, or give another manifest",
			"none of [project], [tool.poetry] and [dependency-groups] is there")
	}
	return p, nil
}

// run takes the steps and returns the manifest that they made.
func (p *pyproject) run(steps ...func() error) (*Manifest, error) {
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p.m, nil
}

// hasRequirements reports whether a pyproject.toml is about what a project
// requires; many only configure tools.
func hasRequirements(doc *node) bool {
	return doc.get("project") != nil || doc.get("tool", "poetry") != nil || doc.get("dependency-groups") != nil
}

func (p *pyproject) name() error {
	for _, path := range [][]string{{"project", "name"}, {"tool", "poetry", "name"}} {
		n := p.doc.get(path...)
		s, err := n.str("name")
		if err != nil {
			return err
		}
		if n == nil || p.self != "" {
			continue
		}
		if p.self, err = py.ParseName(s); err != nil {
			return refuse(n.pos, "", "name of the project: %v", err)
		}
		p.m.Name = s
	}
	return nil
}

// static refuses a project whose requirements only its build backend knows.
func (p *pyproject) static() error {
	dynamic := p.doc.get("project", "dynamic")
	names, err := dynamic.strings("dynamic")
	if err != nil {
		return err
	}
	for i, s := range names {
		pos := dynamic.elems[i].pos
		poetryHas := map[string]*node{
			"dependencies":          p.doc.get("tool", "poetry", "dependencies"),
			"optional-dependencies": p.doc.get("tool", "poetry", "extras"),
			"requires-python":       p.doc.get("tool", "poetry", "dependencies", "python"),
		}
		poetry, ours := poetryHas[s]
		if !ours || poetry != nil {
			continue
		}
		hint := "write them into [project], or give thamos a requirements file"
		if s == "requires-python" {
			hint = "write it into [project]"
		}
		if from := p.doc.get("tool", "setuptools", "dynamic", s, "file"); from != nil {
			hint = "give thamos the requirements file from which setuptools takes them, " + oneLine(from.text)
		}
		return refuse(pos, hint, "%s are dynamic: only the project's build backend knows them, and thamos does not run it", s)
	}
	return nil
}

func (p *pyproject) python() error {
	n := p.doc.get("project", "requires-python")
	s, err := n.str("requires-python")
	if err != nil || n == nil {
		return err
	}
	if p.m.RequiresPython, err = py.ParseSpecifiers(s); err != nil {
		return refuse(n.pos, `write such as ">=3.9"`, "requires-python: %v", err)
	}
	p.m.PythonPos = n.pos
	return nil
}

// requirement reads a PEP 508 text.
func (p *pyproject) requirement(n *node) (Requirement, error) {
	s, err := n.str("a requirement")
	if err != nil {
		return Requirement{}, err
	}
	return p.f.requirement(p.file, s, n.pos)
}

// requirements reads a list of PEP 508 texts, with those that cannot be used.
func (p *pyproject) requirements(n *node, what string) ([]Requirement, error) {
	elems, err := n.list(what)
	if err != nil {
		return nil, err
	}
	var rs []Requirement
	for _, e := range elems {
		r, err := p.requirement(e)
		if err := r.keep(err); err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func (p *pyproject) dependencies() error {
	// Extras come first, because dependencies may refer to them.
	optional := p.doc.get("project", "optional-dependencies")
	if err := optional.table("optional-dependencies"); err != nil {
		return err
	}
	if optional != nil {
		for _, k := range optional.keys {
			n := optional.fields[k]
			extra, err := py.ParseName(k)
			if err != nil {
				return refuse(n.key, "", "name of an extra: %v", err)
			}
			if _, twice := p.extras[extra]; twice {
				return refuse(n.key, "", "extra %q is defined twice", extra)
			}
			rs, err := p.requirements(n, k)
			if err != nil {
				return err
			}
			p.m.Extras = append(p.m.Extras, extra)
			p.extras[extra] = rs
		}
	}
	rs, err := p.requirements(p.doc.get("project", "dependencies"), "dependencies")
	if err != nil {
		return err
	}
	return p.add(rs, "", "")
}

func (p *pyproject) optional() error {
	for _, extra := range p.m.Extras {
		if err := p.add(p.extras[extra], "", extra); err != nil {
			return err
		}
	}
	return nil
}

// A reference is a list of requirements that an extra of the project stands
// for, and the markers under which it does, sorted.
type reference struct {
	requirements []Requirement
	conditions   []string
}

// add appends requirements of a group or extra. A reference to the project
// itself, "name[extra]", stands for what that extra requires.
//
// References are followed breadth first. So each extra is met first under its
// shortest conditions, and later ones that only add to them say nothing new.
func (p *pyproject) add(rs []Requirement, group string, extra py.Name) error {
	queue := []reference{{requirements: rs}}
	met := map[py.Name][][]string{} // conditions under which an extra was met
	if extra != "" {
		met[extra] = [][]string{nil}
	}
	for i := 0; i < len(queue); i++ {
		for _, r := range queue[i].requirements {
			conditions := queue[i].conditions
			if p.self == "" || r.Name != p.self || r.err != nil {
				var err error
				if r, err = r.under(conditions); err != nil {
					return err
				}
				r.Group, r.Extra = group, extra
				if err := p.m.require(r); err != nil {
					return err
				}
				continue
			}
			if m := markerText(r.Marker); m != "" && !slices.Contains(conditions, m) {
				conditions = append(slices.Clone(conditions), m)
				slices.Sort(conditions)
			}
			for _, e := range r.Extras {
				again, ok := p.extras[e]
				if !ok {
					r.err = unusable(r.Pos, "", "%s has no extra %q; have %s", p.self, e, list(p.m.Extras))
					r.Group, r.Extra = group, extra
					if err := p.m.require(r); err != nil {
						return err
					}
					break
				}
				weaker := func(c []string) bool {
					return !slices.ContainsFunc(c, func(m string) bool { return !slices.Contains(conditions, m) })
				}
				if slices.ContainsFunc(met[e], weaker) {
					continue
				}
				if len(queue) == maxReferences || len(conditions) > maxDepth {
					return refuse(r.Pos, "", "the extras of %s refer to one another more than %d times, the limit", p.self, maxReferences)
				}
				met[e] = append(met[e], conditions)
				queue = append(queue, reference{again, conditions})
			}
		}
	}
	return nil
}

// maxReferences bounds how many references of a project to its own extras are
// followed for one group or extra.
const maxReferences = 1000

// under returns r with conditions added to its marker.
func (r Requirement) under(conditions []string) (Requirement, error) {
	if len(conditions) == 0 {
		return r, nil
	}
	text := markerText(r.Marker)
	for _, c := range conditions {
		text = and(c, text)
	}
	var err error
	if r.Marker, err = py.ParseMarker(text); err != nil {
		return r, refuse(r.Pos, "", "marker: %v", err)
	}
	return r, nil
}

func markerText(m py.Marker) string {
	if m.IsZero() {
		return ""
	}
	return m.String()
}

// dependencyGroups reads PEP 735's table.
func (p *pyproject) dependencyGroups() error {
	all := p.doc.get("dependency-groups")
	if all == nil {
		return nil
	}
	for _, k := range all.keys {
		n := all.fields[k]
		name, err := py.ParseName(k)
		if err != nil {
			return refuse(n.key, "", "name of a group: %v", err)
		}
		if other, twice := p.groups[string(name)]; twice {
			return refuse(n.key, "", "group %q is defined twice, first at %v", name, other.key)
		}
		p.groups[string(name)] = n
	}
	for _, k := range all.keys {
		name := string(py.NormalizeName(k))
		p.addGroup(name)
		rs, err := p.group(name, nil, map[string]bool{})
		broken := Requirement{Group: name}
		if err := broken.keep(err); err != nil {
			return err
		}
		if broken.err != nil {
			rs = []Requirement{broken}
		}
		if err := p.add(rs, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// addGroup notes that a group is defined, here or in another table too.
func (p *pyproject) addGroup(name string) {
	if !p.known[name] {
		p.known[name] = true
		p.m.Groups = append(p.m.Groups, name)
	}
}

// group returns the requirements of a dependency group and those it includes,
// with those that cannot be used; within are the groups that include it, done
// those whose requirements are returned already.
func (p *pyproject) group(name string, within []string, done map[string]bool) ([]Requirement, error) {
	done[name] = true
	within = append(within, name)
	elems, err := p.groups[name].list("group " + name)
	if err != nil {
		return nil, err
	}
	var rs []Requirement
	for _, e := range elems {
		if e.kind != table {
			r, err := p.requirement(e)
			if err := r.keep(err); err != nil {
				return nil, err
			}
			rs = append(rs, r)
			continue
		}
		include := e.get("include-group")
		if include == nil || len(e.keys) != 1 {
			return nil, unusable(e.pos, `write a requirement or {include-group = "name"}`, "not an element of a dependency group")
		}
		s, err := include.str("include-group")
		if err != nil {
			return nil, err
		}
		other := string(py.NormalizeName(s))
		switch {
		case p.groups[other] == nil:
			return nil, unusable(include.pos, "", "no dependency group %q; have %s", s, list(p.doc.get("dependency-groups").keys))
		case slices.Contains(within, other):
			chain := append(slices.Clone(within[slices.Index(within, other):]), other)
			return nil, unusable(include.pos, "take one of them out", "dependency groups include each other: %s", strings.Join(chain, " -> "))
		case done[other]:
			continue
		case len(within) == maxIncludeDepth:
			return nil, refuse(include.pos, "", "dependency groups nest deeper than %d, the limit", maxIncludeDepth)
		}
		more, err := p.group(other, within, done)
		if err != nil {
			return nil, err
		}
		rs = append(rs, more...)
	}
	return rs, nil
}

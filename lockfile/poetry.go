package lockfile

import (
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// poetry reads Poetry's tables. Where [project] has dependencies, Poetry's only
// add to them: the source to take one from, and a narrower version.
func (p *pyproject) poetry() error {
	poetry := p.doc.get("tool", "poetry")
	if poetry == nil {
		return nil
	}
	if err := p.poetrySources(poetry.get("source")); err != nil {
		return err
	}
	rs, err := p.poetryTable(poetry.get("dependencies"), "")
	if err != nil {
		return err
	}
	if err := p.poetryMain(rs); err != nil {
		return err
	}
	return p.poetryExtras(poetry.get("extras"), rs)
}

// A poetryRequirement is a requirement that extras may have to ask for.
type poetryRequirement struct {
	Requirement
	optional bool
}

// poetryMain adds the project's own requirements, or to those of [project].
func (p *pyproject) poetryMain(rs []poetryRequirement) error {
	standard := p.m.Requirements
	for _, r := range rs {
		of := -1 // the last requirement of [project] that r is about
		for i := range standard {
			if p.m.Requirements[i].Name != r.Name {
				continue
			}
			of = i
			if r.Index != "" {
				p.m.Requirements[i].Index = r.Index
			}
			switch {
			case r.err != nil:
				r.Extra = p.m.Requirements[i].Extra
				if err := p.m.require(r.Requirement); err != nil {
					return err
				}
			case r.Direct != nil:
				p.m.Requirements[i].Direct = r.Direct
			}
		}
		switch {
		case of >= 0:
			if r.err == nil && (!r.Specifiers.Empty() || !r.Marker.IsZero()) {
				r.Extra = p.m.Requirements[of].Extra
				if err := p.m.require(r.Requirement); err != nil {
					return err
				}
			}
		case p.doc.get("project", "dependencies") != nil:
			return refuse(r.Pos, "write it into dependencies of [project]", "%s is in [tool.poetry.dependencies] but not in [project]", r.Name)
		case !r.optional:
			if err := p.m.require(r.Requirement); err != nil {
				return err
			}
		}
	}
	return nil
}

// poetryExtras reads [tool.poetry.extras], lists of names of optional requirements.
func (p *pyproject) poetryExtras(extras *node, rs []poetryRequirement) error {
	if extras == nil || p.doc.get("project", "optional-dependencies") != nil {
		return nil
	}
	if err := extras.table("extras"); err != nil {
		return err
	}
	for _, k := range extras.keys {
		n := extras.fields[k]
		extra, err := py.ParseName(k)
		if err != nil {
			return refuse(n.key, "", "name of an extra: %v", err)
		}
		if _, twice := p.extras[extra]; twice {
			return refuse(n.key, "", "extra %q is defined twice", extra)
		}
		p.m.Extras = append(p.m.Extras, extra)
		p.extras[extra] = nil
		names, err := n.strings(k)
		if err != nil {
			return err
		}
		for i, s := range names {
			name, found := py.NormalizeName(s), false
			for _, r := range rs {
				if r.Name != name {
					continue
				}
				found = true
				if r.optional { // the others are there without the extra
					r.Extra = extra
					if err := p.m.require(r.Requirement); err != nil {
						return err
					}
					p.extras[extra] = append(p.extras[extra], r.Requirement)
				}
			}
			if !found {
				return refuse(n.elems[i].pos, "add it there with optional = true", "extra %q: %q is not in [tool.poetry.dependencies]", k, s)
			}
		}
	}
	return nil
}

// poetryGroups reads [tool.poetry.group.X] and the older [tool.poetry.dev-dependencies].
func (p *pyproject) poetryGroups() error {
	poetry := p.doc.get("tool", "poetry")
	if poetry == nil {
		return nil
	}
	add := func(n *node, name string) error {
		rs, err := p.poetryTable(n, name)
		if err != nil {
			return err
		}
		p.addGroup(name)
		for _, r := range rs {
			if err := p.m.require(r.Requirement); err != nil {
				return err
			}
		}
		return nil
	}
	if n := poetry.get("dev-dependencies"); n != nil {
		if err := add(n, "dev"); err != nil {
			return err
		}
	}
	groups := poetry.get("group")
	if groups == nil {
		return nil
	}
	if err := groups.table("tool.poetry.group"); err != nil {
		return err
	}
	for _, k := range groups.keys {
		n := groups.fields[k]
		name, err := py.ParseName(k)
		if err != nil {
			return refuse(n.key, "", "name of a group: %v", err)
		}
		if err := n.table("group " + k); err != nil {
			return err
		}
		if include := n.get("include-groups"); include != nil {
			p.addGroup(string(name))
			r := Requirement{Group: string(name)}
			r.err = unusable(include.key, "use [dependency-groups] with {include-group = …}, which Poetry reads too", "include-groups of Poetry is not supported yet")
			if err := p.m.require(r); err != nil {
				return err
			}
		}
		if err := add(n.get("dependencies"), string(name)); err != nil {
			return err
		}
	}
	return nil
}

// poetryTable reads a table of requirements.
func (p *pyproject) poetryTable(t *node, group string) ([]poetryRequirement, error) {
	if t == nil {
		return nil, nil
	}
	if err := t.table("dependencies"); err != nil {
		return nil, err
	}
	var rs []poetryRequirement
	for _, k := range t.keys {
		n := t.fields[k]
		if k == "python" && group == "" {
			if err := p.poetryPython(n); err != nil {
				return nil, err
			}
			continue
		}
		name, nameErr := py.ParseName(k)
		if nameErr != nil && group == "" {
			return nil, refuse(n.key, "", "%v", nameErr)
		}
		entries := []*node{n}
		if n.kind == array { // one for each environment
			entries = n.elems
		}
		for _, e := range entries {
			r, err := p.poetryRequirement(name, e)
			if nameErr != nil {
				err = unusable(n.key, "", "%v", nameErr)
			}
			if err := r.keep(err); err != nil {
				return nil, err
			}
			r.Group = group
			r.Text = k
			if e.text != "" {
				r.Text = RedactURL(k + " = " + oneLine(e.text))
			}
			rs = append(rs, r)
		}
	}
	return rs, nil
}

// poetryRequirement reads one requirement: a version, or a table.
func (p *pyproject) poetryRequirement(name py.Name, n *node) (r poetryRequirement, err error) {
	r.Name, r.Pos = name, n.key
	if n.kind != table {
		version, err := n.str("version of " + string(name))
		if err != nil {
			return r, err
		}
		r.Specifiers, err = poetryVersion(version, n.pos)
		return r, err
	}
	// It comes first because what is optional and cannot be used is no error yet.
	if r.optional, err = n.get("optional").boolean("optional"); err != nil {
		return r, err
	}
	for _, k := range []string{"git", "branch", "tag", "rev", "subdirectory"} {
		if off := n.get(k); off != nil {
			return r, unusable(off.key, vcsHint, "%s comes from %s, and only building it would tell what it requires", name, k)
		}
	}
	if err := p.poetryDirect(&r.Requirement, n); err != nil {
		return r, err
	}
	if err := n.known(string(name), "version", "path", "file", "url", "python", "platform", "markers", "optional", "extras",
		"allow-prereleases", "allows-prereleases", "source", "develop"); err != nil {
		return r, err
	}
	if v := n.get("version"); v != nil {
		version, err := v.str("version")
		if err != nil {
			return r, err
		}
		if r.Specifiers, err = poetryVersion(version, v.pos); err != nil {
			return r, err
		}
	}
	extras, err := n.get("extras").strings("extras")
	if err != nil {
		return r, err
	}
	if r.Extras, err = parseExtras(extras); err != nil {
		return r, unusable(n.get("extras").pos, "", "extras of %s: %v", name, err)
	}
	for _, k := range []string{"allow-prereleases", "allows-prereleases"} {
		yes, err := n.get(k).boolean(k)
		if err != nil {
			return r, err
		}
		if yes {
			p.m.PrereleasesFor = append(p.m.PrereleasesFor, name)
		}
	}
	if r.Index, err = n.get("source").str("source"); err != nil {
		return r, err
	}
	if r.Index != "" {
		if err := p.m.checkIndex(r.Index, n.get("source").pos, "define it as a [[tool.poetry.source]]"); err != nil {
			return r, err
		}
	}
	r.Marker, err = poetryMarker(n)
	return r, err
}

// poetryDirect reads path, file or url of a requirement's table.
func (p *pyproject) poetryDirect(r *Requirement, n *node) error {
	develop, err := n.get("develop").boolean("develop")
	if err != nil {
		return err
	}
	for _, k := range []string{"path", "file", "url"} {
		from := n.get(k)
		switch {
		case from == nil:
			continue
		case r.Direct != nil:
			return unusable(from.key, "keep one of them", "%s names two places", r.Name)
		}
		if r.Direct, err = p.f.key(r, p.file, from, develop); err != nil {
			return err
		}
	}
	return nil
}

// poetryMarker joins markers, python and platform of a requirement's table.
func poetryMarker(n *node) (py.Marker, error) {
	markers, err := n.get("markers").str("markers")
	if err != nil {
		return py.Marker{}, err
	}
	if markers != "" {
		// It is parsed alone too because "a) or (b" must not pass.
		if _, err := py.ParseMarker(markers); err != nil {
			return py.Marker{}, unusable(n.get("markers").pos, "", "markers: %v", err)
		}
	}
	if python := n.get("python"); python != nil {
		s, err := python.str("python")
		if err != nil {
			return py.Marker{}, err
		}
		alternatives, err := parsePoetry(s, python.pos)
		if err != nil {
			return py.Marker{}, err
		}
		markers = and(markers, pythonMarker(alternatives))
	}
	if platform := n.get("platform"); platform != nil {
		s, err := platform.str("platform")
		if err != nil {
			return py.Marker{}, err
		}
		op, value := "==", strings.TrimSpace(s)
		if strings.HasPrefix(value, "!=") || strings.HasPrefix(value, "==") {
			op, value = value[:2], strings.TrimSpace(value[2:])
		}
		if value == "" || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return py.Marker{}, unusable(platform.pos, "use markers instead", "platform %q is not supported", s)
		}
		markers = and(markers, "sys_platform "+op+" '"+value+"'")
	}
	if markers == "" {
		return py.Marker{}, nil
	}
	m, err := py.ParseMarker(markers)
	if err != nil {
		return m, unusable(n.key, "", "markers: %v", err)
	}
	return m, nil
}

// poetryPython reads the python key of the project's requirements.
func (p *pyproject) poetryPython(n *node) error {
	// Poetry allows {version = "…"} here too.
	if n.kind == table {
		if err := n.known("python", "version"); err != nil {
			return err
		}
		if n = n.get("version"); n == nil {
			return nil
		}
	}
	s, err := n.str("python")
	if err != nil {
		return err
	}
	alternatives, err := parsePoetry(s, n.pos)
	if err != nil {
		return err
	}
	specs, err := pythonSpecifiers(alternatives, n.pos)
	if err != nil {
		return err
	}
	p.m.RequiresPython = p.m.RequiresPython.And(specs)
	p.m.PythonPos = n.pos
	return nil
}

// poetrySources reads [[tool.poetry.source]]. Primary ones (and the older
// default) take the place of the default index.
func (p *pyproject) poetrySources(sources *node) error {
	elems, err := sources.list("tool.poetry.source")
	if err != nil {
		return err
	}
	var rest []Source
	for _, n := range elems {
		if err := n.table("a source"); err != nil {
			return err
		}
		if err := n.known("[[tool.poetry.source]]", "name", "url", "priority", "links", "indexed", "default", "secondary"); err != nil {
			return err
		}
		s := Source{VerifySSL: true, Extra: true, Pos: n.pos}
		if s.Name, err = n.get("name").str("name"); err != nil {
			return err
		}
		if s.Name == "" {
			return refuse(n.pos, "", "[[tool.poetry.source]] has no name")
		}
		if s.URL, err = n.get("url").str("url"); err != nil {
			return err
		}
		if s.URL == "" && !strings.EqualFold(s.Name, "pypi") {
			return refuse(n.pos, "", "source %q has no url", s.Name)
		}
		priority, err := n.get("priority").str("priority")
		if err != nil {
			return err
		}
		secondary, err := n.get("secondary").boolean("secondary")
		if err != nil {
			return err
		}
		if priority == "" && !secondary {
			priority = "primary"
		}
		switch strings.ToLower(priority) {
		case "primary", "default":
			s.Extra = len(p.m.Sources) > 0
			if err := p.m.addSource(s); err != nil {
				return err
			}
			continue
		case "explicit":
			s.Explicit = true
		case "", "supplemental", "secondary":
		default:
			return refuse(n.get("priority").pos, "known are primary, supplemental, explicit", "unknown priority %q", priority)
		}
		rest = append(rest, s)
	}
	for _, s := range rest {
		if err := p.m.addSource(s); err != nil {
			return err
		}
	}
	return nil
}

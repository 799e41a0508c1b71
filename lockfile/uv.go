package lockfile

import (
	"github.com/thamos/thamos/kb/py"
)

// uvDev reads tool.uv.dev-dependencies, which uv adds to the group dev.
func (p *pyproject) uvDev() error {
	n := p.doc.get("tool", "uv", "dev-dependencies")
	rs, err := p.requirements(n, "dev-dependencies")
	if err != nil || n == nil {
		return err
	}
	p.addGroup("dev")
	return p.add(rs, "dev", "")
}

// uv reads what [tool.uv] says about where releases come from and which ones
// may be chosen. What it says about uv itself, its workspace and builds is no
// business of ours; dependency-metadata only says what the metadata of a
// release says.
func (p *pyproject) uv() error {
	uv := p.doc.get("tool", "uv")
	if uv == nil {
		return nil
	}
	for _, k := range []string{"override-dependencies", "exclude-dependencies"} {
		elems, err := uv.get(k).list(k)
		if err != nil {
			return err
		}
		if len(elems) > 0 {
			return refuse(uv.get(k).key, "take it out of [tool.uv]; constraint-dependencies are supported", "tool.uv.%s is not supported", k)
		}
	}
	var err error
	if p.m.Constraints, err = p.requirements(uv.get("constraint-dependencies"), "constraint-dependencies"); err != nil {
		return err
	}
	for _, r := range p.m.Constraints {
		if r.err != nil {
			return r.err
		}
	}
	if err := notDirect(p.m.Constraints...); err != nil {
		return err
	}
	steps := []func(*node) error{p.uvPolicy, p.uvFindLinks, p.uvIndexes, p.uvSources}
	for _, step := range steps {
		if err := step(uv); err != nil {
			return err
		}
	}
	return nil
}

// uvPlaces reads only where releases come from.
func (p *pyproject) uvPlaces() error {
	uv := p.doc.get("tool", "uv")
	if uv == nil {
		return nil
	}
	if err := p.uvIndexes(uv); err != nil {
		return err
	}
	return p.uvSources(uv)
}

func (p *pyproject) uvFindLinks(uv *node) error {
	links := uv.get("find-links")
	places, err := links.strings("find-links")
	if err != nil {
		return err
	}
	for i, place := range places {
		if err := p.m.addFindLinks(p.f, p.file, place, links.elems[i].pos); err != nil {
			return err
		}
	}
	return nil
}

// uvPolicy reads which releases and files may be chosen.
func (p *pyproject) uvPolicy(uv *node) error {
	prerelease, err := uv.get("prerelease").str("prerelease")
	if err != nil {
		return err
	}
	p.m.Prereleases = p.m.Prereleases || prerelease == "allow"
	if n := uv.get("exclude-newer"); n != nil {
		if p.m.ExcludeNewer, err = n.str("exclude-newer"); err != nil {
			return err
		}
		p.m.ExcludeNewerPos = n.pos
	}
	for _, f := range []struct {
		all, some string
		to        *Formats
	}{
		{"no-build", "no-build-package", &p.m.NoBuild},
		{"no-binary", "no-binary-package", &p.m.NoBinary},
	} {
		if f.to.All, err = uv.get(f.all).boolean(f.all); err != nil {
			return err
		}
		names := uv.get(f.some)
		written, err := names.strings(f.some)
		if err != nil {
			return err
		}
		for i, s := range written {
			name, err := py.ParseName(s)
			if err != nil {
				return refuse(names.elems[i].pos, "", "%s: %v", f.some, err)
			}
			f.to.Names = append(f.to.Names, name)
		}
	}
	return nil
}

// uvIndexes reads [[tool.uv.index]] and the older index-url and extra-index-url.
func (p *pyproject) uvIndexes(uv *node) error {
	elems, err := uv.get("index").list("tool.uv.index")
	if err != nil {
		return err
	}
	var rest []Source
	for _, n := range elems {
		if err := n.table("an index"); err != nil {
			return err
		}
		s := Source{VerifySSL: true, Extra: true, Pos: n.pos}
		if s.Name, err = n.get("name").str("name"); err != nil {
			return err
		}
		if s.URL, err = n.get("url").str("url"); err != nil {
			return err
		}
		if s.URL == "" {
			return refuse(n.pos, "", "[[tool.uv.index]] has no url")
		}
		format, err := n.get("format").str("format")
		if err != nil {
			return err
		}
		if format == "flat" {
			return refuse(n.get("format").pos, "take the index out", `an index of format "flat" is not supported yet`)
		}
		if s.Explicit, err = n.get("explicit").boolean("explicit"); err != nil {
			return err
		}
		first, err := n.get("default").boolean("default")
		if err != nil {
			return err
		}
		if !first {
			rest = append(rest, s)
			continue
		}
		s.Extra = false
		if err := p.addDefault(s); err != nil {
			return err
		}
	}
	if n := uv.get("index-url"); n != nil {
		url, err := n.str("index-url")
		if err != nil {
			return err
		}
		if err := p.addDefault(Source{URL: url, VerifySSL: true, Pos: n.pos}); err != nil {
			return err
		}
	}
	extra := uv.get("extra-index-url")
	urls, err := extra.strings("extra-index-url")
	if err != nil {
		return err
	}
	for i, url := range urls {
		rest = append(rest, Source{URL: url, VerifySSL: true, Extra: true, Pos: extra.elems[i].pos})
	}
	for _, s := range rest {
		if err := p.m.addSource(s); err != nil {
			return err
		}
	}
	return nil
}

// addDefault adds the default index, of which there can be one only.
func (p *pyproject) addDefault(s Source) error {
	for _, other := range p.m.Sources {
		if !other.Extra {
			return refuse(s.Pos, "keep one of them", "there is a default index already, at %v", other.Pos)
		}
	}
	rest := p.m.Sources
	p.m.Sources = nil
	for _, s := range append([]Source{s}, rest...) {
		if err := p.m.addSource(s); err != nil {
			return err
		}
	}
	return nil
}

// uvSources applies tool.uv.sources, which says for a project by which index,
// or otherwise, its requirements are met.
func (p *pyproject) uvSources(uv *node) error {
	sources := uv.get("sources")
	if sources == nil {
		return nil
	}
	if err := sources.table("tool.uv.sources"); err != nil {
		return err
	}
	byName := map[py.Name]*node{}
	for _, k := range sources.keys {
		byName[py.NormalizeName(k)] = sources.fields[k]
	}
	var pinned []Requirement
	for i := range p.m.Requirements {
		r := &p.m.Requirements[i]
		n := byName[r.Name]
		if n == nil {
			continue
		}
		entries := []*node{n}
		if n.kind == array {
			entries = n.elems
		}
		for _, e := range entries {
			more, err := p.uvSource(r, e)
			if err := r.keep(err); err != nil {
				return err
			}
			if pinned = append(pinned, more...); len(pinned) > maxRequirements {
				break // too many by themselves already
			}
		}
	}
	all := append(p.m.Requirements, pinned...)
	p.m.Requirements = nil
	for _, r := range all { // again, because by now some cannot be used
		if err := p.m.require(r); err != nil {
			return err
		}
	}
	return nil
}

// uvSource applies one entry of tool.uv.sources to r. If the entry has a marker,
// it returns a requirement more that comes from the index where that holds: r
// itself holds everywhere, from any index.
func (p *pyproject) uvSource(r *Requirement, e *node) ([]Requirement, error) {
	if err := e.table("a source of " + string(r.Name)); err != nil {
		return nil, err
	}
	extra, err := e.get("extra").str("extra")
	if err != nil {
		return nil, err
	}
	group, err := e.get("group").str("group")
	if err != nil {
		return nil, err
	}
	if extra != "" && py.NormalizeName(extra) != r.Extra || group != "" && string(py.NormalizeName(group)) != r.Group {
		return nil, nil
	}
	if err := p.uvBuilt(r, e); err != nil {
		return nil, err
	}
	from := *r
	if err := p.uvPlace(&from, e); err != nil {
		return nil, err
	}
	marker, err := e.get("marker").str("marker")
	if err != nil {
		return nil, err
	}
	if marker == "" {
		r.Index, r.Direct = from.Index, from.Direct
		return nil, nil
	}
	if _, err := py.ParseMarker(marker); err != nil {
		return nil, refuse(e.get("marker").pos, "", "marker: %v", err)
	}
	only := from
	if only.Marker, err = py.ParseMarker(and(markerText(r.Marker), marker)); err != nil {
		return nil, refuse(e.get("marker").pos, "", "marker: %v", err)
	}
	return []Requirement{only}, nil
}

// uvBuilt refuses what would have to be built, and members of a workspace.
func (p *pyproject) uvBuilt(r *Requirement, e *node) error {
	if off := e.get("git"); off != nil {
		return unusable(off.key, vcsHint, "%s, required at %v, comes from git, and only building it would tell what it requires", r.Name, r.Pos)
	}
	if off := e.get("workspace"); off != nil && off.value != false {
		return unusable(off.key, `write {path = "…", editable = true} with the member's directory`,
			"%s, required at %v, comes from workspace, and thamos does not look for its members", r.Name, r.Pos)
	}
	return nil
}

// uvPlace reads the index, path or URL of an entry into r.
func (p *pyproject) uvPlace(r *Requirement, e *node) error {
	err := e.known("tool.uv.sources", "index", "path", "url", "editable", "workspace", "marker", "extra", "group")
	if err != nil {
		return err
	}
	if r.Index, err = e.get("index").str("index"); err != nil {
		return err
	}
	editable, err := e.get("editable").boolean("editable")
	if err != nil {
		return err
	}
	var places []*node
	for _, k := range []string{"index", "path", "url"} {
		if n := e.get(k); n != nil {
			places = append(places, n)
		}
	}
	switch {
	case len(places) == 0 || e.get("index") != nil && r.Index == "":
		return unusable(e.pos, "", "a source of %s names no index, path or url", r.Name)
	case len(places) > 1:
		return unusable(places[1].key, "keep one of them", "a source of %s names two places", r.Name)
	case r.Index != "":
		if editable {
			return unusable(e.get("editable").key, "take it out", "%s is editable but has no path", r.Name)
		}
		r.Direct = nil
		return p.m.checkIndex(r.Index, places[0].pos, "define it as a [[tool.uv.index]]")
	}
	r.Direct, err = p.f.key(r, p.file, places[0], editable)
	return err
}

package lockfile

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// pipfileMarkers are the environment markers that a package table of a Pipfile
// may have as keys of their own: sys_platform = "== 'linux'".
var pipfileMarkers = []string{
	"os_name", "sys_platform", "platform_machine", "platform_python_implementation",
	"platform_release", "platform_system", "platform_version", "python_version",
	"python_full_version", "implementation_name", "implementation_version",
}

// pipfileBuilt are the keys of packages that would have to be built first.
var pipfileBuilt = []string{"git", "hg", "svn", "bzr", "ref", "subdirectory"}

// pipfileReserved are the top-level keys that are no category of packages.
var pipfileReserved = []string{"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "thoth"}

// pipfile reads a Pipfile as Pipenv does: every table that is not one of
// Pipenv's own is a category of packages.
func (f *folder) pipfile(file string, doc *node) (*Manifest, error) {
	m := &Manifest{Kind: Pipfile, document: doc}
	if err := m.pipfileSources(doc.get("source")); err != nil {
		return nil, err
	}
	if err := m.pipfileSettings(doc); err != nil {
		return nil, err
	}
	for _, k := range doc.keys {
		section := doc.fields[k]
		switch {
		case k == "default" || k == "develop":
			return nil, refuse(section.key, "call it packages or dev-packages", "[%s] is a section of Pipfile.lock", k)
		case section.kind != table && k != "source":
			return nil, refuse(section.key, "", "%q must be a section, [%s]", k, k)
		}
		group := k
		switch k {
		case "packages":
			group = ""
		case "dev-packages":
			group = "dev"
		default:
			if slices.Contains(pipfileReserved, k) {
				continue
			}
		}
		if group != "" {
			if group == "dev" && slices.Contains(m.Groups, group) {
				return nil, refuse(section.key, "give the category another name", "category %q is [dev-packages]", group)
			}
			m.Groups = append(m.Groups, group)
		}
		for _, name := range section.keys {
			r, err := m.pipfilePackage(f, file, name, section.fields[name])
			if err := r.keep(err); err != nil {
				return nil, err
			}
			r.Group = group
			if err := m.require(r); err != nil {
				return nil, err
			}
		}
	}
	if len(m.Sources) > 0 {
		m.PipfileHash = pipfileHash(doc, nil)
	}
	return m, nil
}

func (m *Manifest) pipfileSources(sources *node) error {
	elems, err := sources.list("source")
	if err != nil {
		return err
	}
	for _, n := range elems {
		if err := n.table("a source"); err != nil {
			return err
		}
		if err := n.known("[[source]]", "name", "url", "verify_ssl", "warehouse"); err != nil {
			return err
		}
		s := Source{VerifySSL: true, Extra: len(m.Sources) > 0, Pos: n.pos}
		for _, f := range []struct {
			key string
			to  *string
		}{{"name", &s.Name}, {"url", &s.URL}} {
			if *f.to, err = n.get(f.key).str(f.key); err != nil {
				return err
			}
			if *f.to == "" {
				return refuse(n.pos, "", "[[source]] has no %s", f.key)
			}
		}
		if v := n.get("verify_ssl"); v != nil {
			if s.VerifySSL, err = v.boolean("verify_ssl"); err != nil {
				return err
			}
		}
		if err := m.addSource(s); err != nil {
			return err
		}
	}
	return nil
}

// pipfileSettings reads [requires], [pipenv] and [thoth].
func (m *Manifest) pipfileSettings(doc *node) error {
	if requires := doc.get("requires"); requires != nil {
		if err := m.pipfilePython(requires); err != nil {
			return err
		}
	}
	var err error
	// Pipenv's other settings say how it works and not what is wanted.
	if m.Prereleases, err = doc.get("pipenv", "allow_prereleases").boolean("allow_prereleases"); err != nil {
		return err
	}
	thoth := doc.get("thoth")
	if thoth == nil {
		return nil
	}
	if err := thoth.table("thoth"); err != nil {
		return err
	}
	if err := thoth.known("[thoth]", "allow_prereleases", "disable_index_adjustment"); err != nil {
		return err
	}
	// thamos never moves a package to another index, so there is nothing to disable.
	if _, err := thoth.get("disable_index_adjustment").boolean("disable_index_adjustment"); err != nil {
		return err
	}
	allowed := thoth.get("allow_prereleases")
	if allowed == nil {
		return nil
	}
	if err := allowed.table("allow_prereleases"); err != nil {
		return err
	}
	for _, k := range allowed.keys {
		yes, err := allowed.fields[k].boolean("allow_prereleases." + k)
		if err != nil {
			return err
		}
		if yes {
			m.PrereleasesFor = append(m.PrereleasesFor, py.NormalizeName(k))
		}
	}
	return nil
}

// pipfilePython reads [requires]: a version such as "3.11", of which any patch
// release will do, or a full one.
func (m *Manifest) pipfilePython(requires *node) error {
	if err := requires.table("requires"); err != nil {
		return err
	}
	if err := requires.known("[requires]", "python_version", "python_full_version"); err != nil {
		return err
	}
	for _, f := range []struct {
		key, after string
		to         *string
	}{
		{"python_version", ".*", &m.PythonVersion},
		{"python_full_version", "", &m.PythonFullVersion},
	} {
		n := requires.get(f.key)
		s, err := n.str(f.key)
		if err != nil {
			return err
		}
		if s == "" {
			continue
		}
		v, err := py.ParseVersion(s)
		if err != nil {
			return refuse(n.pos, `write a version such as "3.11"`, "%s: %v", f.key, err)
		}
		specs, err := py.ParseSpecifiers("==" + v.String() + f.after)
		if err != nil {
			return refuse(n.pos, `write a version such as "3.11"`, "%s: %v", f.key, err)
		}
		*f.to = s
		m.RequiresPython = m.RequiresPython.And(specs)
		m.PythonPos = n.pos
	}
	return nil
}

// pipfilePackage reads one package, whose value is a version or a table.
func (m *Manifest) pipfilePackage(f *folder, file, name string, n *node) (Requirement, error) {
	r := Requirement{Pos: n.key, Text: name}
	if n.text != "" {
		r.Text = name + " = " + oneLine(n.text)
	}
	var err error
	if r.Name, err = py.ParseName(name); err != nil {
		return r, unusable(n.key, `extras go into the value: {version = "*", extras = ["x"]}`, "%v", err)
	}
	version := n
	if n.kind == table {
		if version, err = m.pipfileTable(&r, f, file, name, n); err != nil {
			return r, err
		}
	} else if _, ok := n.value.(string); !ok {
		return r, refuse(n.pos, `write it as a text, such as "*" or ">=1.0"`, "version of %s is no text", name)
	}
	text, err := version.str("version")
	if err != nil {
		return r, err
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "*" || text == "==*":
		text = ""
	case text != "" && !strings.ContainsAny(text[:1], "<>=!~"):
		text = "==" + text // as Pipenv does
	}
	if r.Specifiers, err = py.ParseSpecifiers(text); err != nil {
		return r, unusable(version.pos, `write "*" for any version, or such as ">=1.0,<2"`, "version of %s: %v", name, err)
	}
	return r, nil
}

// pipfileTable reads what a package's table says besides its version, whose
// node it returns.
func (m *Manifest) pipfileTable(r *Requirement, f *folder, file, name string, n *node) (version *node, err error) {
	for _, k := range pipfileBuilt {
		if off, ok := n.fields[k]; ok {
			return nil, unusable(off.key, vcsHint, "%s comes from %s, and only building it would tell what it requires", name, k)
		}
	}
	if r.Direct, err = f.pipfileDirect(r, file, n); err != nil {
		return nil, err
	}
	known := append([]string{"version", "path", "file", "extras", "markers", "index", "hashes", "editable"}, pipfileMarkers...)
	for _, k := range n.keys {
		if !slices.Contains(known, k) {
			hint := "known are " + list(known)
			if n.text == "" && n.key.Line == n.fields[k].key.Line {
				// Neither an inline table nor one with a header: zope.interface = "*".
				hint = "a name with a dot must be in quotes"
			}
			return nil, refuse(n.fields[k].key, hint, "unknown key %q in package %s", k, name)
		}
	}
	extras, err := n.get("extras").strings("extras")
	if err != nil {
		return nil, err
	}
	if r.Extras, err = parseExtras(extras); err != nil {
		return nil, unusable(n.get("extras").pos, "", "extras of %s: %v", name, err)
	}
	if r.Index, err = n.get("index").str("index"); err != nil {
		return nil, err
	}
	if r.Index != "" {
		if err := m.checkIndex(r.Index, n.get("index").pos, "define it as a [[source]]"); err != nil {
			return nil, err
		}
	}
	hashes := n.get("hashes")
	written, err := hashes.strings("hashes")
	if err != nil {
		return nil, err
	}
	for i, h := range written {
		if h, err = parseHash(h); err != nil {
			return nil, unusable(hashes.elems[i].pos, "", "%v", err)
		}
		r.Hashes = append(r.Hashes, h)
	}
	if len(written) > 0 {
		if err := checkHashes(r.Hashes, hashes.elems[0].pos); err != nil {
			return nil, err
		}
	}
	if r.Marker, err = pipfileMarker(name, n); err != nil {
		return nil, err
	}
	return n.get("version"), nil
}

// pipfileDirect reads path or file, and whether it is editable.
func (f *folder) pipfileDirect(r *Requirement, file string, n *node) (*Direct, error) {
	editable, err := n.get("editable").boolean("editable")
	if err != nil {
		return nil, err
	}
	from := n.get("path")
	if other := n.get("file"); from == nil {
		from = other
	} else if other != nil {
		return nil, unusable(other.key, "keep one of them", "%s has both path and file", r.Name)
	}
	if from == nil {
		if editable {
			return nil, unusable(n.get("editable").key, "give the directory as path, or take editable out", "%s is editable but has no path", r.Name)
		}
		return nil, nil
	}
	return f.key(r, file, from, editable)
}

// key reads a path or a URL that is the value of a key.
func (f *folder) key(r *Requirement, file string, n *node, editable bool) (*Direct, error) {
	text, err := n.str("the place of " + string(r.Name))
	if err != nil {
		return nil, err
	}
	d, egg, err := f.reference(file, text, n.pos)
	if err != nil {
		return nil, err
	}
	d.Editable = editable
	r.Text = RedactURL(r.Text)
	return d, r.egg(egg)
}

// pipfileMarker joins markers and the shorthands with "and".
func pipfileMarker(name string, n *node) (py.Marker, error) {
	text := ""
	for _, k := range n.keys {
		if k != "markers" && !slices.Contains(pipfileMarkers, k) {
			continue
		}
		value := n.fields[k]
		s, err := value.str(k)
		if err != nil {
			return py.Marker{}, err
		}
		if strings.TrimSpace(s) == "" {
			continue
		}
		if k != "markers" {
			s = k + " " + s
		}
		// Each is parsed alone for a message at its own place, and because
		// "a) or (b" must not pass.
		if _, err := py.ParseMarker(s); err != nil {
			return py.Marker{}, unusable(value.pos, `write it such as sys_platform = "== 'linux'"`, "%s of %s: %v", k, name, err)
		}
		text = and(text, s)
	}
	if text == "" {
		return py.Marker{}, nil
	}
	marker, err := py.ParseMarker(text)
	if err != nil {
		return marker, unusable(n.key, "", "markers of %s: %v", name, err)
	}
	return marker, nil
}

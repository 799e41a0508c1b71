package lockfile

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A standing is a requirement by index, and the markers under which it holds,
// sorted: its own and those of the requirements that brought it in.
type standing struct {
	at         int
	conditions []string
}

// A directKey tells direct requirements apart in what they bring in.
type directKey struct{ place, extras, group, extra string }

func (r *Requirement) directKey() directKey {
	return directKey{r.Direct.String(), joined(r.Extras), r.Group, string(r.Extra)}
}

// locate looks at what the direct requirements of m point to: it fills in their
// packages and refuses what is not there or cannot be known without running it.
// Directories that it reads are added to Files by their pyproject.toml.
//
// What a directory requires from a path or a URL is required beside it, under
// the same conditions, so that m has all direct references there are. As with
// references to extras, more conditions than were met say nothing new, which
// ends rings.
func (m *Manifest) locate(f *folder) error {
	projects := map[string]*localProject{}
	met := map[directKey][][]string{}
	var queue []standing
	for i := range m.Requirements {
		r := &m.Requirements[i]
		if r.Direct == nil {
			continue
		}
		var conditions []string
		if mt := markerText(r.Marker); mt != "" {
			conditions = []string{mt}
		}
		met[r.directKey()] = append(met[r.directKey()], conditions)
		queue = append(queue, standing{i, conditions})
	}
	for i := 0; i < len(queue); i++ {
		r := &m.Requirements[queue[i].at]
		p, err := f.locate(r, projects)
		if err := r.keep(err); err != nil {
			return err
		}
		if r.err != nil {
			if err := m.require(*r); err != nil {
				return err
			}
			continue
		}
		if p == nil {
			continue
		}
		outer := *r // appending moves it
		for _, q := range p.direct {
			if q.Extra != "" && !slices.Contains(outer.Extras, q.Extra) {
				continue
			}
			conditions := queue[i].conditions
			if mt := markerText(q.Marker); mt != "" && !slices.Contains(conditions, mt) {
				conditions = append(slices.Clone(conditions), mt)
				slices.Sort(conditions)
			}
			q.Pos, q.Text, q.Group = outer.Pos, outer.Text, outer.Group
			q.Extra, q.Marker = outer.Extra, py.Marker{}
			key := q.directKey()
			weaker := func(c []string) bool {
				return !slices.ContainsFunc(c, func(m string) bool { return !slices.Contains(conditions, m) })
			}
			if slices.ContainsFunc(met[key], weaker) {
				continue
			}
			if len(queue) >= maxRequirements || len(met[key]) == maxReferences || len(conditions) > maxDepth {
				return refuse(outer.Pos, "", "directories require one another more than %d times, the limit", maxReferences)
			}
			met[key] = append(met[key], conditions)
			if q, err = q.under(conditions); err != nil {
				return err
			}
			queue = append(queue, standing{len(m.Requirements), conditions})
			if err := m.require(q); err != nil {
				return err
			}
		}
	}
	m.Requirements = slices.DeleteFunc(m.Requirements, func(r Requirement) bool { return r.err != nil })
	for _, dir := range slices.Sorted(maps.Keys(projects)) {
		file := path.Join(dir, "pyproject.toml")
		if projects[dir].err == nil && !slices.Contains(m.Files, file) {
			m.Files = append(m.Files, file)
		}
	}
	return nil
}

// locate looks at what r points to, and returns the project that a directory has.
func (f *folder) locate(r *Requirement, projects map[string]*localProject) (*localProject, error) {
	d := r.Direct
	var p *localProject
	if d.URL == "" {
		info, err := fs.Stat(f.fsys, d.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e := unusable(r.Pos, "", "%s is not there", d)
			e.cause = err
			return nil, e
		case err != nil:
			return nil, unusable(r.Pos, "", "%s: %s", d, cannotRead(r.Pos, err).Msg)
		case info.IsDir():
			if p = projects[d.name]; p == nil {
				if len(projects) == maxIncludes {
					return nil, refuse(r.Pos, "", "more than %d directories are required, the limit", maxIncludes)
				}
				if p, err = f.project(d.name, r.Pos); err != nil {
					p = &localProject{err: err}
				}
				projects[d.name] = p
			}
			if p.err != nil {
				return nil, f.ofOne(p.err)
			}
			d.Directory, d.Metadata = true, &p.metadata
			d.Package = py.Package{Name: py.NormalizeName(p.metadata.Name), Version: p.metadata.Version}
		case !info.Mode().IsRegular():
			return nil, unusable(r.Pos, "give a directory or a wheel", "%s is neither", d)
		case !strings.HasSuffix(d.name, ".whl"):
			return nil, unusable(r.Pos, sdistHint, "%s is no wheel, and only building it would tell what it requires", d)
		default:
			if err := d.wheel(r.Pos); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case d.Editable && !d.Directory:
		return nil, unusable(r.Pos, "take the editable out", "%s is a wheel, and only a directory can be editable", d)
	case d.Directory && (d.SHA256 != "" || len(r.Hashes) > 0):
		return nil, unusable(r.Pos, "take the hash out", "%s is a directory, which has no hash", d)
	case r.Name != "" && r.Name != d.Package.Name:
		return nil, unusable(r.Pos, "require it by its own name", "%s is required, but %s is %s", r.Name, d, d.Package.Name)
	}
	r.Name = d.Package.Name
	return p, nil
}

// ofOne makes what is wrong with a directory an error of the requirement alone
// that names it, except where reading again from the root may find all.
func (f *folder) ofOne(err error) error {
	if e, ok := err.(*Error); ok && (f.rooted || !errors.Is(err, ErrOutside)) {
		e.lazy = true
	}
	return err
}

// A localProject is what a directory says of itself.
type localProject struct {
	metadata py.Metadata
	direct   []Requirement // that come from a path or a URL, also of extras
	err      error         // why there is none; it is kept so as to read once only
}

// StaticMetadata returns what the pyproject.toml in a directory of fsys says of
// the project there, as core metadata: name, version, Requires-Python,
// requirements and extras, by PEP 621 or Poetry's tables. It runs nothing, so
// it refuses a project of which only its build backend knows version or
// requirements, with what to do about it. A requirement that comes from a path
// or a URL is in it by its name alone. Every error is an *Error; one that wraps
// ErrOutside says that a requirement lies outside fsys.
func StaticMetadata(fsys fs.FS, dir string) (py.Metadata, error) {
	f := &folder{fsys: fsys, home: dir}
	p, err := f.project(dir, Position{File: dir})
	if err != nil {
		return py.Metadata{}, err
	}
	return p.metadata, nil
}

// project reads the project in a directory, which is required at pos.
func (f *folder) project(dir string, pos Position) (*localProject, error) {
	file := path.Join(dir, "pyproject.toml")
	text, err := readText(f.fsys, file, maxTOML)
	if errors.Is(err, fs.ErrNotExist) {
		e := refuse(pos, sdistHint, "%s has no pyproject.toml, and only running its setup.py would tell what it requires", f.shown(dir))
		e.cause = err
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	doc, err := parseTOML(file, text)
	if err != nil {
		return nil, err
	}
	m, err := f.pyprojectAlone(file, doc)
	if err != nil {
		return nil, err
	}
	if len(m.Broken) > 0 {
		// Any release may ask for the extra, and would then get less than it needs.
		return nil, m.Broken[0].Err
	}
	version, err := staticVersion(file, doc)
	if err != nil {
		return nil, err
	}
	p := &localProject{metadata: py.Metadata{
		MetadataVersion: "2.1", Name: m.Name, Version: version,
		RequiresPython: m.RequiresPython.String(), ProvidesExtra: m.Extras,
	}}
	for _, r := range m.Requirements {
		if r.Direct != nil {
			p.direct = append(p.direct, r)
		}
		line := r.Requirement
		if r.Extra != "" {
			extra := "extra == '" + string(r.Extra) + "'"
			if line.Marker, err = py.ParseMarker(and(markerText(r.Marker), extra)); err != nil {
				return nil, refuse(r.Pos, "", "marker: %v", err)
			}
		}
		p.metadata.RequiresDist = append(p.metadata.RequiresDist, line.String())
	}
	return p, nil
}

// shown is a name of fsys as it was most likely written.
func (f *folder) shown(name string) string { return relativePath(f.home, name) }

// staticVersion returns the version of a project. That of a project whose build
// backend finds it, in a tag or in the code, is not known; 0 would be a lie.
func staticVersion(file string, doc *node) (py.Version, error) {
	const hint = "write version = \"…\" into [project]; or build a wheel of it (pip wheel --no-deps) and require that"
	dynamic := doc.get("project", "dynamic")
	names, err := dynamic.strings("dynamic")
	if err != nil {
		return py.Version{}, err
	}
	poetry := doc.get("tool", "poetry", "version")
	if i := slices.Index(names, "version"); i >= 0 && poetry == nil {
		return py.Version{}, refuse(dynamic.elems[i].pos, hint,
			"the version is dynamic: only the project's build backend knows it, and thamos does not run it")
	}
	if on := doc.get("tool", "poetry-dynamic-versioning", "enable"); on != nil && on.value == true {
		return py.Version{}, refuse(on.pos, hint,
			"the version is dynamic: only a plug-in of Poetry knows it, and thamos does not run it")
	}
	n := doc.get("project", "version")
	if n == nil {
		n = poetry
	}
	s, err := n.str("version")
	switch {
	case err != nil:
		return py.Version{}, err
	case n == nil:
		return py.Version{}, refuse(Position{File: file}, hint, "the project has no version")
	}
	v, err := py.ParseVersion(s)
	if err != nil {
		return v, refuse(n.pos, `write such as "1.0"`, "version: %v", err)
	}
	return v, nil
}

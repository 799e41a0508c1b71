package prescription

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb/py"
)

// maxMatches bounds the entries of a match: a unit is kept as often as it is about
// different projects.
const maxMatches = 100

// matches reads what a unit is about, by its type.
func (r *reader) matches(u *unit, at, n *yaml.Node) error {
	optional := slices.Contains([]string{typeBoot, typeStride, typeWrap}, u.Type)
	switch {
	case n == nil && optional:
		return nil
	case n == nil:
		return r.fault(at, "a unit of type %s needs match", u.Type)
	}
	entries := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if u.Type == typeStepSkip {
			return r.fault(n, "the match of a %s must be a mapping", u.Type)
		}
		var err error
		if entries, err = r.list(n, "match"); err != nil {
			return err
		}
		if len(entries) == 0 {
			return r.fault(n, "match must not be empty")
		}
	}
	if len(entries) > maxMatches {
		return r.fault(n, "match has %d entries, the limit is %d: write several units", len(entries), maxMatches)
	}
	for _, e := range entries {
		m, err := r.match(e, u.Type)
		if err != nil {
			return err
		}
		u.Match = append(u.Match, m)
	}
	return nil
}

// match reads one entry of match.
func (r *reader) match(n *yaml.Node, unitType string) (m match, err error) {
	switch unitType {
	case typeBoot, typeSieveSkip:
		err = r.each(n, "match", map[string]func(*yaml.Node) error{"package_name": func(v *yaml.Node) (err error) {
			m.Project, err = r.text(v, "package_name")
			m.Project = string(py.NormalizeName(m.Project))
			return err
		}})
		if err == nil && unitType == typeSieveSkip && m.Project == "" {
			err = r.fault(n, "match needs package_name")
		}
	case typePseudonym, typeSieve:
		err = r.each(n, "match", map[string]func(*yaml.Node) error{"package_version": r.releaseInto(&m.Release)})
		if err == nil && unitType == typePseudonym && (m.Release == nil || m.Release.Name == "") {
			err = r.fault(n, "match needs package_version with a name")
		}
		if m.Release == nil {
			m.Release = new(release)
		}
	case typeStep, typeStepSkip, typeStepAdd:
		err = r.stepMatch(&m, n)
		if err == nil {
			err = r.supported(&m, n, unitType)
		}
	case typeGroup:
		err = r.groupMatch(&m, n)
	case typeStride, typeWrap, typeNotes:
		err = r.stateMatch(&m, n, unitType)
	}
	return m, err
}

// supported refuses what cannot be said of requirements: whether a release
// requires something may hang on nothing but the release.
func (r *reader) supported(m *match, n *yaml.Node, unitType string) error {
	switch {
	case unitType == typeStepSkip && len(m.From) == 0:
		return r.fault(n, "not supported: %s without package_version_from, for what is in a stack cannot decide what is in it; name who requires it", unitType)
	case unitType == typeStepSkip && len(m.From) > 1:
		return r.fault(n, "not supported: %s with several packages in package_version_from, which must all require it; write a unit for each", unitType)
	case unitType == typeStepSkip && len(m.Resolved) > 0:
		return r.fault(n, "not supported: %s with resolved_dependencies, for what is in a stack cannot decide what is in it", unitType)
	case unitType == typeStepSkip && (m.Release.Name == "" || m.Release.Specs != "" || m.Release.Index != "" || m.Release.NotIndex != "" || m.Release.Develop != nil):
		return r.fault(n, "not supported: %s of some releases, for a requirement is left out as a whole; write the name alone", unitType)
	case unitType == typeStepAdd && (len(m.From)+len(m.Resolved) > 0 || m.Release.Name == ""):
		return r.fault(n, "not supported: %s with a state or without a name, for what is in a stack cannot decide what is in it", unitType)
	}
	return nil
}

func (r *reader) stepMatch(m *match, n *yaml.Node) error {
	err := r.each(n, "match", map[string]func(*yaml.Node) error{
		"package_version": r.releaseInto(&m.Release),
		"state": func(v *yaml.Node) error {
			return r.each(v, "state", map[string]func(*yaml.Node) error{
				"resolved_dependencies":            r.releasesInto(&m.Resolved, "resolved_dependencies"),
				"package_version_from":             r.releasesInto(&m.From, "package_version_from"),
				"package_version_from_allow_other": r.booleanInto(&m.AllowOther, "package_version_from_allow_other"),
			})
		},
	})
	if err == nil && m.Release == nil {
		err = r.fault(n, "match needs package_version")
	}
	return err
}

// stateMatch reads {state: {resolved_dependencies: […]}}.
func (r *reader) stateMatch(m *match, n *yaml.Node, unitType string) error {
	err := r.each(n, "match", map[string]func(*yaml.Node) error{"state": func(v *yaml.Node) error {
		return r.each(v, "state", map[string]func(*yaml.Node) error{"resolved_dependencies": func(v *yaml.Node) error {
			if unitType == typeNotes && v.Kind == yaml.MappingNode {
				one, err := r.release(v, true)
				m.Resolved = []release{one}
				return err
			}
			return r.releasesInto(&m.Resolved, "resolved_dependencies")(v)
		}})
	}})
	if err == nil && unitType == typeNotes && len(m.Resolved) != 1 {
		err = r.fault(n, "match needs one resolved dependency")
	}
	return err
}

func (r *reader) releaseInto(to **release) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		one, err := r.release(n, false)
		*to = &one
		return err
	}
}

// releasesInto reads a list of releases with names.
func (r *reader) releasesInto(to *[]release, what string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		elems, err := r.list(n, what)
		if err != nil {
			return err
		}
		if len(elems) == 0 {
			return r.fault(n, "%s must not be empty", what)
		}
		for _, e := range elems {
			one, err := r.release(e, true)
			if err != nil {
				return err
			}
			*to = append(*to, one)
		}
		return nil
	}
}

// groupMatch reads {group: [{package_version: …}, …]}.
func (r *reader) groupMatch(m *match, n *yaml.Node) error {
	err := r.each(n, "match", map[string]func(*yaml.Node) error{"group": func(v *yaml.Node) error {
		elems, err := r.list(v, "group")
		if err != nil {
			return err
		}
		for _, e := range elems {
			var one *release
			if err := r.each(e, "a member of a group", map[string]func(*yaml.Node) error{"package_version": r.releaseInto(&one)}); err != nil {
				return err
			}
			if one == nil || one.Name == "" {
				return r.fault(e, "a member of a group needs package_version with a name")
			}
			if slices.ContainsFunc(m.Group, func(o release) bool { return o.Name == one.Name }) {
				return r.fault(e, "the group has %s twice, and no stack can", one.Name)
			}
			m.Group = append(m.Group, *one)
		}
		return nil
	}})
	if err == nil && len(m.Group) < 2 {
		err = r.fault(n, "a group has two members or more")
	}
	return err
}

func (r *reader) release(n *yaml.Node, named bool) (release, error) {
	var x release
	err := r.each(n, "a package", map[string]func(*yaml.Node) error{
		"name": func(v *yaml.Node) error {
			name, err := r.name(v)
			x.Name = name
			return err
		},
		"version": func(v *yaml.Node) (err error) {
			x.Specs, err = r.specs(v, "version")
			return err
		},
		"index_url": func(v *yaml.Node) error {
			inner, not, err := r.negatable(v, "index_url")
			if err != nil {
				return err
			}
			url, err := r.text(inner, "index_url")
			if not {
				x.NotIndex = url
			} else {
				x.Index = url
			}
			return err
		},
		"develop": func(v *yaml.Node) error {
			b, err := r.boolean(v, "develop")
			x.Develop = &b
			return err
		},
	})
	if err == nil && named && x.Name == "" {
		err = r.fault(n, "a package needs a name")
	}
	return x, err
}

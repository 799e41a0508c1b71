package prescription

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// maxNeeds bounds the units that one unit depends on, at first and second hand:
// their conditions are kept with it.
const maxNeeds = 100

// fault is a fault of a unit as a whole.
func (u *unit) fault(format string, args ...any) Fault {
	i := strings.LastIndexByte(u.From, ':')
	line, _ := strconv.Atoi(u.From[i+1:])
	return Fault{File: u.From[:i], Line: line, Reason: fmt.Sprintf(format, args...)}
}

// depend puts the conditions of the units that a unit depends on beside its own:
// it is included where all of them are. One that depends on a unit that is not
// there can never be.
func (l *loader) depend() {
	byKey := map[string]*found{}
	for i := range l.set.units {
		u := &l.set.units[i]
		byKey[u.kind+" "+u.Name] = u
	}
	for i := range l.set.units {
		u := &l.set.units[i]
		seen := map[string]bool{u.kind + " " + u.Name: true}
		open := slices.Clone(u.Include[0].needs)
		for len(open) > 0 {
			key := open[0]
			open = open[1:]
			if seen[key] {
				continue
			}
			seen[key] = true
			other, ok := byKey[key]
			switch {
			case !ok:
				l.fault(u.fault("%s depends on %s, which is not there, so it is never asked: write kind and full name of one that is", u.Name, key))
			case len(seen) > maxNeeds:
				l.fault(u.fault("%s depends on more than %d units, so it is never asked", u.Name, maxNeeds))
				open, ok = nil, false
			}
			if !ok {
				u.Include = append(u.Include, include{Off: true})
				continue
			}
			u.Include = append(u.Include, other.Include[0])
			open = append(open, other.Include[0].needs...)
		}
	}
}

// rules makes the rules of a unit: one for each project under which it must be
// found.
func (l *loader) rules(u found) error {
	u.Pin = u.pin()
	body, err := encode(u.unit)
	if err != nil {
		return err
	}
	kind := strings.TrimSuffix(u.kind, "s")
	if u.needsImage() {
		kind += imageRules
	}
	for _, project := range u.projects() {
		l.set.Rules = append(l.set.Rules, py.Rule{Kind: kind, Name: u.Name, Project: py.Name(project), Body: body})
	}
	return nil
}

// needsImage reports whether a unit is of no use without a base image.
func (u *unit) needsImage() bool {
	return slices.ContainsFunc(u.Include, func(x include) bool {
		return x.Runtime != nil && x.Runtime.Images != nil && !x.Runtime.Images.Not && !slices.Contains(x.Runtime.Images.Values, nil)
	})
}

// pin is the one version of its project that a wrap is about. Generated
// prescriptions have a unit for each version; see elsewhere.
func (u *unit) pin() string {
	if u.Type != typeWrap && u.Type != typeNotes || len(u.Match) != 1 || len(u.Match[0].Resolved) == 0 {
		return ""
	}
	specs, err := py.ParseSpecifiers(u.Match[0].Resolved[0].Specs)
	if err != nil || len(specs.All()) != 1 {
		return ""
	}
	v, _ := specs.Pinned()
	return v.String()
}

// projects are the projects under which a unit is found, the empty one for a
// unit that looks at every project, or at none. A group fires only where all its
// members are, so the first by name will do.
func (u *unit) projects() []string {
	if len(u.Match) == 0 {
		return []string{""}
	}
	var all []string
	for _, m := range u.Match {
		switch u.Type {
		case typeBoot, typeSieveSkip:
			all = append(all, m.Project)
		case typePseudonym, typeSieve:
			all = append(all, m.Release.Name)
		case typeStep, typeStepAdd:
			all = append(all, firstName(slices.Concat([]release{*m.Release}, m.Resolved, m.From)))
		case typeStepSkip:
			for _, f := range m.From { // whose requirements are edited
				all = append(all, f.Name)
			}
		case typeGroup:
			all = append(all, slices.MinFunc(m.Group, func(a, b release) int { return strings.Compare(a.Name, b.Name) }).Name)
		case typeStride, typeWrap, typeNotes:
			all = append(all, firstName(m.Resolved))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// firstName is the name of the first that has one.
func firstName(all []release) string {
	for _, r := range all {
		if r.Name != "" {
			return r.Name
		}
	}
	return ""
}

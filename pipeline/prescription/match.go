package prescription

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// fits reports whether a version fits. Sieves and pseudonyms see pre-releases;
// elsewhere one fits only a specifier that names one (packaging's default).
func (m *release) fits(v py.Version, specs py.Specifiers, pre bool) bool {
	return specs.Contains(v) && (pre || !v.Prerelease() || m.Specs == "" || specs.Prereleases())
}

// about reports whether a match can be about a project at all: by its name, the
// index that serves it, and whether it is one for development.
func (m *release) about(plan *pipeline.Plan, name py.Name) bool {
	return (m.Name == "" || m.Name == string(name)) && m.serves(plan, name) &&
		(m.Develop == nil || *m.Develop == slices.Contains(plan.Dev, name))
}

// serves reports whether the index of a project is one that the match wants.
// Whether a URL ends with a slash does not matter.
func (m *release) serves(plan *pipeline.Plan, name py.Name) bool {
	if m.Index == "" && m.NotIndex == "" {
		return true
	}
	index := plan.Facts.Index(name)
	return (m.Index == "" || strings.TrimRight(m.Index, "/") == index) && (m.NotIndex == "" || strings.TrimRight(m.NotIndex, "/") != index)
}

// set is the releases of a project that match.
func (m *release) set(plan *pipeline.Plan, p *py.Project, pre bool) (resolver.Releases, bool) {
	if !m.about(plan, p.Name) {
		return nil, false
	}
	specs, err := py.ParseSpecifiers(m.Specs)
	if err != nil {
		return nil, false // Load lets none pass: a later program wrote it
	}
	set, some := resolver.NewReleases(len(p.Releases)), false
	for i := range p.Releases {
		if m.fits(p.Releases[i].Version, specs, pre) {
			set.Add(i)
			some = true
		}
	}
	return set, some
}

// inStack reports whether all of these releases are in a stack.
func inStack(plan *pipeline.Plan, stack []resolver.Choice, wanted []release) bool {
	for i := range wanted {
		m := &wanted[i]
		specs, err := py.ParseSpecifiers(m.Specs)
		if err != nil {
			return false
		}
		if !slices.ContainsFunc(stack, func(c resolver.Choice) bool { return m.about(plan, c.Name) && m.fits(c.Version, specs, false) }) {
			return false
		}
	}
	return true
}

// meeting are the members of a term, one for each project. A project that is
// named twice is one member, with the releases that fit both.
type meeting []resolver.Member

// and joins one; false if no release is left.
func (ms meeting) and(p *py.Project, set resolver.Releases) (meeting, bool) {
	i := slices.IndexFunc(ms, func(m resolver.Member) bool { return m.Project == p.Name })
	if i < 0 {
		return append(ms, resolver.Member{Project: p.Name, Releases: set}), true
	}
	both := slices.Clone(ms[i].Releases)
	for w := range both {
		both[w] &= set[w]
	}
	ms[i].Releases = both
	return ms, !both.Empty()
}

// A closure is the candidates of which terms are made.
type closure struct {
	plan  *pipeline.Plan
	all   []resolver.Candidates
	place map[string]int // by name
}

func newClosure(plan *pipeline.Plan, all []resolver.Candidates) *closure {
	c := &closure{plan, all, make(map[string]int, len(all))}
	for i := range all {
		c.place[string(all[i].Name)] = i
	}
	return c
}

// join adds the releases that a match wants to those that must meet; false if
// there is none.
func (c *closure) join(ms meeting, wanted []release) (meeting, bool) {
	for i := range wanted {
		at, ok := c.place[wanted[i].Name]
		if !ok {
			return nil, false
		}
		set, some := wanted[i].set(c.plan, c.all[at].Project, false)
		if !some {
			return nil, false
		}
		if ms, some = ms.and(c.all[at].Project, set); !some {
			return nil, false
		}
	}
	return ms, true
}

// members are the releases that a match is about, for each way in which it can
// be met: one way where it names its project, one for each project where not.
func (c *closure) members(m *match) []meeting {
	with, ok := c.join(nil, slices.Concat(m.Group, m.Resolved))
	switch {
	case !ok, m.Release == nil && c.plan.Settings.Strict && c.masked(with, ""):
		return nil
	case m.Release == nil:
		return []meeting{with}
	}
	subjects := c.all
	if m.Release.Name != "" {
		at, ok := c.place[m.Release.Name]
		if !ok {
			return nil
		}
		subjects = c.all[at : at+1]
	}
	var all []meeting
	for i := range subjects {
		if ms, ok := c.one(m, subjects[i].Project, with); ok {
			all = append(all, ms)
		}
	}
	return all
}

// one is the meeting of the subject of a match with the others that it wants.
func (c *closure) one(m *match, p *py.Project, with meeting) (meeting, bool) {
	set, some := m.Release.set(c.plan, p, false)
	if !some || slices.ContainsFunc(with, func(o resolver.Member) bool { return o.Project == p.Name }) {
		return nil, false
	}
	ms := append(meeting{{Project: p.Name, Releases: set}}, with...)
	for i := range m.From {
		at, ok := c.place[m.From[i].Name]
		if !ok || c.all[at].Name == p.Name {
			return nil, false
		}
		parent := c.all[at].Project
		from, some := m.From[i].set(c.plan, parent, false)
		if !some || !c.requiring(parent, from, p.Name) {
			return nil, false
		}
		if ms, some = ms.and(parent, from); !some {
			return nil, false
		}
	}
	if c.plan.Settings.Strict && len(with) > 0 && len(m.From) == 0 && c.masked(ms, p.Name) {
		return nil, false
	}
	return ms, true
}

// requiring leaves in a set the releases that require a project here, extras
// aside, and reports whether there are any.
func (c *closure) requiring(p *py.Project, set resolver.Releases, name py.Name) bool {
	some := false
	for i := range p.Releases {
		switch {
		case !set.Has(i):
		case c.requires(&p.Releases[i], name):
			some = true
		default:
			set[i>>6] &^= 1 << (i & 63)
		}
	}
	return some
}

func (c *closure) requires(r *py.Release, name py.Name) bool {
	return r.Requires != nil && slices.ContainsFunc(r.Requires.Lines, func(line string) bool {
		if lineName(line) != name {
			return false
		}
		q, err := py.ParseRequirement(line)
		if err != nil {
			return false
		}
		holds, err := q.Marker.Evaluate(c.plan.Problem.Environment, "")
		return err == nil && holds
	})
}

// lineName is the project that a requirement line names, read no further.
func lineName(line string) py.Name {
	line = strings.TrimLeft(line, " \t")
	end := strings.IndexFunc(line, func(r rune) bool {
		return !strings.ContainsRune("-_.", r) && (r < '0' || r > '9') && (r|32 < 'a' || r|32 > 'z')
	})
	if end >= 0 {
		line = line[:end]
	}
	return py.NormalizeName(line)
}

// masked reports whether Thoth would not have seen a meeting: there, the one that
// is added last (subject; of a group, any) must be one that nothing before it
// depends on. No release is added in any order here, so the nearest is asked: the
// subject is a direct requirement, no other member requires it, and each other
// member can be there without it, as a direct requirement or by somebody else.
func (c *closure) masked(ms meeting, subject py.Name) bool {
	return !slices.ContainsFunc(ms, func(last resolver.Member) bool {
		if subject != "" && last.Project != subject || !c.all[c.place[string(last.Project)]].Direct {
			return false
		}
		return !slices.ContainsFunc(ms, func(other resolver.Member) bool {
			at := c.place[string(other.Project)]
			return other.Project != last.Project &&
				(c.someRequires(at, other.Releases, last.Project) || !c.all[at].Direct && !c.broughtBesides(other.Project, last.Project))
		})
	})
}

// someRequires reports whether one of these releases requires a project.
func (c *closure) someRequires(at int, set resolver.Releases, name py.Name) bool {
	p := c.all[at].Project
	for i := range p.Releases {
		if set.Has(i) && c.requires(&p.Releases[i], name) {
			return true
		}
	}
	return false
}

// broughtBesides reports whether somebody other than one project requires name.
func (c *closure) broughtBesides(name, but py.Name) bool {
	for at := range c.all {
		if n := c.all[at].Name; n != but && n != name && c.someRequires(at, c.all[at].Usable, name) {
			return true
		}
	}
	return false
}

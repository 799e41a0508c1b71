package certify

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A term is a judgement about at least two members; what is said of one alone is
// in model.alone and variable.start.
type term struct {
	id      string // GroupID
	level   int
	score   int64
	veto    bool
	members []member // by variable, ascending
}

type member struct {
	variable int
	values   bitset
}

// levelOf returns the level of a tier.
func levelOf(t resolver.Tier) int {
	if t == resolver.LastTier {
		return lastLevel
	}
	return int(t)
}

// maxScores bounds the sum of absolute scores of a level, so that no sum of
// scores overflows.
const maxScores = 1 << 50

// judge asks the pipeline for terms.
func (m *model) judge(ctx context.Context) error {
	m.alone = make([][]Worth, len(m.vars))
	for id, v := range m.vars {
		m.alone[id] = make([]Worth, len(v.needs))
	}
	if m.Pipeline != nil {
		all, err := m.Pipeline.Terms(ctx, m.candidates())
		if err != nil {
			return err
		}
		for i := range all {
			if err := m.term(&all[i]); err != nil {
				return err
			}
		}
	}
	for id, v := range m.vars {
		if v.extra != "" || m.policy(v.project.name) != resolver.IfNecessary {
			continue
		}
		final := slices.ContainsFunc(v.project.options, func(o *option) bool { return o.reached && !o.version.Prerelease() })
		for i, o := range v.project.options {
			if final && o.reached && o.version.Prerelease() && o.by == nil {
				m.alone[id][i+1][PrereleaseLevel] = -1
				m.sizes[PrereleaseLevel]++
			}
		}
	}
	return nil
}

// candidates are the releases that some requirement admits.
func (m *model) candidates() []resolver.Candidates {
	var all []resolver.Candidates
	for _, p := range m.projects {
		if p.known == nil || p.skip {
			continue
		}
		n := len(p.known.Releases)
		c := resolver.Candidates{Project: p.known, Direct: p.direct, Usable: resolver.NewReleases(n), Build: resolver.NewReleases(n)}
		for _, o := range p.options {
			if !o.reached || o.release < 0 {
				continue
			}
			c.Usable.Add(o.release)
			if m.built(p.name, p.known.Releases[o.release].Artifacts) {
				c.Build.Add(o.release)
			}
		}
		if !c.Usable.Empty() {
			all = append(all, c)
		}
	}
	return all
}

// term takes one term of the pipeline's.
func (m *model) term(in *resolver.Term) error {
	if in.Tier > resolver.LastTier || len(in.Members) == 0 {
		return fmt.Errorf("unit %s gives a term of tier %d with %d members", in.Unit, in.Tier, len(in.Members))
	}
	t := term{level: levelOf(in.Tier), score: in.Score, veto: in.Veto}
	possible := true
	for _, one := range in.Members {
		p := m.byName[one.Project]
		if p == nil || p.skip || p.known == nil || one.Releases != nil && len(one.Releases) != len(resolver.NewReleases(len(p.known.Releases))) {
			return fmt.Errorf("unit %s gives a term whose member %s does not fit the candidates", in.Unit, one.Project)
		}
		id := m.index[string(p.name)]
		if slices.ContainsFunc(t.members, func(o member) bool { return o.variable == id }) {
			return fmt.Errorf("unit %s gives a term with two members of %s", in.Unit, one.Project)
		}
		values := newBits(len(p.options) + 1)
		for i, o := range p.options {
			if o.release >= 0 && one.Releases.Has(o.release) && m.vars[id].start.has(i+1) {
				values.add(i + 1)
			}
		}
		possible = possible && !values.empty()
		t.members = append(t.members, member{id, values})
	}
	if !possible { // a proof may name it all the same
		t.score, t.veto = 0, false
	}
	if !t.veto {
		size := max(t.score, -t.score)
		if size < 0 || size > maxScores || m.sizes[t.level]+size > maxScores {
			return fmt.Errorf("unit %s: the scores of level %d are too large", in.Unit, t.level)
		}
		m.sizes[t.level] += size
	}
	if len(t.members) > 1 {
		slices.SortFunc(t.members, func(a, b member) int { return a.variable - b.variable })
		t.id = GroupID(in.Members)
		m.terms = append(m.terms, t)
		return nil
	}
	one := t.members[0]
	if t.veto {
		m.vars[one.variable].start.drop(one.values)
		return nil
	}
	one.values.each(func(x int) { m.alone[one.variable][x][t.level] += t.score })
	return nil
}

// holds reports whether a term holds of an assignment.
func (t *term) holds(x []int) bool {
	return !slices.ContainsFunc(t.members, func(m member) bool { return !m.values.has(x[m.variable]) })
}

// outrank removes options in whose place another can always be, and is better:
// they need the same, are in the same of all sets, and in the same members of all
// terms of several (interchangeability, Freuder, 1991). Every stack with one is
// worse than the same stack with the other.
func (m *model) outrank() {
	inTerms := make([][]bitset, len(m.vars))
	for i := range m.terms {
		for _, one := range m.terms[i].members {
			inTerms[one.variable] = append(inTerms[one.variable], one.values)
		}
	}
	for id, v := range m.vars {
		if v.extra != "" {
			continue
		}
		best := map[string]int{}
		v.start.each(func(x int) {
			if x == 0 {
				return
			}
			key := m.signature(v.project, x)
			for _, values := range inTerms[id] {
				key = append(key, flag(values.has(x)))
			}
			worse, ok := best[string(key)]
			switch {
			case !ok:
				best[string(key)] = x
				return
			case slices.Compare(m.alone[id][worse][:], m.alone[id][x][:]) < 0:
				best[string(key)] = x
			default:
				worse = x
			}
			for _, extra := range append([]py.Name{""}, v.project.extras...) {
				m.vars[m.index[nameOf(v.project.name, extra)]].start.remove(worse)
			}
		})
	}
}

// signature is what ties value x of a project, and of its extras, to others.
func (m *model) signature(p *project, x int) (key []byte) {
	for _, s := range p.order {
		key = append(key, flag(s.has[x-1]))
	}
	for _, extra := range append([]py.Name{""}, p.extras...) {
		v := m.vars[m.index[nameOf(p.name, extra)]]
		key = append(key, '|', flag(v.start.has(x)))
		for _, n := range v.needs[x] {
			if !n.tie {
				key = binary.AppendUvarint(key, uint64(n.id+1))
			}
		}
		key = append(key, 0)
	}
	return key
}

func flag(b bool) byte {
	if b {
		return '+'
	}
	return '-'
}

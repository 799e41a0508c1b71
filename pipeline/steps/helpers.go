package steps

import (
	"fmt"
	"math/bits"
	"sort"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// names are those of the candidates, in their order.
func names(candidates []resolver.Candidates) []py.Name {
	all := make([]py.Name, len(candidates))
	for i, c := range candidates {
		all[i] = c.Name
	}
	return all
}

// places says where in candidates a project is.
func places(candidates []resolver.Candidates) map[py.Name]int {
	all := make(map[py.Name]int, len(candidates))
	for i, c := range candidates {
		all[c.Name] = i
	}
	return all
}

// alone is a term of releases of one project by themselves.
func alone(c resolver.Candidates, set resolver.Releases, score float64, why resolver.Justifier) pipeline.Term {
	return pipeline.Term{Members: []resolver.Member{{Project: c.Name, Releases: set}}, Score: score, Why: why}
}

// one is the set of release i alone.
func one(c resolver.Candidates, i int) resolver.Releases {
	set := resolver.NewReleases(len(c.Releases))
	set.Add(i)
	return set
}

// singles are sets of one release for the steps that judge nearly each by itself:
// windows on 64 stretches of words, in the middle of which one bit is set. A set for
// each release of a project would take the square of how many it has.
type singles struct {
	words  []uint64
	middle int // words before and after the one that is not 0
}

// newSingles makes the sets of one release of each of the candidates.
func newSingles(candidates []resolver.Candidates) singles {
	most := 0
	for i := range candidates {
		most = max(most, len(candidates[i].Releases))
	}
	s := singles{middle: (most + 63) / 64}
	stretch := 2*s.middle + 1
	s.words = make([]uint64, 64*stretch)
	for bit := range 64 {
		s.words[bit*stretch+s.middle] = 1 << bit
	}
	return s
}

// of is the set of release i alone. It must not be changed.
func (s singles) of(c resolver.Candidates, i int) resolver.Releases {
	from := i&63*(2*s.middle+1) + s.middle - i>>6
	n := (len(c.Releases) + 63) / 64
	return resolver.Releases(s.words[from : from+n : from+n])
}

// usable calls f with the index of each usable release, newest first.
func usable(c resolver.Candidates, f func(i int)) {
	for w, word := range c.Usable {
		for ; word != 0; word &= word - 1 {
			f(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// where is the set of usable releases for which f holds.
func where(c resolver.Candidates, f func(i int) bool) resolver.Releases {
	set := resolver.NewReleases(len(c.Releases))
	usable(c, func(i int) {
		if f(i) {
			set.Add(i)
		}
	})
	return set
}

// covers reports whether every usable release is in a set.
func covers(c resolver.Candidates, set resolver.Releases) bool {
	all := true
	usable(c, func(i int) { all = all && set.Has(i) })
	return all
}

// at returns the index of a version among a project's releases, newest first,
// and whether it is there; else the index of the next older one.
func at(p *py.Project, v py.Version) (int, bool) {
	i := sort.Search(len(p.Releases), func(i int) bool { return p.Releases[i].Version.Compare(v) <= 0 })
	return i, i < len(p.Releases) && p.Releases[i].Version.Compare(v) == 0
}

// between adds to a set the usable releases of a range. It looks only at its
// bounds.
func between(c resolver.Candidates, set resolver.Releases, r py.Affected) {
	first, last := 0, len(c.Releases)-1 // newest first
	if !r.Last.IsZero() {
		first, _ = at(c.Project, r.Last)
	}
	if !r.Before.IsZero() {
		i, found := at(c.Project, r.Before)
		if found {
			i++
		}
		first = max(first, i)
	}
	if !r.From.IsZero() {
		i, found := at(c.Project, r.From)
		if !found {
			i--
		}
		last = i
	}
	for i := first; i <= last; i++ {
		if c.Usable.Has(i) {
			set.Add(i)
		}
	}
}

// above is the set of usable releases that a top excludes. It looks only for the
// bound.
func above(c resolver.Candidates, top py.Top) resolver.Releases {
	set := resolver.NewReleases(len(c.Releases))
	end := 0 // the excluded come first
	if !top.Version.IsZero() {
		i, found := at(c.Project, top.Version)
		if found && !top.Inclusive {
			i++
		}
		end = i
	}
	for i := range end {
		if c.Usable.Has(i) {
			set.Add(i)
		}
	}
	return set
}

// said is evidence that is one sentence about releases: which they are, between
// the words before and after.
type said struct {
	level         resolver.Level
	of            resolver.Candidates
	set           resolver.Releases
	before, after string
	evidence      string
}

func (s said) Justify() resolver.Justification {
	return resolver.Justification{
		Level: s.level, Package: s.of.Name, Message: s.before + span(s.of, s.set) + s.after, Evidence: s.evidence,
	}
}

// span names releases: one by its version, more by the oldest and the newest.
func span(c resolver.Candidates, set resolver.Releases) string {
	newest, oldest, n := -1, -1, 0
	for i := range c.Releases {
		if set.Has(i) {
			if n++; newest < 0 {
				newest = i
			}
			oldest = i
		}
	}
	switch n {
	case 0:
		return string(c.Name)
	case 1:
		return fmt.Sprintf("%s %s", c.Name, c.Releases[newest].Version)
	}
	return fmt.Sprintf("%s %s to %s", c.Name, c.Releases[oldest].Version, c.Releases[newest].Version)
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

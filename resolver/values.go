package resolver

import (
	"cmp"
	"slices"
)

// project makes the variable of a project.
func (s *space) project(p *project, inTerms []Releases) spaceVar {
	v := spaceVar{project: p.id, extra: -1, optional: true, valueOf: make([]int32, len(p.releases))}
	alone := s.alone[p.id]
	v.values = s.together(p, inTerms)
	place := make([]int, len(p.releases))
	for n, i := range p.order {
		place[i] = n
	}
	better := func(i, j int) int { return alone[j].compare(alone[i]) }
	for _, releases := range v.values {
		if !slices.IsSortedFunc(releases, better) { // mostly the newest is the best
			slices.SortStableFunc(releases, better)
		}
	}
	slices.SortFunc(v.values[1:], func(a, b []int) int { return cmp.Compare(place[a[0]], place[b[0]]) })
	v.worth = make([]worth, len(v.values))
	for x, releases := range v.values {
		for n, i := range releases {
			v.valueOf[i] = int32(x)
			if n == 0 {
				v.worth[x] = alone[i]
			}
		}
	}
	return v
}

// together returns the releases of a project by value, those of each in order of
// preference.
func (s *space) together(p *project, inTerms []Releases) [][]int {
	type key struct {
		group *group
		print fingerprint
	}
	prints := s.fingerprints(p, inTerms)
	out := s.out[p.id]
	byKey := map[key]int32{}
	var last key // of a release: the next one mostly has the same
	x := int32(0)
	valueOf := make([]int32, len(p.releases))
	count, all := []int{0}, 0 // by value: its releases
	for _, i := range p.order {
		if !p.reached.has(i) || out[i] {
			continue
		}
		if k := (key{p.releases[i].group, prints[i]}); k != last {
			ok := false
			if x, ok = byKey[k]; !ok {
				x = int32(len(count))
				byKey[k] = x
				count = append(count, 0)
			}
			last = k
		}
		valueOf[i] = x
		count[x]++
		all++
	}
	values, room := make([][]int, len(count)), make([]int, all)
	for x, n := range count {
		values[x], room = room[:0:n], room[n:]
	}
	for _, i := range p.order {
		if x := valueOf[i]; x > 0 {
			values[x] = append(values[x], i)
		}
	}
	return values
}

// extra makes the variable of an extra: the releases that require the same with
// it are one value.
func (s *space) extra(p *project, e int) spaceVar {
	v := spaceVar{project: p.id, extra: e, optional: true, valueOf: make([]int32, len(p.releases)), values: [][]int{nil}}
	byGroup := map[*group]int32{}
	own := &s.vars[s.ofProject[p.id]]
	for _, i := range p.order {
		g := p.releases[i].group
		if own.valueOf[i] == 0 || slices.Contains(g.barred, e) {
			continue
		}
		x, ok := byGroup[g]
		if !ok {
			x = int32(len(v.values))
			byGroup[g] = x
			v.values = append(v.values, nil)
		}
		v.valueOf[i] = x
		v.values[x] = append(v.values[x], i)
	}
	v.worth = make([]worth, len(v.values))
	return v
}

// A fingerprint tells sets of sets apart.
type fingerprint [2]uint64

// fingerprints tells, for each release of p, which of all the sets that matter
// it is in. That two different answers have one fingerprint is as likely as two
// random numbers of 128 bits being equal.
func (s *space) fingerprints(p *project, inTerms []Releases) []fingerprint {
	// Each set has a random number, and a release that of all its sets together.
	// Sets are stretches, so their numbers are noted where they begin and end.
	prints := make([]fingerprint, len(p.releases)+1)
	next := uint64(0)
	mix := func() uint64 { // SplitMix64 (Steele, Lea and Flood, 2014)
		next += 0x9e3779b97f4a7c15
		z := next
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	mark := func(set bitset) {
		number := fingerprint{mix(), mix()}
		for i := range set.borders() {
			prints[i].toggle(number)
		}
	}
	for _, id := range p.setOrder {
		mark(s.closure.sets[id].members)
	}
	for _, r := range inTerms {
		if r == nil {
			r = NewReleases(len(p.releases))
			bitset(r).addRange(0, len(p.source.Releases)) // all but those that stand in
		}
		mark(bitset(r))
	}
	for i := range p.releases {
		prints[i+1].toggle(prints[i])
	}
	return prints[:len(p.releases)]
}

func (f *fingerprint) toggle(g fingerprint) {
	f[0] ^= g[0]
	f[1] ^= g[1]
}

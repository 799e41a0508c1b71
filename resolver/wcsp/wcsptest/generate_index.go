package wcsptest

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
)

// An index is a made-up knowledge base. A package only needs packages with a
// higher number. Releases are numbered from old to new.
type index struct {
	packages []pkg
	roots    []need
	terms    []term
	edges    []edge
	hubs     int // the last so many packages are the popular ones
}

// A pkg is the releases of a package.
type pkg struct {
	date   []float64 // days, from old to new
	major  []int
	needs  [][]need // by release
	score  []int64  // by release, in 1e-4
	alive  releases // of which a stack may have one; made by prune
	always bool     // every stack has it; made by prune
}

// A need is a requirement of one release.
type need struct {
	on     int
	allows releases
}

// An edge is two packages of which the first has releases that need the second.
type edge struct{ from, on int }

// A term scores the stacks that have both packages at one of the releases.
type term struct {
	a, b   int
	as, bs releases
	score  int64
	veto   bool
}

// releases is a set of releases of one package.
type releases [2]uint64

// maxReleases is how many releases a package has at most.
const maxReleases = 100

func (r *releases) add(v int)              { r[v>>6] |= 1 << (v & 63) }
func (r *releases) remove(v int)           { r[v>>6] &^= 1 << (v & 63) }
func (r releases) has(v int) bool          { return r[v>>6]>>(v&63)&1 != 0 }
func (r releases) and(s releases) releases { return releases{r[0] & s[0], r[1] & s[1]} }
func (r releases) or(s releases) releases  { return releases{r[0] | s[0], r[1] | s[1]} }
func (r releases) empty() bool             { return r[0]|r[1] == 0 }
func (r releases) count() int              { return bits.OnesCount64(r[0]) + bits.OnesCount64(r[1]) }

// between returns the releases from lo up to but without hi.
func between(lo, hi int) releases {
	var r releases
	for v := lo; v < hi; v++ {
		r.add(v)
	}
	return r
}

// index makes up a knowledge base.
func (e Ecosystem) index(rng *rand.Rand) *index {
	e = e.defaults()
	x := &index{packages: make([]pkg, e.Packages), hubs: min(max(5, e.Packages/10), e.Packages)}
	for i := range x.packages {
		x.history(i, rng)
	}
	must := x.connect(e, rng)
	for _, d := range x.edges {
		x.require(e, d, must[d], rng)
	}
	for i := range e.Roots {
		n := len(x.packages[i].date)
		lo := 0
		if rng.Float64() < 0.3 {
			lo = n / 3
		}
		x.roots = append(x.roots, need{i, between(lo, n)})
	}
	x.judge(e, rng)
	return x
}

// hub reports whether a package is one of the popular ones.
func (x *index) hub(i int) bool { return i >= len(x.packages)-x.hubs }

// history makes up the releases of a package: 20 to 100, few more often than
// many. Popular packages are old.
func (x *index) history(i int, rng *rand.Rand) {
	const days = 1000
	n := 20 + min(int(81*math.Pow(rng.Float64(), 1.3)), maxReleases-20)
	birth := rng.Float64() * 500
	if x.hub(i) {
		birth = rng.Float64() * 60
	}
	p := &x.packages[i]
	p.date = make([]float64, n)
	for v := range p.date {
		p.date[v] = birth + (days-birth)*rng.Float64()
	}
	p.date[0] = birth
	slices.Sort(p.date)
	p.major = make([]int, n)
	for v := 1; v < n; v++ {
		p.major[v] = p.major[v-1]
		if rng.Float64() < 0.07 {
			p.major[v]++
		}
	}
	p.needs = make([][]need, n)
}

// connect makes up who needs whom, and says of which edges nobody would need
// the package without them.
func (x *index) connect(e Ecosystem, rng *rand.Rand) map[edge]bool {
	n := len(x.packages)
	have := map[edge]bool{}
	add := func(p, q int) {
		if p < q && !have[edge{p, q}] {
			have[edge{p, q}] = true
			x.edges = append(x.edges, edge{p, q})
		}
	}
	popular := rand.NewZipf(rng, 1.3, 1.5, uint64(x.hubs-1))
	firstHub := n - x.hubs
	for p := range n {
		for range min(x.degree(e, p, rng), n-1-p) {
			if rng.Float64() < 0.45 || p >= firstHub-1 {
				add(p, n-1-int(popular.Uint64()))
			} else {
				add(p, p+1+rng.IntN(min(firstHub-p-1, 60)))
			}
		}
	}
	needed := make([]bool, n)
	for _, d := range x.edges {
		needed[d.on] = true
	}
	must := map[edge]bool{}
	for q := e.Roots; q < n; q++ {
		if needed[q] {
			continue
		}
		p := q - 1 - rng.IntN(min(q, 80))
		if rng.Float64() < 0.3 {
			p = rng.IntN(e.Roots)
		}
		add(p, q)
		must[edge{p, q}] = true
	}
	slices.SortFunc(x.edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.on, b.on))
	})
	return must
}

// degree makes up how many packages one needs.
func (x *index) degree(e Ecosystem, p int, rng *rand.Rand) int {
	switch {
	case p == 0:
		return 8 + rng.IntN(14)
	case p < e.Roots:
		return 2 + rng.IntN(8)
	case x.hub(p):
		if rng.Float64() < 0.25 {
			return 1
		}
		return 0
	case rng.Float64() < 0.30:
		return 0
	}
	d := 1
	for rng.Float64() < 0.62 {
		d++
	}
	return d
}

// A style is how a requirement is written.
type style uint8

const (
	anything   style = iota
	atLeast          // >=
	nextMajor        // >=, < the next major release
	compatible       // ~=
	below            // < the next major release
	exactly          // ==
)

// style makes up how releases require a package.
func (x *index) style(e Ecosystem, on int, rng *rand.Rand) style {
	pins := e.Pins
	if x.hub(on) {
		pins *= 0.3
	}
	switch y := rng.Float64() - pins; {
	case y < 0:
		return exactly
	case y < e.Caps*0.45:
		return nextMajor
	case y < e.Caps*0.85:
		return compatible
	case y < e.Caps:
		return below
	case y < e.Caps+0.22:
		return anything
	}
	return atLeast
}

// require makes up the requirements along an edge, release by release: the
// lower bound follows what was the newest some time before, and now and then
// the style changes or a bad release is left out.
func (x *index) require(e Ecosystem, d edge, must bool, rng *rand.Rand) {
	p, q := &x.packages[d.from], &x.packages[d.on]
	from, to := 0, len(p.date)
	switch y := rng.Float64(); {
	case y < 0.13:
		from = 1 + rng.IntN(to-1)
	case y < 0.22:
		to = 1 + rng.IntN(to-1)
	}
	if must && rng.Float64() < 0.6 {
		from, to = 0, len(p.date)
	}
	s, lo, hole := x.style(e, d.on, rng), -1, -1
	newest := func(t float64) int { return sort.Search(len(q.date), func(i int) bool { return q.date[i] > t }) - 1 }
	for v := from; v < to; v++ {
		now := newest(p.date[v])
		if now < 0 && d.from >= e.Roots && !must {
			continue // not there yet
		}
		now = max(now, 0)
		if lo < 0 || rng.Float64() < 0.14 {
			lo = max(lo, newest(p.date[v]-rng.ExpFloat64()*180), 0)
		}
		lo = min(lo, now)
		if rng.Float64() < 0.03 {
			s = x.style(e, d.on, rng)
		}
		if rng.Float64() < 0.02 {
			hole = rng.IntN(len(q.date))
		}
		allows := q.allows(s, lo, now)
		if hole >= 0 && allows.has(hole) && allows.count() > 1 && s != exactly {
			allows.remove(hole)
		}
		p.needs[v] = append(p.needs[v], need{d.on, allows})
	}
}

// allows returns the releases that a requirement admits, with lo its lower
// bound, written when release now was the newest.
func (p *pkg) allows(s style, lo, now int) releases {
	n := len(p.date)
	top := func(v int) int { // the first release of a later major than v's
		return sort.Search(n, func(i int) bool { return p.major[i] > p.major[v] })
	}
	switch s {
	case anything:
		return between(0, n)
	case nextMajor:
		return between(lo, top(now))
	case compatible:
		return between(lo, top(lo))
	case below:
		return between(0, top(now))
	case exactly:
		return between(now, now+1)
	}
	return between(lo, n)
}

// judge makes up scores: newer is a little better, some packages are vulnerable
// up to a release, and terms of two packages are rectangles of up to ten by ten
// releases, three of five along an edge.
func (x *index) judge(e Ecosystem, rng *rand.Rand) {
	total := 0
	for i := range x.packages {
		p := &x.packages[i]
		n := len(p.date)
		total += n
		fixed, penalty := -1, 0.0
		if rng.Float64() < 0.4 {
			fixed, penalty = rng.IntN(n), 0.1+0.5*rng.Float64()
		}
		p.score = make([]int64, n)
		for v := range p.score {
			s := 0.25*float64(v)/float64(n) + 0.22*rng.NormFloat64()
			if e.Sparse {
				s = 0
				if rng.Float64() < 0.1 {
					s = 0.3 * rng.NormFloat64()
				}
			}
			if v < fixed {
				s -= penalty
			}
			p.score[v] = fixedPoint(min(max(s, -1), 1))
		}
	}
	stretch := func(i int) releases {
		n := len(x.packages[i].date)
		w := 1 + rng.IntN(10)
		lo := rng.IntN(n - w + 1)
		return between(lo, lo+w)
	}
	if len(x.packages) < 2 {
		return
	}
	for range int(float64(total) * e.Conditional) {
		a, b := rng.IntN(len(x.packages)), rng.IntN(len(x.packages)-1)
		if b >= a {
			b++
		}
		a, b = min(a, b), max(a, b)
		if len(x.edges) > 0 && rng.Float64() < 0.6 {
			d := x.edges[rng.IntN(len(x.edges))]
			a, b = d.from, d.on
		}
		s := rng.Float64() * 0.8
		if rng.Float64() < 0.7 {
			s = -s
		}
		x.terms = append(x.terms, term{a, b, stretch(a), stretch(b), fixedPoint(s), rng.Float64() < 0.10})
	}
}

// fixedPoint returns a score in 1e-4.
func fixedPoint(s float64) int64 { return int64(math.Round(s * 1e4)) }

package steps

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var freshness = pipeline.Unit{
	Name: "freshness",
	Doc:  "penalise releases by how far they are behind the newest usable one",
	Detail: `The newest release that can be used here has 0. One that is n releases, m major versions and y years behind has
-(0.03 log2(1+n) + 0.06 min(m, 5) + 0.01 min(y, 10)), at least -1: the first steps behind cost most, a major version as much as three releases.
Only usable releases are counted, a pre-release as a tenth, or as one where nothing but pre-releases can be used. A major version is the first number, of
projects below 1.0 ten of the second; another epoch is one major version. A release is never thought to be fewer major versions or years behind than a newer
one, so that an old line that is still maintained does not overtake: an older release is always the worse one.`,
	Step: func(_ context.Context, _ *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		releases := 0
		for _, c := range candidates {
			usable(c, func(int) { releases++ })
		}
		terms := make([]pipeline.Term, 0, releases)
		single := newSingles(candidates)
		for _, c := range candidates {
			terms = behind(terms, c, single)
		}
		return terms, nil
	},
}

// behind appends the terms of one project. There is one for nearly every release
// of a closure, so what they consist of is allocated together.
func behind(terms []pipeline.Term, c resolver.Candidates, single singles) []pipeline.Term {
	places := make([]int, 0, len(c.Releases))
	final := false
	usable(c, func(i int) {
		places = append(places, i)
		final = final || !c.Releases[i].Version.Prerelease()
	})
	if len(places) < 2 {
		return terms
	}
	members := make([]resolver.Member, len(places))
	distances := make([]distance, len(places))

	best := &c.Releases[places[0]]
	top := numbersOf(best.Version)
	var finals, pre, majors int // releases behind, of which pre are pre-releases that count less
	var late float64
	for k, i := range places[1:] {
		r := &c.Releases[i]
		if final && r.Version.Prerelease() {
			pre++
		} else {
			finals++
		}
		majors = max(majors, top.behind(numbersOf(r.Version))) // at least those of newer releases
		late = max(late, years(best, r))
		n := float64(finals) + 0.1*float64(pre)
		score := -min(1, 0.03*math.Log2(1+n)+0.06*float64(min(majors, 5))+0.01*min(late, 10))

		members[k] = resolver.Member{Project: c.Name, Releases: single.of(c, i)}
		distances[k] = distance{c.Project, r, best, finals}
		terms = append(terms, pipeline.Term{Members: members[k : k+1 : k+1], Score: score, Why: &distances[k]})
	}
	return terms
}

// A distance is how far a release is behind the best.
type distance struct {
	of            *py.Project
	release, best *py.Release
	finals        int // releases behind that are no pre-releases, unless all are
}

// Justify tells the years as they are, since they are a fact.
func (d *distance) Justify() resolver.Justification {
	name, version, best := d.of.Name, d.release.Version, d.best.Version
	text := fmt.Sprintf("%s %s is older than %s", name, version, best)
	if d.finals > 0 {
		text = fmt.Sprintf("%s %s is %s behind %s", name, version, plural(d.finals, "release"), best)
	}
	if y := years(d.best, d.release); y >= 0.05 { // what is printed as 0.1
		text += fmt.Sprintf(", by %.1f years", y)
	}
	return resolver.Justification{Package: name, Message: text, Evidence: best.String()}
}

// numbers are the first numbers of a version.
type numbers struct{ epoch, first, second int }

// numbersOf reads them from the text, because it is asked of every release. More
// than a million is a million.
func numbersOf(v py.Version) (n numbers) {
	text := v.String()
	if epoch, rest, ok := strings.Cut(text, "!"); ok {
		n.epoch, _ = number(epoch)
		text = rest
	}
	n.first, text = number(text)
	if rest, ok := strings.CutPrefix(text, "."); ok {
		n.second, _ = number(rest)
	}
	return n
}

// number reads the digits that a text begins with.
func number(text string) (n int, rest string) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		n = min(n*10+int(text[i]-'0'), 1e6)
		i++
	}
	return n, text[i:]
}

// behind is how many major versions a release whose numbers are o is behind.
func (n numbers) behind(o numbers) int {
	switch {
	case n.epoch != o.epoch:
		return 1
	case n.first != o.first:
		return n.first - o.first
	case n.first == 0:
		return (n.second - o.second) / 10
	}
	return 0
}

// years is by how much b was uploaded before a; 0 if it was not, or if that is
// not known.
func years(a, b *py.Release) float64 {
	if a.Uploaded == 0 || b.Uploaded == 0 {
		return 0
	}
	return max(0, float64(a.Uploaded-b.Uploaded)/(365.25*day))
}

package certify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A universe is knowledge as text, one release a line and what it requires below
// it, indented:
//
//	a 2.0 [yanked] [unread] [linux]
//		b>=2
//		c; extra == 'x'
type universe map[py.Name]*py.Project

func (u universe) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	answer := make([]*py.Project, len(names))
	for i, n := range names {
		answer[i] = u[n]
	}
	return answer, nil
}

// Files is not asked: no test here has dates or hashes but TestFiles, which has
// its own.
func (u universe) Files(context.Context, []py.Package) ([][]py.File, error) {
	return nil, fmt.Errorf("nobody asks for files")
}

func version(text string) py.Version {
	v, err := py.ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

func requirement(text string) py.Requirement {
	r, err := py.ParseRequirement(text)
	if err != nil {
		panic(err)
	}
	return r
}

func parseUniverse(text string) universe {
	u := universe{}
	var last *py.Release
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "\t") {
			last.Requires.Lines = append(last.Requires.Lines, strings.TrimSpace(line))
			continue
		}
		words := strings.Fields(line)
		p := u[py.Name(words[0])]
		if p == nil {
			p = &py.Project{Name: py.Name(words[0])}
			u[p.Name] = p
		}
		if len(words) == 1 {
			continue
		}
		r := py.Release{Version: version(words[1]), Requires: new(py.Requires)}
		for _, w := range words[2:] {
			switch w {
			case "[yanked]":
				r.Yanked = true
			case "[linux]":
				r.Artifacts = &py.Artifacts{Wheels: []string{"cp312-cp312-manylinux_2_17_x86_64"}}
			case "[py313]":
				r.RequiresPython = ">=3.13"
			case "[sdist]":
				r.Artifacts = &py.Artifacts{Sdist: true}
			case "[unread]":
			default:
				panic(line)
			}
		}
		p.Releases = append(p.Releases, r)
		last = &p.Releases[len(p.Releases)-1]
	}
	for _, p := range u {
		slices.SortFunc(p.Releases, func(a, b py.Release) int { return b.Version.Compare(a.Version) })
	}
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); strings.Contains(line, "[unread]") {
			p := u[py.Name(words[0])]
			for i := range p.Releases {
				if p.Releases[i].Version.String() == words[1] {
					p.Releases[i].Requires = nil
				}
			}
		}
	}
	share(u)
	return u
}

// share gives equal requirement lists one pointer, as a knowledge base does.
func share(u universe) {
	known := map[string]*py.Requires{}
	for _, p := range u {
		for i := range p.Releases {
			if r := &p.Releases[i]; r.Requires != nil {
				key := strings.Join(r.Requires.Lines, "\n")
				if known[key] == nil {
					known[key] = r.Requires
				}
				r.Requires = known[key]
			}
		}
	}
}

// parseProblem reads requirement lines, settings ("constraint b<2", "prereleases
// allow", "no-build") and a judge's lines.
func parseProblem(u universe, text string) *resolver.Problem {
	platform, err := py.ParsePlatform("win_amd64")
	if err != nil {
		panic(err)
	}
	p := &resolver.Problem{Environment: &py.Environment{Implementation: "cpython", Python: version("3.12.4"), Platform: platform}}
	j := &judgeText{world: u}
	n := 0
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		n++
		if len(words) == 0 {
			continue
		}
		user := func(text string) resolver.Requirement {
			return resolver.Requirement{Requirement: requirement(text), Origin: fmt.Sprintf("in:%d", n)}
		}
		switch words[0] {
		case "refuse", "skip", "drop", "add", "stand-in", "term", "veto", "reject":
			j.lines = append(j.lines, words)
		case "constraint":
			p.Constraints = append(p.Constraints, user(strings.Join(words[1:], " ")))
		case "prereleases":
			p.Prereleases = map[string]resolver.Prereleases{"if-necessary": resolver.IfNecessary, "allow": resolver.Allow,
				"explicit": resolver.Explicit, "disallow": resolver.Disallow}[words[1]]
		case "no-build":
			p.NoBuild.All = true
		default:
			p.Requirements = append(p.Requirements, user(strings.TrimSpace(line)))
		}
	}
	if len(j.lines) > 0 {
		p.Pipeline = j
	}
	return p
}

// A judgeText is a pipeline as text:
//
//	refuse a>=2                 skip b
//	drop a>=2 c                 add a>=2 c<1
//	stand-in a gpu              at the same version
//	term 7 -300 a>=2 b<1        veto a>=2 b<1
//	reject a==2                 a finished stack
type judgeText struct {
	lines [][]string
	world universe
}

func (j *judgeText) Hindsight() bool { return false }

func (j *judgeText) Scores() bool { return true }

func releases(r py.Requirement, p *py.Project) resolver.Releases {
	set := resolver.NewReleases(len(p.Releases))
	for i := range p.Releases {
		if r.Specifiers.Contains(p.Releases[i].Version) {
			set.Add(i)
		}
	}
	return set
}

func (j *judgeText) Sift(_ context.Context, projects []*py.Project) ([]resolver.Sifted, error) {
	all := make([]resolver.Sifted, len(projects))
	for n, p := range projects {
		s := &all[n]
		for _, l := range j.lines {
			r, err := py.ParseRequirement(l[1])
			if err != nil || r.Name != p.Name || l[0] == "term" {
				continue
			}
			set := releases(r, p)
			switch l[0] {
			case "refuse":
				s.Refused = map[int]string{}
				for i := range p.Releases {
					if set.Has(i) {
						s.Refused[i] = "is not for here"
					}
				}
			case "skip":
				s.Skip = "is not for here"
			case "drop":
				s.Edits = append(s.Edits, resolver.Edit{Releases: set, Drop: py.Name(l[2])})
			case "add":
				add := requirement(l[2])
				s.Edits = append(s.Edits, resolver.Edit{Releases: set, Add: &add})
			case "stand-in":
				by := j.world[py.Name(l[2])]
				for i := range p.Releases {
					s.StandIns = append(s.StandIns, resolver.StandIn{Release: i, By: py.Package{Name: by.Name, Version: p.Releases[i].Version}, Unit: "test"})
				}
			}
		}
	}
	return all, nil
}

func (j *judgeText) Vetoes(ctx context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	terms, err := j.Terms(ctx, candidates)
	return slices.DeleteFunc(terms, func(t resolver.Term) bool { return !t.Veto }), err
}

func (j *judgeText) Terms(_ context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	known := map[py.Name]*py.Project{}
	for _, c := range candidates {
		known[c.Name] = c.Project
	}
	var all []resolver.Term
	for _, l := range j.lines {
		t := resolver.Term{Unit: strings.Join(l, " "), Why: resolver.Justification{Message: "it says so"}}
		rest := l[1:]
		switch l[0] {
		case "veto":
			t.Veto = true
		case "term":
			tier, _ := strconv.Atoi(l[1])
			score, _ := strconv.Atoi(l[2])
			t.Tier, t.Score, rest = resolver.Tier(tier), int64(score), l[3:]
		default:
			continue
		}
		for _, text := range rest {
			r := requirement(text)
			if p := known[r.Name]; p != nil {
				t.Members = append(t.Members, resolver.Member{Project: r.Name, Releases: releases(r, p)})
			}
		}
		if len(t.Members) == len(rest) {
			all = append(all, t)
		}
	}
	return all, nil
}

func (j *judgeText) Accept(_ context.Context, stack []resolver.Choice) (string, error) {
	for _, l := range j.lines {
		if l[0] != "reject" {
			continue
		}
		r := requirement(l[1])
		for _, c := range stack {
			if c.Name == r.Name && r.Specifiers.Contains(c.Version) {
				return fmt.Sprintf("%s is in it", c.Package), nil
			}
		}
	}
	return "", nil
}

// drawWorld draws a small world with cycles, extras, markers, pre-releases,
// releases that cannot be used, constraints, edits, vetoes and terms of every
// tier and of one to four members.
func drawWorld(rng *rand.Rand) (u universe, problem string) {
	wide := rng.IntN(2) == 0 // many stacks
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	names := []string{"a", "b", "c", "d", "e"}[:2+rng.IntN(4)]
	if wide {
		names = names[:min(len(names), 4)]
	}
	versions := []string{"1.0", "1.5a1", "2.0", "2.1", "3.0b1"}
	specs := []string{"", "", "", "==1.0", ">=2.0", "<2.0", "!=2.0", "<=2.1", ">=1.5a1"}
	if wide {
		specs = []string{"", "", "", "!=1.0", ">=2.0", "!=2.1", "!=2.0", "<=2.1", ">=1.5a1"}
	}
	line := func() string {
		return pick(names...) + pick("", "", "", "[x]", "[y]") + pick(specs...) +
			pick("", "", "", "", "; extra == 'x'", "; extra == 'x'", "; extra == 'y'", "; python_version < '3'")
	}
	var text, p strings.Builder
	for _, n := range names {
		count := 1 + rng.IntN(4)
		if wide {
			count = 4
		}
		for _, v := range versions[:count] {
			fmt.Fprintf(&text, "%s %s %s\n", n, v, pick("", "", "", "", "", "", "", "[yanked]", "[linux]", "[py313]", "[sdist]"))
			for range rng.IntN(3) + rng.IntN(2) {
				fmt.Fprintf(&text, "\t%s\n", line())
			}
			if rng.IntN(12) == 0 {
				fmt.Fprintf(&text, "\ta[y\n") // cannot be read
			}
		}
	}
	for range 1 + rng.IntN(2) {
		fmt.Fprintf(&p, "%s\n", line())
	}
	if rng.IntN(5) == 0 {
		fmt.Fprintf(&p, "constraint %s%s\n", pick(names...), pick(specs[3:]...))
	}
	fmt.Fprintf(&p, "prereleases %s\n", pick("if-necessary", "if-necessary", "allow", "explicit", "disallow"))
	if rng.IntN(5) == 0 {
		fmt.Fprintf(&p, "no-build\n")
	}
	if rng.IntN(6) == 0 {
		fmt.Fprintf(&p, "skip %s\n", pick(names...))
	}
	if rng.IntN(4) == 0 {
		fmt.Fprintf(&p, "%s %s%s %s\n", pick("drop", "add"), pick(names...), pick(specs...), pick(names...))
	}
	count := rng.IntN(9)
	if wide {
		count = 16
	}
	for range count {
		if wide && rng.IntN(2) == 0 { // a frustrated pair
			i := rng.Perm(len(names))
			fmt.Fprintf(&p, "term 7 %d %s%s %s%s\n", rng.IntN(13)-6, names[i[0]], pick(specs[3:]...), names[i[1]], pick(specs[3:]...))
			continue
		}
		what := pick("term 0 -3", "term 0 2", "term 1 -2", "term 3 -1", "term 7 -5", "term 7 -4", "term 7 -2", "term 7 3", pick("veto", "term 7 -3"))
		fmt.Fprintf(&p, "%s", what)
		for _, i := range rng.Perm(len(names))[:1+rng.IntN(min(4, len(names)))] {
			fmt.Fprintf(&p, " %s%s", names[i], pick(specs...))
		}
		fmt.Fprintln(&p)
	}
	return parseUniverse(text.String()), p.String()
}

// drawFrustrated draws a world whose best stack takes branching to prove: every
// two of its projects have terms.
func drawFrustrated(rng *rand.Rand) (u universe, problem string) {
	var text, p strings.Builder
	names := []string{"a", "b", "c", "d"}
	for i, n := range names {
		fmt.Fprintf(&text, "%s 1.0\n%s 2.0\n%s 3.0\n", n, n, n)
		fmt.Fprintln(&p, n)
		for _, other := range names[:i] {
			for range 3 {
				fmt.Fprintf(&p, "term 7 %d %s==%d %s==%d\n", rng.IntN(9)-5, n, 1+rng.IntN(3), other, 1+rng.IntN(3))
			}
		}
	}
	return parseUniverse(text.String()), p.String()
}

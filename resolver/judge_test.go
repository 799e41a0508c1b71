package resolver

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// A judge is a pipeline as text, a line a judgement:
//
//	refuse a>=2 is too new
//	skip b is built in
//	drop a>=2 needs c          releases of a do not need c
//	add a>=2 needs c<1
//	stand-in a by b            at the same version
//	term 7 -300 a>=2 with b<1  in tier 7, millionths
//	veto a>=2 with b<1
//	reject a==2                a finished stack
type judge struct {
	lines [][]string
	world *universe
}

// judgements are the words that begin a line of a judge.
var judgements = []string{"refuse", "skip", "drop", "add", "stand-in", "term", "veto", "reject"}

func (j *judge) Hindsight() bool { return false }

func (j *judge) Scores() bool {
	return slices.ContainsFunc(j.lines, func(l []string) bool { return l[0] == "term" })
}

func requirementOf(text string) py.Requirement {
	r, err := py.ParseRequirement(text)
	if err != nil {
		panic(err)
	}
	return r
}

// admitted returns the releases of p that a specifier admits.
func admittedBy(r py.Requirement, p *py.Project) Releases {
	set := NewReleases(len(p.Releases))
	for i := range p.Releases {
		if r.Specifiers.Contains(p.Releases[i].Version) {
			set.Add(i)
		}
	}
	return set
}

func (j *judge) Sift(_ context.Context, projects []*py.Project) ([]Sifted, error) {
	all := make([]Sifted, len(projects))
	for n, p := range projects {
		s := &all[n]
		for _, l := range j.lines {
			r := requirementOf(strings.TrimSuffix(l[1], ","))
			if r.Name != p.Name {
				continue
			}
			set := admittedBy(r, p)
			rest := strings.Join(l[2:], " ")
			switch l[0] {
			case "refuse":
				for i := range p.Releases {
					if set.Has(i) {
						if s.Refused == nil {
							s.Refused = map[int]string{}
						}
						s.Refused[i] = rest
					}
				}
			case "skip":
				s.Skip = rest
			case "drop":
				s.Edits = append(s.Edits, Edit{Releases: set, Drop: py.Name(l[3]), Unit: "test", Reason: rest})
			case "add":
				add := requirementOf(l[3])
				s.Edits = append(s.Edits, Edit{Releases: set, Add: &add, Unit: "test", Reason: rest})
			case "stand-in":
				by := j.world.projects[py.Name(l[3])]
				for i := range p.Releases {
					if by != nil && slices.ContainsFunc(by.Releases, func(r py.Release) bool { return r.Version.Compare(p.Releases[i].Version) == 0 }) {
						s.StandIns = append(s.StandIns, StandIn{Release: i, By: py.Package{Name: by.Name, Version: p.Releases[i].Version}, Unit: "test"})
					}
				}
			}
		}
	}
	return all, nil
}

func (j *judge) Vetoes(ctx context.Context, candidates []Candidates) ([]Term, error) {
	terms, err := j.Terms(ctx, candidates)
	return slices.DeleteFunc(terms, func(t Term) bool { return !t.Veto }), err
}

func (j *judge) Terms(_ context.Context, candidates []Candidates) ([]Term, error) {
	known := map[py.Name]*py.Project{}
	for _, c := range candidates {
		known[c.Name] = c.Project
	}
	var all []Term
	for _, l := range j.lines {
		t := Term{Unit: strings.Join(l, " "), Why: Justification{Message: "it says so"}}
		rest := l[1:]
		switch l[0] {
		case "veto":
			t.Veto = true
		case "term":
			tier, _ := strconv.Atoi(l[1])
			score, _ := strconv.Atoi(l[2])
			t.Tier, t.Score, rest = Tier(tier), int64(score), l[3:]
		default:
			continue
		}
		missing := false
		for _, text := range rest {
			if text == "with" {
				continue
			}
			r := requirementOf(text)
			p := known[r.Name]
			if missing = missing || p == nil; missing {
				break
			}
			t.Members = append(t.Members, Member{r.Name, admittedBy(r, p)})
		}
		if !missing {
			all = append(all, t)
		}
	}
	return all, nil
}

func (j *judge) Accept(_ context.Context, stack []Choice) (string, error) {
	for _, l := range j.lines {
		if l[0] != "reject" {
			continue
		}
		r := requirementOf(l[1])
		for _, c := range stack {
			if c.Name == r.Name && r.Specifiers.Contains(c.Version) {
				return fmt.Sprintf("%s is in it", c.Package), nil
			}
		}
	}
	return "", nil
}

// judged gives a problem the judge that its text has, if any.
func judged(t testing.TB, p *Problem, u *universe, text string) *Problem {
	t.Helper()
	if lines := linesOf(text); len(lines) > 0 {
		p.Pipeline = &judge{lines: lines, world: u}
	}
	return p
}

// linesOf returns the words of the lines that are judgements.
func linesOf(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && slices.Contains(judgements, words[0]) {
			all = append(all, words)
		}
	}
	return all
}

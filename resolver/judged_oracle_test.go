package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"pgregory.net/rapid"
)

// drawJudge draws what a pipeline says of a world of drawWorld.
func drawJudge(rt *rapid.T) string {
	var b strings.Builder
	draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	release := func() string {
		return draw("judged", "a", "b", "a", "b", "c", "d") + draw("of", "", "==1.0", ">=2.0", "<2.0", "==2.1", "!=2.0")
	}
	for range rapid.IntRange(1, 14).Draw(rt, "judgements") {
		switch word := draw("judgement", "term", "term", "term", "term", "term", "term", "term", "term", "veto", "refuse", "skip", "drop", "add"); word {
		case "refuse":
			fmt.Fprintf(&b, "refuse %s is refused\n", release())
		case "skip":
			fmt.Fprintf(&b, "skip %s is skipped\n", draw("skipped", "c", "d", "e", "f"))
		case "drop":
			fmt.Fprintf(&b, "drop %s needs %s\n", release(), draw("dropped", "a", "b", "c"))
		case "add":
			fmt.Fprintf(&b, "add %s needs %s\n", release(), release())
		case "term":
			fmt.Fprintf(&b, "term %s %s %s\n", draw("tier", "0", "1", "5", "7", "7"), draw("score", "-1", "-2", "-3", "2"), company(rt, release))
		case "veto":
			fmt.Fprintf(&b, "veto %s\n", company(rt, release))
		}
	}
	return b.String()
}

// company draws one to three releases of different projects.
func company(rt *rapid.T, release func() string) string {
	var all []string
	for range max(1, rapid.IntRange(-1, 3).Draw(rt, "members")) {
		r := release()
		if !slices.ContainsFunc(all, func(o string) bool { return o[0] == r[0] }) {
			all = append(all, r)
		}
	}
	return strings.Join(all, " with ")
}

// judgedPlain tries every stack with a pipeline: none may pay a veto, and of the
// others the best is chosen.
func judgedPlain(t testing.TB, p *Problem, u *universe) (best map[py.Name]*py.Release, score Score, found bool) {
	s, finals := judgedWorld(t, p, u)
	if !p.Pipeline.Scores() { // then the newest stack, directs first, is as good as any
		found = s.solve()
		return s.chosen, score, found
	}
	var bestKey []int64
	s.each = func() {
		sum := s.sum()
		key := s.key(sum, finals)
		if !found || slices.Compare(key, bestKey) > 0 {
			found, bestKey, best, score = true, key, maps.Clone(s.chosen), sum
		}
	}
	s.solve()
	return best, score, found
}

// judgedWorld makes a plain search with what the problem's pipeline says, and
// tells which projects have finals.
func judgedWorld(t testing.TB, p *Problem, u *universe) (s *plain, finals map[py.Name]bool) {
	ctx := context.Background()
	j := p.Pipeline.(*judge)
	var projects []*py.Project
	var candidates []Candidates
	for _, name := range []py.Name{"a", "b", "c", "d", "e", "f", "g"} {
		if known := u.projects[name]; known != nil {
			projects = append(projects, known)
			candidates = append(candidates, Candidates{Project: known})
		}
	}
	all, err := siftAll(ctx, j, projects)
	if err != nil {
		t.Fatal(err)
	}
	s = newPlain(t, p, u, false)
	s.sifted = map[py.Name]Sifted{}
	for i, one := range all {
		s.sifted[projects[i].Name] = one
	}
	terms, err := termsOf(ctx, j, Pipeline.Terms, candidates)
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range terms {
		if term.Veto {
			s.forbidden = append(s.forbidden, term)
		} else {
			s.taste = append(s.taste, term)
		}
	}
	return s, s.reach()
}

// sum adds up what is chosen pays.
func (s *plain) sum() (sum Score) {
	for i := range s.taste {
		if s.pays(&s.taste[i]) {
			sum = sum.Add(&s.taste[i])
		}
	}
	return sum
}

// key compares stacks: the greater is the better. Tiers before the last, then how
// few pre-releases are taken of projects that have finals, then the last tier,
// then what is preferred: of directs, in the user's order, and of others by name.
// Not to have a project is preferred to having it.
func (s *plain) key(sum Score, finals map[py.Name]bool) []int64 {
	key := slices.Clone(sum[:LastTier])
	pre := int64(0)
	for name, r := range s.chosen {
		if s.problem.Prereleases == IfNecessary && finals[name] && r.Version.Prerelease() {
			pre--
		}
	}
	key = append(key, pre, sum[LastTier])
	var names []py.Name
	held, _ := holding(s.problem, s.problem.Requirements)
	for _, r := range held {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	for _, name := range []py.Name{"a", "b", "c", "d", "e", "f", "g"} {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		place := -1
		if r := s.chosen[name]; r != nil {
			place = slices.Index(s.candidates(name), r)
		}
		key = append(key, int64(-place))
	}
	return key
}

// reach returns the projects of which requirements of releases that requirements
// can reach admit a final release.
func (s *plain) reach() map[py.Name]bool {
	finals := map[py.Name]bool{}
	extras := map[py.Name][]py.Name{}
	reached := map[*py.Release]py.Name{}
	enter := func(r py.Requirement) {
		if s.sifted[r.Name].Skip != "" {
			return
		}
		for _, x := range r.Extras {
			if !slices.Contains(extras[r.Name], x) {
				extras[r.Name] = append(extras[r.Name], x)
			}
		}
		for _, c := range s.candidates(r.Name) {
			opaque := slices.ContainsFunc(s.lines(r.Name, c), func(l py.Requirement) bool {
				holds, _ := l.Marker.Evaluate(s.problem.Environment, "")
				return holds && l.URL != ""
			})
			if r.Specifiers.Contains(c.Version) && !opaque {
				reached[c] = r.Name
				finals[r.Name] = finals[r.Name] || !c.Version.Prerelease()
			}
		}
	}
	held, _ := holding(s.problem, s.problem.Requirements)
	for _, r := range held {
		enter(r.Requirement)
	}
	for range 20 { // more than worlds are deep
		for c, name := range maps.Clone(reached) {
			for _, l := range s.lines(name, c) {
				for _, x := range append([]py.Name{""}, extras[name]...) {
					if holds, _ := l.Marker.Evaluate(s.problem.Environment, x); holds && l.URL == "" {
						enter(l)
					}
				}
			}
		}
	}
	return finals
}

// TestJudgedSearchAgrees holds the engine with a pipeline against plain search.
func TestJudgedSearchAgrees(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		jt := drawJudge(rt)
		u := parseUniverse(t, ut)
		p := judged(t, parseProblem(t, pt), u, jt)
		report, err := Solve(context.Background(), p, u)
		want, sum, found := judgedPlain(t, p, u)
		var none *NoStackError
		var unknown *UnknownError
		switch {
		case err == nil:
			outcomes["stack"]++
			if err := Verify(context.Background(), p, u, report.Stack); err != nil {
				rt.Fatalf("%s%s%s\nstack does not verify: %v", ut, pt, jt, err)
			}
			if len(report.Terms) > 0 {
				outcomes["pays"]++
			}
			if !found {
				rt.Fatalf("%s%s%s\nfound a stack where plain search finds none", ut, pt, jt)
			}
			if len(want) != len(report.Stack) {
				rt.Fatalf("%s%s%s\nplain search has %d packages, the engine %d", ut, pt, jt, len(want), len(report.Stack))
			}
			for _, c := range report.Stack {
				if w := want[c.Name]; w == nil || w.Version.Compare(c.Version) != 0 {
					rt.Fatalf("%s%s%s\nchose %s, plain search %v", ut, pt, jt, c.Package, w)
				}
			}
			if sum != report.Score {
				rt.Fatalf("%s%s%s\nscore %v, plain search %v", ut, pt, jt, report.Score, sum)
			}
		case errors.As(err, &none), errors.As(err, &unknown):
			outcomes["none"]++
			if found {
				rt.Fatalf("%s%s%s\nsaid %v where there is a stack", ut, pt, jt, err)
			}
		default:
			rt.Fatal(err)
		}
	})
	if !t.Failed() && (outcomes["stack"] == 0 || outcomes["none"] == 0 || outcomes["pays"] == 0) {
		t.Errorf("the worlds are too tame to test anything: %v", outcomes)
	}
	t.Log(outcomes)
}

// TestTermOrderDoesNotMatter: the same judgements in another order give the same
// report.
func TestTermOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		jt := drawJudge(rt)
		u := parseUniverse(t, ut)
		solve := func(jt string) string {
			r, err := Solve(context.Background(), judged(t, parseProblem(t, pt), u, jt), u)
			if err != nil {
				return fmt.Sprintf("%T", err)
			}
			return printReport(r)
		}
		lines := strings.SplitAfter(strings.TrimSpace(jt)+"\n", "\n")
		slices.Reverse(lines)
		if a, b := solve(jt), solve(strings.Join(lines, "")); a != b {
			rt.Fatalf("%s%s%s\n%s\nthe other way round\n%s", ut, pt, jt, a, b)
		}
	})
}

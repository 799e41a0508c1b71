package resolver

import (
	"context"
	"errors"
	"fmt"
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

// judgedPlain is the plain search with a pipeline: no stack may pay a veto, or a
// guard that can be avoided together with those before it.
func judgedPlain(t testing.TB, p *Problem, u *universe, j *judge) (*plain, bool) {
	ctx := context.Background()
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
	sifted := map[py.Name]Sifted{}
	for i, s := range all {
		sifted[projects[i].Name] = s
	}
	terms, err := termsOf(ctx, j, candidates)
	if err != nil {
		t.Fatal(err)
	}
	var forbidden, guards, taste []Term
	for _, term := range terms {
		switch {
		case term.Veto:
			forbidden = append(forbidden, term)
		case term.guards():
			guards = append(guards, term)
		}
		if !term.Veto {
			taste = append(taste, term)
		}
	}
	try := func(forbidden []Term) (*plain, bool) {
		s := newPlain(t, p, u, false)
		s.sifted, s.forbidden, s.taste = sifted, forbidden, taste
		return s, s.solve()
	}
	if s, found := try(forbidden); !found {
		return s, false
	}
	for _, g := range guards {
		if _, found := try(append(slices.Clone(forbidden), g)); found {
			forbidden = append(forbidden, g)
		}
	}
	return try(forbidden)
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
		want, found := judgedPlain(t, p, u, p.Pipeline.(*judge))
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
			if len(want.chosen) != len(report.Stack) {
				rt.Fatalf("%s%s%s\nplain search has %d packages, the engine %d", ut, pt, jt, len(want.chosen), len(report.Stack))
			}
			for _, c := range report.Stack {
				if w := want.chosen[c.Name]; w == nil || w.Version.Compare(c.Version) != 0 {
					rt.Fatalf("%s%s%s\nchose %s, plain search %v", ut, pt, jt, c.Package, w)
				}
			}
			var sum Score
			for i := range want.taste {
				if want.pays(&want.taste[i]) {
					sum = sum.Add(&want.taste[i])
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

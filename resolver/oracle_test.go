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

// drawWorld draws a small universe and a problem on it: cycles, extras,
// markers, pre-releases, yanked and unread releases, projects without releases
// and unknown ones.
func drawWorld(rt *rapid.T) (universe, problem string) {
	var u, p strings.Builder
	names := []string{"a", "b", "c", "d", "e", "f"}[:rapid.IntRange(1, 6).Draw(rt, "projects")]
	versions := []string{"1.0", "1.5a1", "2.0", "2.1", "3.0b1"}
	specs := []string{"", "", "==1.0", ">=2.0", "<2.0", "!=2.0", "<=2.1", ">1.0", "==2.*", ">=1.5a1", "<1.0"}
	draw := func(from []string, what string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	requirement := func() string {
		target := draw(append([]string{"z"}, append(names, names...)...), "target")
		extra := draw([]string{"", "", "", "[x]", "[y]", "[x,y]"}, "extra")
		marker := draw([]string{"", "", "", "", "; extra == 'x'", "; extra == 'y'", "; python_version < '3'"}, "marker")
		return target + extra + draw(specs, "spec") + marker
	}
	for _, n := range names {
		count := rapid.IntRange(0, 4).Draw(rt, "releases")
		if count == 0 {
			fmt.Fprintf(&u, "%s\n", n)
		}
		for _, v := range versions[:count] {
			fmt.Fprintf(&u, "%s %s%s\n", n, v, draw([]string{"", "", "", "", "", "", " [yanked]", " [unread]", " [python >=3.13]"}, "flag"))
			for range rapid.IntRange(0, 3).Draw(rt, "requirements") {
				fmt.Fprintf(&u, "\t%s\n", requirement())
			}
		}
	}
	for range rapid.IntRange(1, 3).Draw(rt, "roots") {
		fmt.Fprintf(&p, "%s\n", requirement())
	}
	if rapid.IntRange(0, 4).Draw(rt, "constrain") == 0 {
		fmt.Fprintf(&p, "constraint %s%s\n", draw(names, "name"), draw(specs[2:], "spec"))
	}
	return u.String(), p.String()
}

// A plain is the textbook search that the engine must agree with: depth first,
// one project at a time, breadth first from the user's requirements, the
// preferred release first, no propagation and no learning. It works on the
// texts, with Verify as its only judge of a whole stack.
type plain struct {
	t       testing.TB
	problem *Problem
	u       Knowledge
	admit   *admission
	// optimistic plays unread releases as needing nothing, and unknown projects
	// as having one release that fits everything.
	optimistic bool
	chosen     map[py.Name]*py.Release // nil release: assumed
}

// solve returns the first stack, or false if there is none.
func (s *plain) solve() bool {
	next, ok, broken := s.next()
	if broken {
		return false
	}
	if !ok {
		return true
	}
	for _, r := range s.candidates(next) {
		s.chosen[next] = r
		if s.solve() {
			return true
		}
	}
	delete(s.chosen, next)
	return false
}

func (s *plain) candidates(name py.Name) []*py.Release {
	known, err := s.u.Projects(context.Background(), []py.Name{name})
	if err != nil {
		s.t.Fatal(err)
	}
	p := known[0]
	if p == nil {
		if s.optimistic {
			return []*py.Release{nil}
		}
		return nil
	}
	var stable, pre []*py.Release
	for i := range p.Releases {
		r := &p.Releases[i]
		switch {
		case s.admit.judge(name, r, r.Artifacts) != admitted:
		case r.Version.Prerelease():
			pre = append(pre, r)
		default:
			stable = append(stable, r)
		}
	}
	return append(stable, pre...)
}

// next walks what the choices require. It returns the first project that is
// not chosen, and whether a requirement of the walk is broken.
func (s *plain) next() (name py.Name, open, broken bool) {
	var queue []py.Name
	extras := map[py.Name][]py.Name{}
	visited := map[py.Name]bool{}
	var reqs []py.Requirement
	held, err := holding(s.problem, s.problem.Requirements)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range held {
		reqs = append(reqs, r.Requirement)
	}
	// Extras may be asked for late: walk again until none is new.
	for count := -1; ; {
		queue = queue[:0]
		clear(visited)
		enter := func(r py.Requirement) {
			if rel, ok := s.chosen[r.Name]; ok && rel != nil && !r.Specifiers.Contains(rel.Version) {
				broken = true
			}
			for _, x := range r.Extras {
				if !slices.Contains(extras[r.Name], x) {
					extras[r.Name] = append(extras[r.Name], x)
				}
			}
			if !visited[r.Name] {
				visited[r.Name] = true
				queue = append(queue, r.Name)
			}
		}
		for _, r := range reqs {
			enter(r)
		}
		for head := 0; head < len(queue); head++ {
			rel := s.chosen[queue[head]]
			if rel == nil || rel.Requires == nil {
				continue
			}
			for _, text := range rel.Requires.Lines {
				r, err := py.ParseRequirement(text)
				if err != nil {
					s.t.Fatal(err)
				}
				holds, _ := r.Marker.Evaluate(s.problem.Environment, "")
				for _, x := range extras[queue[head]] {
					one, _ := r.Marker.Evaluate(s.problem.Environment, x)
					holds = holds || one
				}
				if holds {
					enter(r)
				}
			}
		}
		n := 0
		for _, x := range extras {
			n += len(x)
		}
		if n == count {
			break
		}
		count = n
	}
	for _, c := range s.problem.Constraints {
		if rel := s.chosen[c.Name]; visited[c.Name] && rel != nil && !c.Specifiers.Contains(rel.Version) {
			broken = true
		}
	}
	for _, n := range queue {
		if _, ok := s.chosen[n]; !ok {
			return n, true, broken
		}
	}
	return "", false, broken
}

func newPlain(t testing.TB, p *Problem, u Knowledge, optimistic bool) *plain {
	held, err := holding(p, p.Requirements)
	if err != nil {
		t.Fatal(err)
	}
	constraints, err := holding(p, p.Constraints)
	if err != nil {
		t.Fatal(err)
	}
	return &plain{t, p, u, newAdmission(p, held, constraints, optimistic), optimistic, map[py.Name]*py.Release{}}
}

// TestPlainSearchAgrees holds the engine against plain search on random worlds:
// whether there is a stack, that it is the same one, and that "none" and
// "unknown" are told apart as the package comment promises.
func TestPlainSearchAgrees(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		u, p := parseUniverse(t, ut), parseProblem(t, pt)
		report, err := Solve(context.Background(), p, u)
		var none *NoStackError
		var unknown *UnknownError
		known, hoped := newPlain(t, p, u, false), newPlain(t, p, u, true)
		switch {
		case err == nil:
			outcomes["stack"]++
			if err := Verify(context.Background(), p, u, report.Stack); err != nil {
				rt.Fatalf("%s%s\nstack does not verify: %v", ut, pt, err)
			}
			if !known.solve() {
				rt.Fatalf("%s%s\nfound a stack where plain search finds none", ut, pt)
			}
			if len(known.chosen) != len(report.Stack) {
				rt.Fatalf("%s%s\nplain search has %d packages, the engine %d", ut, pt, len(known.chosen), len(report.Stack))
			}
			for _, c := range report.Stack {
				if want := known.chosen[c.Name]; want == nil || want.Version.Compare(c.Version) != 0 {
					rt.Fatalf("%s%s\nchose %s, plain search %v", ut, pt, c.Package, want)
				}
			}
		case errors.As(err, &none):
			outcomes["none"]++
			if hoped.solve() {
				rt.Fatalf("%s%s\nsaid none where the unknown could help: %v", ut, pt, err)
			}
			checkConflict(rt, t, p, u, none)
		case errors.As(err, &unknown):
			outcomes["unknown"]++
			if known.solve() {
				rt.Fatalf("%s%s\nsaid unknown where a stack is known", ut, pt)
			}
			if !hoped.solve() {
				rt.Fatalf("%s%s\nsaid unknown where there is none", ut, pt)
			}
			if len(unknown.Projects)+len(unknown.Releases) == 0 {
				rt.Fatalf("%s%s\nunknown, but names nothing", ut, pt)
			}
		default:
			rt.Fatal(err)
		}
	})
	if !t.Failed() && len(outcomes) < 3 {
		t.Errorf("the worlds are too tame to test anything: %v", outcomes)
	}
	t.Log(outcomes)
}

// checkConflict checks that the user's lines of a conflict are a conflict by
// themselves and that without any one of them there is none among the others.
func checkConflict(rt *rapid.T, t *testing.T, p *Problem, u *universe, none *NoStackError) {
	origins := map[string]bool{}
	for _, l := range none.Lines {
		if l.Origin != "" {
			origins[l.Origin] = true
		}
	}
	if len(origins) == 0 || none.Lines[0].Origin == "" {
		rt.Fatalf("the conflict does not begin with the user: %v", none)
	}
	pick := func(leave string) *Problem {
		q := *p
		q.Requirements, q.Constraints = nil, nil
		for _, r := range p.Requirements {
			if origins[r.Origin] && r.Origin != leave {
				q.Requirements = append(q.Requirements, r)
			}
		}
		for _, r := range p.Constraints {
			if origins[r.Origin] && r.Origin != leave {
				q.Constraints = append(q.Constraints, r)
			}
		}
		return &q
	}
	// The user's pins stay what they were (PEP 592), so keep the admission.
	solvable := func(q *Problem) bool {
		s := newPlain(t, p, u, true)
		s.problem = q
		return s.solve()
	}
	if solvable(pick("")) {
		rt.Fatalf("the user's lines of the conflict have a stack: %v", none)
	}
	for o := range origins {
		if !solvable(pick(o)) {
			rt.Fatalf("the conflict is not minimal, %s is not needed: %v", o, none)
		}
	}
}

// TestSharingDoesNotMatter: the report is the same
// when the same releases come with unshared requirement lists.
func TestSharingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		u, p := parseUniverse(t, ut), parseProblem(t, pt)
		want, wantErr := Solve(context.Background(), p, u)
		for _, project := range u.projects {
			for i := range project.Releases {
				if r := &project.Releases[i]; r.Requires != nil {
					copied := *r.Requires
					r.Requires = &copied
				}
			}
		}
		got, gotErr := Solve(context.Background(), p, u)
		if (wantErr == nil) != (gotErr == nil) {
			rt.Fatalf("%s%s\n%v, then %v", ut, pt, wantErr, gotErr)
		}
		if wantErr == nil && printReport(want) != printReport(got) {
			rt.Fatalf("%s%s\n%s, then %s", ut, pt, printReport(want), printReport(got))
		}
	})
}

// TestFewerReleases: taking a release away never makes an unsolvable problem
// solvable.
func TestFewerReleases(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		u, p := parseUniverse(t, ut), parseProblem(t, pt)
		_, err := Solve(context.Background(), p, u)
		var none *NoStackError
		if !errors.As(err, &none) {
			return
		}
		for _, project := range u.projects {
			if len(project.Releases) == 0 {
				continue
			}
			all := project.Releases
			i := rapid.IntRange(0, len(all)-1).Draw(rt, "gone")
			project.Releases = slices.Delete(slices.Clone(all), i, i+1)
			if _, err := Solve(context.Background(), p, u); !errors.As(err, &none) {
				rt.Fatalf("%s%s\nwithout %s %s: %v", ut, pt, project.Name, all[i].Version, err)
			}
			project.Releases = all
		}
	})
}

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
// markers, direct references, pre-releases, yanked and unread releases, files
// for other platforms, projects without releases and unknown ones, constraints,
// and every policy.
func drawWorld(rt *rapid.T) (universe, problem string) {
	var u, p strings.Builder
	names := []string{"a", "b", "c", "d", "e", "f", "g"}[:rapid.IntRange(1, 7).Draw(rt, "projects")]
	versions := []string{"1.0", "1.5a1", "2.0", "2.1", "3.0b1"}
	specs := []string{"", "", "==1.0", ">=2.0", "<2.0", "!=2.0", "<=2.1", ">1.0", "==2.*", ">=1.5a1", "~=2.0", "<1.0"}
	draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	requirement := func() string {
		target := draw("target", append([]string{"z"}, append(names, names...)...)...)
		extra := draw("extra", "", "", "", "[x]", "[y]", "[x,y]")
		marker := draw("marker", "", "", "", "", "; extra == 'x'", "; extra == 'y'", "; extra != 'x'", "; python_version < '3'")
		return target + extra + draw("spec", specs...) + marker
	}
	for _, n := range names {
		count := rapid.IntRange(0, 5).Draw(rt, "releases")
		if count == 0 {
			fmt.Fprintf(&u, "%s\n", n)
		}
		for _, v := range versions[:count] {
			fmt.Fprintf(&u, "%s %s%s\n", n, v, draw("flag", "", "", "", "", "", "", "", "", " [yanked]", " [unread]",
				" [python >=3.13]", " [sdist]", " [wheels cp312-cp312-win_amd64]", " [wheels py3-none-any] [sdist]"))
			for range rapid.IntRange(0, 3).Draw(rt, "requirements") {
				fmt.Fprintf(&u, "\t%s\n", requirement())
			}
			if rapid.IntRange(0, 20).Draw(rt, "reference") == 0 {
				fmt.Fprintf(&u, "\tz @ https://files.example/z.zip%s\n", draw("marker", "", " ; extra == 'x'", " ; python_version < '3'"))
			}
		}
	}
	for range rapid.IntRange(1, 3).Draw(rt, "roots") {
		fmt.Fprintf(&p, "%s\n", requirement())
	}
	for range max(0, rapid.IntRange(-4, 2).Draw(rt, "constraints")) {
		fmt.Fprintf(&p, "constraint %s%s\n", draw("name", names...), draw("spec", specs[2:]...))
	}
	fmt.Fprintf(&p, "prereleases %s\n", draw("policy", "if-necessary", "if-necessary", "allow", "explicit", "disallow"))
	fmt.Fprintf(&p, "prefer %s\n", draw("preference", "newest", "newest", "oldest", "oldest-direct"))
	if f := draw("no-build", "", "", "", ":all:", "a b"); f != "" {
		fmt.Fprintf(&p, "no-build %s\n", f)
	}
	if f := draw("no-binary", "", "", "", ":all:", "a b"); f != "" {
		fmt.Fprintf(&p, "no-binary %s\n", f)
	}
	return u.String(), p.String()
}

// A plain is the textbook search that the engine must agree with: depth first,
// one project at a time, breadth first from the user's requirements, the
// preferred release first, no propagation and no learning. It works on the
// texts and has a judgement of its own.
type plain struct {
	t       testing.TB
	problem *Problem // its policies, and what its lines allow (pins, pre-releases)
	asked   *Problem // whose lines are to be satisfied; the same, unless part is tried
	u       Knowledge
	// optimistic plays unread releases as needing nothing, direct references as
	// fulfilled, and unknown projects as having one release that fits everything.
	optimistic bool
	chosen     map[py.Name]*py.Release // nil release: assumed

	// What a pipeline says, if there is one: of projects, and the terms that no
	// stack may pay and those that are a matter of taste.
	sifted    map[py.Name]Sifted
	forbidden []Term
	taste     []Term

	each func() // if set, every stack is tried
}

// solve returns the first stack, or false if there is none.
func (s *plain) solve() bool {
	next, ok, broken := s.next()
	if broken {
		return false
	}
	if !ok {
		if s.each != nil {
			s.each()
		}
		return s.each == nil
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
	pinned, named, direct := s.said(name)
	for i := range p.Releases {
		r := &p.Releases[i]
		if s.problem.Preference == Oldest || s.problem.Preference == OldestDirect && direct {
			r = &p.Releases[len(p.Releases)-1-i]
		}
		policy := s.problem.Prereleases
		if policy == Explicit && named {
			policy = Allow
		}
		switch {
		case r.Yanked && !slices.Contains(pinned, r.Version.String()),
			r.Version.Prerelease() && (policy == Disallow || policy == Explicit),
			r.RequiresPython != "",
			r.Requires == nil && !s.optimistic,
			s.sifted[name].Refused[slices.IndexFunc(p.Releases, func(q py.Release) bool { return q.Version.Compare(r.Version) == 0 })] != "",
			!s.installable(name, r.Artifacts):
		case r.Version.Prerelease() && policy == IfNecessary:
			pre = append(pre, r)
		default:
			stable = append(stable, r)
		}
	}
	return append(stable, pre...)
}

// has reports whether a release is in a member's set.
func (s *plain) has(m Member, r *py.Release) bool {
	known, err := s.u.Projects(context.Background(), []py.Name{m.Project})
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Releases.Has(slices.IndexFunc(known[0].Releases, func(q py.Release) bool { return q.Version.Compare(r.Version) == 0 }))
}

// pays reports whether what is chosen pays a term.
func (s *plain) pays(t *Term) bool {
	return !slices.ContainsFunc(t.Members, func(m Member) bool {
		return s.chosen[m.Project] == nil || !s.has(m, s.chosen[m.Project])
	})
}

// said returns what the user's lines say of a project: versions it is pinned
// to, whether a pre-release is named, and whether it is required.
func (s *plain) said(name py.Name) (pinned []string, named, direct bool) {
	for i, r := range slices.Concat(s.problem.Requirements, s.problem.Constraints) {
		if holds, err := r.Marker.Evaluate(s.problem.Environment, ""); err != nil {
			s.t.Fatal(err)
		} else if !holds || r.Name != name {
			continue
		}
		text := r.Specifiers.String()
		if v, ok := strings.CutPrefix(text, "=="); ok && !strings.HasSuffix(v, "*") {
			pinned = append(pinned, v)
		}
		named = named || strings.ContainsAny(text, "ab")
		direct = direct || i < len(s.problem.Requirements)
	}
	return pinned, named, direct
}

// installable judges kinds of files of the few that drawWorld draws.
func (s *plain) installable(name py.Name, a *py.Artifacts) bool {
	if a == nil {
		return true
	}
	wheel := slices.Contains(a.Wheels, "py3-none-any") && !s.problem.NoBinary.Has(name)
	return wheel || a.Sdist && !s.problem.NoBuild.Has(name)
}

// next walks what the choices require. It returns the first project that is
// not chosen, and whether a requirement of the walk is broken.
func (s *plain) next() (name py.Name, open, broken bool) {
	var queue []py.Name
	extras := map[py.Name][]py.Name{}
	visited := map[py.Name]bool{}
	var reqs []py.Requirement
	held, err := holding(s.asked, s.asked.Requirements)
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
			if s.sifted[r.Name].Skip != "" {
				return
			}
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
			for _, r := range s.lines(queue[head], rel) {
				holds, _ := r.Marker.Evaluate(s.problem.Environment, "")
				for _, x := range extras[queue[head]] {
					one, _ := r.Marker.Evaluate(s.problem.Environment, x)
					holds = holds || one
				}
				switch {
				case holds && r.URL == "":
					enter(r)
				case holds && !s.optimistic:
					broken = true
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
	for _, c := range s.asked.Constraints {
		if rel := s.chosen[c.Name]; visited[c.Name] && rel != nil && !c.Specifiers.Contains(rel.Version) {
			broken = true
		}
	}
	for i := range s.forbidden {
		broken = broken || s.pays(&s.forbidden[i])
	}
	for _, n := range queue {
		if _, ok := s.chosen[n]; !ok {
			return n, true, broken
		}
	}
	return "", false, broken
}

// lines are what a release requires, after edits.
func (s *plain) lines(name py.Name, rel *py.Release) []py.Requirement {
	var all []py.Requirement
	for _, text := range rel.Requires.Lines {
		r, err := py.ParseRequirement(text)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	var added []py.Requirement
	for _, e := range s.sifted[name].Edits {
		switch {
		case !s.has(Member{name, e.Releases}, rel):
		case e.Add != nil:
			added = append(added, *e.Add)
		default:
			all = slices.DeleteFunc(all, func(r py.Requirement) bool { return r.Name == e.Drop })
		}
	}
	return append(all, added...)
}

func newPlain(t testing.TB, p *Problem, u Knowledge, optimistic bool) *plain {
	return &plain{t: t, problem: p, asked: p, u: u, optimistic: optimistic, chosen: map[py.Name]*py.Release{}}
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
	solvable := func(q *Problem) bool {
		s := newPlain(t, p, u, true)
		s.asked = q
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

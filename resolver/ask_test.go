package resolver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"pgregory.net/rapid"
)

// A growing is knowledge that can be asked for what a world holds: it knows
// only the releases and projects that it was asked for.
type growing struct {
	world     *universe
	known     map[py.Name]*py.Project // as it is known so far
	questions int
}

func (g *growing) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	answer := make([]*py.Project, len(names))
	for i, n := range names {
		answer[i] = g.known[n]
	}
	return answer, nil
}

func (g *growing) Files(ctx context.Context, packages []py.Package) ([][]py.File, error) {
	return g.world.Files(ctx, packages)
}

// list learns which releases a project has, and of none what it requires.
func (g *growing) list(name py.Name) {
	p := &py.Project{Name: name}
	if real := g.world.projects[name]; real != nil {
		for _, r := range real.Releases {
			r.Requires = nil
			p.Releases = append(p.Releases, r)
		}
	}
	g.known[name] = p
	g.questions++
}

// read learns what a release requires, or that nobody can tell.
func (g *growing) read(x py.Package) {
	p := *g.known[x.Name]
	p.Releases = append([]py.Release(nil), p.Releases...)
	for i := range p.Releases {
		if p.Releases[i].Version.Compare(x.Version) == 0 {
			p.Releases[i].Requires = g.world.projects[x.Name].Releases[i].Requires
			p.Releases[i].Unreadable = p.Releases[i].Requires == nil
		}
	}
	g.known[x.Name] = &p
	g.questions++
}

// TestAskAgrees: asking for what the answer stands on, until it stands on facts,
// gives the stack that everything known gives, whatever else happens to be known
// on the way.
func TestAskAgrees(t *testing.T) {
	asked, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		u, p := parseUniverse(t, ut), parseProblem(t, pt)
		if rapid.Bool().Draw(rt, "judged") {
			jt := drawPenalties(rt)
			pt += jt
			p.Pipeline = hindsight{&judge{lines: linesOf(jt), world: u}}
		}
		whole := closed{u}
		want, wantErr := Solve(context.Background(), p, whole)
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))

		g := &growing{world: u, known: map[py.Name]*py.Project{}}
		for round := 0; ; round++ {
			if round > 1000 {
				rt.Fatalf("%s%s\ndoes not end", ut, pt)
			}
			got, missing, err := Ask(context.Background(), p, g)
			if err != nil {
				var none *NoStackError
				if !errors.As(err, &none) {
					rt.Fatal(err)
				}
				if wantErr == nil {
					rt.Fatalf("%s%s\nno stack, but there is\n%s", ut, pt, printReport(want))
				}
				break
			}
			if missing == nil {
				if wantErr != nil {
					rt.Fatalf("%s%s\n%s\nbut %v", ut, pt, printReport(got), wantErr)
				}
				if a, b := fmt.Sprint(packagesOf(got)), fmt.Sprint(packagesOf(want)); a != b {
					rt.Fatalf("%s%s\n%s, want %s", ut, pt, a, b)
				}
				if err := Verify(context.Background(), p, g, got.Stack); err != nil {
					rt.Fatal(err)
				}
				break
			}
			for _, m := range missing.Projects {
				g.list(m.Name)
			}
			for _, x := range missing.Releases {
				g.read(x)
			}
			// Something that nobody asked for becomes known too.
			for name, known := range g.known {
				if n := len(known.Releases); n > 0 && chance.IntN(4) == 0 {
					g.read(py.Package{Name: name, Version: known.Releases[chance.IntN(n)].Version})
					break
				}
			}
		}
		asked += g.questions
		for _, project := range u.projects {
			all += 1 + len(project.Releases)
		}
	})
	t.Logf("%d questions, %d answers in all", asked, all)
}

// drawPenalties is drawJudge without what nobody promises to be lazy about: what
// is better for being in company.
func drawPenalties(rt *rapid.T) string {
	lines := strings.SplitAfter(drawJudge(rt), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "term") && !strings.Contains(l, " -") || strings.HasPrefix(l, "add") || strings.HasPrefix(l, "drop")
	}), "")
}

// A hindsight is a judge that also thinks little of releases that require
// nothing although a later and an earlier one require something.
type hindsight struct{ *judge }

func (hindsight) Hindsight() bool { return true }

func (h hindsight) Terms(ctx context.Context, candidates []Candidates) ([]Term, error) {
	terms, err := h.judge.Terms(ctx, candidates)
	for _, c := range candidates {
		later := false
		set := NewReleases(len(c.Releases))
		for i := range c.Releases {
			r := &c.Releases[i]
			if r.Requires == nil || r.Yanked || r.Version.Prerelease() {
				continue
			}
			if later && len(r.Requires.Lines) == 0 && slices.ContainsFunc(c.Releases[i+1:], func(e py.Release) bool { return requiresAlways(&e) }) {
				set.Add(i)
			}
			later = later || requiresAlways(r)
		}
		if !set.Empty() {
			terms = append(terms, Term{Members: []Member{{c.Name, set}}, Score: -1, Unit: "hole", Why: Justification{}})
		}
	}
	return terms, err
}

func packagesOf(r *Report) []py.Package {
	var packages []py.Package
	for _, c := range r.Stack {
		packages = append(packages, c.Package)
	}
	return packages
}

package steps_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/steps"
	"github.com/thamos/thamos/resolver"
)

// worldLines are the projects of randomFacts: with pre-releases, builds, yanked
// releases and such as cannot be used.
func worldLines() []string {
	return []string{"!a 5.0 4.0* 3.0rc1 2.0 1.0#", "b 4.0# 3.0 2.0! 1.0", "c 2.0 1.0"}
}

// randomFacts makes up something of every kind. What Facts promises an order of
// is in that order.
func randomFacts(chance *rand.Rand) *Facts {
	facts := &Facts{About: map[string]*py.About{}}
	pick := func(of ...string) string { return of[chance.IntN(len(of))] }
	for i := range 10 {
		name, v := pick("a", "b", "c"), pick("1.0", "2.0", "3.0", "4.0", "5.0")
		p := py.Package{Name: py.Name(name), Version: Version(v)}
		facts.Flaws = append(facts.Flaws, flaw(fmt.Sprintf("%s-%d", pick("PYSEC", "MAL"), i), name, py.Severity(chance.IntN(5)), v))
		facts.Suspected = append(facts.Suspected, py.Suspicion{
			Kind: py.SuspicionKind(1 + chance.IntN(2)), Project: p.Name, Version: p.Version, Dependency: py.Name(pick("b", "c")),
			Top: py.Top{Version: Version(pick("1.0", "1.5")), Inclusive: chance.IntN(2) == 0}, By: Version("9.0"), Line: "c<1.5",
		})
		facts.Observed = append(facts.Observed,
			py.Observation{Packages: []py.Package{p}, Kind: pick("import", "build"), Outcome: pick("ok", "failed", "timeout"), At: int64(i)},
			py.Observation{Packages: []py.Package{p}, Kind: "metric", Metric: "speed", Value: float64(1 + chance.IntN(9)), At: int64(i)})
		facts.Indicated = append(facts.Indicated,
			py.Indicator{Package: p, Tool: "bandit", Metric: "severity_high__confidence_high", Value: float64(chance.IntN(50))},
			py.Indicator{Package: p, Tool: "cloc", Metric: "python_code_lines", Value: 100})
		facts.About[p.String()] = &py.About{License: pick("MIT", "AGPL-3.0-only", ""), Classifiers: []string{"Programming Language :: Python :: 3." + pick("11", "12")}}
	}
	slices.SortStableFunc(facts.Indicated, func(x, y py.Indicator) int { return x.Version.Compare(y.Version) })
	return facts
}

// everything is a plan for which every step is asked.
func everything(t *testing.T, facts *Facts, all []pipeline.Unit) *pipeline.Plan {
	plan := Plan(t, facts)
	plan.Now = 503 * Day
	plan.Settings.LicenceDeny = []string{"AGPL-*"}
	plan.Locked = map[py.Name]py.Version{"a": Version("2.0"), "b": Version("1.0")}
	for _, u := range all {
		if u.When != nil && !u.When(plan) {
			t.Fatalf("%s is not asked", u.Name)
		}
		for _, c := range append(u.Classes, pipeline.Class{})[:max(1, len(u.Classes))] {
			plan.Table.Rows = append(plan.Table.Rows, pipeline.Row{Unit: u.Name, Class: c.Name, Tier: resolver.LastTier, Weight: 1, Direct: 5})
		}
	}
	return plan
}

// TestOrderDoesNotMatter: units, candidates and facts in another order give the
// same terms.
func TestOrderDoesNotMatter(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	terms := func(facts *Facts, all []pipeline.Unit, lines []string) []string {
		p, err := pipeline.Build(everything(t, facts, all), all)
		if err != nil {
			t.Fatal(err)
		}
		candidates := Candidates(lines...)
		found, err := p.Terms(context.Background(), candidates)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range found {
			out = append(out, f.Unit+" "+show(candidates, pipeline.Term{Members: f.Members, Score: float64(f.Score), Why: f.Why}))
		}
		slices.Sort(out)
		return out
	}
	heard := map[string]bool{}
	for range 200 {
		facts, all, lines := randomFacts(chance), steps.Units(), worldLines()
		want := terms(facts, all, lines)
		for _, w := range want {
			unit, _, _ := strings.Cut(w, " ")
			heard[unit] = true
		}
		chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		chance.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		chance.Shuffle(len(facts.Flaws), func(i, j int) { facts.Flaws[i], facts.Flaws[j] = facts.Flaws[j], facts.Flaws[i] })
		chance.Shuffle(len(facts.Suspected), func(i, j int) {
			facts.Suspected[i], facts.Suspected[j] = facts.Suspected[j], facts.Suspected[i]
		})
		if diff := cmp.Diff(want, terms(facts, all, lines)); diff != "" {
			t.Fatal(diff)
		}
	}
	for _, u := range steps.Units() {
		if !heard[u.Name] {
			t.Errorf("%s gave no term", u.Name)
		}
	}
}

// TestPenalties: scores are from -1 to 0, and what compares releases gives the
// best usable one of each project nothing.
func TestPenalties(t *testing.T) {
	compares := []string{"freshness", "cooldown", "wheel", "yanked", "classifiers", "performance", "security-indicators", "least-change"}
	chance := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		plan := everything(t, randomFacts(chance), steps.Units())
		candidates := Candidates(worldLines()...)
		for _, u := range steps.Units() {
			terms, err := u.Step(context.Background(), plan, candidates)
			if err != nil {
				t.Fatal(err)
			}
			for _, term := range terms {
				if !(term.Score >= -1 && term.Score < 0) || term.Veto {
					t.Errorf("%s: %s", u.Name, show(candidates, term))
				}
			}
			if !slices.Contains(compares, u.Name) {
				continue
			}
			for _, c := range candidates {
				if best := bestOf(c, terms); best != 0 {
					t.Errorf("%s gives the best of %s %v", u.Name, c.Name, best)
				}
			}
		}
	}
}

// bestOf is the best sum of terms that a usable release has.
func bestOf(c resolver.Candidates, terms []pipeline.Term) float64 {
	var sums []float64
	for i := range c.Releases {
		if !c.Usable.Has(i) {
			continue
		}
		sum := 0.0
		for _, term := range terms {
			if term.Members[0].Project == c.Name && term.Members[0].Releases.Has(i) {
				sum += term.Score
			}
		}
		sums = append(sums, sum)
	}
	return slices.Max(sums)
}

// TestFreshnessIsAnOrder: an older release is worse than every newer one, by what
// a table can tell apart: however long the line, whenever they were uploaded,
// pre-releases, old epochs and maintained old lines among them.
func TestFreshnessIsAnOrder(t *testing.T) {
	chance := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		n := 2 + chance.IntN(700)
		line := "a"
		for i := n; i > 0; i-- {
			epoch, suffix := "", ""
			if 2*i > n {
				epoch = "1!"
			}
			if chance.IntN(3) == 0 {
				suffix = "rc1"
			}
			line += fmt.Sprintf(" %s%d.%d%s", epoch, i/7, i%7, suffix)
		}
		candidates := Candidates(line)
		for i := range candidates[0].Releases {
			candidates[0].Releases[i].Uploaded = int64(chance.IntN(20*365)) * Day // on day 0 is not known
		}
		terms, err := unit(t, "freshness").Step(context.Background(), Plan(t, new(Facts)), candidates)
		if err != nil || len(terms) != n-1 {
			t.Fatal(len(terms), err)
		}
		last := 0.0
		for i, term := range terms {
			if term.Score > last-1e-6 || term.Score < -1 || !term.Members[0].Releases.Has(i+1) {
				t.Fatalf("%s after %v", show(candidates, term), last)
			}
			last = term.Score
		}
	}
}

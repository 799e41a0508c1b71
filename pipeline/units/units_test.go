package units

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/resolver"
)

var update = flag.Bool("update", false, "rewrite units.txt")

// TestUnits: the list is sound, every table fits it, and units.txt says what
// they are.
func TestUnits(t *testing.T) {
	all := All()
	if err := pipeline.Validate(all); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	for _, u := range all {
		fmt.Fprintf(&page, "%s (%s): %s\n", u.Name, u.Kind(), u.Doc)
		for _, c := range u.Classes {
			fmt.Fprintf(&page, "\t%s: %s\n", c.Name, c.Doc)
		}
	}
	for _, table := range Tables() {
		plan := pipelinetest.Plan(t, new(pipelinetest.Facts))
		plan.Table = table
		if _, err := pipeline.Build(plan, all); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&page, "\n%s: %s\n", table.Name, table.Doc)
		for _, r := range table.Rows {
			fmt.Fprintf(&page, "\ttier %d\t%g\t%g\t%s %s\n", r.Tier, r.Weight, r.Direct, r.Unit, r.Class)
		}
		if got, ok := TableNamed(table.Name); !ok || got.Name != table.Name {
			t.Errorf("table %s is not found", table.Name)
		}
	}
	if *update {
		if err := os.WriteFile("units.txt", []byte(page.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if golden, err := os.ReadFile("units.txt"); err != nil || string(golden) != page.String() {
		t.Errorf("units.txt is stale (%v): run go test ./pipeline/units -update", err)
	}
}

// TestTiersOutrank: whatever is paid in larger tiers, a stack that pays less in a
// smaller one is better.
func TestTiersOutrank(t *testing.T) {
	const most = math.MaxInt64 / 2 // far more than a stack can pay: 10,000 terms of 1,000 are 1e13
	for tier := resolver.Tier(0); tier < resolver.LastTier; tier++ {
		var pays, avoids resolver.Score
		pays = pays.Add(&resolver.Term{Tier: tier, Score: -1})
		for larger := tier + 1; larger <= resolver.LastTier; larger++ {
			avoids = avoids.Add(&resolver.Term{Tier: larger, Score: -most})
		}
		if avoids.Compare(pays) <= 0 || pays.Compare(avoids) >= 0 {
			t.Errorf("a term of tier %d does not outrank the larger tiers", tier)
		}
	}
	if sum := int64(10_000) * 1_000 * 1_000_000; sum < 0 || sum > most {
		t.Errorf("a stack of the largest terms overflows: %d", sum)
	}
}

// TestRanks: what the tables promise of what outranks what.
func TestRanks(t *testing.T) {
	tier := func(table, unit, class string) resolver.Tier {
		found, _ := TableNamed(table)
		row, ok := found.Row(unit, class)
		if !ok {
			t.Fatalf("%s has no row %s %s", table, unit, class)
		}
		return row.Tier
	}
	for _, table := range []string{"stable", "security", "performance"} {
		for _, order := range [][2][2]string{
			{{"hole", ""}, {"malware", ""}}, {{"malware", ""}, {"advisory", "critical"}}, {{"advisory", "critical"}, {"advisory", "high"}},
			{{"advisory", "high"}, {"freshness", ""}}, {{"hole", ""}, {"retro-cap", ""}},
		} {
			a, b := order[0], order[1]
			if tier(table, a[0], a[1]) >= tier(table, b[0], b[1]) {
				t.Errorf("%s: %v does not outrank %v", table, a, b)
			}
		}
		found, _ := TableNamed(table)
		if row, _ := found.Row("freshness", ""); row.Direct != 5 {
			t.Errorf("%s: freshness of what is required directly weighs %g times", table, row.Direct)
		}
	}
	for _, class := range []string{"medium", "low", "unrated"} {
		if tier("security", "advisory", class) >= resolver.LastTier {
			t.Errorf("security weighs %s advisories against freshness", class)
		}
	}
}

// TestEveryStepWeighs: a step that stable does not weigh was forgotten, unless it
// is known to be the user's own to weigh.
func TestEveryStepWeighs(t *testing.T) {
	stable, _ := TableNamed("stable")
	for _, u := range All() {
		if u.Step == nil {
			continue
		}
		for _, c := range append(u.Classes, pipeline.Class{})[:max(1, len(u.Classes))] {
			if _, ok := stable.Row(u.Name, c.Name); ok == (u.Name == "least-change") {
				t.Errorf("step %s, class %q: weighed is %v", u.Name, c.Name, ok)
			}
		}
	}
}

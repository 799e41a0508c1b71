package units

import (
	"slices"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Tiers, the most important first. A term of a smaller tier outranks all of the
// larger ones together (resolver.Score). In all but the last the search avoids
// terms wherever it can; what is in the last is weighed against each other.
const (
	tierHole resolver.Tier = iota
	tierMalware
	tierRetroCap
	tierCritical
	tierHigh
	tierMedium
	tierLow
	tierRest = resolver.LastTier
)

// Tables lists the recommendation types, the default first.
func Tables() []pipeline.Table {
	return []pipeline.Table{stableTable(), latestTable(), securityTable(), performanceTable(), testingTable()}
}

// TableNamed returns a recommendation type.
func TableNamed(name string) (pipeline.Table, bool) {
	all := Tables()
	i := slices.IndexFunc(all, func(t pipeline.Table) bool { return t.Name == name })
	if i < 0 {
		return pipeline.Table{}, false
	}
	return all[i], true
}

// trust is what every table but latest thinks of knowledge itself: a hole fits
// everything, and an exact search finds it; what dodges a cap looks better than
// what heeds it. Both must outrank what they promise, so they have tiers. A
// prescription that gives -1 says what a retro-cap does: that it will not work.
func trust() []pipeline.Row {
	return []pipeline.Row{
		{Unit: "hole", Tier: tierHole, Weight: 1},
		{Unit: "malware", Tier: tierMalware, Weight: 1},
		{Unit: "retro-cap", Tier: tierRetroCap, Weight: 1},
		{Unit: "prescription-steps", Class: "worst", Tier: tierRetroCap, Weight: 1},
	}
}

// fresh is freshness: what the user requires weighs five times what that brings
// along, or the answer has an old release of what was asked for and new ones of
// what nobody knows.
var fresh = pipeline.Row{Unit: "freshness", Tier: tierRest, Weight: 1, Direct: 5}

// stableTable is for a stack that is to run for long. Critical and high advisories
// outrank freshness, whatever it is. The others, and those that nobody rated,
// are weighed: in tiers of their own they would drive apache-beam<=2.49 to a
// release of 2020, to escape one unrated advisory of pyarrow.
//
// What is weighed is measured in freshness. Of what is not required directly, 0.03 is
// one release, 0.3 is twenty with two major versions and five years, and 0.6 is a
// hundred with five and ten; of what is required directly, the same costs five times
// as much.
func stableTable() pipeline.Table {
	return pipeline.Table{
		Name: "stable",
		Doc:  "what will most likely work, without grave known vulnerabilities, and not too new",
		Rows: append(trust(),
			pipeline.Row{Unit: "advisory", Class: "critical", Tier: tierCritical, Weight: 1},
			pipeline.Row{Unit: "advisory", Class: "high", Tier: tierHigh, Weight: 1},
			pipeline.Row{Unit: "advisory", Class: "medium", Tier: tierRest, Weight: 0.6},
			pipeline.Row{Unit: "advisory", Class: "low", Tier: tierRest, Weight: 0.3},
			pipeline.Row{Unit: "advisory", Class: "unrated", Tier: tierRest, Weight: 0.3},
			fresh,
			// On the first days more than one release that is required directly.
			pipeline.Row{Unit: "cooldown", Tier: tierRest, Weight: 0.2},
			// Rather a release that is ten behind than a compiler.
			pipeline.Row{Unit: "wheel", Tier: tierRest, Weight: 0.5},
			pipeline.Row{Unit: "yanked", Tier: tierRest, Weight: 0.5},
			// Less than one release that is required directly: many projects name a new
			// Python long after they work with it.
			pipeline.Row{Unit: "classifiers", Tier: tierRest, Weight: 0.05},
			// It was tried here and does not work, which no freshness makes up for; a
			// guess from a neighbour (-0.25) can be.
			pipeline.Row{Unit: "observed", Class: "failed", Tier: tierHigh, Weight: 1},
			pipeline.Row{Unit: "observed", Class: "neighbour", Tier: tierRest, Weight: 1},
			// Of two releases that are as good, the faster.
			pipeline.Row{Unit: "performance", Tier: tierRest, Weight: 0.1},
			pipeline.Row{Unit: "security-indicators", Tier: tierRest, Weight: 1},
			pipeline.Row{Unit: "licence", Tier: tierRest, Weight: 1},
			pipeline.Row{Unit: "prescription-steps", Class: "other", Tier: tierRest, Weight: 1},
		),
	}
}

// latestTable weighs nothing: the newest releases that fit. Vetoes of prescriptions
// and what sieves drop hold all the same.
func latestTable() pipeline.Table {
	return pipeline.Table{Name: "latest", Doc: "the newest releases that fit, as other resolvers choose them"}
}

// securityTable puts every known vulnerability before anything but what may not work
// at all. A retro-cap is weighed against medium advisories, and costs a little more
// than one: below them the search would dodge every cap that keeps an old release
// with an advisory, above them it would keep any number of those for one cap.
func securityTable() pipeline.Table {
	t := stableTable()
	t.Name, t.Doc = "security", "as few known vulnerabilities as can be, the gravest first, whatever else that costs"
	t.Rows = slices.DeleteFunc(t.Rows, func(r pipeline.Row) bool { return r.Unit == "advisory" || r.Unit == "retro-cap" })
	t.Rows = append(t.Rows,
		pipeline.Row{Unit: "advisory", Class: "critical", Tier: tierCritical, Weight: 1},
		pipeline.Row{Unit: "advisory", Class: "high", Tier: tierHigh, Weight: 1},
		pipeline.Row{Unit: "retro-cap", Tier: tierMedium, Weight: 1},
		pipeline.Row{Unit: "advisory", Class: "medium", Tier: tierMedium, Weight: 0.9},
		pipeline.Row{Unit: "advisory", Class: "low", Tier: tierLow, Weight: 1},
		pipeline.Row{Unit: "advisory", Class: "unrated", Tier: tierLow, Weight: 1},
	)
	return t
}

// performanceTable is stable with what was measured before all other preferences.
func performanceTable() pipeline.Table {
	t := stableTable()
	t.Name, t.Doc = "performance", "stable, and what was measured to be faster before what is newer"
	for i := range t.Rows {
		if t.Rows[i].Unit == "performance" {
			t.Rows[i].Weight = 10
		}
	}
	return t
}

// testingTable is for trying what is new: only what may not work at all is avoided.
func testingTable() pipeline.Table {
	return pipeline.Table{
		Name: "testing",
		Doc:  "the newest that is not suspected of not working at all",
		Rows: append(trust(), fresh),
	}
}

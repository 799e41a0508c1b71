package pipeline

import (
	"errors"
	"fmt"
	"math"

	"github.com/thamos/thamos/resolver"
)

// A Table is a recommendation type: what the scores of steps weigh. A step, or
// class of a step, without a row weighs nothing.
type Table struct {
	Name, Doc string
	Rows      []Row
}

// A Row weighs the terms of one class of one step.
type Row struct {
	Unit, Class string

	// Tier outranks all larger ones. In those before resolver.LastTier the
	// search avoids terms wherever it can.
	Tier resolver.Tier

	// Weight multiplies scores; it is not negative.
	Weight float64

	// Direct multiplies once more those of releases that the user requires
	// directly. Zero means 1.
	Direct float64
}

// Row returns the row of a class of a step.
func (t *Table) Row(unit, class string) (Row, bool) {
	for _, r := range t.Rows {
		if r.Unit == unit && r.Class == class {
			return r, true
		}
	}
	return Row{}, false
}

// rows returns the rows of a step by class. Its terms, of which there are
// thousands, are looked up among them alone.
func (t *Table) rows(unit string) map[string]*Row {
	rows := map[string]*Row{}
	for i := range t.Rows {
		if r := &t.Rows[i]; r.Unit == unit && rows[r.Class] == nil {
			rows[r.Class] = r
		}
	}
	return rows
}

// weigh makes a resolver's term of a unit's, whose rows are given; false if it
// weighs nothing.
func weigh(unit string, rows map[string]*Row, term *Term, direct bool) (resolver.Term, bool, error) {
	name := term.Unit
	if name == "" {
		name = unit
	}
	out := resolver.Term{Members: term.Members, Veto: term.Veto, Tier: resolver.LastTier, Unit: name, Why: term.Why}
	switch {
	case len(term.Members) == 0:
		return out, false, fmt.Errorf("unit %s gives a term without members", name)
	case math.IsNaN(term.Score) || term.Score < -1 || term.Score > 1:
		return out, false, fmt.Errorf("unit %s gives the score %v, which is not between -1 and 1", name, term.Score)
	case term.Why == nil:
		return out, false, fmt.Errorf("unit %s gives a term without a reason", name)
	}
	if term.Veto {
		return out, true, nil
	}
	row := rows[term.Class]
	if row == nil {
		return out, false, nil
	}
	factor := row.Weight
	if direct && row.Direct != 0 {
		factor *= row.Direct
	}
	out.Tier = row.Tier
	out.Score = int64(math.Round(term.Score * factor * 1e6))
	return out, out.Score != 0, nil
}

// check refuses a table that does not fit the units.
func (t *Table) check(units []Unit) error {
	var faults []error
	type key struct{ unit, class string }
	known := map[key]bool{}
	for i := range units {
		u := &units[i]
		if u.Step != nil && len(u.Classes) == 0 {
			known[key{u.Name, ""}] = true
		}
		for _, c := range u.Classes {
			known[key{u.Name, c.Name}] = true
		}
	}
	seen := map[key]bool{}
	for _, r := range t.Rows {
		k := key{r.Unit, r.Class}
		what := r.Unit
		if r.Class != "" {
			what += "/" + r.Class
		}
		switch {
		case !known[k]:
			faults = append(faults, fmt.Errorf("table %s: there is no step %s", t.Name, what))
		case seen[k]:
			faults = append(faults, fmt.Errorf("table %s: %s has two rows", t.Name, what))
		case !(r.Weight >= 0 && r.Weight <= 1000) || !(r.Direct >= 0 && r.Direct <= 1000):
			faults = append(faults, fmt.Errorf("table %s: %s: a weight is from 0 to 1000", t.Name, what))
		case r.Tier >= resolver.Tiers:
			faults = append(faults, fmt.Errorf("table %s: %s: a tier is from 0 to %d", t.Name, what, resolver.LastTier))
		}
		seen[k] = true
	}
	return errors.Join(faults...)
}

package prescription

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/pipeline"
)

// included reports whether a plan has a use for a unit: all conditions hold, and
// it is not known to do harm (see known.go). Thoth never looked at the conditions
// of release notes.
func (u *unit) included(plan *pipeline.Plan) bool {
	strict := plan.Settings.Strict
	if plan.Disabled(u.Name) || !strict && harmOf(u.Name) != "" {
		return false
	}
	if strict && u.Type == typeNotes {
		return true
	}
	for i := range u.Include {
		if !u.Include[i].holds(plan) {
			return false
		}
	}
	return true
}

func (x *include) holds(plan *pipeline.Plan) bool {
	switch {
	case x.Off,
		plan.Monkey && !x.Monkey, !plan.Monkey && !x.Advise,
		!plan.Monkey && x.Recommendation != nil && !x.Recommendation.has(plan.Table.Name),
		plan.Monkey && x.Decision != nil && !x.Decision.has(plan.Decision),
		x.Authenticated != nil && *x.Authenticated, // nobody is: there is no service
		!labelled(x.Labels, plan.Labels),
		!used(x.Usage, plan):
		return false
	}
	return x.Runtime == nil || x.Runtime.holds(plan)
}

// has reports whether a value is (not, for Not) in the set. Empty is null.
func (s *set) has(value string) bool {
	in := slices.ContainsFunc(s.Values, func(v *string) bool {
		return v == nil && value == "" || v != nil && *v == value && value != ""
	})
	return in != s.Not
}

// labelled reports whether one of the wanted labels is among those of the
// request; no wanted ones are always.
func labelled(wanted, have map[string]string) bool {
	for key, value := range wanted {
		if have[key] == value {
			return true
		}
	}
	return len(wanted) == 0
}

// used reports whether the user's code uses every listed symbol of every listed
// package. Thoth looked at the first used symbol alone.
func used(wanted map[string][]string, plan *pipeline.Plan) bool {
	for name, symbols := range wanted {
		have := plan.Usage[name]
		if len(have) == 0 {
			return false
		}
		if plan.Settings.Strict {
			have = have[:1]
		}
		for _, symbol := range symbols {
			prefix, all := strings.CutSuffix(symbol, ".*")
			if !slices.ContainsFunc(have, func(s string) bool {
				if all {
					return s == prefix || strings.HasPrefix(s, prefix+".") || plan.Settings.Strict && strings.HasPrefix(s, prefix)
				}
				return s == symbol
			}) {
				return false
			}
		}
	}
	return true
}

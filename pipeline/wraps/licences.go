package wraps

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var licences = pipeline.Unit{
	Name: "licences",
	Doc:  "tell under which licences the packages of the stack are, and which name none that the user's policy could judge",
	Detail: `A licence is the SPDX expression of the metadata (PEP 639), else a short License field, else what the classifiers name. The step
licence judges the first two; where there is a policy, what has neither is a warning.`,
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		all, err := plan.Facts.Abouts(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		policy := len(plan.Settings.LicenceAllow)+len(plan.Settings.LicenceDeny) > 0
		count := map[string]int{}
		var w pipeline.Wrapped
		for i, c := range stack {
			about := all[i][c.Version.Key()]
			if licence := licenceOf(about); licence != "" {
				count[licence]++
			}
			if policy && (about == nil || about.License == "") {
				w.Notes = append(w.Notes, resolver.Justification{
					Level: resolver.Warning, Package: c.Name, Message: fmt.Sprintf("%s names no licence that the policy could judge", c.Package),
				})
			}
		}
		if len(count) > 0 {
			w.Notes = append(w.Notes, resolver.Justification{Message: summary(count, len(stack))})
		}
		return w, nil
	},
}

// summary counts the packages of each licence, the most frequent first.
func summary(count map[string]int, packages int) string {
	type row struct {
		licence string
		n       int
	}
	var rows []row
	unknown := packages
	for licence, n := range count {
		rows = append(rows, row{licence, n})
		unknown -= n
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(b.n-a.n, strings.Compare(a.licence, b.licence)) })
	var parts []string
	for _, r := range rows {
		parts = append(parts, fmt.Sprintf("%s (%d)", r.licence, r.n))
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("not known (%d)", unknown))
	}
	return "licences of the stack: " + strings.Join(parts, ", ")
}

// licenceOf is the licence that metadata names; empty if it names none.
func licenceOf(about *py.About) string {
	if about == nil {
		return ""
	}
	if about.License != "" {
		return about.License
	}
	var named []string
	for _, c := range about.Classifiers {
		if parts := strings.Split(c, " :: "); parts[0] == "License" && len(parts) > 1 && parts[len(parts)-1] != "OSI Approved" {
			named = append(named, parts[len(parts)-1])
		}
	}
	slices.Sort(named)
	return strings.Join(slices.Compact(named), " and ")
}

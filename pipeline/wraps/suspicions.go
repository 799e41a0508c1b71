package wraps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var suspicionsLeft = pipeline.Unit{
	Name:   "suspicions-left",
	Doc:    "tell which suspicions the stack was not free of",
	Detail: "Holes and retro-caps, as the steps of these names have them, whether a table weighs them or not.",
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		all, err := plan.Facts.Suspicions(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		chosen := map[py.Name]py.Version{}
		for _, c := range stack {
			chosen[c.Name] = c.Version
		}
		var w pipeline.Wrapped
		for i, c := range stack {
			for _, s := range all[i] {
				if s.Version.Compare(c.Version) != 0 {
					continue
				}
				j := resolver.Justification{Level: resolver.Warning, Package: c.Name, Evidence: s.Line}
				d, there := chosen[s.Dependency]
				switch {
				case s.Kind == py.Hole:
					j.Message = fmt.Sprintf("%s names no requirements, but %s requires %s: its metadata may be missing", c.Package, s.By, s.Line)
				case s.Kind == py.RetroCap && there && s.Dependency != c.Name && s.Top.Excludes(d):
					j.Message = fmt.Sprintf("%s allows %s %s, but the later %s requires %s", c.Package, s.Dependency, d, s.By, s.Line)
				default:
					continue
				}
				w.Notes = append(w.Notes, j)
			}
		}
		return w, nil
	},
}

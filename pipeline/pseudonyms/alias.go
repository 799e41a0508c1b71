package pseudonyms

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var alias = pipeline.Unit{
	Name:   "alias",
	Doc:    "let a project stand in for another, at the same version, as the user's settings say",
	Detail: "Settings name the pairs: [[alias]] with project and by. It serves builds of one's own that have another name.",
	When:   func(p *pipeline.Plan) bool { return len(p.Settings.Aliases) > 0 },
	Pseudonym: func(ctx context.Context, plan *pipeline.Plan, projects []*py.Project) ([]resolver.Sifted, error) {
		all := make([]resolver.Sifted, len(projects))
		type pair struct {
			of int // index into projects
			by py.Name
		}
		var pairs []pair
		var names []py.Name
		for i, p := range projects {
			for _, a := range plan.Settings.Aliases {
				wanted := pair{i, a.By}
				if a.Project == p.Name && a.By != p.Name && !slices.Contains(pairs, wanted) {
					pairs, names = append(pairs, wanted), append(names, a.By)
				}
			}
		}
		if len(pairs) == 0 {
			return all, nil
		}
		known, err := plan.Facts.Projects(ctx, names)
		if err != nil {
			return nil, err
		}
		for n, pair := range pairs {
			if known[n] != nil {
				all[pair.of].StandIns = append(all[pair.of].StandIns, standIns(projects[pair.of], known[n])...)
			}
		}
		return all, nil
	},
}

// standIns are the releases of p that another project has too. Both have theirs
// newest first.
func standIns(p, by *py.Project) []resolver.StandIn {
	var all []resolver.StandIn
	rest := by.Releases
	for i := range p.Releases {
		for len(rest) > 0 && rest[0].Version.Compare(p.Releases[i].Version) > 0 {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].Version.Compare(p.Releases[i].Version) == 0 {
			all = append(all, resolver.StandIn{Release: i, By: py.Package{Name: by.Name, Version: rest[0].Version}, Unit: "alias"})
		}
	}
	return all
}

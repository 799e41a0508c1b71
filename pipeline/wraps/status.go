package wraps

import (
	"context"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var projectStatus = pipeline.Unit{
	Name: "project-status",
	Doc:  "tell which projects of the stack are archived, deprecated or in quarantine, or have been silent for three years",
	Detail: `It is no penalty: a project is required or it is not, and no other release of it has another status. Silence is told only where all
releases have a date.`,
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		projects, err := plan.Facts.Projects(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		var w pipeline.Wrapped
		for i, c := range stack {
			p := projects[i]
			if p == nil {
				continue
			}
			if p.Status != "" && p.Status != "active" {
				text := fmt.Sprintf("%s is %s", c.Name, p.Status)
				if p.StatusReason != "" {
					text += ": " + p.StatusReason
				}
				w.Notes = append(w.Notes, resolver.Justification{Level: resolver.Warning, Package: c.Name, Message: text, Evidence: p.Status})
			}
			if years := silence(p, plan.Now); years >= 3 {
				w.Notes = append(w.Notes, resolver.Justification{Package: c.Name, Message: fmt.Sprintf("%s has had no release for %d years", c.Name, years)})
			}
		}
		return w, nil
	},
}

const yearHours = 8766 // of 365.25 days

// silence is for how many whole years a project has had no release; 0 where that
// is not known.
func silence(p *py.Project, now int64) int {
	newest := int64(0)
	for i := range p.Releases {
		r := &p.Releases[i]
		if r.Uploaded == 0 {
			return 0
		}
		newest = max(newest, r.Uploaded, r.LastUploaded)
	}
	if newest == 0 {
		return 0
	}
	return int((now - newest) / (yearHours * 3600))
}

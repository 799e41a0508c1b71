package wraps

import (
	"context"
	"fmt"
	"strings"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var projectLinks = pipeline.Unit{
	Name: "project-links",
	Doc:  "tell which index serves each package, and link to the project's page there",
	Wrap: func(_ context.Context, plan *pipeline.Plan, stack []resolver.Choice) (w pipeline.Wrapped, _ error) {
		for _, c := range stack {
			index := plan.Facts.Index(c.Name)
			j := resolver.Justification{Package: c.Name, Message: fmt.Sprintf("%s is from %s", c.Package, index)}
			switch {
			case strings.HasPrefix(index, "https://"), strings.HasPrefix(index, "http://"):
				j.Link = index + "/" + string(c.Name) + "/"
			case strings.HasPrefix(index, "file:"): // a directory has no page for a project
			default:
				continue // nobody said where the knowledge is from
			}
			w.Notes = append(w.Notes, j)
		}
		return w, nil
	},
}

package wraps

import (
	"context"
	"fmt"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

const statusClassifier = "Development Status :: "

var maturity = pipeline.Unit{
	Name: "maturity",
	Doc:  "tell which packages call themselves inactive, or not yet beta where the user does not ask for what is new",
	Detail: `It is what the classifier Development Status says. Of several the most mature counts, save for 7 - Inactive, which counts before all.
Beta is told of nobody: too many never leave it.`,
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		all, err := plan.Facts.Abouts(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		keen := plan.Table.Name == "latest" || plan.Table.Name == "testing"
		var w pipeline.Wrapped
		for i, c := range stack {
			status := development(all[i][c.Version.Key()])
			_, word, _ := strings.Cut(status, " - ")
			j := resolver.Justification{Package: c.Name, Evidence: statusClassifier + status, Message: fmt.Sprintf("%s calls itself %s", c.Package, strings.ToLower(word))}
			switch {
			case strings.HasPrefix(status, "7"):
				j.Level = resolver.Warning
			case keen || status == "" || status >= "4":
				continue
			}
			w.Notes = append(w.Notes, j)
		}
		return w, nil
	},
}

// development is the status of a release, such as "4 - Beta"; empty if it does
// not say.
func development(about *py.About) string {
	most := ""
	if about != nil {
		for _, c := range about.Classifiers {
			if status, ok := strings.CutPrefix(c, statusClassifier); ok {
				most = max(most, status) // they begin with a digit, and 7 is the last
			}
		}
	}
	return most
}

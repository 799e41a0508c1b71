package wraps

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

var releaseNotes = pipeline.Unit{
	Name: "release-notes",
	Doc:  "link to the release notes of each package whose repository its metadata names",
	Detail: `Of repositories on forges whose release pages are known. What a release's tag is called is not known (v1.2.3, 1.2.3, name-1.2.3), so
the link is to the list.`,
	Wrap: func(ctx context.Context, plan *pipeline.Plan, stack []resolver.Choice) (pipeline.Wrapped, error) {
		all, err := plan.Facts.Abouts(ctx, names(stack))
		if err != nil {
			return pipeline.Wrapped{}, err
		}
		var w pipeline.Wrapped
		for i, c := range stack {
			about := all[i][c.Version.Key()]
			if about == nil {
				continue
			}
			if link := releases(about.Repository); link != "" {
				w.Notes = append(w.Notes, resolver.Justification{Package: c.Name, Message: fmt.Sprintf("release notes of %s", c.Name), Link: link})
			}
		}
		return w, nil
	},
}

// releases is the page of a repository's releases; empty where the forge has none
// that is known.
func releases(repository string) string {
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	switch {
	case u.Host == "github.com", u.Host == "codeberg.org", u.Host == "gitee.com":
		return repository + "/releases"
	case strings.HasPrefix(u.Host, "gitlab."):
		return repository + "/-/releases"
	case u.Host == "git.sr.ht":
		return repository + "/refs"
	}
	return ""
}

package steps

import (
	"context"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

const pythonClassifier = "Programming Language :: Python :: "

var classifiers = pipeline.Unit{
	Name: "classifiers",
	Doc:  "penalise releases whose classifiers name Python versions, but not this one, if those of another do",
	Detail: `Classifiers are what the maintainers say they tested. A release that names no minor version of Python at all says nothing; one that
names some and not ours was most likely made before it.`,
	Step: func(ctx context.Context, plan *pipeline.Plan, candidates []resolver.Candidates) ([]pipeline.Term, error) {
		all, err := plan.Facts.Abouts(ctx, names(candidates))
		if err != nil {
			return nil, err
		}
		ours := plan.Problem.Environment.MarkerValues()["python_version"]
		var terms []pipeline.Term
		for n, c := range candidates {
			if len(all[n]) == 0 {
				continue
			}
			some := false // a usable release names ours
			set := where(c, func(i int) bool {
				named, has := pythons(all[n][c.Releases[i].Version.Key()], ours)
				some = some || has
				return named && !has
			})
			if some && !set.Empty() {
				terms = append(terms, alone(c, set, -1, said{
					of: c, set: set, after: " does not name Python " + ours + " among those it supports", evidence: pythonClassifier + ours,
				}))
			}
		}
		return terms, nil
	},
}

// pythons reports whether classifiers name minor versions of Python, and whether
// ours is among them.
func pythons(about *py.About, ours string) (named, has bool) {
	if about == nil {
		return false, false
	}
	for _, c := range about.Classifiers {
		v, ok := strings.CutPrefix(c, pythonClassifier)
		if !ok || !isMinor(v) {
			continue
		}
		named = true
		has = has || v == ours
	}
	return named, has
}

// isMinor reports whether text is two numbers, such as 3.12: neither "3" nor
// "3 :: Only" nor "Implementation :: CPython".
func isMinor(text string) bool {
	major, minor, ok := strings.Cut(text, ".")
	return ok && isNumber(major) && isNumber(minor)
}

func isNumber(text string) bool {
	_, rest := number(text)
	return text != "" && rest == ""
}

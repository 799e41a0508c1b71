package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// outdated remarks that a conflict is about releases known on a day, where newer
// ones than any of them would do. It is asked where no index was.
func (a *advice) outdated(ctx context.Context, none *resolver.NoStackError) error {
	for _, s := range none.Supplies {
		if !s.Known || !s.Short || a.directs.from[s.Name] != nil {
			continue
		}
		projects, err := a.directs.Projects(ctx, []py.Name{s.Name})
		if err != nil {
			return err
		}
		if len(projects[0].Releases) == 0 {
			continue
		}
		newest := projects[0].Releases[0].Version
		if admitsNewer(none.Lines, s.Name, newest) {
			a.notes = append(a.notes, fmt.Sprintf("a release of %s that is newer than %s, the newest of %s, may be what is required; ask the indexes with --online",
				s.Name, newest, day(a.info.Built)))
		}
	}
	return nil
}

// admitsNewer reports whether all lines about a project admit a version that is
// newer than one: one that they name, the next after it, or a far one.
func admitsNewer(lines []resolver.ConflictLine, name py.Name, newest py.Version) bool {
	var all []py.Specifiers
	texts := []string{fmt.Sprintf("%d!999999", newest.Epoch())}
	for _, l := range lines {
		if l.Child != name {
			continue
		}
		r, err := py.ParseRequirement(l.Text)
		if err != nil {
			return false // it says something else of the project
		}
		all = append(all, r.Specifiers)
		for _, s := range r.Specifiers.All() {
			texts = append(texts, s.Version.String(), s.Version.String()+".1")
		}
	}
	for _, text := range texts {
		v, err := py.ParseVersion(text)
		if err == nil && v.Compare(newest) > 0 && !slices.ContainsFunc(all, func(s py.Specifiers) bool { return !s.Contains(v) }) {
			return true
		}
	}
	return false
}

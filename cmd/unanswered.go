package cmd

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// unanswered is knowledge without hope for what was asked for in vain: the next
// question must be another one. It is for asking only; the answer is found
// with what is known.
type unanswered struct {
	resolver.Knowledge
	failed map[string]bool // by wantKey
}

func (u unanswered) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	all, err := u.Knowledge.Projects(ctx, names)
	if err != nil || len(u.failed) == 0 {
		return all, err
	}
	all = slices.Clone(all)
	for i, n := range names {
		switch {
		case all[i] == nil && u.failed[string(n)]:
			all[i] = &py.Project{Name: n}
		case all[i] != nil:
			all[i] = u.without(all[i])
		}
	}
	return all, nil
}

// without marks the releases that were asked for in vain.
func (u unanswered) without(p *py.Project) *py.Project {
	var marked *py.Project
	for i := range p.Releases {
		if p.Releases[i].Requires != nil || !u.failed[py.Package{Name: p.Name, Version: p.Releases[i].Version}.String()] {
			continue
		}
		if marked == nil {
			marked = &py.Project{Name: p.Name, Releases: slices.Clone(p.Releases)}
		}
		marked.Releases[i].Unreadable = true
	}
	if marked == nil {
		return p
	}
	return marked
}

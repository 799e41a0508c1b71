package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// sift asks the pipeline about projects that were just read, and does as it says.
func (c *closure) sift(ctx context.Context, fresh []*project) error {
	if c.problem.Pipeline == nil {
		return nil
	}
	var asked []*project
	var sources []*py.Project
	for _, p := range fresh {
		if p.known {
			asked, sources = append(asked, p), append(sources, p.source)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	all, err := siftAll(ctx, c.problem.Pipeline, sources)
	if err != nil {
		return err
	}
	for i, p := range asked {
		p.apply(&all[i])
		if len(all[i].StandIns) > 0 {
			p.order = c.admit.order(p)
		}
	}
	return nil
}

// siftAll asks the pipeline, and checks that what it says fits the projects.
func siftAll(ctx context.Context, pipeline Pipeline, projects []*py.Project) ([]Sifted, error) {
	all, err := pipeline.Sift(ctx, projects)
	if err != nil {
		return nil, err
	}
	if len(all) != len(projects) {
		return nil, fmt.Errorf("the pipeline judged %d of %d projects", len(all), len(projects))
	}
	for i, s := range all {
		n := len(projects[i].Releases)
		for r := range s.Refused {
			if r < 0 || r >= n {
				return nil, fmt.Errorf("the pipeline refuses release %d of %s, which has %d", r, projects[i].Name, n)
			}
		}
		for _, e := range s.Edits {
			if !fits(e.Releases, n) || (e.Drop == "") == (e.Add == nil) {
				return nil, fmt.Errorf("unit %s: an edit of %s that does not fit", e.Unit, projects[i].Name)
			}
		}
		for _, in := range s.StandIns {
			if in.Release < 0 || in.Release >= n || in.By.Name == projects[i].Name {
				return nil, fmt.Errorf("unit %s: %s cannot stand in for %s", in.Unit, in.By, projects[i].Name)
			}
		}
	}
	return all, nil
}

// fits reports whether a set is one of n releases.
func fits(s Releases, n int) bool {
	return s == nil || len(s) == (n+63)/64 && (n%64 == 0 || s[n/64]>>(n%64) == 0)
}

// apply does to a project what the pipeline says.
func (p *project) apply(s *Sifted) {
	p.skip, p.edits = s.Skip, s.Edits
	if p.skip != "" {
		p.releases, p.order, p.reached = nil, nil, nil
		return
	}
	for i, reason := range s.Refused {
		if r := &p.releases[i]; r.verdict == admitted || r.verdict == unread {
			r.verdict, r.refusal = sifted, reason
		}
	}
	for i := range s.StandIns {
		in := &s.StandIns[i]
		p.releases = append(p.releases, release{
			Release: &py.Release{
				Version:  p.releases[in.Release].Version,
				Requires: &py.Requires{Lines: []string{string(in.By.Name) + "==" + in.By.Version.String()}},
			},
			pre:     p.releases[in.Release].pre,
			standIn: in,
		})
	}
	if len(s.StandIns) > 0 {
		p.reached = newBits(len(p.releases))
	}
}

// An edition is a requirement list with the edits that apply to it.
type edition struct {
	list  *list
	edits string
}

// edit returns what release i of p requires after the pipeline's edits, once
// however many releases share the list and the edits.
func (c *closure) edit(p *project, i int, l *list) *list {
	if len(p.edits) == 0 || p.releases[i].standIn != nil || l.malformed {
		return l
	}
	var key strings.Builder
	out := &list{lines: slices.Clone(l.lines), opaque: l.opaque}
	var added []string
	for n, e := range p.edits {
		if !e.Releases.Has(i) {
			continue
		}
		fmt.Fprintf(&key, "%s %d,", p.name, n)
		if e.Add != nil {
			added = append(added, e.Add.String())
			continue
		}
		out.lines = slices.DeleteFunc(out.lines, func(l *line) bool { return l.req.Name == e.Drop })
	}
	slices.Sort(added) // which no edit drops: the order of the edits does not show
	for _, text := range added {
		out.lines = append(out.lines, c.line(text))
	}
	if key.Len() == 0 {
		return l
	}
	k := edition{l, key.String()}
	if before, ok := c.edited[k]; ok {
		return before
	}
	c.edited[k] = out
	return out
}

package ingest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// handOn hands on what was read, by name.
func (g *graphReader) handOn(ctx context.Context, add func(kb.Listing) error) error {
	g.parsed, g.lines, g.lists = nil, nil, nil // the taker may need the memory
	for _, name := range slices.Sorted(maps.Keys(g.projects)) {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("read graph: %w", err)
		}
		listing := g.listing(name)
		delete(g.projects, name)
		if err := add(listing); err != nil {
			return err
		}
		g.report.Projects++
		g.report.Metadata += len(listing.Metadata)
	}
	return nil
}

// listing makes one of what the keys of a project say. It does not depend on
// the order in which they were read.
func (g *graphReader) listing(name py.Name) kb.Listing {
	p := g.projects[name]
	if len(p.keys) > 1 {
		g.report.fault(string(name), "merged, as they are one project: %q", slices.Sorted(slices.Values(p.keys)))
	}
	releases := p.releases
	slices.SortFunc(releases, func(a, b graphRelease) int {
		return cmp.Or(b.version.Compare(a.version), p.compareSaid(name, &a, &b))
	})
	listing := kb.Listing{Name: name}
	var last *graphRelease
	for i := range releases {
		r := &releases[i]
		if last != nil && last.version.Compare(r.version) == 0 {
			g.noteTwice(p, last, r)
			continue
		}
		last = r
		listing.Versions = append(listing.Versions, r.version)
		if !r.unread {
			listing.Metadata = append(listing.Metadata, py.Metadata{Name: string(name), Version: r.version, RequiresDist: r.lines()})
		}
	}
	return listing
}

// compareSaid orders what is said of one release, best first.
func (p *graphProject) compareSaid(name py.Name, a, b *graphRelease) int {
	return cmp.Or(
		ordered(a.list != nil, b.list != nil),
		ordered(!a.unread, !b.unread),
		ordered(p.keys[a.key] == string(name), p.keys[b.key] == string(name)),
		cmp.Compare(p.keys[a.key], p.keys[b.key]),
		cmp.Compare(len(a.version.String()), len(b.version.String())),
		cmp.Compare(a.version.String(), b.version.String()),
		slices.Compare(a.lines(), b.lines()))
}

// noteTwice notes that a release is there twice, if that makes a difference.
func (g *graphReader) noteTwice(p *graphProject, used, other *graphRelease) {
	if used.list == other.list && !other.unread {
		return
	}
	g.report.fault(p.keys[other.key]+" "+clip(other.version.String()), "differs from %s %s, which is used", p.keys[used.key], clip(used.version.String()))
}

package provenance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// confusion finds projects of which two indexes have different ones of the same
// name (dependency confusion). Indexes that share a file of the project are
// mirrors of each other and have the same one.
//
// The index that comes first owns the name. Whoever pinned the project has
// decided, and a lock that has the first index's hashes cannot be confused.
func (r *run) confusion(ctx context.Context) error {
	if !r.on(DependencyConfused) {
		return nil
	}
	told := map[py.Name]bool{}
	for _, e := range r.releases {
		if told[e.Name] || r.world.Pins[e.Name] != "" || r.policy.expect(e.Name).Index != "" {
			continue
		}
		var have []int
		for k, s := range e.at {
			if !r.world.Indexes[k].Explicit && s.project != nil && len(s.project.Releases) > 0 {
				have = append(have, k)
			}
		}
		if len(have) < 2 {
			continue
		}
		for _, k := range have[1:] {
			twins, err := r.twins(ctx, e, have[0], k)
			if err != nil {
				return err
			}
			if twins || !r.takes(e, have[0], k) {
				continue
			}
			told[e.Name] = true
			first, second := r.world.Indexes[have[0]].URL, r.world.Indexes[k].URL
			r.add(DependencyConfused, e.entry(), fmt.Sprintf("%s and %s have different projects of this name, and the lock has that of the second", first, second),
				versions(first, e.at[have[0]].project), versions(second, e.at[k].project))
		}
	}
	return nil
}

func versions(url string, p *py.Project) string {
	return fmt.Sprintf("%s has %s, the newest %s", url, said(len(p.Releases), "release", "releases"), p.Releases[0].Version)
}

// takes reports whether what is locked may be that of index k and not that of
// the first.
func (r *run) takes(e *release, first, k int) bool {
	if e.Index != "" {
		return r.index(e.Index) == k
	}
	if all, _ := hashesOf(e); len(all) > 0 {
		of := func(k int) bool {
			return slices.ContainsFunc(e.at[k].files, func(f py.File) bool { return f.SHA256 != "" && e.locks(f) })
		}
		return of(k) && !of(first)
	}
	return e.at[k].release != nil // nothing keeps an installer from it
}

// twins reports whether two indexes have a file of the project in common.
func (r *run) twins(ctx context.Context, e *release, a, b int) (bool, error) {
	digests := map[string]bool{}
	for _, k := range []int{a, b} {
		var packages []py.Package
		for _, v := range e.at[k].project.Releases {
			packages = append(packages, py.Package{Name: e.Name, Version: v.Version})
		}
		files, err := r.world.Indexes[k].Files(ctx, packages)
		if err != nil {
			return false, err
		}
		for _, f := range slices.Concat(files...) {
			if k == b && digests[f.SHA256] {
				return true, nil
			}
			if k == a && f.SHA256 != "" {
				digests[f.SHA256] = true
			}
		}
	}
	return false, nil
}

// malware tells of releases that an advisory calls malware.
func (r *run) malware(ctx context.Context) error {
	if !r.on(Malware) || r.world.Facts == nil {
		return nil
	}
	names := make([]py.Name, len(r.releases))
	for i, e := range r.releases {
		names[i] = e.Name
	}
	all, err := r.world.Facts.Advisories(ctx, names)
	if err != nil {
		return err
	}
	for i, e := range r.releases {
		for _, a := range all[i] {
			if a.Malware && a.Affects(e.Version) {
				r.add(Malware, e.entry(), strings.TrimSuffix(a.ID+" calls it malware: "+a.Summary, ": "), a.Link)
			}
		}
	}
	return nil
}

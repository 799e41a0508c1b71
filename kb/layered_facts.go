package kb

import (
	"cmp"
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Facts are those of both layers. They are of a project whatever index serves it, since nobody can tell a mirror of the index that
// they are about from one that is not. What is suspected of releases is judged
// by what is known of them in both layers.

// Suspicions returns what the later releases of each project make one think of
// earlier ones, in the order of names: newest release first, by dependency.
func (k *Layered) Suspicions(ctx context.Context, names []py.Name) ([][]py.Suspicion, error) {
	all, err := k.serve(ctx, names)
	if err != nil {
		return nil, err
	}
	snapshots := make([]*py.Project, len(names))
	stored := make([][]py.Suspicion, len(names))
	if k.snapshot != nil {
		if snapshots, err = k.snapshot.Projects(ctx, names); err != nil {
			return nil, err
		}
		if stored, err = k.snapshot.Suspicions(ctx, names); err != nil {
			return nil, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([][]py.Suspicion, len(names))
	for i, s := range all {
		switch {
		case s.project == nil:
		case s.project == snapshots[i]:
			out[i] = stored[i]
		default:
			out[i] = k.suspect(s, snapshots[i])
		}
	}
	return out, nil
}

// suspect computes the suspicions of a project to which local knowledge added
// something. The caller holds k.mu.
func (k *Layered) suspect(s *served, snapshot *py.Project) []py.Suspicion {
	if s.suspected {
		return s.suspicions
	}
	if k.bounder == nil {
		k.bounder = newBounder()
	}
	unread := func(r *py.Release) bool { // what was learnt here was read
		if snapshot == nil || !k.snapshot.emptyUnknown {
			return false
		}
		at, found := findRelease(snapshot, r.Version)
		return found && snapshot.Releases[at].Requires == r.Requires
	}
	p := s.project
	hints := hintsOf(p.Name, k.bounder.suspectsOf(p, unread))
	s.suspicions = suspicions(p.Name, hints, len(p.Releases), func(rank int) py.Version { return p.Releases[rank].Version })
	s.suspected = true
	return s.suspicions
}

// Advisories returns the advisories of each project, in the order of names, by id:
// of what both layers say of one vulnerability what was modified last, without
// records that were withdrawn since.
func (k *Layered) Advisories(ctx context.Context, names []py.Name) ([][]*py.Advisory, error) {
	var snapshot [][]*py.Advisory
	var err error
	if k.snapshot != nil {
		if snapshot, err = k.snapshot.Advisories(ctx, names); err != nil {
			return nil, err
		}
	}
	if k.local == nil || !k.local.hasAdded {
		if snapshot == nil {
			snapshot = make([][]*py.Advisory, len(names))
		}
		return snapshot, nil
	}
	conn, err := k.local.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return k.local.effective(ctx, conn, names, snapshot)
}

// Rules returns the rules of a kind that are indexed by one of the names or by
// none, by name of the rule and project.
func (k *Layered) Rules(ctx context.Context, kind string, names []py.Name) ([]py.Rule, error) {
	if k.snapshot == nil {
		return nil, nil
	}
	return k.snapshot.Rules(ctx, kind, names)
}

// HasRule reports whether any rule has a name.
func (k *Layered) HasRule(ctx context.Context, name string) (bool, error) {
	if k.snapshot == nil {
		return false, nil
	}
	return k.snapshot.HasRule(ctx, name)
}

// Observations returns those that have a release of each project, in the order
// of names, oldest first.
func (k *Layered) Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error) {
	return joinLayers(ctx, names, k.snapshot, (*DB).Observations, k.local, (*Local).Observations, compareObservations)
}

// Indicators returns those of each project's releases, in the order of names, by
// version, tool and metric.
func (k *Layered) Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error) {
	return joinLayers(ctx, names, k.snapshot, (*DB).Indicators, k.local, (*Local).Indicators, compareIndicators)
}

// joinLayers is what both layers say of each project, sorted, each once. What a
// snapshot returns is shared, so it is not changed.
func joinLayers[T any](ctx context.Context, names []py.Name,
	snapshot *DB, ask func(*DB, context.Context, []py.Name) ([][]T, error),
	local *Local, askLocal func(*Local, context.Context, []py.Name) (map[py.Name][]T, error), compare func(a, b T) int,
) ([][]T, error) {
	out := make([][]T, len(names))
	if snapshot != nil {
		var err error
		if out, err = ask(snapshot, ctx, names); err != nil {
			return nil, err
		}
		out = slices.Clone(out)
	}
	if local == nil {
		return out, nil
	}
	learnt, err := askLocal(local, ctx, names)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if more := learnt[name]; len(more) > 0 {
			out[i] = once(slices.Concat(out[i], more), compare)
		}
	}
	return out, nil
}

// Ranks returns each project's place among the most downloaded, from 1, in the
// order of names; 0 means that nobody names it. What this machine was told counts
// before what the snapshot says.
func (k *Layered) Ranks(ctx context.Context, names []py.Name) ([]int, error) {
	out := make([]int, len(names))
	if k.local != nil {
		learnt, err := k.local.Ranks(ctx, names)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			out[i] = learnt[name]
		}
	}
	if k.snapshot == nil {
		return out, nil
	}
	known, err := k.snapshot.Ranks(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i] = cmp.Or(out[i], known[i])
	}
	return out, nil
}

// Popular returns the projects whose place is at most that, the most downloaded
// first: those that this machine was told of if it was, else the snapshot's.
func (k *Layered) Popular(ctx context.Context, most int) ([]Popular, error) {
	if k.local != nil {
		if list, err := k.local.Popular(ctx, most); err != nil || len(list) > 0 {
			return list, err
		}
	}
	if k.snapshot == nil {
		return nil, nil
	}
	return k.snapshot.Popular(ctx, most)
}

// Abouts returns what the metadata of each project's releases says beside
// requirements, in the order of names, by key of the version.
func (k *Layered) Abouts(ctx context.Context, names []py.Name) ([]map[string]*py.About, error) {
	if k.snapshot == nil {
		return make([]map[string]*py.About, len(names)), nil
	}
	return k.snapshot.Abouts(ctx, names)
}

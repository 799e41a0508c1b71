package kb

import (
	"context"

	"github.com/thamos/thamos/kb/py"
)

// Facts are the snapshot's: local knowledge has no others. They are of a project
// whatever index serves it, since nobody can tell a mirror of the index that
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

// Advisories returns the advisories of each project, in the order of names, by id.
func (k *Layered) Advisories(ctx context.Context, names []py.Name) ([][]*py.Advisory, error) {
	if k.snapshot == nil {
		return make([][]*py.Advisory, len(names)), nil
	}
	return k.snapshot.Advisories(ctx, names)
}

// Rules returns the rules of a kind that are indexed by one of the names or by
// none, by name of the rule and project.
func (k *Layered) Rules(ctx context.Context, kind string, names []py.Name) ([]py.Rule, error) {
	if k.snapshot == nil {
		return nil, nil
	}
	return k.snapshot.Rules(ctx, kind, names)
}

// Observations returns those that have a release of each project, in the order
// of names, oldest first.
func (k *Layered) Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error) {
	if k.snapshot == nil {
		return make([][]py.Observation, len(names)), nil
	}
	return k.snapshot.Observations(ctx, names)
}

// Indicators returns those of each project's releases, in the order of names, by
// version, tool and metric.
func (k *Layered) Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error) {
	if k.snapshot == nil {
		return make([][]py.Indicator, len(names)), nil
	}
	return k.snapshot.Indicators(ctx, names)
}

// Abouts returns what the metadata of each project's releases says beside
// requirements, in the order of names, by key of the version.
func (k *Layered) Abouts(ctx context.Context, names []py.Name) ([]map[string]*py.About, error) {
	if k.snapshot == nil {
		return make([]map[string]*py.About, len(names)), nil
	}
	return k.snapshot.Abouts(ctx, names)
}

package kb

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Change says that something is in one of two snapshots only, or is another in
// each.
type Change struct {
	Kind string // project, release, advisory or source
	What Changed
	Name py.Name // the project; empty for a source
	ID   string  // version, id of the advisory, or name of the source
	How  string  // what has changed, in words; empty if it was added or removed
}

// Changed says how.
type Changed string

const (
	Added    Changed = "added"
	Removed  Changed = "removed"
	Modified Changed = "changed"
)

// Diff compares two snapshots: their projects, releases, advisories and sources,
// in this order and each by name. A project that is added or removed is one
// change, without one for each of its releases.
func Diff(ctx context.Context, a, b *DB) ([]Change, error) {
	var changes []Change
	for _, diff := range []func(context.Context, *DB, *DB) ([]Change, error){diffProjects, diffAdvisories, diffSources} {
		some, err := diff(ctx, a, b)
		if err != nil {
			return nil, err
		}
		changes = append(changes, some...)
	}
	return changes, nil
}

// both merges two sorted lists: each name is in one or both of them.
func both[T any](a, b []T, compare func(a, b T) int, yield func(old, now *T) error) error {
	for len(a) > 0 || len(b) > 0 {
		var old, now *T
		switch {
		case len(b) == 0 || len(a) > 0 && compare(a[0], b[0]) < 0:
			old, a = &a[0], a[1:]
		case len(a) == 0 || compare(a[0], b[0]) > 0:
			now, b = &b[0], b[1:]
		default:
			old, now, a, b = &a[0], &b[0], a[1:], b[1:]
		}
		if err := yield(old, now); err != nil {
			return err
		}
	}
	return nil
}

func diffProjects(ctx context.Context, a, b *DB) ([]Change, error) {
	old, err := a.Names(ctx)
	if err != nil {
		return nil, err
	}
	now, err := b.Names(ctx)
	if err != nil {
		return nil, err
	}
	var projects, releases []Change
	var shared []py.Name
	err = both(old, now, func(a, b py.Name) int { return strings.Compare(string(a), string(b)) }, func(old, now *py.Name) error {
		switch {
		case now == nil:
			projects = append(projects, Change{Kind: "project", What: Removed, Name: *old})
		case old == nil:
			projects = append(projects, Change{Kind: "project", What: Added, Name: *now})
		default:
			shared = append(shared, *now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(shared, 1000) {
		p, err := a.Projects(ctx, some)
		if err != nil {
			return nil, err
		}
		q, err := b.Projects(ctx, some)
		if err != nil {
			return nil, err
		}
		for i := range some {
			if p[i] == nil || q[i] == nil {
				return nil, fmt.Errorf("%w: %s is named and not there", ErrDamaged, some[i])
			}
			if p[i].Status != q[i].Status || p[i].StatusReason != q[i].StatusReason {
				projects = append(projects, Change{"project", Modified, some[i], "", fmt.Sprintf("status %q to %q", p[i].Status, q[i].Status)})
			}
			releases = append(releases, diffReleases(p[i], q[i])...)
		}
	}
	slices.SortStableFunc(projects, func(a, b Change) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return append(projects, releases...), nil
}

// diffReleases compares the releases of a project, newest first.
func diffReleases(p, q *py.Project) []Change {
	var changes []Change
	newestFirst := func(a, b py.Release) int { return b.Version.Compare(a.Version) }
	_ = both(p.Releases, q.Releases, newestFirst, func(old, now *py.Release) error {
		switch {
		case now == nil:
			changes = append(changes, Change{Kind: "release", What: Removed, Name: p.Name, ID: old.Version.String()})
		case old == nil:
			changes = append(changes, Change{Kind: "release", What: Added, Name: p.Name, ID: now.Version.String()})
		default:
			if how := diffRelease(old, now); how != "" {
				changes = append(changes, Change{"release", Modified, p.Name, now.Version.String(), how})
			}
		}
		return nil
	})
	return changes
}

// diffRelease says what has changed of a release; empty if nothing has.
func diffRelease(old, now *py.Release) string {
	var how []string
	if old.Yanked != now.Yanked {
		how = append(how, map[bool]string{true: "yanked", false: "not yanked any more"}[now.Yanked])
	}
	switch {
	case old.Requires == nil && now.Requires != nil:
		how = append(how, "its requirements are known")
	case old.Requires != nil && now.Requires == nil:
		how = append(how, "its requirements are not known any more")
	case old.Requires != nil && (!slices.Equal(old.Requires.Lines, now.Requires.Lines) || !slices.Equal(old.Requires.Extras, now.Requires.Extras)):
		how = append(how, "its requirements")
	}
	if old.RequiresPython != now.RequiresPython {
		how = append(how, fmt.Sprintf("requires-python %q to %q", old.RequiresPython, now.RequiresPython))
	}
	if !sameJSON(old.Artifacts, now.Artifacts) {
		how = append(how, "its kinds of file")
	}
	if old.Uploaded != now.Uploaded || old.LastUploaded != now.LastUploaded {
		how = append(how, "when its files were uploaded")
	}
	if len(how) == 0 && old.YankedReason != now.YankedReason {
		how = append(how, "why it was yanked")
	}
	return strings.Join(how, "; ")
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// A diffAdvisory is an advisory of a source about a project, as it is stored.
type diffAdvisory struct {
	project, source, id string
	text                string
}

func (d *DB) diffAdvisories(ctx context.Context) ([]diffAdvisory, error) {
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var list []diffAdvisory
	err = eachRow(ctx, conn, `SELECT project, source, advisories FROM advisory`, func(row []any) error {
		a := diffAdvisory{}
		a.project, _ = row[0].(string)
		a.source, _ = row[1].(string)
		text, _ := row[2].(string)
		var each []json.RawMessage
		if err := json.Unmarshal([]byte(text), &each); err != nil {
			return fmt.Errorf("%w: advisories of %.80q: %v", ErrDamaged, a.project, err)
		}
		for _, one := range each {
			var parts []json.RawMessage
			if err := json.Unmarshal(one, &parts); err != nil || len(parts) == 0 || json.Unmarshal(parts[0], &a.id) != nil {
				return fmt.Errorf("%w: an advisory of %.80q", ErrDamaged, a.project)
			}
			a.text = string(one)
			list = append(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, d.failed(ctx, "read advisories", err)
	}
	slices.SortFunc(list, compareAdvisories)
	return list, nil
}

func compareAdvisories(a, b diffAdvisory) int {
	if n := strings.Compare(a.project, b.project); n != 0 {
		return n
	}
	if n := strings.Compare(a.id, b.id); n != 0 {
		return n
	}
	return strings.Compare(a.source, b.source)
}

func diffAdvisories(ctx context.Context, a, b *DB) ([]Change, error) {
	old, err := a.diffAdvisories(ctx)
	if err != nil {
		return nil, err
	}
	now, err := b.diffAdvisories(ctx)
	if err != nil {
		return nil, err
	}
	var changes []Change
	err = both(old, now, compareAdvisories, func(old, now *diffAdvisory) error {
		switch {
		case now == nil:
			changes = append(changes, Change{Kind: "advisory", What: Removed, Name: py.Name(old.project), ID: old.id})
		case old == nil:
			changes = append(changes, Change{Kind: "advisory", What: Added, Name: py.Name(now.project), ID: now.id})
		case old.text != now.text:
			changes = append(changes, Change{"advisory", Modified, py.Name(now.project), now.id, "what it says"})
		}
		return nil
	})
	return changes, err
}

func diffSources(ctx context.Context, a, b *DB) ([]Change, error) {
	old, err := a.Info(ctx)
	if err != nil {
		return nil, err
	}
	now, err := b.Info(ctx)
	if err != nil {
		return nil, err
	}
	var changes []Change
	err = both(old.Sources, now.Sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) }, func(old, now *Source) error {
		switch {
		case now == nil:
			changes = append(changes, Change{Kind: "source", What: Removed, ID: old.Name})
		case old == nil:
			changes = append(changes, Change{Kind: "source", What: Added, ID: now.Name})
		case *old != *now:
			changes = append(changes, Change{"source", Modified, "", now.Name, fmt.Sprintf("%s, %s to %s, %s", old.Date, old.Licence, now.Date, now.Licence)})
		}
		return nil
	})
	return changes, err
}

package kb

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A Sighting is a look at a project of an index.
type Sighting struct {
	// Now is what the index answered, a Listing or an Absent.
	Now Document

	// Before is what local knowledge held of it until now; nil for nothing. It
	// counts where the project was never looked at and the snapshot has no record
	// of it from this index.
	Before *Document
}

// See compares looks at projects with the last ones, else with what the snapshot
// says, and returns what changed. It remembers the looks and adds the events to
// local knowledge, all or nothing: seeing the same again gives no event, and
// neither does the first look at a project that nobody knew. It is to be called
// before the answers are learnt, so that whoever is ended in between asks again.
// snapshot may be nil.
func (l *Local) See(ctx context.Context, snapshot *DB, sightings []Sighting) ([]Event, error) {
	if l.readOnly || !l.hasAdded {
		return nil, fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	looks := make([]*look, len(sightings))
	err := parallel(len(sightings), func(i int) (err error) {
		looks[i], err = newLook(sightings[i])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, l.failed(ctx, "compare", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	var events []Event
	for _, k := range looks {
		some, err := l.see(ctx, tx, snapshot, k)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	if err := l.note(ctx, tx, events); err != nil {
		return nil, l.failed(ctx, "note events", err)
	}
	if err := tx.Commit(); err != nil {
		return nil, l.failed(ctx, "note events", err)
	}
	slices.SortFunc(events, CompareEvents)
	return events, nil
}

// A look is a sighting in the form that is compared.
type look struct {
	*answer
	state  seenState
	before *Document
}

func newLook(s Sighting) (*look, error) {
	a, err := newAnswer(s.Now)
	if err != nil {
		return nil, err
	}
	k := &look{answer: a, before: s.Before}
	switch a.kind {
	case KindAbsent:
		k.state = seenState{kind: KindAbsent}
	case KindListing:
		if k.state, err = seenListing(a.listing, a.sum[:]); err != nil {
			return nil, fmt.Errorf("listing of %s: %w", a.name, err)
		}
	default:
		return nil, fmt.Errorf("%s of %s is no look at a project", a.kind, a.name)
	}
	return k, nil
}

// see compares one look, and stores it.
func (l *Local) see(ctx context.Context, tx *sql.Tx, snapshot *DB, k *look) ([]Event, error) {
	last, found, err := l.lastSeen(ctx, tx, k)
	if err != nil {
		return nil, err
	}
	var old seenState
	switch {
	case found && last.read > k.read:
		return nil, nil // somebody looked later
	case found && last.kind == k.state.kind && last.status == k.state.status && bytes.Equal(last.sum, k.state.sum):
		_, err := tx.ExecContext(ctx, `UPDATE seen SET read = ? WHERE project = ? AND origin = ?`, k.read, string(k.name), k.origin)
		if err != nil {
			return nil, l.failed(ctx, "compare", err)
		}
		return nil, nil
	case found:
		old, err = l.unpackSeen(k.name, last)
	default:
		old, found, err = baseline(ctx, snapshot, k)
	}
	if err != nil {
		return nil, l.failed(ctx, "compare", err)
	}
	c := comparison{base: Event{At: k.read, Project: k.name, Source: k.origin}}
	next := k.state
	switch {
	case !found && k.kind == KindAbsent:
		return nil, nil // that there is nothing where nothing was is no news
	case found:
		next = c.compare(old, k.state)
	}
	return bounded(c.events), l.remember(ctx, tx, k, next)
}

// baseline is what a project that was never looked at is compared with.
func baseline(ctx context.Context, snapshot *DB, k *look) (state seenState, found bool, err error) {
	if snapshot != nil && trimIndex(snapshot.origin) == k.origin {
		projects, err := snapshot.Projects(ctx, []py.Name{k.name})
		if err != nil {
			return state, false, err
		}
		if p := projects[0]; p != nil {
			packages := make([]py.Package, len(p.Releases))
			for i, r := range p.Releases {
				packages[i] = py.Package{Name: p.Name, Version: r.Version}
			}
			files, err := snapshot.Files(ctx, packages)
			if err != nil {
				return state, false, err
			}
			return seenSnapshot(p, files), true, nil
		}
	}
	if k.before == nil || k.before.Kind != KindListing {
		return state, false, nil
	}
	a, err := newAnswer(*k.before)
	if err != nil {
		return state, false, err
	}
	state, err = seenListing(a.listing, a.sum[:])
	return state, err == nil, err
}

// A seenRow is a row of seen.
type seenRow struct {
	read        int64
	kind        DocumentKind
	status      string
	sum, packed []byte
}

// lastSeen reads what was seen of a project the last time.
func (l *Local) lastSeen(ctx context.Context, q querier, k *look) (row seenRow, found bool, err error) {
	err = l.all(ctx, q, "compare", `SELECT read, kind, status, sum, releases FROM seen WHERE project = ? AND origin = ?`,
		func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&row.read, &row.kind, &row.status, &row.sum, &row.packed)
		}, string(k.name), k.origin)
	return row, found, err
}

// unpackSeen is the state of a row.
func (l *Local) unpackSeen(name py.Name, row seenRow) (s seenState, err error) {
	s = seenState{kind: row.kind, status: row.status, sum: row.sum}
	text, err := l.unpackContent(row.packed)
	if err == nil {
		s.releases, err = readSeen(name, []byte(text))
	}
	return s, err
}

// remember stores what was seen of a project.
func (l *Local) remember(ctx context.Context, tx *sql.Tx, k *look, s seenState) error {
	text, err := s.text()
	if err != nil {
		return err
	}
	if len(text) > maxContent {
		return fmt.Errorf("compare: %s has too many releases and files to be remembered", k.name)
	}
	sum := s.sum
	if sum == nil {
		sum = []byte{} // NOT NULL
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO seen (project, origin, read, kind, status, sum, releases) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, origin) DO UPDATE SET read = excluded.read, kind = excluded.kind, status = excluded.status,
			sum = excluded.sum, releases = excluded.releases`,
		string(k.name), k.origin, k.read, string(s.kind), s.status, sum, l.packer.EncodeAll(text, nil))
	if err != nil {
		return l.failed(ctx, "compare", err)
	}
	return nil
}

package kb

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Rebuild makes the tables of local knowledge anew from what they are an index
// of: documents and observations. Every one of these, and what sources told, what
// was seen and the events, is checked against its digest. The digest of the
// whole stays the same; where something is not as it was kept, nothing is
// changed and the error wraps ErrDamaged.
//
// It is one transaction: whoever reads meanwhile sees the old tables, whoever
// wants to learn waits, and a process that is killed leaves the old ones.
func (l *Local) Rebuild(ctx context.Context) (LocalInfo, error) {
	if l.readOnly || !l.hasAdded {
		return LocalInfo{}, fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return LocalInfo{}, err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return LocalInfo{}, l.failed(ctx, "rebuild", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	before, err := l.digest(ctx, tx)
	if err != nil {
		return LocalInfo{}, err
	}
	for _, step := range []func(context.Context, *sql.Tx) error{l.rebuildDocuments, l.rebuildObserved, l.checkTold, l.checkSeen} {
		if err := step(ctx, tx); err != nil {
			return LocalInfo{}, err
		}
	}
	if _, err := l.events(ctx, tx, EventQuery{}); err != nil {
		return LocalInfo{}, err
	}
	after, err := l.digest(ctx, tx)
	if err != nil {
		return LocalInfo{}, err
	}
	if after != before {
		return LocalInfo{}, l.failed(ctx, "rebuild", fmt.Errorf("%w: what it holds has the digest %s, not %s", ErrDamaged, after, before))
	}
	if err := tx.Commit(); err != nil {
		return LocalInfo{}, l.failed(ctx, "rebuild", err)
	}
	// What the old tables took is room now. Where others use the file it cannot be
	// given back; then what is learnt next takes it.
	_, _ = conn.ExecContext(ctx, `VACUUM`)
	return l.Info(ctx)
}

// rebuildAtOnce is how many documents are in memory at once.
const rebuildAtOnce = 32

// rebuildDocuments writes the documents into new tables, by project and index.
func (l *Local) rebuildDocuments(ctx context.Context, tx *sql.Tx) error {
	exec := func(query string) error {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return l.failed(ctx, "rebuild", err)
		}
		return nil
	}
	tables := []string{"project", "page", "release"}
	for _, table := range tables {
		if err := exec("ALTER TABLE " + table + " RENAME TO old_" + table); err != nil {
			return err
		}
	}
	if err := exec(localDocuments); err != nil {
		return err
	}
	w := &learner{tx: tx, local: l}
	for _, part := range []struct {
		ids, rows string
		scan      func(*sql.Rows) (Document, []byte, error)
	}{
		{`SELECT id FROM old_project ORDER BY name, origin`,
			`SELECT p.name, p.origin, p.kind, p.read, p.fresh, p.etag, p.last_modified, p.digest, g.content
			FROM json_each(?) j CROSS JOIN old_project p ON p.id = j.value LEFT JOIN old_page g ON g.project = p.id`, l.scanListing},
		{`SELECT id FROM old_release ORDER BY name, origin, version_key`,
			`SELECT r.name, r.origin, r.version, r.kind, r.read, r.reason, r.digest, r.content
			FROM json_each(?) j CROSS JOIN old_release r ON r.id = j.value`, l.scanRelease},
	} {
		var ids []int64
		err := l.all(ctx, tx, "rebuild", part.ids, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return err
		}
		for some := range slices.Chunk(ids, rebuildAtOnce) {
			var answers []*answer
			err := l.each(ctx, tx, "rebuild", part.rows, jsonIDs(some), func(rows *sql.Rows) error {
				d, digest, err := part.scan(rows)
				if err != nil {
					return err
				}
				a, err := newAnswer(d)
				if err == nil && !bytes.Equal(a.digest[:], digest) {
					err = fmt.Errorf("%w: %s of %s %s has another digest", ErrDamaged, d.Kind, d.Project, d.Version)
				}
				answers = append(answers, a)
				return err
			})
			if err != nil {
				return err
			}
			for _, a := range answers {
				if err := w.write(ctx, &learnt{answer: a}, false); err != nil {
					return l.failed(ctx, fmt.Sprintf("rebuild %s of %s", a.kind, a.name), err)
				}
			}
		}
	}
	for _, table := range tables {
		if err := exec("DROP TABLE old_" + table); err != nil {
			return err
		}
	}
	return nil
}

// rebuildObserved writes anew of which projects the observations are.
func (l *Local) rebuildObserved(ctx context.Context, tx *sql.Tx) error {
	type row struct {
		name   py.Name
		digest []byte
	}
	var found []row
	err := l.all(ctx, tx, "rebuild", `SELECT digest, body FROM observation ORDER BY digest`, func(rows *sql.Rows) error {
		var digest []byte
		var body string
		if err := rows.Scan(&digest, &body); err != nil {
			return err
		}
		s, packages, err := readBody(body, digest)
		if err != nil {
			return err
		}
		o, err := s.observation(packages)
		for _, p := range o.Packages {
			found = append(found, row{p.Name, digest})
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM observed`)
	if err == nil {
		err = insertAll(ctx, tx, `INSERT INTO observed VALUES (?, ?)`, found, func(r row) []any { return []any{string(r.name), r.digest} })
	}
	if err != nil {
		return l.failed(ctx, "rebuild", err)
	}
	return nil
}

// checkTold checks that the rows of each source are what it told.
func (l *Local) checkTold(ctx context.Context, tx *sql.Tx) error {
	type source struct {
		name string
		sum  []byte
	}
	var sources []source
	err := l.all(ctx, tx, "rebuild", `SELECT source, sum FROM told ORDER BY source`, func(rows *sql.Rows) error {
		var s source
		err := rows.Scan(&s.name, &s.sum)
		sources = append(sources, s)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range sources {
		var r toldRows
		parts := []struct {
			query string
			row   func(*sql.Rows) error
		}{
			{`SELECT project, n, modified, advisories FROM advisory WHERE source = ? ORDER BY project`, func(rows *sql.Rows) error {
				var a advisoryRow
				if err := rows.Scan(&a.project, &a.n, &a.modified, &a.text); err != nil {
					return err
				}
				u := newAdvisoryReader()
				list, err := u.unpack(a.project, a.text)
				modified := int64(0)
				for _, x := range list {
					modified = max(modified, x.Modified)
				}
				if err == nil && (len(list) != a.n || modified != a.modified) {
					err = fmt.Errorf("%w: %s has %d advisories of %d, not %d of %d", ErrDamaged, a.project, len(list), modified, a.n, a.modified)
				}
				r.texts = append(r.texts, a)
				return err
			}},
			{`SELECT id, modified FROM withdrawn WHERE source = ? ORDER BY id`, func(rows *sql.Rows) error {
				var w Withdrawn
				err := rows.Scan(&w.ID, &w.Modified)
				r.withdraw = append(r.withdraw, w)
				return err
			}},
			{`SELECT project, rank FROM popular WHERE source = ? ORDER BY project`, rankRow(func(p Popular) { r.popular = append(r.popular, p) })},
		}
		for _, part := range parts {
			if err := l.all(ctx, tx, "rebuild", part.query, part.row, s.name); err != nil {
				return err
			}
		}
		if !bytes.Equal(r.hash(), s.sum) {
			return l.failed(ctx, "rebuild", fmt.Errorf("%w: what %.80s told has another digest", ErrDamaged, s.name))
		}
	}
	return nil
}

// checkSeen checks that what was seen can be read.
func (l *Local) checkSeen(ctx context.Context, tx *sql.Tx) error {
	return l.all(ctx, tx, "rebuild", `SELECT project, read, kind, status, sum, releases FROM seen`, func(rows *sql.Rows) error {
		var name py.Name
		var row seenRow
		if err := rows.Scan(&name, &row.read, &row.kind, &row.status, &row.sum, &row.packed); err != nil {
			return err
		}
		_, err := l.unpackSeen(name, row)
		return err
	})
}

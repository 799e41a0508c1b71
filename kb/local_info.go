package kb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/thamos/thamos/kb/py"
)

// LocalInfo says what local knowledge is.
type LocalInfo struct {
	Schema   string
	Digest   string // of all that it holds, 64 hex digits: equal documents, sources and events, equal digest
	ReadOnly bool   // it cannot be added to
	Size     int64  // bytes on the disk

	Indexes []IndexInfo // sorted by URL

	// Oldest and Newest are when the oldest and the newest document were read,
	// in Unix seconds; 0 if there are none.
	Oldest, Newest int64

	Told []ToldInfo // sorted by source

	Observations, Indicators, Events int
}

// A ToldInfo says what one source told.
type ToldInfo struct {
	Source
	Read         int64 // when it was asked last, in Unix seconds
	Advisories   int   // one counts once for each project
	AdvisoriesAt int64 // when the newest was modified; 0: there are none
	Withdrawn    int   // records that count no more
	Popular      int   // projects with a rank
}

// IndexInfo counts the documents of one index.
type IndexInfo struct {
	Index                                  string
	Listings, Absent, Metadata, Unreadable int
	Oldest, Newest                         int64 // as in LocalInfo
}

// Info counts what there is.
func (l *Local) Info(ctx context.Context) (LocalInfo, error) {
	conn, err := l.conn(ctx)
	if err != nil {
		return LocalInfo{}, err
	}
	defer conn.Close()
	info := LocalInfo{ReadOnly: l.readOnly}
	for _, file := range []string{l.path, l.path + "-wal"} {
		if stat, err := os.Stat(file); err == nil {
			info.Size += stat.Size()
		}
	}
	meta, err := l.meta(ctx, conn, "schema")
	if err != nil {
		return LocalInfo{}, err
	}
	info.Schema = meta["schema"]
	// One transaction: what is counted is what has the digest.
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return LocalInfo{}, l.failed(ctx, "count", err)
	}
	defer tx.Rollback() // it only reads
	err = l.all(ctx, tx, "count",
		`SELECT origin, kind, count(*), min(read), max(read) FROM
		(SELECT origin, kind, read FROM project UNION ALL SELECT origin, kind, read FROM release)
		GROUP BY origin, kind ORDER BY origin, kind`,
		func(rows *sql.Rows) error {
			var origin string
			var kind DocumentKind
			var n int
			var oldest, newest int64
			if err := rows.Scan(&origin, &kind, &n, &oldest, &newest); err != nil {
				return err
			}
			info.count(origin, kind, n, oldest, newest)
			return nil
		})
	if err != nil {
		return LocalInfo{}, err
	}
	if l.hasAdded {
		if err := l.countAdded(ctx, tx, &info); err != nil {
			return LocalInfo{}, err
		}
	}
	info.Digest, err = l.digest(ctx, tx)
	return info, err
}

// digest is the digest of all that local knowledge holds, see LocalInfo.
func (l *Local) digest(ctx context.Context, q querier) (string, error) {
	h := sha256.New()
	h.Write([]byte("thamos local knowledge\n"))
	for _, query := range []string{
		`SELECT digest FROM project ORDER BY name, origin`,
		`SELECT digest FROM release ORDER BY name, origin, version_key`,
	} {
		if err := hashRows(ctx, q, h, query, asItIs); err != nil {
			return "", l.failed(ctx, "read its digest", err)
		}
		h.Write([]byte{'T'})
	}
	if l.hasAdded {
		for _, c := range localAddedContents {
			if c.columns == "" {
				continue
			}
			h.Write([]byte{'T'})
			if err := hashRows(ctx, q, h, "SELECT "+c.columns+" FROM "+c.table+" ORDER BY "+c.key, asItIs); err != nil {
				return "", l.failed(ctx, "read its digest", err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// countAdded counts what is in the tables of localAdded.
func (l *Local) countAdded(ctx context.Context, q querier, info *LocalInfo) error {
	err := l.all(ctx, q, "count", `SELECT source, licence, date, notes, read,
		(SELECT coalesce(sum(n), 0) FROM advisory a WHERE a.source = t.source),
		(SELECT coalesce(max(modified), 0) FROM advisory a WHERE a.source = t.source),
		(SELECT count(*) FROM withdrawn w WHERE w.source = t.source),
		(SELECT count(*) FROM popular p WHERE p.source = t.source)
		FROM told t ORDER BY source LIMIT ?`,
		func(rows *sql.Rows) error {
			var t ToldInfo
			err := rows.Scan(&t.Name, &t.Licence, &t.Date, &t.Notes, &t.Read, &t.Advisories, &t.AdvisoriesAt, &t.Withdrawn, &t.Popular)
			info.Told = append(info.Told, t)
			return err
		}, maxSources)
	if err != nil {
		return err
	}
	return l.all(ctx, q, "count", `SELECT (SELECT count(*) FROM observation), (SELECT count(*) FROM indicator), (SELECT count(*) FROM event)`,
		func(rows *sql.Rows) error { return rows.Scan(&info.Observations, &info.Indicators, &info.Events) })
}

// count adds documents of one index and kind; those of one index come together.
func (i *LocalInfo) count(origin string, kind DocumentKind, n int, oldest, newest int64) {
	if last := len(i.Indexes) - 1; last < 0 || i.Indexes[last].Index != origin {
		i.Indexes = append(i.Indexes, IndexInfo{Index: origin, Oldest: oldest, Newest: newest})
	}
	x := &i.Indexes[len(i.Indexes)-1]
	switch kind {
	case KindListing:
		x.Listings += n
	case KindAbsent:
		x.Absent += n
	case KindMetadata:
		x.Metadata += n
	case KindUnreadable:
		x.Unreadable += n
	}
	x.Oldest, x.Newest = min(x.Oldest, oldest), max(x.Newest, newest)
	if i.Oldest == 0 || oldest < i.Oldest {
		i.Oldest = oldest
	}
	i.Newest = max(i.Newest, newest)
}

// Documents hands on every document in normal form, those of projects and then
// those of releases, each by project, index and version: what the same
// knowledge can be made of again. It checks the digest of each.
func (l *Local) Documents(ctx context.Context, document func(Document) error) error {
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return l.failed(ctx, "read documents", err)
	}
	defer tx.Rollback() // it only reads
	var refused error   // what document says is no damage of the file
	for _, part := range []struct {
		query string
		scan  func(*sql.Rows) (Document, []byte, error)
	}{
		{`SELECT p.name, p.origin, p.kind, p.read, p.fresh, p.etag, p.last_modified, p.digest, g.content
			FROM project p LEFT JOIN page g ON g.project = p.id ORDER BY p.name, p.origin`, l.scanListing},
		{`SELECT name, origin, version, kind, read, reason, digest, content
			FROM release ORDER BY name, origin, version_key`, l.scanRelease},
	} {
		err := l.all(ctx, tx, "read documents", part.query, func(rows *sql.Rows) error {
			d, digest, err := part.scan(rows)
			if err != nil {
				return err
			}
			a, err := newAnswer(d)
			if err != nil {
				return err
			}
			if !bytes.Equal(a.digest[:], digest) {
				return fmt.Errorf("%w: %s of %s %s has another digest", ErrDamaged, d.Kind, d.Project, d.Version)
			}
			refused = document(d)
			return refused
		})
		if refused != nil {
			return refused
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scanRelease reads a row of release, with its digest.
func (l *Local) scanRelease(rows *sql.Rows) (d Document, digest []byte, err error) {
	var version string
	var content sql.RawBytes
	if err := rows.Scan(&d.Project, &d.Index, &version, &d.Kind, &d.Read, &d.Reason, &digest, &content); err != nil {
		return d, nil, err
	}
	if d.Version, err = py.ParseVersion(version); err != nil {
		return d, nil, err
	}
	text, err := l.unpackContent(content)
	if err != nil {
		return d, nil, fmt.Errorf("%s %s: %w", d.Project, version, err)
	}
	if d.Kind == KindMetadata {
		d.Metadata = []byte(text)
	}
	return d, digest, nil
}

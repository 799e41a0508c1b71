package kb

import (
	"context"
	"database/sql"
)

// Info says what a snapshot is.
type Info struct {
	Schema string // model.revision.addition
	Digest string // of the content, 64 hex digits; see Verify
	Built  int64  // birthday: the day of which the knowledge is, in Unix seconds

	// Origin is the URL of the index whose knowledge this is, the index to use
	// where nobody names one; empty if that is not known.
	Origin string

	Sources []Source // sorted by name

	Projects int // projects with a record
	Releases int // releases that are known to exist
	Known    int // releases whose requirements are known
	Files    int // files with their hashes

	// Facts. An advisory counts once for each project and source, a suspicion
	// for each release it is of.
	Advisories, Rules, Suspicions, Observations, Indicators int

	// AdvisoriesAt is when the newest advisory was modified, in Unix seconds; 0
	// means that there are none.
	AdvisoriesAt int64
}

// A Source is where knowledge came from and what its licence is.
type Source struct {
	Name, Licence string
	Date          string // YYYY-MM-DD
	Notes         string // its URL, or what was taken of it
}

// maxSources bounds the list that Info reads.
const maxSources = 1000

// Identity is Info without what must be counted, and without the sources: what a
// request needs, which should not read every table.
func (d *DB) Identity(ctx context.Context) (Info, error) {
	info := Info{Schema: d.schema, Digest: d.digest, Built: d.built, Origin: d.origin}
	conn, err := d.conn(ctx)
	if err != nil {
		return Info{}, err
	}
	defer conn.Close()
	err = conn.QueryRowContext(ctx, `SELECT coalesce(max(modified), 0) FROM advisory`).Scan(&info.AdvisoriesAt)
	if err != nil {
		return Info{}, d.failed(ctx, "read when its advisories were modified", err)
	}
	return info, nil
}

// Info reads what the snapshot says of itself, and counts what it holds.
func (d *DB) Info(ctx context.Context) (Info, error) {
	info, err := d.Identity(ctx)
	if err != nil {
		return Info{}, err
	}
	conn, err := d.conn(ctx)
	if err != nil {
		return Info{}, err
	}
	defer conn.Close()
	err = conn.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM project),
		(SELECT coalesce(sum(total), 0) FROM project),
		(SELECT coalesce(sum(known), 0) FROM project),
		(SELECT count(*) FROM file)`).
		Scan(&info.Projects, &info.Releases, &info.Known, &info.Files)
	if err != nil {
		return Info{}, d.failed(ctx, "read what it is", err)
	}
	if err := d.countFacts(ctx, conn, &info); err != nil {
		return Info{}, err
	}
	err = d.each(ctx, conn, "read its sources", `SELECT name, licence, date, notes FROM source ORDER BY name LIMIT ?`, maxSources,
		func(rows *sql.Rows) error {
			var s Source
			if err := rows.Scan(&s.Name, &s.Licence, &s.Date, &s.Notes); err != nil {
				return err
			}
			info.Sources = append(info.Sources, s)
			return nil
		})
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// countFacts counts facts.
func (d *DB) countFacts(ctx context.Context, conn *sql.Conn, info *Info) error {
	err := conn.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(sum(n), 0) FROM advisory),
		(SELECT coalesce(sum(n), 0) FROM rule),
		(SELECT coalesce(sum(n), 0) FROM suspicion),
		(SELECT count(*) FROM observation),
		(SELECT coalesce(sum(n), 0) FROM indicator)`).
		Scan(&info.Advisories, &info.Rules, &info.Suspicions, &info.Observations, &info.Indicators)
	if err != nil {
		return d.failed(ctx, "count its facts", err)
	}
	return nil
}

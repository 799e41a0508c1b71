package kb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A database is an open SQLite file: a snapshot or local knowledge.
type database struct {
	name   string // what errors call it
	remedy string // what to do about a damaged one, or empty
	sql    *sql.DB
}

// conn returns a connection, which the caller must close, that reads no value
// larger than maxValue.
func (d *database) conn(ctx context.Context) (*sql.Conn, error) {
	conn, err := d.sql.Conn(ctx)
	if err != nil {
		return nil, d.failed(ctx, "open", err)
	}
	if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_LENGTH, maxValue); err != nil {
		conn.Close()
		return nil, d.failed(ctx, "open", err)
	}
	return conn, nil
}

// failed says what could not be done with the database. What SQLite finds wrong
// in a file of its kind is damage; a context that ended is not.
func (d *database) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.name, doing, context.Cause(ctx))
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%s: %w: %v%s", d.name, ErrNotSnapshot, err, d.remedy)
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
			return fmt.Errorf("%s: %s: %w: %v%s", d.name, doing, ErrDamaged, err, d.remedy)
		}
	}
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%s: %s: %w%s", d.name, doing, err, d.remedy)
	}
	return fmt.Errorf("%s: %s: %w", d.name, doing, err)
}

// countTables counts which of names are tables: a view in the place of one
// could compute without end.
func (d *database) countTables(ctx context.Context, conn *sql.Conn, names []string) (int, error) {
	var n int
	err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0
		AND name IN (SELECT value FROM json_each(?))`, jsonTexts(names)).Scan(&n)
	if err != nil {
		return 0, d.failed(ctx, "read its tables", err)
	}
	return n, nil
}

// meta reads the values of keys in the table meta.
func (d *database) meta(ctx context.Context, conn *sql.Conn, keys ...string) (map[string]string, error) {
	meta := map[string]string{}
	err := d.each(ctx, conn, "read what it is",
		`SELECT m.key, m.value FROM json_each(?) j CROSS JOIN meta m ON m.key = j.value`, jsonTexts(keys),
		func(rows *sql.Rows) error {
			var key, value string
			if err := rows.Scan(&key, &value); err != nil {
				return err
			}
			meta[key] = value
			return nil
		})
	return meta, err
}

// A querier is a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each asks one question with one argument, a list, and hands on every row.
func (d *database) each(ctx context.Context, q querier, doing, query string, arg any, row func(*sql.Rows) error) error {
	if arg == "[]" {
		return nil
	}
	return d.all(ctx, q, doing, query, row, arg)
}

// all asks one question and hands on every row. What row cannot read or does
// not accept is damage.
func (d *database) all(ctx context.Context, q querier, doing, query string, row func(*sql.Rows) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return d.failed(ctx, doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			if !errors.Is(err, ErrDamaged) {
				err = fmt.Errorf("%w: %v", ErrDamaged, err)
			}
			return d.failed(ctx, doing, err)
		}
	}
	if err := rows.Err(); err != nil {
		return d.failed(ctx, doing, err)
	}
	return nil
}

package kb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/thamos/thamos/kb/py"
)

var (
	// ErrNotSnapshot reports that a file is something else than a knowledge base.
	ErrNotSnapshot = errors.New("not a knowledge base")

	// ErrDamaged reports that a file is or was a knowledge base and cannot be
	// read as one: it is cut off, or was changed.
	ErrDamaged = errors.New("damaged knowledge base")

	// ErrSchema reports a knowledge base that only another release of the
	// program can read.
	ErrSchema = errors.New("knowledge base of another model")
)

const (
	// maxValue bounds every value that is read, in bytes. The releases of the
	// largest project of the public index are about 500 kB.
	maxValue = 32 << 20

	// maxConns bounds how many questions are answered at once; each connection
	// has a page cache of its own.
	maxConns = 4
)

// DB is an open snapshot. It is safe for concurrent use and gives the same
// answer to the same question. What it returns is shared: do not modify it.
type DB struct {
	name   string // what errors call it
	sql    *sql.DB
	close  func() error // of what lies under sql, or nil
	schema string
	digest string

	// What was read stays, so that equal requirement lists and artifacts are
	// one pointer for as long as the DB is open.
	mu        sync.Mutex
	projects  map[py.Name]*py.Project
	texts     map[int64]string
	requires  map[int64]*py.Requires
	artifacts map[int64]*py.Artifacts
}

// Open opens the snapshot in the file at path for reading. Nothing is created
// or changed, not even beside it, and the file must not change while it is
// open. The error of a file that is no snapshot wraps ErrNotSnapshot,
// ErrDamaged or ErrSchema, that of a file that is not there fs.ErrNotExist.
func Open(ctx context.Context, path string) (*DB, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open knowledge base: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("open knowledge base: %w", err)
	case stat.IsDir():
		return nil, fmt.Errorf("open %s: %w: it is a directory; a knowledge base is one file", path, ErrNotSnapshot)
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("open %s: %w: it is not a regular file", path, ErrNotSnapshot)
	}
	if err := checkHeader(f, stat.Size()); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open knowledge base: %w", err)
	}
	return open(ctx, path, fileURL(full), nil)
}

// open opens the database at a SQLite URL. name is what errors call it; under
// is closed with it.
func open(ctx context.Context, name, file string, under func() error) (*DB, error) {
	sep := "?"
	if strings.Contains(file, "?") {
		sep = "&"
	}
	// immutable: no locks, no look-out for a journal. trusted_schema: a view or
	// an index of a stranger's file cannot call functions with side effects.
	dsn := file + sep + "mode=ro&immutable=1&_defensive=1" +
		"&_pragma=query_only(1)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=mmap_size(0)"
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		if under != nil {
			err = errors.Join(err, under())
		}
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	d := &DB{
		name:      name,
		sql:       pool,
		close:     under,
		projects:  map[py.Name]*py.Project{},
		texts:     map[int64]string{0: ""},
		requires:  map[int64]*py.Requires{0: nil},
		artifacts: map[int64]*py.Artifacts{0: nil},
	}
	if err := d.check(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close frees what the DB holds. Nothing may be asked of it afterwards; what it
// returned stays good.
func (d *DB) Close() error {
	err := d.sql.Close()
	if d.close != nil {
		err = errors.Join(err, d.close())
	}
	return err
}

// conn returns a connection, which the caller must close, that reads no value
// larger than maxValue.
func (d *DB) conn(ctx context.Context) (*sql.Conn, error) {
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

// failed says what could not be done with the snapshot. What SQLite finds wrong
// in a file of its kind is damage; a context that ended is not.
func (d *DB) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.name, doing, context.Cause(ctx))
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%s: %w: %v", d.name, ErrNotSnapshot, err)
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
			return fmt.Errorf("%s: %s: %w: %v", d.name, doing, ErrDamaged, err)
		}
	}
	return fmt.Errorf("%s: %s: %w", d.name, doing, err)
}

// check reads the schema and the digest and makes sure that what is read later
// are tables: a view in their place could compute without end.
func (d *DB) check(ctx context.Context) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var names []string
	for _, c := range contents {
		names = append(names, c.table)
	}
	var n int
	err = conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0
		AND name IN (SELECT value FROM json_each(?))`, jsonTexts(names)).Scan(&n)
	if err != nil {
		return d.failed(ctx, "read its tables", err)
	}
	for key, into := range map[string]*string{"schema": &d.schema, "digest": &d.digest} {
		err := conn.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(into)
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("%w: it has no %s", ErrDamaged, key)
		}
		if err != nil {
			return d.failed(ctx, "read its "+key, err)
		}
	}
	if err := checkSchema(d.schema); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if !isSHA256(d.digest) {
		return fmt.Errorf("%s: %w: its digest is %.64q", d.name, ErrDamaged, d.digest)
	}
	if n != len(contents) {
		return fmt.Errorf("%s: %w: %d of %d tables are there", d.name, ErrDamaged, n, len(contents))
	}
	return nil
}

// checkHeader looks at the first bytes of a file: whether it is a SQLite
// database, a knowledge base, and as long as it says.
// See https://www.sqlite.org/fileformat.html, "The Database Header".
func checkHeader(r io.ReaderAt, size int64) error {
	const magic = "SQLite format 3\x00"
	head := make([]byte, 100)
	n, err := r.ReadAt(head, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case size == 0:
		return fmt.Errorf("%w: the file is empty", ErrNotSnapshot)
	case !bytes.HasPrefix(head[:n], []byte(magic)):
		return fmt.Errorf("%w: not a SQLite file", ErrNotSnapshot)
	case n < len(head):
		return fmt.Errorf("%w: cut off after %d bytes", ErrDamaged, n)
	case binary.BigEndian.Uint32(head[68:]) != applicationID:
		return fmt.Errorf("%w: a SQLite file of another program", ErrNotSnapshot)
	}
	page := int64(binary.BigEndian.Uint16(head[16:]))
	if page == 1 {
		page = 1 << 16
	}
	if want := page * int64(binary.BigEndian.Uint32(head[28:])); want != size {
		return fmt.Errorf("%w: %d bytes where %d are expected", ErrDamaged, size, want)
	}
	return nil
}

// fileURL names a file in the way SQLite wants, whatever its name holds.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath()
}

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
	"strconv"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver

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
	database
	close  func() error // of what lies under sql, or nil
	schema string
	digest string
	origin string
	built  int64

	emptyUnknown bool // see Writer.EmptyMayBeUnknown

	// What was read stays, so that equal artifacts, and equal requirement lists of a
	// project, are one pointer for as long as the DB is open.
	mu       sync.Mutex
	projects map[py.Name]*py.Project
	shared

	facts factStore
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
		database: database{name: name, sql: pool},
		close:    under,
		projects: map[py.Name]*py.Project{},
		shared:   newShared(),
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

// check reads what the snapshot says of itself and makes sure that what is read
// later are tables.
func (d *DB) check(ctx context.Context) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	meta, err := d.meta(ctx, conn, "schema", "digest", "built", "origin", emptyUnknownKey)
	if err != nil {
		return err
	}
	for _, key := range []string{"schema", "digest"} {
		if meta[key] == "" {
			return d.failed(ctx, "open", fmt.Errorf("%w: it has no %s", ErrDamaged, key))
		}
	}
	d.schema, d.digest, d.origin = meta["schema"], meta["digest"], meta["origin"]
	if err := checkSchema(d.schema, Schema, readable); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if !isSHA256(d.digest) {
		return fmt.Errorf("%s: %w: its digest is %.64q", d.name, ErrDamaged, d.digest)
	}
	if d.built, err = strconv.ParseInt(meta["built"], 10, 64); err != nil {
		return fmt.Errorf("%s: %w: its birthday is %.40q", d.name, ErrDamaged, meta["built"])
	}
	all := allContents()
	there, err := d.countTables(ctx, conn, tableNames(all))
	if err != nil {
		return err
	}
	if there != len(all) {
		return fmt.Errorf("%s: %w: %d of %d tables are there", d.name, ErrDamaged, there, len(all))
	}
	d.emptyUnknown = meta[emptyUnknownKey] != ""
	return nil
}

// emptyUnknownKey is the row of meta of a snapshot in which a requirement list
// that is empty may be one that nobody read.
const emptyUnknownKey = "empty_unknown"

func tableNames(contents []content) []string {
	names := make([]string, len(contents))
	for i, c := range contents {
		names[i] = c.table
	}
	return names
}

// checkHeader looks at the first bytes of a file: whether it is a SQLite
// database, a snapshot, and as long as it says.
// See https://www.sqlite.org/fileformat.html, "The Database Header".
func checkHeader(r io.ReaderAt, size int64) error {
	head, err := readHeader(r, size, applicationID)
	if err != nil {
		return err
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

// readHeader reads the header of a SQLite database whose application id is the
// one given.
func readHeader(r io.ReaderAt, size int64, application uint32) ([]byte, error) {
	const magic = "SQLite format 3\x00"
	head := make([]byte, 100)
	n, err := r.ReadAt(head, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case size == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrNotSnapshot)
	case !bytes.HasPrefix(head[:n], []byte(magic)):
		return nil, fmt.Errorf("%w: not a SQLite file", ErrNotSnapshot)
	case n < len(head):
		return nil, fmt.Errorf("%w: cut off after %d bytes", ErrDamaged, n)
	}
	switch binary.BigEndian.Uint32(head[68:]) {
	case application:
		return head, nil
	case applicationID:
		return nil, fmt.Errorf("%w: a snapshot, not local knowledge", ErrNotSnapshot)
	case localApplicationID:
		return nil, fmt.Errorf("%w: local knowledge, not a snapshot", ErrNotSnapshot)
	}
	return nil, fmt.Errorf("%w: a SQLite file of another program", ErrNotSnapshot)
}

// fileURL names a file in the way SQLite wants, whatever its name holds.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath()
}

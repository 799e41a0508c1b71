package kb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/zstd"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/thamos/thamos/kb/py"
)

// ErrReadOnly reports local knowledge that can be read and not added to.
var ErrReadOnly = errors.New("local knowledge is read-only")

// localRemedy ends the message about a file that cannot be read.
const localRemedy = "; it was left as it is: move it away to begin anew (what it held can be read from the indexes again), or choose another file"

// Bounds of a document, in bytes, which leave a row below maxValue. The listing
// of the largest project of the public index has a tenth of them.
const (
	maxContent = 24 << 20 // of the content, unpacked
	maxIndex   = 6 << 20  // of what is stored to find things in it
)

// Local is local knowledge: the documents that this machine has learnt, of each
// index, project and release the newest. It is safe for concurrent use, and any
// number of processes may have it open: each sees whole documents, and what it
// learnt itself at once.
//
// It must lie on a disk of this machine: SQLite's write-ahead log, which lets
// one process write while others read, does not work between machines.
type Local struct {
	database
	path     string
	readOnly bool
	hasAdded bool // it has the tables of localAdded

	unpacker *zstd.Decoder
	packer   *zstd.Encoder

	mu       sync.Mutex
	learnt   map[py.Name]int           // how often something was learnt or forgotten of a project
	requires map[linesKey]*py.Requires // equal lists are one pointer
	kinds    map[string]*py.Artifacts  // and equal lines of artifacts
}

// OpenLocal opens the local knowledge in the file at path, which is made where
// it is missing, with its directory, for the user alone. A file that is there
// and cannot be written is opened for reading; see LocalInfo.ReadOnly.
//
// The error of a file that is something else, or damaged, or of another model
// wraps ErrNotSnapshot, ErrDamaged or ErrSchema. Such a file is never changed.
func OpenLocal(ctx context.Context, path string) (*Local, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open local knowledge: %w", err)
	}
	writable, err := touchLocal(full)
	if err != nil {
		return nil, fmt.Errorf("open local knowledge %s: %w", path, err)
	}
	if writable {
		l, err := openLocal(ctx, path, full, false)
		if err == nil || !cannotWrite(err) {
			return l, err
		}
		// The file can be written to and its directory cannot, where SQLite
		// needs a file of its own.
	}
	return openLocal(ctx, path, full, true)
}

// touchLocal makes the file where it is missing, looks whether it is what it
// should be, and reports whether it can be written.
func touchLocal(path string) (writable bool, err error) {
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return false, fmt.Errorf("%w; choose a place that can be written", err)
		}
	} else if err != nil {
		return false, err
	} else if !stat.Mode().IsRegular() {
		return false, fmt.Errorf("%w: it is not a regular file", ErrNotSnapshot)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	writable = err == nil
	if err != nil && stat != nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return false, fmt.Errorf("%w; choose a place that can be written", err)
	}
	defer f.Close()
	if stat, err = f.Stat(); err != nil || stat.Size() == 0 {
		return writable, err // new, or made by a process that is about to fill it
	}
	if _, err := readHeader(f, stat.Size(), localApplicationID); err != nil {
		return false, fmt.Errorf("%w%s", err, localRemedy)
	}
	return writable, nil
}

// openLocal opens a file that touchLocal found to be good.
func openLocal(ctx context.Context, name, path string, readOnly bool) (_ *Local, err error) {
	// trusted_schema: as for a snapshot. synchronous: with a write-ahead log,
	// the last documents may be lost if the machine fails, never more.
	dsn := fileURL(path) + fmt.Sprintf("?_txlock=immediate&_defensive=1&_pragma=busy_timeout(%d)&_pragma=page_size(%d)"+
		"&_pragma=synchronous(NORMAL)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=mmap_size(0)", busyMillis, pageSize)
	if readOnly {
		dsn += "&mode=ro&_pragma=query_only(1)"
		// Where nothing can be written SQLite cannot follow a log that others
		// write; without a log the file is whole.
		if stat, err := os.Stat(path + "-wal"); err != nil || stat.Size() == 0 {
			dsn += "&immutable=1"
		}
	}
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open local knowledge %s: %w", name, err)
	}
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	l := &Local{
		database: database{name: name, remedy: localRemedy, sql: pool},
		path:     path,
		readOnly: readOnly,
		learnt:   map[py.Name]int{},
		requires: map[linesKey]*py.Requires{},
		kinds:    map[string]*py.Artifacts{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open local knowledge: %w", err), pool.Close())
		}
	}()
	if l.packer, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(maxConns), zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true)); err != nil {
		return nil, err
	}
	l.unpacker, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(maxConns), zstd.WithDecoderMaxMemory(maxContent))
	if err != nil {
		return nil, err
	}
	if err := l.check(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// busyMillis is how long a process waits for another that writes. A write takes
// some milliseconds.
const busyMillis = 20_000

// cannotWrite reports whether SQLite failed because it may not write.
func cannotWrite(err error) bool {
	var s *sqlite.Error
	if !errors.As(err, &s) {
		return false
	}
	code := s.Code() & 0xff
	return code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_PERM
}

// Close frees what the Local holds. What it returned stays good.
func (l *Local) Close() error { return l.sql.Close() }

// check fills a new file, and makes sure that what is there can be read.
func (l *Local) check(ctx context.Context) error {
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	there, err := l.countTables(ctx, conn, localTableNames)
	if err != nil {
		return err
	}
	if there == 0 {
		if l.readOnly {
			return fmt.Errorf("%s: it is empty and cannot be written; choose a place that can be written", l.name)
		}
		if err := l.create(ctx, conn); err != nil {
			return err
		}
		if there, err = l.countTables(ctx, conn, localTableNames); err != nil {
			return err
		}
	}
	meta, err := l.meta(ctx, conn, "schema")
	if err != nil {
		return err
	}
	if err := checkSchema(meta["schema"], LocalSchema, localReadable); err != nil {
		return fmt.Errorf("%s: %w%s", l.name, err, localRemedy)
	}
	if there != len(localTableNames) {
		return fmt.Errorf("%s: %w: %d of %d tables are there%s", l.name, ErrDamaged, there, len(localTableNames), localRemedy)
	}
	if err := l.checkAdded(ctx, conn, meta["schema"]); err != nil {
		return err
	}
	if l.readOnly {
		return nil
	}
	// Last, so that a log is there only beside a file that says whose it is. A
	// process that has the file open just now may forbid it: then the next one
	// that opens it does it, and until then writers and readers wait a little.
	var mode string
	err = conn.QueryRowContext(ctx, `PRAGMA journal_mode(WAL)`).Scan(&mode)
	var s *sqlite.Error
	if err != nil && !(errors.As(err, &s) && s.Code()&0xff == sqlite3.SQLITE_BUSY) {
		return l.failed(ctx, "open", err)
	}
	return nil
}

// checkAdded makes sure that the tables of localAdded are there, which one of an
// older schema gets if it can be written.
func (l *Local) checkAdded(ctx context.Context, conn *sql.Conn, schema string) error {
	if revision(schema) == 0 {
		if l.readOnly {
			return nil
		}
		if err := l.upgrade(ctx, conn); err != nil {
			return err
		}
	}
	names := tableNames(localAddedContents)
	there, err := l.countTables(ctx, conn, names)
	if err != nil {
		return err
	}
	if there != len(names) {
		all := len(localTableNames)
		return fmt.Errorf("%s: %w: %d of %d tables are there%s", l.name, ErrDamaged, all+there, all+len(names), localRemedy)
	}
	l.hasAdded = true
	return nil
}

// upgrade adds the tables of localAdded, unless another process has meanwhile.
func (l *Local) upgrade(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return l.failed(ctx, "upgrade", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	var schema string
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'schema'`).Scan(&schema); err != nil {
		return l.failed(ctx, "upgrade", err)
	}
	if revision(schema) > 0 {
		return nil
	}
	for _, s := range []string{localAdded, fmt.Sprintf(`UPDATE meta SET value = '%s' WHERE key = 'schema'`, LocalSchema)} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return l.failed(ctx, "upgrade", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return l.failed(ctx, "upgrade", err)
	}
	return nil
}

// create makes the tables, unless another process has made them meanwhile.
func (l *Local) create(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return l.failed(ctx, "create", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	var tables int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return l.failed(ctx, "create", err)
	}
	if tables == 0 {
		for _, s := range []string{
			fmt.Sprintf(`PRAGMA application_id = %d`, localApplicationID),
			localTables,
			localAdded,
			fmt.Sprintf(`INSERT INTO meta VALUES ('schema', '%s')`, LocalSchema),
		} {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return l.failed(ctx, "create", err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return l.failed(ctx, "create", err)
	}
	return nil
}

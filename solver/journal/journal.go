package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// Options are what a journal needs of the world. All must be set.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Token makes a text of letters and digits that is not made twice.
	Token func() string
}

// A Journal is open for one client. It is safe for concurrent use.
type Journal struct {
	dir     string
	sql     *sql.DB
	options Options
	client  string   // empty: it only reads
	lock    *os.File // held
}

// busyMillis is how long a client waits for another that writes.
const busyMillis = 20_000

// Open opens the journal in a directory, which is made where it is missing, for
// a new client, and tidies up after those that are gone.
func Open(ctx context.Context, dir string, o Options) (_ *Journal, err error) {
	fail := func(err error) (*Journal, error) { return nil, fmt.Errorf("open the journal %s: %w", dir, err) }
	for _, d := range []string{dir, filepath.Join(dir, "clients"), filepath.Join(dir, "documents")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fail(err)
		}
	}
	j := &Journal{dir: dir, options: o, client: o.Token()}
	if j.sql, err = open(ctx, filepath.Join(dir, "journal.db")); err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			j.sql.Close()
		}
	}()
	// The directory first: one without a lock belongs to nobody, a lock without
	// its directory is a client's that is about to make it.
	if j.lock, err = hold(j.lockFile(j.client)); err != nil {
		return fail(err)
	}
	if err = os.Mkdir(j.Temp(), 0o700); err == nil {
		err = j.tidy()
	}
	if err == nil {
		err = j.file(ctx)
	}
	if err != nil {
		return fail(errors.Join(err, j.lock.Close()))
	}
	return j, nil
}

// Read opens a journal to look at it. One that is not there is nil, which
// answers every question with nothing.
func Read(ctx context.Context, dir string, o Options) (*Journal, error) {
	path := filepath.Join(dir, "journal.db")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	db, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open the journal %s: %w", dir, err)
	}
	return &Journal{dir: dir, options: o, sql: db}, nil
}

// open opens the SQLite file and makes sure of its tables.
func open(ctx context.Context, path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	db, err := sql.Open("sqlite", u.String()+fmt.Sprintf("?_txlock=immediate&_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=trusted_schema(0)", busyMillis))
	if err != nil {
		return nil, err
	}
	if err := check(ctx, db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// check makes sure of the tables, which it makes in a new file.
func check(ctx context.Context, db *sql.DB, path string) error {
	id, there, err := mark(ctx, db)
	if err != nil {
		return err
	}
	if there == 0 {
		if err := create(ctx, db); err != nil {
			return err
		}
		if id, _, err = mark(ctx, db); err != nil {
			return err
		}
	}
	if id != applicationID {
		return fmt.Errorf("%w: %s is something else", ErrDamaged, path)
	}
	if err := whole(ctx, db); err != nil {
		return err
	}
	var schema string
	if err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'schema'`).Scan(&schema); err != nil {
		return err
	}
	if schema != Schema {
		return fmt.Errorf("%s has the schema %.20q, this program reads %s; move it away to begin anew", path, schema, Schema)
	}
	return nil
}

// mark reads what says whose file it is, and how many tables it has.
func mark(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (id, tables int, err error) {
	err = q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).Scan(&id, &tables)
	return id, tables, err
}

// create makes the tables, unless another client has made them meanwhile.
func create(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if _, there, err := mark(ctx, tx); err != nil || there > 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d; %s INSERT INTO meta VALUES ('schema', '%s')`, applicationID, tables, Schema)); err != nil {
		return err
	}
	return tx.Commit()
}

// Close ends the client.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	var err error
	if j.client != "" {
		// What it still had is somebody else's to do.
		_, err = j.sql.Exec(`UPDATE item SET lease = '' WHERE lease = ? AND state = 'waiting'`, j.client)
		err = errors.Join(err, os.RemoveAll(j.Temp()), os.Remove(j.lockFile(j.client)), j.lock.Close())
	}
	return errors.Join(err, j.sql.Close())
}

// Client is this client's name.
func (j *Journal) Client() string { return j.client }

// Owner is this client's name among those of all journals of the machine, for
// what lies outside of the journal.
func (j *Journal) Owner() string { return j.id() + "-" + j.client }

// id is the journal's name: one journal knows nothing of another's clients.
func (j *Journal) id() string {
	dir, err := filepath.Abs(j.dir)
	if err != nil {
		dir = j.dir
	}
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:6])
}

// Orphaned reports whether an owner was a client of this journal that is gone.
func (j *Journal) Orphaned(owner string) bool {
	client, ours := strings.CutPrefix(owner, j.id()+"-")
	return ours && !j.Alive(client)
}

// Temp is a directory of this client's own. It is removed with the client.
func (j *Journal) Temp() string { return filepath.Join(j.dir, "clients", j.client) }

func (j *Journal) lockFile(client string) string {
	return filepath.Join(j.dir, "clients", client+".lock")
}

// Alive reports whether a client lives.
func (j *Journal) Alive(client string) bool {
	if client == j.client {
		return true
	}
	if client == "" || strings.ContainsAny(client, `/\.`) {
		return false
	}
	return held(j.lockFile(client))
}

// tidy removes what clients that are gone left behind.
func (j *Journal) tidy() error {
	clients := filepath.Join(j.dir, "clients")
	entries, err := os.ReadDir(clients)
	if err != nil {
		return err
	}
	for _, e := range entries {
		client := strings.TrimSuffix(e.Name(), ".lock")
		if client == j.client || j.Alive(client) {
			continue
		}
		// A client that is about to begin has its lock before its directory.
		if err := errors.Join(os.RemoveAll(filepath.Join(clients, client)), os.RemoveAll(j.lockFile(client))); err != nil {
			return err
		}
	}
	return nil
}

// Meta returns what was noted under a key; empty if nothing was.
func (j *Journal) Meta(ctx context.Context, key string) (value string, err error) {
	if j == nil {
		return "", nil
	}
	err = j.sql.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, "note "+key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// SetMeta notes a value under a key.
func (j *Journal) SetMeta(ctx context.Context, key, value string) error {
	_, err := j.sql.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES (?, ?)`, "note "+key, value)
	return err
}

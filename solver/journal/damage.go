package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrDamaged reports that the file of a journal is damaged, or something else.
// What the documents say can be had again: see SetAside and Rebuild.
var ErrDamaged = errors.New("the journal is damaged")

// Damaged reports whether an error comes of a damaged file.
func Damaged(err error) bool {
	if errors.Is(err, ErrDamaged) {
		return true
	}
	var s *sqlite.Error
	if !errors.As(err, &s) {
		return false
	}
	code := s.Code() & 0xff
	return code == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_CORRUPT
}

// Check reads all of the journal's file; an error wraps ErrDamaged if it is not
// whole.
func (j *Journal) Check(ctx context.Context) error {
	var said string
	if err := j.sql.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("check the journal: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("%w: %.200s", ErrDamaged, said)
	}
	return nil
}

// whole makes sure that no table is missing.
func whole(ctx context.Context, db *sql.DB) error {
	for _, t := range append([]string{"meta", "item"}, dropped...) {
		var there bool
		if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)`, t).Scan(&there); err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("%w: it has no table %s", ErrDamaged, t)
		}
	}
	return nil
}

// maxAside bounds how many damaged files are kept.
const maxAside = 1000

// SetAside gives the file of a damaged journal another name, which it returns,
// so that the next Open makes a new one. The documents stay where they are; the
// queue is lost.
func SetAside(dir string) (string, error) {
	path := filepath.Join(dir, "journal.db")
	for n := 1; n <= maxAside; n++ {
		aside := fmt.Sprintf("%s.damaged-%d", path, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set the journal aside: %w", err)
		}
		for _, suffix := range []string{"-wal", "-shm", ""} { // which belong to it
			err := os.Rename(path+suffix, aside+suffix)
			if err != nil && !(errors.Is(err, os.ErrNotExist) && suffix != "") {
				return "", fmt.Errorf("set the journal aside: %w", err)
			}
		}
		return aside, nil
	}
	return "", fmt.Errorf("there are %d damaged journals in %s: remove some", maxAside, strings.TrimSuffix(dir, "/"))
}

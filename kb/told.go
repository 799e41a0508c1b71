package kb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Told is what a source says of the world beside releases, all of it: what it
// said before and does not say now counts no more.
type Told struct {
	Source
	Read               int64  // when it was asked, in Unix seconds
	ETag, LastModified string // validators that came with it, empty for none

	Advisories []py.Advisory
	Withdrawn  []Withdrawn
	Popularity []Popular
}

// A Withdrawn is a record of advisories that counts no more, whoever says it.
type Withdrawn struct {
	ID       string
	Modified int64 // in Unix seconds
}

// Watched says of which projects changes are noted: events of all others would
// only be noise. Snapshot, which may be nil, is what is known beside.
type Watched struct {
	Projects []py.Name
	Snapshot *DB
}

// Tell keeps what a source says in the place of what it said before, unless that
// was read later, and returns what it changes of what is known of the projects
// watched: all or nothing. Told again the same changes nothing.
func (l *Local) Tell(ctx context.Context, t Told, w Watched) ([]Event, error) {
	if l.readOnly || !l.hasAdded {
		return nil, fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	rows, err := newTold(t)
	if err != nil {
		return nil, fmt.Errorf("learn what %.80s says: %w", t.Name, err)
	}
	var snapshot [][]*py.Advisory
	if w.Snapshot != nil {
		if snapshot, err = w.Snapshot.Advisories(ctx, w.Projects); err != nil {
			return nil, err
		}
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, l.failed(ctx, "learn", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	last, found, err := l.toldBy(ctx, tx, rows.Name)
	if err != nil {
		return nil, err
	}
	if found && cmp.Or(cmp.Compare(rows.Read, last.Read), bytes.Compare(rows.sum, last.sum)) < 0 {
		return nil, nil // it said something else later
	}
	same := found && bytes.Equal(rows.sum, last.sum)
	var events []Event
	if !same {
		before, err := l.effective(ctx, tx, w.Projects, snapshot)
		if err != nil {
			return nil, err
		}
		if err := rows.write(ctx, tx); err != nil {
			return nil, l.failed(ctx, "learn", err)
		}
		after, err := l.effective(ctx, tx, w.Projects, snapshot)
		if err != nil {
			return nil, err
		}
		for i, name := range w.Projects {
			c := comparison{base: Event{At: rows.Read, Project: name, Source: rows.Name}}
			c.advisories(before[i], after[i])
			events = append(events, bounded(c.events)...)
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		rows.Name, rows.Licence, rows.Date, rows.Notes, rows.Read, rows.ETag, rows.LastModified, rows.sum)
	if err == nil {
		err = l.note(ctx, tx, events)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return nil, l.failed(ctx, "learn", err)
	}
	slices.SortFunc(events, CompareEvents)
	return events, nil
}

// A LastTold says when a source was asked the last time, and with what it can be
// asked whether it changed.
type LastTold struct {
	Read               int64
	ETag, LastModified string

	sum []byte
}

// ToldBy returns when the source of a name was asked the last time; not found if
// it never was.
func (l *Local) ToldBy(ctx context.Context, name string) (last LastTold, found bool, err error) {
	if !l.hasAdded {
		return LastTold{}, false, nil
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return LastTold{}, false, err
	}
	defer conn.Close()
	return l.toldBy(ctx, conn, clean(name))
}

func (l *Local) toldBy(ctx context.Context, q querier, name string) (last LastTold, found bool, err error) {
	err = l.all(ctx, q, "read a source", `SELECT read, etag, last_modified, sum FROM told WHERE source = ?`,
		func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&last.Read, &last.ETag, &last.LastModified, &last.sum)
		}, name)
	return last, found, err
}

// Unchanged notes that the source of a name was asked and says what it said.
func (l *Local) Unchanged(ctx context.Context, name string, read int64) error {
	if l.readOnly || !l.hasAdded {
		return fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	if _, err := l.sql.ExecContext(ctx, `UPDATE told SET read = max(read, ?) WHERE source = ?`, read, clean(name)); err != nil {
		return l.failed(ctx, "learn", err)
	}
	return nil
}

// toldRows is what a source says in the form of the tables.
type toldRows struct {
	Told
	texts    []advisoryRow
	popular  []Popular
	withdraw []Withdrawn
	sum      []byte
}

type advisoryRow struct {
	project  py.Name
	n        int
	modified int64
	text     string
}

// newTold brings what a source says into normal form, or refuses it.
func newTold(t Told) (*toldRows, error) {
	source, err := normalSource(t.Source)
	if err != nil {
		return nil, err
	}
	if t.Read <= 0 || t.Read > maxNumber {
		return nil, fmt.Errorf("read at %d", t.Read)
	}
	t.Source, t.ETag, t.LastModified = source, validator(t.ETag), validator(t.LastModified)
	facts, err := normalFacts(Facts{Advisories: t.Advisories, Popularity: t.Popularity})
	if err != nil {
		return nil, err
	}
	r := &toldRows{Told: t, popular: oncePopular(facts.Popularity)}
	list, err := onceAdvisories(facts.Advisories)
	if err != nil {
		return nil, err
	}
	for of := range chunks(list, func(a, b py.Advisory) bool { return a.Project == b.Project }) {
		row := advisoryRow{project: of[0].Project, n: len(of)}
		for _, a := range of {
			row.modified = max(row.modified, a.Modified)
		}
		if row.text, err = packAdvisories(of); err != nil {
			return nil, fmt.Errorf("%s: %w", of[0].Project, err)
		}
		r.texts = append(r.texts, row)
	}
	for _, w := range t.Withdrawn {
		if !isWord(w.ID) || !isTime(w.Modified) {
			return nil, errors.New("the id of a withdrawn record is not a word, or it has no time")
		}
		r.withdraw = append(r.withdraw, Withdrawn{strings.ToUpper(w.ID), w.Modified})
	}
	slices.SortFunc(r.withdraw, func(a, b Withdrawn) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(b.Modified, a.Modified)) })
	r.withdraw = slices.CompactFunc(r.withdraw, func(a, b Withdrawn) bool { return a.ID == b.ID })
	r.sum = r.hash()
	return r, nil
}

// hash is the digest of what a source says.
func (r *toldRows) hash() []byte {
	h := sha256.New()
	h.Write([]byte("thamos told\n"))
	text := func(s string) { hashBytes(h, 's', []byte(s)) }
	number := func(n int64) { h.Write(binary.BigEndian.AppendUint64([]byte{'i'}, uint64(n))) }
	for _, a := range r.texts {
		text(string(a.project))
		text(a.text)
	}
	h.Write([]byte{'T'})
	for _, w := range r.withdraw {
		text(w.ID)
		number(w.Modified)
	}
	h.Write([]byte{'T'})
	for _, p := range r.popular {
		text(string(p.Project))
		number(int64(p.Rank))
	}
	return h.Sum(nil)
}

// write puts the rows in the place of those that there are of the source.
func (r *toldRows) write(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []string{"advisory", "withdrawn", "popular"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE source = ?", r.Name); err != nil {
			return err
		}
	}
	return errors.Join(
		insertAll(ctx, tx, `INSERT INTO advisory VALUES (?, ?, ?, ?, ?)`, r.texts, func(a advisoryRow) []any {
			return []any{string(a.project), r.Name, a.n, a.modified, a.text}
		}),
		insertAll(ctx, tx, `INSERT INTO withdrawn VALUES (?, ?, ?)`, r.withdraw, func(w Withdrawn) []any {
			return []any{w.ID, r.Name, w.Modified}
		}),
		insertAll(ctx, tx, `INSERT INTO popular VALUES (?, ?, ?)`, r.popular, func(p Popular) []any {
			return []any{string(p.Project), r.Name, p.Rank}
		}))
}

// insertAll writes a row for every element of a list.
func insertAll[T any](ctx context.Context, tx *sql.Tx, query string, list []T, row func(T) []any) error {
	add, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer add.Close()
	for _, x := range list {
		if _, err := add.ExecContext(ctx, row(x)...); err != nil {
			return err
		}
	}
	return nil
}

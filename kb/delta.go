package kb

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A delta says what to do to the rows of one snapshot to have those of another,
// in a few thousandths of the bytes. It is a zstd frame of
//
//	"thamos delta 1\n", the digest of the old snapshot, the digest of the new one
//	for each table, in the order of deltaTables: its name, steps, opEnd
//
// Numbers are varints, texts and blobs a length and bytes. Steps make the rows of
// the new table in the order of its key. Ids are given in the order in which
// things are met, so one new text renumbers all that follow and
// nearly every row that refers to them: a plain comparison of rows would be as
// large as the snapshot. Therefore each old row is first put into the new
// numbers, which the tables before have told (see renumber), and only what
// differs then is in the delta.
const deltaMagic = "thamos delta 1\n"

// Steps of a table.
const (
	opEnd    = iota
	opKeep   // n old rows, renumbered
	opDrop   // n old rows
	opInsert // a row follows
	opChange // one old row, renumbered; then for each column what is new
	opCopy   // n old rows by id, from an id on; their ids are the next ones
)

// ErrNoDelta reports two snapshots between which no delta can be made or
// applied, because one of them is not of this program's schema.
var ErrNoDelta = errors.New("no delta between these knowledge bases")

// A deltaTable is a table as a delta has it.
type deltaTable struct {
	content
	columns []string
	key     []int // columns that order its rows and say which one is which
	shared  bool  // its rows have no other name than what they hold
}

// deltaTables are all tables of a snapshot, those first that others refer to.
func deltaTables() []deltaTable {
	first := []string{"text", "artifacts", "about", "project", "file"}
	all := allContents()
	rank := func(c content) int {
		if at := slices.Index(first, c.table); at >= 0 {
			return at
		}
		return len(first)
	}
	slices.SortStableFunc(all, func(a, b content) int { return cmp.Compare(rank(a), rank(b)) })
	tables := make([]deltaTable, len(all))
	for i, c := range all {
		t := deltaTable{content: c, columns: strings.Split(c.columns, ", "), shared: slices.Index(first, c.table) >= 0 && i < 3}
		key := c.key
		if c.table == "project" {
			key = "name" // ids follow names
		}
		for k := range strings.SplitSeq(key, ", ") {
			t.key = append(t.key, slices.Index(t.columns, k))
		}
		tables[i] = t
	}
	return tables
}

// query reads the rows in the order of the key.
func (t deltaTable) query() string {
	q := "SELECT " + t.content.columns + " FROM " + t.table
	if t.table == "meta" {
		q += " WHERE key <> 'digest'"
	}
	return q + " ORDER BY " + t.content.key
}

// compare orders two rows by the key.
func (t deltaTable) compare(a, b []any) int {
	for _, k := range t.key {
		if n := compareValues(a[k], b[k]); n != 0 {
			return n
		}
	}
	return 0
}

// compareValues orders values as SQLite does where all of a column are of one type.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	}
	return strings.Compare(fmt.Sprintf("%T", a), fmt.Sprintf("%T", b))
}

// WriteDelta writes the delta from one open snapshot to another. The same two
// give the same bytes. The error wraps ErrNoDelta where there can be none.
func WriteDelta(ctx context.Context, from, to *DB, w io.Writer) error {
	if from.schema != Schema || to.schema != Schema {
		return fmt.Errorf("%w: schemas %.40s and %.40s, this program writes %s", ErrNoDelta, from.schema, to.schema, Schema)
	}
	old, err := from.conn(ctx)
	if err != nil {
		return err
	}
	defer old.Close()
	now, err := to.conn(ctx)
	if err != nil {
		return err
	}
	defer now.Close()
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20))
	if err != nil {
		return err
	}
	d := differ{old: old, now: now, out: deltaWriter{bufio.NewWriter(z)}, ids: renumber{}}
	d.out.text(deltaMagic)
	d.out.text(from.digest)
	d.out.text(to.digest)
	for _, t := range deltaTables() {
		d.out.text(t.table)
		step := d.merge
		if t.shared {
			step = d.share
		}
		if err := step(ctx, t); err != nil {
			z.Close()
			return fmt.Errorf("delta of table %s: %w", t.table, err)
		}
		d.out.number(opEnd)
	}
	return errors.Join(d.out.w.Flush(), z.Close())
}

// A differ compares two snapshots.
type differ struct {
	old, now *sql.Conn
	out      deltaWriter
	ids      renumber
}

// share writes the steps of a table whose rows are known by what they hold.
func (d *differ) share(ctx context.Context, t deltaTable) error {
	at := map[[16]byte]int64{} // id of an old row by what it holds
	err := eachRow(ctx, d.old, t.query(), func(row []any) error {
		id, _ := row[0].(int64)
		at[rowHash(row[1:])] = id
		return nil
	})
	if err != nil {
		return err
	}
	ids := d.ids.table(t.table)
	start, n, made := int64(0), int64(0), int64(0)
	flush := func() {
		if n > 0 {
			d.out.number(opCopy)
			d.out.number(uint64(start))
			d.out.number(uint64(n))
		}
		start, n = 0, 0
	}
	err = eachRow(ctx, d.now, t.query(), func(row []any) error {
		made++
		old, known := at[rowHash(row[1:])]
		if id, _ := row[0].(int64); !known || id != made {
			flush()
			d.out.number(opInsert)
			d.out.row(row)
			return nil
		}
		if n == 0 || old != start+n {
			flush()
			start = old
		}
		n++
		ids[old] = made
		return nil
	})
	flush()
	return err
}

// merge writes the steps of a table whose rows have a name.
func (d *differ) merge(ctx context.Context, t deltaTable) error {
	next, stop := pullRows(ctx, d.old, t.query())
	defer stop()
	var op, n, made uint64
	flush := func() {
		if n > 0 {
			d.out.number(op)
			d.out.number(n)
		}
		n = 0
	}
	count := func(what uint64) {
		if op != what {
			flush()
		}
		op, n = what, n+1
	}
	var old, was []any // renumbered, and as it is
	var more bool
	advance := func() error {
		for {
			row, err := next()
			if err != nil {
				return err
			}
			if more = row != nil; !more {
				return nil
			}
			was = row
			if old = d.ids.row(t, row); old != nil {
				return nil
			}
		}
	}
	if err := advance(); err != nil {
		return err
	}
	err := eachRow(ctx, d.now, t.query(), func(row []any) error {
		for more && t.compare(old, row) < 0 {
			count(opDrop)
			if err := advance(); err != nil {
				return err
			}
		}
		made++
		if !more || t.compare(old, row) > 0 {
			flush()
			d.out.number(opInsert)
			d.out.row(row)
			return nil
		}
		d.ids.made(t, was, old, int64(made))
		if equalRows(old, row) {
			count(opKeep)
		} else {
			flush()
			d.out.number(opChange)
			d.out.patch(old, row)
		}
		return advance()
	})
	if err != nil {
		return err
	}
	for more {
		count(opDrop)
		if err := advance(); err != nil {
			return err
		}
	}
	flush()
	return nil
}

func rowHash(row []any) [16]byte {
	h := sha256.New()
	w := deltaWriter{bufio.NewWriter(h)}
	w.row(row)
	w.w.Flush() // a hash takes everything
	return [16]byte(h.Sum(nil))
}

func equalRows(a, b []any) bool {
	return slices.EqualFunc(a, b, equalValues)
}

func equalValues(a, b any) bool {
	x, ok := a.([]byte)
	y, both := b.([]byte)
	if ok || both {
		return ok && both && string(x) == string(y)
	}
	return a == b
}

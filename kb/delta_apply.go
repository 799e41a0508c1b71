package kb

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxDelta bounds what a delta unpacks to, in bytes.
const maxDelta = 1 << 30

// ApplyDelta makes, in the file to, the snapshot that a delta leads to from the
// one in the file from, which is only read. It is filled in one transaction and
// put in its place when it is whole, on the disk, and has the digest that the
// delta promises; else the error wraps ErrDamaged or ErrNoDelta and nothing is
// there. The file is, byte for byte, the one that the delta was made of if that
// was written by the same release of this program.
func ApplyDelta(ctx context.Context, from string, delta io.Reader, to string) (_ Info, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("apply delta: %w", err)
		}
	}()
	d, err := Open(ctx, from)
	if err != nil {
		return Info{}, err
	}
	defer d.Close()
	if d.schema != Schema {
		return Info{}, fmt.Errorf("%w: schema %.40s, this program writes %s", ErrNoDelta, d.schema, Schema)
	}
	z, err := zstd.NewReader(delta, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return Info{}, err
	}
	defer z.Close()
	in := &deltaReader{r: bufio.NewReader(io.LimitReader(z, maxDelta))}
	magic, old, want := in.text(64), in.text(64), in.text(64)
	switch {
	case in.err != nil:
		return Info{}, fmt.Errorf("%w: %v", ErrDamaged, in.err)
	case magic != deltaMagic || !isSHA256(want):
		return Info{}, fmt.Errorf("%w: it is no delta", ErrDamaged)
	case old != d.digest:
		return Info{}, fmt.Errorf("%w: it is one from %.12q, this knowledge base is %.12s", ErrNoDelta, old, d.digest)
	}
	temp, err := os.CreateTemp(filepath.Dir(to), ".kb-*.tmp")
	if err != nil {
		return Info{}, err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if err := temp.Close(); err != nil {
		return Info{}, err
	}
	conn, err := d.conn(ctx)
	if err != nil {
		return Info{}, err
	}
	defer conn.Close()
	digest, err := create(ctx, temp.Name(), "", func(f *filler) error {
		if _, err := f.tx.Exec(tables + factTables + moreTables); err != nil {
			return err
		}
		p := patcher{old: conn, tx: f.tx, in: in, ids: renumber{}}
		for _, t := range deltaTables() {
			if err := p.table(ctx, t); err != nil {
				return fmt.Errorf("table %s: %w", t.table, err)
			}
		}
		return nil
	}, new(Info))
	switch {
	case ctx.Err() != nil:
		return Info{}, context.Cause(ctx)
	case err != nil:
		return Info{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	case digest != want:
		return Info{}, fmt.Errorf("%w: it gives the digest %.12s, not %.12s", ErrDamaged, digest, want)
	}
	info, err := infoOf(ctx, temp.Name())
	if err != nil {
		return Info{}, err
	}
	return info, settle(temp.Name(), to)
}

// A patcher fills the tables of the new snapshot.
type patcher struct {
	old *sql.Conn
	tx  *sql.Tx
	in  *deltaReader
	ids renumber
}

// table follows the steps of one table.
func (p *patcher) table(ctx context.Context, t deltaTable) error {
	if name := p.in.text(64); p.in.err != nil || name != t.table {
		p.in.fail(fmt.Errorf("%w: table %q", errDelta, name))
		return p.in.err
	}
	add, err := p.tx.Prepare("INSERT INTO " + t.table + " (" + t.content.columns + ") VALUES (?" + strings.Repeat(", ?", len(t.columns)-1) + ")")
	if err != nil {
		return err
	}
	defer add.Close()
	next, stop := pullRows(ctx, p.old, t.query())
	defer stop()
	made := int64(0)
	insert := func(row []any) error {
		made++
		_, err := add.ExecContext(ctx, row...)
		return err
	}
	old := func() (was, row []any, err error) {
		for {
			if was, err = next(); err != nil {
				return nil, nil, err
			}
			if was == nil {
				return nil, nil, fmt.Errorf("%w: more steps than rows", errDelta)
			}
			if row = p.ids.row(t, was); row != nil {
				return was, row, nil
			}
		}
	}
	for {
		op := p.in.number()
		n := uint64(1)
		if op == opKeep || op == opDrop {
			n = p.in.number()
		}
		switch {
		case p.in.err != nil:
			return p.in.err
		case op == opEnd:
			return nil
		case op == opCopy && t.shared:
			if err := p.copy(ctx, t, &made, insert); err != nil {
				return err
			}
			continue
		case op == opInsert:
			row := p.in.row(len(t.columns))
			if p.in.err != nil {
				return p.in.err
			}
			if err := insert(row); err != nil {
				return err
			}
			continue
		case t.shared || op != opKeep && op != opDrop && op != opChange:
			return fmt.Errorf("%w: step %d", errDelta, op)
		}
		for range n {
			was, row, err := old()
			if err != nil {
				return err
			}
			if op == opDrop {
				continue
			}
			p.ids.made(t, was, row, made+1)
			if op == opChange {
				if row = p.in.patch(row); p.in.err != nil {
					return p.in.err
				}
			}
			if err := insert(row); err != nil {
				return err
			}
		}
	}
}

// copy takes rows over by their old ids.
func (p *patcher) copy(ctx context.Context, t deltaTable, made *int64, insert func([]any) error) error {
	start, n := p.in.number(), p.in.number()
	if p.in.err != nil {
		return p.in.err
	}
	if start > math.MaxInt32 || n > math.MaxInt32 {
		return fmt.Errorf("%w: rows %d+%d", errDelta, start, n)
	}
	ids := p.ids.table(t.table)
	got := uint64(0)
	err := eachRow(ctx, p.old, "SELECT "+t.content.columns+" FROM "+t.table+" WHERE id >= ? ORDER BY id LIMIT ?", func(row []any) error {
		if row[0] != any(int64(start+got)) {
			return fmt.Errorf("%w: row %d is not there", errDelta, start+got)
		}
		got++
		ids[row[0].(int64)] = *made + 1
		row[0] = *made + 1
		return insert(row)
	}, int64(start), int64(n))
	if err == nil && got != n {
		err = fmt.Errorf("%w: rows %d+%d are not there", errDelta, start, n)
	}
	return err
}

package kb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Amend copies the snapshot in a file to another, or over itself, with what a
// source says. What a source of that name said before is forgotten, so that what
// it has withdrawn is not known any more; all else stays. The snapshot is
// verified first, and the new one put in its place as Writer.Finish does it, with
// the same bytes that a Writer gives that was told all of it at once.
func Amend(ctx context.Context, from, to string, s Source, f Facts) (_ Info, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("amend knowledge base: %w", err)
		}
	}()
	if s, err = normalSource(s); err != nil {
		return Info{}, err
	}
	if f, err = normalFacts(f); err != nil {
		return Info{}, fmt.Errorf("facts of %.80s: %w", s.Name, err)
	}
	if _, err := Create(to); err != nil {
		return Info{}, err
	}
	d, err := Open(ctx, from)
	if err != nil {
		return Info{}, err
	}
	defer d.Close()
	if err := d.Verify(ctx); err != nil {
		return Info{}, err
	}
	info, err := d.Info(ctx)
	if err != nil {
		return Info{}, err
	}
	info.Sources = append(slices.DeleteFunc(info.Sources, func(old Source) bool { return old.Name == s.Name }), s)
	if err := checkInfo(&info); err != nil {
		return Info{}, err
	}
	temp, err := os.CreateTemp(filepath.Dir(to), ".kb-*.tmp")
	if err != nil {
		return Info{}, err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if err := temp.Close(); err != nil {
		return Info{}, err
	}
	full, err := filepath.Abs(from)
	if err != nil {
		return Info{}, err
	}
	_, err = create(ctx, temp.Name(), fileURL(full)+"?mode=ro&immutable=1", func(f2 *filler) error {
		return f2.amend(ctx, d, &factSet{s, f})
	}, &info)
	if err != nil {
		return Info{}, err
	}
	if info, err = infoOf(ctx, temp.Name()); err != nil {
		return Info{}, err
	}
	if err := d.Close(); err != nil { // some systems replace no file that is open
		return Info{}, err
	}
	return info, settle(temp.Name(), to)
}

// infoOf reads the Info of a snapshot in a file.
func infoOf(ctx context.Context, file string) (Info, error) {
	d, err := Open(ctx, file)
	if err != nil {
		return Info{}, err
	}
	info, err := d.Info(ctx)
	return info, errors.Join(err, d.Close())
}

// amend fills the tables from those of old, which is what d has open, and with
// the facts of one source in the place of those it had.
func (f *filler) amend(ctx context.Context, d *DB, set *factSet) error {
	if _, err := f.tx.Exec(tables + factTables + moreTables); err != nil {
		return err
	}
	for _, c := range contents {
		if c.table == "meta" || c.table == "source" {
			continue // written anew
		}
		if err := f.copyTable(c, ""); err != nil {
			return err
		}
	}
	for _, c := range slices.Concat(factContents, moreContents) {
		where := " WHERE source <> ?"
		switch c.table {
		case "suspicion", "about", "release_about", "provenance":
			where = "" // of the snapshot itself
		}
		if err := f.copyTable(c, where, set.source.Name); err != nil {
			return err
		}
	}
	if err := f.fillFacts(set); err != nil {
		return err
	}
	return f.fillMeta(d.emptyUnknown)
}

// copyTable copies rows of a table of old.
func (f *filler) copyTable(c content, where string, args ...any) error {
	if where == "" {
		args = nil
	}
	_, err := f.tx.Exec("INSERT INTO main."+c.table+" ("+c.columns+") SELECT "+c.columns+" FROM old."+c.table+where+" ORDER BY "+c.key, args...)
	if err != nil {
		return fmt.Errorf("table %s: %w", c.table, err)
	}
	return nil
}

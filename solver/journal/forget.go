package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver"
)

// Forget removes the documents that say something of projects, with their files,
// and the settled items of the queue that asked for them; all of them if names is
// nil. It returns how many documents there were. What such a document says of
// other projects is forgotten as well.
func (j *Journal) Forget(ctx context.Context, names []py.Name) (int, error) {
	if j == nil {
		return 0, nil
	}
	fail := func(err error) (int, error) { return 0, fmt.Errorf("forget what was learnt: %w", err) }
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	defer tx.Rollback() // after Commit it does nothing
	wanted := func(name py.Name) bool { return names == nil || slices.Contains(names, name) }
	rows, err := tx.QueryContext(ctx, `SELECT digest, text FROM document`)
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	var digests []string
	for rows.Next() {
		var digest string
		var text []byte
		if err := rows.Scan(&digest, &text); err != nil {
			return fail(err)
		}
		d, err := solver.ParseDocument(text)
		if err != nil {
			return fail(fmt.Errorf("document %.12s: %w", digest, err))
		}
		if names == nil || slices.ContainsFunc(d.Subjects(), wanted) {
			digests = append(digests, digest)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fail(err)
	}
	// The files first: what is left of a run that is ended here is found again by
	// the index, and the index would be made again out of a file that is left.
	for _, digest := range digests {
		if err := os.Remove(j.documentFile(digest)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fail(err)
		}
		for _, table := range dropped {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE digest = ?`, digest); err != nil {
				return fail(err)
			}
		}
	}
	items, _, err := j.items(ctx, tx, `WHERE state <> 'waiting'`)
	if err != nil {
		return 0, err
	}
	for _, i := range items {
		if r, err := py.ParseRequirement(i.Key); names != nil && (err != nil || !wanted(r.Name)) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM item WHERE key = ? AND env = ?`, i.Key, i.Env); err != nil {
			return fail(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	return len(digests), nil
}

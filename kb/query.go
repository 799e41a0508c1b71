package kb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A Table is what a question in SQL was answered with.
type Table struct {
	Columns []string
	Rows    [][]any // nil, int64, float64, string or []byte
	More    bool    // there are more rows than were asked for
}

// errSlow is why a question ends that takes too long.
var errSlow = errors.New("it takes too long")

// Query asks one question in SQL, of at most so many rows and so much time. The
// connection reads only the snapshot: whatever the text, nothing is changed, and
// no other file is opened.
func (d *DB) Query(ctx context.Context, text string, rows int, limit time.Duration) (Table, error) {
	if err := oneStatement(text); err != nil {
		return Table{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	conn, err := d.conn(ctx)
	if err != nil {
		return Table{}, err
	}
	defer conn.Close()
	// Neither ATTACH nor VACUUM INTO can open a file then.
	if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_ATTACHED, 0); err != nil {
		return Table{}, d.failed(ctx, "ask", err)
	}
	failed := func(err error) error {
		if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
			return fmt.Errorf("%w: more than %v", errSlow, limit)
		} else if cause != nil {
			return cause
		}
		return err
	}
	answer, err := conn.QueryContext(ctx, text)
	if err != nil {
		return Table{}, failed(err)
	}
	defer answer.Close()
	var t Table
	if t.Columns, err = answer.Columns(); err != nil {
		return t, failed(err)
	}
	into := make([]any, len(t.Columns))
	for answer.Next() {
		if len(t.Rows) == rows {
			t.More = true
			return t, nil
		}
		values := make([]any, len(t.Columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := answer.Scan(into...); err != nil {
			return t, failed(err)
		}
		t.Rows = append(t.Rows, values)
	}
	if err := answer.Err(); err != nil {
		return t, failed(err)
	}
	return t, nil
}

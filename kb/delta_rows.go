package kb

import (
	"context"
	"database/sql"
	"iter"
	"strconv"
)

// A renumber holds, for each table that others refer to, the new id of an old
// row. A row that is not there any more has none.
type renumber map[string]map[int64]int64

func (r renumber) table(name string) map[int64]int64 {
	if r[name] == nil {
		r[name] = map[int64]int64{}
	}
	return r[name]
}

// id is the new id; 0, which stands for nothing, stays what it is.
func (r renumber) id(table string, v any) any {
	if old, ok := v.(int64); ok {
		return r[table][old]
	}
	return v
}

// row puts an old row into the new numbers. It is nil where what the row is
// about is not there any more.
func (r renumber) row(t deltaTable, old []any) []any {
	row := append([]any(nil), old...)
	gone := func(v any) bool { return v == any(int64(0)) }
	switch t.table {
	case "project":
		if text, ok := row[6].(string); ok {
			row[6] = r.releases(text)
		}
	case "file":
		row[0] = r.id("project", row[0])
		row[6], row[8] = r.id("text", row[6]), r.id("text", row[8])
		if gone(row[0]) {
			return nil
		}
	case "sha256", "provenance":
		if row[0] = r.id("file", row[0]); gone(row[0]) {
			return nil
		}
	case "suspicion", "release_about":
		if row[0] = r.id("project", row[0]); gone(row[0]) {
			return nil
		}
		if text, ok := row[1].(string); ok && t.table == "release_about" {
			row[1] = r.abouts(text)
		}
	}
	return row
}

// made notes that an old row stays, as the nth of the new table, which is its id.
func (r renumber) made(t deltaTable, was, row []any, nth int64) {
	at := -1
	switch t.table {
	case "project":
		at = 0
	case "file":
		at = 3
	default:
		return
	}
	if old, ok := was[at].(int64); ok {
		r.table(t.table)[old] = nth
	}
	row[at] = nth
}

// releases renumbers the texts and artifacts of packed
// releases; see tables. A text that is something else stays as it is.
func (r renumber) releases(text string) string {
	if text == "[]" {
		return text
	}
	s, w := scanner{text: text}, releaseWriter{coding: stepped}
	var old numbers
	for s.take('['); ; s.take(',') {
		version := s.release(stepped, &old)
		if s.bad {
			return text
		}
		n := old
		for i, table := range [...]string{3: "text", 4: "text", 6: "artifacts"} {
			if table != "" {
				n[i] = r[table][old[i]]
			}
		}
		w.add(version, n)
		if s.text[s.at:] == "]" {
			return w.text()
		}
	}
}

// abouts renumbers every other number of a row of release_about.
func (r renumber) abouts(text string) string {
	out := make([]byte, 0, len(text))
	for i, nth := 0, 0; i < len(text); {
		if c := text[i]; c < '0' || c > '9' {
			out = append(out, c)
			i++
			continue
		}
		n, end := leadingNumber(text, i)
		if n < 0 {
			return text
		}
		if nth%2 == 0 {
			n = r["about"][n]
		}
		out = strconv.AppendInt(out, n, 10)
		i, nth = end, nth+1
	}
	return string(out)
}

// leadingNumber reads the number at a place of a text; -1 if it is too large.
func leadingNumber(text string, at int) (n int64, end int) {
	for end = at; end < len(text) && text[end]-'0' <= 9; end++ {
		if n = n*10 + int64(text[end]-'0'); n > maxNumber {
			return -1, end
		}
	}
	return n, end
}

// eachRow hands on every row of a query, which the caller may keep.
func eachRow(ctx context.Context, conn querier, query string, row func([]any) error, args ...any) error {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pullRows returns the rows of a query one by one, nil at the end.
func pullRows(ctx context.Context, conn *sql.Conn, query string) (next func() ([]any, error), stop func()) {
	type item struct {
		row []any
		err error
	}
	pull, stop := iter.Pull(func(yield func(item) bool) {
		errStop := sql.ErrTxDone
		err := eachRow(ctx, conn, query, func(row []any) error {
			if !yield(item{row: row}) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(item{err: err})
		}
	})
	return func() ([]any, error) {
		i, _ := pull()
		return i.row, i.err
	}, stop
}

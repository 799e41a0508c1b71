package kb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/thamos/thamos/kb/py"
)

// Learn adds documents, all or none. Of each index, project and release the
// newest is kept, whatever the order in which they come: learning the same
// again changes nothing. When it returns, every Layered on this Local knows.
//
// A document that cannot be kept fails all; Document.Digest tells which those
// are.
func (l *Local) Learn(ctx context.Context, docs []Document) error {
	if l.readOnly {
		return fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	all := make([]*answer, len(docs))
	err := parallel(len(docs), func(i int) (err error) {
		all[i], err = newAnswer(docs[i])
		return err
	})
	if err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	answers := newest(all)
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()

	// Packing takes longer than writing, so it is done before others have to
	// wait: of what is news now. What is news is asked again when nobody else
	// can write.
	stored, err := l.standings(ctx, conn, answers)
	if err != nil {
		return err
	}
	rows := make([]learnt, len(answers))
	err = parallel(len(answers), func(i int) error {
		rows[i].answer = answers[i]
		if old, ok := stored[answers[i].key]; ok && (!answers[i].standing().beats(old) || answers[i].sum == old.sum) {
			return nil
		}
		return l.packRow(&rows[i])
	})
	if err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return l.failed(ctx, "learn", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if stored, err = l.standings(ctx, tx, answers); err != nil {
		return err
	}
	w := &learner{tx: tx, local: l}
	for i := range rows {
		old, ok := stored[rows[i].key]
		if ok && !rows[i].standing().beats(old) {
			continue
		}
		if err := w.write(ctx, &rows[i], ok && old.kind == rows[i].kind && old.sum == rows[i].sum); err != nil {
			return l.failed(ctx, fmt.Sprintf("learn %s of %s", rows[i].kind, rows[i].name), err)
		}
	}
	if err := tx.Commit(); err != nil {
		return l.failed(ctx, "learn", err)
	}
	names := make([]py.Name, len(answers))
	for i, a := range answers {
		names[i] = a.name
	}
	l.changed(names)
	return nil
}

// changed notes that what was read of projects is no longer all.
func (l *Local) changed(names []py.Name) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		l.learnt[name]++
	}
}

// learntOf returns how often something was learnt or forgotten of each project.
func (l *Local) learntOf(names []py.Name) []int {
	out := make([]int, len(names))
	if l == nil {
		return out
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, name := range names {
		out[i] = l.learnt[name]
	}
	return out
}

// newest keeps of each key the document that counts, in the order of keys.
func newest(all []*answer) []*answer {
	best := make(map[key]*answer, len(all))
	for _, a := range all {
		if b := best[a.key]; b == nil || a.standing().beats(b.standing()) {
			best[a.key] = a
		}
	}
	out := make([]*answer, 0, len(best))
	for _, a := range best {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *answer) int { return a.key.compare(b.key) })
	return out
}

// standings reads what is stored of the keys of answers.
func (l *Local) standings(ctx context.Context, q querier, answers []*answer) (map[key]standing, error) {
	var projects, releases [][]string
	for _, a := range answers {
		if a.key.version == "" {
			projects = append(projects, []string{string(a.name), a.origin})
		} else {
			releases = append(releases, []string{string(a.name), a.origin, a.key.version})
		}
	}
	found := make(map[key]standing, len(answers))
	row := func(rows *sql.Rows) error {
		var k key
		var s standing
		var sum, digest sql.RawBytes
		if err := rows.Scan(&k.name, &k.origin, &k.version, &s.kind, &s.read, &sum, &digest); err != nil {
			return err
		}
		if len(sum) != len(s.sum) || len(digest) != len(s.digest) {
			return fmt.Errorf("%w: %s has a digest of %d bytes", ErrDamaged, k.name, len(digest))
		}
		s.sum, s.digest = [sha256.Size]byte(sum), [sha256.Size]byte(digest)
		found[k] = s
		return nil
	}
	err := l.each(ctx, q, "learn",
		`SELECT p.name, p.origin, '', p.kind, p.read, p.sum, p.digest
		FROM json_each(?) j CROSS JOIN project p ON p.name = j.value ->> 0 AND p.origin = j.value ->> 1`, jsonRows(projects), row)
	if err != nil {
		return nil, err
	}
	err = l.each(ctx, q, "learn",
		`SELECT r.name, r.origin, r.version_key, r.kind, r.read, r.sum, r.digest
		FROM json_each(?) j CROSS JOIN release r ON r.name = j.value ->> 0 AND r.origin = j.value ->> 1 AND r.version_key = j.value ->> 2`,
		jsonRows(releases), row)
	return found, err
}

// A learnt is an answer and what is stored to find it quickly.
type learnt struct {
	*answer
	packed                            bool
	releases, texts, artifacts, files string // of a listing
	lines                             linesKey
	content                           []byte // compressed
}

// packRow makes what is stored of an answer.
func (l *Local) packRow(r *learnt) error {
	if err := r.pack(); err != nil {
		return err
	}
	if len(r.answer.content) > 0 {
		r.content = l.packer.EncodeAll(r.answer.content, nil)
	}
	r.packed = true
	return nil
}

// pack makes all of it but the content.
func (r *learnt) pack() error {
	if r.metadata != nil {
		r.lines = *requiresOf(r.metadata)
		if len(r.lines.lines)+len(r.lines.extras) > maxIndex {
			return fmt.Errorf("%s of %s: it has too many requirements", r.kind, r.name)
		}
	}
	if r.listing == nil {
		return nil
	}
	releases, err := drafts(*r.listing, func(bool) bool { return true })
	if err != nil {
		return fmt.Errorf("listing of %s: %w", r.name, err)
	}
	var s sharer
	if r.releases, _, err = s.pack(plain, releases); err != nil {
		return fmt.Errorf("listing of %s: %w", r.name, err)
	}
	if r.listing.Status != "" || r.listing.StatusReason != "" {
		// No text begins with a tab: control characters are not kept.
		s.texts.list = append(s.texts.list, "\t"+r.listing.Status+"\t"+r.listing.StatusReason)
	}
	r.texts = strings.Join(s.texts.list, "\n")
	kinds := make([]string, len(s.artifacts.list))
	for i, k := range s.artifacts.list {
		kinds[i] = k.line()
	}
	r.artifacts = strings.Join(kinds, "\n")
	r.files = packFiles(r.listing.Files, releases)
	if len(r.releases)+len(r.texts)+len(r.artifacts)+len(r.files) > maxIndex {
		return fmt.Errorf("listing of %s: it has too many releases or files", r.name)
	}
	return nil
}

// line writes kinds of file as a line; see localTables.
func (k artifactsKey) line() string {
	sdist := "0"
	if k.sdist {
		sdist = "1"
	}
	if k.wheels == "" {
		return sdist
	}
	return sdist + "\t" + strings.ReplaceAll(k.wheels, "\n", "\t")
}

// packFiles says where in files, which are sorted, those of each release are.
func packFiles(files []py.File, releases []draft) string {
	at := make(map[string]int, len(files))
	for i, f := range files {
		at[f.Filename] = i
	}
	var out []byte
	for i, d := range releases {
		if i > 0 {
			out = append(out, '\n')
		}
		out = append(out, d.version.String()...)
		for _, f := range d.files {
			out = strconv.AppendInt(append(out, ' '), int64(at[f.Filename]), 10)
		}
	}
	return string(out)
}

// A learner writes answers in a transaction.
type learner struct {
	tx    *sql.Tx
	local *Local

	project, page, release *sql.Stmt // prepared when first wanted
}

// prepare prepares a statement once.
func (w *learner) prepare(ctx context.Context, into **sql.Stmt, query string) (*sql.Stmt, error) {
	if *into == nil {
		stmt, err := w.tx.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		*into = stmt // closed with the transaction
	}
	return *into, nil
}

// write stores an answer in place of what is there of its key. same says that
// its content is there already.
func (w *learner) write(ctx context.Context, r *learnt, same bool) error {
	if !r.packed && !same {
		// Somebody has just stored other content than there was before.
		if err := w.local.packRow(r); err != nil {
			return err
		}
	}
	if r.key.version != "" {
		return w.writeRelease(ctx, r, same)
	}
	stmt, err := w.prepare(ctx, &w.project, `INSERT INTO project (name, origin, kind, read, fresh, etag, last_modified, sum, digest)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name, origin) DO UPDATE SET kind = excluded.kind, read = excluded.read, fresh = excluded.fresh,
			etag = excluded.etag, last_modified = excluded.last_modified, sum = excluded.sum, digest = excluded.digest
		RETURNING id`)
	if err != nil {
		return err
	}
	var id int64
	err = stmt.QueryRowContext(ctx, string(r.name), r.origin, string(r.kind), r.read, r.fresh, r.etag, r.lastModified, r.sum[:], r.digest[:]).Scan(&id)
	switch {
	case err != nil || same:
		return err
	case r.listing == nil:
		_, err = w.tx.ExecContext(ctx, `DELETE FROM page WHERE project = ?`, id)
		return err
	}
	stmt, err = w.prepare(ctx, &w.page, `INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, id, r.releases, r.texts, r.artifacts, r.files, r.content)
	return err
}

func (w *learner) writeRelease(ctx context.Context, r *learnt, same bool) error {
	if same {
		_, err := w.tx.ExecContext(ctx, `UPDATE release SET version = ?, read = ?, reason = ?, digest = ?
			WHERE name = ? AND origin = ? AND version_key = ?`,
			r.version.String(), r.read, r.reason, r.digest[:], string(r.name), r.origin, r.key.version)
		return err
	}
	stmt, err := w.prepare(ctx, &w.release, `INSERT OR REPLACE INTO release
		(name, origin, version_key, version, kind, read, reason, requires_python, lines, extras, sum, digest, content)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	python := ""
	if r.metadata != nil {
		python = clean(r.metadata.RequiresPython)
	}
	content := r.content
	if content == nil {
		content = []byte{} // NOT NULL
	}
	_, err = stmt.ExecContext(ctx, string(r.name), r.origin, r.key.version, r.version.String(), string(r.kind), r.read, r.reason,
		python, r.lines.lines, r.lines.extras, r.sum[:], r.digest[:], content)
	return err
}

// Forget removes every document of projects and says how many there were. What
// a snapshot knows of them it keeps knowing.
func (l *Local) Forget(ctx context.Context, names []py.Name) (int, error) {
	if l.readOnly {
		return 0, fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	list := jsonTexts(textsOf(names))
	tx, err := l.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, l.failed(ctx, "forget", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	removed := 0
	if l.hasAdded { // what was seen is about what is forgotten; events have happened
		if _, err := tx.ExecContext(ctx, `DELETE FROM seen WHERE project IN (SELECT value FROM json_each(?))`, list); err != nil {
			return 0, l.failed(ctx, "forget", err)
		}
	}
	for _, query := range []string{
		`DELETE FROM page WHERE project IN (SELECT id FROM project WHERE name IN (SELECT value FROM json_each(?)))`,
		`DELETE FROM project WHERE name IN (SELECT value FROM json_each(?))`,
		`DELETE FROM release WHERE name IN (SELECT value FROM json_each(?))`,
	} {
		result, err := tx.ExecContext(ctx, query, list)
		if err != nil {
			return 0, l.failed(ctx, "forget", err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, l.failed(ctx, "forget", err)
		}
		if !strings.HasPrefix(query, "DELETE FROM page") { // a page is part of a document
			removed += int(n)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, l.failed(ctx, "forget", err)
	}
	l.changed(names)
	return removed, nil
}

// jsonRows writes rows of texts as the JSON array that json_each reads.
func jsonRows(rows [][]string) string {
	if len(rows) == 0 {
		return "[]"
	}
	out, err := json.Marshal(rows)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(out)
}

// parallel does n things, several at a time, and returns the error of the first
// that has one.
func parallel(n int, do func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

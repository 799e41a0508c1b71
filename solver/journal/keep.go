package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver"
)

// Keep keeps documents that settle no item and returns their digests.
func (j *Journal) Keep(ctx context.Context, docs ...*solver.Document) ([]string, error) {
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("keep documents: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	var digests []string
	for _, d := range docs {
		digest, err := j.keep(ctx, tx, d)
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("keep documents: %w", err)
	}
	return digests, j.file(ctx)
}

// keep writes a document and its index.
func (j *Journal) keep(ctx context.Context, tx *sql.Tx, d *solver.Document) (string, error) {
	text, err := d.Text()
	if err != nil {
		return "", fmt.Errorf("keep a document: %w", err)
	}
	return solver.DigestOf(text), keepText(ctx, tx, d, text, false)
}

// keepText writes a document, unless it is there, and what is found by it.
func keepText(ctx context.Context, tx *sql.Tx, d *solver.Document, text []byte, filed bool) error {
	digest := solver.DigestOf(text)
	fail := func(err error) error { return fmt.Errorf("keep document %.12s: %w", digest, err) }
	observations, err := d.Observations(digest)
	if err != nil {
		return fail(err)
	}
	counts, err := d.Counts()
	if err != nil {
		return fail(err)
	}
	outcome, class := d.Verdict()
	var at int64
	if len(observations) > 0 {
		at = observations[0].At
	}
	result, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		digest, at, d.Image.ID, d.Solver, d.Environment.Python, d.Environment.Platform, outcome, string(class), btoi(filed), text)
	if err != nil {
		return fail(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err // it is there
	}
	for n, o := range observations {
		body, err := json.Marshal(lineOf(o))
		if err != nil {
			return fail(err)
		}
		for _, p := range o.Packages {
			if _, err := tx.ExecContext(ctx, `INSERT INTO observation VALUES (?, ?, ?, ?, ?)`, string(p.Name), digest, n, btoi(o.Outcome == "failed"), string(body)); err != nil {
				return fail(err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO tried VALUES (?, ?, ?, ?, ?, ?)`,
				string(p.Name), p.Version.Key(), digest, o.Kind, o.Outcome, btoi(len(o.Packages) == 1)); err != nil {
				return fail(err)
			}
		}
	}
	for n, c := range counts {
		body, err := json.Marshal(countLine{c.Version.String(), c.Tool, c.Metric, c.Value})
		if err != nil {
			return fail(err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO indicator VALUES (?, ?, ?, ?)`, string(c.Name), digest, n, string(body)); err != nil {
			return fail(err)
		}
	}
	return nil
}

// file writes the documents that are not yet files.
func (j *Journal) file(ctx context.Context) error {
	rows, err := j.sql.QueryContext(ctx, `SELECT digest, text FROM document WHERE filed = 0`)
	if err != nil {
		return fmt.Errorf("write documents: %w", err)
	}
	defer rows.Close()
	var filed []string
	for rows.Next() {
		var digest string
		var text []byte
		if err := rows.Scan(&digest, &text); err != nil {
			return fmt.Errorf("write documents: %w", err)
		}
		if err := replace(j.documentFile(digest), text); err != nil {
			return fmt.Errorf("write document %.12s: %w", digest, err)
		}
		filed = append(filed, digest)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("write documents: %w", err)
	}
	rows.Close()
	for _, digest := range filed {
		if _, err := j.sql.ExecContext(ctx, `UPDATE document SET filed = 1 WHERE digest = ?`, digest); err != nil {
			return fmt.Errorf("write documents: %w", err)
		}
	}
	return nil
}

func (j *Journal) documentFile(digest string) string {
	return filepath.Join(j.dir, "documents", digest[:2], digest+".json")
}

// replace writes a file as a whole.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// Rebuild makes the index of the documents again out of their files. A file that
// is not what its name says is left out and named.
func (j *Journal) Rebuild(ctx context.Context) (n int, bad []string, err error) {
	if err := j.file(ctx); err != nil {
		return 0, nil, err
	}
	files, err := filepath.Glob(filepath.Join(j.dir, "documents", "*", "*.json"))
	if err != nil {
		return 0, nil, err
	}
	slices.Sort(files)
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("rebuild: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	for _, t := range dropped {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t); err != nil {
			return 0, nil, fmt.Errorf("rebuild: %w", err)
		}
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return 0, nil, fmt.Errorf("rebuild: %w", err)
		}
		d, err := solver.ParseDocument(text)
		if err != nil || solver.DigestOf(text) != strings.TrimSuffix(filepath.Base(f), ".json") {
			bad = append(bad, f)
			continue
		}
		if err := keepText(ctx, tx, d, text, true); err != nil {
			return 0, nil, err
		}
		n++
	}
	return n, bad, tx.Commit()
}

// An observationLine is an observation as a row has it.
type observationLine struct {
	Packages []string `json:"p"`
	Kind     string   `json:"k"`
	Outcome  string   `json:"o,omitempty"`
	Class    string   `json:"c,omitempty"`
	Excerpt  string   `json:"x,omitempty"`
	Metric   string   `json:"m,omitempty"`
	Value    float64  `json:"v,omitempty"`
	Unit     string   `json:"u,omitempty"`
	Higher   bool     `json:"h,omitempty"`
	Python   string   `json:"py,omitempty"`
	Platform string   `json:"pl,omitempty"`
	At       int64    `json:"at"`
}

func lineOf(o py.Observation) observationLine {
	l := observationLine{nil, o.Kind, o.Outcome, o.Class, o.Excerpt, o.Metric, o.Value, o.Unit, o.Higher, o.Python, o.Platform, o.At}
	for _, p := range o.Packages {
		l.Packages = append(l.Packages, p.String())
	}
	return l
}

func (l observationLine) observation(digest string) (py.Observation, error) {
	o := py.Observation{
		Kind: l.Kind, Outcome: l.Outcome, Class: l.Class, Excerpt: l.Excerpt, Metric: l.Metric, Value: l.Value,
		Unit: l.Unit, Higher: l.Higher, Python: l.Python, Platform: l.Platform, At: l.At, Document: digest,
	}
	for _, text := range l.Packages {
		name, version, _ := strings.Cut(text, "==")
		v, err := py.ParseVersion(version)
		if err != nil {
			return o, err
		}
		o.Packages = append(o.Packages, py.Package{Name: py.Name(name), Version: v})
	}
	return o, nil
}

type countLine struct {
	Version string  `json:"r"`
	Tool    string  `json:"t"`
	Metric  string  `json:"m"`
	Value   float64 `json:"v"`
}

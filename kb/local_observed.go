package kb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A storedObservation is the body of an observation, and with a tool that of an
// indicator.
type storedObservation struct {
	Packages [][2]string `json:"packages"`

	Kind     string `json:"kind,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Class    string `json:"class,omitempty"`
	Excerpt  string `json:"excerpt,omitempty"`
	Python   string `json:"python,omitempty"`
	Platform string `json:"platform,omitempty"`

	Tool   string  `json:"tool,omitempty"`
	Metric string  `json:"metric,omitempty"`
	Value  float64 `json:"value,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	Higher bool    `json:"higher,omitempty"`

	Document string `json:"document,omitempty"`
	At       int64  `json:"at,omitempty"`
}

// body writes it; equal ones give equal bytes.
func (s storedObservation) body(packages ...py.Package) (body, digest []byte, err error) {
	for _, p := range packages {
		s.Packages = append(s.Packages, [2]string{string(p.Name), p.Version.String()})
	}
	if body, err = json.Marshal(s); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(body)
	return body, sum[:], nil
}

// readBody reads what body wrote, and checks that it is what has the digest.
func readBody(body string, digest []byte) (s storedObservation, packages []py.Package, err error) {
	if sum := sha256.Sum256([]byte(body)); !bytes.Equal(sum[:], digest) {
		return s, nil, fmt.Errorf("%w: an observation has another digest", ErrDamaged)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, nil, fmt.Errorf("%w: an observation: %v", ErrDamaged, err)
	}
	for _, p := range s.Packages {
		packages = append(packages, py.Package{Name: py.Name(p[0]), Version: parsed(p[1])})
	}
	return s, packages, nil
}

func (s storedObservation) observation(packages []py.Package) (py.Observation, error) {
	o := py.Observation{
		Packages: packages, Kind: s.Kind, Outcome: s.Outcome, Class: s.Class, Excerpt: s.Excerpt, Python: s.Python, Platform: s.Platform,
		Metric: s.Metric, Value: s.Value, Unit: s.Unit, Higher: s.Higher, Document: s.Document, At: s.At,
	}
	if err := normalObservation(&o); err != nil {
		return o, fmt.Errorf("%w: an observation: %v", ErrDamaged, err)
	}
	return o, nil
}

// Observe adds observations and indicators, all or none, and says how many were
// not known. What is known already, from whatever document, stays as it is, so
// neither the order nor how often something comes matters.
func (l *Local) Observe(ctx context.Context, observations []py.Observation, indicators []py.Indicator) (added int, err error) {
	if l.readOnly || !l.hasAdded {
		return 0, fmt.Errorf("%s: %w: choose a file that can be written", l.name, ErrReadOnly)
	}
	facts, err := normalFacts(Facts{Observations: observations, Indicators: indicators})
	if err != nil {
		return 0, fmt.Errorf("learn: %w", err)
	}
	tx, err := l.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, l.failed(ctx, "learn", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	insert := func(query string, args ...any) (int, error) {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, l.failed(ctx, "learn", err)
		}
		n, err := result.RowsAffected()
		return int(n), err
	}
	for _, o := range facts.Observations {
		body, digest, err := storedObservation{
			Kind: o.Kind, Outcome: o.Outcome, Class: o.Class, Excerpt: o.Excerpt, Python: o.Python, Platform: o.Platform,
			Metric: o.Metric, Value: o.Value, Unit: o.Unit, Higher: o.Higher, Document: o.Document, At: o.At,
		}.body(o.Packages...)
		if err != nil {
			return 0, fmt.Errorf("learn: %w", err)
		}
		n, err := insert(`INSERT OR IGNORE INTO observation VALUES (?, ?)`, digest, string(body))
		if err != nil {
			return 0, err
		}
		added += n
		for _, p := range o.Packages {
			if _, err := insert(`INSERT OR IGNORE INTO observed VALUES (?, ?)`, string(p.Name), digest); err != nil {
				return 0, err
			}
		}
	}
	for _, x := range facts.Indicators {
		body, digest, err := storedObservation{Tool: x.Tool, Metric: x.Metric, Value: x.Value}.body(x.Package)
		if err != nil {
			return 0, fmt.Errorf("learn: %w", err)
		}
		n, err := insert(`INSERT OR IGNORE INTO indicator VALUES (?, ?, ?)`, string(x.Name), digest, string(body))
		if err != nil {
			return 0, err
		}
		added += n
	}
	if err := tx.Commit(); err != nil {
		return 0, l.failed(ctx, "learn", err)
	}
	return added, nil
}

// ask asks one question about projects.
func (l *Local) ask(ctx context.Context, doing, query string, names []py.Name, row func(*sql.Rows) error) error {
	if !l.hasAdded {
		return nil
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	texts := textsOf(names)
	slices.Sort(texts)
	return l.each(ctx, conn, doing, query, jsonTexts(slices.Compact(texts)), row)
}

// Observations returns those that have a release of each project, oldest first.
func (l *Local) Observations(ctx context.Context, names []py.Name) (map[py.Name][]py.Observation, error) {
	found := map[py.Name][]py.Observation{}
	err := l.ask(ctx, "read observations",
		`SELECT o.project, o.digest, b.body FROM json_each(?) j CROSS JOIN observed o ON o.project = j.value
		CROSS JOIN observation b ON b.digest = o.digest`, names,
		func(rows *sql.Rows) error {
			var name py.Name
			var digest []byte
			var body string
			if err := rows.Scan(&name, &digest, &body); err != nil {
				return err
			}
			s, packages, err := readBody(body, digest)
			if err != nil {
				return err
			}
			o, err := s.observation(packages)
			if err == nil && !slices.ContainsFunc(o.Packages, func(p py.Package) bool { return p.Name == name }) {
				err = fmt.Errorf("%w: an observation is not one of %.80s", ErrDamaged, name)
			}
			found[name] = append(found[name], o)
			return err
		})
	for _, list := range found {
		slices.SortFunc(list, compareObservations)
	}
	return found, err
}

// Indicators returns those of each project's releases.
func (l *Local) Indicators(ctx context.Context, names []py.Name) (map[py.Name][]py.Indicator, error) {
	found := map[py.Name][]py.Indicator{}
	err := l.ask(ctx, "read indicators",
		`SELECT i.project, i.digest, i.body FROM json_each(?) j CROSS JOIN indicator i ON i.project = j.value`, names,
		func(rows *sql.Rows) error {
			var name py.Name
			var digest []byte
			var body string
			if err := rows.Scan(&name, &digest, &body); err != nil {
				return err
			}
			s, packages, err := readBody(body, digest)
			if err != nil {
				return err
			}
			if len(packages) != 1 || packages[0].Name != name {
				return fmt.Errorf("%w: an indicator is not one of %.80s", ErrDamaged, name)
			}
			x := py.Indicator{Package: packages[0], Tool: s.Tool, Metric: s.Metric, Value: s.Value}
			if err := normalIndicator(&x); err != nil {
				return err
			}
			found[name] = append(found[name], x)
			return nil
		})
	for _, list := range found {
		slices.SortFunc(list, compareIndicators)
	}
	return found, err
}

// Ranks returns the place of projects among the most downloaded, from 1.
func (l *Local) Ranks(ctx context.Context, names []py.Name) (map[py.Name]int, error) {
	found := map[py.Name]int{}
	err := l.ask(ctx, "read popularity",
		`SELECT p.project, min(p.rank) FROM json_each(?) j CROSS JOIN popular p ON p.project = j.value GROUP BY p.project`, names,
		rankRow(func(p Popular) { found[p.Project] = p.Rank }))
	return found, err
}

// Popular returns the projects whose place is at most that, the most downloaded
// first.
func (l *Local) Popular(ctx context.Context, most int) ([]Popular, error) {
	if !l.hasAdded {
		return nil, nil
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return l.popular(ctx, conn, most)
}

// Names lists the projects on which an index answered, in order.
func (l *Local) Names(ctx context.Context) ([]py.Name, error) {
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var names []py.Name
	err = l.all(ctx, conn, "list projects", `SELECT DISTINCT name FROM project WHERE kind = ? ORDER BY name`,
		func(rows *sql.Rows) error {
			var name py.Name
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		}, string(KindListing))
	return names, err
}

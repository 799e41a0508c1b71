package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver"
)

// imageKey is under which the image is noted that runs of an environment have
// now: failures that another one saw no longer count.
func imageKey(python, platform string) string { return "image of " + python + " " + platform }

// SetImage notes the image that runs of an environment have now.
func (j *Journal) SetImage(ctx context.Context, python, platform, id string) error {
	return j.SetMeta(ctx, imageKey(python, platform), id)
}

// counts is the condition under which a row of document d counts: failures only
// of the solver's version and of the image that the environment has now.
const counts = `(d.solver = ?2 AND d.image = coalesce((SELECT value FROM meta WHERE key = 'note image of ' || d.python || ' ' || d.platform), d.image))`

// Observations returns what documents say of each project, in the order of
// names, oldest first. A failure counts until the solver or the image is another.
func (j *Journal) Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error) {
	out := make([][]py.Observation, len(names))
	if j == nil || len(names) == 0 {
		return out, nil
	}
	of := map[py.Name][]py.Observation{}
	rows, err := j.sql.QueryContext(ctx, `SELECT o.project, o.digest, o.body FROM json_each(?1) n CROSS JOIN observation o ON o.project = n.value
		JOIN document d ON d.digest = o.digest WHERE o.failed = 0 OR `+counts+` ORDER BY d.at, d.digest, o.n`, list(names), solver.Version)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name py.Name
		var digest, body string
		if err := rows.Scan(&name, &digest, &body); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		var line observationLine
		if err := json.Unmarshal([]byte(body), &line); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		o, err := line.observation(digest)
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		of[name] = append(of[name], o)
	}
	for i, n := range names {
		out[i] = of[n]
	}
	return out, rows.Err()
}

// Indicators returns what tools counted in each project's releases, in the order
// of names: of each release, tool and metric the newest.
func (j *Journal) Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error) {
	out := make([][]py.Indicator, len(names))
	if j == nil || len(names) == 0 {
		return out, nil
	}
	of := map[py.Name][]py.Indicator{}
	rows, err := j.sql.QueryContext(ctx, `SELECT i.project, i.body FROM json_each(?) n CROSS JOIN indicator i ON i.project = n.value
		JOIN document d ON d.digest = i.digest ORDER BY d.at DESC, d.digest, i.n`, list(names))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer rows.Close()
	seen := map[string]bool{}
	for rows.Next() {
		var name py.Name
		var body string
		if err := rows.Scan(&name, &body); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		var l countLine
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		v, err := py.ParseVersion(l.Version)
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if key := strings.Join([]string{string(name), v.Key(), l.Tool, l.Metric}, "\n"); !seen[key] {
			seen[key] = true
			of[name] = append(of[name], py.Indicator{Package: py.Package{Name: name, Version: v}, Tool: l.Tool, Metric: l.Metric, Value: l.Value})
		}
	}
	for i, n := range names {
		out[i] = of[n]
		slices.SortStableFunc(out[i], func(a, b py.Indicator) int { return a.Version.Compare(b.Version) })
	}
	return out, rows.Err()
}

// Tried reports, for each package, whether it was tried in an environment so
// that it need not be again: it was seen to import, or to fail, by this solver
// with this image.
func (j *Journal) Tried(ctx context.Context, packages []py.Package, python, platform, image string) ([]bool, error) {
	out := make([]bool, len(packages))
	if j == nil {
		return out, nil
	}
	for i, p := range packages {
		err := j.sql.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tried t JOIN document d ON d.digest = t.digest
			WHERE t.project = ? AND t.version_key = ? AND t.alone = 1 AND d.python = ? AND d.platform = ? AND d.image = ? AND d.solver = ?
			AND (t.kind = 'import' OR t.outcome = 'failed'))`,
			string(p.Name), p.Version.Key(), python, platform, image, solver.Version).Scan(&out[i])
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
	}
	return out, nil
}

// A Summary says how much there is.
type Summary struct {
	Documents     int
	Observations  int
	ByOutcome     map[string]int // documents
	Waiting, Done int
	Left          []Item
}

// Summary counts documents and items.
func (j *Journal) Summary(ctx context.Context) (Summary, error) {
	s := Summary{ByOutcome: map[string]int{}}
	if j == nil {
		return s, nil
	}
	rows, err := j.sql.QueryContext(ctx, `SELECT CASE WHEN class <> '' AND class <> outcome THEN outcome || ' (' || class || ')' ELSE outcome END, count(*) FROM document GROUP BY 1`)
	if err != nil {
		return s, fmt.Errorf("read the journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var outcome string
		var n int
		if err := rows.Scan(&outcome, &n); err != nil {
			return s, fmt.Errorf("read the journal: %w", err)
		}
		s.ByOutcome[outcome], s.Documents = n, s.Documents+n
	}
	if err := rows.Err(); err != nil {
		return s, fmt.Errorf("read the journal: %w", err)
	}
	rows.Close()
	if err := j.sql.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT DISTINCT digest, n FROM observation)`).Scan(&s.Observations); err != nil {
		return s, fmt.Errorf("read the journal: %w", err)
	}
	items, err := j.Items(ctx)
	for _, i := range items {
		switch i.State {
		case Waiting:
			s.Waiting++
		case Done:
			s.Done++
		case Left:
			s.Left = append(s.Left, i)
		}
	}
	return s, err
}

// list writes names as the JSON array that json_each reads.
func list(names []py.Name) string {
	text, err := json.Marshal(names)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(text)
}

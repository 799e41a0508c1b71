package kb

import (
	"context"
	"database/sql"
	"sync"

	"github.com/thamos/thamos/kb/py"
)

// Facts is what a source says of the world beside releases and their
// requirements: what a Writer and Amend take. The order does not matter, and
// neither does what is there twice.
type Facts struct {
	Advisories   []py.Advisory
	Rules        []py.Rule
	Observations []py.Observation
	Indicators   []py.Indicator
	Popularity   []Popular
}

// A Popular is a project's place among the most downloaded, from 1.
type Popular struct {
	Project py.Name
	Rank    int
}

// A factCache holds what was asked of one table by project, also that there is
// nothing.
type factCache[V any] struct {
	mu sync.Mutex
	of map[py.Name]V
}

// get answers for each of names, in their order. load is asked for those that
// were not asked for before, each once.
func (c *factCache[V]) get(names []py.Name, load func(missing []py.Name) (map[py.Name]V, error)) ([]V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []py.Name
	asked := map[py.Name]bool{}
	for _, name := range names {
		if _, ok := c.of[name]; !ok && !asked[name] {
			asked[name] = true
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		found, err := load(missing)
		if err != nil {
			return nil, err
		}
		if c.of == nil {
			c.of = map[py.Name]V{}
		}
		for _, name := range missing {
			c.of[name] = found[name]
		}
	}
	out := make([]V, len(names))
	for i, name := range names {
		out[i] = c.of[name]
	}
	return out, nil
}

// A factStore is what was read of the facts of a snapshot.
type factStore struct {
	advisories   factCache[[]*py.Advisory]
	suspicions   factCache[[]py.Suspicion]
	observations factCache[[]py.Observation]
	indicators   factCache[[]py.Indicator]
	abouts       factCache[map[string]*py.About]
	ranks        factCache[int]
	rules        ruleStore
}

// perProject asks one question about projects that were not asked about before
// and hands on every row.
func (d *DB) perProject(ctx context.Context, doing, query string, names []py.Name, row func(*sql.Rows) error) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return d.each(ctx, conn, doing, query, jsonTexts(textsOf(names)), row)
}

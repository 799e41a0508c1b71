package cmd

import (
	"context"
	"os"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile/provenance"
)

// provenanceFacts are the snapshot's advisories and a list of popular projects.
type provenanceFacts struct {
	*kb.DB
	popular []py.Name
}

// Popular implements provenance.Facts.
func (f provenanceFacts) Popular(context.Context) ([]py.Name, error) { return f.popular, nil }

// provenanceFactsOf finds out which projects are popular: those of a file of the
// user's, else those that the snapshot ranks. Without either they are the ones
// that the snapshot is of, which are what popular projects need; that is no
// ranking, and a name that it lacks may be more popular.
func provenanceFactsOf(ctx context.Context, env *Env, db *kb.DB, file string) (provenance.Facts, bool, error) {
	if file != "" {
		names, err := readPopular(absolute(env, file))
		if err != nil {
			return nil, false, usagef("--popular: %w", err)
		}
		return provenanceFacts{db, names}, true, nil
	}
	ranked, err := db.Popular(ctx, mostPopular)
	if err != nil || len(ranked) > 0 {
		names := make([]py.Name, len(ranked))
		for i, p := range ranked {
			names[i] = p.Project
		}
		return provenanceFacts{db, names}, true, err
	}
	names, err := db.Names(ctx)
	return provenanceFacts{db, names}, false, err
}

// mostPopular is how many projects are known enough to be no imitation themselves.
const mostPopular = 15_000

// readPopular reads names, the most popular first: one a line, in its last
// column if there are several.
func readPopular(path string) ([]py.Name, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var names []py.Name
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n, err := py.ParseName(fields[len(fields)-1])
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, nil
}

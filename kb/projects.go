package kb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Projects returns what is known of each project, in the order of names; nil
// means that there is no record of it. It asks the database three questions,
// however many names there are, and none about projects it was asked for before.
func (d *DB) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var missing []string
	asked := map[py.Name]bool{}
	for _, name := range names {
		if d.projects[name] == nil && !asked[name] {
			asked[name] = true
			missing = append(missing, string(name))
		}
	}
	if len(missing) > 0 {
		if err := d.load(ctx, missing); err != nil {
			return nil, err
		}
	}
	found := make([]*py.Project, len(names))
	for i, name := range names {
		found[i] = d.projects[name]
	}
	return found, nil
}

// load reads projects into the DB. The caller holds d.mu.
func (d *DB) load(ctx context.Context, names []string) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var read []packedProject
	var ids wanted
	err = d.each(ctx, conn, "read projects",
		`SELECT p.name, p.status, p.status_reason, p.releases, p.lines, p.lists FROM json_each(?) j CROSS JOIN project p ON p.name = j.value`, jsonTexts(names),
		func(rows *sql.Rows) error {
			var name, status, reason, releases, lines, lists string
			if err := rows.Scan(&name, &status, &reason, &releases, &lines, &lists); err != nil {
				return err
			}
			if len(status) > maxText || len(reason) > maxText {
				return fmt.Errorf("%w: %s has a status of more than %d bytes", ErrDamaged, name, maxText)
			}
			p, err := stepped.unpack(py.Name(name), releases)
			if err != nil {
				return err
			}
			if p.requires, err = unpackLists(lines, lists); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			p.status, p.statusReason = status, reason
			for _, r := range p.releases {
				want(&ids.texts, d.texts, r.yankedReason)
				want(&ids.texts, d.texts, r.requiresPython)
				want(&ids.artifacts, d.artifacts, r.artifacts)
			}
			read = append(read, p)
			return nil
		})
	if err != nil {
		return err
	}
	if err := d.loadShared(ctx, conn, ids); err != nil {
		return err
	}
	for _, p := range read {
		project, err := d.project(p)
		if err != nil {
			return d.failed(ctx, "read projects", err)
		}
		d.projects[p.name] = project
	}
	return nil
}

// wanted are ids of rows that are still to be read.
type wanted struct{ texts, artifacts []int64 }

// want notes an id unless its row was read. An id may be noted twice; most
// repetitions are neighbours.
func want[T any](ids *[]int64, have map[int64]T, id int64) {
	if n := len(*ids); n > 0 && (*ids)[n-1] == id {
		return
	}
	if _, ok := have[id]; !ok {
		*ids = append(*ids, id)
	}
}

// loadShared reads the rows that releases share.
func (d *DB) loadShared(ctx context.Context, conn *sql.Conn, ids wanted) error {
	err := d.each(ctx, conn, "read texts",
		`SELECT t.id, t.value FROM json_each(?) j CROSS JOIN text t ON t.id = j.value`, jsonIDs(ids.texts),
		func(rows *sql.Rows) error {
			var id int64
			var value string
			if err := rows.Scan(&id, &value); err != nil {
				return err
			}
			d.texts[id] = value
			return nil
		})
	if err != nil {
		return err
	}
	return d.each(ctx, conn, "read artifacts",
		`SELECT a.id, a.sdist, a.wheels FROM json_each(?) j CROSS JOIN artifacts a ON a.id = j.value`, jsonIDs(ids.artifacts),
		func(rows *sql.Rows) error {
			var id, sdist int64
			var wheels string
			if err := rows.Scan(&id, &sdist, &wheels); err != nil {
				return err
			}
			if strings.Count(wheels, "\n") >= maxLines {
				return fmt.Errorf("%w: artifacts %d: more than %d wheels", ErrDamaged, id, maxLines)
			}
			d.artifacts[id] = &py.Artifacts{Sdist: sdist != 0, Wheels: splitLines(wheels)}
			return nil
		})
}

// splitLines is the reverse of joining with line feeds: no text, no lines.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// jsonIDs writes ids as the JSON array that json_each reads, each once.
func jsonIDs(ids []int64) string {
	slices.Sort(ids)
	out := []byte{'['}
	for i, id := range slices.Compact(ids) {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id, 10)
	}
	return string(append(out, ']'))
}

package kb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// Ranks returns each project's place among the most downloaded, from 1, in the
// order of names; 0 means that no source names it. Of several sources the best
// place counts. It asks the database one question.
func (d *DB) Ranks(ctx context.Context, names []py.Name) ([]int, error) {
	return d.facts.ranks.get(names, func(missing []py.Name) (map[py.Name]int, error) {
		found := map[py.Name]int{}
		err := d.perProject(ctx, "read popularity",
			`SELECT p.project, min(p.rank) FROM json_each(?) j CROSS JOIN popular p ON p.project = j.value GROUP BY p.project`, missing,
			rankRow(func(p Popular) { found[p.Project] = p.Rank }))
		return found, err
	})
}

// Popular returns the projects whose best place is at most that, the most
// downloaded first.
func (d *DB) Popular(ctx context.Context, most int) ([]Popular, error) {
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return d.popular(ctx, conn, most)
}

// popular reads the table popular, which snapshots and local knowledge have.
func (d *database) popular(ctx context.Context, conn *sql.Conn, most int) (list []Popular, err error) {
	err = d.all(ctx, conn, "read popularity",
		`SELECT project, min(rank) AS best FROM popular GROUP BY project HAVING best <= ? ORDER BY best, project`,
		rankRow(func(p Popular) { list = append(list, p) }), most)
	return list, err
}

// rankRow reads a row of a project and its rank.
func rankRow(take func(Popular)) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var p Popular
		if err := rows.Scan(&p.Project, &p.Rank); err != nil {
			return err
		}
		if !isName(p.Project) || p.Rank < 1 {
			return fmt.Errorf("%w: rank %d of %.80q", ErrDamaged, p.Rank, p.Project)
		}
		take(p)
		return nil
	}
}

// oncePopular sorts a list by project and keeps of each the best place.
func oncePopular(list []Popular) []Popular {
	slices.SortFunc(list, func(a, b Popular) int { return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Rank, b.Rank)) })
	return slices.CompactFunc(list, func(a, b Popular) bool { return a.Project == b.Project })
}

func (f *filler) fillPopularity(s *factSet) error {
	return f.fillRows(`INSERT INTO popular VALUES (?, ?, ?)`, func(add *sql.Stmt) error {
		for _, p := range oncePopular(s.Popularity) {
			if _, err := add.Exec(string(p.Project), s.source.Name, p.Rank); err != nil {
				return err
			}
		}
		return nil
	})
}

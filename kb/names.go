package kb

import (
	"context"

	"github.com/thamos/thamos/kb/py"
)

// Names returns the names of all projects that the snapshot has a record of,
// sorted.
func (d *DB) Names(ctx context.Context) ([]py.Name, error) {
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	rows, err := conn.QueryContext(ctx, `SELECT name FROM project ORDER BY name`)
	if err != nil {
		return nil, d.failed(ctx, "list projects", err)
	}
	defer rows.Close()
	var names []py.Name
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, d.failed(ctx, "list projects", err)
		}
		names = append(names, py.Name(n))
	}
	if err := rows.Err(); err != nil {
		return nil, d.failed(ctx, "list projects", err)
	}
	return names, nil
}

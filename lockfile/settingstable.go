package lockfile

import (
	"io/fs"
	"path"
	"strings"
)

// A Table is a user's own table of weights.
type Table struct {
	Name string // in lower case
	Rows []TableRow
}

// A TableRow weighs the terms of one class of one unit. Which there are is not
// known here.
type TableRow struct {
	Unit, Class    string
	Tier           int     // the last if it is not said
	Weight, Direct float64 // 1, and 0 for the same, if they are not said
	Pos            Position
}

// Bounds of a row, as those of package pipeline, which this one cannot import.
const (
	lastTier  = 7
	maxWeight = 1000
)

// ReadTable reads a table of weights that is a file of its own, with name (else
// it is that of the file) and rows. Every error is an *Error.
func ReadTable(fsys fs.FS, name string) (*Table, error) {
	root, err := readTree(fsys, name)
	if err != nil {
		return nil, err
	}
	if err := root.known("a table of weights", "name", "rows"); err != nil {
		return nil, err
	}
	title, err := root.get("name").filled("name")
	if err != nil {
		return nil, err
	}
	if title == "" {
		title = strings.TrimSuffix(path.Base(name), ".toml")
	}
	if root.get("rows") == nil {
		return nil, refuse(Position{File: name}, `write [[rows]] with unit = "…" and weight = …`, "a table of weights has rows")
	}
	return newTable(title, root)
}

// table reads the tables of [tables.NAME].
func (s *Settings) table(root *node) error {
	n := root.get("tables")
	if n == nil {
		return nil
	}
	if err := n.table("tables"); err != nil {
		return err
	}
	first := map[string]Position{}
	for _, key := range n.keys {
		e := n.fields[key]
		if err := e.table("tables." + key); err != nil {
			return err
		}
		if err := e.known("tables."+key, "rows"); err != nil {
			return err
		}
		t, err := newTable(key, e)
		if err != nil {
			return err
		}
		if at, twice := first[t.Name]; twice {
			return refuse(e.key, "case does not matter in it", "two tables are named %s, the first at %v", t.Name, at)
		}
		first[t.Name] = e.key
		s.Tables = append(s.Tables, *t)
	}
	return nil
}

// newTable reads the rows of n.
func newTable(name string, n *node) (*Table, error) {
	t := &Table{Name: strings.ToLower(name)}
	type key struct{ unit, class string }
	first := map[key]Position{}
	err := n.get("rows").each("rows", []string{"unit", "class", "tier", "weight", "direct"}, func(e *node) error {
		row, err := newRow(e)
		if err != nil {
			return err
		}
		k := key{row.Unit, row.Class}
		if at, twice := first[k]; twice {
			return refuse(row.Pos, "keep one of them", "%s has a row already, at %v", strings.TrimSuffix(row.Unit+"/"+row.Class, "/"), at)
		}
		first[k] = row.Pos
		t.Rows = append(t.Rows, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func newRow(e *node) (row TableRow, err error) {
	row = TableRow{Tier: lastTier, Weight: 1, Pos: e.pos}
	if row.Unit, err = e.get("unit").filled("unit"); err != nil {
		return row, err
	}
	if row.Unit == "" {
		return row, refuse(e.pos, "`thamos units` lists them", "a row needs a unit")
	}
	if row.Class, err = e.get("class").str("class"); err != nil {
		return row, err
	}
	if t := e.get("tier"); t != nil {
		v, ok := t.value.(int64)
		if !ok || v < 0 || v > lastTier {
			return row, refuse(t.pos, "a smaller tier outranks all larger ones", "tier must be a whole number from 0 to %d", lastTier)
		}
		row.Tier = int(v)
	}
	if err := e.get("weight").weight("weight", &row.Weight); err != nil {
		return row, err
	}
	if err := e.get("direct").weight("direct", &row.Direct); err != nil {
		return row, err
	}
	if n := e.get("direct"); n != nil && row.Direct == 0 { // 0 would be as if it were not said
		return row, refuse(n.pos, "take it out for 1", "direct must be above 0")
	}
	return row, nil
}

// weight reads a number that weighs, if there is one.
func (n *node) weight(what string, to *float64) error {
	if n == nil {
		return nil
	}
	var number float64
	switch v := n.value.(type) {
	case int64:
		number = float64(v)
	case float64:
		number = v
	default:
		return refuse(n.pos, "", "%s must be a number", what)
	}
	if !(number >= 0 && number <= maxWeight) { // NaN, too
		return refuse(n.pos, "", "%s must be a number from 0 to %d", what, maxWeight)
	}
	*to = number
	return nil
}

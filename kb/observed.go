package kb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Observations returns those that have a release of each project, in the order
// of names, oldest first; one of a stack is returned for each of its projects.
// It asks the database two questions.
func (d *DB) Observations(ctx context.Context, names []py.Name) ([][]py.Observation, error) {
	return d.facts.observations.get(names, func(missing []py.Name) (map[py.Name][]py.Observation, error) {
		return d.loadObservations(ctx, missing)
	})
}

// An observed says that an observation has a release of a project.
type observed struct {
	source string
	id     int64
}

func (d *DB) loadObservations(ctx context.Context, names []py.Name) (map[py.Name][]py.Observation, error) {
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	of := map[py.Name][]observed{}
	wanted := map[observed]bool{}
	var ids [][]any
	err = d.each(ctx, conn, "read observations",
		`SELECT o.project, o.source, o.observation FROM json_each(?) j CROSS JOIN observed o ON o.project = j.value`,
		jsonTexts(textsOf(names)), func(rows *sql.Rows) error {
			var name py.Name
			var o observed
			if err := rows.Scan(&name, &o.source, &o.id); err != nil {
				return err
			}
			of[name] = append(of[name], o)
			if !wanted[o] {
				wanted[o] = true
				ids = append(ids, []any{o.source, o.id})
			}
			return nil
		})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, d.failed(ctx, "read observations", err)
	}
	read := map[observed]py.Observation{}
	err = d.each(ctx, conn, "read observations",
		`SELECT `+observationColumns+` FROM json_each(?) j
		CROSS JOIN observation o ON o.source = j.value ->> 0 AND o.id = j.value ->> 1`, string(list),
		func(rows *sql.Rows) error {
			key, o, err := scanObservation(rows)
			if err != nil {
				return err
			}
			if _, twice := read[key]; twice {
				return fmt.Errorf("%w: observation %d is there twice", ErrDamaged, key.id)
			}
			read[key] = o
			return nil
		})
	if err != nil {
		return nil, err
	}
	found := map[py.Name][]py.Observation{}
	for name, keys := range of {
		for _, key := range keys {
			o, ok := read[key]
			has := slices.ContainsFunc(o.Packages, func(p py.Package) bool { return p.Name == name })
			if !ok || !has {
				return nil, d.failed(ctx, "read observations", fmt.Errorf("%w: observation %d is not one of %s", ErrDamaged, key.id, name))
			}
			found[name] = append(found[name], o)
		}
		list := found[name]
		slices.SortStableFunc(list, compareObservations)
		found[name] = slices.CompactFunc(list, func(a, b py.Observation) bool { return compareObservations(a, b) == 0 })
	}
	return found, nil
}

// observationColumns are those that scanObservation reads.
const observationColumns = `o.source, o.id, o.packages, o.kind, o.outcome, o.class, o.excerpt, o.python, o.platform,
	o.metric, o.value, o.unit, o.higher, o.document, o.at`

// scanObservation reads a row of observation.
func scanObservation(rows *sql.Rows) (key observed, o py.Observation, err error) {
	var packages string
	err = rows.Scan(&key.source, &key.id, &packages, &o.Kind, &o.Outcome, &o.Class, &o.Excerpt, &o.Python, &o.Platform,
		&o.Metric, &o.Value, &o.Unit, &o.Higher, &o.Document, &o.At)
	if err != nil {
		return key, o, err
	}
	for _, line := range splitLines(packages) {
		name, text, _ := strings.Cut(line, " ")
		o.Packages = append(o.Packages, py.Package{Name: py.Name(name), Version: parsed(text)})
		if o.Packages[len(o.Packages)-1].Version.String() != text {
			return key, o, fmt.Errorf("%w: observation %d of %.80q", ErrDamaged, key.id, line)
		}
	}
	normal := o
	if err := normalObservation(&normal); err != nil || compareObservations(normal, o) != 0 {
		return key, o, fmt.Errorf("%w: observation %d is not in normal form", ErrDamaged, key.id)
	}
	return key, o, nil
}

// packagesText writes the packages of an observation as its table has them.
func packagesText(packages []py.Package) string {
	lines := make([]string, len(packages))
	for i, p := range packages {
		lines[i] = string(p.Name) + " " + p.Version.String()
	}
	return strings.Join(lines, "\n")
}

// compareObservations orders observations: oldest first.
func compareObservations(a, b py.Observation) int {
	return cmp.Or(
		cmp.Compare(a.At, b.At),
		slices.CompareFunc(a.Packages, b.Packages, comparePackages),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Excerpt, b.Excerpt),
		cmp.Compare(a.Python, b.Python), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Value, b.Value),
		cmp.Compare(a.Unit, b.Unit), compareBools(a.Higher, b.Higher), cmp.Compare(a.Document, b.Document))
}

func comparePackages(a, b py.Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Version.Compare(b.Version), cmp.Compare(a.Version.String(), b.Version.String()))
}

func compareBools(a, b bool) int { return int(flag(a)) - int(flag(b)) }

// Indicators returns those of each project's releases, in the order of names,
// by version, tool and metric. It asks the database one question.
func (d *DB) Indicators(ctx context.Context, names []py.Name) ([][]py.Indicator, error) {
	return d.facts.indicators.get(names, func(missing []py.Name) (map[py.Name][]py.Indicator, error) {
		found := map[py.Name][]py.Indicator{}
		versions := map[string]py.Version{}
		err := d.perProject(ctx, "read indicators",
			`SELECT i.project, i.indicators FROM json_each(?) j CROSS JOIN indicator i ON i.project = j.value`, missing,
			func(rows *sql.Rows) error {
				var name py.Name
				var text string
				if err := rows.Scan(&name, &text); err != nil {
					return err
				}
				list, err := unpackIndicators(name, text, versions)
				if err != nil {
					return err
				}
				found[name] = append(found[name], list...)
				return nil
			})
		for _, list := range found {
			slices.SortStableFunc(list, compareIndicators)
		}
		return found, err
	})
}

func compareIndicators(a, b py.Indicator) int {
	return cmp.Or(comparePackages(a.Package, b.Package), cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Value, b.Value))
}

// packIndicators writes the indicators of a project as indicator.indicators
// holds them; see factTables.
func packIndicators(list []py.Indicator) (string, error) {
	out := []byte{'['}
	for i, x := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(append(out, '['), x.Version.String())
		out = appendText(append(out, ','), x.Tool)
		out = appendText(append(out, ','), x.Metric)
		out = append(strconv.AppendFloat(append(out, `,"`...), x.Value, 'g', -1, 64), `"]`...)
	}
	if len(out) > maxValue/2 {
		return "", fmt.Errorf("there are too many indicators")
	}
	return string(append(out, ']')), nil
}

func unpackIndicators(name py.Name, text string, versions map[string]py.Version) ([]py.Indicator, error) {
	s := scanner{text: text}
	var list []py.Indicator
	for s.open(); s.more(len(list)); {
		x := py.Indicator{Package: py.Package{Name: name}}
		s.open()
		x.Version = s.versionOf(versions)
		s.take(',')
		x.Tool = s.line()
		s.take(',')
		x.Metric = s.line()
		s.take(',')
		number := s.quoted()
		s.take(']')
		var err error
		x.Value, err = strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(x.Value) || math.IsInf(x.Value, 0) || x.Version.IsZero() || x.Tool == "" {
			s.bad = true
		}
		list = append(list, x)
	}
	if !s.end() {
		return nil, fmt.Errorf("%w: malformed indicators of %s, at byte %d", ErrDamaged, name, s.at)
	}
	return list, nil
}

package kb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Advisories returns the advisories of each project, in the order of names, by
// id. What two sources say of one vulnerability, which the names they give it
// tell, is one advisory. It asks the database one question.
func (d *DB) Advisories(ctx context.Context, names []py.Name) ([][]*py.Advisory, error) {
	return d.facts.advisories.get(names, func(missing []py.Name) (map[py.Name][]*py.Advisory, error) {
		u := newAdvisoryReader()
		if err := d.perProject(ctx, "read advisories", selectAdvisories, missing, u.row); err != nil {
			return nil, err
		}
		return u.joined(), nil
	})
}

// packAdvisories writes the advisories of a project, which are in order, as
// advisory.advisories holds them; see factTables.
func packAdvisories(list []py.Advisory) (string, error) {
	out := []byte{'['}
	for i := range list {
		a := &list[i]
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(append(out, '['), a.ID)
		out = append(out, ",["...)
		for j, alias := range a.Aliases {
			if j > 0 {
				out = append(out, ',')
			}
			out = appendText(out, alias)
		}
		out = appendText(append(out, "],"...), a.Summary)
		out = strconv.AppendInt(append(out, ','), int64(a.Severity), 10)
		out = strconv.AppendInt(append(out, ','), int64(math.Round(a.CVSS*10)), 10)
		out = append(out, ',', flag(a.Malware), ',')
		out = appendText(out, a.Link)
		out = strconv.AppendInt(append(out, ','), a.Published, 10)
		out = strconv.AppendInt(append(out, ','), a.Modified, 10)
		out = append(out, ",["...)
		for j, r := range a.Affected {
			if j > 0 {
				out = append(out, ',')
			}
			out = appendText(append(out, '['), r.From.String())
			out = appendText(append(out, ','), r.Before.String())
			out = append(appendText(append(out, ','), r.Last.String()), ']')
		}
		out = append(out, "]]"...)
	}
	if len(out) > maxValue/2 {
		return "", fmt.Errorf("there are too many advisories")
	}
	return string(append(out, ']')), nil
}

// selectAdvisories asks for the advisories of projects, a row for each source.
const selectAdvisories = `SELECT a.project, a.advisories FROM json_each(?) j CROSS JOIN advisory a ON a.project = j.value`

// An advisoryReader reads packed advisories. Those of a project name the same
// versions again and again.
type advisoryReader struct {
	versions map[string]py.Version
	found    map[py.Name][]*py.Advisory
	sources  map[py.Name]int // that say something of a project
}

func newAdvisoryReader() *advisoryReader {
	return &advisoryReader{map[string]py.Version{}, map[py.Name][]*py.Advisory{}, map[py.Name]int{}}
}

// row reads a row of selectAdvisories.
func (u *advisoryReader) row(rows *sql.Rows) error {
	var name py.Name
	var text string
	if err := rows.Scan(&name, &text); err != nil {
		return err
	}
	list, err := u.unpack(name, text)
	if err != nil {
		return err
	}
	u.sources[name]++
	u.found[name] = append(u.found[name], list...)
	return nil
}

// joined returns what was read: what two sources say of one vulnerability is one
// advisory.
func (u *advisoryReader) joined() map[py.Name][]*py.Advisory {
	for name, n := range u.sources {
		if n > 1 {
			u.found[name] = joinAdvisories(u.found[name])
		}
	}
	return u.found
}

func (u *advisoryReader) unpack(name py.Name, text string) ([]*py.Advisory, error) {
	s := scanner{text: text}
	all := make([]py.Advisory, 0, min(strings.Count(text, "]]"), len(text)/50))
	for s.open(); s.more(len(all)); {
		a := py.Advisory{Project: name}
		s.open()
		a.ID = s.line()
		s.take(',')
		for s.open(); s.more(len(a.Aliases)); {
			a.Aliases = append(a.Aliases, s.line())
		}
		s.take(',')
		a.Summary = s.line()
		severity := s.number()
		cvss := s.number()
		a.Malware = s.number() != 0
		s.take(',')
		a.Link = s.line()
		a.Published, a.Modified = s.number(), s.number()
		s.take(',')
		for s.open(); s.more(len(a.Affected)); {
			a.Affected = append(a.Affected, u.affected(&s))
		}
		s.take(']')
		a.Severity, a.CVSS = py.Severity(min(severity, 255)), float64(cvss)/10
		if !s.bad && (a.ID == "" || a.Severity > py.Critical || cvss > 100 || len(all) > 0 && all[len(all)-1].ID >= a.ID) {
			s.bad = true
		}
		all = append(all, a)
	}
	if !s.end() {
		return nil, fmt.Errorf("%w: malformed advisories of %s, at byte %d", ErrDamaged, name, s.at)
	}
	out := make([]*py.Advisory, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out, nil
}

func (u *advisoryReader) affected(s *scanner) py.Affected {
	var r py.Affected
	s.open()
	for i, v := range []*py.Version{&r.From, &r.Before, &r.Last} {
		if i > 0 {
			s.take(',')
		}
		*v = s.versionOf(u.versions)
	}
	s.take(']')
	return r
}

// versionOf reads a version in normal form or an empty text, with those known
// by text.
func (s *scanner) versionOf(known map[string]py.Version) py.Version {
	text := s.quoted()
	if text == "" {
		return py.Version{}
	}
	v, ok := known[text]
	if !ok {
		v = parsed(text)
		if v.String() != text || len(text) > maxVersion {
			s.bad = true
			return py.Version{}
		}
		known[text] = v
	}
	return v
}

// line reads a text that has no control characters and is not too long.
func (s *scanner) line() string {
	text := s.quoted()
	if len(text) > maxText || text != clean(text) {
		s.bad = true
	}
	return text
}

// joinAdvisories makes one of those that name each other, or the same third,
// and sorts them by id.
func joinAdvisories(list []*py.Advisory) []*py.Advisory {
	slices.SortStableFunc(list, func(a, b *py.Advisory) int { return cmp.Compare(a.ID, b.ID) })
	group := make([]int, len(list)) // the first that is the same
	of := map[string]int{}          // group by name
	for i, a := range list {
		group[i] = i
		for _, id := range append([]string{a.ID}, a.Aliases...) {
			id = strings.ToUpper(id)
			if j, ok := of[id]; ok {
				from, to := find(group, i), find(group, j)
				group[max(from, to)] = min(from, to)
			}
			of[id] = i
		}
	}
	var out []*py.Advisory
	at := map[int]int{}
	for i, a := range list {
		g := find(group, i)
		j, ok := at[g]
		if !ok {
			at[g] = len(out)
			out = append(out, a)
			continue
		}
		joined := joinAdvisory(*out[j], a)
		out[j] = &joined
	}
	return out
}

func find(group []int, i int) int {
	for group[i] != i {
		i = group[i]
	}
	return i
}

// joinAdvisory adds to a what b, a later one by id, says of the same.
func joinAdvisory(a py.Advisory, b *py.Advisory) py.Advisory {
	a.Aliases = slices.Concat(a.Aliases, []string{b.ID}, b.Aliases)
	slices.Sort(a.Aliases)
	a.Aliases = slices.DeleteFunc(slices.Compact(a.Aliases), func(id string) bool { return id == a.ID })
	a.Summary, a.Link = cmp.Or(a.Summary, b.Summary), cmp.Or(a.Link, b.Link)
	a.Severity, a.CVSS = max(a.Severity, b.Severity), max(a.CVSS, b.CVSS)
	a.Malware = a.Malware || b.Malware
	if b.Published != 0 && (a.Published == 0 || b.Published < a.Published) {
		a.Published = b.Published
	}
	a.Modified = max(a.Modified, b.Modified)
	a.Affected = sortAffected(slices.Concat(a.Affected, b.Affected))
	return a
}

// sortAffected sorts ranges and leaves out those that are there twice.
func sortAffected(list []py.Affected) []py.Affected {
	slices.SortFunc(list, func(a, b py.Affected) int {
		return cmp.Or(a.From.Compare(b.From), a.Before.Compare(b.Before), a.Last.Compare(b.Last),
			cmp.Compare(a.From.String(), b.From.String()), cmp.Compare(a.Before.String(), b.Before.String()), cmp.Compare(a.Last.String(), b.Last.String()))
	})
	return slices.Compact(list)
}

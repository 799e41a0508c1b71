package kb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/thamos/thamos/kb/py"
)

// maxSuspicions bounds those of one project; the largest of a graph of half a
// million releases are 60,000.
const maxSuspicions = 1 << 20

// packHints writes hints as suspicion.hints holds them; see factTables. n is of
// how many suspicions.
func packHints(hints []hint) (text string, n int, err error) {
	out := []byte{'['}
	for i, h := range hints {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, '['), int64(h.kind), 10)
		out = appendText(append(out, ','), string(h.dependency))
		out = appendText(append(out, ','), h.top.Version.String())
		out = append(out, ',', flag(h.top.Inclusive), ',')
		out = strconv.AppendInt(out, int64(h.by), 10)
		out = appendText(append(out, ','), h.line)
		out = append(out, ",["...)
		n += len(h.suspects)
		for j := 0; j < len(h.suspects); {
			first, last := h.suspects[j], h.suspects[j]
			for j++; j < len(h.suspects) && h.suspects[j] == last+1; j++ {
				last++
			}
			if out[len(out)-1] != '[' {
				out = append(out, ',')
			}
			out = strconv.AppendInt(out, int64(first), 10)
			out = strconv.AppendInt(append(out, ','), int64(last), 10)
		}
		out = append(out, "]]"...)
	}
	if len(out) > maxValue/2 || n > maxSuspicions {
		return "", 0, fmt.Errorf("there are too many suspicions")
	}
	return string(append(out, ']')), n, nil
}

func flag(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// unpackHints reads what packHints wrote of a project with so many releases.
// versions are those known by text.
func unpackHints(text string, releases int, versions map[string]py.Version) ([]hint, error) {
	s := scanner{text: text}
	var hints []hint
	n := 0
	for s.open(); s.more(len(hints)); {
		var h hint
		s.open()
		kind := s.digits()
		s.take(',')
		h.dependency = py.Name(s.quoted())
		s.take(',')
		h.top.Version = s.versionOf(versions)
		h.top.Inclusive = s.number() != 0
		h.by = int(s.number())
		s.take(',')
		h.line = s.quoted()
		s.take(',')
		last := h.by // a suspect is older than who says so
		for s.open(); s.more(len(h.suspects)); {
			from := int(s.digits())
			to := int(s.number())
			if s.bad || from <= last || to < from || to >= releases || n+to-from >= maxSuspicions {
				s.bad = true
				break
			}
			for n += to - from + 1; from <= to; from++ {
				h.suspects = append(h.suspects, from)
			}
			last = to
		}
		s.take(']')
		h.kind = py.SuspicionKind(kind)
		named := h.dependency != "" && py.NormalizeName(string(h.dependency)) == h.dependency
		switch {
		case s.bad:
		case kind == int64(py.RetroCap) && named && !h.top.Version.IsZero():
		case kind == int64(py.Hole) && h.dependency == "" && h.top == (py.Top{}):
		default:
			s.bad = true
		}
		hints = append(hints, h)
	}
	if !s.end() {
		return nil, fmt.Errorf("%w: malformed suspicions, at byte %d", ErrDamaged, s.at)
	}
	return hints, nil
}

// open begins a list.
func (s *scanner) open() { s.take('[') }

// more reports whether an element follows in a list of which n were read, and
// goes to it; else it ends the list.
func (s *scanner) more(n int) bool {
	switch {
	case s.bad:
		return false
	case s.at < len(s.text) && s.text[s.at] == ']':
		s.at++
		return false
	case n > 0:
		s.take(',')
	}
	return !s.bad
}

// end reports whether all was read and was as it must be.
func (s *scanner) end() bool { return !s.bad && s.at == len(s.text) }

// Suspicions returns what the later releases of each project make one think of
// earlier ones, in the order of names: newest release first, by dependency. It
// asks the database one question, after those of Projects, about projects that
// it was not asked about before.
func (d *DB) Suspicions(ctx context.Context, names []py.Name) ([][]py.Suspicion, error) {
	return d.facts.suspicions.get(names, func(missing []py.Name) (map[py.Name][]py.Suspicion, error) {
		return d.loadSuspicions(ctx, missing)
	})
}

func (d *DB) loadSuspicions(ctx context.Context, names []py.Name) (map[py.Name][]py.Suspicion, error) {
	projects, err := d.Projects(ctx, names)
	if err != nil {
		return nil, err
	}
	of := map[string]*py.Project{}
	for _, p := range projects {
		if p != nil {
			of[string(p.Name)] = p
		}
	}
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found := map[py.Name][]py.Suspicion{}
	versions := map[string]py.Version{}
	err = d.each(ctx, conn, "read suspicions",
		`SELECT p.name, s.hints FROM json_each(?) j CROSS JOIN project p ON p.name = j.value
		CROSS JOIN suspicion s ON s.project = p.id`, jsonTexts(textsOf(names)),
		func(rows *sql.Rows) error {
			var name, text string
			if err := rows.Scan(&name, &text); err != nil {
				return err
			}
			p := of[name]
			if p == nil || found[p.Name] != nil {
				return fmt.Errorf("%w: suspicions of %.80q", ErrDamaged, name)
			}
			hints, err := unpackHints(text, len(p.Releases), versions)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			found[p.Name] = suspicions(p.Name, hints, len(p.Releases), func(rank int) py.Version { return p.Releases[rank].Version })
			return nil
		})
	return found, err
}

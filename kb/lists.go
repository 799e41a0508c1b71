package kb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// maxListed bounds the requirement lists of a project and their lines together;
// the most in the public index are some hundred thousand.
const maxListed = 2 << 20

// packLists writes the requirement lists of a project as project.lines and
// project.lists hold them; see tables.
func packLists(lists []linesKey) (lines, text string, err error) {
	var distinct ids[string]
	total := 0
	out := []byte{'['}
	for i, k := range lists {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		total++
		from, n := int64(0), int64(0) // the last stretch
		end := func(then byte) {
			if n > 0 {
				out = strconv.AppendInt(out, from, 10)
				out = append(out, ',')
				out = strconv.AppendInt(out, n, 10)
				out = append(out, then)
			}
		}
		add := func(line string) {
			total++
			at := distinct.id(line) - 1
			if n > 0 && at == from+n {
				n++
				return
			}
			end(',')
			from, n = at, 1
		}
		for _, line := range splitLines(k.lines) {
			add(line)
		}
		for _, extra := range splitLines(k.extras) {
			add("\t" + extra)
		}
		if end(']'); n == 0 {
			out = append(out, ']')
		}
	}
	lines, text = strings.Join(distinct.list, "\n"), string(append(out, ']'))
	if total > maxListed || len(lines) > maxValue/4 || len(text) > maxValue/4 {
		return "", "", fmt.Errorf("it has too many requirements")
	}
	return lines, text, nil
}

// unpackLists reads what packLists wrote. The lists share the memory of lines.
func unpackLists(lines, text string) ([]*py.Requires, error) {
	if strings.Count(lines, "\n") >= maxListed {
		return nil, fmt.Errorf("%w: more than %d lines", ErrDamaged, maxListed)
	}
	distinct := splitLines(lines)
	for _, line := range distinct {
		if extra, ok := strings.CutPrefix(line, "\t"); ok && (extra == "" || py.NormalizeName(extra) != py.Name(extra)) {
			return nil, fmt.Errorf("%w: the extra %.40q is not normalised", ErrDamaged, extra)
		}
	}
	var lists []*py.Requires
	var stretch [][]string // of one list
	s, total := scanner{text: text}, 0
	for s.open(); s.more(len(lists)); {
		stretch = stretch[:0]
		n := 0
		for s.open(); s.more(len(stretch)); {
			from, many := s.digits(), s.number()
			if s.bad || from > int64(len(distinct)) || many > int64(len(distinct))-from || many > int64(2*maxLines-n) {
				s.bad = true
				break
			}
			stretch = append(stretch, distinct[from:from+many])
			n += int(many)
		}
		if total += n + 1; s.bad || total > maxListed {
			s.bad = true
			break
		}
		lists = append(lists, listOf(stretch, n))
	}
	if !s.end() {
		return nil, fmt.Errorf("%w: malformed requirement list %d, at byte %d", ErrDamaged, len(lists), s.at)
	}
	return lists, nil
}

// listOf joins the stretches of a list of n lines.
func listOf(stretches [][]string, n int) *py.Requires {
	r := &py.Requires{}
	for _, lines := range stretches {
		for _, line := range lines {
			if strings.HasPrefix(line, "\t") {
				r.Extras = append(r.Extras, py.Name(line[1:]))
				continue
			}
			if r.Lines == nil {
				r.Lines = make([]string, 0, n)
			}
			r.Lines = append(r.Lines, line)
		}
	}
	return r
}

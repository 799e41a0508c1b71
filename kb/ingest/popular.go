package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// Bounds of a list of popular projects: as many as there are on the public index,
// twice.
const (
	maxPopular     = 2_000_000
	maxPopularLine = 4 << 10 // bytes
)

// ReadPopular reads a list of projects, the most downloaded first: a line each, a
// name, or a rank, a tab and a name; more columns are skipped. Without ranks a
// project's is its place in the list. Empty lines and those that begin with #
// count for nothing. A line that is otherwise is an error, with its number; of a
// project that is named twice the best place counts.
func ReadPopular(r io.Reader) ([]kb.Popular, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPopularLine)
	best := map[py.Name]int{}
	var list []kb.Popular
	n := 0
	fail := func(format string, args ...any) ([]kb.Popular, error) {
		return nil, fmt.Errorf("read popular projects: line %d: %w", n, fmt.Errorf(format, args...))
	}
	for lines.Scan() {
		n++
		line := string(bytes.TrimSpace(lines.Bytes()))
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		rank, text := len(list)+1, fields[0]
		if len(fields) > 1 {
			var err error
			if rank, err = strconv.Atoi(fields[0]); err != nil || rank < 1 {
				return fail("%q is no rank", clip(fields[0]))
			}
			text = strings.TrimSpace(fields[1])
		}
		name, err := py.ParseName(text)
		if err != nil {
			return fail("%w", err)
		}
		if len(name) > maxFilename {
			return fail("a name of more than %d bytes", maxFilename)
		}
		if len(list) == maxPopular {
			return fail("more than %d projects", maxPopular)
		}
		if i, twice := best[name]; twice {
			list[i].Rank = min(list[i].Rank, rank)
			continue
		}
		best[name] = len(list)
		list = append(list, kb.Popular{Project: name, Rank: rank})
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		n++
		return fail("more than %d bytes", maxPopularLine)
	} else if err != nil {
		return fail("%w", err)
	}
	if len(list) == 0 {
		return nil, errors.New("read popular projects: there are none")
	}
	return list, nil
}

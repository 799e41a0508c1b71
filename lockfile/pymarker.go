package lockfile

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

var (
	pythonClause = regexp.MustCompile(`^(===|~=|==|!=|<=|>=|<|>)\s*([0-9A-Za-z.*+!_-]+)$`)
	minorVersion = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

// requiresPythonMarker returns the marker (PEP 508) that says the same as a
// Requires-Python, or "" if that is empty or malformed: pip ignores a malformed
// one, so no marker may stand for it.
//
// Where a bound falls between two minor versions it speaks of python_version,
// as Pipenv writes it; else of python_full_version. Pipenv rounds some of the
// latter (">3.8.2" to python_version >= '3.9'), which makes it skip a package
// that the release's own metadata admits: such bounds are kept exact here.
func requiresPythonMarker(requires string) string {
	if _, err := py.ParseSpecifiers(requires); err != nil {
		return ""
	}
	type bound struct {
		op, version string
		term        string
	}
	var bounds []bound
	for clause := range strings.SplitSeq(requires, ",") {
		clause = strings.TrimSpace(clause)
		if clause == "" {
			continue
		}
		m := pythonClause.FindStringSubmatch(clause)
		if m == nil {
			return ""
		}
		bounds = append(bounds, bound{m[1], strings.TrimSuffix(m[2], ".*"), requiresPythonTerm(m[1], m[2])})
	}
	slices.SortFunc(bounds, func(a, b bound) int {
		return cmp.Or(compareNumbers(a.version, b.version), strings.Compare(a.version, b.version), strings.Compare(a.op, b.op))
	})
	terms := make([]string, len(bounds))
	for i, b := range bounds {
		terms[i] = b.term
	}
	return strings.Join(slices.Compact(terms), " and ")
}

// requiresPythonTerm returns one specifier as a term of a marker.
func requiresPythonTerm(op, version string) string {
	variable, base := "python_full_version", strings.TrimSuffix(version, ".*")
	if minorVersion.MatchString(base) {
		two := strings.Contains(base, ".")
		switch op {
		case ">=", "<", "~=":
			variable = "python_version"
		case "==", "!=":
			if base == version {
				break // 3.9 alone is 3.9.0, not every 3.9
			}
			variable = "python_version"
			if two {
				version = base // python_version has no third number
			}
		}
	}
	return variable + " " + op + " '" + version + "'"
}

// compareNumbers orders dotted numbers by value; what is no number sorts last.
func compareNumbers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, errX := strconv.ParseUint(x, 10, 32)
		n, errY := strconv.ParseUint(y, 10, 32)
		switch {
		case errX != nil && errY != nil:
			return 0
		case errX != nil:
			return 1
		case errY != nil:
			return -1
		}
		return cmp.Compare(m, n)
	})
}

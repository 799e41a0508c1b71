package lockfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// anyVersion is how Poetry lets people write that any version will do.
var anyVersion = regexp.MustCompile(`^v?[xX*](\.[xX*])*$`)

// A clause is one PEP 440 specifier: operator and version.
type clause struct{ op, version string }

// parsePoetry reads Poetry's version constraints: PEP 440 and ^, ~ and plain
// versions besides, "," or blank for "and", "||" for "or". It returns the
// alternatives; an empty one admits every version.
func parsePoetry(s string, pos Position) ([][]clause, error) {
	var alternatives [][]clause
	for _, alternative := range strings.Split(strings.ReplaceAll(s, "||", "|"), "|") {
		var clauses []clause
		rest := strings.Trim(alternative, ", \t\n\r")
		if rest == "" {
			return nil, unusable(pos, `write "*" for any version`, "version constraint %q is empty", s)
		}
		for rest != "" {
			op := rest[:len(rest)-len(strings.TrimLeft(rest, "^~=!<>"))]
			rest = strings.TrimLeft(rest[len(op):], " \t\n\r")
			version := rest
			if i := strings.IndexAny(rest, ", \t\n\r"); i >= 0 {
				version = rest[:i]
			}
			rest = strings.TrimLeft(rest[len(version):], ", \t\n\r")
			more, err := poetryClause(op, version)
			if err != nil {
				return nil, unusable(pos, `write such as "^1.2", "~1.2", ">=1.2,<2" or "*"`, "version constraint %q: %v", s, err)
			}
			clauses = append(clauses, more...)
		}
		alternatives = append(alternatives, clauses)
	}
	return alternatives, nil
}

// poetryClause says in PEP 440 what op and version mean to Poetry.
func poetryClause(op, version string) ([]clause, error) {
	if op == "" && anyVersion.MatchString(version) {
		return nil, nil
	}
	stem, wildcard := version, false
	for strings.HasSuffix(stem, ".*") {
		stem, wildcard = strings.TrimSuffix(stem, ".*"), true
	}
	v, err := py.ParseVersion(stem)
	if err != nil {
		return nil, err
	}
	if op == "" || op == "=" {
		op = "=="
	}
	if wildcard {
		if op != "==" && op != "!=" {
			return nil, fmt.Errorf("%s does not go with a wildcard", op)
		}
		return []clause{{op, v.String() + ".*"}}, nil
	}
	release := v.Release()
	switch op {
	case "==", "!=", "<", "<=", ">", ">=":
		return []clause{{op, v.String()}}, nil
	case "~=":
		if len(release) > 1 {
			return []clause{{op, v.String()}}, nil
		}
		return []clause{{">=", v.String()}, {"<", next(v, 0)}}, nil
	case "~":
		return []clause{{">=", v.String()}, {"<", next(v, min(1, len(release)-1))}}, nil
	case "^":
		// What may not change is the first part that is not zero, or the last.
		at := 0
		for at < len(release)-1 && at < 2 && release[at] == 0 {
			at++
		}
		return []clause{{">=", v.String()}, {"<", next(v, at)}}, nil
	}
	return nil, fmt.Errorf("unknown operator %q", op)
}

// next returns the release of v with part at one higher and no parts after it.
func next(v py.Version, at int) string {
	var b strings.Builder
	if v.Epoch() != 0 {
		fmt.Fprintf(&b, "%d!", v.Epoch())
	}
	for i, n := range v.Release()[:at+1] {
		if i > 0 {
			b.WriteByte('.')
		}
		if i == at {
			n++
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

func (c clause) String() string { return c.op + c.version }

func specifiers(clauses []clause) (py.Specifiers, error) {
	var texts []string
	for _, c := range clauses {
		texts = append(texts, c.String())
	}
	return py.ParseSpecifiers(strings.Join(texts, ","))
}

// poetryVersion reads a constraint on versions of a project.
func poetryVersion(s string, pos Position) (py.Specifiers, error) {
	alternatives, err := parsePoetry(s, pos)
	if err != nil {
		return py.Specifiers{}, err
	}
	if len(alternatives) > 1 {
		return py.Specifiers{}, unusable(pos, "write one range and take versions out of it with !=", "version constraint %q has alternatives, which are not supported", s)
	}
	specs, err := specifiers(alternatives[0])
	if err != nil {
		return specs, unusable(pos, "", "version constraint %q: %v", s, err)
	}
	return specs, nil
}

// pythonSpecifiers returns what a constraint on Python means for Python 3: of
// "~2.7 || ^3.6" only the second alternative.
func pythonSpecifiers(alternatives [][]clause, pos Position) (py.Specifiers, error) {
	var kept []py.Specifiers
	for _, a := range alternatives {
		specs, err := specifiers(a)
		if err != nil {
			return specs, unusable(pos, "", "python: %v", err)
		}
		if len(alternatives) == 1 || admitsPython3(specs) {
			kept = append(kept, specs)
		}
	}
	if len(kept) != 1 {
		return py.Specifiers{}, unusable(pos, `write one range, such as ">=3.9,!=3.10.*"`, "python has several alternatives for Python 3, which are not supported")
	}
	return kept[0], nil
}

func admitsPython3(specs py.Specifiers) bool {
	for minor := range 100 {
		for _, patch := range []string{"0", "99"} {
			v, err := py.ParseVersion(fmt.Sprintf("3.%d.%s", minor, patch))
			if err == nil && specs.Contains(v) {
				return true
			}
		}
	}
	return false
}

// pythonMarker returns the marker of a constraint on Python, empty if it always
// holds.
func pythonMarker(alternatives [][]clause) string {
	text := ""
	for _, clauses := range alternatives {
		one := ""
		for _, c := range clauses {
			// "3.8" is every 3.8.x to Poetry where it stands alone, and 3.8.0
			// where it bounds a range.
			name := "python_full_version"
			if (c.op == "==" || c.op == "!=") && strings.Count(c.version, ".") < 2 && !strings.HasSuffix(c.version, ".*") {
				name = "python_version"
			}
			part := name + " " + c.op + " '" + c.version + "'"
			if one != "" {
				part = " and " + part
			}
			one += part
		}
		if one == "" {
			return ""
		}
		if text != "" {
			one = text + " or (" + one + ")"
		} else if len(alternatives) > 1 {
			one = "(" + one + ")"
		}
		text = one
	}
	return text
}

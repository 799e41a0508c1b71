package py

import (
	"fmt"
	"slices"
	"strings"
)

// A Marker is an environment marker (PEP 508). The zero Marker holds
// everywhere.
type Marker struct{ m *marker }

// marker is what a marker comes to. It never changes.
type marker struct {
	terms []term

	extra bool // looks at `extra`
	sets  bool // looks at `extras` or `dependency_groups`

	// undefined is a comparison that has no meaning in any environment.
	undefined *comparison

	// strict says that a comparison may have no meaning in some environment,
	// so that all are made: whether the marker can be judged must not depend
	// on the order of its terms.
	strict bool
}

// A term is a comparison or, in parentheses, a list of terms. In a list, "and"
// binds stronger than "or".
type term struct {
	or      bool // "or" stands before it, else "and" or nothing
	compare *comparison
	list    []term // if compare is nil
}

// A comparison is one operator with its two sides.
type comparison struct {
	left, right operand
	op          string

	// by says which versions of the variable on the left the literal on the
	// right admits. It is nil where texts are compared.
	by *specifierSet

	// late says that versions are compared, but that the variable is on the
	// right, so that what admits what is known at evaluation only.
	late bool
}

// An operand is a variable or, if that is 0, a literal.
type operand struct {
	variable variable
	text     string
}

// variable is a marker variable; 0 is none.
type variable uint8

const (
	implementationName variable = iota + 1
	implementationVersion
	osName
	platformMachine
	platformPythonImplementation
	platformRelease
	platformSystem
	platformVersion
	pythonFullVersion
	pythonVersion
	sysPlatform
	extraName
	extraNames
	dependencyGroups

	numVariables // and the 0
)

// variableNames are the names as PEP 508 and PEP 751 have them.
var variableNames = [numVariables]string{
	implementationName:           "implementation_name",
	implementationVersion:        "implementation_version",
	osName:                       "os_name",
	platformMachine:              "platform_machine",
	platformPythonImplementation: "platform_python_implementation",
	platformRelease:              "platform_release",
	platformSystem:               "platform_system",
	platformVersion:              "platform_version",
	pythonFullVersion:            "python_full_version",
	pythonVersion:                "python_version",
	sysPlatform:                  "sys_platform",
	extraName:                    "extra",
	extraNames:                   "extras",
	dependencyGroups:             "dependency_groups",
}

// isVersion reports whether the variable is compared as a version where the
// other side makes a specifier.
func (v variable) isVersion() bool {
	switch v {
	case implementationVersion, platformRelease, pythonFullVersion, pythonVersion:
		return true
	}
	return false
}

// isSet reports whether the variable is a set of names (PEP 751).
func (v variable) isSet() bool { return v == extraNames || v == dependencyGroups }

// IsZero reports whether m is the zero Marker.
func (m Marker) IsZero() bool { return m.m == nil }

// MentionsExtra reports whether the marker looks at `extra`.
func (m Marker) MentionsExtra() bool { return m.m != nil && m.m.extra }

// Evaluate reports whether the marker holds in env for one extra ("" for none).
//
// It is an error if a comparison has no meaning: ~= or === on what is not a
// version, and `extras` and `dependency_groups`, which only lock files know.
// Then it is one in whatever order the terms are.
func (m Marker) Evaluate(env *Environment, extra Name) (bool, error) {
	if m.m == nil {
		return true, nil
	}
	if m.m.sets {
		return false, fmt.Errorf("marker %s: only a lock file knows extras and dependency_groups (PEP 751)", quote(m.String()))
	}
	v := env.values()
	v.text[extraName] = string(extra)
	return m.evaluate(&v)
}

// EvaluateLock is Evaluate for the marker of a lock file (PEP 751): `extras`
// and `dependency_groups` are the given sets, and there is no `extra`.
func (m Marker) EvaluateLock(env *Environment, extras, groups []Name) (bool, error) {
	if m.m == nil {
		return true, nil
	}
	if m.m.extra {
		return false, fmt.Errorf("marker %s: a lock file does not know extra (PEP 751)", quote(m.String()))
	}
	v := env.values()
	v.extras, v.groups = extras, groups
	return m.evaluate(&v)
}

func (m Marker) evaluate(v *values) (bool, error) {
	undefined := m.m.undefined
	if undefined == nil {
		v.strict = m.m.strict
		holds := v.any(m.m.terms)
		if v.undefined == nil {
			return holds, nil
		}
		undefined = v.undefined
	}
	return false, fmt.Errorf("marker %s: %s is not defined", quote(m.String()), undefined)
}

// values are what the variables of a marker are during one evaluation. It is
// made for each, on the stack, because an Environment is open to its owner.
type values struct {
	text           [numVariables]string
	extras, groups []Name

	// fullKey and the bytes of minorKey are the keys of python_full_version and
	// python_version; if empty, they are to be had from the text.
	fullKey  string
	minorKey [32]byte
	minorLen int

	strict    bool
	undefined *comparison // one that had no meaning
}

// any judges a list of terms.
func (v *values) any(terms []term) bool {
	one, all := false, true // all: of the terms since the last "or"
	for i := range terms {
		t := &terms[i]
		if t.or {
			if all && !v.strict {
				return true
			}
			one, all = one || all, true
		}
		if all || v.strict {
			all = v.holds(t) && all
		}
	}
	return one || all
}

func (v *values) holds(t *term) bool {
	if t.compare == nil {
		return v.any(t.list)
	}
	c := t.compare
	if c.by != nil {
		return v.admitted(c)
	}
	if c.right.variable.isSet() {
		names := v.extras
		if c.right.variable == dependencyGroups {
			names = v.groups
		}
		left := c.left.text
		if c.left.variable != 0 {
			left = v.text[c.left.variable]
		}
		return slices.Contains(names, NormalizeName(left)) == (c.op == "in")
	}
	left, right := v.of(c.left), v.of(c.right)
	if c.late {
		if spec, err := parseSpecifier(trimSpace(c.op + right)); err == nil {
			return newSpecifiers([]Specifier{spec}).ContainsText(left)
		}
	}
	switch c.op {
	case "in":
		return strings.Contains(right, left)
	case "not in":
		return !strings.Contains(right, left)
	case "==", "<=", ">=":
		return left == right
	case "!=":
		return left != right
	case "<", ">":
		return false // texts have no order (as in the packaging library)
	}
	v.undefined = c
	return false
}

// of is the text of an operand that is not a set.
func (v *values) of(o operand) string {
	if o.variable == 0 {
		return o.text
	}
	return v.text[o.variable]
}

// admitted judges a version by specifiers. Python's versions, which nearly all
// markers are about, need not be parsed for it.
func (v *values) admitted(c *comparison) bool {
	switch {
	case len(c.by.texts) > 0: // ===, which looks at the text
	case c.left.variable == pythonVersion && v.minorLen > 0:
		return c.by.hasKey(string(v.minorKey[:v.minorLen]))
	case c.left.variable == pythonFullVersion && v.fullKey != "":
		return c.by.hasKey(v.fullKey)
	}
	return Specifiers{c.by}.ContainsText(v.text[c.left.variable])
}

// String returns the marker as the packaging library prints it: names and
// quotes normalised, parentheses kept unless there is one term in them. Where a
// literal needs an escape to be read back, it has one. It is "" for the zero
// Marker; parsing any other gives the same marker.
func (m Marker) String() string {
	if m.m == nil {
		return ""
	}
	return string(appendTerms(nil, m.m.terms))
}

func appendTerms(b []byte, terms []term) []byte {
	for i, t := range terms {
		switch {
		case i == 0:
		case t.or:
			b = append(b, " or "...)
		default:
			b = append(b, " and "...)
		}
		if t.compare == nil {
			b = append(appendTerms(append(b, '('), t.list), ')')
		} else {
			b = append(b, t.compare.String()...)
		}
	}
	return b
}

func (c *comparison) String() string {
	return c.left.String() + " " + c.op + " " + c.right.String()
}

func (o operand) String() string {
	if o.variable != 0 {
		return variableNames[o.variable]
	}
	return quoteLiteral(o.text)
}

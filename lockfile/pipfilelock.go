package lockfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pipfileSpec is the version of Pipfile.lock's format, Pipenv's only one since 2017.
const pipfileSpec int64 = 6

// PipfileLock returns the lock as a Pipfile.lock, byte for byte in Pipenv's
// style. A package that the project and a group need stands in both sections.
//
// Markers come from the releases' Requires-Python alone, as the lock is for one
// environment. A lock whose manifest is no Pipfile has an empty hash, which
// Pipenv reads as "made from another Pipfile": pipenv sync installs it, pipenv
// verify says that it is out of date.
func (l *Lock) PipfileLock() ([]byte, error) {
	pins, err := l.pins()
	if err != nil {
		return nil, err
	}
	sources, err := l.sources()
	if err != nil {
		return nil, err
	}
	list := make([]any, len(sources))
	for i, s := range sources {
		list[i] = map[string]any{"name": s.Name, "url": s.URL, "verify_ssl": s.VerifySSL}
	}
	requires := map[string]any{}
	if l.PythonVersion != "" {
		requires["python_version"] = l.PythonVersion
	}
	if l.PythonFullVersion != "" {
		requires["python_full_version"] = l.PythonFullVersion
	}
	document := map[string]any{
		"_meta": map[string]any{
			"hash":         map[string]any{"sha256": l.PipfileHash},
			"pipfile-spec": pipfileSpec,
			"requires":     requires,
			"sources":      list,
		},
		"default": map[string]any{},
		"develop": map[string]any{},
	}
	for _, p := range pins {
		names, err := p.sections()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			section, ok := document[name].(map[string]any)
			if !ok {
				section = map[string]any{}
				document[name] = section
			}
			if section[string(p.Name)], err = p.pipenvEntry(); err != nil {
				return nil, err
			}
		}
	}
	var b strings.Builder
	writeIndented(&b, tree(document), 0)
	b.WriteByte('\n')
	return []byte(b.String()), nil
}

// sections returns the names of the sections of a Pipfile.lock that p stands in.
func (p *Pin) sections() ([]string, error) {
	var names []string
	if p.Default {
		names = append(names, "default")
	}
	groups := p.Groups
	for _, e := range p.ForExtras {
		groups = append(groups[:len(groups):len(groups)], string(e))
	}
	for _, g := range groups {
		switch g {
		case "dev", "develop", "dev-packages": // Pipenv takes these for one another
			names = append(names, "develop")
		case "_meta", "default", "packages":
			return nil, fmt.Errorf("lock: %s is needed by group %q, a name that means something else in a Pipfile.lock; rename the group or choose another format", p.Package, g)
		default:
			names = append(names, g)
		}
	}
	return sorted(names), nil
}

// pipenvEntry returns p as an entry of a section.
func (p *Pin) pipenvEntry() (map[string]any, error) {
	entry := map[string]any{}
	if len(p.Files) > 0 {
		entry["hashes"] = values(p.hashes())
	}
	if len(p.Extras) > 0 {
		entry["extras"] = values(p.Extras)
	}
	if p.Direct != nil {
		return entry, p.pipenvDirect(entry)
	}
	entry["version"] = "==" + p.Version.String()
	if p.Index != "" {
		entry["index"] = p.Index
	}
	if m := requiresPythonMarker(p.RequiresPython); m != "" {
		entry["markers"] = m
	}
	return entry, nil
}

// values returns texts as a list that tree takes.
func values[S ~string](s []S) []any {
	list := make([]any, len(s))
	for i, x := range s {
		list[i] = string(x)
	}
	return list
}

// writeIndented writes n as json.dumps(n, sort_keys=True, indent=4, separators=(",", ": "))
// does in Python: one key or element a line, and nothing within empty brackets.
func writeIndented(b *strings.Builder, n *node, depth int) {
	brackets, size := "{}", len(n.fields)
	switch n.kind {
	case array:
		brackets, size = "[]", len(n.elems)
	case leaf:
		size = 0
	}
	if size == 0 {
		writeJSON(b, n)
		return
	}
	newline := "\n" + strings.Repeat("    ", depth)
	separator := brackets[:1]
	line := func() {
		b.WriteString(separator + newline + "    ")
		separator = ","
	}
	for _, k := range slices.Sorted(maps.Keys(n.fields)) {
		line()
		writeString(b, k)
		b.WriteString(": ")
		writeIndented(b, n.fields[k], depth+1)
	}
	for _, e := range n.elems {
		line()
		writeIndented(b, e, depth+1)
	}
	b.WriteString(newline + brackets[1:])
}

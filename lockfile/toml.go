package lockfile

import (
	"errors"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// A kind says what a node of a TOML document is.
type kind uint8

const (
	leaf kind = iota
	table
	array
)

// A node is a value of a TOML document and where it stands.
//
// The toml package decides whether a text is TOML and what its values are, but
// it gives positions for syntax errors only and does not keep the order of
// keys within tables of arrays. So a locator (locate.go) walks the same text
// and makes the tree with positions, and fill puts the values in.
type node struct {
	kind kind
	pos  Position // of the value; of the header for a table or array that has one
	key  Position // of the key that names it; the value itself within an array
	text string   // the value as written; empty for tables and arrays with headers

	value  any              // leaf: string, int64, float64, bool or a time
	keys   []string         // table: its keys in the order of the file
	fields map[string]*node // table
	elems  []*node          // array
}

// parseTOML returns the root table of a TOML document. Every error is an *Error.
func parseTOML(file, text string) (*node, error) {
	l := newLocator(file, text)
	root, located := l.document()
	if e := located; e != nil && e.limit {
		return nil, refuse(l.position(e.off), "", "%s", e.msg)
	}
	// What the locator cannot read is not TOML; the toml package explains it
	// better. It sees no more than the line on which the locator stopped, since
	// the locator's limits are what makes its work bounded.
	seen := text
	if located != nil {
		if n := strings.IndexByte(text[located.off:], '\n'); n >= 0 {
			seen = text[:located.off+n+1]
		}
	}
	var values map[string]any
	if _, err := toml.Decode(seen, &values); err != nil {
		pos, msg := Position{File: file}, err.Error()
		if pe, ok := errors.AsType[toml.ParseError](err); ok {
			msg = pe.Message
			pos = l.position(min(max(pe.Position.Start, 0), len(text)))
			if pe.LastKey != "" {
				msg += ", after key " + pe.LastKey
			}
		}
		return nil, refuse(pos, "", "not valid TOML: %s", msg)
	}
	if located != nil {
		return nil, refuse(l.position(located.off), "", "not valid TOML: %s", located.msg)
	}
	if off := root.fill(values); off != nil {
		return nil, refuse(off.pos, "write it in a plainer way", "not understood")
	}
	return root, nil
}

// fill puts the decoded value v in n, and returns the node where the two are
// not of the same shape, or nil.
func (n *node) fill(v any) *node {
	switch v := v.(type) {
	case map[string]any:
		if n.kind != table || len(v) != len(n.keys) {
			return n
		}
		for k, field := range n.fields {
			value, ok := v[k]
			if !ok {
				return field
			}
			if off := field.fill(value); off != nil {
				return off
			}
		}
		return nil
	case []map[string]any:
		if n.kind != array || len(v) != len(n.elems) {
			return n
		}
		for i, e := range n.elems {
			if off := e.fill(v[i]); off != nil {
				return off
			}
		}
		return nil
	case []any:
		if n.kind != array || len(v) != len(n.elems) {
			return n
		}
		for i, e := range n.elems {
			if off := e.fill(v[i]); off != nil {
				return off
			}
		}
		return nil
	}
	if n.kind != leaf {
		return n
	}
	n.value = v
	return nil
}

// get returns the node at a path of keys, or nil.
func (n *node) get(path ...string) *node {
	for _, k := range path {
		if n == nil || n.kind != table {
			return nil
		}
		n = n.fields[k]
	}
	return n
}

// The methods below return what a node holds, or an error that says what was
// wanted there. On a nil node they return nothing.

func (n *node) str(what string) (string, error) {
	if n == nil {
		return "", nil
	}
	s, ok := n.value.(string)
	if !ok {
		return "", refuse(n.pos, "", "%s must be a text", what)
	}
	return s, nil
}

func (n *node) boolean(what string) (bool, error) {
	if n == nil {
		return false, nil
	}
	b, ok := n.value.(bool)
	if !ok {
		return false, refuse(n.pos, "", "%s must be true or false", what)
	}
	return b, nil
}

func (n *node) list(what string) ([]*node, error) {
	if n == nil {
		return nil, nil
	}
	if n.kind != array {
		return nil, refuse(n.pos, "", "%s must be a list", what)
	}
	return n.elems, nil
}

func (n *node) strings(what string) ([]string, error) {
	elems, err := n.list(what)
	if err != nil {
		return nil, err
	}
	var ss []string
	for _, e := range elems {
		s, err := e.str("an element of " + what)
		if err != nil {
			return nil, err
		}
		ss = append(ss, s)
	}
	return ss, nil
}

func (n *node) table(what string) error {
	if n != nil && n.kind != table {
		return refuse(n.pos, "", "%s must be a table", what)
	}
	return nil
}

// known returns an error at the first key that is none of names.
func (n *node) known(what string, names ...string) error {
	for _, k := range n.keys {
		found := false
		for _, name := range names {
			found = found || name == k
		}
		if !found {
			return refuse(n.fields[k].key, "known are "+list(names), "unknown key %q in %s", k, what)
		}
	}
	return nil
}

// oneLine returns text with every run of white space made one blank.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// A lines table finds the line of an offset.
type lines []int

func newLines(text string) lines {
	starts := lines{0}
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

func (ls lines) position(file string, off int) Position {
	n := sort.SearchInts(ls, off+1) // lines that start at or before off
	return Position{File: file, Line: n, Col: off - ls[n-1] + 1}
}

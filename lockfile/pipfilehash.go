package lockfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/thamos/thamos/kb/py"
)

// HashWithSource returns Pipenv's hash of a Pipfile that has no [[source]]:
// Pipenv hashes it as if its default index, s, stood there. For a Pipfile that
// has sources s does not matter. It returns "" for other kinds of manifest.
func (m *Manifest) HashWithSource(s Source) string {
	switch {
	case m.Kind != Pipfile:
		return ""
	case m.PipfileHash != "":
		return m.PipfileHash
	}
	return pipfileHash(m.document, &s)
}

// pipfileHash is the hash by which Pipenv sees whether a lock is that of a
// Pipfile (its Pipfile.calculate_hash): the sha256 of the sources, the [requires]
// table and all packages, as Python's json.dumps writes them with sorted keys.
// Names of packages are normalised and nothing else; locks of Pipenv from before
// it did so match a Pipfile whose names are normalised already. source stands in
// when doc has none.
func pipfileHash(doc *node, source *Source) string {
	sources := doc.get("source")
	if sources == nil && source != nil {
		sources = tree([]any{map[string]any{"name": source.Name, "url": source.URL, "verify_ssl": source.VerifySSL}})
	}
	if sources == nil {
		sources = tree([]any{})
	}
	orEmpty := func(key string) *node {
		if n := doc.get(key); n != nil {
			return n
		}
		return tree(map[string]any{})
	}
	whole := tree(map[string]any{"_meta": map[string]any{}})
	whole.fields["_meta"].add("sources", sources)
	whole.fields["_meta"].add("requires", orEmpty("requires"))
	whole.add("default", normalizeKeys(orEmpty("packages")))
	whole.add("develop", normalizeKeys(orEmpty("dev-packages")))
	for _, k := range doc.keys {
		switch k {
		case "source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop":
		default:
			// [thoth] is one to Pipenv too, and a category named _meta replaces _meta.
			whole.fields[k] = normalizeKeys(doc.fields[k])
		}
	}
	var b strings.Builder
	writeJSON(&b, whole)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// normalizeKeys returns a section with its packages under their normalised
// names. Of two that become one, the later in the file stays, as in Pipenv.
func normalizeKeys(section *node) *node {
	if section.kind != table {
		return section
	}
	out := tree(map[string]any{})
	for _, k := range section.keys {
		out.fields[string(py.NormalizeName(k))] = section.fields[k]
	}
	return out
}

// tree makes the node of a decoded value.
func tree(v any) *node {
	switch v := v.(type) {
	case map[string]any:
		n := &node{kind: table, fields: map[string]*node{}}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			n.add(k, tree(v[k]))
		}
		return n
	case []any:
		n := &node{kind: array}
		for _, e := range v {
			n.elems = append(n.elems, tree(e))
		}
		return n
	}
	return &node{value: v}
}

// writeJSON writes n as json.dumps(n, sort_keys=True, separators=(",", ":"))
// does in Python. A date, which Python refuses, is written as its text.
func writeJSON(b *strings.Builder, n *node) {
	switch n.kind {
	case table:
		b.WriteByte('{')
		// Python sorts by code point, which for UTF-8 is the order of bytes.
		for i, k := range slices.Sorted(maps.Keys(n.fields)) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, k)
			b.WriteByte(':')
			writeJSON(b, n.fields[k])
		}
		b.WriteByte('}')
	case array:
		b.WriteByte('[')
		for i, e := range n.elems {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	default:
		switch v := n.value.(type) {
		case bool:
			b.WriteString(strconv.FormatBool(v))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case float64:
			b.WriteString(formatFloat(v))
		default:
			writeString(b, fmt.Sprint(v))
		}
	}
}

// writeString writes s with all but printable ASCII escaped, and with nothing
// escaped that need not be (encoding/json would escape <, > and &).
func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		case r < ' ' || r > '~':
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// formatFloat writes f as Python's repr does: the shortest digits that give f
// back, with an exponent from 1e16 up and below 1e-4.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(s, "e")
	if n, err := strconv.Atoi(exponent); err == nil && (n < -4 || n >= 16) {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

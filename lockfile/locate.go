package lockfile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth bounds how deep arrays and inline tables nest, because reading
	// them takes a stack as deep.
	maxDepth = 64

	// maxKey bounds the bytes of a full key, with partCost for each of its parts,
	// because the toml package keeps the full key of every value. With these
	// bounds the worst file of maxTOML bytes that we measured takes 2.3 s and 600 MiB.
	maxKey   = 640
	partCost = 32
)

// A locator makes the tree of a TOML document with the positions of its keys
// and values but without the values. It understands the structure of TOML 1.1
// and is lenient: what it accepts need not be valid.
type locator struct {
	file, text string
	off        int
	lines      lines

	// nodes are those made since it was set, and most is how many may be, 0 for
	// any number: a text that is long needs a bound that its length does not give.
	nodes, most int
}

// A locateError says where and why the locator could not go on.
type locateError struct {
	off   int
	msg   string
	limit bool // one of the bounds above, so nothing else may read the text
}

func newLocator(file, text string) *locator {
	return &locator{file: file, text: text, lines: newLines(text)}
}

func (l *locator) position(off int) Position { return l.lines.position(l.file, off) }

func (l *locator) fail(format string, args ...any) *locateError {
	return &locateError{off: l.off, msg: fmt.Sprintf(format, args...)}
}

func (l *locator) tooDeep() *locateError {
	return &locateError{off: l.off, limit: true,
		msg: fmt.Sprintf("nested deeper than %d or a key longer than %d bytes (a dot counts %d), the limits for such a file", maxDepth, maxKey, partCost)}
}

func (l *locator) newTable(off int) *node {
	l.nodes++
	return &node{kind: table, pos: l.position(off), key: l.position(off), fields: map[string]*node{}}
}

// crowded reports whether there are more nodes than may be.
func (l *locator) crowded() bool { return l.most > 0 && l.nodes > l.most }

func (l *locator) tooMany() *locateError {
	return &locateError{off: l.off, limit: true, msg: fmt.Sprintf("more than %d values in one part of the file, the limit", l.most)}
}

// peek returns the next byte, or 0 at the end.
func (l *locator) peek() byte {
	if l.off < len(l.text) {
		return l.text[l.off]
	}
	return 0
}

func (l *locator) accept(s string) bool {
	if strings.HasPrefix(l.text[l.off:], s) {
		l.off += len(s)
		return true
	}
	return false
}

// blanks skips blanks and tabs.
func (l *locator) blanks() {
	for l.peek() == ' ' || l.peek() == '\t' {
		l.off++
	}
}

// space skips blanks, newlines and comments.
func (l *locator) space() {
	for {
		switch l.peek() {
		case ' ', '\t', '\n', '\r':
			l.off++
		case '#':
			l.skipTo("\n")
		default:
			return
		}
	}
}

// skipTo moves to the first of chars, or to the end.
func (l *locator) skipTo(chars string) {
	if n := strings.IndexAny(l.text[l.off:], chars); n >= 0 {
		l.off += n
	} else {
		l.off = len(l.text)
	}
}

// document reads the whole text.
func (l *locator) document() (*node, *locateError) {
	root := l.newTable(0)
	cur, base := root, 0 // the table that keys go to, and the size of its full key
	for {
		l.space()
		switch {
		case l.off == len(l.text):
			return root, nil
		case l.peek() == '[':
			var err *locateError
			if cur, base, err = l.header(root); err != nil {
				return nil, err
			}
		default:
			if err := l.pair(cur, base, 0); err != nil {
				return nil, err
			}
		}
		l.blanks()
		if c := l.peek(); c != 0 && c != '\n' && c != '\r' && c != '#' {
			return nil, l.fail("expected the end of the line")
		}
	}
}

// A part is one part of a dotted key.
type part struct {
	name string
	off  int
}

// header reads [a.b] or [[a.b]] and returns the table that it opens and the
// size of its full key.
func (l *locator) header(root *node) (*node, int, *locateError) {
	l.off++
	list := l.accept("[")
	l.blanks()
	parts, size, err := l.key(0)
	if err != nil {
		return nil, 0, err
	}
	l.blanks()
	if end := map[bool]string{false: "]", true: "]]"}[list]; !l.accept(end) {
		return nil, 0, l.fail("expected %s after the name of a table", end)
	}
	cur, err := l.walk(root, parts[:len(parts)-1])
	if err != nil {
		return nil, 0, err
	}
	last := parts[len(parts)-1]
	n := cur.fields[last.name]
	switch {
	case list && n == nil:
		n = &node{kind: array, pos: l.position(last.off), key: l.position(last.off)}
		cur.add(last.name, n)
		fallthrough
	case list && n.kind == array:
		t := l.newTable(last.off)
		n.elems = append(n.elems, t)
		return t, size, nil
	case !list && n == nil:
		n = l.newTable(last.off)
		cur.add(last.name, n)
		return n, size, nil
	case !list && n.kind == table:
		// It was implied by the header of a table within it, and is here itself.
		n.pos, n.key = l.position(last.off), l.position(last.off)
		return n, size, nil
	}
	return nil, 0, &locateError{off: last.off, msg: fmt.Sprintf("key %s is there already", strconv.Quote(last.name))}
}

// walk follows parts from n, making the tables that are not there yet. Of an
// array it takes the last element.
func (l *locator) walk(n *node, parts []part) (*node, *locateError) {
	for _, p := range parts {
		next := n.fields[p.name]
		if next == nil {
			next = l.newTable(p.off)
			n.add(p.name, next)
		}
		if next.kind == array && len(next.elems) > 0 {
			next = next.elems[len(next.elems)-1]
		}
		if next.kind != table {
			return nil, &locateError{off: p.off, msg: fmt.Sprintf("key %s is not a table", strconv.Quote(p.name))}
		}
		n = next
	}
	return n, nil
}

func (n *node) add(key string, field *node) {
	n.keys = append(n.keys, key)
	n.fields[key] = field
}

// pair reads "key = value" into t. base is the size of the full key of t, depth
// how many arrays and inline tables it stands in.
func (l *locator) pair(t *node, base, depth int) *locateError {
	parts, size, err := l.key(base)
	if err != nil {
		return err
	}
	l.blanks()
	if !l.accept("=") {
		return l.fail("expected = after a key")
	}
	l.blanks()
	if t, err = l.walk(t, parts[:len(parts)-1]); err != nil {
		return err
	}
	last := parts[len(parts)-1]
	if t.fields[last.name] != nil {
		return &locateError{off: last.off, msg: fmt.Sprintf("key %s is there already", strconv.Quote(last.name))}
	}
	v, err := l.value(size, depth)
	if err != nil {
		return err
	}
	v.key = l.position(last.off)
	t.add(last.name, v)
	return nil
}

// key reads a dotted key. base is the size of the key of the table it
// stands in; the size of the full key is returned too.
func (l *locator) key(base int) ([]part, int, *locateError) {
	var parts []part
	for {
		off := l.off
		name, err := l.simpleKey()
		if err != nil {
			return nil, 0, err
		}
		parts = append(parts, part{name, off})
		base += len(name) + partCost
		if base > maxKey {
			return nil, 0, l.tooDeep()
		}
		end := l.off
		l.blanks()
		if !l.accept(".") {
			l.off = end
			return parts, base, nil
		}
		l.blanks()
	}
}

func (l *locator) simpleKey() (string, *locateError) {
	start := l.off
	if c := l.peek(); c == '"' || c == '\'' {
		l.off++
		if err := l.endOfString(c); err != nil {
			return "", err
		}
		name := l.text[start+1 : l.off-1]
		if c == '\'' {
			return name, nil
		}
		return unescape(name), nil
	}
	for isBareKey(l.peek()) {
		l.off++
	}
	if l.off == start {
		return "", l.fail("expected a key")
	}
	return l.text[start:l.off], nil
}

func isBareKey(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// endOfString skips a string of one line up to and with its closing quote.
func (l *locator) endOfString(quote byte) *locateError {
	for ; l.off < len(l.text); l.off++ {
		switch c := l.text[l.off]; {
		case c == quote:
			l.off++
			return nil
		case c == '\n':
			return l.fail("a string has no end on its line")
		case c == '\\' && quote == '"':
			l.off++
		}
	}
	l.off = len(l.text)
	return l.fail("a string has no end")
}

// endOfText skips a string of several lines up to and with its closing quotes.
func (l *locator) endOfText(quote string) *locateError {
	for l.off < len(l.text) {
		switch {
		case l.accept(quote):
			for range 2 { // up to two quotes may stand before the closing ones
				l.accept(quote[:1])
			}
			return nil
		case l.peek() == '\\' && quote == `"""`:
			l.off += 2
		default:
			l.off++
		}
	}
	l.off = len(l.text)
	return l.fail("a string has no end")
}

// value reads a value. base is the size of its full key.
func (l *locator) value(base, depth int) (*node, *locateError) {
	if depth > maxDepth {
		return nil, l.tooDeep()
	}
	if l.nodes++; l.crowded() {
		return nil, l.tooMany()
	}
	start := l.off
	n := &node{pos: l.position(start), key: l.position(start)}
	var err *locateError
	switch {
	case l.accept(`"""`):
		err = l.endOfText(`"""`)
	case l.accept(`'''`):
		err = l.endOfText(`'''`)
	case l.accept(`"`):
		err = l.endOfString('"')
	case l.accept(`'`):
		err = l.endOfString('\'')
	case l.accept("["):
		n.kind = array
		err = l.sequence(']', func() *locateError {
			e, err := l.value(base, depth+1)
			n.elems = append(n.elems, e)
			return err
		})
	case l.accept("{"):
		n.kind, n.fields = table, map[string]*node{}
		err = l.sequence('}', func() *locateError { return l.pair(n, base, depth+1) })
	default:
		l.skipTo(",]}#\r\n")
		l.off = start + len(strings.TrimRight(l.text[start:l.off], " \t"))
		if l.off == start {
			err = l.fail("expected a value")
		}
	}
	if err != nil {
		return nil, err
	}
	n.text = l.text[start:l.off]
	return n, nil
}

// sequence reads elements between commas up to and with end.
func (l *locator) sequence(end byte, element func() *locateError) *locateError {
	for {
		l.space()
		if l.peek() == end {
			l.off++
			return nil
		}
		if err := element(); err != nil {
			return err
		}
		l.space()
		if !l.accept(",") && l.peek() != end {
			return l.fail("expected a comma or %c", end)
		}
	}
}

// unescape returns the text of a basic string. An escape that is not one is
// left as it is: the toml package refuses it.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		digits := 0
		switch s[i] {
		case 'b':
			b.WriteByte('\b')
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'f':
			b.WriteByte('\f')
		case 'r':
			b.WriteByte('\r')
		case 'e':
			b.WriteByte(0x1b)
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			b.WriteByte(s[i])
		}
		if digits > 0 {
			hex := s[i+1 : min(i+1+digits, len(s))]
			r, err := strconv.ParseUint(hex, 16, 32)
			if err == nil && r <= utf8.MaxRune {
				b.WriteRune(rune(r))
			}
			i += len(hex)
		}
	}
	return b.String()
}

package lockfile

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/BurntSushi/toml"
)

const (
	// maxLock is the size in bytes from which a lock in TOML is refused. The
	// largest that we know of have 3 MB.
	maxLock = 16 << 20

	// maxLockNodes bounds the values of one package of a lock, and those of the
	// rest of the file: a value takes some 250 bytes of memory, of whatever length
	// it is. The largest packages that we know of have 4,000.
	maxLockNodes = 1 << 19

	// maxLockLines bounds the lines of a lock, of which each has a number kept.
	maxLockLines = 1 << 20

	// maxLockPackages bounds the packages of a lock.
	maxLockPackages = 100_000
)

// A tomlLock reads a lock in TOML: a document that is mostly an array of
// tables, one a package. It holds one of them at a time.
//
// parseTOML has each document decoded by the toml package, which takes ten times
// as long as the locator and, for a document of this size, most of the memory
// there is. Here the locator's tree is all there is, and of the leaves only texts
// have a value. It may therefore read what is not TOML; whoever installs from
// such a file refuses it. What is TOML it reads as the toml package does
// (FuzzTOMLLock).
type tomlLock struct {
	*locator
	name string // of the array of tables
	seen int    // packages
}

// eachPackage hands the elements of the array that the document has under name
// to each, in order, and returns the rest of the document. Every error is an
// *Error.
func eachPackage(file, text, name string, each func(*node) error) (*node, error) {
	if strings.Count(text, "\n") > maxLockLines {
		return nil, refuse(Position{File: file}, "", "more than %d lines, the limit for such a file", maxLockLines)
	}
	l := &tomlLock{locator: newLocator(file, text), name: name}
	l.most = maxLockNodes
	return l.read(each)
}

// readPackages reads the releases of a lock, which are the elements of the array
// that the document has under list, each as one has it, and returns the rest of the
// document.
func (l *Locked) readPackages(fsys fs.FS, file, list string, one func(*node) (*LockedRelease, error)) (*node, error) {
	text, err := readText(fsys, file, maxLock)
	if err != nil {
		return nil, err
	}
	rest, err := eachPackage(file, text, list, func(n *node) error {
		e, err := one(n)
		if err == nil {
			l.Releases = append(l.Releases, *e)
		}
		return err
	})
	if err == nil && strings.TrimSpace(text) == "" {
		return nil, emptyLock(file)
	}
	return rest, err
}

func (l *tomlLock) read(each func(*node) error) (*node, error) {
	root := l.newTable(0)
	cur, base := root, 0
	for {
		l.space()
		if l.off == len(l.text) {
			break
		}
		var err *locateError
		if l.peek() == '[' {
			if cur, base, err = l.header(root); err == nil && l.crowded() {
				err = l.tooMany()
			}
		} else {
			err = l.pair(cur, base, 0)
		}
		if err == nil {
			l.blanks()
			if c := l.peek(); c != 0 && c != '\n' && c != '\r' && c != '#' {
				err = l.fail("expected the end of the line")
			}
		}
		if err != nil {
			return nil, l.explain(err)
		}
		// The last element may get tables of its own yet.
		if err := l.hand(root, 1, each); err != nil {
			return nil, err
		}
	}
	if err := l.hand(root, 0, each); err != nil {
		return nil, err
	}
	if err := l.decode(root); err != nil {
		return nil, err
	}
	return root, nil
}

func (l *tomlLock) explain(err *locateError) *Error {
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if strings.HasPrefix(l.text[min(err.off, len(l.text)):], mark) {
			return refuse(l.position(err.off), "resolve the merge, or make the lock again", "conflict mark of a merge")
		}
	}
	if err.limit {
		return refuse(l.position(err.off), "", "%s", err.msg)
	}
	hint := ""
	if err.off >= len(l.text) {
		hint = "is the file complete?"
	}
	return refuse(l.position(min(err.off, len(l.text))), hint, "not valid TOML: %s", err.msg)
}

// hand gives away the elements of the array but the last so many.
func (l *tomlLock) hand(root *node, keep int, each func(*node) error) error {
	packages := root.fields[l.name]
	if packages == nil || packages.kind != array {
		return nil
	}
	for len(packages.elems) > keep {
		p := packages.elems[0]
		packages.elems[0] = nil
		packages.elems = packages.elems[1:]
		if len(packages.elems) == 0 {
			packages.elems = nil // the elements to come need not move it along
		}
		if l.seen++; l.seen > maxLockPackages {
			return refuse(p.pos, "", "more than %d packages, the limit", maxLockPackages)
		}
		if err := p.table(l.name); err != nil {
			return err
		}
		if err := l.decode(p); err != nil {
			return err
		}
		if err := each(p); err != nil {
			return err
		}
		l.nodes = 0
	}
	return nil
}

// decode puts in the values of texts, true and false. Others have none.
func (l *tomlLock) decode(n *node) error {
	switch n.kind {
	case table:
		for _, k := range n.keys {
			if err := l.decode(n.fields[k]); err != nil {
				return err
			}
		}
		return nil
	case array:
		for _, e := range n.elems {
			if err := l.decode(e); err != nil {
				return err
			}
		}
		return nil
	}
	switch text := n.text; {
	case text == "true", text == "false":
		n.value = text == "true"
	case text[0] != '"' && text[0] != '\'':
	case len(text) >= 2 && text[1] != text[0] && isPlain(text[1:len(text)-1]):
		n.value = text[1 : len(text)-1]
	default:
		var one struct{ V string }
		if _, err := toml.Decode("v = "+text, &one); err != nil {
			msg := err.Error()
			if pe, ok := errors.AsType[toml.ParseError](err); ok {
				msg = pe.Message
			}
			return refuse(n.pos, "", "not valid TOML: %s", msg)
		}
		n.value = one.V
	}
	return nil
}

// isPlain reports whether a text within quotes stands for itself.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == '\\' || c == 0x7f {
			return false
		}
	}
	return true
}

package environment

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// supportedMinor is the oldest minor version of Python 3 that can be asked for.
// From oldestMinor to newestMinor are tried where a wish leaves the choice open,
// with patch levels below maxPatch: no Python has had as many.
const (
	supportedMinor = 6
	oldestMinor    = 8
	newestMinor    = 15
	maxPatch       = 60
)

// A label names a Python the way people and directories do: "3", "3.12",
// "3.12.4", "3.15.0rc1", "pypy3.10", "3.13t".
type label struct {
	implementation string     // "cpython", "pypy", or empty for any
	numbers        []int      // one to three
	exact          py.Version // zero unless the label names one release
	freeThreaded   bool

	// sure reports that the label names all there is to know, so that a Python
	// without free threads is told from one of which nobody said.
	sure bool
}

var preRelease = regexp.MustCompile(`^([0-9.]+)(?:a|b|rc)[0-9]{1,3}$`)

// parseLabel reads the spellings of pyenv ("3.12", "3.14-dev", "pypy3.10-7.3.15",
// "3.13.0t"), of uv ("cpython-3.12.4-linux-x86_64-gnu", "cpython@3.12",
// "3.13+freethreaded") and of program names ("python3.12").
func parseLabel(s string) (label, error) {
	bad := func(why string) (label, error) {
		return label{}, fmt.Errorf("%.40q is not a Python version such as 3.12 or 3.12.4: %s", s, why)
	}
	if len(s) > 100 {
		return bad("too long")
	}
	text := strings.ToLower(strings.TrimSpace(s))
	l := label{}
	for _, prefix := range []string{"cpython", "pypy", "python"} {
		rest, ok := strings.CutPrefix(text, prefix)
		if !ok {
			continue
		}
		if prefix != "python" {
			l.implementation = prefix
		}
		text = strings.TrimLeft(rest, "-@")
		break
	}
	// What follows the version says platform, or the release of PyPy.
	text, _, _ = strings.Cut(text, "-")
	if t, ok := strings.CutSuffix(text, "+freethreaded"); ok {
		text, l.freeThreaded = t, true
	} else if t, ok := strings.CutSuffix(text, "t"); ok {
		text, l.freeThreaded = t, true
	}
	release, pre := text, false
	if m := preRelease.FindStringSubmatch(text); m != nil {
		release, pre = m[1], true
	}
	for part := range strings.SplitSeq(release, ".") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return bad("a number was expected")
		}
		l.numbers = append(l.numbers, int(n))
	}
	switch {
	case len(l.numbers) > 3:
		return bad("more than three numbers")
	case l.numbers[0] != 3 || len(l.numbers) > 1 && l.numbers[1] < supportedMinor:
		return bad(fmt.Sprintf("3.%d is the oldest that is supported", supportedMinor))
	case pre && len(l.numbers) != 3:
		return bad("a pre-release needs three numbers")
	}
	if len(l.numbers) == 3 {
		v, err := py.ParseVersion(text)
		if err != nil {
			return bad(err.Error())
		}
		l.exact = v
	}
	return l, nil
}

// covers reports whether the Python that found names may be one that l wishes.
// Where found does not tell, the answer is yes.
func (l label) covers(found label) bool {
	if l.implementation != "" && found.implementation != "" && l.implementation != found.implementation {
		return false
	}
	if l.freeThreaded != found.freeThreaded && (found.sure || found.freeThreaded) {
		return false
	}
	if !l.exact.IsZero() && !found.exact.IsZero() {
		return l.exact.Compare(found.exact) == 0
	}
	for i := range min(len(l.numbers), len(found.numbers)) {
		if l.numbers[i] != found.numbers[i] {
			return false
		}
	}
	return true
}

// lowest returns the lowest release that l names and requires admits, stable
// releases before any other.
func (l label) lowest(requires py.Specifiers) (py.Version, bool) {
	if !l.exact.IsZero() {
		return l.exact, requires.Contains(l.exact)
	}
	// A wish may pin a release that the numbers below do not reach.
	if v, ok := requires.Pinned(); ok {
		r := v.Release()
		if len(r) == 3 && r[0] == 3 && l.covers(label{numbers: r, exact: v}) && requires.Contains(v) {
			return v, true
		}
	}
	first, last := oldestMinor, newestMinor
	if len(l.numbers) > 1 {
		first, last = l.numbers[1], l.numbers[1]
	}
	for minor := first; minor <= last; minor++ {
		for patch := range maxPatch {
			v, err := py.ParseVersion(fmt.Sprintf("3.%d.%d", minor, patch))
			if err == nil && requires.Contains(v) {
				return v, true
			}
		}
	}
	return py.Version{}, false
}

// admitted reports whether requires admits some release that l names.
func (l label) admitted(requires py.Specifiers) bool {
	if requires.Empty() {
		return true
	}
	_, ok := l.lowest(requires)
	return ok
}

// unstable reports whether the label names a pre-release or, as "3.14-dev", a
// branch of CPython.
func (l label) unstable() bool {
	if l.exact.IsZero() {
		return l.implementation != "pypy" // whose directories name its own release instead
	}
	return l.exact.Prerelease()
}

// String returns the label as notes print it.
func (l label) String() string {
	var b strings.Builder
	if l.implementation == "pypy" {
		b.WriteString("pypy")
	}
	if !l.exact.IsZero() {
		b.WriteString(l.exact.String())
	} else {
		for i, n := range l.numbers {
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strconv.Itoa(n))
		}
	}
	if l.freeThreaded {
		b.WriteByte('t')
	}
	return b.String()
}

package kb

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// An asks is what one requirement list asks where no extra is asked for.
type asks struct {
	none   bool     // it has no line at all
	plain  string   // its first line without a marker, if any
	bounds []*bound // by dependency
}

// A bound is what the lines of one list say of one dependency.
type bound struct {
	dependency py.Name
	top        py.Top // the highest of the lines; zero if one has none
	line       string // that gives it

	specifiers []py.Specifiers // of all the lines
	admits     map[py.Top]bool // see admitsAbove
}

// A bounder reads requirement lists, and each distinct one and each distinct
// line once: a graph has eight lists for every one that is distinct.
type bounder struct {
	lists  map[string]*asks // by lines
	lines  map[string]*line
	bounds map[string]*bound // by the lines of one dependency
}

// A line is a requirement that needs no extra; nil if it needs one or is
// malformed.
type line struct {
	text string
	py.Requirement
	top py.Top
}

func newBounder() *bounder {
	return &bounder{map[string]*asks{}, map[string]*line{}, map[string]*bound{}}
}

// asks reads a list, lines with line feeds between.
func (b *bounder) asks(lines string) *asks {
	a := b.lists[lines]
	if a == nil {
		a = b.read(splitLines(lines))
		b.lists[lines] = a
	}
	return a
}

func (b *bounder) read(lines []string) *asks {
	a := &asks{none: len(lines) == 0}
	var of []*line
	for _, text := range lines {
		l, ok := b.lines[text]
		if !ok {
			l = readLine(text)
			b.lines[text] = l
		}
		if l == nil {
			continue
		}
		if a.plain == "" && l.Marker.IsZero() {
			a.plain = text
		}
		of = append(of, l)
	}
	slices.SortStableFunc(of, func(x, y *line) int { return strings.Compare(string(x.Name), string(y.Name)) })
	for len(of) > 0 {
		n := 1
		for n < len(of) && of[n].Name == of[0].Name {
			n++
		}
		a.bounds = append(a.bounds, b.bound(of[:n]))
		of = of[n:]
	}
	return a
}

// bound joins the lines of one dependency.
func (b *bounder) bound(lines []*line) *bound {
	key := lines[0].text
	for _, l := range lines[1:] {
		key += "\n" + l.text
	}
	if known := b.bounds[key]; known != nil {
		return known
	}
	out := &bound{dependency: lines[0].Name, top: lines[0].top, line: lines[0].text, admits: map[py.Top]bool{}}
	for _, l := range lines {
		out.specifiers = append(out.specifiers, l.Specifiers)
		if out.top.Below(l.top) {
			out.top, out.line = l.top, l.text
		}
	}
	b.bounds[key] = out
	return out
}

func readLine(text string) *line {
	r, err := py.ParseRequirement(text)
	if err != nil || r.Marker.MentionsExtra() {
		return nil
	}
	return &line{text, r, topOf(r.Specifiers)}
}

// admitsAbove reports whether a line admits versions above t, which is below
// the bound's own top.
func (b *bound) admitsAbove(t py.Top) bool {
	does, known := b.admits[t]
	if !known {
		does = slices.ContainsFunc(b.specifiers, func(s py.Specifiers) bool { return admitsAbove(s, t) })
		b.admits[t] = does
	}
	return does
}

// admitsAbove reports whether s admits a version above t. What it admits are
// stretches of versions, each of which begins at or after a version that a
// specifier names, where one with an asterisk ends, or at t: these are tried.
func admitsAbove(s py.Specifiers, t py.Top) bool {
	if topOf(s).Version.IsZero() {
		return true // only ever fewer than all that are high enough
	}
	named := []py.Version{t.Version}
	for _, spec := range s.All() {
		if spec.Version.IsZero() {
			continue
		}
		named = append(named, spec.Version)
		if spec.Prefix {
			named = append(named, after(spec.Version, 0))
		}
	}
	for _, v := range named {
		for _, text := range []string{v.String(), v.Base().String() + ".0.0.0.1"} {
			if w, err := py.ParseVersion(text); err == nil && t.Excludes(w) && s.Contains(w) {
				return true
			}
		}
	}
	return false
}

// topOf is the lowest upper bound among specifiers, the zero Top if none is one.
func topOf(s py.Specifiers) py.Top {
	var top py.Top
	for _, spec := range s.All() {
		if t := upper(spec); t.Below(top) {
			top = t
		}
	}
	return top
}

// upper is the upper bound that one specifier gives, by PEP 440: <2 keeps out
// the pre-releases of 2, and so do ==1.* and ~=1.4, so the bound of all three
// is 2.dev0. Equal bounds must be equal, however they are written.
func upper(s py.Specifier) py.Top {
	switch {
	case s.Version.IsZero():
	case s.Op == "<" && s.Version.Prerelease():
		return py.Top{Version: s.Version}
	case s.Op == "<":
		return py.Top{Version: parsed(s.Version.String() + ".dev0")}
	case s.Op == "~=":
		return py.Top{Version: after(s.Version, 1)}
	case s.Op == "==" && s.Prefix:
		return py.Top{Version: after(s.Version, 0)}
	case s.Op == "<=" || s.Op == "==" || s.Op == "===":
		return py.Top{Version: s.Version, Inclusive: true}
	}
	return py.Top{}
}

// after is the first version after all whose release begins as that of v does,
// without its last numbers; zero if a number of v is too large for that.
func after(v py.Version, without int) py.Version {
	numbers := v.Release()
	numbers = numbers[:len(numbers)-without]
	text := strconv.Itoa(v.Epoch()) + "!"
	for i, n := range numbers {
		if n == math.MaxInt {
			return py.Version{}
		}
		if i == len(numbers)-1 {
			n++
		}
		text += strconv.Itoa(n) + "."
	}
	return parsed(text + "dev0")
}

// parsed is the version of a text, zero if it is none.
func parsed(text string) py.Version {
	v, err := py.ParseVersion(text)
	if err != nil {
		return py.Version{}
	}
	return v
}

package py

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
)

// maxSpecifiers is how many specifiers one set may have; published ones have
// fewer than 50. It bounds the time a hostile file can make matching take.
const maxSpecifiers = 1000

// Specifiers is a set of version specifiers (PEP 440), all of which must hold.
// The zero Specifiers admits every version.
type Specifiers struct{ set *specifierSet }

// A Specifier is one of the specifiers of a set.
type Specifier struct {
	// Op is one of ~= == != <= >= < > ===.
	Op string

	// Version is what is compared with. It is zero if Op is "===" and the text
	// is not a version.
	Version Version

	// Prefix reports that the version ended with ".*".
	Prefix bool

	// Text is what follows Op, as written, without white space.
	Text string

	whole string // Op and Text
	in    span   // the keys it admits, or, if Op is "!=", refuses
}

// String returns the specifier as written, without white space.
func (s Specifier) String() string { return s.whole }

// A span is the keys from lo (with it) to hi (without it). Every specifier but
// === is one span or everything but one, because of how keys are made.
type span struct{ lo, hi string }

// everything is the span of all versions.
var everything = span{"\x10", keyAfter} // the least is epoch 0

func (s span) has(key string) bool { return s.lo <= key && key < s.hi }

// specifierSet is what a set of specifiers comes to. It never changes.
type specifierSet struct {
	all    []Specifier // sorted by text, none equal to another
	in     span        // the intersection of all that admit a span
	except []span      // of !=
	texts  []string    // of ===, lower case
}

// ParseSpecifiers parses specifiers with commas between, by PEP 440 and no more
// leniently than the packaging library: empty items are skipped, as is white
// space; a local part or ".*" where PEP 440 has none is refused.
func ParseSpecifiers(s string) (Specifiers, error) {
	if strings.Count(s, ",") >= maxSpecifiers {
		return Specifiers{}, fmt.Errorf("more than %d specifiers", maxSpecifiers)
	}
	all := make([]Specifier, 0, strings.Count(s, ",")+1)
	for item := range strings.SplitSeq(s, ",") {
		item = trimSpace(item)
		if item == "" {
			continue
		}
		spec, err := parseSpecifier(item)
		if err != nil {
			return Specifiers{}, fmt.Errorf("specifier %s: %w", quote(item), err)
		}
		all = append(all, spec)
	}
	return newSpecifiers(all), nil
}

// newSpecifiers makes a set of all, which it keeps and reorders.
func newSpecifiers(all []Specifier) Specifiers {
	if len(all) == 0 {
		return Specifiers{}
	}
	slices.SortStableFunc(all, func(a, b Specifier) int { return strings.Compare(a.whole, b.whole) })
	set := &specifierSet{all: all[:0], in: everything}
	for i := range all {
		set.add(&all[i])
	}
	return Specifiers{set}
}

// add adds a specifier, unless there is one that is the same.
func (s *specifierSet) add(spec *Specifier) {
	for i := range s.all {
		if s.all[i].same(spec) {
			return
		}
	}
	switch spec.Op {
	case "===":
		s.texts = append(s.texts, strings.ToLower(spec.Text))
	case "!=":
		s.except = append(s.except, spec.in)
	default:
		s.in.lo = max(s.in.lo, spec.in.lo)
		s.in.hi = min(s.in.hi, spec.in.hi)
	}
	s.all = append(s.all, *spec)
}

// same reports whether s and t are one specifier for the packaging library:
// spellings of one version are, and so are its trailing zeros, save where they
// carry meaning.
func (s *Specifier) same(t *Specifier) bool {
	switch {
	case s.Op != t.Op || s.Prefix != t.Prefix:
		return false
	case s.Op == "===" || s.Prefix:
		return s.Text == t.Text
	case s.Op == "~=":
		return s.Version == t.Version
	}
	return s.Version.key == t.Version.key
}

// parseSpecifier parses one specifier without white space around it.
func parseSpecifier(s string) (Specifier, error) {
	op := operator(s)
	if op == "" {
		return Specifier{}, errors.New("want an operator (~= == != <= >= < > ===) and a version")
	}
	text := strings.TrimLeftFunc(s[len(op):], isSpace)
	if len(op)+len(text) != len(s) {
		s = op + text
	}
	spec := Specifier{Op: op, Text: text, whole: s}
	if op == "===" {
		if strings.ContainsFunc(text, func(r rune) bool { return r == ';' || r == ')' || isSpace(r) }) {
			return Specifier{}, errors.New(`what follows === may not have white space, ";" or ")"`)
		}
		spec.Version, _ = parseVersion(text)
		return spec, nil
	}
	number, prefix := strings.CutSuffix(text, ".*")
	v, ok := parseVersion(number)
	if !ok {
		return Specifier{}, versionError(number)
	}
	spec.Version, spec.Prefix = v, prefix
	equality := op == "==" || op == "!="
	base := baseText(v.text)
	switch {
	case prefix && !equality:
		return Specifier{}, errors.New(`".*" goes with == and != only`)
	case prefix && v.text != base:
		return Specifier{}, errors.New(`".*" cannot follow a pre-, post-, dev or local part`)
	case !equality && v.Local() != "":
		return Specifier{}, errors.New("a local version goes with ==, != and === only")
	case op == "~=" && !strings.Contains(base, "."):
		return Specifier{}, errors.New("~= needs two numbers or more")
	}
	spec.in = spec.span()
	return spec, nil
}

// operator is the operator that s begins with, or "".
func operator(s string) string {
	switch {
	case strings.HasPrefix(s, "==="):
		return s[:3]
	case len(s) > 1 && s[1] == '=' && strings.IndexByte("~=!<>", s[0]) >= 0:
		return s[:2]
	case strings.HasPrefix(s, "<") || strings.HasPrefix(s, ">"):
		return s[:1]
	}
	return ""
}

// span computes s.in from the rest of s.
func (s *Specifier) span() span {
	in, key := everything, s.Version.key
	switch {
	case s.Prefix:
		// ==1.2.* is everything from 1.2.dev0 to 1.3.dev0, without it.
		in.lo = devKey(s.Version)
		in.hi = prefixEnd(s.Version, 0)
	case s.Op == "~=":
		in.lo = key
		in.hi = prefixEnd(s.Version, 1)
	case s.Op == ">=":
		in.lo = key
	case s.Op == "<":
		// A pre-release of the version itself is not before it.
		in.hi = key
		if !s.Version.Prerelease() {
			in.hi = devKey(s.Version)
		}
	case s.Op == "<=":
		in.hi = key + keyAfter // local versions are no greater here
	case s.Op == ">":
		if !s.Version.Devrelease() {
			key = key[:len(key)-1] // without keyEnd: its post-releases are not after it
		}
		in.lo = key + keyAfter
	case s.Version.Local() == "":
		both := key + keyAfter // == and != look at the public part
		in = span{both[:len(key)], both}
	default:
		both := key + "\x00"
		in = span{both[:len(key)], both} // nothing sorts between
	}
	return in
}

// devKey is the key of the first dev release of v, which has neither a pre-, a
// dev nor a local part.
func devKey(v Version) string {
	key := v.key[:len(v.key)-1] // without keyEnd
	if !v.Postrelease() {
		key = key[:len(key)-1] // without keyFinal
	}
	return key + keyFirstDev
}

// prefixEnd is what sorts after the keys of all versions whose release begins
// as that of v does, without its last numbers.
func prefixEnd(v Version, without int) string {
	var buf [64]byte
	epoch, release, ok := strings.Cut(baseText(v.text), "!")
	if !ok {
		epoch, release = "", epoch
	}
	key := appendNumber(buf[:0], epoch)
	for n := strings.Count(release, ".") + 1 - without; n > 0; n-- {
		var number string
		number, release, _ = strings.Cut(release, ".")
		key = appendNumber(key, number)
	}
	return string(append(key, keyAfter...))
}

// Contains reports whether every specifier admits v. It is the pure predicate:
// pre-releases are judged like any other version (policy is elsewhere).
func (s Specifiers) Contains(v Version) bool {
	if s.set == nil {
		return true
	}
	for _, text := range s.set.texts {
		if text != v.text {
			return false
		}
	}
	return s.set.hasKey(v.key)
}

// Stretches yields the stretches of releases that s admits (see Contains), in
// their order, none empty: the index of the first and the one after the last.
// Releases are sorted as those of a Project are. It looks only for the bounds,
// whatever lies between them.
func (s Specifiers) Stretches(releases []Release) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		if s.set != nil && len(s.set.texts) > 0 {
			for i := range releases {
				if s.Contains(releases[i].Version) && !yield(i, i+1) {
					return
				}
			}
			return
		}
		from, to := 0, len(releases)
		var gaps [][2]int
		if s.set != nil {
			from, to = s.set.in.of(releases)
			for _, e := range s.set.except {
				first, last := e.of(releases)
				gaps = append(gaps, [2]int{first, last})
			}
			slices.SortFunc(gaps, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
		}
		for _, g := range gaps {
			if end := min(g[0], to); from < end && !yield(from, end) {
				return
			}
			from = max(from, g[1])
		}
		if from < to {
			yield(from, to)
		}
	}
}

// of returns the stretch of releases, newest first, whose keys are in s.
func (s span) of(releases []Release) (from, to int) {
	before := func(key string) int {
		return sort.Search(len(releases), func(i int) bool { return releases[i].Version.key < key })
	}
	return before(s.hi), before(s.lo)
}

// ContainsText is Contains for a text that need not be a version: === compares
// texts, case aside. Any other specifier admits versions only.
func (s Specifiers) ContainsText(text string) bool {
	if s.set == nil {
		return true
	}
	for _, want := range s.set.texts {
		if want != strings.ToLower(text) {
			return false
		}
	}
	if len(s.set.texts) == len(s.set.all) {
		return true
	}
	v, ok := parseVersion(trimSpace(text))
	return ok && s.set.hasKey(v.key)
}

// hasKey reports whether the set, === aside, admits the version of a key.
func (s *specifierSet) hasKey(key string) bool {
	if !s.in.has(key) {
		return false
	}
	for i := range s.except {
		if s.except[i].has(key) {
			return false
		}
	}
	return true
}

// Prereleases reports whether a specifier names a pre-release itself, which
// asks for them (packaging's SpecifierSet.prereleases). One of != does not.
func (s Specifiers) Prereleases() bool {
	for _, t := range s.All() {
		if t.Op != "!=" && t.Version.Prerelease() {
			return true
		}
	}
	return false
}

// Pinned returns the version that an == (no wildcard) or === specifier names,
// if there is one; if there are several, the first in the order of String. It
// does not say that the other specifiers admit it.
func (s Specifiers) Pinned() (Version, bool) {
	for _, t := range s.All() {
		if (t.Op == "==" && !t.Prefix || t.Op == "===") && !t.Version.IsZero() {
			return t.Version, true
		}
	}
	return Version{}, false
}

// And returns the specifiers of both.
func (s Specifiers) And(t Specifiers) Specifiers {
	if s.set == nil || t.set == nil || s.set == t.set {
		return Specifiers{cmp.Or(s.set, t.set)}
	}
	return newSpecifiers(slices.Concat(s.set.all, t.set.all))
}

// All returns the specifiers in the order of String. The caller must not
// change the slice.
func (s Specifiers) All() []Specifier {
	if s.set == nil {
		return nil
	}
	return s.set.all
}

// Empty reports whether there are no specifiers, so that all is admitted.
func (s Specifiers) Empty() bool { return s.set == nil }

// String returns the specifiers sorted by text, with commas between, none
// twice, each as written but for white space: as packaging prints a
// SpecifierSet. Parsing it gives the same set.
func (s Specifiers) String() string {
	if all := s.All(); len(all) == 1 {
		return all[0].whole
	}
	var b strings.Builder
	for i, t := range s.All() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(t.whole)
	}
	return b.String()
}

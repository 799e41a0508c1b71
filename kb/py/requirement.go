package py

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxRequirement is the longest requirement or marker that is read, in bytes.
// Published ones have fewer than 1,000; it bounds what a hostile file costs.
const maxRequirement = 1 << 16

// A Requirement is a dependency specifier (PEP 508).
type Requirement struct {
	Name       Name
	Extras     []Name     // normalised, sorted, distinct
	Specifiers Specifiers // zero: any version
	URL        string     // a direct reference, else empty
	Marker     Marker     // zero: always

	// written is name and extras as the packaging library prints them, with
	// the spelling they were given: "Name[B,a]".
	written string
}

// ParseRequirement parses a requirement by PEP 508, as the packaging library
// does: white space is spaces and tabs, the specifiers may be in parentheses
// and end with a comma, and a URL ends at white space. An error is a
// *SyntaxError. Stricter than that library: names end with a letter or digit,
// as PEP 508 has it, and a URL has no control characters.
func ParseRequirement(s string) (Requirement, error) {
	p := parser{what: "requirement", text: s}
	if err := p.check(); err != nil {
		return Requirement{}, err
	}
	return p.requirement()
}

// String returns the requirement as the packaging library prints it: name and
// extras as they were written, specifiers and marker normalised. Parsing it
// gives the same requirement.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.head())
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
		if !r.Marker.IsZero() {
			b.WriteByte(' ') // else the URL would go on
		}
	}
	if !r.Marker.IsZero() {
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

// head is name and extras. What was written counts only as long as the fields,
// which callers may change, say the same.
func (r Requirement) head() string {
	name, extras, _ := strings.Cut(strings.TrimSuffix(r.written, "]"), "[")
	if NormalizeName(name) == r.Name && slices.Equal(normalizeAll(extras), r.Extras) {
		return r.written
	}
	if len(r.Extras) == 0 {
		return string(r.Name)
	}
	texts := make([]string, len(r.Extras))
	for i, e := range r.Extras {
		texts[i] = string(e)
	}
	return string(r.Name) + "[" + strings.Join(texts, ",") + "]"
}

// normalizeAll returns the names of a list with commas between, sorted and
// distinct; nil if the list is empty.
func normalizeAll(list string) []Name {
	if list == "" {
		return nil
	}
	var names []Name
	for item := range strings.SplitSeq(list, ",") {
		names = append(names, NormalizeName(item))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A SyntaxError says where a requirement or a marker stops making sense.
type SyntaxError struct {
	What   string // "requirement" or "marker"
	Text   string // all of it
	Offset int    // in bytes, from 0
	Why    string
}

func (e *SyntaxError) Error() string {
	where := fmt.Sprintf("at byte %d", e.Offset)
	if rest := e.Text[e.Offset:]; rest != "" {
		const most = 20
		if len(rest) > most {
			rest = rest[:most]
		}
		where += fmt.Sprintf(", before %q", rest)
	}
	return fmt.Sprintf("%s %s: %s (%s)", e.What, quote(e.Text), e.Why, where)
}

// parser reads a requirement or a marker from text[i] on.
type parser struct {
	what  string
	text  string
	i     int
	depth int // of parentheses
}

func (p *parser) fail(offset int, format string, args ...any) error {
	return &SyntaxError{p.what, p.text, offset, fmt.Sprintf(format, args...)}
}

// check refuses what need not be looked at.
func (p *parser) check() error {
	if len(p.text) > maxRequirement {
		return p.fail(maxRequirement, "%d bytes long (limit %d)", len(p.text), maxRequirement)
	}
	for i, r := range p.text {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(p.text[i:]); size == 1 { // else U+FFFD was written
			return p.fail(i, "not UTF-8")
		}
	}
	return nil
}

// space skips white space.
func (p *parser) space() {
	for p.i < len(p.text) && (p.text[p.i] == ' ' || p.text[p.i] == '\t') {
		p.i++
	}
}

func (p *parser) end() bool { return p.i == len(p.text) }

func (p *parser) at(c byte) bool { return p.i < len(p.text) && p.text[p.i] == c }

func (p *parser) requirement() (Requirement, error) {
	var r Requirement
	p.space()
	begin := p.i
	name, err := p.identifier("a project name")
	if err != nil {
		return Requirement{}, err
	}
	r.Name, r.written = name, p.text[begin:p.i]
	p.space()
	if p.at('[') {
		if err := p.extras(&r); err != nil {
			return Requirement{}, err
		}
		p.space()
	}
	want := `"[", "@", a version specifier such as >=1.0, ";" or the end`
	if p.at('@') {
		if r.URL, err = p.url(); err != nil {
			return Requirement{}, err
		}
		want = `";" or the end`
		if strings.HasSuffix(r.URL, ";") {
			want = `the end; a ";" before a marker needs white space before it`
		}
	} else {
		begin := p.i
		if r.Specifiers, err = p.specifiers(); err != nil {
			return Requirement{}, err
		}
		if p.i > begin {
			want = `"," and a version specifier, ";" or the end`
		}
	}
	p.space()
	if p.end() {
		return r, nil
	}
	if !p.at(';') {
		return Requirement{}, p.fail(p.i, "want %s", want)
	}
	p.i++
	if r.Marker, err = p.wholeMarker(); err != nil {
		return Requirement{}, err
	}
	return r, nil
}

// identifier reads the name of a project or an extra.
func (p *parser) identifier(what string) (Name, error) {
	begin := p.i
	for p.i < len(p.text) && (isAlnum(p.text[p.i]) || isSeparator(p.text[p.i])) {
		p.i++
	}
	if p.i == begin {
		return "", p.fail(begin, "want %s (PEP 508)", what)
	}
	name, err := ParseName(p.text[begin:p.i])
	if err != nil {
		return "", p.fail(begin, "%v", err)
	}
	return name, nil
}

// extras reads the list in brackets.
func (p *parser) extras(r *Requirement) error {
	open := p.i
	p.i++
	p.space()
	var written []string
	for !p.at(']') {
		begin := p.i
		name, err := p.identifier("the name of an extra")
		if err != nil {
			return err
		}
		r.Extras = append(r.Extras, name)
		written = append(written, p.text[begin:p.i])
		p.space()
		switch {
		case p.at(','):
			p.i++
			p.space()
			if p.at(']') {
				return p.fail(p.i, "want the name of an extra after the comma")
			}
		case p.end():
			return p.fail(open, `the extras have no "]"`)
		case !p.at(']'):
			return p.fail(p.i, `want "," or "]" after the name of an extra`)
		}
	}
	p.i++
	if len(written) == 0 {
		return nil // "name[]" is "name"
	}
	slices.Sort(r.Extras)
	r.Extras = slices.Compact(r.Extras)
	slices.Sort(written)
	r.written += "[" + strings.Join(slices.Compact(written), ",") + "]"
	return nil
}

// url reads "@" and the URL after it.
func (p *parser) url() (string, error) {
	p.i++
	p.space()
	begin := p.i
	for p.i < len(p.text) && p.text[p.i] != ' ' && p.text[p.i] != '\t' {
		if c := p.text[p.i]; c < ' ' || c == 0x7f {
			return "", p.fail(p.i, "a URL has no control characters")
		}
		p.i++
	}
	if p.i == begin {
		return "", p.fail(begin, `want a URL after "@"`)
	}
	return p.text[begin:p.i], nil
}

// specifiers reads version specifiers, which may be in parentheses or absent.
func (p *parser) specifiers() (Specifiers, error) {
	open := p.i
	parenthesis := p.at('(')
	if parenthesis {
		p.i++
		p.space()
	}
	var all []Specifier
	for operator(p.text[p.i:]) != "" {
		if len(all) == maxSpecifiers {
			return Specifiers{}, p.fail(p.i, "more than %d specifiers", maxSpecifiers)
		}
		begin := p.i
		p.i += len(operator(p.text[p.i:]))
		p.space()
		for p.i < len(p.text) && strings.IndexByte(" \t,;)", p.text[p.i]) < 0 {
			p.i++
		}
		spec, err := parseSpecifier(p.text[begin:p.i])
		if err != nil {
			return Specifiers{}, p.fail(begin, "%v", err)
		}
		all = append(all, spec)
		p.space()
		if !p.at(',') {
			break
		}
		p.i++
		p.space()
	}
	if parenthesis {
		if p.end() {
			return Specifiers{}, p.fail(open, `the specifiers have no ")"`)
		}
		if !p.at(')') {
			return Specifiers{}, p.fail(p.i, `want a version specifier such as >=1.0, or ")"`)
		}
		p.i++
	}
	return newSpecifiers(all), nil
}

package py

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxParentheses is how deep they may nest in a marker.
const maxParentheses = 100

// ParseMarker parses a marker by PEP 508 and PEP 751, as the packaging library
// does, the old names of variables ("os.name", "python_implementation")
// included. An error is a *SyntaxError.
func ParseMarker(s string) (Marker, error) {
	p := parser{what: "marker", text: s}
	if err := p.check(); err != nil {
		return Marker{}, err
	}
	return p.wholeMarker()
}

// wholeMarker reads a marker that goes on to the end.
func (p *parser) wholeMarker() (Marker, error) {
	m := &marker{}
	terms, err := p.terms(m)
	if err != nil {
		return Marker{}, err
	}
	if !p.end() {
		return Marker{}, p.fail(p.i, `want "and", "or" or the end of the marker`)
	}
	m.terms = terms
	return Marker{m}, nil
}

// terms reads terms with "and" and "or" between, and the white space around.
func (p *parser) terms(m *marker) ([]term, error) {
	terms := make([]term, 0, 1)
	for or := false; ; {
		t, err := p.term(m)
		if err != nil {
			return nil, err
		}
		t.or = or
		terms = append(terms, t)
		p.space()
		switch p.peekWord() {
		case "and":
			p.i += len("and")
			or = false
		case "or":
			p.i += len("or")
			or = true
		default:
			if len(terms) == 1 && terms[0].compare == nil {
				return terms[0].list, nil // parentheses around all of it
			}
			return terms, nil
		}
	}
}

func (p *parser) term(m *marker) (term, error) {
	p.space()
	if !p.at('(') {
		c, err := p.comparison()
		if err != nil {
			return term{}, err
		}
		m.note(c)
		return term{compare: c}, nil
	}
	open := p.i
	if p.depth++; p.depth > maxParentheses {
		return term{}, p.fail(open, "more than %d parentheses in each other", maxParentheses)
	}
	p.i++
	list, err := p.terms(m)
	if err != nil {
		return term{}, err
	}
	if p.end() {
		return term{}, p.fail(open, `the parenthesis has no ")"`)
	}
	if !p.at(')') {
		return term{}, p.fail(p.i, `want "and", "or" or ")"`)
	}
	p.i++
	p.depth--
	if len(list) == 1 {
		return list[0], nil // parentheses around one term say nothing
	}
	return term{list: list}, nil
}

// note keeps what the marker has to know of one of its comparisons.
func (m *marker) note(c *comparison) {
	sides := [...]variable{c.left.variable, c.right.variable}
	for _, v := range sides {
		m.extra = m.extra || v == extraName
		m.sets = m.sets || v.isSet()
	}
	membership := c.op == "in" || c.op == "not in"
	onVersions := c.op == "~=" || c.op == "==="
	switch {
	case c.left.variable.isSet(), c.right.variable.isSet() && !membership:
		m.undefined = c
	case c.late:
		m.strict = m.strict || onVersions
	case c.by == nil && onVersions:
		m.undefined = c
	}
}

func (p *parser) comparison() (*comparison, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.space()
	op, err := p.markerOperator()
	if err != nil {
		return nil, err
	}
	p.space()
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	c := &comparison{left: left, op: op, right: right}
	switch {
	case left.variable == extraName && right.variable == 0:
		c.right.text = string(NormalizeName(right.text))
	case (right.variable == extraName || right.variable.isSet()) && left.variable == 0:
		c.left.text = string(NormalizeName(left.text))
	case op == "in" || op == "not in":
		// Versions are compared by operators; this looks for one text in another.
	case left.variable.isVersion() && right.variable == 0:
		if spec, err := parseSpecifier(trimSpace(op + right.text)); err == nil {
			c.by = newSpecifiers([]Specifier{spec}).set
		}
	case left.variable.isVersion(), left.variable == 0 && right.variable.isVersion():
		c.late = true
	}
	return c, nil
}

// operand reads a variable or a literal.
func (p *parser) operand() (operand, error) {
	if p.at('"') || p.at('\'') {
		text, err := p.literal()
		return operand{text: text}, err
	}
	word := p.peekWord()
	name, dotted := word, word
	if rest := p.text[p.i+len(word):]; strings.HasPrefix(rest, ".") && (word == "os" || word == "sys" || word == "platform") {
		dotted = word + "." + wordAt(rest[1:])
		name = strings.Replace(dotted, ".", "_", 1)
	}
	if name == "python_implementation" {
		name = variableNames[platformPythonImplementation]
	}
	for v, known := range variableNames {
		if v == 0 || known != name {
			continue
		}
		if dotted != word && (v == int(platformRelease) || v == int(platformSystem)) {
			break // these two never had a dot
		}
		p.i += len(dotted)
		return operand{variable: variable(v)}, nil
	}
	if word != "" {
		return operand{}, p.fail(p.i, "%s is not a marker variable; have %s, or text in quotes", quote(dotted), strings.Join(variableNames[1:], ", "))
	}
	return operand{}, p.fail(p.i, "want a marker variable or text in quotes")
}

func (p *parser) markerOperator() (string, error) {
	rest := p.text[p.i:]
	if op := operator(rest); op != "" {
		p.i += len(op)
		return op, nil
	}
	switch p.peekWord() {
	case "in":
		p.i += len("in")
		return "in", nil
	case "not":
		p.i += len("not")
		after := p.i
		p.space()
		if p.peekWord() == "in" { // as a word of its own, so there was white space
			p.i += len("in")
			return "not in", nil
		}
		return "", p.fail(after, `want "in" after "not"`)
	}
	return "", p.fail(p.i, "want an operator: <=, <, !=, ==, >=, >, ~=, ===, in, not in")
}

// peekWord is the word that begins here, "" for none.
func (p *parser) peekWord() string { return wordAt(p.text[p.i:]) }

// wordAt is the word that s begins with.
func wordAt(s string) string {
	for i, r := range s {
		if !isWord(r) {
			return s[:i]
		}
	}
	return s
}

// literal reads text in quotes with the escapes of a Python string, which the
// packaging library takes it for.
func (p *parser) literal() (string, error) {
	begin := p.i
	length := strings.IndexByte(p.text[begin+1:], p.text[begin])
	if length < 0 {
		return "", p.fail(begin, "the quoted text does not end")
	}
	text := p.text[begin+1 : begin+1+length]
	if bad := strings.IndexAny(text, "\x00\n\r"); bad >= 0 {
		return "", p.fail(begin+1+bad, "quoted text is one line")
	}
	p.i = begin + length + 2
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	plain, bad := unescape(text)
	if bad >= 0 {
		return "", p.fail(begin+1+bad, "malformed escape in quoted text; write a backslash twice")
	}
	return plain, nil
}

// unescape replaces the escapes of a Python string. It returns the offset of a
// malformed one, or -1. Escapes by character name (\N{...}) and half characters
// (surrogates) are refused; an unknown one stands for itself, as in Python.
func unescape(text string) (plain string, bad int) {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			b = append(b, text[i])
			i++
			continue
		}
		if i+1 == len(text) {
			return "", i // it would escape the closing quote
		}
		digits, base := 0, 16
		switch c := text[i+1]; c {
		case '\\', '\'', '"':
			b = append(b, c)
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b = append(b, "\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		case 'N':
			return "", i
		case '0', '1', '2', '3', '4', '5', '6', '7':
			base, digits = 8, 1
			for digits < 3 && i+1+digits < len(text) && '0' <= text[i+1+digits] && text[i+1+digits] <= '7' {
				digits++
			}
		default:
			b = append(b, '\\', c)
		}
		from := i + 2
		if base == 8 {
			from = i + 1
		}
		i = from + digits
		if digits == 0 {
			i = from
			continue
		}
		if i > len(text) {
			return "", from - 2
		}
		code, err := strconv.ParseUint(text[from:i], base, 32)
		if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return "", from - 2
		}
		b = utf8.AppendRune(b, rune(code))
	}
	return string(b), -1
}

// quoteLiteral puts text in quotes: double ones unless there is one in it.
func quoteLiteral(text string) string {
	quote := byte('"')
	if strings.IndexByte(text, '"') >= 0 && strings.IndexByte(text, '\'') < 0 {
		quote = '\''
	}
	b := append(make([]byte, 0, len(text)+2), quote)
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case 0:
			b = append(b, `\x00`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case quote:
			b = append(b, `\x22`...) // \" would end it here
		default:
			b = append(b, c)
		}
	}
	return string(append(b, quote))
}

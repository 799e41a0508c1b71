package steps

import "strings"

// satisfies reports whether a licence can be taken under identifiers that are
// all allowed. The licence is an SPDX expression (annex D of SPDX 2.3; case of
// operators as PEP 639 has it), else one identifier as a whole.
func satisfies(licence string, allowed func(id string) bool) bool {
	p := spdx{words: words(licence), allowed: allowed}
	fine := p.either()
	if p.bad || len(p.words) > 0 {
		return allowed(strings.TrimSpace(licence))
	}
	return fine
}

// spdx reads an expression word by word, and takes its value on the way. OR binds
// least, then AND, then WITH.
type spdx struct {
	words   []string // those left
	allowed func(string) bool
	bad     bool // it is not an expression
}

func words(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
}

// accept takes the next word if it is w.
func (p *spdx) accept(w string) bool {
	if len(p.words) == 0 || !strings.EqualFold(p.words[0], w) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *spdx) either() bool {
	fine := p.both()
	for p.accept("OR") {
		right := p.both()
		fine = fine || right
	}
	return fine
}

func (p *spdx) both() bool {
	fine := p.simple()
	for p.accept("AND") {
		right := p.simple()
		fine = fine && right
	}
	return fine
}

func (p *spdx) simple() bool {
	if p.accept("(") {
		fine := p.either()
		p.bad = p.bad || !p.accept(")")
		return fine
	}
	fine := p.allowed(p.id())
	if p.accept("WITH") {
		p.id()
	}
	return fine
}

// id takes an identifier.
func (p *spdx) id() string {
	for _, operator := range []string{"OR", "AND", "WITH", "(", ")"} {
		if len(p.words) == 0 || strings.EqualFold(p.words[0], operator) {
			p.bad = true
			return ""
		}
	}
	id := p.words[0]
	p.words = p.words[1:]
	return id
}

// matches reports whether one of the patterns, which may end in a star, is id.
// Identifiers have no case.
func matches(patterns []string, id string) bool {
	for _, p := range patterns {
		prefix, star := strings.CutSuffix(p, "*")
		if strings.EqualFold(p, id) || star && len(id) >= len(prefix) && strings.EqualFold(id[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

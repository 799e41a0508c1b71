package py

import (
	"fmt"
	"strings"
)

// A Name is a normalised project or extra name (PEP 503): lower-case letters
// and digits in runs with one "-" between.
type Name string

// ParseName normalises a name and refuses what PEP 508 does not allow: ASCII
// letters and digits, with ".", "-" and "_" inside only.
func ParseName(s string) (Name, error) {
	if s == "" {
		return "", fmt.Errorf("empty name")
	}
	if !isAlnum(s[0]) || !isAlnum(s[len(s)-1]) {
		return "", fmt.Errorf("name %s must begin and end with a letter or digit (PEP 508)", quote(s))
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && !isSeparator(s[i]) {
			return "", fmt.Errorf(`name %s has something other than letters, digits, ".", "-" and "_" (PEP 508)`, quote(s))
		}
	}
	return NormalizeName(s), nil
}

// NormalizeName normalises by PEP 503 what need not be a name, and never
// refuses: lower case, and one "-" for each run of ".", "-" and "_".
func NormalizeName(s string) Name {
	if normalized(s) {
		return Name(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range strings.ToLower(s) {
		if r < 0x80 && isSeparator(byte(r)) {
			if text := b.String(); text == "" || text[len(text)-1] != '-' {
				b.WriteByte('-')
			}
			continue
		}
		b.WriteRune(r)
	}
	return Name(b.String())
}

// normalized reports whether NormalizeName would return s as it is; it may say
// no for texts outside ASCII, which are rare.
func normalized(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || isDigit(c):
		case c == '-' && (i == 0 || s[i-1] != '-'):
		default:
			return false
		}
	}
	return true
}

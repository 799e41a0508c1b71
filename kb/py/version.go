package py

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// maxVersion is the longest version that is read, in bytes without the white
// space around it. Published ones have fewer than 100, but the reference
// implementation is tested with 5,000 digits. It bounds what a hostile file can
// make us store and compare, and the length of a number fits two bytes of a key.
const maxVersion = 1 << 16

// A Version is a PEP 440 version. The zero Version is not a version; it sorts
// before all that are.
//
// Two spellings that normalise to one text are the same Version. Versions that
// differ in trailing zeros alone ("1.0" and "1.0.0") are equal by Compare and
// have equal keys, but keep their texts and are not equal by ==.
type Version struct{ text, key string }

// ParseVersion parses s by PEP 440, accepting every spelling that normalises
// and white space around it. Numbers may have any number of digits; a text of
// more than 64 KiB is refused.
func ParseVersion(s string) (Version, error) {
	s = trimSpace(s)
	if v, ok := parseVersion(s); ok {
		return v, nil
	}
	return Version{}, versionError(s)
}

// versionError says why s, which parseVersion refused, is not a version.
func versionError(s string) error {
	switch {
	case s == "":
		return errors.New("empty version")
	case len(s) > maxVersion:
		return fmt.Errorf("version %s is %d bytes long (limit %d)", quote(s), len(s), maxVersion)
	}
	return fmt.Errorf("%s is not a version (PEP 440)", quote(s))
}

// String returns the normalised form, "" for the zero Version.
func (v Version) String() string { return v.text }

// Compare returns -1, 0 or 1 as v sorts before, with or after w.
func (v Version) Compare(w Version) int { return strings.Compare(v.key, w.key) }

// Key returns bytes that order as versions do: comparing two keys bytewise is
// comparing the versions, and equal versions have equal keys. The form may
// change with the module: do not keep keys in files.
func (v Version) Key() string { return v.key }

// IsZero reports whether v is the zero Version.
func (v Version) IsZero() bool { return v.text == "" }

// Prerelease reports whether v is a pre-release: has an a, b, rc or dev part.
func (v Version) Prerelease() bool {
	for i := range len(v.text) {
		switch v.text[i] {
		case 'a', 'b', 'r', 'd': // "post" has none of these letters
			return true
		case '+':
			return false
		}
	}
	return false
}

// Postrelease reports whether v has a post part.
func (v Version) Postrelease() bool { return strings.IndexByte(v.public(), 'p') >= 0 }

// Devrelease reports whether v has a dev part.
func (v Version) Devrelease() bool { return strings.IndexByte(v.public(), 'd') >= 0 }

// Local returns the local part without its "+", normalised, or "".
func (v Version) Local() string {
	_, local, _ := strings.Cut(v.text, "+")
	return local
}

// Epoch returns the epoch, at most the greatest int.
func (v Version) Epoch() int {
	epoch, _, ok := strings.Cut(v.text, "!")
	if !ok {
		return 0
	}
	return clampInt(epoch)
}

// Release returns the numbers of the release part as written, trailing zeros
// included; a number greater than the greatest int is given as that. The zero
// Version has none.
func (v Version) Release() []int {
	if v.IsZero() {
		return nil
	}
	var release []int
	for number := range strings.SplitSeq(releaseText(v.text), ".") {
		release = append(release, clampInt(number))
	}
	return release
}

// Base returns the epoch and the release part of v.
func (v Version) Base() Version { return v.cut(len(baseText(v.text))) }

// Public returns v without its local part.
func (v Version) Public() Version { return v.cut(len(v.public())) }

// public is the text of v without its local part.
func (v Version) public() string {
	text, _, _ := strings.Cut(v.text, "+")
	return text
}

// cut is the version of the first n bytes of v's text, which end a part.
func (v Version) cut(n int) Version {
	if n == len(v.text) {
		return v
	}
	w, _ := parseVersion(v.text[:n]) // any prefix of whole parts is a version
	return w
}

// baseText is the epoch and the release part of a normalised text.
func baseText(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return r >= 'a' || r == '+' })
	if end < 0 {
		return text
	}
	return strings.TrimSuffix(text[:end], ".") // of ".post" and ".dev"
}

// releaseText is the release part of a normalised text.
func releaseText(text string) string {
	base := baseText(text)
	return base[strings.IndexByte(base, '!')+1:]
}

func clampInt(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return math.MaxInt // digits are digits, so it is out of range
	}
	return n
}

// A key is the epoch, the numbers of the release without trailing zeros, one
// of the bytes of keyDevOnly to keyFinal with the number of the pre-release,
// and one of keyDev to keyPost with theirs. All of them are self-delimiting,
// and no number begins with a byte below keyNumber. So "1" sorts before "1.1"
// whatever follows, a key is a prefix of the keys of its local versions alone,
// and a byte 0xff after a prefix sorts after all keys that begin with it.
const (
	keyDevOnly = 1 // 1.0.dev1 sorts before 1.0a1, which sorts before 1.0...
	keyAlpha   = 2
	keyBeta    = 3
	keyRC      = 4
	keyFinal   = 5

	keyDev  = 1 // ...but 1.0a1.post1.dev1 sorts after 1.0a1
	keyEnd  = 2
	keyPost = 3

	keyText = 1 // begins a local part that is not a number; a byte 0 ends it

	keyNumber = 0x10 // up to 0xd7: this number; 0xd8 to 0xdf: that many bytes follow
	keyWide   = 0xd8
	keyDigits = 0xe0 // the number of digits, less one, in two bytes, and the digits follow

	keyFirstDev = "\x01\x10" // keyDevOnly or keyDev, and the number 0
	keyAfter    = "\xff"     // sorts after all that can follow
)

// appendNumber appends the key of a number without leading zeros ("" is 0).
func appendNumber(key []byte, digits string) []byte {
	if len(digits) > 19 { // all that are shorter fit uint64
		key = append(key, keyDigits, byte((len(digits)-1)>>8), byte(len(digits)-1))
		return append(key, digits...)
	}
	n := uint64(0)
	for i := range len(digits) {
		n = 10*n + uint64(digits[i]-'0')
	}
	if n < keyWide-keyNumber {
		return append(key, keyNumber+byte(n))
	}
	width := 1
	for n>>(8*width) != 0 && width < 8 {
		width++
	}
	key = append(key, keyWide+byte(width-1))
	for width--; width >= 0; width-- {
		key = append(key, byte(n>>(8*width)))
	}
	return key
}

// parseVersion parses a version without white space around it. It is apart
// from ParseVersion because many callers ask of texts that are no versions and
// have no use for an error.
func parseVersion(s string) (Version, bool) {
	if len(s) > maxVersion {
		return Version{}, false
	}
	p := versionParser{s: s}
	text := make([]byte, 0, 64)
	key := make([]byte, 0, 64)
	if p.i < len(s) && s[p.i]|0x20 == 'v' {
		p.i++
	}

	digits, ok := p.digits()
	if !ok {
		return Version{}, false
	}
	if p.i < len(s) && s[p.i] == '!' {
		p.i++
		if digits != "" {
			text = append(append(text, digits...), '!')
		}
		key = appendNumber(key, digits)
		if digits, ok = p.digits(); !ok {
			return Version{}, false
		}
	} else {
		key = append(key, keyNumber)
	}

	significant := len(key) // without trailing zeros
	for {
		text = appendDigits(text, digits)
		key = appendNumber(key, digits)
		if digits != "" {
			significant = len(key)
		}
		if p.i+1 >= len(s) || s[p.i] != '.' || !isDigit(s[p.i+1]) {
			break
		}
		p.i++
		text = append(text, '.')
		digits, _ = p.digits()
	}
	key = key[:significant]

	if p.i == len(s) { // most versions are a release and nothing else
		return newVersion(text, append(key, keyFinal, keyEnd)), true
	}
	text, key = p.suffix(text, key)
	text, key, ok = p.local(text, key)
	if !ok || p.i != len(s) {
		return Version{}, false
	}
	return newVersion(text, key), true
}

// newVersion puts both strings into one allocation.
func newVersion(text, key []byte) Version {
	both := string(append(text, key...))
	return Version{both[:len(text)], both[len(text):]}
}

// versionParser reads the text of a version from s[i] on.
type versionParser struct {
	s string
	i int
}

// suffix reads the pre, post and dev parts, each of which may be absent.
func (p *versionParser) suffix(text, key []byte) ([]byte, []byte) {
	rank, pre := p.pre()
	post, hasPost := p.post()
	dev, hasDev := p.word("dev")

	switch {
	case rank != keyFinal:
		text = append(text, [...]string{keyAlpha: "a", keyBeta: "b", keyRC: "rc"}[rank]...)
		text = appendDigits(text, pre)
		key = appendNumber(append(key, rank), pre)
	case hasDev && !hasPost:
		text = appendDigits(append(text, ".dev"...), dev)
		return text, appendNumber(append(key, keyDevOnly), dev)
	default:
		key = append(key, keyFinal)
	}
	if hasPost {
		text = appendDigits(append(text, ".post"...), post)
		key = appendNumber(append(key, keyPost), post)
	}
	if hasDev {
		text = appendDigits(append(text, ".dev"...), dev)
		return text, appendNumber(append(key, keyDev), dev)
	}
	return text, append(key, keyEnd)
}

// pre reads the kind and number of the pre-release, keyFinal for none.
func (p *versionParser) pre() (rank byte, digits string) {
	if digits, ok := p.word("alpha", "a"); ok {
		return keyAlpha, digits
	}
	if digits, ok := p.word("beta", "b"); ok {
		return keyBeta, digits
	}
	if digits, ok := p.word("rc", "c"); ok {
		return keyRC, digits
	}
	if digits, ok := p.word("preview", "pre"); ok {
		return keyRC, digits
	}
	return keyFinal, ""
}

func (p *versionParser) post() (digits string, ok bool) {
	if p.i+1 < len(p.s) && p.s[p.i] == '-' && isDigit(p.s[p.i+1]) { // the implicit form, 1.0-1
		p.i++
		return p.digits()
	}
	return p.word("post", "rev", "r")
}

// word reads one of the words, the first that fits, with the separator that
// may stand on each side of it and the number that may follow (none is 0).
func (p *versionParser) word(words ...string) (digits string, ok bool) {
	i := p.i
	if i < len(p.s) && isSeparator(p.s[i]) {
		i++
	}
	for _, w := range words {
		if len(p.s)-i >= len(w) && equalLower(p.s[i:i+len(w)], w) {
			p.i = i + len(w)
			if p.i < len(p.s) && isSeparator(p.s[p.i]) {
				p.i++
			}
			digits, _ = p.digits()
			return digits, true
		}
	}
	return "", false
}

// local reads the local part, which may be absent, but not malformed.
func (p *versionParser) local(text, key []byte) ([]byte, []byte, bool) {
	if p.i == len(p.s) || p.s[p.i] != '+' {
		return text, key, true
	}
	for sep := byte('+'); ; sep = '.' {
		p.i++
		begin, number := p.i, true
		for p.i < len(p.s) && isAlnum(p.s[p.i]) {
			number = number && isDigit(p.s[p.i])
			p.i++
		}
		if p.i == begin {
			return nil, nil, false
		}
		text = append(text, sep)
		if number {
			digits := strings.TrimLeft(p.s[begin:p.i], "0")
			text = appendDigits(text, digits)
			key = appendNumber(key, digits)
		} else {
			from := len(text)
			for _, c := range []byte(p.s[begin:p.i]) {
				text = append(text, lower(c))
			}
			key = append(append(append(key, keyText), text[from:]...), 0)
		}
		if p.i == len(p.s) || !isSeparator(p.s[p.i]) {
			return text, key, true
		}
	}
}

// digits reads a number and returns it without leading zeros.
func (p *versionParser) digits() (digits string, ok bool) {
	begin := p.i
	for p.i < len(p.s) && p.s[p.i] == '0' {
		p.i++
	}
	significant := p.i
	for p.i < len(p.s) && isDigit(p.s[p.i]) {
		p.i++
	}
	return p.s[significant:p.i], p.i > begin
}

func appendDigits(text []byte, digits string) []byte {
	if digits == "" {
		return append(text, '0')
	}
	return append(text, digits...)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// lower is c in lower case, for ASCII.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// equalLower reports whether s, lower-cased, is the word w of the same length.
func equalLower(s, w string) bool {
	for i := range len(w) {
		if lower(s[i]) != w[i] {
			return false
		}
	}
	return true
}

// trimSpace trims what Python calls white space, which is more than
// strings.TrimSpace trims.
func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }

func isSpace(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }

// quote quotes s for an error message, in part if it is long.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

package lockfile

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A logicalLine is a line of a requirements file with its continuation lines
// joined and its comment cut off.
type logicalLine struct {
	file   string
	text   string
	pieces []piece
}

// A piece says where a part of a logical line comes from.
type piece struct{ at, line, col int }

// position returns the place in the file of the byte at off of the line.
func (l logicalLine) position(off int) Position {
	after := sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].at > off })
	p := l.pieces[after-1] // the first begins at 0
	return Position{File: l.file, Line: p.line, Col: p.col + off - p.at}
}

// eachLine calls f with every logical line that says something.
//
// As in pip, a line ends at a newline; a backslash before it joins the next
// line; a comment starts with "#" at the beginning or after a blank, ends a
// joined line, and cannot be continued itself.
func eachLine(file, text string, f func(logicalLine) error) error {
	l := logicalLine{file: file}
	var b strings.Builder
	for number := 1; text != ""; number++ {
		var line string
		if i := strings.IndexAny(text, "\r\n"); i < 0 {
			line, text = text, ""
		} else {
			line = text[:i]
			if strings.HasPrefix(text[i:], "\r\n") {
				i++
			}
			text = text[i+1:]
		}
		if b.Len()+len(line) > maxLine {
			return refuse(Position{File: file, Line: number}, "", "line longer than %d KiB, the limit", maxLine>>10)
		}
		comment := strings.HasPrefix(strings.TrimLeft(line, " \t"), "#")
		more := strings.HasSuffix(line, `\`) && !comment
		if more {
			line = strings.TrimRight(line, `\`)
		}
		l.pieces = append(l.pieces, piece{at: b.Len(), line: number, col: 1})
		if comment && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		if more && text != "" {
			continue
		}
		l.text = withoutComment(b.String())
		if strings.TrimSpace(l.text) != "" {
			if err := f(l); err != nil {
				return err
			}
		}
		l.pieces = nil
		b.Reset()
	}
	return nil
}

// withoutComment cuts off a comment and the blanks before it.
func withoutComment(s string) string {
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			s = s[:i]
			break
		}
	}
	return strings.TrimRight(s, " \t\f\v")
}

// A word is a word of a line, without its quotes.
type word struct {
	text string
	off  int
}

// split splits the line from off on as a POSIX shell would, which is what pip
// does with options.
func (l logicalLine) split(off int) ([]word, error) {
	var words []word
	for i := off; ; {
		for i < len(l.text) && strings.IndexByte(" \t", l.text[i]) >= 0 {
			i++
		}
		if i == len(l.text) {
			return words, nil
		}
		start := i
		var b strings.Builder
		quote := byte(0)
		for ; i < len(l.text); i++ {
			c := l.text[i]
			switch {
			case quote == 0 && (c == ' ' || c == '\t'):
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			case c == quote && quote != 0:
				quote = 0
				continue
			case c == '\\' && quote != '\'' && i+1 < len(l.text) && (quote == 0 || l.text[i+1] == '"' || l.text[i+1] == '\\'):
				i++
				b.WriteByte(l.text[i])
				continue
			default:
				b.WriteByte(c)
				continue
			}
			break
		}
		if quote != 0 {
			return nil, refuse(l.position(start), "", "a quote has no end")
		}
		words = append(words, word{b.String(), start})
	}
}

// An option is an option with its value.
type option struct {
	name  string // the long name
	value string
	url   bool // the value is the URL of an index
	pos   Position
}

// optionNames maps what may be written to long names.
var optionNames = map[string]string{
	"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url",
	"--pypi-url": "--index-url", "-f": "--find-links", "-C": "--config-settings", "--config-setting": "--config-settings",
}

// optionValues says which options there are and whether they have a value.
var optionValues = map[string]bool{
	"--requirement": true, "--constraint": true, "--editable": true, "--index-url": true,
	"--extra-index-url": true, "--no-index": false, "--find-links": true, "--pre": false,
	"--no-binary": true, "--only-binary": true, "--prefer-binary": false, "--require-hashes": false,
	"--trusted-host": true, "--use-feature": true, "--hash": true, "--config-settings": true,
	"--global-option": true,
}

// option reads the first option of words and returns the words after it.
func (l logicalLine) option(words []word) (option, []word, error) {
	w := words[0]
	o := option{pos: l.position(w.off)}
	value, has := "", false
	switch {
	case strings.HasPrefix(w.text, "--"):
		o.name, value, has = strings.Cut(w.text, "=")
	case strings.HasPrefix(w.text, "-") && len(w.text) > 1:
		// "-rfile" is "-r file"; pip takes "-r=file" for a file named "=file",
		// which nobody means.
		o.name, value = w.text[:2], strings.TrimPrefix(w.text[2:], "=")
		has = value != ""
	default:
		return o, nil, refuse(o.pos, "", "expected an option, not %q", w.text)
	}
	if long, ok := optionNames[o.name]; ok {
		o.name = long
	}
	takes, ok := optionValues[o.name]
	words = words[1:]
	switch {
	case !ok:
		return o, nil, refuse(o.pos, "", "unknown option %s", o.name)
	case !takes && has:
		return o, nil, refuse(o.pos, "", "%s takes no value", o.name)
	case takes && !has:
		if len(words) == 0 {
			return o, nil, refuse(o.pos, "", "%s needs a value", o.name)
		}
		value, words = words[0].text, words[1:]
	}
	if takes && value == "" {
		return o, nil, refuse(o.pos, "", "%s needs a value", o.name)
	}
	o.value = value
	o.url = slices.Contains([]string{"--index-url", "--extra-index-url", "--find-links", "--trusted-host"}, o.name)
	return o, words, nil
}

// checkHashes refuses hashes of which none is a sha256: no file can be told to
// have them.
func checkHashes(hashes []string, pos Position) error {
	sha256 := func(h string) bool { return strings.HasPrefix(h, "sha256:") }
	if len(hashes) == 0 || slices.ContainsFunc(hashes, sha256) {
		return nil
	}
	return unusable(pos, "thamos and its knowledge base know sha256 only: add a sha256", "none of the hashes is a sha256")
}

// parseHash reads "sha256:…" and returns it in lower case. The algorithms are
// those that pip takes.
func parseHash(s string) (string, error) {
	algorithm, digits, _ := strings.Cut(strings.ToLower(s), ":")
	size, ok := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
	if !ok {
		return "", fmt.Errorf("hash %q is none of sha256, sha384 and sha512", s)
	}
	if len(digits) != size || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("hash %q has not %d hexadecimal digits", s, size)
	}
	return algorithm + ":" + digits, nil
}

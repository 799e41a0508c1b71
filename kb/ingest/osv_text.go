package ingest

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxOSVSummary = 160 // characters
	maxOSVLink    = 2 << 10
)

// osvSummary is one line about a record: its own, else the first sentence of
// its details.
func osvSummary(record *osvRecord) (line string, own bool) {
	if line := oneLine(record.Summary); line != "" {
		return cutAtWord(strings.TrimSuffix(line, ".")), true
	}
	return cutAtWord(firstSentence(record.Details)), false
}

// firstSentence is that of a text in Markdown, without headings before it and
// without its full stop.
func firstSentence(text string) string {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			break
		}
		text = rest
	}
	if len(text) > 16*maxOSVSummary { // far more than is kept
		text = text[:16*maxOSVSummary]
	}
	words := strings.Fields(oneLine(text))
	for i, word := range words[:max(0, len(words)-1)] {
		next, _ := utf8.DecodeRuneInString(words[i+1])
		if strings.HasSuffix(word, ".") && !abbreviated(word) && !unicode.IsLower(next) {
			words = words[:i+1]
			break
		}
	}
	return strings.TrimSuffix(strings.Join(words, " "), ".")
}

// abbreviated reports whether the full stop of a word ends no sentence.
func abbreviated(word string) bool {
	word = strings.TrimLeft(strings.ToLower(word), "(")
	return slices.Contains([]string{"e.g.", "i.e.", "etc.", "vs.", "cf.", "inc.", "ltd.", "aka."}, word)
}

// oneLine puts a stranger's text on one line, without characters that print
// nothing or change how the rest is printed.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// cutAtWord shortens a line that is too long.
func cutAtWord(line string) string {
	if utf8.RuneCountInString(line) <= maxOSVSummary {
		return line
	}
	runes := []rune(line)[:maxOSVSummary-1] // and the sign that it was cut
	if i := lastSpace(runes); i > maxOSVSummary/2 {
		runes = runes[:i]
	}
	return strings.TrimRight(string(runes), " ,;:.-") + "…"
}

func lastSpace(runes []rune) int {
	for i := len(runes) - 1; i >= 0; i-- {
		if runes[i] == ' ' {
			return i
		}
	}
	return -1
}

// osvLink is where to read more: the first advisory among the references, else
// the first page. None is made up.
func osvLink(references []osvReference) (link string, official bool) {
	for _, kind := range []string{"ADVISORY", "WEB"} {
		for _, ref := range references {
			if ref.Type == kind && isLink(ref.URL) {
				return ref.URL, kind == "ADVISORY"
			}
		}
	}
	return "", false
}

// isLink reports whether s is a URL that may be shown and opened.
func isLink(s string) bool {
	if len(s) > maxOSVLink || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

package kb

import (
	"errors"
	"strings"
)

// errStatements reports more than one statement: only the last one would be
// answered, and the others dropped in silence.
var errStatements = errors.New("one statement is asked at a time")

// oneStatement refuses a text of several statements, as SQLite reads it: a
// semicolon in quotes or in a comment ends none.
func oneStatement(text string) error {
	var begun, ended bool
	for len(text) > 0 {
		n, blank := token(text)
		switch {
		case text[0] == ';':
			ended = begun
		case !blank && ended:
			return errStatements
		case !blank:
			begun = true
		}
		text = text[n:]
	}
	return nil
}

// token tells the length of the first token of a text, as far as it matters where
// statements end, and whether it is a blank or a comment. What is not closed goes on
// to the end.
func token(text string) (n int, blank bool) {
	until := func(from int, end string) int {
		if at := strings.Index(text[from:], end); at >= 0 {
			return from + at + len(end)
		}
		return len(text)
	}
	switch c := text[0]; {
	case strings.HasPrefix(text, "--"):
		return until(2, "\n"), true
	case strings.HasPrefix(text, "/*"):
		return until(2, "*/"), true
	case c == '\'' || c == '"' || c == '`':
		return until(1, text[:1]), false // a doubled quote begins another token, which is as good
	case c == '[':
		return until(1, "]"), false
	case strings.IndexByte(" \t\n\f\r", c) >= 0:
		return 1, true
	}
	return 1, false
}

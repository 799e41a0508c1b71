package solver

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// ended says in words how a step ended that failed; empty where its class says
// all.
func (s stepJSON) ended() string {
	switch {
	case s.End == "timeout":
		return fmt.Sprintf("it took longer than %.0f s", s.Seconds)
	case s.End == "output":
		return errFull.Error()
	case s.End == "start":
		return "it could not be started"
	case s.End != "exit":
		return ""
	case s.Signal != 0:
		return fmt.Sprintf("ended by signal %d", s.Signal)
	case s.Exit != nil && *s.Exit != 0:
		return fmt.Sprintf("exit status %d", *s.Exit)
	}
	return ""
}

// maxTold bounds what is told of a failure, in characters.
const maxTold = 200

// Told is on one line why a step failed: the line of what it printed that tells
// most, else how it ended. Of a command both are told, for it is the user's.
func (r Result) Told() string {
	line := telling(r.Class, r.Excerpt)
	switch {
	case line == "":
		return r.Ended
	case (r.Kind == KindCommand || r.Kind == "test") && r.Ended != "":
		return r.Ended + ": " + line
	}
	return line
}

// Told is what the first result tells that is not ok; empty if all are.
func (d *Document) Told() string {
	for _, r := range d.Results {
		if r.Outcome != outcomeOK {
			return r.Told()
		}
	}
	return ""
}

var (
	// idle are the last lines of a failed build that say nothing of it.
	idle = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(note: |hint: |\[notice\]|\[end of output\]|see above|error: subprocess-exited-with-error|error: (failed building|could not build)|failed to build|exit code: |\[ ?\d+ lines of output\]|please add the directory|if you prefer|for further information|traceback \()`)
	})
	// drawn are the frames that pip draws.
	drawn = regexp.MustCompile(`^[\s│|×╰─>]+`)
	// colours are the sequences by which terminals are told to colour.
	colours = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`)
)

// telling is the line of a text that says most of a class: the last that the
// class is known by, else the last that says something.
func telling(class Class, text string) string {
	last := ""
	lines := strings.Split(text, "\n")
	for n := len(lines) - 1; n >= 0; n-- {
		line := shown(drawn.ReplaceAllString(lines[n], ""))
		if line == "" || idle().MatchString(line) {
			continue
		}
		if last == "" {
			last = line
		}
		for _, p := range patterns() {
			if p.class == class && p.text.MatchString(lines[n]) {
				return line
			}
		}
	}
	return last
}

// shown is a text as it can be shown on one line: without what cannot be seen,
// and not long.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, colours.ReplaceAllString(strings.ToValidUTF8(text, "?"), ""))
	text = strings.TrimSpace(text)
	if r := []rune(text); len(r) > maxTold {
		text = string(r[:maxTold]) + "…"
	}
	return text
}

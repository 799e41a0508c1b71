package ingest

import (
	"fmt"
	"net/url"
	"strings"
)

// Redact returns a URL as it may be shown and stored: without user, password,
// query and fragment, all of which may be secret. A text that is no URL with
// a host is not shown at all.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return unreadable
	}
	return redact(u)
}

const unreadable = "(unreadable URL)"

func redact(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.ForceQuery, shown.Fragment, shown.RawFragment = nil, "", false, "", ""
	if u.Host == "" {
		return unreadable
	}
	return shown.String()
}

// parseURL parses an absolute http or https URL. What it says of a bad one
// does not quote it: a password that is not percent-encoded is the usual cause.
func parseURL(what, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not a URL (special characters in a user name or password must be percent-encoded)", what)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s is not an http or https URL", what)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s names no host", what)
	}
	return u, nil
}

// A login is what basic authentication sends.
type login struct{ user, password string }

// netrc holds the logins of a netrc file by host name.
type netrc map[string]login

// parseNetrc reads a netrc file: machine, login, password and account, in any
// layout, # comments and macdef blocks. The default entry is left out on
// purpose: it would send a password to every host that a listing names.
// Errors quote nothing of the file but the number of the line.
func parseNetrc(file string, text []byte) (netrc, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("%s: larger than %d bytes", file, maxConfig)
	}
	const noHost = "" // where the default entry goes; no machine has this name
	found := netrc{}
	host, seen := noHost, false
	in := netrcWords{rest: string(text), line: 1}
	for {
		key, line := in.key(), in.line
		switch key {
		case "":
			delete(found, noHost)
			return found, nil
		case "default":
			host, seen = noHost, true
			continue
		case "macdef":
			in.skipMacro()
			continue
		}
		value, ok := in.word()
		if !ok {
			return nil, fmt.Errorf("%s:%d: the last word has no value, or a quote is open", file, line)
		}
		switch {
		case key == "machine":
			host, seen = strings.ToLower(value), true
			found[host] = login{} // of two entries for one host the last counts
		case !seen:
			return nil, fmt.Errorf("%s:%d: expected machine", file, line)
		case key == "login" || key == "user":
			found[host] = login{value, found[host].password}
		case key == "password":
			found[host] = login{found[host].user, value}
		case key != "account":
			return nil, fmt.Errorf("%s:%d: expected machine, login, password, account or macdef", file, line)
		}
	}
}

// netrcWords reads a netrc word by word. Only before a key is a # a comment:
// passwords may start with one.
type netrcWords struct {
	rest string
	line int // of the first byte of rest
}

func (in *netrcWords) advance(n int) {
	in.line += strings.Count(in.rest[:n], "\n")
	in.rest = in.rest[n:]
}

func (in *netrcWords) skipSpace() {
	in.advance(len(in.rest) - len(strings.TrimLeft(in.rest, " \t\r\n")))
}

// key returns the next word that is not part of a comment, empty at the end.
func (in *netrcWords) key() string {
	for {
		in.skipSpace()
		if !strings.HasPrefix(in.rest, "#") {
			word, _ := in.word()
			return word
		}
		comment, _, _ := strings.Cut(in.rest, "\n")
		in.advance(len(comment))
	}
}

// word returns the next word without its quotes; ok is false at the end and
// where a quote stays open.
func (in *netrcWords) word() (word string, ok bool) {
	in.skipSpace()
	if !strings.HasPrefix(in.rest, `"`) {
		end := strings.IndexAny(in.rest, " \t\r\n")
		if end < 0 {
			end = len(in.rest)
		}
		word = in.rest[:end]
		in.advance(end)
		return word, word != ""
	}
	var b strings.Builder
	for i := 1; i < len(in.rest); i++ {
		switch c := in.rest[i]; {
		case c == '"':
			in.advance(i + 1)
			return b.String(), true
		case c == '\\' && i+1 < len(in.rest):
			i++
			b.WriteByte(in.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	in.advance(len(in.rest))
	return "", false
}

// skipMacro skips a macro, which ends at an empty line.
func (in *netrcWords) skipMacro() {
	for in.rest != "" {
		line, _, _ := strings.Cut(in.rest, "\n")
		in.advance(min(len(line)+1, len(in.rest)))
		if next, _, _ := strings.Cut(in.rest, "\n"); strings.TrimSpace(next) == "" {
			return
		}
	}
}

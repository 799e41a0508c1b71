package lockfile

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// urlVariable matches a ${VARIABLE}, which pip and Pipenv replace when they read
// a URL. Other spellings are taken as text.
var urlVariable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// withoutCredentials returns a URL as it may be written to a lock: absolute,
// on one line, and with a user and password only if the password, or a user
// that stands alone (some indexes take a token there), is a ${VARIABLE}. A
// fragment is left out. The error does not quote what it refuses.
func withoutCredentials(text string) (string, error) {
	text, fragment, _ := strings.Cut(text, "#")
	if !fitsOnLine(text) || strings.ContainsAny(text, " \"'<>\\") {
		return "", errors.New("its URL has blanks, quotes or control characters; write them as %20 and the like")
	}
	if rest, ok := afterVariable(text); ok && !strings.Contains(rest, "@") && fragment == "" {
		return text, nil // a variable for scheme, host and login: what is secret is in it
	}
	// A variable may stand where url.Parse wants a port; a digit may too.
	u, err := url.Parse(urlVariable.ReplaceAllString(text, "0"))
	start := strings.Index(text, "://") + len("://")
	if err != nil || start < len("x://") || u.Host == "" && u.Scheme != "file" {
		return "", errors.New("its URL cannot be read; it must be absolute, such as https://host/path, and a password in it percent-encoded")
	}
	end := start + strings.IndexAny(text[start:]+"/", "/?")
	at := strings.LastIndexByte(text[start:end], '@')
	if at < 0 && !strings.HasPrefix(text[end:], "/") && strings.Contains(text[end:]+fragment, "@") {
		return "", errors.New("its URL may have a password with an unescaped ? or #; write them as %3F and %23")
	}
	if at < 0 || onlyVariables(text[start:start+at]) {
		return text, nil
	}
	return text[:start] + text[start+at+1:], nil
}

// afterVariable returns what follows the ${VARIABLE} that a URL begins with, if
// it is nothing or a path.
func afterVariable(text string) (rest string, ok bool) {
	at := urlVariable.FindStringIndex(text)
	if at == nil || at[0] != 0 {
		return "", false
	}
	rest = text[at[1]:]
	return rest, rest == "" || rest[0] == '/'
}

// onlyVariables reports whether the secret part of "user:password" is a variable.
func onlyVariables(userinfo string) bool {
	user, password, both := strings.Cut(userinfo, ":")
	if both && password != "" {
		return urlVariable.ReplaceAllString(password, "") == ""
	}
	return user != "" && urlVariable.ReplaceAllString(user, "") == ""
}

// withoutUser cuts user and password, variables too, off a URL that
// withoutCredentials returned.
func withoutUser(clean string) string {
	scheme, rest, ok := strings.Cut(clean, "://")
	if !ok {
		return clean // it begins with a variable
	}
	end := strings.IndexAny(rest+"/", "/?")
	return scheme + "://" + rest[strings.LastIndexByte(rest[:end], '@')+1:]
}

// hostOf returns host and port of a URL that withoutCredentials returned, empty
// if a variable has them.
func hostOf(clean string) string {
	_, rest, _ := strings.Cut(withoutUser(clean), "://")
	return rest[:strings.IndexAny(rest+"/", "/?")]
}

// sources returns the lock's sources with URLs that may be written. Their names
// are distinct.
func (l *Lock) sources() ([]Source, error) {
	seen := make(map[string]bool, len(l.Sources))
	sources := slices.Clone(l.Sources)
	for i := range sources {
		s := &sources[i]
		if s.Name == "" || !fitsOnLine(s.Name) {
			return nil, fmt.Errorf("lock: %q is not the name of a source", s.Name)
		}
		if seen[s.Name] {
			return nil, fmt.Errorf("lock: two sources are named %q", s.Name)
		}
		seen[s.Name] = true
		clean, err := withoutCredentials(s.URL)
		if err != nil {
			return nil, fmt.Errorf("lock: source %q: %w", s.Name, err)
		}
		s.URL = clean
	}
	return sources, nil
}

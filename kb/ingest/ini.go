package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxConfig bounds a configuration file; pip's are a few lines long.
const maxConfig = 1 << 20

// parseINI reads the dialect of pip's configuration files (Python's
// RawConfigParser as pip uses it): sections in brackets, "key = value" or
// "key: value", values continued on deeper indented lines, comments on lines
// of their own that start with # or ;. It returns the values by
// "section.key", keys in pip's spelling: lower case, hyphens, no leading "--".
//
// Errors start with file:line and never quote a value, which may hold a
// password.
func parseINI(file string, text []byte) (map[string]string, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("%s: larger than %d bytes", file, maxConfig)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: not UTF-8 text", file)
	}
	values := map[string]string{}
	sections := map[string]bool{}
	section, key, indent := "", "", 0 // key "": there is nothing to continue
	for i, raw := range strings.Split(string(bytes.TrimPrefix(text, []byte("\ufeff"))), "\n") {
		line := strings.TrimRight(raw, " \t\r")
		body := strings.TrimLeft(line, " \t")
		depth := len(line) - len(body)
		fail := func(what string) error { return fmt.Errorf("%s:%d: %s", file, i+1, what) }
		switch {
		case body == "" || body[0] == '#' || body[0] == ';':
			continue // an empty line or a comment does not end a value
		case key != "" && depth > indent:
			values[key] = strings.TrimLeft(values[key]+"\n"+body, "\n")
			continue
		}
		key, indent = "", depth
		if body[0] == '[' {
			name, rest, ok := strings.Cut(body[1:], "]")
			if !ok || name == "" || strings.TrimSpace(rest) != "" {
				return nil, fail("expected a section such as [global]")
			}
			if sections[name] {
				return nil, fail(fmt.Sprintf("section [%s] is there twice", name))
			}
			section, sections[name] = name, true
			continue
		}
		at := strings.IndexAny(body, "=:")
		if at <= 0 {
			return nil, fail("expected key = value")
		}
		name := configKey(strings.TrimRight(body[:at], " \t"))
		switch {
		case section == "":
			return nil, fail(name + " stands before the first [section]")
		case name == "":
			return nil, fail("expected key = value")
		}
		key = section + "." + name
		if _, twice := values[key]; twice {
			return nil, fail(fmt.Sprintf("%s is there twice in [%s]", name, section))
		}
		values[key] = strings.TrimLeft(body[at+1:], " \t")
	}
	return values, nil
}

// configKey spells a key as pip compares it.
func configKey(name string) string {
	return strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "--")
}

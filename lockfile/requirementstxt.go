package lockfile

import (
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// RequirementsTxt returns the lock as a requirements.txt with hashes, in the
// style of pip-compile and uv: the comment, the sources that pip does not use
// by itself, and every package (those of groups and extras too, as the format
// has neither) with its hashes and who requires it. It is for
// pip install --require-hashes and uv pip sync.
//
// A directory cannot have a hash, and pip wants hashes of all packages or of
// none: a lock with one has no hashes at all, and a comment that says so.
//
// The format cannot say which source a package must come from; the hashes see
// to it that no other file is installed.
func (l *Lock) RequirementsTxt() ([]byte, error) {
	pins, err := l.pins()
	if err != nil {
		return nil, err
	}
	comment, err := l.comment()
	if err != nil {
		return nil, err
	}
	options, err := l.indexOptions(pins)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	direct, bare := directComment(pins)
	b.WriteString(comment)
	b.WriteString(direct)
	b.WriteString(options)
	for _, p := range pins {
		if p.Direct != nil {
			line, err := p.requirementsLine(bare)
			if err != nil {
				return nil, err
			}
			b.WriteString(line + "\n" + via(p.Via))
			continue
		}
		b.WriteString(string(p.Name))
		if len(p.Extras) > 0 {
			b.WriteString("[" + joined(p.Extras) + "]")
		}
		b.WriteString("==" + p.Version.String() + p.hashOptions(bare) + "\n" + via(p.Via))
	}
	return []byte(b.String()), nil
}

// indexOptions returns the options that name the sources, one a line, with an
// empty line after them if there are any. A source that only serves what asks
// for it is left out if no pin does, so that pip does not look there.
func (l *Lock) indexOptions(pins []Pin) (string, error) {
	sources, err := l.sources()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	main := "--index-url " // pip takes the last of several, so there is one at most
	for _, s := range sources {
		if s.Explicit && !slices.ContainsFunc(pins, func(p Pin) bool { return p.Index == s.Name }) {
			continue
		}
		option := "--extra-index-url "
		if !s.Extra {
			option, main = main, option
		}
		if s.Name == l.DefaultSource && !s.Extra {
			continue
		}
		b.WriteString(option + s.URL + "\n")
		// pip takes no variable here, so such a host is left to the user.
		if host := hostOf(s.URL); !s.VerifySSL && host != "" && !strings.Contains(host, "${") {
			b.WriteString("--trusted-host " + host + "\n")
		}
	}
	links, err := l.findLinks()
	if err != nil {
		return "", err
	}
	b.WriteString(links)
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String(), nil
}

// via returns the comment that says who requires a package, as uv prints it.
func via(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "    # via " + names[0] + "\n"
	}
	return "    # via\n    #   " + strings.Join(names, "\n    #   ") + "\n"
}

func joined(names []py.Name) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ",")
}

package py

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of core metadata. Published ones are below 1 MiB with fewer than 1,000
// headers, nearly all of the size being the description.
const (
	maxMetadata        = 16 << 20
	maxMetadataHeaders = 50_000
)

// Metadata is core metadata up to version 2.5, as far as thamos uses it.
type Metadata struct {
	MetadataVersion   string
	Name              string // as written
	Version           Version
	RequiresPython    string
	RequiresDist      []string // as written, unfolded
	ProvidesExtra     []Name   // in the order they come, distinct
	Dynamic           []string // lower case
	ImportName        []string // PEP 794; one "" says that there are none
	ImportNamespace   []string
	License           string // may have several lines
	LicenseExpression string
	LicenseFiles      []string
	Classifiers       []string
	ProjectURLs       []string // "LABEL, URL"
	Summary, HomePage string
}

// ParseMetadata reads core metadata (METADATA, PKG-INFO, or what an index
// serves by PEP 658): the headers up to the first empty line, whose names have
// no case and whose values may be folded. Bytes that are not UTF-8 are taken
// for Latin-1, as old tools wrote them. What it does not know it skips.
//
// It is an error if there is no Name or Version or they are malformed, if the
// metadata is of a later major version than 2, or if a line is no header:
// requirements might follow, and a release that has some must not be taken for
// one that has none. Text of more than 16 MiB or 50,000 headers is refused.
func ParseMetadata(text []byte) (Metadata, error) {
	if len(text) > maxMetadata {
		return Metadata{}, fmt.Errorf("metadata is %d bytes long (limit %d)", len(text), maxMetadata)
	}
	m := metadataReader{hasExtra: map[Name]bool{}}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	headers := 0
	for line := 1; ; headers++ {
		h, rest, lines, err := cutHeader(text)
		if err != nil {
			return Metadata{}, fmt.Errorf("metadata line %d: %w", line, err)
		}
		if h.name == "" {
			break
		}
		if headers == maxMetadataHeaders {
			return Metadata{}, fmt.Errorf("metadata has more than %d headers", maxMetadataHeaders)
		}
		m.set(h)
		text = rest
		line += lines
	}
	return m.checked()
}

// metadataReader is metadata in the making.
type metadataReader struct {
	Metadata
	version  string // as written
	hasExtra map[Name]bool
}

// checked is what was read, unless it lacks what metadata must have.
func (m *metadataReader) checked() (Metadata, error) {
	if major, _, _ := strings.Cut(m.MetadataVersion, "."); major != "" {
		if n, err := strconv.Atoi(major); err != nil || n > 2 {
			return Metadata{}, fmt.Errorf("metadata version %s is not known (have 1.0 to 2.5)", quote(m.MetadataVersion))
		}
	}
	if m.Name == "" {
		return Metadata{}, fmt.Errorf("metadata has no Name")
	}
	if _, err := ParseName(m.Name); err != nil {
		return Metadata{}, fmt.Errorf("metadata: %w", err)
	}
	if m.version == "" {
		return Metadata{}, fmt.Errorf("metadata of %s has no Version", m.Name)
	}
	var err error
	if m.Version, err = ParseVersion(m.version); err != nil {
		return Metadata{}, fmt.Errorf("metadata of %s: %w", m.Name, err)
	}
	return m.Metadata, nil
}

// set keeps one header. The first of those that may come once counts.
func (m *metadataReader) set(h header) {
	once := func(field *string, value string) {
		if *field == "" && value != "UNKNOWN" { // what old setuptools wrote for nothing
			*field = value
		}
	}
	value := h.text(" ")
	switch h.name {
	case "metadata-version":
		once(&m.MetadataVersion, value)
	case "name":
		once(&m.Name, value)
	case "version":
		once(&m.version, value)
	case "requires-python":
		once(&m.RequiresPython, value)
	case "summary":
		once(&m.Summary, value)
	case "home-page":
		once(&m.HomePage, value)
	case "license":
		once(&m.License, h.text("\n"))
	case "license-expression":
		once(&m.LicenseExpression, value)
	case "requires-dist":
		m.RequiresDist = append(m.RequiresDist, value)
	case "provides-extra":
		if name := NormalizeName(value); name != "" && !m.hasExtra[name] {
			m.ProvidesExtra = append(m.ProvidesExtra, name)
			m.hasExtra[name] = true
		}
	case "dynamic":
		m.Dynamic = append(m.Dynamic, strings.ToLower(value))
	case "import-name":
		m.ImportName = append(m.ImportName, value)
	case "import-namespace":
		m.ImportNamespace = append(m.ImportNamespace, value)
	case "license-file":
		m.LicenseFiles = append(m.LicenseFiles, value)
	case "classifier":
		m.Classifiers = append(m.Classifiers, value)
	case "project-url":
		m.ProjectURLs = append(m.ProjectURLs, value)
	}
}

// A header is one field of core metadata.
type header struct {
	name  string // lower case
	value []byte // with its line ends
}

// cutHeader returns the first header of text, what follows it and how many
// lines it has. The header has no name if there is none before the body.
func cutHeader(text []byte) (h header, rest []byte, lines int, err error) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	first = bytes.TrimSuffix(first, []byte("\r"))
	if len(first) == 0 {
		return header{}, nil, 0, nil
	}
	if isFold(first) {
		return header{}, nil, 0, fmt.Errorf("a continuation of nothing")
	}
	name, _, found := bytes.Cut(first, []byte(":"))
	if !found || !isHeaderName(name) {
		return header{}, nil, 0, fmt.Errorf(`want a header ("Name: value"), have %s`, quote(string(first)))
	}
	for lines = 1; isFold(rest); lines++ {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	return header{strings.ToLower(string(name)), text[len(name)+1 : len(text)-len(rest)]}, rest, lines, nil
}

// isFold reports whether a line continues the one before.
func isFold(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

// isHeaderName reports whether name is printable ASCII without white space.
func isHeaderName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(name) > 0
}

// text is the value with its lines joined by sep, without the white space and
// the "|" that folding put before them, and without empty ends.
func (h header) text(sep string) string {
	value := h.value
	if !utf8.Valid(value) {
		value = latin1(value)
	}
	if bytes.IndexByte(bytes.TrimRight(value, "\r\n"), '\n') < 0 {
		return string(bytes.TrimSpace(value))
	}
	var lines []string
	for line := range bytes.Lines(value) {
		line = bytes.TrimSpace(line)
		if len(lines) > 0 {
			line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("|")))
		}
		lines = append(lines, string(line))
	}
	return strings.TrimSpace(strings.Join(lines, sep))
}

// latin1 is text in Latin-1 as UTF-8.
func latin1(text []byte) []byte {
	b := make([]byte, 0, len(text)+16)
	for _, c := range text {
		b = utf8.AppendRune(b, rune(c))
	}
	return b
}

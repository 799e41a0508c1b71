package lockfile

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxYAML is the size from which a file is refused: real ones have a few
	// hundred bytes.
	maxYAML = 256 << 10

	// maxFields bounds how many mappings, keys and values are read, because those
	// that are merged (<<) could multiply without end.
	maxFields = 1 << 16
)

// parseYAML returns the root of the one document of a file, nil if there is
// none. Every error is an *Error. Aliases are not expanded.
func parseYAML(file, text string) (*yaml.Node, error) {
	d := yaml.NewDecoder(strings.NewReader(text))
	var first, second yaml.Node
	err := d.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, yamlError(file, text, err)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, refuse(Position{file, second.Line, second.Column}, "take it out", "a second document begins here")
	case !errors.Is(err, io.EOF):
		return nil, yamlError(file, text, err)
	}
	if len(first.Content) == 0 || isNull(first.Content[0]) {
		return nil, nil
	}
	return first.Content[0], nil
}

// placeholder is what Thoth's template has instead of values.
var placeholder = regexp.MustCompile(`\{[ ]*[A-Za-z_][A-Za-z0-9_]*[ ]*\}`)

// yamlError is a syntax error with the line that the decoder names in its text;
// it says no column.
func yamlError(file, text string, err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	pos := Position{File: file}
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil && line > 0 {
			pos.Line, msg = line, after
		}
	}
	hint, off := "", 0
	for line := range strings.Lines(text) {
		said, _, _ := strings.Cut(line, "#")
		if at := placeholder.FindStringIndex(said); at != nil { // which is no YAML before more text
			hint = fmt.Sprintf("is it a template? write a value for %s at %v", said[at[0]:at[1]], position(file, text, off+at[0]))
			break
		}
		off += len(line)
	}
	return refuse(pos, hint, "not valid YAML: %s", msg)
}

// followed returns what an alias stands for, and any other node itself.
func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// wholeNumber reads a number that is not negative, and not absurd.
func wholeNumber(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
}

// A yamlReader reads nodes of one file.
type yamlReader struct {
	file   string
	fields int // that were read so far, see maxFields
}

func (r *yamlReader) position(n *yaml.Node) Position { return Position{r.file, n.Line, n.Column} }

func (r *yamlReader) refuse(n *yaml.Node, hint, format string, args ...any) error {
	return refuse(r.position(n), hint, format, args...)
}

// A yamlField is a key of a mapping with its value.
type yamlField struct{ key, value *yaml.Node }

// mapping calls f with each key of a mapping, where it stands, and its value; a
// null is an empty mapping.
func (r *yamlReader) mapping(n *yaml.Node, what string, f func(key string, at, value *yaml.Node) error) error {
	fields, err := r.collect(n, what)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if err := f(field.key.Value, field.key, field.value); err != nil {
			return err
		}
	}
	return nil
}

// collect returns the fields of a mapping: its own, then those that are merged
// into it and that it does not have.
func (r *yamlReader) collect(n *yaml.Node, what string) ([]yamlField, error) {
	n = followed(n)
	if r.fields += 1 + len(n.Content); r.fields > maxFields {
		return nil, r.refuse(n, "does something merge itself?", "more than %d keys and values, the limit for such a file", maxFields)
	}
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, r.refuse(n, "", "%s must be a mapping", what)
	}
	var fields, merges []yamlField
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		field := yamlField{n.Content[i], n.Content[i+1]}
		switch {
		case field.key.Kind != yaml.ScalarNode:
			return nil, r.refuse(field.key, "", "a key of %s must be a text", what)
		case field.key.ShortTag() == "!!merge":
			merges = append(merges, field)
			continue
		case has[field.key.Value]:
			return nil, r.refuse(field.key, "keep one of them", "key %.100q is there already", field.key.Value)
		}
		has[field.key.Value] = true
		fields = append(fields, field)
	}
	for _, m := range merges {
		sources := []*yaml.Node{m.value}
		if list := followed(m.value); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			more, err := r.collect(source, "what is merged")
			if err != nil {
				return nil, err
			}
			for _, field := range more {
				if !has[field.key.Value] {
					has[field.key.Value] = true
					fields = append(fields, field)
				}
			}
		}
	}
	return fields, nil
}

// text reads a text, a number as it is written, or null for an empty one.
func (r *yamlReader) text(n *yaml.Node, what string) (string, error) {
	n = followed(n)
	// Without quotes {os_name} is a mapping with a key and no value.
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && isNull(n.Content[1]) && n.Style&yaml.FlowStyle != 0 {
		return "", r.placeholder(n, what, "{"+n.Content[0].Value+"}")
	}
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!bool":
		return "", r.refuse(n, "", "%s must be a text", what)
	case isNull(n):
		return "", nil
	}
	if p := placeholder.FindString(n.Value); p != "" {
		return "", r.placeholder(n, what, p)
	}
	return n.Value, nil
}

func (r *yamlReader) placeholder(n *yaml.Node, what, text string) error {
	return r.refuse(n, "write the value itself", "%s has the placeholder %.100s, which nobody replaces", what, text)
}

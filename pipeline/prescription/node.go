package prescription

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of one file. The largest of the corpus has 900 KB and 1,300 units.
const (
	maxFile  = 2 << 20
	maxNodes = 500_000 // visited, aliases counted as often as they are used
	maxDepth = 40
	maxKeys  = 1000    // of one mapping, which are compared with each other
	maxText  = 8 << 20 // bytes of texts, as often as aliases use them
)

// A Fault is something that was left out, with its place and what to do.
type Fault struct {
	File         string
	Line, Column int // 0: not known
	Reason       string
}

func (f Fault) String() string { return f.place() + ": " + f.Reason }

func (f Fault) Error() string { return f.String() }

func (f Fault) place() string {
	switch {
	case f.Line == 0:
		return f.File
	case f.Column == 0:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

func (f Fault) compare(g Fault) int {
	return cmp.Or(cmp.Compare(f.File, g.File), cmp.Compare(f.Line, g.Line), cmp.Compare(f.Column, g.Column))
}

// A reader reads the nodes of one file. The yaml package gives places; what may
// stand where is decided here.
type reader struct {
	file    string
	visited int
	texts   int // bytes
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) error {
	return Fault{r.file, n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// parse returns the root of a document; nil if it is empty.
func (r *reader) parse(text []byte) (*yaml.Node, error) {
	if len(text) > maxFile {
		return nil, Fault{File: r.file, Reason: fmt.Sprintf("the file has %d bytes, the limit is %d: split it", len(text), maxFile)}
	}
	var doc, next yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, r.malformed(err)
	}
	if err := d.Decode(&next); err == nil {
		return nil, r.fault(&next, "the file has two documents: write each to a file of its own")
	} else if err != io.EOF {
		return nil, r.malformed(err)
	}
	return doc.Content[0], nil
}

// malformed is the fault of what the yaml package refuses.
func (r *reader) malformed(err error) Fault {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	f := Fault{File: r.file, Reason: "not valid YAML: " + msg}
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			f.Line, f.Reason = line, "not valid YAML: "+after
		}
	}
	return f
}

// real follows an alias, and counts what is visited: a small file can stand for
// billions of values.
func (r *reader) real(n *yaml.Node) (*yaml.Node, error) {
	if r.visited++; r.visited > maxNodes {
		return nil, r.fault(n, "the file has more than %d values, counting aliases: write it without them", maxNodes)
	}
	for i := 0; n.Kind == yaml.AliasNode; i++ {
		if i == maxDepth {
			return nil, r.fault(n, "an alias of an alias of an alias")
		}
		n = n.Alias
	}
	if r.texts += len(n.Value); r.texts > maxText {
		return nil, r.fault(n, "the file has more than %d bytes of text, counting aliases: write it without them", maxText)
	}
	return n, nil
}

// A field is a key of a mapping.
type field struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
}

// fields returns the keys of a mapping, with those that are merged into it
// (<<), which what stands there itself goes before. A merged list of mappings is
// read as PyYAML reads it: the first that has a key gives it.
func (r *reader) fields(n *yaml.Node, what string) ([]field, error) {
	return r.fieldsAt(n, what, 0)
}

func (r *reader) fieldsAt(n *yaml.Node, what string, depth int) ([]field, error) {
	n, err := r.real(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil, r.fault(n, "%s must be a mapping", what)
	}
	if len(n.Content) > 2*maxKeys {
		return nil, r.fault(n, "%s has more than %d keys", what, maxKeys)
	}
	var out, merged []field
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return nil, r.fault(key, "a key of %s must be a text", what)
		}
		if key.Tag != "!!merge" {
			if slices.ContainsFunc(out, func(f field) bool { return f.name == key.Value }) {
				return nil, r.fault(key, "%s has %q twice", what, key.Value)
			}
			value, err := r.real(value)
			if err != nil {
				return nil, err
			}
			out = append(out, field{key.Value, key, value})
			continue
		}
		value, err := r.real(value)
		if err != nil {
			return nil, err
		}
		parts := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			parts = value.Content
		}
		for _, p := range parts {
			fs, err := r.fieldsAt(p, what, depth+1)
			if err != nil {
				return nil, err
			}
			if merged = append(merged, fs...); len(merged) > maxKeys {
				return nil, r.fault(n, "%s has more than %d keys", what, maxKeys)
			}
		}
	}
	for _, f := range merged {
		if !slices.ContainsFunc(out, func(o field) bool { return o.name == f.name }) {
			out = append(out, f)
		}
	}
	return out, nil
}

// each calls the function of each key; an unknown key is an error that names the
// known ones.
func (r *reader) each(n *yaml.Node, what string, known map[string]func(*yaml.Node) error) error {
	all, err := r.fields(n, what)
	if err != nil {
		return err
	}
	for _, f := range all {
		read, ok := known[f.name]
		if !ok {
			var names []string
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return r.fault(f.key, "unknown key %q in %s; known are %s", f.name, what, strings.Join(names, ", "))
		}
		if read == nil {
			continue // it may stand there and says nothing to us
		}
		if err := read(f.value); err != nil {
			return err
		}
	}
	return nil
}

// faultOf is the Fault of an error of this file.
func (r *reader) faultOf(err error) Fault {
	var f Fault
	if errors.As(err, &f) {
		return f
	}
	return Fault{File: r.file, Reason: err.Error()}
}

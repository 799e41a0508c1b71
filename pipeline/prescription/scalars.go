package prescription

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb/py"
)

// list returns the elements of a sequence.
func (r *reader) list(n *yaml.Node, what string) ([]*yaml.Node, error) {
	n, err := r.real(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.fault(n, "%s must be a list", what)
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		if out[i], err = r.real(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// text reads a text that is not empty.
func (r *reader) text(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		return "", r.fault(n, "%s must be a text: put it in quotes", what)
	}
	return n.Value, nil
}

func (r *reader) boolean(n *yaml.Node, what string) (bool, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return false, r.fault(n, "%s must be true or false", what)
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", nil
}

// texts reads a list of texts that is not empty.
func (r *reader) textList(n *yaml.Node, what string) ([]string, error) {
	elems, err := r.list(n, what)
	if err != nil {
		return nil, err
	}
	if len(elems) == 0 {
		return nil, r.fault(n, "%s must not be empty", what)
	}
	var out []string
	for _, e := range elems {
		s, err := r.text(e, "an element of "+what)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// negatable splits {not: X}.
func (r *reader) negatable(n *yaml.Node, what string) (inner *yaml.Node, not bool, err error) {
	if n.Kind != yaml.MappingNode {
		return n, false, nil
	}
	err = r.each(n, what, map[string]func(*yaml.Node) error{"not": func(v *yaml.Node) error {
		inner, not = v, true
		return nil
	}})
	if err == nil && inner == nil {
		err = r.fault(n, "%s must be a list or {not: list}", what)
	}
	return inner, not, err
}

// set reads a list of texts, numbers or nulls, or {not: list}.
func (r *reader) set(n *yaml.Node, what string, allowed ...string) (*set, error) {
	inner, not, err := r.negatable(n, what)
	if err != nil {
		return nil, err
	}
	elems, err := r.list(inner, what)
	if err != nil {
		return nil, err
	}
	if len(elems) == 0 {
		return nil, r.fault(inner, "%s must not be empty", what)
	}
	s := &set{Not: not}
	for _, e := range elems {
		switch {
		case isNull(e):
			s.Values = append(s.Values, nil)
		case e.Kind != yaml.ScalarNode || e.Tag != "!!str" && e.Tag != "!!int":
			return nil, r.fault(e, "an element of %s must be a text, a number or null", what)
		case len(allowed) > 0 && !slices.Contains(allowed, e.Value):
			return nil, r.fault(e, "%q is none of %s in %s", e.Value, strings.Join(allowed, ", "), what)
		default:
			value := e.Value
			if e.Tag == "!!int" {
				number, err := strconv.ParseInt(value, 0, 64)
				if err != nil {
					return nil, r.fault(e, "%s is too large a number in %s", value, what)
				}
				value = strconv.FormatInt(number, 10)
			}
			s.Values = append(s.Values, &value)
		}
	}
	return s, nil
}

func (r *reader) booleanInto(to *bool, what string) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = r.boolean(n, what)
		return err
	}
}

func (r *reader) textInto(to *string, what string) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = r.text(n, what)
		return err
	}
}

// name reads the normalised name of a project.
func (r *reader) name(n *yaml.Node) (string, error) {
	text, err := r.text(n, "name")
	if err != nil {
		return "", err
	}
	if name, err := py.ParseName(text); err != nil || string(name) != text {
		return "", r.fault(n, "%q is not the normalised name of a project (write %q)", text, py.NormalizeName(text))
	}
	return text, nil
}

// specs reads a version specifier (PEP 440).
func (r *reader) specs(n *yaml.Node, what string) (string, error) {
	text, err := r.text(n, what)
	if err != nil {
		return "", err
	}
	if _, err := py.ParseSpecifiers(text); err != nil {
		return "", r.fault(n, "%s: %v", what, err)
	}
	return text, nil
}

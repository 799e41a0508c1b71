package prescription

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kindOrder are the keys of units in the order in which they are asked.
var kindOrder = []string{"boots", "pseudonyms", "sieves", "steps", "strides", "wraps"}

// A found unit is one of a file, with the kind it is declared under.
type found struct {
	unit
	kind string // boots …
}

// units reads the units of a document. A malformed unit is a fault of its own;
// the others of the file are read.
func (r *reader) units(root *yaml.Node, namespace string) (all []found, faults []Fault, err error) {
	seen := map[string]bool{}
	read := func(kind string) func(*yaml.Node) error {
		return func(n *yaml.Node) error {
			elems, err := r.list(n, kind)
			if err != nil {
				return err
			}
			for _, e := range elems {
				u, err := r.unit(e, kind)
				if err == nil && seen[kind+" "+u.Name] {
					err = r.fault(e, "two units of %s are named %q", kind, u.Name)
				}
				if err != nil {
					faults = append(faults, r.faultOf(err))
					continue
				}
				seen[kind+" "+u.Name] = true
				u.Name = namespace + "." + u.Name
				all = append(all, found{u, kind})
			}
			return nil
		}
	}
	kinds := map[string]func(*yaml.Node) error{}
	for _, kind := range kindOrder {
		kinds[kind] = read(kind)
	}
	has := false
	err = r.each(root, "a prescription", map[string]func(*yaml.Node) error{
		"metadata": nil,
		"units": func(n *yaml.Node) error {
			has = true
			return r.each(n, "units", kinds)
		},
	})
	if err == nil && !has {
		err = r.fault(root, "it has no units")
	}
	return all, faults, err
}

func (r *reader) unit(n *yaml.Node, kind string) (unit, error) {
	u := unit{From: fmt.Sprintf("%s:%d", r.file, n.Line)}
	all, err := r.fields(n, "a unit of "+kind)
	if err != nil {
		return u, err
	}
	at := map[string]*yaml.Node{}
	for _, f := range all {
		if !slices.Contains([]string{"name", "type", "should_include", "match", "run", "metadata"}, f.name) {
			return u, r.fault(f.key, "unknown key %q in a unit; known are match, metadata, name, run, should_include, type", f.name)
		}
		at[f.name] = f.value
	}
	for _, key := range []string{"name", "type", "should_include"} {
		if at[key] == nil {
			return u, r.fault(n, "a unit needs %s", key)
		}
	}
	if u.Name, err = r.text(at["name"], "name"); err != nil {
		return u, err
	}
	if u.Type, err = r.text(at["type"], "type"); err != nil {
		return u, err
	}
	if !slices.Contains(typesOf[kind], u.Type) {
		return u, r.fault(at["type"], "%q is no type of %s; those are %s", u.Type, kind, strings.Join(typesOf[kind], ", "))
	}
	i, err := r.include(at["should_include"])
	if err != nil {
		return u, err
	}
	u.Include = []include{i}
	if err := r.matches(&u, n, at["match"]); err != nil {
		return u, err
	}
	return u, r.run(&u, n, at["run"])
}

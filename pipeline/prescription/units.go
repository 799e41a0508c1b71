package prescription

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Units lists the units that look up prescriptions, one of each kind.
func Units() []pipeline.Unit {
	return []pipeline.Unit{
		{Name: "prescription-boots", Doc: "do as prescriptions for the problem say", Boot: boots},
		{Name: "prescription-pseudonyms", Doc: "let projects stand in for others as prescriptions say", Pseudonym: pseudonyms},
		{Name: "prescription-sieves", Doc: "drop releases and requirements as prescriptions say", Sieve: sieves},
		{Name: "prescription-steps", Doc: "score and veto releases, alone and together, as prescriptions say", Step: steps, Vetoes: true, Classes: []pipeline.Class{
			{Name: classWorst, Doc: "a score of -1, as bad as can be: it most likely does not work"}, {Name: classOther, Doc: "any other score"},
		}},
		{Name: "prescription-strides", Doc: "refuse finished stacks as prescriptions say", Stride: strides},
		{Name: "prescription-wraps", Doc: "tell what prescriptions know of the stack", Wrap: wraps},
	}
}

// Classes of terms.
const (
	classWorst = "worst"
	classOther = "other"
)

// imageRules ends the kind of rules that ask for a base image: there are
// thousands, and most plans have no use for them.
const imageRules = "-image"

// lookUp decodes the rules of a kind that are about projects, each once, and
// keeps those that the plan has a use for. For a finished stack, if there is one,
// it passes over rules of other versions.
func lookUp(ctx context.Context, plan *pipeline.Plan, kind pipeline.Kind, names []py.Name, stack []resolver.Choice) ([]unit, error) {
	rules, err := plan.Facts.Rules(ctx, kind, names)
	if err != nil {
		return nil, err
	}
	if plan.Host.BaseImage != "" {
		more, err := plan.Facts.Rules(ctx, kind+imageRules, names)
		if err != nil {
			return nil, err
		}
		rules = slices.Concat(rules, ofImage(plan.Host.BaseImage, more))
	}
	versions := map[py.Name]py.Version{}
	for _, c := range stack {
		versions[c.Name] = c.Version
	}
	var units []unit
	last := ""
	for _, r := range rules {
		if r.Name == last || elsewhere(r, versions) {
			continue // it is about several projects, and was found under another
		}
		last = r.Name
		u, err := decode(r.Body)
		if err != nil {
			return nil, fmt.Errorf("prescription %s: %w", r.Name, err)
		}
		if u.included(plan) {
			units = append(units, u)
		}
	}
	return units, nil
}

// elsewhere reports whether a rule is about one version of its project, and
// another is in the stack. It reads the first field alone: of the units that are
// generated for each version one at most is worth decoding.
func elsewhere(r py.Rule, versions map[py.Name]py.Version) bool {
	rest, ok := bytes.CutPrefix(r.Body, []byte(`{"pin":"`))
	have, known := versions[r.Project]
	if !ok || !known {
		return false
	}
	pin, _, _ := bytes.Cut(rest, []byte(`"`))
	if string(pin) == have.String() {
		return false
	}
	v, err := py.ParseVersion(string(pin))
	return err == nil && v.Compare(have) != 0 && v.Compare(have.Public()) != 0
}

// ofImage are the rules that have the name of an image in their text. Others
// cannot ask for it.
func ofImage(image string, rules []py.Rule) []py.Rule {
	name, _, _ := cutTag(image)
	quoted, err := encode(name)
	if err != nil {
		return rules
	}
	text := bytes.Trim(quoted, `"`)
	var out []py.Rule
	for _, r := range rules {
		if bytes.Contains(r.Body, text) {
			out = append(out, r)
		}
	}
	return out
}

package prescription

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb/py"
)

// run reads what a unit says, by its type.
func (r *reader) run(u *unit, at, n *yaml.Node) error {
	if n == nil {
		if slices.Contains([]string{typeSieve, typeSieveSkip, typeStepSkip}, u.Type) {
			return nil
		}
		return r.fault(at, "a unit of type %s needs run", u.Type)
	}
	x := &u.Run
	known := r.runKeys(u)
	if err := r.each(n, "run", known); err != nil {
		return err
	}
	switch {
	case u.Type == typeStep && len(x.Why) > 0 && x.Refuse != "":
		return r.fault(n, "justification and not_acceptable exclude each other: what is refused is never justified")
	case u.Type == typePseudonym && x.Yield == nil:
		return r.fault(n, "a pseudonym needs yield")
	case u.Type == typeStepAdd && x.Add == nil:
		return r.fault(n, "a %s needs package_version", u.Type)
	case u.Type == typeNotes && (x.Notes == nil || x.Notes.Organization == "" || x.Notes.Repository == ""):
		return r.fault(n, "release_notes needs organization and repository")
	}
	return nil
}

// runKeys says how each key of run is read, by the type of the unit.
func (r *reader) runKeys(u *unit) map[string]func(*yaml.Node) error {
	x := &u.Run
	if u.Type == typeNotes {
		return map[string]func(*yaml.Node) error{"release_notes": func(v *yaml.Node) error { return r.releaseNotes(x, v) }}
	}
	known := map[string]func(*yaml.Node) error{
		"log": func(v *yaml.Node) error {
			one, err := r.info(v, "log", false)
			x.Log = &one
			return err
		},
		"stack_info": r.infosInto(&x.StackInfo, "stack_info"),
	}
	judging := map[string]func(*yaml.Node) error{
		"not_acceptable": r.textInto(&x.Refuse, "not_acceptable"),
		"eager_stop_pipeline": func(v *yaml.Node) error {
			return r.fault(v, "not supported: eager_stop_pipeline, for there is no search to be stopped; use not_acceptable")
		},
	}
	multiple := r.booleanInto(&x.Multiple, "multi_package_resolution")
	why := r.infosInto(&x.Why, "justification")
	switch u.Type {
	case typeBoot, typeStride:
		maps.Copy(known, judging)
	case typePseudonym:
		known["yield"] = func(v *yaml.Node) error { return r.yield(x, v) }
	case typeStep:
		maps.Copy(known, judging)
		known["justification"], known["multi_package_resolution"] = why, multiple
		known["score"] = func(v *yaml.Node) error { return r.score(x, v) }
	case typeGroup:
		maps.Copy(known, judging)
		known["justification"] = why
		known["score"] = func(v *yaml.Node) error { return r.score(x, v) }
	case typeStepSkip:
		known["multi_package_resolution"] = multiple
	case typeStepAdd:
		known["multi_package_resolution"] = multiple
		known["package_version"] = func(v *yaml.Node) error { return r.add(x, v) }
	case typeWrap:
		known["justification"] = why
		known["advised_manifest_changes"] = func(v *yaml.Node) error { return r.change(x, v) }
	}
	return known
}

func (r *reader) releaseNotes(x *run, n *yaml.Node) error {
	x.Notes = new(releaseNotes)
	return r.each(n, "release_notes", map[string]func(*yaml.Node) error{
		"organization":       r.textInto(&x.Notes.Organization, "organization"),
		"repository":         r.textInto(&x.Notes.Repository, "repository"),
		"tag_version_prefix": r.textInto(&x.Notes.Prefix, "tag_version_prefix"),
	})
}

// score reads a number between -1 and 1. What is beyond is an error: Thoth took
// it for the nearest, which hid the mistake.
func (r *reader) score(x *run, n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!float" {
		return r.fault(n, "score must be a number with a point, such as 0.5")
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < -1 || v > 1 {
		return r.fault(n, "score %s is not between -1.0 and 1.0", n.Value)
	}
	x.Score = &v
	return nil
}

func (r *reader) yield(x *run, n *yaml.Node) error {
	x.Yield = new(yield)
	err := r.each(n, "yield", map[string]func(*yaml.Node) error{
		"yield_matched_version": r.booleanInto(&x.Yield.SameVersion, "yield_matched_version"),
		"package_version": func(v *yaml.Node) error {
			return r.each(v, "package_version", map[string]func(*yaml.Node) error{
				"name": func(v *yaml.Node) (err error) {
					x.Yield.Name, err = r.name(v)
					return err
				},
				"locked_version": func(v *yaml.Node) (err error) {
					x.Yield.Version, err = r.locked(v)
					return err
				},
				"index_url": r.textInto(&x.Yield.Index, "index_url"),
			})
		},
	})
	switch {
	case err != nil:
		return err
	case x.Yield.Name == "":
		return r.fault(n, "yield needs package_version with a name")
	case x.Yield.SameVersion && x.Yield.Version != "":
		return r.fault(n, "yield_matched_version and locked_version exclude each other")
	}
	return nil
}

// locked reads "==X" or "===X" and returns X, or nothing for null.
func (r *reader) locked(n *yaml.Node) (string, error) {
	if isNull(n) {
		return "", nil
	}
	text, err := r.text(n, "locked_version")
	if err != nil {
		return "", err
	}
	v := strings.TrimLeft(text, "=")
	if eq := len(text) - len(v); eq != 2 && eq != 3 {
		return "", r.fault(n, "locked_version must be ==VERSION")
	}
	if _, err := py.ParseVersion(v); err != nil {
		return "", r.fault(n, "locked_version: %v", err)
	}
	return v, nil
}

func (r *reader) add(x *run, n *yaml.Node) error {
	x.Add = new(release)
	err := r.each(n, "package_version", map[string]func(*yaml.Node) error{
		"name": func(v *yaml.Node) (err error) {
			x.Add.Name, err = r.name(v)
			return err
		},
		"locked_version": func(v *yaml.Node) error {
			version, err := r.locked(v)
			if version != "" {
				x.Add.Specs = "==" + version
			}
			return err
		},
		"index_url": r.textInto(&x.Add.Index, "index_url"),
		"develop": func(v *yaml.Node) error {
			b, err := r.boolean(v, "develop")
			x.Add.Develop = &b
			return err
		},
	})
	if err == nil && x.Add.Name == "" {
		err = r.fault(n, "package_version needs a name")
	}
	return err
}

// change keeps advised_manifest_changes, which may be anything, as JSON.
func (r *reader) change(x *run, n *yaml.Node) error {
	v, err := r.any(n, 0)
	if err != nil {
		return err
	}
	x.Change, err = encode(v)
	if err != nil {
		return r.fault(n, "advised_manifest_changes: %v", err)
	}
	return nil
}

// any reads a value of any kind.
func (r *reader) any(n *yaml.Node, depth int) (any, error) {
	n, err := r.real(n)
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, r.fault(n, "values nested more than %d deep", maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		all, err := r.fields(n, "a mapping")
		if err != nil {
			return nil, err
		}
		out := map[string]any{}
		for _, f := range all {
			if out[f.name], err = r.any(f.value, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, e := range n.Content {
			v, err := r.any(e, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil
		}
	}
	return n.Value, nil
}

package prescription

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Finding is something about a unit that loads: most likely it does not do what
// its author meant.
type Finding struct {
	Fault        // its place and what is odd
	Unit  string // its name
}

// Lint looks at the units of a set for what can never match, is never asked, or
// is known to do harm. Findings are by file and line.
func Lint(set *Set) []Finding {
	var all []Finding
	for i := range set.units {
		u := &set.units[i]
		for _, reason := range u.odd() {
			all = append(all, Finding{u.fault("%s", reason), u.Name})
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return a.compare(b.Fault) })
	return all
}

// odd are the reasons for which a unit does not do what it was meant to.
func (u *unit) odd() []string {
	all := u.Include[0].odd()
	if why := harmOf(u.Name); why != "" {
		all = append(all, "it is followed only by strict plans: "+why)
	}
	for _, m := range u.Match {
		for _, r := range slices.Concat(releasesOf(m.Release), m.Resolved, m.From, m.Group) {
			if nothing(r.Specs) {
				all = append(all, "no version fits "+r.Specs+": alternatives need a match each")
			}
		}
		if len(m.From) > 0 && !m.AllowOther && u.Type == typeStep {
			all = append(all, "that nobody else requires the package (package_version_from_allow_other) is not asked: the step holds of any stack in which these require it")
		}
	}
	for _, op := range badOperations(u.Run.Change) {
		all = append(all, fmt.Sprintf("%q is no operation of a JSON patch (RFC 6902)", op))
	}
	return all
}

// odd are the reasons for which no plan has a use for a unit, or fewer than it
// was meant for.
func (x *include) odd() []string {
	var all []string
	switch {
	case x.Off:
		all = append(all, "it is never asked: times is 0")
	case !x.Advise && !x.Monkey:
		all = append(all, "it is never asked: should_include has neither adviser_pipeline nor dependency_monkey_pipeline")
	case x.Authenticated != nil && *x.Authenticated:
		all = append(all, "it is never asked: it wants a request that somebody has authenticated, and there are none")
	}
	if t := x.Runtime; t != nil {
		for _, v := range []*version{t.Python, t.CUDA, t.CuDNN, t.OpenBLAS, t.OpenMPI, t.MKL} {
			if v != nil && nothing(v.Specs) {
				all = append(all, "it is never asked: no version fits "+v.Specs)
			}
		}
	}
	return all
}

func releasesOf(r *release) []release {
	if r == nil {
		return nil
	}
	return []release{*r}
}

// nothing reports whether no version can fit a specifier, as far as its bounds
// and pins tell: none of the versions that it names, and of those just beside
// them, does.
func nothing(text string) bool {
	specs, err := py.ParseSpecifiers(text)
	if err != nil || specs.Empty() {
		return false
	}
	for _, s := range specs.All() {
		if s.Op == "===" {
			return false // a text, which need not be a version
		}
		named := strings.TrimSuffix(s.Text, ".*")
		for _, near := range []string{named, named + ".1", named + ".post1", named + ".0.1", "0", "99999"} {
			if v, err := py.ParseVersion(near); err == nil && specs.Contains(v) {
				return false
			}
		}
		if v, ok := before(named); ok && specs.Contains(v) {
			return false
		}
	}
	return true
}

// before is a version below another: its last number less one.
func before(text string) (py.Version, bool) {
	parts := strings.Split(text, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		if n, err := strconv.Atoi(parts[i]); err == nil && n > 0 {
			v, err := py.ParseVersion(strings.Join(append(slices.Clone(parts[:i]), strconv.Itoa(n-1), "99999"), "."))
			return v, err == nil
		}
	}
	return py.Version{}, false
}

// badOperations are the operations of patches that RFC 6902 does not have.
func badOperations(change []byte) []string {
	var patches []struct {
		Patch struct {
			Op string `json:"op"`
		} `json:"patch"`
	}
	if change == nil || json.Unmarshal(change, &patches) != nil {
		return nil // free-form
	}
	var bad []string
	for _, p := range patches {
		if op := p.Patch.Op; op != "" && !slices.Contains([]string{"add", "remove", "replace", "move", "copy", "test"}, op) {
			bad = append(bad, op)
		}
	}
	return bad
}

package prescription

import (
	"slices"
	"strings"
	"testing"
)

// TestLint: what a finding is about, and what none is about.
func TestLint(t *testing.T) {
	group := func(specs string) string {
		return one("steps", "step.Group", always+"    match: {group: [{package_version: {name: a, version: '"+specs+"'}}, {package_version: {name: b}}]}\n    run: {score: 0.1}\n")
	}
	wrap := func(should, change string) string {
		return one("wraps", "wrap", "    should_include: {"+should+"}\n    run: {advised_manifest_changes: "+change+"}\n")
	}
	for _, test := range []struct{ name, text, want string }{
		{"alternatives", group("<1.0,>1.4"), "x.yaml:3: no version fits <1.0,>1.4"},
		{"two pins", group(">46,==3.0,==3.0.1"), "no version fits"},
		{"a pin and its exclusion", group("==1.0,!=1"), "no version fits"},
		{"above and below the same", group(">=2,<2"), "no version fits"},
		{"a range", group(">=1.0,<1.4"), ""},
		{"a short range", group(">=1.0,<1.0.1"), ""},
		{"a range between two", group(">1.0,<1.1"), ""},
		{"an exclusion", group("!=1.0"), ""},
		{"a series", group("~=1.4,!=1.4.0"), ""},
		{"a text", group("===1.0-custom"), ""},
		{"no pipeline", wrap("", "[]"), "neither adviser_pipeline nor"},
		{"off", wrap("adviser_pipeline: true, times: 0", "[]"), "times is 0"},
		{"authenticated", wrap("adviser_pipeline: true, authenticated: true", "[]"), "somebody has authenticated"},
		{"no such machine", wrap("adviser_pipeline: true, runtime_environments: {cuda_version: '<10,>11'}", "[]"), "it is never asked: no version fits <10,>11"},
		{"a patch", wrap("adviser_pipeline: true", "[{apiVersion: v1, kind: K, patch: {op: add, path: /a, value: 1}}]"), ""},
		{"a stray comma", wrap("adviser_pipeline: true", "[{apiVersion: v1, kind: K, patch: {op: 'add,', path: /a, value: 1}}]"), `"add," is no operation`},
		{"anything", wrap("adviser_pipeline: true", "text"), ""},
		{"who requires it", one("steps", "step", always+"    match: {package_version: {name: a}, state: {package_version_from: [{name: b}]}}\n    run: {score: -0.1}\n"), "package_version_from_allow_other"},
		{"known to do harm", strings.Replace(wrap("adviser_pipeline: true", "[]"), "name: U", "name: MockBackportSieve", 1), "only by strict plans: it leaves out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := load(t, test.text)
			if len(set.Faults) > 0 {
				t.Fatal(set.Faults)
			}
			got := Lint(set)
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), test.want)) {
				t.Errorf("got %v, want %q", got, test.want)
			}
		})
	}
}

// TestHarmful: the list can be searched, and only Thoth's own rules are on it.
func TestHarmful(t *testing.T) {
	if !slices.IsSortedFunc(harmful, func(a, b harm) int { return strings.Compare(a.unit, b.unit) }) {
		t.Error("it is not sorted")
	}
	for _, h := range harmful {
		if harmOf(h.unit) != h.why || !strings.HasPrefix(h.unit, "thoth.") {
			t.Errorf("%v", h)
		}
	}
	if harmOf("acme.MockBackportSieve") != "" {
		t.Error("another's rule of that name is taken for Thoth's")
	}
}

package prescription

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameAsJSON fails if a body is not read as JSON has it.
func sameAsJSON(t *testing.T, body []byte) (ordinarily bool) {
	t.Helper()
	var want unit
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	got, ok := ordinary(string(body))
	if ok {
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(include{})); diff != "" {
			t.Errorf("%s\n(-JSON +got)\n%s", body, diff)
		}
	}
	return ok
}

// TestOrdinary: which shapes are read without JSON's help, and that it makes no
// difference.
func TestOrdinary(t *testing.T) {
	const of = "    match: {state: {resolved_dependencies: [{name: a, version: ==1.0, index_url: 'https://x'}]}}\n"
	const say = "    run: {justification: [{type: INFO, message: m & m <1, link: l, package_name: a}]}\n"
	for _, test := range []struct {
		name, text string
		ordinary   bool
	}{
		{"of a release", one("wraps", "wrap", always+of+say), true},
		{"of no project", one("wraps", "wrap", always+say), true},
		{"release notes", one("wraps", "wrap.GHReleaseNotes", always+of+"    run: {release_notes: {organization: o, repository: r, tag_version_prefix: v}}\n"), true},
		{"of a system", one("wraps", "wrap", "    should_include: {adviser_pipeline: true, runtime_environments: {operating_systems: [{name: o, version: '1'}]}}\n"+of+say), true},
		{"of two systems", one("wraps", "wrap", "    should_include: {adviser_pipeline: true, runtime_environments: {operating_systems: [{name: o}, {name: p}]}}\n"+of+say), false},
		{"a quote", one("wraps", "wrap", always+"    run: {justification: [{type: INFO, message: 'say \"m\"', link: l}]}\n"), false},
		{"two justifications", one("wraps", "wrap", always+"    run: {justification: [{type: INFO, message: m, link: l}, {type: INFO, message: n, link: l}]}\n"), false},
		{"a condition", one("wraps", "wrap", "    should_include: {adviser_pipeline: true, authenticated: false}\n"+say), false},
		{"two projects", one("wraps", "wrap", always+"    match: {state: {resolved_dependencies: [{name: a}, {name: b}]}}\n"+say), false},
		{"a development dependency", one("wraps", "wrap", always+"    match: {state: {resolved_dependencies: [{name: a, develop: true}]}}\n"+say), false},
		{"a step", one("steps", "step", always+"    match: {package_version: {name: a}}\n    run: {score: 0.5}\n"), false},
	} {
		set := load(t, test.text)
		if len(set.Rules) != 1 {
			t.Fatal(test.name, set.Faults)
		}
		body := set.Rules[0].Body
		if got := sameAsJSON(t, body); got != test.ordinary {
			t.Errorf("%s: %v for %s", test.name, got, body)
		}
		for i := range body {
			if _, ok := ordinary(string(body[:i])); ok {
				t.Errorf("%s: a part of it is read: %s", test.name, body[:i])
			}
		}
	}
}

// TestConformanceBodies: no body of the corpus is read otherwise than JSON has it.
func TestConformanceBodies(t *testing.T) {
	for name, set := range loaded(t) {
		n := 0
		for _, r := range set.Rules {
			if sameAsJSON(t, r.Body) {
				n++
			}
		}
		t.Logf("%s: %d of %d rules are ordinary", name, n, len(set.Rules))
		if n < len(set.Rules)*3/4 {
			t.Error("most are not")
		}
	}
}

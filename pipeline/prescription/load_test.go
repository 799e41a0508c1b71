package prescription

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// one is a file of one unit: its kind, type, and the lines below name and type.
func one(kind, unitType, rest string) string {
	return fmt.Sprintf("units:\n  %s:\n  - name: U\n    type: %s\n%s", kind, unitType, rest)
}

const always = "    should_include: {adviser_pipeline: true}\n"

func load(t testing.TB, text string) *Set {
	t.Helper()
	set, err := Load(oneFile{"x.yaml", []byte(text)}.tree())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestLoad: names have their namespace, files are read in order, what is not a
// prescription is passed over, and a unit is found by each of its projects.
func TestLoad(t *testing.T) {
	wrap := func(name, project string) *fstest.MapFile {
		return &fstest.MapFile{Data: fmt.Appendf(nil, "units:\n  wraps:\n  - name: %s\n    type: wrap\n    should_include: {adviser_pipeline: true}\n    match: {state: {resolved_dependencies: [{name: %s}]}}\n    run: {}\n", name, project)}
	}
	set, err := Load(fstest.MapFS{
		"_prescription_metadata.yaml":   {Data: []byte("prescription: {name: acme, release: '1'}")},
		"a.yaml":                        wrap("A", "a"),
		"b/_prescription_metadata.yaml": {Data: []byte("prescription: {name: deep}")},
		"b/c.yml":                       wrap("C", "c"),
		".hidden/x.yaml":                wrap("H", "h"),
		"readme.md":                     {Data: []byte("units")},
		"z.yaml":                        wrap("A", "zz"),
		"old.pickle":                    {Data: []byte("x")},
		"steps.yaml": {Data: []byte(one("steps", "step.Group", always+
			"    match:\n    - group: [{package_version: {name: zeta}}, {package_version: {name: beta}}]\n    - group: [{package_version: {name: gamma}}, {package_version: {name: delta}}]\n    run: {score: -0.5}\n"))},
		"sieve.yaml": {Data: []byte(one("sieves", "sieve", always+"    match: {package_version: {index_url: 'https://x'}}\n"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range set.Rules {
		got = append(got, fmt.Sprintf("%s %s %q", r.Kind, r.Name, r.Project))
	}
	want := []string{`sieve acme.U ""`, `step acme.U "beta"`, `step acme.U "delta"`, `wrap acme.A "a"`, `wrap deep.C "c"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var faults []string
	for _, f := range set.Faults {
		faults = append(faults, f.String())
	}
	if len(faults) != 2 || !strings.HasPrefix(faults[0], "old.pickle: a pickle is a program") || !strings.HasPrefix(faults[1], "z.yaml:3: acme.A is already there") {
		t.Errorf("%q", faults)
	}
	if _, err := Load(fstest.MapFS{"readme.md": {}}); err == nil {
		t.Error("a tree without prescriptions loads")
	}
}

// TestMerge: a merged list of mappings gives the first that has the key.
func TestMerge(t *testing.T) {
	set := load(t, `
units:
  wraps:
  - name: One
    type: wrap
    should_include: {adviser_pipeline: true}
    match: &both
    - state: {resolved_dependencies: [{name: a}]}
    - state: {resolved_dependencies: [{name: b}]}
    run: {}
  - name: Two
    type: wrap
    should_include: {adviser_pipeline: true}
    match: {<<: *both}
    run: {}
`)
	if len(set.Faults) > 0 {
		t.Fatal(set.Faults)
	}
	var got []string
	for _, r := range set.Rules {
		got = append(got, r.Name+" "+string(r.Project))
	}
	if !slices.Equal(got, []string{"UNKNOWN.One a", "UNKNOWN.One b", "UNKNOWN.Two a"}) {
		t.Error(got)
	}
}

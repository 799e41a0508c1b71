package prescription

import (
	"fmt"
	"strings"
	"testing"
)

// TestFaults: what is wrong is named with its place, and nothing crashes.
func TestFaults(t *testing.T) {
	step := func(rest string) string { return one("steps", "step", always+rest) }
	match := "    match: {package_version: {name: a, version: '<2'}}\n"
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "x.yaml: the file is empty"},
		{"not YAML", "units: [", "x.yaml:1: not valid YAML: did not find expected node content"},
		{"a list", "- units", "x.yaml:1:1: a prescription must be a mapping"},
		{"no units", "metadata: {}", "x.yaml:1:1: it has no units"},
		{"unknown key", "unit: {}\nunits: {}", `x.yaml:1:1: unknown key "unit" in a prescription; known are metadata, units`},
		{"unknown kind", "units:\n  step: []", `x.yaml:2:3: unknown key "step" in units`},
		{"unknown key of a unit", one("steps", "step", always+"    matches: {}\n"), `x.yaml:6:5: unknown key "matches" in a unit`},
		{"unknown type", one("steps", "sieve", always), `x.yaml:4:11: "sieve" is no type of steps; those are step,`},
		{"no should_include", one("steps", "step", match), "a unit needs should_include"},
		{"no match", step("    run: {score: 0.1}\n"), "needs match"},
		{"no run", step(match), "needs run"},
		{"a score of 7", step(match + "    run: {score: 7.0}\n"), "x.yaml:7:18: score 7.0 is not between -1.0 and 1.0"},
		{"NaN", step(match + "    run: {score: .nan}\n"), "score .nan is not between"},
		{"infinity", step(match + "    run: {score: -.inf}\n"), "score -.inf is not between"},
		{"a whole score", step(match + "    run: {score: 1}\n"), "score must be a number with a point"},
		{"a malformed version", step("    match: {package_version: {name: a, version: ==git}}\n    run: {score: 0.1}\n"), "x.yaml:6:49: version: specifier"},
		{"a name that is not normalised", step("    match: {package_version: {name: A_b}}\n    run: {score: 0.1}\n"), `write "a-b"`},
		{"refused and justified", step(match + "    run: {not_acceptable: no, justification: [{type: INFO, message: m, link: l}]}\n"), "exclude each other"},
		{"eager_stop_pipeline", step(match + "    run: {eager_stop_pipeline: stop}\n"), "not supported: eager_stop_pipeline"},
		{"a link", step(match + "    run: {score: 0.1, stack_info: [{type: INFO, message: m, link: A B}]}\n"), "the link of stack_info must be a URL or an identifier"},
		{"a type of a note", step(match + "    run: {score: 0.1, log: {type: DEBUG, message: m}}\n"), "must be INFO, WARNING or ERROR"},
		{"a key twice", "units:\n  steps: []\n  steps: []\n", `x.yaml:3:3: units has "steps" twice`},
		{"a unit twice", "units:\n  wraps:\n  - {name: U, type: wrap, should_include: {}, run: {}}\n  - {name: U, type: wrap, should_include: {}, run: {}}\n", `two units of wraps are named "U"`},
		{"a group of one", one("steps", "step.Group", always+"    match: {group: [{package_version: {name: a}}]}\n    run: {score: 0.1}\n"), "two members or more"},
		{"both versions", one("pseudonyms", "pseudonym", always+"    match: {package_version: {name: a}}\n    run: {yield: {yield_matched_version: true, package_version: {name: b, locked_version: ==1}}}\n"), "exclude each other"},
		{"skip by presence", one("steps", "step.SkipPackage", always+"    match: {package_version: {name: a}, state: {resolved_dependencies: [{name: b}]}}\n    run: {}\n"), "not supported: step.SkipPackage without"},
		{"add by presence", one("steps", "step.AddPackage", always+"    match: {package_version: {name: a}, state: {resolved_dependencies: [{name: b}]}}\n    run: {package_version: {name: c, locked_version: ==1}}\n"), "not supported: step.AddPackage with a state"},
		{"gpu null", one("wraps", "wrap", "    should_include: {runtime_environments: {hardware: [{gpu_models: null}]}}\n    run: {}\n"), "gpu_models must be a list"},
		{"a flag", one("wraps", "wrap", "    should_include: {runtime_environments: {hardware: [{cpu_flags: [mmx]}]}}\n    run: {}\n"), `"mmx" is none of avx2, avx512`},
		{"an expression", one("wraps", "wrap", "    should_include: {runtime_environments: {python_packages: [{name: a, location: '('}]}}\n    run: {}\n"), "location: error parsing regexp"},
		{"a number for a version", one("wraps", "wrap", "    should_include: {runtime_environments: {operating_systems: [{version: 8}]}}\n    run: {}\n"), "version must be a text: put it in quotes"},
		{"a group with a project twice", one("steps", "step.Group", always+"    match: {group: [{package_version: {name: a}}, {package_version: {name: a}}]}\n    run: {score: 0.1}\n"), "has a twice, and no stack can"},
		{"skip some releases", one("steps", "step.SkipPackage", always+"    match: {package_version: {name: a, version: ==1}, state: {package_version_from: [{name: b}]}}\n    run: {}\n"), "not supported: step.SkipPackage of some releases"},
		{"skip for two parents", one("steps", "step.SkipPackage", always+"    match: {package_version: {name: a}, state: {package_version_from: [{name: b}, {name: c}]}}\n    run: {}\n"), "not supported: step.SkipPackage with several"},
		{"skip by presence as well", one("steps", "step.SkipPackage", always+"    match: {package_version: {name: a}, state: {package_version_from: [{name: b}], resolved_dependencies: [{name: c}]}}\n    run: {}\n"), "not supported: step.SkipPackage with resolved_dependencies"},
		{"too many matches", one("wraps", "wrap", always+"    match:\n"+strings.Repeat("    - {state: {resolved_dependencies: [{name: a}]}}\n", 101)+"    run: {}\n"), "match has 101 entries, the limit is 100"},
		{"two documents", "units: {}\n---\nunits: {}\n", "x.yaml:2:1: the file has two documents"},
		{"a chain of units", chain(), "depends on more than 100 units"},
		{"no should_include at all", "units:\n  wraps:\n  - {name: U, type: wrap, should_include: null, run: {}}\n", "x.yaml:3:43: should_include must be a mapping"},
		{"nobody to depend on", one("wraps", "wrap", "    should_include: {dependencies: {wraps: [x.V]}}\n    run: {}\n"), "depends on wraps x.V, which is not there"},
		{"too large", "#" + strings.Repeat("x", maxFile) + "\n", "the limit is"},
		{"a bomb of 5 MB", "units: " + strings.Repeat("[", 5<<20), "the limit is"},
		{"a bomb of depth", "units: " + strings.Repeat("[", 20_000), "x.yaml"},
		{"a bomb of aliases", bomb(), "counting aliases"},
		{"a bomb of texts", textBomb(), "bytes of text, counting aliases"},
		{"a bomb of keys", manyKeys(), "more than 1000 keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := load(t, test.text)
			if len(set.Faults) == 0 || !strings.Contains(set.Faults[0].String(), test.want) {
				t.Errorf("got %.200v, want %q", set.Faults, test.want)
			}
		})
	}
}

// chain is units each of which depends on the next.
func chain() string {
	var b strings.Builder
	b.WriteString("units:\n  wraps:\n")
	for i := range 102 {
		fmt.Fprintf(&b, "  - {name: U%d, type: wrap, should_include: {dependencies: {wraps: [UNKNOWN.U%d]}}, run: {}}\n", i, min(i+1, 101))
	}
	return b.String()
}

// textBomb is a small file that uses a long text very often.
func textBomb() string {
	return "units:\n  wraps:\n  - name: U\n    type: wrap\n    should_include: {}\n    run:\n      advised_manifest_changes:\n      - &a " +
		strings.Repeat("x", 1<<19) + "\n      - [" + strings.Repeat("*a, ", 100_000) + "]\n"
}

// manyKeys is a mapping whose keys would be compared with each other for hours.
func manyKeys() string {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// bomb is a small file whose aliases stand for billions of values.
func bomb() string {
	text := "units:\n  wraps:\n  - name: U\n    type: wrap\n    should_include: {}\n    run:\n      advised_manifest_changes:\n        a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		text += fmt.Sprintf("        a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return text
}

// FuzzLoad: whatever the file, Load answers, and what it reads can be looked up.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(one("steps", "step", always+"    match: {package_version: {name: a, version: '<2'}}\n    run: {score: 0.5}\n")))
	f.Add([]byte(bomb()))
	f.Add([]byte("units:\n  wraps: &a\n  - *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Load(oneFile{"x.yaml", text}.tree())
		if err != nil {
			return
		}
		Lint(set)
		for _, fault := range set.Faults {
			if fault.File != "x.yaml" || fault.Reason == "" {
				t.Errorf("%+v", fault)
			}
		}
		trial{candidates: []string{"a 2 1"}, stack: []string{"a==1"}}.outcome(t, set, false)
	})
}

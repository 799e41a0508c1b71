package prescription

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
)

// TestUnits: what of the schema no representative of the corpus shows.
func TestUnits(t *testing.T) {
	include := func(conditions string) string {
		return "    should_include: {adviser_pipeline: true, " + conditions + "}\n"
	}
	environment := func(conditions string) string { return include("runtime_environments: {" + conditions + "}") }
	wrap := func(should string) string {
		return one("wraps", "wrap", should+"    run: {justification: [{type: INFO, message: m, link: l}]}\n")
	}
	const of = "    match: {state: {resolved_dependencies: [{name: a}]}}\n"
	wrap2 := func(should string) string { return wrap(should + of) }
	pinned := func(specs string) string {
		return wrap(always + "    match: {state: {resolved_dependencies: [{name: a, version: " + specs + "}]}}\n")
	}
	told := []string{"wrap: 1 notes, 0 changes"}
	host := func(f func(*py.Host)) func(*pipeline.Plan) { return func(p *pipeline.Plan) { f(&p.Host) } }
	image := func(name string) func(*pipeline.Plan) { return host(func(h *py.Host) { h.BaseImage = name }) }
	for _, test := range []struct {
		name, text    string
		trial         trial
		fixed, strict []string
	}{
		{"times: 0", wrap(include("times: 0")), trial{}, nil, nil},
		{"only for generated stacks", wrap("    should_include: {dependency_monkey_pipeline: true, decision_types: [all]}\n"), trial{}, nil, nil},
		{"for generated stacks", wrap("    should_include: {dependency_monkey_pipeline: true, decision_types: {not: [random]}}\n"),
			trial{plan: func(p *pipeline.Plan) { p.Monkey, p.Decision = true, "all" }}, told, told},
		{"not for a recommendation type", wrap(include("recommendation_types: {not: [stable]}")), trial{}, nil, nil},
		{"for all other types", wrap(include("recommendation_types: {not: [latest]}")), trial{}, told, told},
		{"one of the labels", wrap(include("labels: {a: x, b: y}")), trial{plan: func(p *pipeline.Plan) { p.Labels["b"] = "y" }}, told, told},
		{"none of the labels", wrap(include("labels: {a: x}")), trial{plan: func(p *pipeline.Plan) { p.Labels["a"] = "y" }}, nil, nil},
		{"a symbol that is not used first", wrap(include("library_usage: {tf: [tf.keras.*]}")),
			trial{plan: func(p *pipeline.Plan) { p.Usage = map[string][]string{"tf": {"tf.io", "tf.keras.layers"}} }}, told, nil},
		{"a symbol that begins alike", wrap(include("library_usage: {tf: [tf.keras.*]}")),
			trial{plan: func(p *pipeline.Plan) { p.Usage = map[string][]string{"tf": {"tf.keras2"}} }}, nil, told},
		{"null is none", wrap(environment("cuda_version: null")), trial{plan: host(func(h *py.Host) { h.CUDA = "11.2" })}, nil, told},
		{"a version with more numbers", wrap(environment("cuda_version: '==11.2'")), trial{plan: host(func(h *py.Host) { h.CUDA = "11.2.152" })}, told, told},
		{"one of two machines", wrap(environment("hardware: [{cpu_families: [1]}, {cpu_families: [2]}]")), trial{plan: host(func(h *py.Host) { h.CPUFamily = 2 })}, told, nil},
		{"flags as the processor has them", wrap(environment("hardware: [{cpu_flags: [avx512]}]")),
			trial{plan: host(func(h *py.Host) { h.CPUFlags, h.CPUFamily, h.CPUModel = []string{"avx512f"}, 6, 85 })}, told, nil},
		{"no flag", wrap(environment("hardware: [{cpu_flags: {not: [avx2]}}]")), trial{plan: host(func(h *py.Host) { h.CPUFlags = []string{"sse"} })}, told, nil},
		{"a platform", wrap(environment("platforms: {not: [linux-x86_64]}")), trial{}, nil, nil},
		{"an image whose tag begins so", wrap(environment("base_images: ['host:5000/x:v1*']")), trial{plan: image("host:5000/x:v1.2")}, told, told},
		{"an image of another tag", wrap(environment("base_images: ['x:v1']")), trial{plan: image("x:v2")}, nil, nil},
		{"an image of any tag", wrap(environment("base_images: [x]")), trial{plan: image("x:v2")}, told, told},
		{"any image", wrap(environment("base_images: {not: [null]}")), trial{plan: image("x")}, told, told},
		{"symbols, and what else is asked", wrap(environment("abi: [GLIBC_2.17], rpm_packages: [{package_name: git}]")),
			trial{plan: host(func(h *py.Host) { h.Symbols, h.RPMs = []string{"GLIBC_2.17"}, []py.HostRPM{{Name: "bash"}} })}, nil, told},
		{"a symbol that is not there", wrap(environment("abi: {not: [GLIBC_2.99]}")), trial{plan: host(func(h *py.Host) { h.Symbols = []string{"A"} })}, told, told},
		{"no analysis", wrap(environment("abi: {not: [A]}")), trial{}, nil, nil},
		{"an RPM in every detail", wrap(environment("rpm_packages: [{package_name: git, package_version: '2', release: '1', epoch: '0', arch: x86_64, package_identifier: git-2, src: false}]")),
			trial{plan: host(func(h *py.Host) {
				h.RPMs = []py.HostRPM{{Name: "git", Version: "2", Release: "1", Epoch: "0", Arch: "x86_64", Identifier: "git-2"}}
			})}, told, told},
		{"a package of the image", wrap(environment("python_packages: [{name: a, version: '>1', location: '/opt/.*'}]")),
			trial{plan: host(func(h *py.Host) {
				h.Packages = []py.HostPackage{{Package: py.Package{Name: "a", Version: Version("2")}, Location: "/opt/x"}}
			})}, told, told},
		{"no such package in the image", wrap(environment("python_packages: {not: [{name: a}]}")), trial{plan: host(func(h *py.Host) { h.Packages = []py.HostPackage{} })}, told, told},
		{"a unit that another includes", "units:\n  wraps:\n  - {name: A, type: wrap, should_include: {adviser_pipeline: true, recommendation_types: [latest]}, run: {}}\n" +
			"  - {name: B, type: wrap, should_include: {adviser_pipeline: true, dependencies: {wraps: [UNKNOWN.A]}}, run: {justification: [{type: INFO, message: m, link: l}]}}\n",
			trial{}, nil, nil},
		{"and where it does", "units:\n  wraps:\n  - {name: A, type: wrap, should_include: {adviser_pipeline: true, recommendation_types: [latest]}, run: {}}\n" +
			"  - {name: B, type: wrap, should_include: {adviser_pipeline: true, dependencies: {wraps: [UNKNOWN.A]}}, run: {justification: [{type: INFO, message: m, link: l}]}}\n",
			trial{plan: table("latest")}, told, told},
		{"added", one("steps", "step.AddPackage", always+"    match: {package_version: {name: a, version: '>=2'}}\n    run: {package_version: {name: b, locked_version: ==1.0, index_url: 'https://x', develop: false}}\n"),
			trial{candidates: []string{"a 3 2 1", "b 1.0"}}, []string{"a[3 2] with b==1.0"}, []string{"a[3 2] with b==1.0"}},
		{"a pseudonym of one version", one("pseudonyms", "pseudonym", always+"    match: {package_version: {name: a, version: <2}}\n    run: {yield: {package_version: {name: b, locked_version: ===1.0}}}\n"),
			trial{candidates: []string{"a 2 1.5rc1", "b 2 1.0"}}, []string{"a 1.5rc1: b==1.0 stands in"}, []string{"a 1.5rc1: b==1.0 stands in"}},
		{"a stack refused", one("strides", "stride", always+"    match: {state: {resolved_dependencies: [{name: a, version: <2}, {name: b}]}}\n    run: {not_acceptable: no}\n"),
			trial{stack: []string{"a==1", "b==1"}}, []string{"stride refuses"}, []string{"stride refuses"}},
		{"a stack accepted", one("strides", "stride", always+"    match: {state: {resolved_dependencies: [{name: a, version: <2}, {name: b}]}}\n    run: {not_acceptable: no}\n"),
			trial{stack: []string{"a==2", "b==1"}}, nil, nil},
		{"a boot that refuses", one("boots", "boot", always+"    match: [{package_name: a}, {package_name: b}]\n    run: {not_acceptable: no}\n"),
			trial{candidates: []string{"!b 1"}}, []string{"boot: 0 notes, refused true"}, []string{"boot: 0 notes, refused true"}},
		{"a pre-release is met by name only", one("steps", "step", always+"    match: [{package_version: {name: a, version: '<2'}}, {package_version: {name: a, version: '==2.0rc1'}}]\n    run: {score: -0.5}\n"),
			trial{candidates: []string{"a 2.0rc1 1.5rc1 1.0"}}, []string{"score -0.5 a[1.0]", "score -0.5 a[2.0rc1]"}, []string{"score -0.5 a[1.0]", "score -0.5 a[2.0rc1]"}},
		{"a sieve of every project", one("sieves", "sieve", always+"    match: {package_version: {version: '==1.0'}}\n"),
			trial{candidates: []string{"a 2.0 1.0", "b 1.0"}}, []string{"drops a[1.0]", "drops b[1.0]"}, []string{"drops a[1.0]", "drops b[1.0]"}},
		{"a version of the machine is none of a project", wrap2(environment("cuda_version: '==11.2'")),
			trial{stack: []string{"a==1"}, plan: host(func(h *py.Host) { h.CUDA = "11.2" })}, told, told},
		{"a pin that is written otherwise", pinned("==1.0"), trial{stack: []string{"a==1"}}, told, told},
		{"a pin of another version", pinned("==1.0"), trial{stack: []string{"a==1.0.1"}}, nil, nil},
		{"a pin and a local version", pinned("==1.0"), trial{stack: []string{"a==1.0+cpu"}}, told, told},
		{"a pin of all versions below", pinned("==1.*"), trial{stack: []string{"a==1.9"}}, told, told},
		{"a family in hexadecimal", wrap(environment("hardware: [{cpu_families: [0x17]}]")), trial{plan: host(func(h *py.Host) { h.CPUFamily = 23 })}, told, told},
		{"switched off", wrap(always), trial{plan: func(p *pipeline.Plan) { p.Settings.Disable = []string{"UNKNOWN.U"} }}, nil, nil},
		{"release notes without a pipeline", one("wraps", "wrap.GHReleaseNotes", "    should_include: {}\n    match: [{state: {resolved_dependencies: {name: a}}}, {state: {resolved_dependencies: [{name: b}]}}]\n    run: {release_notes: {organization: o, repository: r}}\n"),
			trial{stack: []string{"a==1", "b==2"}}, nil, []string{"wrap: 2 notes, 0 changes"}},
		{"a sieve tells", one("sieves", "sieve", always+"    match: {package_version: {name: a, version: <2}}\n    run: {stack_info: [{type: INFO, message: m, link: l}], log: {type: INFO, message: m}}\n"),
			trial{candidates: []string{"a 2 1"}, stack: []string{"a==2"}}, []string{"drops a[1]", "wrap: 1 notes, 0 changes"}, []string{"drops a[1]", "wrap: 1 notes, 0 changes"}},
		{"a sieve that drops nothing tells nothing", one("sieves", "sieve", always+"    match: {package_version: {name: a, version: <1}}\n    run: {stack_info: [{type: INFO, message: m, link: l}]}\n"),
			trial{candidates: []string{"a 2 1"}, stack: []string{"a==2"}}, nil, nil},
		{"a package left out tells", one("sieves", "sieve.SkipPackage", always+"    match: {package_name: a}\n    run: {log: {type: WARNING, message: m}}\n"),
			trial{candidates: []string{"!a 1", "!b 1"}, stack: []string{"b==1"}}, []string{"a is left out", "wrap: 1 notes, 0 changes"}, []string{"a is left out", "wrap: 1 notes, 0 changes"}},
		{"a package left out that nobody wants", one("sieves", "sieve.SkipPackage", always+"    match: {package_name: a}\n    run: {log: {type: WARNING, message: m}}\n"),
			trial{stack: []string{"b==1"}}, nil, nil},
		{"added, if it is known", one("steps", "step.AddPackage", always+"    match: {package_version: {name: a}}\n    run: {package_version: {name: b, locked_version: ==1.0}}\n"),
			trial{candidates: []string{"a 1"}}, nil, nil},
		{"a project that is named twice", one("steps", "step", always+"    match: {package_version: {name: a}, state: {resolved_dependencies: [{name: b, version: '>1'}, {name: b, version: '<3'}]}}\n    run: {score: -0.5}\n"),
			trial{candidates: []string{"!a 1", "!b 3 2 1"}}, []string{"score -0.5 a[1] b[2]"}, []string{"score -0.5 a[1] b[2]"}},
		{"a project that is named twice and cannot be", one("steps", "step", always+"    match: {package_version: {name: a}, state: {resolved_dependencies: [{name: b, version: '>2'}, {name: b, version: '<2'}]}}\n    run: {score: -0.5}\n"),
			trial{candidates: []string{"!a 1", "!b 3 2 1"}}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := load(t, test.text)
			if len(set.Faults) > 0 {
				t.Fatal(set.Faults)
			}
			if diff := cmp.Diff(test.fixed, test.trial.outcome(t, set, false)); diff != "" {
				t.Errorf("fixed (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.strict, test.trial.outcome(t, set, true)); diff != "" {
				t.Errorf("strict (-want +got)\n%s", diff)
			}
		})
	}
}

// TestMeetings: which releases a step speaks of that asks who requires a package,
// and what of it a strict plan sees.
func TestMeetings(t *testing.T) {
	from := one("steps", "step", always+"    match: {package_version: {name: a}, state: {package_version_from: [{name: b, version: '>1'}]}}\n    run: {score: -0.5}\n")
	with := one("steps", "step", always+"    match: {package_version: {name: a}, state: {resolved_dependencies: [{name: b}]}}\n    run: {score: -0.5}\n")
	group := one("steps", "step.Group", always+"    match: {group: [{package_version: {name: a}}, {package_version: {name: b}}]}\n    run: {score: -0.5}\n")
	for _, test := range []struct {
		name, text string
		candidates []string
		requires   map[string]string // of all releases of a project, or of one
		fixed      string
		strict     bool // the same
	}{
		{"the parents that require it", from, []string{"a 1", "b 4 3 2 1"}, map[string]string{"b 4": "A>=1", "b 2": "c", "b 1": "a"}, "a[1] b[4]", true},
		{"not here", from, []string{"a 1", "b 2"}, map[string]string{"b": "a; python_version < '3'"}, "", true},
		{"not without an extra", from, []string{"a 1", "b 2"}, map[string]string{"b": "a; extra == 'x'"}, "", true},
		{"not a name that begins so", from, []string{"a 1", "b 2"}, map[string]string{"b": "a-b"}, "", true},
		{"both direct", with, []string{"!a 1", "!b 1"}, nil, "a[1] b[1]", true},
		{"the subject is transitive", with, []string{"a 1", "!b 1"}, map[string]string{"b": "a"}, "a[1] b[1]", false},
		{"the subject is required by the other", with, []string{"!a 1", "!b 1"}, map[string]string{"b": "a"}, "a[1] b[1]", false},
		{"the other comes with the subject", with, []string{"!a 1", "b 1"}, map[string]string{"a": "b"}, "a[1] b[1]", false},
		{"the other comes with somebody else", with, []string{"!a 1", "b 1", "c 1"}, map[string]string{"a": "b", "c": "b"}, "a[1] b[1]", true},
		{"a group with one direct member that has the other", group, []string{"!a 1", "b 1"}, map[string]string{"a": "b"}, "a[1] b[1]", false},
		{"a group of direct members", group, []string{"!a 1", "!b 1"}, map[string]string{"a": "b"}, "a[1] b[1]", true},
		{"a group of transitive members", group, []string{"a 1", "b 1"}, nil, "a[1] b[1]", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := &Facts{Declared: load(t, test.text).Rules}
			candidates := Candidates(test.candidates...)
			for _, c := range candidates {
				facts.Known = append(facts.Known, c.Project)
				for i := range c.Releases {
					r := &c.Releases[i]
					for _, key := range []string{string(c.Name), string(c.Name) + " " + r.Version.String()} {
						if line := test.requires[key]; line != "" {
							r.Requires = &py.Requires{Lines: []string{line}}
						}
					}
				}
			}
			for _, strict := range []bool{false, true} {
				plan := Plan(t, facts)
				plan.Settings.Strict = strict
				terms, err := steps(t.Context(), plan, candidates)
				if err != nil {
					t.Fatal(err)
				}
				got, want := "", test.fixed
				for _, term := range terms {
					got += members(facts, term.Members)
				}
				if strict && !test.strict {
					want = ""
				}
				if got != want {
					t.Errorf("strict %v: got %q, want %q", strict, got, want)
				}
			}
		})
	}
}

// TestTold: a sieve tells of what the stack would have, not of what is required
// elsewhere.
func TestTold(t *testing.T) {
	skip := one("sieves", "sieve.SkipPackage", always+"    match: {package_name: a}\n    run: {log: {type: WARNING, message: m}}\n")
	drop := one("sieves", "sieve", always+"    match: {package_version: {name: a}}\n    run: {log: {type: WARNING, message: m}}\n")
	stand := one("pseudonyms", "pseudonym", always+"    match: {package_version: {name: a}}\n    run: {yield: {package_version: {name: b}}, log: {type: INFO, message: m}}\n")
	for _, text := range []string{skip, drop, stand} {
		for _, test := range []struct {
			line string
			want int
		}{{"A>=1", 1}, {"a; python_version < '3'", 0}, {"a; extra == 'x'", 0}, {"a-b", 0}, {"c", 0}} {
			p, _ := Project("a 1")
			plan := Plan(t, &Facts{Declared: load(t, text).Rules, Known: []*py.Project{p}})
			stack := Stack("b==1")
			stack[0].Release.Requires = &py.Requires{Lines: []string{test.line}}
			w, err := wraps(t.Context(), plan, stack)
			if err != nil {
				t.Fatal(err)
			}
			if len(w.Notes) != test.want {
				t.Errorf("%s\nwith %q: %v, want %d", text, test.line, w.Notes, test.want)
			}
		}
	}
}

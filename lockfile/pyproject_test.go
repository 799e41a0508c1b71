package lockfile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPyprojectRefusals(t *testing.T) {
	project := "[project]\nname = 'x'\n"
	testRefusals(t, "pyproject.toml", []refusal{
		{"nothing", "[tool.black]", "pyproject.toml: none of [project], [tool.poetry] and [dependency-groups] is there (write a [project] table with dependencies, or give another manifest)"},
		{"no table", "project = 1", "pyproject.toml:1:11: project must be a table"},
		{"requirement", project + "dependencies = ['a', 'b c']", "pyproject.toml:3:22: not a requirement: ??? (write such as \"name[extra]>=1.0; python_version < '3.12'\")"},
		{"no text", project + "dependencies = [1]", "pyproject.toml:3:17: a requirement must be a text"},
		{"no list", project + "dependencies = 'a'", "pyproject.toml:3:16: dependencies must be a list"},
		{"python", project + "requires-python = '3'", "pyproject.toml:3:19: requires-python: ??? (write such as \">=3.9\")"},
		{"name", "[project]\nname = '-'", "pyproject.toml:2:8: name of the project: ???"},
		{"dynamic", project + "dynamic = ['version', 'dependencies']", "pyproject.toml:3:23: dependencies are dynamic: only the project's build backend knows them, and thamos does not run it (write them into [project], or give thamos a requirements file)"},
		{"dynamic file", project + "dynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies = {file = ['requirements.in']}", "pyproject.toml:3:12: dependencies are dynamic: only the project's build backend knows them, and thamos does not run it (give thamos the requirements file from which setuptools takes them, ['requirements.in'])"},
		{"extra twice", project + "[project.optional-dependencies]\na_b = []\nA-B = []", "pyproject.toml:5:1: extra \"a-b\" is defined twice"},
		{"extra name", project + "[project.optional-dependencies]\n'a b' = []", "pyproject.toml:4:1: name of an extra: ???"},
		{"own extra", project + "dependencies = ['X[cli]']\n[project.optional-dependencies]\nall = []", "pyproject.toml:3:17: x has no extra \"cli\"; have all"},
		{"group twice", "[dependency-groups]\na-b = []\nA_B = []", "pyproject.toml:3:1: group \"a-b\" is defined twice, first at pyproject.toml:2:1"},
		{"uv override", project + "[tool.uv]\noverride-dependencies = ['a<2']", "pyproject.toml:4:1: tool.uv.override-dependencies is not supported (take it out of [tool.uv]; constraint-dependencies are supported)"},
		{"uv exclude", project + "[tool.uv]\nexclude-dependencies = ['a']", "pyproject.toml:4:1: tool.uv.exclude-dependencies is not supported (take it out of [tool.uv]; constraint-dependencies are supported)"},
		{"uv links", project + "[tool.uv]\nfind-links = ['a']", "pyproject.toml:4:15: --find-links: a is not there"},
		{"uv index", project + "dependencies = ['a']\n[tool.uv.sources]\na = [{index = 'b'}]", "pyproject.toml:5:15: no index named \"b\"; have none (define it as a [[tool.uv.index]])"},
		{"uv marker", project + "dependencies = ['a']\n[tool.uv]\nindex = [{name = 'b', url = 'c'}]\nsources = {a = {index = 'b', marker = 'x'}}", "pyproject.toml:6:39: marker: ???"},
		{"uv flat", project + "[[tool.uv.index]]\nurl = 'b'\nformat = 'flat'", "pyproject.toml:5:10: an index of format \"flat\" is not supported yet (take the index out)"},
		{"uv two defaults", project + "[[tool.uv.index]]\nurl = 'b'\ndefault = true\n[[tool.uv.index]]\nurl = 'c'\ndefault = true", "pyproject.toml:6:11: there is a default index already, at pyproject.toml:3:11 (keep one of them)"},
		{"uv no url", project + "[[tool.uv.index]]\nname = 'b'", "pyproject.toml:3:11: [[tool.uv.index]] has no url"},
		{"uv no build", project + "[tool.uv]\nno-build-package = ['a b']", "pyproject.toml:4:21: no-build-package: ???"},
		{"poetry key", "[tool.poetry.dependencies]\na = {versio = '1'}", "pyproject.toml:2:6: unknown key \"versio\" in a (known are version, path, file, url, python, platform, markers, optional, extras, allow-prereleases, allows-prereleases, source, develop)"},
		{"poetry version", "[tool.poetry.dependencies]\na = '^x'", "pyproject.toml:2:5: version constraint \"^x\": ??? (write such as \"^1.2\", \"~1.2\", \">=1.2,<2\" or \"*\")"},
		{"poetry or", "[tool.poetry.dependencies]\na = '^1 || ^3'", "pyproject.toml:2:5: version constraint \"^1 || ^3\" has alternatives, which are not supported (write one range and take versions out of it with !=)"},
		{"poetry python", "[tool.poetry.dependencies]\npython = '~3.9 || ~3.11'", "pyproject.toml:2:10: python has several alternatives for Python 3, which are not supported (write one range, such as \">=3.9,!=3.10.*\")"},
		{"poetry source", "[tool.poetry.dependencies]\na = {version = '1', source = 's'}", "pyproject.toml:2:30: no index named \"s\"; have none (define it as a [[tool.poetry.source]])"},
		{"poetry source url", "[[tool.poetry.source]]\nname = 's'", "pyproject.toml:1:15: source \"s\" has no url"},
		{"poetry priority", "[[tool.poetry.source]]\nname = 's'\nurl = 'b'\npriority = 'first'", "pyproject.toml:4:12: unknown priority \"first\" (known are primary, supplemental, explicit)"},
		{"poetry extra", "[tool.poetry.dependencies]\na = '1'\n[tool.poetry.extras]\nx = ['a', 'b']", "pyproject.toml:4:11: extra \"x\": \"b\" is not in [tool.poetry.dependencies] (add it there with optional = true)"},
		{"poetry platform", "[tool.poetry.dependencies]\na = {version = '1', platform = 'a || b'}", "pyproject.toml:2:32: platform \"a || b\" is not supported (use markers instead)"},
		{"poetry and project", project + "dependencies = []\n[tool.poetry.dependencies]\nb = '1'", "pyproject.toml:5:1: b is in [tool.poetry.dependencies] but not in [project] (write it into dependencies of [project])"},
		{"poetry markers", "[tool.poetry.dependencies]\na = {version = '1', markers = \"os_name == 'a') or (os_name == 'b'\", python = '3.9'}", "pyproject.toml:2:31: markers: ???"},
	})
}

// TestReferencesBounded reads extras and groups that refer to one another in
// every way, which must not take exponential time.
func TestReferencesBounded(t *testing.T) {
	const n = 60
	var b strings.Builder
	b.WriteString("[project]\nname = 'x'\n[project.optional-dependencies]\n")
	for i := range n {
		fmt.Fprintf(&b, "e%d = ['a%d'", i, i)
		for j := range n {
			fmt.Fprintf(&b, `, "x[e%d]; python_version > '3.%d'"`, j, i%7)
		}
		b.WriteString("]\n")
	}
	b.WriteString("[dependency-groups]\n")
	for i := range n {
		fmt.Fprintf(&b, "g%d = ['b%d'", i, i)
		for j := range i {
			fmt.Fprintf(&b, ", {include-group = 'g%d'}", j)
		}
		b.WriteString("]\n")
	}
	m, err := Read(fstest.MapFS{"pyproject.toml": {Data: []byte(b.String())}}, "pyproject.toml")
	if err != nil {
		t.Fatal(err)
	}
	group, extra := 0, 0
	for _, r := range m.Requirements {
		if r.Group == "g59" {
			group++
		}
		if r.Extra == "e0" {
			extra++
		}
	}
	if group != n || extra != n {
		t.Errorf("group g59 has %d requirements and extra e0 %d, want %d", group, extra, n)
	}
}

// TestLimits reads manifests that name too much of something, which must take
// little time.
func TestLimits(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "N", "%[1]d"), i)
		}
		return b.String()
	}
	var nest strings.Builder
	nest.WriteString("[dependency-groups]\n")
	for i := range 60 {
		fmt.Fprintf(&nest, "g%d = [{include-group = 'g%d'}]\n", i, i+1)
	}
	var chain strings.Builder // an extra reached under ever more conditions
	chain.WriteString("[project]\nname = 'x'\n[project.optional-dependencies]\n")
	for i := range 100 {
		fmt.Fprintf(&chain, "e%d = [\"x[e%d]; os_name == '%d'\"]\n", i, i+1, i)
	}
	chain.WriteString("e100 = []\n")
	for _, test := range []struct{ name, file, text, want string }{
		{"requirements", "r.txt", strings.Repeat("a\n", 1<<20), "r.txt:100001:1: more than 100000 requirements, the limit"},
		{"indexes", "r.txt", many(1000, "--extra-index-url https://index.example/N\n"), "r.txt:101:1: more than 100 indexes, the limit"},
		{"equal indexes", "pyproject.toml", "[project]\n" + strings.Repeat("[[tool.uv.index]]\nurl = 'https://index.example/'\n", 1000), "pyproject.toml:202:11: more than 100 indexes, the limit"},
		{"formats", "r.txt", "--only-binary " + many(20000, "aN,") + "a", "r.txt:1:1: --only-binary has more than 10000 names, the limit (write :all:)"},
		{"groups", "pyproject.toml", nest.String(), "pyproject.toml:51:25: dependency groups nest deeper than 50, the limit"},
		{"references", "pyproject.toml", chain.String(), "the extras of x refer to one another more than 1000 times, the limit"},
		{"sources", "pyproject.toml", "[project]\ndependencies = [" + strings.Repeat("'a',", 10000) + "]\n[[tool.uv.index]]\nname = 'i'\nurl = 'u'\n[tool.uv.sources]\na = [" + strings.Repeat("{index = 'i', marker = \"os_name == 'a'\"},", 5000) + "]", "more than 100000 requirements, the limit"},
		{"names in a message", "pyproject.toml", "[dependency-groups]\n" + many(30, "gN = []\n") + "x = [{include-group = 'y'}]", `no dependency group "y"; have g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, g10, g11, g12, g13, g14, g15, g16, g17, g18, g19 and 11 more`},
		{"text in a message", "r.txt", "a/" + strings.Repeat("b", 10000), "r.txt:1:1: a/" + strings.Repeat("b", 998) + "…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := Read(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.file)
			if err == nil && len(m.Broken) > 0 {
				err = m.Broken[0].Err
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			checkError(t, err)
		})
	}
}

// TestPoetryVersions compares with poetry-core (poetry 2): the ranges that
// parse_constraint gives, written as PEP 440 specifiers.
func TestPoetryVersions(t *testing.T) {
	for in, want := range map[string]string{
		"*": "", "x": "", "X.*": "", "": "error", " ": "error", "1.2 ||": "error", "latest": "error", ">=*": "error", "~": "error", "^^1": "error",
		"^1.2.3": ">=1.2.3,<2", "^1.2": ">=1.2,<2", "^1": ">=1,<2", "^0.2.3": ">=0.2.3,<0.3", "^0.0.3": ">=0.0.3,<0.0.4",
		"^0.0": ">=0.0,<0.1", "^0": ">=0,<1", "^0.0.0.3": ">=0.0.0.3,<0.0.1", "^1.0b1": ">=1.0b1,<2", "^1!2.3": ">=1!2.3,<1!3", "^ 1.2": ">=1.2,<2",
		"~1.2.3": ">=1.2.3,<1.3", "~1.2": ">=1.2,<1.3", "~1": ">=1,<2", "~=1.2.3": "~=1.2.3", "~=1": ">=1,<2",
		"1.2.*": "==1.2.*", "==1.*": "==1.*", "!=1.2.*": "!=1.2.*", "1.*.*": "==1.*", "^1.*": "error",
		"1.2": "==1.2", "=1.2": "==1.2", "==1.2": "==1.2", "v1.2": "==1.2", "<>1.2": "error", "1.2+local": "==1.2+local",
		">=1,<2": ">=1,<2", ">= 1.0 , < 2.0": ">=1.0,<2.0", ">=1 <2 !=1.5": ">=1,<2,!=1.5", ">1,": ">1", "^1 || ^2": "error",
	} {
		got, err := poetryVersion(in, Position{File: "x", Line: 1, Col: 1})
		switch {
		case want == "error":
			if err == nil {
				t.Errorf("%q is read as %v", in, got)
			} else {
				checkError(t, err)
			}
		case err != nil:
			t.Errorf("%q: %v", in, err)
		case got.String() != mustSpecifiers(t, want).String():
			t.Errorf("%q is read as %v, want %s", in, got, want)
		}
	}
}

// TestPoetryPython compares with create_nested_marker of poetry-core.
func TestPoetryPython(t *testing.T) {
	for in, want := range map[string]string{
		"*":                 "",
		"^3.8":              "python_full_version >= '3.8' and python_full_version < '4'",
		"3.8":               "python_version == '3.8'",
		"3.8.1":             "python_full_version == '3.8.1'",
		"3.8.*":             "python_full_version == '3.8.*'",
		"<=3.10":            "python_full_version <= '3.10'",
		"~2.7 || >=3.9":     "(python_full_version >= '2.7' and python_full_version < '2.8') or (python_full_version >= '3.9')",
		"<3.8 || * || ^3.9": "",
	} {
		alternatives, err := parsePoetry(in, Position{})
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := pythonMarker(alternatives); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

func FuzzPyproject(f *testing.F) {
	for _, s := range []string{
		"[project]\nname = 'x'\nrequires-python = '>=3.9'\ndependencies = ['a', 'x[b]']\n[project.optional-dependencies]\nb = ['c; os_name == \"nt\"', 'x[b]']",
		"[dependency-groups]\na = [{include-group = 'b'}]\nb = ['c']",
		"[tool.poetry.dependencies]\npython = '^3.8'\na = {version = '^1', extras = ['b'], optional = true, python = '<3.9 || 3.10'}\n[tool.poetry.extras]\nx = ['a']",
		"[tool.poetry.group.x.dependencies]\na = [{version = '~1', platform = 'linux'}]\n[[tool.poetry.source]]\nname = 'pypi'",
		"[project]\ndependencies = ['a']\n[[tool.uv.index]]\nname = 'i'\nurl = 'https://u:p@i.example/'\n[tool.uv.sources]\na = {index = 'i', marker = 'os_name == \"nt\"'}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzRead(t, "pyproject.toml", text) })
}

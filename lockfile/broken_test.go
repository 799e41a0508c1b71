package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestBroken reads manifests of which a group or an extra cannot be used: that
// is said of it, and the rest is read.
func TestBroken(t *testing.T) {
	const (
		project = "[project]\nname = 'x'\ndependencies = ['own']\n"
		extras  = project + "[project.optional-dependencies]\n"
		groups  = project + "[dependency-groups]\n"
		built   = ", and only building it would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that by its path, or require a release)"
		vcs     = " is in a version control system" + built
		drive   = "\"z:a\" names a drive (write the path relative to this file)"
		pipfile = "[packages]\nown = '*'\n"
		poetry  = "[tool.poetry.dependencies]\nown = '1'\n"
	)
	for _, test := range []struct {
		name, file, text string
		requirements     string // "name", "name group" or "name [extra]", in order
		want             []string
	}{
		{"url in an extra", "pyproject.toml", extras + "a = ['b', 'a @ git+https://u:p@git.example/a', 'c', '?']\nd = ['e']", "own, b [a], c [a], e [d]",
			[]string{"[a] pyproject.toml:5:11: git+https://****:****@git.example/a" + vcs}},
		{"no requirement in an extra", "pyproject.toml", extras + "a = ['b c']", "own",
			[]string{"[a] pyproject.toml:5:6: not a requirement: ???"}},
		{"extra of an extra", "pyproject.toml", extras + "a = ['a @ git+https://git.example/a']\nb = ['x[a]', 'c']\nd = ['x[none]', 'e']", "own, c [b], e [d]",
			[]string{
				"[a] pyproject.toml:5:6: git+https://git.example/a" + vcs,
				"[b] pyproject.toml:5:6: git+https://git.example/a" + vcs,
				`[d] pyproject.toml:7:6: x has no extra "none"; have a, b, d`,
			}},
		{"url in a group", "pyproject.toml", groups + "a = ['b', 'a @ z:a']\nc = ['d']\ne = [{include-group = 'a'}]", "own, b a, d c, b e",
			[]string{
				"a pyproject.toml:5:11: " + drive,
				"e pyproject.toml:5:11: " + drive,
			}},
		{"include of nothing", "pyproject.toml", groups + "a = ['b', {include-group = 'none'}]\nc = ['d']", "own, d c",
			[]string{`a pyproject.toml:5:28: no dependency group "none"; have a, c`}},
		{"circle", "pyproject.toml", groups + "a = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\nc = ['d']", "own, d c",
			[]string{
				"a pyproject.toml:6:23: dependency groups include each other: a -> b -> a (take one of them out)",
				"b pyproject.toml:5:23: dependency groups include each other: b -> a -> b (take one of them out)",
			}},
		{"in itself", "pyproject.toml", groups + "z = [{include-group = 'a'}]\na = [{include-group = 'A'}]", "own",
			[]string{
				"z pyproject.toml:6:23: dependency groups include each other: a -> a (take one of them out)",
				"a pyproject.toml:6:23: dependency groups include each other: a -> a (take one of them out)",
			}},
		{"unknown elements", "pyproject.toml", groups + "a = [{include-groups = 'c'}]\nb = [{include-group = 'c', d = 1}]\nc = ['d']", "own, d c",
			[]string{
				"a pyproject.toml:5:6: not an element of a dependency group (write a requirement or {include-group = \"name\"})",
				"b pyproject.toml:6:6: not an element of a dependency group (write a requirement or {include-group = \"name\"})",
			}},
		{"uv's dev", "pyproject.toml", project + "[tool.uv]\ndev-dependencies = ['a @ z:a', 'b']", "own, b dev",
			[]string{"dev pyproject.toml:5:21: " + drive}},
		{"uv's sources", "pyproject.toml", groups + "a = ['b', 'c']\n[tool.uv.sources]\nb = {workspace = true}", "own, c a",
			[]string{"a pyproject.toml:7:6: b, required at pyproject.toml:5:6, comes from workspace, and thamos does not look for its members (write {path = \"…\", editable = true} with the member's directory)"}},
		{"uv's source of an extra", "pyproject.toml", extras + "a = ['own']\n[tool.uv.sources]\nown = [{git = 'https://git.example/own', extra = 'a'}]", "own",
			[]string{"[a] pyproject.toml:7:9: own, required at pyproject.toml:5:6, comes from git" + built}},
		{"Poetry's group", "pyproject.toml", poetry + "[tool.poetry.group.a.dependencies]\nb = '1'\na = {git = 'https://git.example/a'}\n[tool.poetry.group.c.dependencies]\nd = '?'\n'e f' = '1'", "own, b a",
			[]string{"a pyproject.toml:5:6: a comes from git" + built, "c pyproject.toml:7:5: version constraint \"?\": ???"}},
		{"Poetry's name", "pyproject.toml", poetry + "[tool.poetry.group.a.dependencies]\n'e f' = '1'", "own", []string{"a pyproject.toml:4:1: ???"}},
		{"Poetry's includes", "pyproject.toml", poetry + "[tool.poetry.group.a]\ninclude-groups = ['c']\n[tool.poetry.group.a.dependencies]\nb = '1'", "own, b a",
			[]string{"a pyproject.toml:4:1: include-groups of Poetry is not supported yet (use [dependency-groups] with {include-group = …}, which Poetry reads too)"}},
		{"Poetry's extra", "pyproject.toml", poetry + "a = {git = '.', optional = true}\nb = {version = '1', optional = true}\n[tool.poetry.extras]\ne = ['a', 'b']\nf = ['b']", "own, b [e], b [f]",
			[]string{"[e] pyproject.toml:3:6: a comes from git" + built}},
		{"Poetry's source of an extra", "pyproject.toml", extras + "a = ['b']\n[tool.poetry.dependencies]\nb = {git = 'https://git.example/b', optional = true}", "own, b [a]",
			[]string{"[a] pyproject.toml:7:6: b comes from git" + built}},
		{"dev-packages", "Pipfile", pipfile + "[dev-packages]\na = {git = '.'}\nb = '*'", "own, b dev",
			[]string{"dev Pipfile:4:6: a comes from git" + built}},
		{"categories", "Pipfile", pipfile + "[a]\nb = '>>1'\n[c]\nd = {markers = '?'}\n[e]\nf = {hashes = ['sha256:0']}\n[g]\n'h i' = '*'\n[j]\nk = {extras = ['?']}", "own",
			[]string{
				"a Pipfile:4:5: version of b: ???", "c Pipfile:6:16: markers of d: ???", `e Pipfile:8:16: hash "sha256:0" has not 64 hexadecimal digits`,
				"g Pipfile:10:1: ???", "j Pipfile:12:15: extras of k: ???",
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := Read(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.file)
			if err != nil {
				t.Fatal(err)
			}
			var requirements []string
			for _, r := range m.Requirements {
				text := string(r.Name)
				if r.Group != "" {
					text += " " + r.Group
				}
				if r.Extra != "" {
					text += " [" + string(r.Extra) + "]"
				}
				requirements = append(requirements, text)
			}
			if got := strings.Join(requirements, ", "); got != test.requirements {
				t.Errorf("requirements %s, want %s", got, test.requirements)
			}
			var got []string
			for i, b := range m.Broken {
				checkError(t, b.Err)
				text := b.Group
				if b.Extra != "" {
					text += "[" + string(b.Extra) + "]"
				}
				text += " " + b.Err.Error()
				// As in testRefusals.
				if i < len(test.want) {
					if before, _, ok := strings.Cut(test.want[i], "???"); ok && strings.HasPrefix(text, before) && len(text) > len(before) {
						text = test.want[i]
					}
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBrokenDirect reads groups and extras of which a directory or wheel is not
// there or cannot be known.
func TestBrokenDirect(t *testing.T) {
	fsys := workshop(map[string]string{
		"work/app/pyproject.toml": `[project]
name = "p"
version = "1"
dependencies = ["lib-a"]
[project.optional-dependencies]
missing = ["none", "six"]
old = ["old"]
name = ["other"]
vcs = ["git"]
again = ["old"]
above = ["above"]
good = ["inner"]
extra = ["half"]
[dependency-groups]
dynamic = ["dynamic"]
nested = ["outer", "idna"]
[tool.uv.sources]
lib-a = {path = "../lib"}
none = {path = "none"}
old = {path = "old"}
other = {path = "../lib"}
git = {path = "git"}
above = {path = "../../../above"}
inner = {path = "in"}
dynamic = {path = "dynamic"}
outer = {path = "outer"}
half = {path = "half"}
`,
		"work/app/outer/pyproject.toml": "[project]\nname = 'outer'\nversion = '1'\ndependencies = ['gone']\n[tool.uv.sources]\ngone = {path = 'gone'}",
		"work/app/half/pyproject.toml":  "[project]\nname = 'half'\nversion = '1'\noptional-dependencies = {x = ['half[none]']}",
	})
	m, err := ReadRooted(fsys, "work/app/pyproject.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := `lib-a <- ../lib is lib-a==1.2 directory
six (missing)
inner (good) <- in is inner==0.1 directory
outer (nested) <- outer is outer==1 directory
idna (nested)
lib-a[x]; sys_platform == "linux" (good) <- ../lib is lib-a==1.2 directory
`
	if diff := cmp.Diff(want, requirementsOf(m)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var got []string
	for _, b := range m.Broken {
		text, _, _ := strings.Cut(strings.ReplaceAll(b.Err.Error(), "work/app/", ""), " (")
		got = append(got, b.Group+string(b.Extra)+" "+text)
	}
	if diff := cmp.Diff([]string{
		"above pyproject.toml:23:17: ../../../above leaves the folder that is read",
		"missing pyproject.toml:6:12: none is not there",
		"old pyproject.toml:7:8: old has no pyproject.toml, and only running its setup.py would tell what it requires",
		"name pyproject.toml:8:9: other is required, but ../lib is lib-a",
		"vcs git/pyproject.toml:4:17: git+https://****:****@git.example/x is in a version control system, and only building it would tell what it requires",
		"again pyproject.toml:7:8: old has no pyproject.toml, and only running its setup.py would tell what it requires",
		"extra half/pyproject.toml:4:31: half has no extra \"none\"; have x",
		"dynamic dynamic/pyproject.toml:3:12: the version is dynamic: only the project's build backend knows it, and thamos does not run it",
		"nested pyproject.toml:16:11: outer/gone is not there",
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	files := []string{"work/app/pyproject.toml", "work/app/in/pyproject.toml", "work/app/outer/pyproject.toml", "work/lib/pyproject.toml"}
	if diff := cmp.Diff(files, m.Files); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What lies outside is an error even of a group, because whoever reads again
// from the root may find it.
func TestBrokenOutside(t *testing.T) {
	for _, text := range []string{
		"[dependency-groups]\na = ['lib-a @ ../lib']",
		"[dependency-groups]\na = ['inner @ ./in']", // requires ../../lib
		"[tool.poetry.group.a.dependencies]\nlib-a = {path = '../lib'}",
	} {
		fsys := workshop(map[string]string{"work/app/pyproject.toml": text})
		app, err := fs.Sub(fsys, "work/app")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(app, "pyproject.toml"); !errors.Is(err, ErrOutside) {
			t.Errorf("%q: %v, want outside", text, err)
		}
		if m, err := ReadRooted(fsys, "work/app/pyproject.toml"); err != nil || len(m.Broken) > 0 || len(m.Requirements) == 0 {
			t.Errorf("%q from the root: %v, %+v", text, err, m)
		}
	}
}

// What is broken is an error where the project itself asks for it, and so is
// what is no requirement at all.
func TestBrokenEagerly(t *testing.T) {
	testRefusals(t, "pyproject.toml", []refusal{
		{"own extra", "[project]\nname = 'x'\ndependencies = ['x[a]']\n[project.optional-dependencies]\na = ['b c']", "pyproject.toml:5:6: not a requirement: ??? (write such as \"name[extra]>=1.0; python_version < '3.12'\")"},
		{"type in an extra", "[project]\n[project.optional-dependencies]\na = [1]", "pyproject.toml:3:6: a requirement must be a text"},
		{"type in a group", "[dependency-groups]\na = [{include-group = 1}]", "pyproject.toml:2:23: include-group must be a text"},
		{"type in Poetry's group", "[tool.poetry.group.a.dependencies]\nb = {version = 1}", "pyproject.toml:2:16: version must be a text"},
		{"constraint", "[project]\n[tool.uv]\nconstraint-dependencies = ['b c']", "pyproject.toml:3:28: not a requirement: ??? (write such as \"name[extra]>=1.0; python_version < '3.12'\")"},
		{"Poetry's name", "[tool.poetry.dependencies]\n'b c' = '1'", "pyproject.toml:2:1: ???"},
		{"Poetry's git", "[project]\ndependencies = ['a']\noptional-dependencies = {e = ['a']}\n[tool.poetry.dependencies]\na = {git = 'https://git.example/a'}", "pyproject.toml:5:6: a comes from git, and only building it would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that by its path, or require a release)"},
	})
	testRefusals(t, "Pipfile", []refusal{
		{"type", "[dev-packages]\na = 1", "Pipfile:2:5: version of a is no text (write it as a text, such as \"*\" or \">=1.0\")"},
	})
}

// TestBrokenBounded reads groups in circles, which must not take quadratic time.
func TestBrokenBounded(t *testing.T) {
	const n = 10_000
	var b strings.Builder
	b.WriteString("[dependency-groups]\nhub = [")
	for i := range n {
		fmt.Fprintf(&b, "{include-group = 'g%d'},", i)
	}
	b.WriteString("]\n")
	for i := range n {
		fmt.Fprintf(&b, "g%d = [{include-group = 'hub'}]\n", i)
	}
	m, err := Read(fstest.MapFS{"pyproject.toml": {Data: []byte(b.String())}}, "pyproject.toml")
	if err != nil || len(m.Broken) != n+1 {
		t.Errorf("%d are broken (%v), want %d", len(m.Broken), err, n+1)
	}
}

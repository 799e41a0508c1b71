package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// workshop is a tree of projects and wheels that manifests point to; manifests
// stand in work/app.
func workshop(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"work/lib/pyproject.toml": "[project]\nname = 'Lib.A'\nversion = '1.2'\nrequires-python = '>=3.8'\ndependencies = ['idna>=3']\n[project.optional-dependencies]\nX = ['six; os_name == \"nt\"']",
		"work/app/in/pyproject.toml": "[tool.poetry]\nname = 'inner'\nversion = '0.1'\n[tool.poetry.dependencies]\npython = '^3.9'\nidna = '^3'\nlib_a = {path = '../../lib', extras = ['x'], markers = \"sys_platform == 'linux'\"}\n" +
			"[tool.poetry.group.dev.dependencies]\nv = {git = 'https://git.example/v'}",
		"work/app/dir with blank/pyproject.toml":    "[project]\nname = 'blank'\nversion = '1'",
		"work/app/opt/pyproject.toml":               "[project]\nname = 'opt'\nversion = '1'\n[project.optional-dependencies]\ne = ['ring2']\n[tool.uv.sources]\nring2 = {path = '../ring2'}",
		"work/app/plugin/pyproject.toml":            "[tool.poetry]\nname = 'plugin'\nversion = '0.0.0'\n[tool.poetry-dynamic-versioning]\nenable = true",
		"work/app/noversion/pyproject.toml":         "[project]\nname = 'noversion'",
		"work/app/noname/pyproject.toml":            "[project]\nversion = '1'",
		"work/app/git/pyproject.toml":               "[project]\nname = 'git'\nversion = '1'\ndependencies = ['x @ git+https://u:p@git.example/x']",
		"work/app/old/setup.py":                     "",
		"work/app/dynamic/pyproject.toml":           "[project]\nname = 'dynamic'\ndynamic = ['version']",
		"work/app/dyndeps/pyproject.toml":           "[project]\nname = 'dyndeps'\nversion = '1'\ndynamic = ['dependencies']",
		"work/app/a-1.0-py3-none-any.whl":           "wheel",
		"work/app/s-1.0.tar.gz":                     "sdist",
		"work/app/sub/b_c-2-1-py2.py3-none-any.whl": "wheel",
		"work/app/ring1/pyproject.toml":             "[project]\nname = 'ring1'\nversion = '1'\ndependencies = [\"ring2; os_name == 'posix'\"]\n[tool.uv.sources]\nring2 = {path = '../ring2', editable = true}",
		"work/app/ring2/pyproject.toml":             "[project]\nname = 'ring2'\nversion = '1'\ndependencies = [\"ring1; sys_platform == 'linux'\"]\n[tool.uv.sources]\nring1 = {path = '../ring1'}",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// requirementsOf shows direct requirements, one a line.
func requirementsOf(m *Manifest) string {
	var b strings.Builder
	for _, r := range m.Requirements {
		fmt.Fprintf(&b, "%v", r.Requirement)
		if r.Group != "" || r.Extra != "" {
			fmt.Fprintf(&b, " (%s%s)", r.Group, r.Extra)
		}
		if d := r.Direct; d != nil {
			fmt.Fprintf(&b, " <- %v is %v", d, d.Package)
			if d.Directory {
				b.WriteString(" directory")
			}
			if d.Editable {
				b.WriteString(" editable")
			}
			if d.SHA256 != "" {
				b.WriteString(" " + d.SHA256[62:])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestDirect(t *testing.T) {
	const project = "[project]\nname = 'p'\n"
	sum := strings.Repeat("0", 62) + "AB"
	for _, test := range []struct{ name, file, text, want string }{
		{"directory", "r.txt", "../lib", "lib-a <- ../lib is lib-a==1.2 directory\n"},
		{"editable", "r.txt", "-e ../lib", "lib-a <- ../lib is lib-a==1.2 directory editable\n"},
		{"extras and marker", "r.txt", "../lib[X] ; os_name=='nt'", "lib-a[x]; os_name == \"nt\" <- ../lib is lib-a==1.2 directory\n"},
		{"editable with extras", "r.txt", "--editable=../lib[x,y]", "lib-a[x,y] <- ../lib is lib-a==1.2 directory editable\n"},
		{"named", "r.txt", "LIB_A[x] @ file:../lib ; os_name=='nt'", "LIB_A[x]; os_name == \"nt\" <- ../lib is lib-a==1.2 directory\n"},
		{"named by a path", "r.txt", "lib-a@../lib", "lib-a <- ../lib is lib-a==1.2 directory\n"},
		{"absolute", "r.txt", "/work/lib", "lib-a <- /work/lib is lib-a==1.2 directory\n"},
		{"absolute URL", "r.txt", "Lib.A @ file:///work/lib/.", "Lib.A <- /work/lib is lib-a==1.2 directory\n"},
		{"localhost", "r.txt", "file://localhost/work#subdirectory=lib", "lib-a <- /work/lib is lib-a==1.2 directory\n"},
		{"egg", "r.txt", "file:../lib#egg=lib.a[x]", "lib-a[x] <- ../lib is lib-a==1.2 directory\n"},
		{"escapes", "r.txt", "file:dir%20with%20blank", "blank <- dir with blank is blank==1 directory\n"},
		{"blanks", "r.txt", "./dir with blank", "blank <- dir with blank is blank==1 directory\n"},
		{"wheel", "r.txt", "a-1.0-py3-none-any.whl", "a <- a-1.0-py3-none-any.whl is a==1.0\n"},
		{"wheel with hash", "r.txt", "./a-1.0-py3-none-any.whl --hash=sha256:" + sum, "a <- a-1.0-py3-none-any.whl is a==1.0\n"},
		{"wheel with a build", "sub/r.txt", "file:b_c-2-1-py2.py3-none-any.whl#sha256=" + sum, "b-c <- b_c-2-1-py2.py3-none-any.whl is b-c==2 ab\n"},
		{"included", "r.txt", "-r sub/other.txt", "b-c <- sub/b_c-2-1-py2.py3-none-any.whl is b-c==2\nlib-a <- ../lib is lib-a==1.2 directory editable\n"},
		{"URL", "r.txt", "https://h.example/x/A-1%2Bcpu-py3-none-any.whl?y=1#sha256=" + sum, "a <- https://h.example/x/A-1%2Bcpu-py3-none-any.whl?y=1 is a==1+cpu ab\n"},
		{"URL and marker", "r.txt", "https://u:p@h.example/a-1-py3-none-any.whl ; os_name == 'nt'", "a; os_name == \"nt\" <- https://****:****@h.example/a-1-py3-none-any.whl is a==1\n"},
		{"named URL with a password", "r.txt", "a @ https://u:p@h.example/a-1-py3-none-any.whl", "a <- https://****:****@h.example/a-1-py3-none-any.whl is a==1\n"},
		{"URL with variables", "r.txt", "a @ https://${U}:${P}@h.example/a-1-py3-none-any.whl", "a <- https://${U}:${P}@h.example/a-1-py3-none-any.whl is a==1\n"},
		{"nested and a ring", "r.txt", "./in\n./ring1", "inner <- in is inner==0.1 directory\nring1 <- ring1 is ring1==1 directory\n" +
			"lib-a[x]; sys_platform == \"linux\" <- ../lib is lib-a==1.2 directory\n" +
			"ring2; os_name == \"posix\" <- ring2 is ring2==1 directory editable\n"},

		{"Pipfile", "Pipfile", "[packages]\nlib-a = {path = '../lib', editable = true, extras = ['x']}\na = {file = './a-1.0-py3-none-any.whl'}\n[dev-packages]\na = {file = 'https://h.example/a-1-py3-none-any.whl'}\n",
			"lib-a[x] <- ../lib is lib-a==1.2 directory editable\na <- a-1.0-py3-none-any.whl is a==1.0\na (dev) <- https://h.example/a-1-py3-none-any.whl is a==1\n"},
		{"Pipfile with a password", "Pipfile", "[packages]\na = {file = 'https://u:p@h.example/a-1-py3-none-any.whl'}", "a <- https://****:****@h.example/a-1-py3-none-any.whl is a==1\n"},
		{"Poetry with a password", "pyproject.toml", "[tool.poetry.dependencies]\na = {url = 'https://u:p@h.example/a-1-py3-none-any.whl'}", "a <- https://****:****@h.example/a-1-py3-none-any.whl is a==1\n"},
		{"nested in an extra", "r.txt", "./opt", "opt <- opt is opt==1 directory\n"},
		{"nested in an extra that is asked for", "r.txt", "./opt[e]", "opt[e] <- opt is opt==1 directory\nring2 <- ring2 is ring2==1 directory\nring1; sys_platform == \"linux\" <- ring1 is ring1==1 directory\n"},
		{"Pipfile not editable", "Pipfile", "[packages]\nlib-a = {path = '../lib', editable = false, version = '*'}\n", "lib-a <- ../lib is lib-a==1.2 directory\n"},
		{"PEP 508", "pyproject.toml", project + "dependencies = ['lib-a @ file:///work/lib', 'a @ https://h.example/a-1-py3-none-any.whl']", "lib-a <- /work/lib is lib-a==1.2 directory\na <- https://h.example/a-1-py3-none-any.whl is a==1\n"},
		{"uv", "pyproject.toml", project + "dependencies = ['lib-a>=1', 'a', 'b']\n[tool.uv.sources]\nlib-a = {path = '../lib', editable = true}\na = {url = 'https://h.example/a-1-py3-none-any.whl', marker = \"os_name == 'nt'\"}",
			"lib-a>=1 <- ../lib is lib-a==1.2 directory editable\na\nb\na; os_name == \"nt\" <- https://h.example/a-1-py3-none-any.whl is a==1\n"},
		{"uv nested for an extra", "pyproject.toml", project + "[project.optional-dependencies]\ne = [\"inner; os_name == 'posix'\"]\n[tool.uv.sources]\ninner = {path = 'in'}",
			"inner; os_name == \"posix\" (e) <- in is inner==0.1 directory\nlib-a[x]; sys_platform == \"linux\" and os_name == \"posix\" (e) <- ../lib is lib-a==1.2 directory\n"},
		{"Poetry", "pyproject.toml", "[tool.poetry.dependencies]\nlib-a = {path = '../lib', develop = true}\na = {file = 'a-1.0-py3-none-any.whl', optional = true}\n[tool.poetry.extras]\ne = ['a']\n[tool.poetry.group.g.dependencies]\na = {url = 'https://h.example/a-1-py3-none-any.whl'}",
			"lib-a <- ../lib is lib-a==1.2 directory editable\na (e) <- a-1.0-py3-none-any.whl is a==1.0\na (g) <- https://h.example/a-1-py3-none-any.whl is a==1\n"},
		{"Poetry adds to project", "pyproject.toml", project + "dependencies = ['lib-a']\n[tool.poetry.dependencies]\nlib-a = {path = '../lib'}", "lib-a <- ../lib is lib-a==1.2 directory\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := workshop(map[string]string{
				"work/app/" + test.file:  test.text,
				"work/app/sub/other.txt": "./b_c-2-1-py2.py3-none-any.whl\n-e ../../lib",
			})
			m, err := ReadRooted(fsys, "work/app/"+test.file)
			if err != nil {
				t.Fatal(err)
			}
			want := test.want
			if strings.HasPrefix(test.file, "sub/") {
				want = strings.ReplaceAll(want, "../lib", "../../lib")
			}
			if diff := cmp.Diff(want, requirementsOf(m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, r := range m.Requirements {
				if strings.Contains(r.Text, "u:p@") || r.URL != "" {
					t.Errorf("%q, %q have what must not be shown", r.Text, r.URL)
				}
				if d := r.Direct; d != nil && d.Directory && d.Metadata == nil {
					t.Errorf("%s: no metadata", d)
				}
			}
		})
	}
}

func TestDirectMetadata(t *testing.T) {
	m, err := ReadRooted(workshop(map[string]string{"work/app/r.txt": "./in"}), "work/app/r.txt")
	if err != nil {
		t.Fatal(err)
	}
	inner, lib := m.Requirements[0].Direct.Metadata, m.Requirements[1].Direct.Metadata
	if diff := cmp.Diff([]string{"idna<4,>=3", `lib-a[x]; sys_platform == "linux"`}, inner.RequiresDist); diff != "" {
		t.Errorf("inner requires -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"idna>=3", `six; os_name == "nt" and extra == "x"`}, lib.RequiresDist); diff != "" {
		t.Errorf("lib requires -want +got:\n%s", diff)
	}
	if inner.Name != "inner" || inner.RequiresPython == "" || lib.Name != "Lib.A" || lib.RequiresPython != ">=3.8" || fmt.Sprint(lib.ProvidesExtra) != "[x]" {
		t.Errorf("got %+v\n%+v", *inner, *lib)
	}
}

func TestDirectRefusals(t *testing.T) {
	const (
		vcs    = " is in a version control system, and only building it would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that by its path, or require a release)"
		sdist  = " is no wheel, and only building it would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that)"
		built  = ", and only building it would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that by its path, or require a release)"
		static = " (write version = \"…\" into [project]; or build a wheel of it (pip wheel --no-deps) and require that)"
		p      = "[project]\nname = 'p'\ndependencies = ['a']\n[tool.uv.sources]\n"
	)
	for _, test := range []struct{ name, file, text, want string }{
		{"vcs", "r.txt", "git+https://u:p@git.example/a@v1#egg=a", "r.txt:1:1: git+https://****:****@git.example/a@v1#egg=a" + vcs},
		{"named vcs", "r.txt", "a @ hg+https://hg.example/a", "r.txt:1:1: hg+https://hg.example/a" + vcs},
		{"editable vcs", "r.txt", "-e git+ssh://git@git.example/a", "r.txt:1:1: git+ssh://****@git.example/a" + vcs},
		{"sdist URL", "r.txt", "a @ https://u:p@h.example/a-1.tar.gz", "r.txt:1:1: https://****:****@h.example/a-1.tar.gz" + sdist},
		{"sdist", "r.txt", "s-1.0.tar.gz", "r.txt:1:1: s-1.0.tar.gz" + sdist},
		{"page", "r.txt", "https://h.example/a/", "r.txt:1:1: https://h.example/a/ is not the URL of a wheel (give the URL of a wheel, whose last part ends with .whl)"},
		{"kind", "r.txt", "ftp://h.example/a.whl", "r.txt:1:1: \"ftp://h.example/a.whl\" is of a kind that is not supported (give a path, or a URL that begins with https:// or file://)"},
		{"drive", "r.txt", "c:/a", "r.txt:1:1: \"c:/a\" names a drive (write the path relative to this file)"},
		{"backslash", "r.txt", `.\a`, `r.txt:1:1: ".\\a" has a \ (write / between folders, which is understood everywhere)`},
		{"host", "r.txt", "file://server/a", "r.txt:1:1: file:// names another host (write file:///, with three slashes, and an absolute path)"},
		{"missing", "r.txt", "\n./none", "r.txt:2:1: none is not there"},
		{"missing in a file", "Pipfile", "[packages]\na = {path = 'none'}", "Pipfile:2:1: none is not there"},
		{"no project", "r.txt", "./old", "r.txt:1:1: old has no pyproject.toml, and only running its setup.py would tell what it requires (build a wheel of it (pip wheel --no-deps) and require that)"},
		{"dynamic version", "r.txt", "./dynamic", "dynamic/pyproject.toml:3:12: the version is dynamic: only the project's build backend knows it, and thamos does not run it" + static},
		{"Poetry's plug-in", "r.txt", "./plugin", "plugin/pyproject.toml:5:10: the version is dynamic: only a plug-in of Poetry knows it, and thamos does not run it" + static},
		{"no version", "r.txt", "./noversion", "noversion/pyproject.toml: the project has no version" + static},
		{"no name", "r.txt", "./noname", "noname/pyproject.toml: the project has no name (write it into [project])"},
		{"nested vcs", "r.txt", "./git", "git/pyproject.toml:4:17: git+https://****:****@git.example/x" + vcs},
		{"dynamic requirements", "r.txt", "-e ./dyndeps", "dyndeps/pyproject.toml:4:12: dependencies are dynamic: only the project's build backend knows them, and thamos does not run it (write them into [project], or give thamos a requirements file)"},
		{"another name", "r.txt", "b @ ../lib", "r.txt:1:1: b is required, but ../lib is lib-a (require it by its own name)"},
		{"another wheel", "r.txt", "b @ https://h.example/a-1-py3-none-any.whl", "r.txt:1:1: b is required, but https://h.example/a-1-py3-none-any.whl is a (require it by its own name)"},
		{"egg", "r.txt", "b @ file:../lib#egg=c", "r.txt:1:1: the requirement is of b, but its URL says c (take #egg= out)"},
		{"bad wheel", "r.txt", "https://h.example/a.whl", "r.txt:1:1: ??? (keep the name that the wheel was built with)"},
		{"editable wheel", "r.txt", "-e a-1.0-py3-none-any.whl", "r.txt:1:1: a-1.0-py3-none-any.whl is a wheel, and only a directory can be editable (take the editable out)"},
		{"editable URL", "r.txt", "-e https://h.example/a-1-py3-none-any.whl", "r.txt:1:1: https://h.example/a-1-py3-none-any.whl cannot be editable (give a directory)"},
		{"hash of a directory", "r.txt", "../lib --hash=sha256:" + digest(1), "r.txt:1:1: ../lib is a directory, which has no hash (take the hash out)"},
		{"other hash", "r.txt", "https://h.example/a-1-py3-none-any.whl#md5=00", "r.txt:1:1: unknown fragment \"md5\" of a URL (known are sha256, subdirectory and egg)"},
		{"short hash", "r.txt", "https://h.example/a-1-py3-none-any.whl#sha256=00", "r.txt:1:1: hash \"sha256:00\" has not 64 hexadecimal digits"},
		{"extras behind a URL", "r.txt", "file:../lib[x]", "r.txt:1:1: ../lib[x] is not there"},
		{"marker without a blank", "r.txt", "file:../lib;os_name=='nt'", "r.txt:1:1: ../lib;os_name=='nt' is not there"},
		{"subdirectory", "r.txt", "file:../lib#subdirectory=../app", "r.txt:1:1: subdirectory \"../app\" is not a path inside the directory"},
		{"wheel with subdirectory", "r.txt", "https://h.example/a-1-py3-none-any.whl#subdirectory=x", "r.txt:1:1: a wheel has no subdirectory (take it out)"},
		{"constraint", "r.txt", "-c sub/c.txt", "sub/c.txt:1:1: a constraint bounds versions and cannot be ../lib (require it, and take it out of the constraints)"},
		{"variable", "r.txt", "${HOME}/lib", "r.txt:1:1: ${HOME}: variables are kept in URLs only (write the value)"},
		{"variable in a file URL", "r.txt", "a @ file:///${HOME}/lib", "r.txt:1:13: ${HOME}: variables are kept in URLs only (write the value)"},
		{"credentials", "r.txt", "https://u:se/cret@h.example/a-1-py3-none-any.whl", "r.txt:1:1: its URL cannot be read; it must be absolute, such as https://host/path, and a password in it percent-encoded"},
		{"find links", "r.txt", "--pre -f none", "r.txt:1:7: --find-links: none is not there"},
		{"find links in a file", "r.txt", "-f s-1.0.tar.gz", "r.txt:1:1: --find-links: s-1.0.tar.gz is not a folder (give the folder that holds the wheels)"},
		{"Pipfile git", "Pipfile", "[packages]\nb = {git = 'https://u:p@git.example/b'}", "Pipfile:2:6: b comes from git" + built},
		{"Pipfile editable", "Pipfile", "[packages]\nb = {editable = true}", "Pipfile:2:6: b is editable but has no path (give the directory as path, or take editable out)"},
		{"Pipfile twice", "Pipfile", "[packages]\nb = {path = '.', file = 'b'}", "Pipfile:2:18: b has both path and file (keep one of them)"},
		{"uv git", "pyproject.toml", p + "A = {git = 'https://git.example/a'}", "pyproject.toml:5:6: a, required at pyproject.toml:3:17, comes from git" + built},
		{"uv workspace", "pyproject.toml", p + "a = {workspace = true}", "pyproject.toml:5:6: a, required at pyproject.toml:3:17, comes from workspace, and thamos does not look for its members (write {path = \"…\", editable = true} with the member's directory)"},
		{"uv two places", "pyproject.toml", p + "a = {path = '.', url = 'x'}", "pyproject.toml:5:18: a source of a names two places (keep one of them)"},
		{"uv nothing", "pyproject.toml", p + "a = {editable = true}", "pyproject.toml:5:5: a source of a names no index, path or url"},
		{"uv constraint", "pyproject.toml", "[project]\nname = 'p'\n[tool.uv]\nconstraint-dependencies = ['lib-a @ ../lib']", "pyproject.toml:4:28: a constraint bounds versions and cannot be ../lib (require it, and take it out of the constraints)"},
		{"poetry git", "pyproject.toml", "[tool.poetry.dependencies]\na = {git = 'https://git.example/a', branch = 'b'}", "pyproject.toml:2:6: a comes from git" + built},
		{"poetry two places", "pyproject.toml", "[tool.poetry.dependencies]\na = {path = 'a', url = 'b'}", "pyproject.toml:2:18: a names two places (keep one of them)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := ReadRooted(workshop(map[string]string{"work/app/" + test.file: test.text, "work/app/sub/c.txt": "../../lib"}), "work/app/"+test.file)
			if err == nil {
				t.Fatalf("read as\n%s", dump(m))
			}
			checkError(t, err)
			got := strings.ReplaceAll(err.Error(), "work/app/", "")
			if before, after, ok := strings.Cut(test.want, "???"); ok {
				if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
					t.Errorf("got %s, want %s", got, test.want)
				}
			} else if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(test.want, "not there") && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is not fs.ErrNotExist", err)
			}
		})
	}
}

// TestDirectOutside checks that what lies outside the folder says so, so that
// the caller can read again from the root, and that the answer is then the same.
func TestDirectOutside(t *testing.T) {
	for text, outside := range map[string]bool{
		"../lib": true, "/work/lib": true, "-e ../lib": true, "-f ../lib": true, "./in": true, // in requires ../../lib
		"./ring1": false, "./a-1.0-py3-none-any.whl": false, "-f sub": false,
	} {
		fsys := workshop(map[string]string{"work/app/r.txt": text})
		app, err := fs.Sub(fsys, "work/app")
		if err != nil {
			t.Fatal(err)
		}
		near, err := Read(app, "r.txt")
		far, errFar := ReadRooted(fsys, "work/app/r.txt")
		switch {
		case errFar != nil:
			t.Errorf("%s: %v", text, errFar)
		case outside && !errors.Is(err, ErrOutside), !outside && err != nil:
			t.Errorf("%s: %v, want outside %v", text, err, outside)
		case !outside && requirementsOf(near) != requirementsOf(far):
			t.Errorf("%s: read from the folder as\n%s\nfrom the root as\n%s", text, requirementsOf(near), requirementsOf(far))
		}
	}
	if _, err := ReadRooted(workshop(map[string]string{"work/app/r.txt": "../../../lib"}), "work/app/r.txt"); !errors.Is(err, ErrOutside) {
		t.Errorf("above the root: %v", err)
	}
}

// TestDirectLimits reads directories that require one another without end, which
// must take little time.
func TestDirectLimits(t *testing.T) {
	chain, web := map[string]string{}, map[string]string{}
	for i := range maxIncludes + 1 {
		chain[fmt.Sprintf("c%d/pyproject.toml", i)] = fmt.Sprintf("[project]\nname = 'c%[1]d'\nversion = '1'\ndependencies = ['c%[2]d']\n[tool.uv.sources]\nc%[2]d = {path = '../c%[2]d'}", i, i+1)
	}
	for i := range 20 { // each requires all, under a marker of its own
		var dependencies, sources strings.Builder
		for j := range 20 {
			fmt.Fprintf(&dependencies, "\"w%d; os_name == '%d'\",", j, 20*i+j)
			fmt.Fprintf(&sources, "w%[1]d = {path = '../w%[1]d'}\n", j)
		}
		web[fmt.Sprintf("w%d/pyproject.toml", i)] = fmt.Sprintf("[project]\nname = 'w%d'\nversion = '1'\ndependencies = [%s]\n[tool.uv.sources]\n%s", i, &dependencies, &sources)
	}
	for _, test := range []struct {
		files      map[string]string
		text, want string
	}{
		{chain, "./c0", "r.txt:1:1: more than 1000 directories are required, the limit"},
		{web, "./w0", "r.txt:1:1: directories require one another more than 1000 times, the limit"},
	} {
		test.files["r.txt"] = test.text
		if _, err := Read(workshop(test.files), "r.txt"); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

func TestDirectSymlinks(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"real/pyproject.toml":        "[project]\nname = 'real'\nversion = '1'",
		"store/a-1-py3-none-any.whl": "",
		"app/r.txt":                  "./link\n./b-1-py3-none-any.whl\n",
		"app/loop.txt":               "./loop",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"app/link": "../real", "app/b-1-py3-none-any.whl": "../store/a-1-py3-none-any.whl", "app/loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	m, err := Read(os.DirFS(filepath.Join(dir, "app")), "r.txt")
	if err != nil {
		t.Fatal(err)
	}
	// The name of a wheel is what it is called here, as for pip.
	if diff := cmp.Diff("real <- link is real==1 directory\nb <- b-1-py3-none-any.whl is b==1\n", requirementsOf(m)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if m, err := Read(os.DirFS(filepath.Join(dir, "app")), "loop.txt"); err == nil {
		t.Errorf("a link to itself is read as %s", dump(m))
	}
}

func TestFindLinks(t *testing.T) {
	fsys := workshop(map[string]string{
		"work/app/r.txt":          "-f sub\n-r sub/o.txt\n--find-links=https://u:p@h.example/links\n-f https://${U}@h.example/x\n-f file:sub/../sub\n--find-links /work/lib",
		"work/app/sub/o.txt":      "-f .\n-f ..",
		"work/app/pyproject.toml": "[project]\nname='p'\n[tool.uv]\nfind-links = ['sub', 'https://h.example/links']",
	})
	for file, want := range map[string]string{
		"r.txt":          `["sub" "." "https://u:p@h.example/links" "https://${U}@h.example/x" "/work/lib"]`,
		"pyproject.toml": `["sub" "https://h.example/links"]`,
	} {
		m, err := ReadRooted(fsys, "work/app/"+file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if got := fmt.Sprintf("%q", m.FindLinks); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

func TestRelativePath(t *testing.T) {
	for _, test := range [][3]string{
		{".", ".", "."}, {".", "a/b", "a/b"}, {"a", ".", ".."}, {"a/b", "a/c/d", "../c/d"}, {"a", "a", "."}, {"a", "ab", "../ab"}, {"a/b", "c", "../../c"},
	} {
		if got := relativePath(test[0], test[1]); got != test[2] {
			t.Errorf("%s from %s is %s, want %s", test[1], test[0], got, test[2])
		}
	}
}

// FuzzStaticMetadata checks that what is read of any pyproject.toml is metadata:
// it has a name and a version, and its requirements can be parsed again.
func FuzzStaticMetadata(f *testing.F) {
	for _, file := range workshop(nil) {
		f.Add(string(file.Data))
	}
	f.Add("[project]\nname = 'a'\nversion = '1'\ndependencies = ['a[x]', 'b @ ./d ; os_name == \"nt\"']\n[project.optional-dependencies]\nx = ['c (>=1)', 'a[y]']\ny = []")
	f.Fuzz(func(t *testing.T, text string) {
		fsys := fstest.MapFS{"d/pyproject.toml": {Data: []byte(text)}}
		m, err := StaticMetadata(fsys, "d")
		if err != nil {
			checkError(t, err)
			return
		}
		if m.Name == "" || m.Version.IsZero() {
			t.Fatalf("no name or version: %+v", m)
		}
		for _, line := range m.RequiresDist {
			r, err := (&folder{fsys: fsys, home: "."}).requirement("x", line, Position{File: "x", Line: 1, Col: 1})
			if err != nil || r.Direct != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
	})
}

package lockfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// dump writes all that a manifest says, one thing a line.
func dump(m *Manifest) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("kind %d name %q, read %q", m.Kind, m.Name, m.Files)
	if !m.RequiresPython.Empty() {
		line("%v: python %v (%q, %q)", m.PythonPos, m.RequiresPython, m.PythonVersion, m.PythonFullVersion)
	}
	line("groups %q extras %q", m.Groups, m.Extras)
	line("prereleases %v for %q, no index %v, no build %v, no binary %v", m.Prereleases, m.PrereleasesFor, m.NoIndex, m.NoBuild, m.NoBinary)
	if m.ExcludeNewer != "" {
		line("%v: exclude newer %q", m.ExcludeNewerPos, m.ExcludeNewer)
	}
	for _, s := range m.Sources {
		line("%v: source %s %s verify %v extra %v explicit %v", s.Pos, s.Name, s.URL, s.VerifySSL, s.Extra, s.Explicit)
	}
	if len(m.FindLinks) > 0 {
		line("find links %q", m.FindLinks)
	}
	list := func(what string, rs []Requirement) {
		for _, r := range rs {
			line("%v: %s group=%s extra=%s index=%s: %s\n\tis %s", r.Pos, what, r.Group, r.Extra, r.Index, r.Text, r.Requirement)
			if d := r.Direct; d != nil {
				line("\tfrom %v (directory %v editable %v sha256 %q): %v", d, d.Directory, d.Editable, d.SHA256, d.Package)
				if d.Metadata != nil {
					line("\tpython %q requires %q extras %q", d.Metadata.RequiresPython, d.Metadata.RequiresDist, d.Metadata.ProvidesExtra)
				}
			}
			for _, h := range r.Hashes {
				line("\t%s", h)
			}
		}
	}
	list("requirement", m.Requirements)
	list("constraint", m.Constraints)
	for _, b := range m.Broken {
		line("broken group=%s extra=%s: %v", b.Group, b.Extra, b.Err)
	}
	if m.PipfileHash != "" {
		line("hash %s", m.PipfileHash)
	}
	return b.String()
}

func TestManifestGolden(t *testing.T) {
	dirs, err := os.ReadDir("testdata/manifest")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			fsys := os.DirFS(filepath.Join("testdata/manifest", d.Name()))
			name, err := Find(fsys)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Read(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "manifest/"+d.Name()+".golden", []byte(dump(m)))
		})
	}
}

// A refusal is a manifest that must be refused, and how.
type refusal struct {
	name, text, want string
}

// testRefusals checks that file with each text is refused as wanted.
func testRefusals(t *testing.T, file string, tests []refusal) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Read(fstest.MapFS{file: {Data: []byte(test.text)}}, file)
			if err == nil {
				t.Fatalf("read as\n%s", dump(m))
			}
			checkError(t, err)
			// What package py says of its words stands for ??? and is tested there.
			if before, after, ok := strings.Cut(test.want, "???"); ok {
				if got := err.Error(); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || len(got) <= len(before)+len(after) {
					t.Errorf("got %s, want %s", got, test.want)
				}
				return
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// checkError fails unless err is an *Error with a position that can be.
func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Pos.File == "" || e.Msg == "" || e.Pos.Line < 0 || e.Pos.Line == 0 && e.Pos.Col != 0 {
		t.Fatalf("not a good *Error: %#v", err)
	}
}

// fuzzRead checks that reading never panics, refuses with an *Error, gives the
// same twice, and that what is read lies within the file.
func fuzzRead(t *testing.T, file, text string) {
	fsys := fstest.MapFS{file: {Data: []byte(text)}, "lib/pyproject.toml": {Data: []byte("[project]\nname = 'lib'\nversion = '1'")}, "other.txt": {Data: []byte("a\n-r " + file)}}
	m, err := Read(fsys, file)
	again, err2 := Read(fsys, file)
	if err != nil {
		checkError(t, err)
		if err2 == nil || err2.Error() != err.Error() {
			t.Fatalf("second time: %v, not %v", err2, err)
		}
		return
	}
	if err2 != nil || dump(m) != dump(again) {
		t.Fatalf("read differently the second time (%v)", err2)
	}
	count := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
	for _, r := range m.Requirements {
		if r.Name == "" || r.err != nil || r.Pos.Line < 1 || r.Pos.Line > count || r.Pos.Col < 1 {
			t.Fatalf("%q at %v of %d lines", r.Name, r.Pos, count)
		}
	}
	for _, b := range m.Broken {
		checkError(t, b.Err)
		if b.Group == "" && b.Extra == "" || b.Group != "" && !slices.Contains(m.Groups, b.Group) || b.Extra != "" && !slices.Contains(m.Extras, b.Extra) {
			t.Fatalf("%+v is broken, of groups %q and extras %q", b, m.Groups, m.Extras)
		}
	}
	if m.Files[0] != file {
		t.Fatalf("read %q", m.Files)
	}
	seen := map[string]bool{}
	for _, s := range m.Sources {
		if seen[s.Name] {
			t.Fatalf("source %q twice", s.Name)
		}
		seen[s.Name] = true
	}
	for _, r := range m.Requirements {
		if r.Index != "" && !seen[r.Index] {
			t.Fatalf("%s from unknown index %q", r.Name, r.Index)
		}
	}
}

// TestConformanceManifests reads every manifest of the shared data.
func TestConformanceManifests(t *testing.T) {
	fsys := os.DirFS(kbtest.Shared(t))
	// Refusals that are right, of the file or of groups, by file: what the message
	// must contain.
	refused := map[string]string{
		"ecosystem/pyx-workspace/pyproject.toml": "comes from workspace", // its requirements are the workspace's members
	}
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := filepath.Base(name)
		in := func(top string) bool { return strings.HasPrefix(name, top+"/") }
		if in("ecosystem") && base == "pyproject.toml" || in("requirements") && strings.HasSuffix(base, ".in") ||
			in("pypi-answers") && strings.HasSuffix(base, ".in") || in("remediation") && base == "requirements.txt" {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no manifests in the shared data")
	}
	for _, name := range files {
		m, err := Read(fsys, name)
		want, refusal := refused[name]
		if err == nil && len(m.Broken) > 0 {
			err = m.Broken[0].Err
		}
		switch {
		case refusal && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		case !refusal && err != nil:
			t.Errorf("%v", err)
		case err == nil && len(m.Requirements) == 0:
			t.Errorf("%s: no requirements", name)
		}
	}
	t.Logf("%d manifests", len(files))
}

// TestConformanceScenarios reads the requirements of pip-scenarios.json as
// requirements files.
func TestConformanceScenarios(t *testing.T) {
	data, err := os.ReadFile(kbtest.Shared(t, "pip-scenarios.json"))
	if err != nil {
		t.Fatal(err)
	}
	var scenarios map[string]struct{ Requirements []string }
	if err := json.Unmarshal(data, &scenarios); err != nil {
		t.Fatal(err)
	}
	for name, s := range scenarios {
		text := strings.Join(s.Requirements, "\n")
		m, err := Read(fstest.MapFS{"r.txt": {Data: []byte(text)}}, "r.txt")
		// Some ask for commits of a repository, which thamos refuses.
		if vcs := strings.Contains(text, "git+"); vcs != (err != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		} else if vcs {
			if !strings.Contains(err.Error(), "version control system") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if len(m.Requirements) != len(s.Requirements) {
			t.Errorf("%s: %d requirements, want %d", name, len(m.Requirements), len(s.Requirements))
		}
	}
}

func TestReadDispatch(t *testing.T) {
	testRefusals(t, "setup.cfg", []refusal{{"kind", "", "setup.cfg: cannot tell what kind of manifest this is (give a Pipfile, a pyproject.toml, or requirements in a file named *.txt or *.in)"}})
	for name, want := range map[string]string{
		"none.txt":       "none.txt: no such file",
		"../x.txt":       "../x.txt: not a path inside the folder",
		"dir.txt":        "dir.txt: is a folder (give the file itself)",
		"pyproject.toml": "pyproject.toml: no such file",
	} {
		_, err := Read(fstest.MapFS{"dir.txt/x": {}}, name)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if strings.Contains(want, "no such") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", name, err)
		}
	}
}

func TestFind(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := []struct {
		name      string
		fsys      fstest.MapFS
		want, err string
	}{
		{"all", fstest.MapFS{"Pipfile": file(""), "pyproject.toml": file("[project]"), "requirements.txt": file("")}, "Pipfile", ""},
		{"project", fstest.MapFS{"pyproject.toml": file("[project]"), "requirements.in": file("")}, "pyproject.toml", ""},
		{"poetry", fstest.MapFS{"pyproject.toml": file("tool.poetry.name = 'x'"), "requirements.in": file("")}, "pyproject.toml", ""},
		{"groups", fstest.MapFS{"pyproject.toml": file("[dependency-groups]")}, "pyproject.toml", ""},
		{"tools only", fstest.MapFS{"pyproject.toml": file("[tool.black]"), "requirements.txt": file("")}, "requirements.txt", ""},
		{"in first", fstest.MapFS{"requirements.in": file(""), "requirements.txt": file("")}, "requirements.in", ""},
		{"folder", fstest.MapFS{"Pipfile/x": file(""), "requirements.txt": file("")}, "requirements.txt", ""},
		{"none", fstest.MapFS{}, "", ".: no manifest here: looked for Pipfile, pyproject.toml, requirements.in and requirements.txt (name the manifest, or start in the project's folder)"},
		{"silent", fstest.MapFS{"pyproject.toml": file("[tool.black]")}, "", ".: no manifest here: looked for Pipfile, pyproject.toml, requirements.in and requirements.txt; pyproject.toml has none of [project], [tool.poetry] and [dependency-groups] (name the manifest, or start in the project's folder)"},
		{"broken", fstest.MapFS{"pyproject.toml": file("[project"), "requirements.txt": file("")}, "", "pyproject.toml:1:1: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Find(test.fsys)
			text := ""
			if err != nil {
				checkError(t, err)
				text = err.Error()
			}
			if got != test.want || text != test.err && !(test.name == "broken" && strings.Contains(text, "not valid TOML")) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://index.example/simple":                         "https://index.example/simple",
		"https://user:secret@index.example/simple":             "https://****:****@index.example/simple",
		"https://token@index.example/":                         "https://****@index.example/",
		"https://${USER}:${PASS_2}@index.example/":             "https://${USER}:${PASS_2}@index.example/",
		"https://user:${PASS}@index.example/":                  "https://****:${PASS}@index.example/",
		"https://${USER}x:${A}${B}@index.example/":             "https://****:****@index.example/",
		"https://u:p@ss@index.example/":                        "https://****:****@index.example/",
		"https://u:p/w@index.example/":                         "https://****:****@index.example/",
		"https://index.example:8080/a@1.0":                     "https://index.example:8080/a@1.0",
		"https://index.example/a@1.0":                          "https://index.example/a@1.0",
		"https://[::1]:80/a@b":                                 "https://[::1]:80/a@b",
		"https://@index.example/":                              "https://@index.example/",
		"a @ git+ssh://git@git.example/x@v1, https://b:c@d/ e": "a @ git+ssh://****@git.example/x@v1, https://****:****@d/ e",
		`"https://u:p@h"`:                                      `"https://****:****@h"`,
		"no URL: a@b":                                          "no URL: a@b",
	} {
		if got := RedactURL(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestSourceName(t *testing.T) {
	m := &Manifest{}
	for _, url := range []string{"https://u:p@index.example/simple/", "https://index.example:80/a_b?x#y", "https://index.example/simple", "file:///", "https://index.example/simple"} {
		if err := m.addSource(Source{URL: url}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, s := range m.Sources {
		names = append(names, s.Name)
	}
	want := []string{"index-example-simple", "index-example-80-a-b", "index-example-simple-2", "index", "index-example-simple-3"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// TestBadText reads bytes that are no text as each kind of manifest.
func TestBadText(t *testing.T) {
	big := strings.Repeat("#2345678901234567890123456789012345678901234567890123456789012\n", maxFile/32)
	for name, test := range map[string]struct{ text, want string }{
		"utf16":   {"\xff\xfea\x00", ":1:1: the file is UTF-16 (save the file as UTF-8)"},
		"utf16be": {"\xfe\xff\x00a", ":1:1: the file is UTF-16 (save the file as UTF-8)"},
		"latin1":  {"# a\n# caf\xe9\n", ":2:6: byte 0xe9 is not UTF-8 (save the file as UTF-8)"},
		"nul":     {"# a\n#\x00", ":2:2: NUL byte (is this a text file?)"},
		"big":     {big, ": larger than "},
	} {
		for _, file := range []string{"Pipfile", "pyproject.toml", "r.txt"} {
			_, err := Read(fstest.MapFS{file: {Data: []byte(test.text)}}, file)
			if err == nil || !strings.HasPrefix(err.Error(), file+test.want) {
				t.Errorf("%s of %s: %v", name, file, err)
			}
		}
	}
}

// TestReadBounded checks that of a huge file no more is read than the limit.
func TestReadBounded(t *testing.T) {
	f := &endless{}
	if _, err := readLimited(f, "x", 1<<20); err == nil {
		t.Fatal("no error")
	}
	if f.read > 2<<20 {
		t.Errorf("read %d bytes", f.read)
	}
}

// An endless is a file system with one regular file without an end.
type endless struct{ read int }

func (f *endless) Open(string) (fs.File, error) { return f, nil }
func (f *endless) Close() error                 { return nil }
func (f *endless) Read(p []byte) (int, error)   { f.read += len(p); return len(p), nil }
func (f *endless) Stat() (fs.FileInfo, error) {
	return fs.Stat(fstest.MapFS{"x": {}}, "x")
}

func mustSpecifiers(t *testing.T, s string) py.Specifiers {
	t.Helper()
	specs, err := py.ParseSpecifiers(s)
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

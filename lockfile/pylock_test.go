package lockfile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// What is written is TOML that says what the lock says.
func TestPylockParses(t *testing.T) {
	l := sampleLock(t)
	text, err := l.Pylock()
	if err != nil {
		t.Fatal(err)
	}
	type file struct {
		Name, URL, Path string
		Size            int64
		Hashes          map[string]string
	}
	var got struct {
		Version  string   `toml:"lock-version"`
		Extras   []string `toml:"extras"`
		Groups   []string `toml:"dependency-groups"`
		Packages []struct {
			Name, Version, Marker, Index string
			Dependencies                 []struct{ Name string }
			Sdist                        file
			Wheels                       []file
		}
	}
	if _, err := toml.Decode(string(text), &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got.Version != "1.0" || strings.Join(got.Extras, " ") != "ml" || strings.Join(got.Groups, " ") != "dev docs" {
		t.Errorf("got %q, extras %q, groups %q", got.Version, got.Extras, got.Groups)
	}
	markers, indexes := map[string]string{}, map[string]string{}
	for i, p := range got.Packages {
		want := l.Packages[i]
		if p.Name != string(want.Name) || p.Version != want.Version.String() {
			t.Errorf("package %d is %s==%s, want %s", i, p.Name, p.Version, want.Package)
		}
		if p.Marker != "" {
			markers[p.Name] = p.Marker
		}
		if p.Index != "" {
			indexes[p.Name] = p.Index
		}
		if p.Sdist.Hashes["sha256"] == "" || p.Sdist.URL == "" || len(p.Wheels) != 1 || p.Wheels[0].Hashes["sha256"] == "" {
			t.Errorf("%s: sdist %v, wheels %v", p.Name, p.Sdist, p.Wheels)
		}
	}
	want := map[string]string{
		"itsdangerous": "'dev' in dependency_groups or 'docs' in dependency_groups",
		"torch":        "'ml' in extras or 'docs' in dependency_groups",
	}
	if diff := cmp.Diff(want, markers); diff != "" {
		t.Errorf("markers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"flask": "https://index.example/simple", "pysocks": "https://private.example/simple"}, indexes); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
	torch := got.Packages[5]
	if torch.Wheels[0].Name != "torch-2.1.0+cpu-py3-none-any.whl" || torch.Wheels[0].URL != "https://files.example/download?file=7" {
		t.Errorf("a file whose URL does not end in its name is %+v", torch.Wheels[0])
	}
	if !strings.HasSuffix(torch.Sdist.URL, ".tar.gz") || torch.Sdist.Name != "" {
		t.Errorf("of two source distributions %+v was taken", torch.Sdist)
	}
}

func TestPylockVariables(t *testing.T) {
	l := sampleLock(t)
	l.Packages[0].Index = "variables"
	l.Sources[0].URL = "https://${HOST}/simple"
	l.Packages[0].Files[0].URL = "https://${NAME}:${PASSWORD}@files.example/click-8.1.7-py3-none-any.whl"
	text, err := l.Pylock()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); strings.Contains(got, "${") || !strings.Contains(got, `index = "https://variables.example:8443/simple"`) {
		t.Errorf("got\n%s", got)
	}
}

func TestPylockMissingURL(t *testing.T) {
	l := sampleLock(t)
	l.Packages[1].Files[0].URL = ""
	l.Packages[4].Files[1].URL = ""
	got, err := l.Pylock()
	e, ok := errors.AsType[*MissingURLError](err)
	if !ok {
		t.Fatalf("got %v and\n%s", err, got)
	}
	if diff := cmp.Diff("pylock.toml needs the URL of every file, and those of flask==3.0.0, requests==2.31.0 are not known", e.Error()); diff != "" {
		t.Error(diff)
	}
	if len(e.Packages) != 2 || e.Packages[0].Name != "flask" {
		t.Errorf("packages %v", e.Packages)
	}
	// A file that is not named needs no URL: the .zip beside a .tar.gz.
	l = sampleLock(t)
	zip := slices.IndexFunc(l.Packages[5].Files, func(f py.File) bool { return strings.HasSuffix(f.Filename, ".zip") })
	l.Packages[5].Files[zip].URL = ""
	if _, err := l.Pylock(); err != nil {
		t.Errorf("without the URL of a file that is not named: %v", err)
	}
	many := &MissingURLError{Packages: make([]py.Package, 7)}
	for i := range many.Packages {
		many.Packages[i] = l.Packages[0].Package
	}
	if !strings.Contains(many.Error(), "click==8.1.7 and 2 more are not known") {
		t.Errorf("got %v", many)
	}
}

func TestPylockFileDir(t *testing.T) {
	l := sampleLock(t)
	for i := range l.Packages {
		for j := range l.Packages[i].Files {
			l.Packages[i].Files[j].URL = ""
		}
	}
	for dir, want := range map[string]string{
		"wheels":      `path = "wheels/click-8.1.7-py3-none-any.whl"`,
		"../a/./b/":   `path = "../a/b/click-8.1.7-py3-none-any.whl"`,
		".":           `path = "click-8.1.7-py3-none-any.whl"`,
		`with "mark"`: `path = "with \"mark\"/click-8.1.7-py3-none-any.whl"`,
	} {
		l.FileDir = dir
		got, err := l.Pylock()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(got), want) || strings.Contains(string(got), "url = ") {
			t.Errorf("%s: no %s in\n%s", dir, want, got)
		}
	}
}

func TestPylockEnvironment(t *testing.T) {
	l := sampleLock(t)
	l.Environment = &py.Environment{
		Implementation: "cpython",
		Python:         version(t, "3.11.4"),
		Platform:       py.Platform{OS: "linux", Machine: "x86_64", Libc: "glibc", Major: 2, Minor: 36},
	}
	got, err := l.Pylock()
	if err != nil {
		t.Fatal(err)
	}
	want := `
environments = [
    "implementation_name == 'cpython' and platform_machine == 'x86_64' and python_version == '3.11' and sys_platform == 'linux'",
]
`
	if !strings.Contains(string(got), want) {
		t.Errorf("no %s in\n%s", want, got)
	}
	l.Environment.FreeThreaded = true
	const about = "\n# Only for free-threaded Python, which no marker can say.\nenvironments = ["
	if free, err := l.Pylock(); err != nil || strings.Replace(string(free), about, "\nenvironments = [", 1) != string(got) || !strings.Contains(string(free), about) {
		t.Errorf("for a free-threaded Python: %v and\n%s", err, free)
	}
	l.Environment.Platform.Machine = "x'86"
	if got, err := l.Pylock(); err == nil {
		t.Errorf("a machine with a quote gives no error, but\n%s", got)
	}
}

package lockfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// version parses a version that is known to be one.
func version(t testing.TB, s string) py.Version {
	t.Helper()
	v, err := py.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// digest returns a sha256 that tells files of a test apart.
func digest(n int) string { return fmt.Sprintf("%064x", n) }

// pin returns a package with a wheel and a source distribution.
func pin(t testing.TB, name, v string, n int, change func(*Pin)) Pin {
	t.Helper()
	p := Pin{Package: py.Package{Name: py.Name(name), Version: version(t, v)}, Default: true}
	for i, file := range []string{name + "-" + v + "-py3-none-any.whl", name + "-" + v + ".tar.gz"} {
		p.Files = append(p.Files, py.File{
			Filename: file,
			Size:     int64(1000*n + i),
			SHA256:   digest(10*n + 1 - i), // so that the order of hashes is not that of names
			Uploaded: 1700000000 + int64(n),
			URL:      "https://files.example/" + digest(n)[60:] + "/" + file,
		})
	}
	if change != nil {
		change(&p)
	}
	return p
}

// sampleLock has something of everything that a lock can hold.
func sampleLock(t testing.TB) *Lock {
	return &Lock{
		Packages: []Pin{
			pin(t, "click", "8.1.7", 1, func(p *Pin) {
				p.Groups = []string{"dev"}
				p.RequiresPython = ">=3.7"
				p.Via = []string{"-r requirements.in", "flask"}
			}),
			pin(t, "flask", "3.0.0", 2, func(p *Pin) {
				p.RequiresPython = ">=3.8"
				p.Via = []string{"-r requirements.in"}
				p.Requires = []py.Name{"click"}
				p.Index = "main"
			}),
			pin(t, "itsdangerous", "2.2.0", 3, func(p *Pin) {
				p.Default, p.Groups = false, []string{"dev", "docs"}
				p.RequiresPython = "not a specifier"
			}),
			pin(t, "pysocks", "1.7.1", 4, func(p *Pin) {
				p.RequiresPython = ">=2.7, !=3.0.*, !=3.1.*, <4, !=3.9.7"
				p.Via = []string{"requests"}
				p.Index = "private"
			}),
			pin(t, "requests", "2.31.0", 5, func(p *Pin) {
				p.Extras = []py.Name{"socks", "use-chardet-on-py3"}
				p.Requires = []py.Name{"pysocks"}
				p.Via = []string{"-r requirements.in"}
			}),
			pin(t, "torch", "2.1.0+cpu", 6, func(p *Pin) {
				p.Default, p.ForExtras, p.Groups = false, []py.Name{"ml"}, []string{"docs"}
				p.Files = append(p.Files, py.File{Filename: "torch-2.1.0+cpu.zip", SHA256: digest(66)},
					py.File{Filename: "torch-2.1.0+cpu-cp27-none-any.whl"})
				p.Files[0].URL = "https://user:secret@files.example/download?file=7#sha256=1"
				p.Files[2].URL = "https://files.example/torch.zip"
				slices.SortFunc(p.Files, func(a, b py.File) int { return strings.Compare(a.Filename, b.Filename) })
			}),
		},
		Sources: []Source{
			{Name: "main", URL: "https://index.example/simple", VerifySSL: true},
			{Name: "private", URL: "https://user:secret@private.example/simple", Extra: true},
			{Name: "variables", URL: "https://${NAME}:${PASSWORD}@variables.example:8443/simple", VerifySSL: true, Extra: true},
		},
		RequiresPython: ">=3.8,<4",
		PipfileHash:    digest(99),
		PythonVersion:  "3.11",
		Comment:        []string{"made by thamos for \"linux\"", "", "thamos advise --index https://user:secret@index.example/"},
	}
}

// writers are the formats that a lock can be written in.
var writers = []struct {
	name  string
	write func(*Lock) ([]byte, error)
}{
	{"Pipfile.lock", (*Lock).PipfileLock},
	{"requirements.txt", (*Lock).RequirementsTxt},
	{"pylock.toml", (*Lock).Pylock},
}

func TestGolden(t *testing.T) {
	sets := []struct {
		name string
		lock *Lock
	}{
		{"sample", sampleLock(t)},
		{"empty", &Lock{}},
		{"plain", &Lock{
			Packages:      []Pin{pin(t, "idna", "3.6", 1, func(p *Pin) { p.Files = p.Files[:1] })},
			Sources:       []Source{{Name: "main", URL: "https://index.example/simple", VerifySSL: true}},
			DefaultSource: "main",
		}},
	}
	for _, set := range sets {
		for _, w := range writers {
			t.Run(set.name+"/"+w.name, func(t *testing.T) {
				got, err := w.write(set.lock)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, "lock/"+set.name+"."+w.name, got)
			})
		}
	}
}

func TestWriteDeterministic(t *testing.T) {
	for _, w := range writers {
		first, err := w.write(sampleLock(t))
		if err != nil {
			t.Fatal(err)
		}
		mixed := sampleLock(t)
		slices.Reverse(mixed.Packages)
		for i := range mixed.Packages {
			p := &mixed.Packages[i]
			slices.Reverse(p.Files)
			slices.Reverse(p.Groups)
			slices.Reverse(p.Extras)
			slices.Reverse(p.Via)
			slices.Reverse(p.Requires)
		}
		name := mixed.Packages[0].Name
		got, err := w.write(mixed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, got) {
			t.Errorf("%s: the order of the slices shows:\n%s\n%s", w.name, first, got)
		}
		if mixed.Packages[0].Name != name {
			t.Errorf("%s: writing changed the lock", w.name)
		}
	}
}

func TestWriteNoCredentials(t *testing.T) {
	for _, w := range writers {
		for _, url := range []string{
			"https://user:secret@host.example/simple",
			"https://secret@host.example/simple",
			"https://secret:@host.example/simple",
			"https://${USER}:secret@host.example/simple",
			"https://${USER}secret@host.example/simple",
			"https://us@er:sec@secret@host.example/simple",
			"https://user:$secret@host.example/simple",
		} {
			l := sampleLock(t)
			l.Sources[0].URL = url
			l.Packages[0].Files[0].URL = strings.Replace(url, "simple", l.Packages[0].Files[0].Filename, 1)
			got, err := w.write(l)
			if err != nil {
				t.Errorf("%s, %s: %v", w.name, url, err)
			}
			if bytes.Contains(got, []byte("secret")) || !bytes.Contains(got, []byte("https://host.example/simple")) && w.name != "pylock.toml" {
				t.Errorf("%s, %s: got\n%s", w.name, url, got)
			}
		}
		l := sampleLock(t)
		l.Sources[0].URL = "https://user:se/cret@host.example/simple"
		if got, err := w.write(l); err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: a password with a slash gives %v and\n%s", w.name, err, got)
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	for _, test := range []struct{ in, want string }{ // an empty want is an error
		{"https://host/simple", "https://host/simple"},
		{"https://host:80/simple/#fragment", "https://host:80/simple/"},
		{"https://host/a@b", "https://host/a@b"},
		{"https://host?a=b", "https://host?a=b"},
		{"https://host/?a=b@c#d@e", "https://host/?a=b@c"},
		{"https://user:12?3@host/simple", ""},
		{"https://user:12#3@host/simple", ""},
		{"https://${A}:${B}@host/simple", "https://${A}:${B}@host/simple"},
		{"https://user:${B}@host/simple", "https://user:${B}@host/simple"},
		{"https://${TOKEN}@host/simple", "https://${TOKEN}@host/simple"},
		{"https://${TOKEN}:@host/simple", "https://${TOKEN}:@host/simple"},
		{"https://${HOST}:${PORT}/${WHERE}", "https://${HOST}:${PORT}/${WHERE}"},
		{"https://$A:$B@host/simple", "https://host/simple"},
		{"${INDEX}", "${INDEX}"},
		{"${HOST}/simple", "${HOST}/simple"},
		{"${HOST}x", ""},
		{"${HOST}/user:p@host", ""},
		{"https://:p@host/simple", "https://host/simple"},
		{"https://@host/simple", "https://host/simple"},
		{"file:///srv/simple", "file:///srv/simple"},
		{"", ""},
		{"host/simple", ""},
		{"://host/simple", ""},
		{"https:host", ""},
		{"https:///simple", ""},
		{"https://host/a b", ""},
		{"https://host/\n--pre", ""},
		{"https://host/\u2028", ""},
		{"https://host/\xff", ""},
		{"https://user:p%zz@host/", ""},
		{"https://user:p/a@host/", ""},
		{`https://host/"`, ""},
	} {
		got, err := withoutCredentials(test.in)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q gives %q, %v; want %q", test.in, got, err, test.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Lock)
		want   string // part of the error
	}{
		{"a name twice", func(l *Lock) { l.Packages[4].Name = "click" }, "click is pinned twice"},
		{"no sha256", func(l *Lock) {
			for i := range l.Packages[0].Files {
				l.Packages[0].Files[i].SHA256 = ""
			}
		}, "click==8.1.7 has no file whose sha256 is known"},
		{"no files", func(l *Lock) { l.Packages[0].Files = nil }, "click==8.1.7 has no file whose sha256 is known"},
		{"upper-case sha256", func(l *Lock) { l.Packages[0].Files[0].SHA256 = strings.Repeat("A", 64) }, "in lower-case hex"},
		{"short sha256", func(l *Lock) { l.Packages[0].Files[0].SHA256 = "ab" }, "in lower-case hex"},
		{"name not normal", func(l *Lock) { l.Packages[0].Name = "Click" }, `"Click" is not a normalised project name`},
		{"no name", func(l *Lock) { l.Packages[0].Name = "" }, `"" is not a normalised project name`},
		{"no version", func(l *Lock) { l.Packages[0].Version = py.Version{} }, "click has no version"},
		{"needed by nobody", func(l *Lock) { l.Packages[1].Default = false }, "flask==3.0.0 is needed by neither"},
		{"unknown source", func(l *Lock) { l.Packages[0].Index = "other" }, `comes from source "other"`},
		{"file in a directory", func(l *Lock) { l.Packages[0].Files[0].Filename = "../click.whl" }, "is not a file name"},
		{"file on two lines", func(l *Lock) { l.Packages[0].Files[0].Filename = "a\nb.whl" }, "is not a file name"},
		{"file twice", func(l *Lock) { l.Packages[0].Files[0].Filename = l.Packages[0].Files[1].Filename }, "is listed twice"},
		{"via on two lines", func(l *Lock) { l.Packages[0].Via = []string{"a\n--pre"} }, "does not fit on a line"},
		{"extra", func(l *Lock) { l.Packages[0].Extras = []py.Name{"a]\n"} }, "is not a name"},
		{"group on two lines", func(l *Lock) { l.Packages[0].Groups = []string{"a\nb"} }, "is not the name of a group"},
		{"group without a name", func(l *Lock) { l.Packages[0].Groups = []string{""} }, "is not the name of a group"},
		{"source twice", func(l *Lock) { l.Sources[2].Name = "main" }, `two sources are named "main"`},
		{"source without a name", func(l *Lock) { l.Sources[2].Name = "" }, "not the name of a source"},
		{"URL of a source", func(l *Lock) { l.Sources[0].URL = "https://host/\n--pre" }, `source "main": its URL has blanks`},
	} {
		for _, w := range writers {
			l := sampleLock(t)
			test.change(l)
			if got, err := w.write(l); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: got %v and\n%s", w.name, test.name, err, got)
			}
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		write  func(*Lock) ([]byte, error)
		change func(*Lock)
		want   string
	}{
		{"comment on two lines", (*Lock).RequirementsTxt, func(l *Lock) { l.Comment = []string{"a\nb"} }, "does not fit on a line"},
		{"comment on two lines", (*Lock).Pylock, func(l *Lock) { l.Comment = []string{"a\rb"} }, "does not fit on a line"},
		{"group default", (*Lock).PipfileLock, func(l *Lock) { l.Packages[0].Groups = []string{"default"} }, `group "default"`},
		{"group _meta", (*Lock).PipfileLock, func(l *Lock) { l.Packages[0].Groups = []string{"_meta"} }, `group "_meta"`},
		{"group with quotes", (*Lock).Pylock, func(l *Lock) { l.Packages[0].Groups = []string{"a'b"} }, "cannot have a group of that name"},
		{"requires-python", (*Lock).Pylock, func(l *Lock) { l.RequiresPython = "three" }, "requires-python"},
		{"URL of a file", (*Lock).Pylock, func(l *Lock) { l.Packages[0].Files[0].URL = "click.whl" }, "its URL cannot be read"},
		{"no artifact", (*Lock).Pylock, func(l *Lock) {
			l.Packages[0].Files = []py.File{{Filename: "click-8.1.7.exe", SHA256: digest(1), URL: "https://files.example/click.exe"}}
		}, "none of its files is a wheel"},
		{"absolute directory", (*Lock).Pylock, func(l *Lock) { l.FileDir = "/srv" }, "must be relative"},
		{"backslashes", (*Lock).Pylock, func(l *Lock) { l.FileDir = `a\b` }, "must be relative"},
		{"drive", (*Lock).Pylock, func(l *Lock) { l.FileDir = "c:wheels" }, "must be relative"},
	} {
		l := sampleLock(t)
		test.change(l)
		if got, err := test.write(l); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v and\n%s", test.name, err, got)
		}
	}
}

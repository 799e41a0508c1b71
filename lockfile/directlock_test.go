package lockfile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// directPin returns a pin of a directory, or of a wheel if place ends with .whl.
func directPin(t testing.TB, name, v, place string, change func(*Pin)) Pin {
	t.Helper()
	pkg := py.Package{Name: py.Name(name), Version: version(t, v)}
	p := Pin{Package: pkg, Default: true, Direct: &Direct{Package: pkg}}
	if strings.Contains(place, "://") {
		p.Direct.URL = place
	} else {
		p.Direct.Path = place
	}
	if strings.Contains(place, ".whl") {
		p.Files = []py.File{{Filename: p.Direct.Filename(), SHA256: digest(len(place)), Size: 1000}}
	} else {
		p.Direct.Directory = true
	}
	if change != nil {
		change(&p)
	}
	return p
}

// wheelsLock has wheels of every kind beside releases, directLock directories too.
func wheelsLock(t testing.TB) *Lock {
	return &Lock{
		Packages: []Pin{
			pin(t, "idna", "3.6", 1, func(p *Pin) { p.Via = []string{"near"} }),
			directPin(t, "far", "1+cpu", "https://user:secret@host.example/x/far-1%2Bcpu-py3-none-any.whl?a=b", nil),
			directPin(t, "named", "2", "https://${USER}:${PASSWORD}@host.example/named-2-py3-none-any.whl", func(p *Pin) { p.Extras = []py.Name{"x"} }),
			directPin(t, "near", "1.0", "wheels/near-1.0-py3-none-any.whl", func(p *Pin) { p.Requires, p.Via = []py.Name{"idna"}, []string{"-r r.in"} }),
			directPin(t, "root", "1.0", "/srv/my wheels/root-1.0-py3-none-any.whl", func(p *Pin) { p.Default, p.Groups = false, []string{"dev"} }),
		},
		Sources:       []Source{{Name: "main", URL: "https://index.example/simple", VerifySSL: true}},
		DefaultSource: "main",
		FindLinks:     []string{"wheels", "/srv/links", "https://user:secret@host.example/links"},
		Comment:       []string{"made by thamos"},
	}
}

func directLock(t testing.TB) *Lock {
	l := wheelsLock(t)
	l.Packages = append(l.Packages,
		directPin(t, "app", "0.1", ".", func(p *Pin) { p.Direct.Editable, p.Extras = true, []py.Name{"a", "b"} }),
		directPin(t, "lib", "1.2", "../lib", func(p *Pin) { p.RequiresPython, p.Extras, p.Index = ">=3.8", []py.Name{"x"}, "main" }),
		directPin(t, "member", "1", "packages/member", func(p *Pin) { p.Direct.Editable, p.Requires = true, []py.Name{"lib"} }),
		directPin(t, "srv", "3", "/srv/a folder", nil),
		directPin(t, "srv-editable", "3", "/srv/editable", func(p *Pin) { p.Direct.Editable = true }),
	)
	return l
}

func TestDirectGolden(t *testing.T) {
	for _, set := range []struct {
		name string
		lock *Lock
	}{{"wheels", wheelsLock(t)}, {"direct", directLock(t)}} {
		for _, w := range writers {
			t.Run(set.name+"/"+w.name, func(t *testing.T) {
				got, err := w.write(set.lock)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(got, []byte("secret")) {
					t.Errorf("has credentials:\n%s", got)
				}
				golden(t, "lock/"+set.name+"."+w.name, got)
			})
		}
	}
}

// TestDirectHashes checks that no hash is lost unless there is a directory, and
// that then pip's own condition holds: none at all.
func TestDirectHashes(t *testing.T) {
	with, err := wheelsLock(t).RequirementsTxt()
	if err != nil {
		t.Fatal(err)
	}
	without, err := directLock(t).RequirementsTxt()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(with, []byte("--hash=sha256:")); n != 6 {
		t.Errorf("%d hashes, want 6:\n%s", n, with)
	}
	if bytes.Contains(without, []byte("--hash")) || !bytes.Contains(without, []byte("# There are no hashes here")) {
		t.Errorf("hashes beside a directory, or no word of it:\n%s", without)
	}
	if n := bytes.Count(without, []byte("#sha256=")); n != 3 {
		t.Errorf("%d URLs have their hash, want 3:\n%s", n, without)
	}
}

func TestDirectReadBack(t *testing.T) {
	text, err := directLock(t).PipfileLock()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := ReadPipfileLock("Pipfile.lock", text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[py.Name]string{"idna": "", "far": "file", "named": "file", "near": "file", "app": "path", "lib": "path", "member": "path", "srv": "path", "srv-editable": "path"}
	got := lock.Section("default")
	if len(got) != len(want) {
		t.Errorf("%d packages, want %d", len(got), len(want))
	}
	for _, p := range got {
		if p.Direct != want[p.Name] {
			t.Errorf("%s is direct by %q, want %q", p.Name, p.Direct, want[p.Name])
		}
	}
}

func TestDirectWriteRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		at     int
		change func(*Pin)
		want   string
	}{
		{"version", 3, func(p *Pin) { p.Direct.Package.Version = version(t, "1.1") }, "near==1.0 is pinned, but wheels/near-1.0-py3-none-any.whl is near==1.1"},
		{"path and URL", 3, func(p *Pin) { p.Direct.URL = "https://h.example/" + p.Files[0].Filename }, "either a path or a URL"},
		{"neither", 3, func(p *Pin) { p.Direct.Path = "" }, "either a path or a URL"},
		{"path on two lines", 6, func(p *Pin) { p.Direct.Path = "a\nb" }, "is not a clean path"},
		{"path not clean", 6, func(p *Pin) { p.Direct.Path = "a/../b" }, "is not a clean path"},
		{"backslash", 6, func(p *Pin) { p.Direct.Path = `a\b` }, "is not a clean path"},
		{"editable wheel", 3, func(p *Pin) { p.Direct.Editable = true }, "only a directory can be editable"},
		{"directory with files", 6, func(p *Pin) { p.Files = pin(t, "lib", "1.2", 9, nil).Files }, "is a directory and has files"},
		{"wheel without a hash", 1, func(p *Pin) { p.Files[0].SHA256 = "" }, "far==1+cpu has no file whose sha256 is known"},
		{"another file", 1, func(p *Pin) { p.Files[0].Filename = "far-2-py3-none-any.whl" }, "must have it as its only file"},
		{"more files", 1, func(p *Pin) { p.Files = append(p.Files, py.File{Filename: "z", SHA256: digest(1)}) }, "must have it as its only file"},
		{"another hash", 1, func(p *Pin) { p.Direct.SHA256 = digest(7) }, "but the manifest wants"},
	} {
		for _, w := range writers {
			l := directLock(t)
			test.change(&l.Packages[test.at])
			if got, err := w.write(l); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s, %s: got %v and\n%s", w.name, test.name, err, got)
			}
		}
	}
	l := directLock(t)
	l.Packages[6].Direct.Path = "../my lib"
	if got, err := l.RequirementsTxt(); err == nil || !strings.Contains(err.Error(), "rename the folder") {
		t.Errorf("a blank in a relative path: got %v and\n%s", err, got)
	}
	l.Packages[2].Direct.URL = "https://host.example/${WHERE}/named-2-py3-none-any.whl"
	if got, err := l.Pylock(); err == nil || !strings.Contains(err.Error(), "has a variable") {
		t.Errorf("a variable in a pylock.toml: got %v and\n%s", err, got)
	}
	l.FindLinks = []string{"a b"}
	l.Packages = l.Packages[:1]
	if got, err := l.RequirementsTxt(); err == nil || !strings.Contains(err.Error(), "--find-links") {
		t.Errorf("a blank in --find-links: got %v and\n%s", err, got)
	}
}

package lockfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// dumpLocked writes all that a lock says, one thing a line.
func dumpLocked(l *Locked) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s %s hash %q", l.File, l.Format, l.ManifestHash)
	for _, s := range l.Sources {
		line("%v source %s %s verify %v extra %v", s.Pos, s.Name, s.URL, s.VerifySSL, s.Extra)
	}
	for _, r := range l.Releases {
		line("%v %q %s %s index=%s direct=%s local=%v revision=%s section=%s conditional=%v requires=%v",
			r.Pos, r.Text, r.Name, r.VersionText, r.Index, r.Direct, r.Local, r.Revision, r.Section, r.Conditional, r.Requires)
		if len(r.Hashes) > 0 {
			line("  %s", strings.Join(r.Hashes, " "))
		}
		for _, f := range r.Files {
			line("  %v %s %s %s %d %d", f.Pos, f.Filename, f.URL, strings.Join(f.Hashes, " "), f.Size, f.Uploaded)
		}
	}
	return b.String()
}

var (
	sumA = strings.Repeat("a1", 32)
	sumB = strings.Repeat("b2", 32)
)

const uvSample = `version = 1 # of the format
revision = 3
requires-python = ">=3.9"

[[package]]
name = "anyio"
version = "4.12.1"
source = { registry = "https://user:secret@index.example/simple" }
resolution-markers = ["python_full_version < '3.10'"]
dependencies = [
    { name = "idna" },
    { name = 'Typing_Extensions', marker = "python_full_version < '3.13'" },
]
sdist = { url = "https://files.example/a/anyio-4.12.1.tar.gz#x", hash = "sha256:SUMA", size = 228_685, upload-time = "2026-01-06T11:45:21.246Z" }
wheels = [
    { url = "https://files.example/a/anyio-4.12.1-py3-none-any.whl?x=1", hash = """sha256:SUMB""", size = 1, upload-time = 2026-01-06T11:45:19Z },
    { filename = "anyio-4.12.1-1-py3-none-any.whl" },
]

[package.metadata]
requires-dist = [{ name = "idna", specifier = ">=2" }]

[[package]]
name = "me"
version = "0.1"
source = { editable = "." }

[[package]]
name = "fromgit"
version = "1"
source = { git = "https://git.example/x?rev=main#0123456789012345678901234567890123456789" }

[[package]]
name = "fromurl"
version = "1"
source = { url = "https://files.example/fromurl-1-py3-none-any.whl" }
wheels = [{ url = "https://files.example/fromurl-1-py3-none-any.whl", hash = "sha256:SUMA" }]
`

const poetrySample = `[[package]]
name = "Flask"
version = "3.0"
optional = false
markers = "python_version >= '3'"
files = [{file = "flask-3.0-py3-none-any.whl", hash = "sha256:SUMA"}]

[package.dependencies]
click = {version = ">=8", optional = true}

[[package]]
name = "own"
version = "1"
files = []
[package.source]
type = "legacy"
url = "https://own.example/simple"
reference = "own"

[[package]]
name = "repo"
version = "1"
[package.source]
type = "git"
url = "https://git.example/repo.git"
reference = "HEAD"
resolved_reference = "0123456789012345678901234567890123456789"

[metadata]
lock-version = "2.1"
content-hash = "c0ffee"
[metadata.files]
own = [{file = "own-1.tar.gz", hash = "sha256:SUMB"}]
`

const pylockSample = `lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "a"
version = "1.0"
marker = "os_name == 'x'"
index = "https://index.example/simple/"
sdist = {name = "a-1.0.tar.gz", path = "d/a-1.0.tar.gz", hashes = {md5 = "MD5", sha256 = "SUMA"}}
dependencies = [{name = "b"}]
[[packages.wheels]]
url = "https://files.example/a-1.0-py3-none-any.whl"
hashes.sha256 = "SUMB"
[[packages]]
name = "b"
archive = {url = "https://files.example/b-1.tar.gz", hashes = {sha256 = "SUMA"}}
[[packages]]
name = "c"
vcs = {type = "git", url = "https://git.example/c", commit-id = "0123456789012345678901234567890123456789"}
[[packages]]
name = "d"
directory = {path = "d", editable = true}
`

const requirementsSample = `# comment
--index-url https://user:secret@index.example/simple
--extra-index-url=http://own.example:8080/simple
--trusted-host own.example
Flask[async]==3.0 ; python_version > '3' \
    --hash=sha256:SUMA \
    --hash md5:MD5
loose>=1
-e ./me
https://files.example/x-1.0-py3-none-any.whl#sha256=SUMB
y @ git+https://git.example/y@0123456789012345678901234567890123456789#egg=y
rеquests==1
-r more.txt
`

var lockFill = strings.NewReplacer("SUMA", sumA, "SUMB", sumB, "MD5", strings.Repeat("0f", 16))

// TestLocked reads one sample of each format.
func TestLocked(t *testing.T) {
	for _, test := range []struct{ file, text, want string }{
		{"uv.lock", uvSample, `uv.lock uv.lock hash ""
uv.lock:6:1 source  https://index.example/simple verify true extra false
uv.lock:6:1 "anyio" anyio 4.12.1 index=https://index.example/simple direct= local=false revision= section= conditional=true requires=[idna typing-extensions]
  uv.lock:14:9 anyio-4.12.1.tar.gz https://files.example/a/anyio-4.12.1.tar.gz sha256:SUMA 228685 1767699921
  uv.lock:16:5 anyio-4.12.1-py3-none-any.whl https://files.example/a/anyio-4.12.1-py3-none-any.whl?x=1 sha256:SUMB 1 1767699919
  uv.lock:17:5 anyio-4.12.1-1-py3-none-any.whl   0 0
uv.lock:24:1 "me" me 0.1 index= direct=. local=true revision= section= conditional=false requires=[]
uv.lock:29:1 "fromgit" fromgit 1 index= direct=https://git.example/x?rev=main local=false revision=0123456789012345678901234567890123456789 section= conditional=false requires=[]
uv.lock:34:1 "fromurl" fromurl 1 index= direct=https://files.example/fromurl-1-py3-none-any.whl local=false revision= section= conditional=false requires=[]
  uv.lock:37:11 fromurl-1-py3-none-any.whl https://files.example/fromurl-1-py3-none-any.whl sha256:SUMA 0 0
`},
		{"poetry.lock", poetrySample, `poetry.lock poetry.lock hash "c0ffee"
poetry.lock:12:1 source  https://own.example/simple verify true extra false
poetry.lock:2:1 "Flask" flask 3.0 index= direct= local=false revision= section= conditional=true requires=[click]
  poetry.lock:6:10 flask-3.0-py3-none-any.whl  sha256:SUMA 0 0
poetry.lock:12:1 "own" own 1 index=https://own.example/simple direct= local=false revision= section= conditional=false requires=[]
  poetry.lock:33:8 own-1.tar.gz  sha256:SUMB 0 0
poetry.lock:21:1 "repo" repo 1 index= direct=https://git.example/repo.git local=false revision=0123456789012345678901234567890123456789 section= conditional=false requires=[]
`},
		{"pylock.dev.toml", pylockSample, `pylock.dev.toml pylock.toml hash ""
pylock.dev.toml:4:1 source  https://index.example/simple/ verify true extra false
pylock.dev.toml:4:1 "a" a 1.0 index=https://index.example/simple/ direct= local=false revision= section= conditional=true requires=[b]
  pylock.dev.toml:8:9 a-1.0.tar.gz  md5:MD5 sha256:SUMA 0 0
  pylock.dev.toml:10:12 a-1.0-py3-none-any.whl https://files.example/a-1.0-py3-none-any.whl sha256:SUMB 0 0
pylock.dev.toml:14:1 "b" b  index= direct=https://files.example/b-1.tar.gz local=false revision= section= conditional=false requires=[]
  pylock.dev.toml:15:11 b-1.tar.gz https://files.example/b-1.tar.gz sha256:SUMA 0 0
pylock.dev.toml:17:1 "c" c  index= direct=https://git.example/c local=false revision=0123456789012345678901234567890123456789 section= conditional=false requires=[]
pylock.dev.toml:20:1 "d" d  index= direct=d local=true revision= section= conditional=false requires=[]
`},
		{"requirements.txt", requirementsSample, `requirements.txt requirements hash ""
requirements.txt:2:1 source  https://index.example/simple verify true extra false
requirements.txt:3:1 source  http://own.example:8080/simple verify false extra true
requirements.txt:5:1 "Flask" flask 3.0 index= direct= local=false revision= section= conditional=true requires=[]
  md5:MD5 sha256:SUMA
requirements.txt:8:1 "loose" loose  index= direct= local=false revision= section= conditional=false requires=[]
requirements.txt:9:1 "me"   index= direct=./me local=true revision= section= conditional=false requires=[]
requirements.txt:10:1 "x" x 1.0 index= direct=https://files.example/x-1.0-py3-none-any.whl local=false revision= section= conditional=false requires=[]
  sha256:SUMB
requirements.txt:11:1 "y" y  index= direct=git+https://git.example/y@0123456789012345678901234567890123456789 local=false revision=0123456789012345678901234567890123456789 section= conditional=false requires=[]
requirements.txt:12:1 "rеquests"  1 index= direct= local=false revision= section= conditional=false requires=[]
more.txt:1:1 "more" more 1 index= direct= local=false revision= section= conditional=false requires=[]
`},
		{"Pipfile.lock", `{"_meta": {"hash": {"sha256": "c0ffee"}, "pipfile-spec": 6, "sources": [{"name": "main", "url": "https://u:p@index.example/simple", "verify_ssl": false}]},
"default": {"a": {"version": "==1.0", "hashes": ["sha256:SUMA"], "index": "main", "markers": "os_name == 'x'"},
"rеquests": {"version": "==1"}},
"develop": {"g": {"git": "https://git.example/g", "ref": "0123456789012345678901234567890123456789"}, "w": {"file": "./w-1-py3-none-any.whl"}}}`, `Pipfile.lock Pipfile.lock hash "c0ffee"
Pipfile.lock:1:73 source main https://index.example/simple verify false extra false
Pipfile.lock:2:13 "a" a 1.0 index=https://index.example/simple direct= local=false revision= section=default conditional=true requires=[]
  sha256:SUMA
Pipfile.lock:3:1 "rеquests"   index= direct= local=false revision= section=default conditional=false requires=[]
Pipfile.lock:4:13 "g" g  index= direct=https://git.example/g local=false revision=0123456789012345678901234567890123456789 section=develop conditional=false requires=[]
Pipfile.lock:4:103 "w" w  index= direct=./w-1-py3-none-any.whl local=true revision= section=develop conditional=false requires=[]
`},
	} {
		t.Run(test.file, func(t *testing.T) {
			l, err := ReadLocked(fstest.MapFS{test.file: {Data: []byte(lockFill.Replace(test.text))}, "more.txt": {Data: []byte("more==1\n")}}, test.file)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(dumpLocked(l), "\n")
			slices.Sort(got) // odd names of a Pipfile.lock come before the others
			want := strings.Split(lockFill.Replace(test.want), "\n")
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestLockedRefusals reads what is no lock, or one that says two things at once.
func TestLockedRefusals(t *testing.T) {
	const pkg = "version = 1\n[[package]]\nname = 'a'\nversion = '1'\nsource = {registry = 'https://i.example'}\n"
	for _, test := range []struct{ name, file, text, want string }{
		{"kind", "lock.json", "{}", "lock.json: cannot tell what kind of lock this is"},
		{"uv version", "uv.lock", "version = 2\n", "uv.lock:1:11: this is version 2 of uv.lock, and only version 1 can be read"},
		{"empty uv.lock", "uv.lock", "\n", "uv.lock: the file is empty"},
		{"no uv.lock", "uv.lock", "requires-python = '3'", "uv.lock: a uv.lock has a version, and this has none"},
		{"uv key twice", "uv.lock", pkg + "version = '2'\n", `uv.lock:6:1: not valid TOML: key "version" is there already`},
		{"uv name twice", "uv.lock", pkg + "\"name\" = 'b'\n", `uv.lock:6:1: not valid TOML: key "name" is there already`},
		{"uv no name", "uv.lock", "version = 1\n[[package]]\nversion = '1'\n", "uv.lock:2:3: a package has no name"},
		{"uv no source", "uv.lock", "version = 1\n[[package]]\nname = 'a'\nversion = '1'\n", "uv.lock:3:1: a==1 has no source"},
		{"uv name type", "uv.lock", "version = 1\n[[package]]\nname = 1\n", "uv.lock:3:8: name must be a text"},
		{"uv hash", "uv.lock", pkg + "sdist = {url = 'a', hash = 'sha256:0'}\n", `uv.lock:6:28: "sha256:0" is not a hash`},
		{"uv file", "uv.lock", pkg + "sdist = {hash = 'sha256:0'}\n", "uv.lock:6:9: a file has neither name nor URL"},
		{"uv size", "uv.lock", pkg + "sdist = {url = 'a', size = -1}\n", "uv.lock:6:28: size must be a number"},
		{"uv time", "uv.lock", pkg + "sdist = {url = 'a', upload-time = 'soon'}\n", "uv.lock:6:35: upload-time must be a time"},
		{"uv wheels", "uv.lock", pkg + "wheels = ['a']\n", "uv.lock:6:11: an element of wheels must be a table"},
		{"uv conflict mark", "uv.lock", pkg + "<<<<<<< HEAD\n", "uv.lock:6:1: conflict mark of a merge"},
		{"uv cut off", "uv.lock", pkg + "sdist = {url = 'a", "uv.lock:6:18: not valid TOML: a string has no end (is the file complete?)"},
		{"uv escape", "uv.lock", pkg + `sdist = {url = "\q"}`, "uv.lock:6:16: not valid TOML: "},
		{"poetry version", "poetry.lock", "[metadata]\nlock-version = '3.0'\n", "poetry.lock:2:16: this is lock-version \"3.0\" of poetry.lock, and only 1 and 2 can be read"},
		{"empty poetry.lock", "poetry.lock", " ", "poetry.lock: the file is empty"},
		{"no poetry.lock", "poetry.lock", "a = 1", "poetry.lock: a poetry.lock has [metadata], and this has none"},
		{"poetry source", "poetry.lock", "[[package]]\nname = 'a'\nversion = '1'\n[package.source]\ntype = 'x'\n", "poetry.lock:4:10: a==1 has a source of an unknown type \"x\""},
		{"pylock version", "pylock.toml", "lock-version = '2.0'\n", "pylock.toml:1:16: this is lock-version \"2.0\" of pylock.toml, and only 1 can be read"},
		{"empty pylock", "pylock.toml", "", "pylock.toml: the file is empty"},
		{"pylock without version", "pylock.toml", "created-by = 'x'\npackages = []\n", "pylock.toml: a pylock.toml has lock-version (PEP 751), and this has none"},
		{"pylock of nobody", "pylock.toml", "lock-version = '1.0'\npackages = []\n", "pylock.toml: a pylock.toml has created-by (PEP 751), and this has none"},
		{"pylock without packages", "pylock.toml", "lock-version = '1.0'\ncreated-by = 'x'\n", "pylock.toml: a pylock.toml has packages (PEP 751), and this has none"},
		{"json twice", "Pipfile.lock", `{"_meta": {}, "default": {"a": {"version": "==1"}, "a": {"version": "==2"}}, "develop": {}}`, `Pipfile.lock:1:52: key "a" stands in this object twice`},
		{"json name twice", "Pipfile.lock", `{"_meta": {}, "default": {"a-b": {"version": "==1"}, "A_b": {"version": "==2"}}, "develop": {}}`, "Pipfile.lock:1:54: a-b stands in section default twice"},
		{"no Pipfile.lock", "Pipfile.lock", `{}`, "Pipfile.lock:1:1: there is no _meta"},
		{"hash without requirement", "r.txt", "--hash=sha256:0", "r.txt:1:1: --hash without a requirement"},
		{"hash", "r.txt", "a==1 --hash=sha256:0", `r.txt:1:6: "sha256:0" is not a hash`},
		{"includes", "r.txt", "-r r.txt", "r.txt:1:1: the files include each other"},
		{"include outside", "r.txt", "-r ../x.txt", "r.txt:1:1: --requirement ../x.txt leaves the folder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := ReadLocked(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.file)
			if err == nil {
				t.Fatalf("read as\n%s", dumpLocked(l))
			}
			checkError(t, err)
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %s, want %s", err, test.want)
			}
		})
	}
}

// TestLockedBounds: a lock of any size is read within bounds or refused.
func TestLockedBounds(t *testing.T) {
	entry := func(i int) string {
		return fmt.Sprintf("[[package]]\nname = 'a%d'\nversion = '1'\nsource = {registry = 'https://i.example'}\nsdist = {url = 'https://f.example/a%d-1.tar.gz', hash = 'sha256:%s'}\n", i, i, sumA)
	}
	var many strings.Builder
	many.WriteString("version = 1\n")
	for i := range 30_000 {
		many.WriteString(entry(i))
	}
	for _, test := range []struct{ name, file, text, want string }{
		{"50 MB", "uv.lock", strings.Repeat(entry(1), 50<<20/len(entry(1))), "uv.lock: larger than 16384 KiB"},
		{"50 MB of JSON", "Pipfile.lock", "{" + strings.Repeat(" ", 50<<20) + "}", "Pipfile.lock: larger than 32768 KiB"},
		{"lines", "uv.lock", strings.Repeat("\n", 2<<20), "uv.lock: more than 1048576 lines"},
		{"values", "uv.lock", "x = [" + strings.Repeat("[],", 1<<20) + "]", "uv.lock:1:"},
		{"tables", "uv.lock", strings.Repeat("[[x]]\n", 1<<19+10), "uv.lock:524288:"},
		{"deep", "uv.lock", "x = " + strings.Repeat("[", 1<<20), "uv.lock:1:70: nested deeper"},
		{"packages", "uv.lock", strings.Repeat("[[package]]\nname='a'\nsource.path='a'\n", maxLockPackages+1), "uv.lock:300001:3: more than 100000 packages"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadLocked(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.file)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	l, err := ReadLocked(fstest.MapFS{"uv.lock": {Data: []byte(many.String())}}, "uv.lock")
	if err != nil || len(l.Releases) != 30_000 {
		t.Errorf("a lock of %d bytes: %v", many.Len(), err)
	}
}

// TestLockedWritten reads back what this package writes: the same releases with
// the same hashes.
func TestLockedWritten(t *testing.T) {
	files, err := filepath.Glob("testdata/lock/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden locks")
	}
	for _, sample := range []string{"sample", "plain", "wheels"} {
		want := ""
		formats := []string{"requirements.txt", "Pipfile.lock", "pylock.toml"}
		if sample == "sample" {
			formats = formats[:2] // of two source distributions pylock.toml has one
		}
		for _, ext := range formats {
			data, err := os.ReadFile(filepath.Join("testdata", "lock", sample+"."+ext))
			if err != nil {
				t.Fatal(err)
			}
			l, err := ReadLocked(fstest.MapFS{ext: {Data: data}}, ext)
			if err != nil {
				t.Fatalf("%s.%s: %v", sample, ext, err)
			}
			var lines []string
			for _, r := range l.Releases {
				hashes := slices.Clone(r.Hashes)
				for _, f := range r.Files {
					hashes = append(hashes, f.Hashes...)
				}
				if r.Direct == "" {
					slices.Sort(hashes)
					lines = append(lines, fmt.Sprint(r.Package(), " ", slices.Compact(hashes)))
				}
			}
			slices.Sort(lines)
			got := strings.Join(slices.Compact(lines), "\n")
			if want == "" {
				want = got
			}
			if got != want || got == "" {
				t.Errorf("%s.%s is read as\n%s\nand another format as\n%s", sample, ext, got, want)
			}
		}
	}
}

package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/thamos/thamos/kb/py"
)

// hashLine is a digest as it stands in the texts of these tests.
const hashLine = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// pipfileLock returns a Pipfile.lock with one entry in default.
func pipfileLock(entry string) string {
	return "{\n" +
		`"_meta": {"hash": {"sha256": "abc"}, "pipfile-spec": 6, "requires": {}, "sources": [{"name": "main", "url": "https://index.example/simple", "verify_ssl": true}]},` + "\n" +
		`"default": {` + entry + "},\n" +
		`"develop": {}` + "\n}\n"
}

func TestReadPipfileLock(t *testing.T) {
	text := `{
    "_meta": {
        "hash": {"sha256": "abc"},
        "pipfile-spec": 6,
        "requires": {"python_full_version": "3.11.4", "python_version": "3.11"},
        "sources": [
            {"name": "main", "url": "https://index.example/simple", "verify_ssl": true},
            {"name": "b", "url": "https://${A}:${B}@b.example/simple", "verify_ssl": false}
        ],
        "new": [1, -2.5e3, null, {"a": {"a": true}}]
    },
    "default": {
        "Jaraco.Text": {"version": "==1.0.0", "hashes": ["` + hashLine + `", "md5:0f"], "extras": ["b_c", "a"],
            "index": "b", "markers": "python_version >= '3.9'", "new": {}},
        "x": {"git": "https://git.example/x", "ref": "1", "version": "*"}
    },
    "develop": {},
    "docs \u00fc": {"a": {"version": "===2!1.0"}}
}`
	got, err := ReadPipfileLock("Pipfile.lock", []byte("\ufeff"+text))
	if err != nil {
		t.Fatal(err)
	}
	marker, err := py.ParseMarker("python_version >= '3.9'")
	if err != nil {
		t.Fatal(err)
	}
	at := func(line, col int) Position { return Position{"Pipfile.lock", line, col} }
	want := &PipfileLock{
		Hash: "abc", PythonVersion: "3.11", PythonFullVersion: "3.11.4",
		Sources: []Source{
			{Name: "main", URL: "https://index.example/simple", VerifySSL: true, Pos: at(7, 13)},
			{Name: "b", URL: "https://${A}:${B}@b.example/simple", Extra: true, Pos: at(8, 13)},
		},
		Sections: []LockedSection{
			{Name: "default", Packages: []LockedPackage{
				{Name: "jaraco-text", Version: version(t, "1.0.0"), Extras: []py.Name{"a", "b-c"}, Hashes: []string{"md5:0f", hashLine},
					Index: "b", Marker: marker, Pos: at(13, 9)},
				{Name: "x", Direct: "git", Pos: at(15, 9)},
			}},
			{Name: "develop"},
			{Name: "docs ü", Packages: []LockedPackage{{Name: "a", Version: version(t, "2!1.0"), Pos: at(18, 21)}}},
		},
	}
	equal := cmp.Options{
		cmp.Comparer(func(a, b py.Version) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b py.Marker) bool { return a.String() == b.String() }),
	}
	want.Sections[0].Packages[1].Version, got.Sections[0].Packages[1].Version = version(t, "0"), orZero(t, got.Sections[0].Packages[1].Version)
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(got.Section("default")); n != 2 {
		t.Errorf("section default has %d packages", n)
	}
	if got.Section("absent") != nil {
		t.Error("there is a section that does not exist")
	}
}

// orZero returns version 0 for the zero Version, which has no text.
func orZero(t *testing.T, v py.Version) py.Version {
	if v.IsZero() {
		return version(t, "0")
	}
	return v
}

func TestReadPipfileLockErrors(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "Pipfile.lock:1:1: not valid JSON: the text ends too early"},
		{"cut off", "{\n\"_meta\": {", "Pipfile.lock:2:11: not valid JSON: the text ends too early"},
		{"cut off in a string", "{\n\"_meta", "Pipfile.lock:2:1: not valid JSON"},
		{"a list", "[]", "Pipfile.lock:1:1: a Pipfile.lock must be an object"},
		{"something after", pipfileLock("") + "x", "Pipfile.lock:6:1: not valid JSON: text after the end"},
		{"another value after", pipfileLock("") + "{}", "Pipfile.lock:6:1: not valid JSON: text after the end"},
		{"comma at the end", "{\n\"_meta\": {},\n}", "Pipfile.lock:3:1: not valid JSON"},
		{"single quotes", "{\n  'a': 1}", "Pipfile.lock:2:3: not valid JSON"},
		{"a merge", "{\n    \"_meta\": {\n<<<<<<< HEAD\n", "Pipfile.lock:3:1: conflict mark of a merge"},
		{"not UTF-8", "{\n\"\xff\": 1}", "Pipfile.lock:2:2: byte 0xff is not UTF-8"},
		{"too deep", "{\"_meta\": " + deep + "}", "Pipfile.lock:1:42: nested more than 32 deep"},
		{"no _meta", "{}", "Pipfile.lock:1:1: there is no _meta"},
		{"a key twice", "{\"_meta\": {\"hash\": {}, \"hash\": {}}}", `Pipfile.lock:1:24: key "hash" stands in this object twice, first at Pipfile.lock:1:12`},
		{"a key twice, escaped", "{\"a\": 1,\n\"\\u0061\": 2}", `Pipfile.lock:2:1: key "a" stands in this object twice`},
		{"a package twice", pipfileLock("\"a\": {\"version\": \"==1\"},\n\"a\": {}"), `Pipfile.lock:4:1: key "a" stands in this object twice, first at Pipfile.lock:3:13`},
		{"a project twice", pipfileLock("\"a_b\": {\"version\": \"==1\"},\n \"A-b\": {\"version\": \"==1\"}"), "Pipfile.lock:4:2: a-b stands in section default twice, first at Pipfile.lock:3:13"},
		{"no default", `{"_meta": {}, "develop": {}}`, "Pipfile.lock:1:1: there is no section default"},
		{"no develop", `{"_meta": {}, "default": {}}`, "Pipfile.lock:1:1: there is no section develop"},
		{"_meta", `{"_meta": 1}`, "Pipfile.lock:1:11: _meta must be an object"},
		{"spec", `{"_meta": {"pipfile-spec": 5}}`, "Pipfile.lock:1:28: only pipfile-spec 6"},
		{"spec as text", `{"_meta": {"pipfile-spec": "6"}}`, "Pipfile.lock:1:28: only pipfile-spec 6"},
		{"hash", `{"_meta": {"hash": "x"}}`, "Pipfile.lock:1:20: hash must be an object"},
		{"sha256", `{"_meta": {"hash": {"sha256": 1}}}`, "Pipfile.lock:1:31: sha256 must be a string"},
		{"requires", `{"_meta": {"requires": {"python_version": 3.11}}}`, "Pipfile.lock:1:43: python_version must be a string"},
		{"full version", `{"_meta": {"requires": {"python_full_version": []}}}`, "Pipfile.lock:1:48: python_full_version must be a string"},
		{"sources", `{"_meta": {"sources": {}}}`, "Pipfile.lock:1:23: sources must be a list"},
		{"source", `{"_meta": {"sources": [1]}}`, "Pipfile.lock:1:24: a source must be an object"},
		{"source without a url", `{"_meta": {"sources": [{"name": "a"}]}}`, "Pipfile.lock:1:24: a source needs a name and a url"},
		{"url", `{"_meta": {"sources": [{"name": "a", "url": null}]}}`, "Pipfile.lock:1:45: url must be a string"},
		{"source twice", `{"_meta": {"sources": [{"name": "a", "url": "b"}, {"name": "a", "url": "c"}]}}`, `Pipfile.lock:1:51: two sources are named "a"`},
		{"verify_ssl", `{"_meta": {"sources": [{"name": "a", "url": "b", "verify_ssl": "no"}]}}`, "Pipfile.lock:1:64: verify_ssl must be true or false"},
		{"section", `{"_meta": {}, "default": []}`, "Pipfile.lock:1:26: section default must be an object"},
		{"name", pipfileLock(`"a b": {}`), "Pipfile.lock:3:13: name "},
		{"entry", pipfileLock(`"a": "==1"`), "Pipfile.lock:3:18: package a must be an object"},
		{"no version", pipfileLock(`"a": {}`), "Pipfile.lock:3:18: a has no version"},
		{"version", pipfileLock(`"a": {"version": 1}`), "Pipfile.lock:3:30: version must be a string"},
		{"any version", pipfileLock(`"a": {"version": "*"}`), `Pipfile.lock:3:30: a is locked to "*", which is not one version`},
		{"wildcard", pipfileLock(`"a": {"version": "==1.*"}`), "Pipfile.lock:3:30: "},
		{"hashes", pipfileLock(`"a": {"version": "==1", "hashes": "x"}`), "Pipfile.lock:3:47: hashes must be a list"},
		{"hash of a package", pipfileLock(`"a": {"version": "==1", "hashes": [1]}`), "Pipfile.lock:3:48: an element of hashes must be a string"},
		{"short hash", pipfileLock(`"a": {"version": "==1", "hashes": ["sha256:00"]}`), `Pipfile.lock:3:48: "sha256:00" is not a hash`},
		{"hash without algorithm", pipfileLock(`"a": {"version": "==1", "hashes": ["00"]}`), `Pipfile.lock:3:48: "00" is not a hash`},
		{"extras", pipfileLock(`"a": {"version": "==1", "extras": ["[x]"]}`), "Pipfile.lock:3:48: extra: "},
		{"index", pipfileLock(`"a": {"version": "==1", "index": "b"}`), `Pipfile.lock:3:46: no source is named "b"`},
		{"empty index", pipfileLock(`"a": {"version": "==1", "index": ""}`), `Pipfile.lock:3:46: no source is named ""`},
		{"marker", pipfileLock(`"a": {"version": "==1", "markers": "python is 3"}`), "Pipfile.lock:3:48: markers: "},
		{"marker is a list", pipfileLock(`"a": {"version": "==1", "markers": []}`), "Pipfile.lock:3:48: markers must be a string"},
		{"credentials", pipfileLock(`"a": {"version": "https://user:secret@host/a"}`), "https://****:****@host/a"},
	} {
		got, err := ReadPipfileLock("Pipfile.lock", []byte(test.text))
		if err == nil {
			t.Errorf("%s: no error, but %+v", test.name, got)
			continue
		}
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %T %v\nwant %s", test.name, err, err, test.want)
		}
	}
}

func TestReadPipfileLockLimits(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{strings.Repeat(" ", maxJSON+1), "Pipfile.lock: larger than 32 MiB"},
		{"{\"_meta\": [" + strings.Repeat("1,", maxJSONValues) + "1]}", "more than 524288 values"},
		{`{"` + strings.Repeat("a", maxJSONText+1) + `": 1}`, "Pipfile.lock:1:2: text longer than 16 KiB"},
		{pipfileLock(`"a": {"version": "` + strings.Repeat("1", maxJSONText+1) + `"}`), "Pipfile.lock:3:30: text longer than 16 KiB"},
		{`{"_meta": {"sources": [` + strings.Repeat("{},", maxSources) + "{}]}}", "Pipfile.lock:1:23: 1001 sources"},
	} {
		if _, err := ReadPipfileLock("Pipfile.lock", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestMatchesPipfile(t *testing.T) {
	l := &PipfileLock{Hash: "b"}
	if !l.MatchesPipfile("a", "b") || l.MatchesPipfile("a", "") || l.MatchesPipfile() {
		t.Error("hash b matches other hashes than b")
	}
	if new(PipfileLock).MatchesPipfile("", "a") {
		t.Error("a lock without a hash matches a Pipfile without one")
	}
}

// What is written is read as the same names, versions, extras and hashes.
func TestReadWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := randomLock(rt)
		text, err := l.PipfileLock()
		if err != nil {
			rt.Fatal(err)
		}
		read, err := ReadPipfileLock("Pipfile.lock", text)
		if err != nil {
			rt.Fatalf("%v in\n%s", err, text)
		}
		if read.Hash != l.PipfileHash || len(read.Sources) != len(l.Sources) {
			rt.Fatalf("hash %q, %d sources; want %q, %d", read.Hash, len(read.Sources), l.PipfileHash, len(l.Sources))
		}
		got, want := map[string]string{}, map[string]string{}
		for _, s := range read.Sections {
			for _, p := range s.Packages {
				got[s.Name+" "+string(p.Name)] = entry(p.Version, p.Extras, p.Hashes, p.Index)
			}
		}
		for _, p := range l.Packages {
			names, err := p.sections()
			if err != nil {
				rt.Fatal(err)
			}
			for _, s := range names {
				want[s+" "+string(p.Name)] = entry(p.Version, p.Extras, p.hashes(), p.Index)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-want +got):\n%s\n%s", diff, text)
		}
	})
}

func entry(v py.Version, extras []py.Name, hashes []string, index string) string {
	return v.String() + " [" + joined(extras) + "] " + strings.Join(hashes, " ") + " " + index
}

func randomLock(t *rapid.T) *Lock {
	name := rapid.StringMatching(`[a-z0-9]([a-z0-9]|-[a-z0-9]){0,6}`)
	l := &Lock{
		PipfileHash: rapid.SampledFrom([]string{"", digest(1)}).Draw(t, "hash"),
		Sources:     []Source{{Name: "a\"ü\U0001f600", URL: "https://index.example/é&"}, {Name: "b", URL: "https://b.example/"}},
	}
	versions := []string{"1.0", "2!1.0a1.post2.dev3+ubuntu.1", "0.0.1", "2024.1.1"}
	for _, n := range rapid.SliceOfNDistinct(name, 0, 6, rapid.ID[string]).Draw(t, "names") {
		v, err := py.ParseVersion(rapid.SampledFrom(versions).Draw(t, "version"))
		if err != nil {
			t.Fatal(err)
		}
		p := Pin{Package: py.Package{Name: py.Name(n), Version: v}, Default: rapid.Bool().Draw(t, "default")}
		for _, e := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID[string]).Draw(t, "extras") {
			p.Extras = append(p.Extras, py.Name(e))
		}
		slices.Sort(p.Extras)
		p.Groups = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"dev", "docs", "ü 1", `"`}), rapid.ID[string]).Draw(t, "groups")
		if !p.Default && len(p.Groups) == 0 {
			p.ForExtras = []py.Name{"ml"}
		}
		p.Index = rapid.SampledFrom([]string{"", "b", l.Sources[0].Name}).Draw(t, "index")
		p.RequiresPython = rapid.SampledFrom([]string{"", ">=3.8", "<4,>=3.9.1", "!=3.0.*,>=2.7"}).Draw(t, "python")
		for i := range rapid.IntRange(1, 4).Draw(t, "files") {
			p.Files = append(p.Files, py.File{Filename: n + strings.Repeat("x", i), SHA256: digest(rapid.IntRange(0, 9).Draw(t, "digest"))})
		}
		l.Packages = append(l.Packages, p)
	}
	return l
}

func FuzzReadPipfileLock(f *testing.F) {
	f.Add([]byte(pipfileLock(`"a": {"version": "==1", "hashes": ["` + hashLine + `"], "extras": ["b"], "index": "main", "markers": "python_version >= '3'"}`)))
	f.Add([]byte("{\"_meta\": [[[1e5, null, true]]]}"))
	f.Add([]byte("\ufeff{\"_meta\": {\"a\": \"\\ud800\"}}"))
	files, err := filepath.Glob("testdata/lock/*.Pipfile.lock")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files to begin with (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lock, err := ReadPipfileLock("Pipfile.lock", text)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Pos.Line < 1 || e.Pos.Line > strings.Count(string(text), "\n")+1 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		for _, s := range lock.Sections {
			for _, p := range s.Packages {
				if p.Direct == "" && p.Version.IsZero() {
					t.Fatalf("%s has no version", p.Name)
				}
				line := strings.Split(string(text), "\n")[p.Pos.Line-1]
				if !strings.HasPrefix(strings.TrimPrefix(line, "\ufeff")[p.Pos.Col-1:], `"`) {
					t.Fatalf("%s does not stand at %v", p.Name, p.Pos)
				}
			}
		}
	})
}

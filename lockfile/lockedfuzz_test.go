package lockfile

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// fuzzLock checks that reading never panics, refuses with an *Error, gives the
// same twice, and keeps what nothing may break: lists without end, names that
// are not names, secrets.
func fuzzLock(t *testing.T, file, text string) {
	fsys := fstest.MapFS{file: {Data: []byte(text)}, "other.txt": {Data: []byte("a==1\n-r " + file)}}
	l, err := ReadLocked(fsys, file)
	again, err2 := ReadLocked(fsys, file)
	if err != nil {
		checkError(t, err)
		if err2 == nil || err2.Error() != err.Error() {
			t.Fatalf("second time: %v, not %v", err2, err)
		}
		return
	}
	if err2 != nil || dumpLocked(l) != dumpLocked(again) {
		t.Fatalf("read differently the second time (%v)", err2)
	}
	count := strings.Count(text, "\n") + strings.Count(text, "\r") + 2
	for _, r := range l.Releases {
		if r.Pos.File == "" || r.Pos.Line > count || r.Name != "" && r.Text == "" {
			t.Fatalf("%+v", r)
		}
		for _, f := range r.Files {
			if f.Filename == "" || f.Size < 0 {
				t.Fatalf("%+v", f)
			}
			for _, h := range f.Hashes {
				if !isAnyHash(h) {
					t.Fatalf("hash %q", h)
				}
			}
		}
	}
	if strings.Contains(dumpLocked(l), "://u:s3cret@") {
		t.Fatalf("shows a password: %s", dumpLocked(l))
	}
}

func FuzzUVLock(f *testing.F) {
	f.Add(lockFill.Replace(uvSample))
	f.Add("version = 1\npackage = [{name = 'a', version = '1', source = {url = 'https://u:s3cret@x.example/a'}}]")
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "uv.lock", text) })
}

func FuzzPoetryLock(f *testing.F) {
	f.Add(lockFill.Replace(poetrySample))
	f.Add("[[package]]\nname='a'\nversion='1'\n[package.source]\ntype='git'\nurl='https://u:s3cret@x.example/a'\n[metadata]\n")
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "poetry.lock", text) })
}

func FuzzPylock(f *testing.F) {
	f.Add(lockFill.Replace(pylockSample))
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "pylock.toml", text) })
}

func FuzzLockedRequirements(f *testing.F) {
	f.Add(lockFill.Replace(requirementsSample))
	f.Add("a @ https://u:s3cret@x.example/a-1.zip\n-r other.txt\n")
	f.Add("p==://u:s3cret@")
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "r.txt", text) })
}

// FuzzTOMLLock holds the reader of long documents against the toml package: what
// that reads, this reads too, with the same packages and the same texts in them.
func FuzzTOMLLock(f *testing.F) {
	f.Add(lockFill.Replace(uvSample))
	f.Add("package = [{a = 'b', c = \"\\u00e9\"}]\nx.y = '''z'''")
	f.Add("[[package]]\na = \"\"\"\\\n  b\"\"\"\n[package.c]\nd = [true, {e = \"f\"}]\n[[package.g]]\nh = ''\n[[package]]")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<13 || !utf8.ValidString(text) || strings.ContainsAny(text, "\ufeff\x00") {
			t.Skip() // readText lets none of these through
		}
		var values map[string]any
		if _, err := toml.Decode(text, &values); err != nil {
			return
		}
		var packages []*node
		rest, err := eachPackage("x", text, "package", func(n *node) error {
			packages = append(packages, n)
			return nil
		})
		if err != nil {
			// The toml package lets some keys be defined twice, as in "0.0=0\n0=0".
			stricter := regexp.MustCompile("nested deeper|is there already|is not a table|must be a table")
			if e, ok := errors.AsType[*Error](err); !ok || !stricter.MatchString(e.Error()) {
				t.Fatalf("the toml package reads this, but: %v\n%q", err, text)
			}
			return
		}
		var want []any
		switch list := values["package"].(type) {
		case []map[string]any:
			for _, v := range list {
				want = append(want, v)
			}
		case []any:
			want = list
		}
		if len(want) != len(packages) {
			t.Fatalf("%d packages, want %d\n%q", len(packages), len(want), text)
		}
		for i, n := range packages {
			sameTexts(t, n, want[i])
		}
		for _, k := range rest.keys {
			if k != "package" || rest.fields[k].kind != array {
				sameTexts(t, rest.fields[k], values[k])
			}
		}
	})
}

// sameTexts compares the shape of a node with a value, and its texts.
func sameTexts(t *testing.T, n *node, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if n.kind != table || len(n.keys) != len(v) {
			t.Fatalf("%v: keys %q, want %v", n.pos, n.keys, v)
		}
		for k, inner := range v {
			if n.fields[k] == nil {
				t.Fatalf("%v: no key %q", n.pos, k)
			}
			sameTexts(t, n.fields[k], inner)
		}
	case []map[string]any:
		if n.kind != array || len(n.elems) != len(v) {
			t.Fatalf("%v: %d elements, want %v", n.pos, len(n.elems), v)
		}
		for i, inner := range v {
			sameTexts(t, n.elems[i], inner)
		}
	case []any:
		if n.kind != array || len(n.elems) != len(v) {
			t.Fatalf("%v: %d elements, want %v", n.pos, len(n.elems), v)
		}
		for i, inner := range v {
			sameTexts(t, n.elems[i], inner)
		}
	case string:
		if n.value != v {
			t.Fatalf("%v: %#v, want %q", n.pos, n.value, v)
		}
	case bool:
		if n.value != v {
			t.Fatalf("%v: %#v, want %v", n.pos, n.value, v)
		}
	}
}

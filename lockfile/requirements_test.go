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

func TestRequirementsRefusals(t *testing.T) {
	testRefusals(t, "r.txt", []refusal{
		{"syntax", "a\n  b c", "r.txt:2:3: not a requirement: ??? (write such as \"name[extra]>=1.0; python_version < '3.12'\")"},
		{"after continuation", "a \\\n  --pre", "r.txt:2:3: --pre cannot stand after a requirement (give it a line of its own)"},
		{"variable", "a==${VERSION}", "r.txt:1:4: ${VERSION}: variables are kept in URLs only (write the value)"},
		{"variable in path", "-r ${DIR}/a.txt", "r.txt:1:1: ${DIR}: variables are kept in URLs only (write the value)"},
		{"unknown", "a\n\n--frobnicate=1", "r.txt:3:1: unknown option --frobnicate"},
		{"unknown short", "-x", "r.txt:1:1: unknown option -x"},
		{"dash", "-", `r.txt:1:1: expected an option, not "-"`},
		{"word after option", "--pre a", `r.txt:1:7: expected an option, not "a"`},
		{"no value", "-i", "r.txt:1:1: --index-url needs a value"},
		{"empty value", "-i ''", "r.txt:1:1: --index-url needs a value"},
		{"value", "--pre=1", "r.txt:1:1: --pre takes no value"},
		{"quote", "--index-url 'a", "r.txt:1:13: a quote has no end"},
		{"hash", "a==1 --hash=md5:00", `r.txt:1:6: hash "md5:00" is none of sha256, sha384 and sha512 (write --hash=sha256: and 64 hexadecimal digits)`},
		{"hash digits", "a==1 --hash sha256:" + strings.Repeat("g", 64), `r.txt:1:6: hash "sha256:` + strings.Repeat("g", 64) + `" has not 64 hexadecimal digits (write --hash=sha256: and 64 hexadecimal digits)`},
		{"hashes of another kind", "a==1 \\\n --hash=sha384:" + strings.Repeat("0", 96) + " --hash=sha512:" + strings.Repeat("0", 128), "r.txt:2:2: none of the hashes is a sha256 (thamos and its knowledge base know sha256 only: add a sha256)"},
		{"hash alone", "--hash=sha256:00", "r.txt:1:1: --hash without a requirement (write it after the requirement it is for)"},
		{"settings", "a --config-settings x=y", "r.txt:1:3: --config-settings is not supported, because thamos builds nothing (take it out)"},
		{"formats", "--no-binary a,b!", "r.txt:1:1: --no-binary: ??? (write :all:, :none: or names with commas between them)"},
		{"two indexes", "-i https://u:p@a.example\n--index-url https://b.example", "r.txt:2:1: there is another --index-url at r.txt:1:1 (make one of them an --extra-index-url)"},
		{"outside", "-r ../x.txt", "r.txt:1:1: --requirement ../x.txt leaves the folder that is read (start from a folder that holds both, or copy the file)"},
		{"absolute", "-c /x.txt", "r.txt:1:1: --constraint names an absolute path (write the path relative to this file)"},
		{"remote", "-r https://a.example/x.txt", "r.txt:1:1: --requirement names a URL, and reading a manifest reaches no network (fetch the file and include the copy)"},
		{"missing", "\n-r x.txt", "r.txt:2:1: x.txt: no such file"},
		{"itself", "-r r.txt", "r.txt:1:1: the files include each other: r.txt -> r.txt (take one of the includes out)"},
		{"long line", "a\n#" + strings.Repeat("x", 10<<20), "r.txt:2: line longer than 1024 KiB, the limit"},
		{"long continuation", strings.Repeat("#"+strings.Repeat("x", 100)+"\n", 3) + strings.Repeat(" \\\n", 1<<20) + "a", "r.txt:1048579: line longer than 1024 KiB, the limit"},
	})
}

func TestRequirementsIncludes(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	fsys := fstest.MapFS{
		"p/loop.txt":  file("-r q/b.txt"),
		"p/q/b.txt":   file("a\n-c ../c.txt"),
		"p/c.txt":     file("b\n\n -r loop.txt"),
		"p/extra.txt": file("-c e.txt"),
		"p/e.txt":     file("a\nb[x]<2"),
		"p/up.txt":    file("-r ../top.txt\n-r ../top.txt"),
		"top.txt":     file("a"),
		"bad.txt":     file("-r p/bad.txt"),
		"p/bad.txt":   file("a\n?"),
		"none.txt":    file("-r sub/none.txt"),
	}
	for i := range maxIncludeDepth + 10 {
		fsys[fmt.Sprintf("deep%d.txt", i)] = file(fmt.Sprintf("-r deep%d.txt", i+1))
	}
	for i := range 30 { // 2^30 files, if each were read as often as it is included
		fsys[fmt.Sprintf("wide%d.txt", i)] = file(fmt.Sprintf("-r wide%d.txt\n-r wide%d.txt", i+1, i+1))
	}
	fsys["wide30.txt"] = file("a")
	for name, want := range map[string]string{
		"p/loop.txt":  "p/c.txt:3:2: the files include each other: p/loop.txt -> p/q/b.txt -> p/c.txt -> p/loop.txt (take one of the includes out)",
		"p/extra.txt": "p/e.txt:2:1: a constraint cannot have extras (require the extras in a requirements file)",
		"bad.txt":     "p/bad.txt:2:1: not a requirement: ",
		"none.txt":    "none.txt:1:1: sub/none.txt: no such file",
		"deep0.txt":   "deep49.txt:1:1: includes nest deeper than 50 files, the limit",
		"wide0.txt":   "more than 1000 files or 64 MiB are included, the limits",
		"p/up.txt":    "",
	} {
		m, err := Read(fsys, name)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if len(m.Requirements) != 2 || m.Requirements[0].Pos.File != "top.txt" {
				t.Errorf("%s: %s", name, dump(m))
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
			continue
		}
		checkError(t, err)
		if strings.Contains(want, "no such") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", name, err)
		}
	}
}

// Every file that was read is named once: includes in the order of reading, then
// what directories say of themselves.
func TestFiles(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	fsys := fstest.MapFS{
		"p/r.in":           file("-r q/b.txt\n-c ../c.txt\n-r q/b.txt"),
		"p/q/b.txt":        file("a\n-c ../../c.txt\n-r d.txt"),
		"p/q/d.txt":        file(""),
		"c.txt":            file("b"),
		"p/e.txt":          file("-e .\n../d"),
		"p/pyproject.toml": file("[project]\nname = 'p'\nversion = '1'\ndependencies = ['d @ ../d']"),
		"d/pyproject.toml": file("[project]\nname = 'd'\nversion = '1'\ndependencies = ['p @ ../p']"),
		"Pipfile":          file("[packages]"),
		"pyproject.toml":   file("[project]"),
	}
	for name, want := range map[string][]string{
		"p/r.in":           {"p/r.in", "p/q/b.txt", "c.txt", "p/q/d.txt"},
		"p/e.txt":          {"p/e.txt", "d/pyproject.toml", "p/pyproject.toml"},
		"p/pyproject.toml": {"p/pyproject.toml", "d/pyproject.toml"},
		"d/pyproject.toml": {"d/pyproject.toml", "p/pyproject.toml"}, // they require each other
		"Pipfile":          {"Pipfile"},
		"pyproject.toml":   {"pyproject.toml"},
	} {
		m, err := Read(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.Files); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// A sha256 among other hashes will do, and all are kept.
func TestHashes(t *testing.T) {
	want := []string{"sha512:" + strings.Repeat("0", 128), "sha256:" + strings.Repeat("1", 64)}
	for name, text := range map[string]string{
		"r.txt":   "a --hash=" + want[0] + " --hash=" + want[1],
		"Pipfile": "[packages]\na = {hashes = ['" + want[0] + "', '" + want[1] + "']}",
	} {
		m, err := Read(fstest.MapFS{name: {Data: []byte(text)}}, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.Requirements[0].Hashes); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestNoIndex(t *testing.T) {
	m, err := Read(fstest.MapFS{"r.txt": {Data: []byte("-i https://a.example\n--no-index\n--extra-index-url https://b.example\na")}}, "r.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !m.NoIndex || len(m.Sources) != 0 {
		t.Errorf("read as\n%s", dump(m))
	}
}

func TestFormats(t *testing.T) {
	for text, want := range map[string]string{
		"--no-binary a,B":                          `{false []} {false ["a" "b"]}`,
		"--no-binary a\n--only-binary a":           `{false ["a"]} {false []}`,
		"--only-binary :all:\n--no-binary a":       `{true []} {false ["a"]}`,
		"--no-binary a\n--only-binary :all:":       `{true []} {false []}`,
		"--only-binary a\n--only-binary :none:,b":  `{false ["b"]} {false []}`,
		"--only-binary=:all:\n--no-binary=:all:,x": `{false []} {true ["x"]}`,
	} {
		m, err := Read(fstest.MapFS{"r.txt": {Data: []byte(text)}}, "r.txt")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := fmt.Sprintf("{%v %q} {%v %q}", m.NoBuild.All, m.NoBuild.Names, m.NoBinary.All, m.NoBinary.Names); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestEachLine checks how lines are joined and where their parts stand.
func TestEachLine(t *testing.T) {
	const text = "a # x\\\nnot\n#\\\nb\\\n  c # y \\\nd\\\n  # z\n#\n\\\n\ne#f\\"
	var got []string
	err := eachLine("x", text, func(l logicalLine) error {
		got = append(got, fmt.Sprintf("%v %v %q", l.position(0), l.position(len(l.text)-1), l.text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// As pip's preprocess gives it: a comment after a requirement can go on.
	want := []string{
		`x:1:1 x:1:1 "a"`,
		`x:4:1 x:5:3 "b  c"`,
		`x:11:1 x:11:3 "e#f"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzRequirements(f *testing.F) {
	for _, s := range []string{
		"a==1 --hash=sha256:ae74fb96c20a0277a1d615f1e4d73c8414f5a98db8b799a7931d1582f3390c28\\\n --hash=sha256:ae74fb96c20a0277a1d615f1e4d73c8414f5a98db8b799a7931d1582f3390c28",
		"-r other.txt", "-c other.txt\n--no-binary :all:", "-i https://u:p@a.example\n--extra-index-url 'https://b.example' # c\r\na[b] >= 1 ; os_name == 'nt'",
		"\ufeff--pre --only-binary=a,b\n\\\n#\\\nb", "-e .", "a @ https://u:p/w@h", "./lib[x] ; os_name == 'nt'", "-e ./lib/../lib", "a@https://${U}:p@h.example/a-1-py3-none-any.whl#sha256=00", "--hash \"\\\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzRead(t, "r.txt", text) })
}

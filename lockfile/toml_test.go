package lockfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// outline prints where every key and value of a document stands.
func outline(b *strings.Builder, n *node, path string) {
	switch n.kind {
	case leaf:
		fmt.Fprintf(b, "%d:%d %d:%d %s = %v\n", n.key.Line, n.key.Col, n.pos.Line, n.pos.Col, path, n.value)
	case table:
		fmt.Fprintf(b, "%d:%d %d:%d %s {}\n", n.key.Line, n.key.Col, n.pos.Line, n.pos.Col, path)
		for _, k := range n.keys {
			outline(b, n.fields[k], path+"/"+k)
		}
	case array:
		fmt.Fprintf(b, "%d:%d %d:%d %s []\n", n.key.Line, n.key.Col, n.pos.Line, n.pos.Col, path)
		for i, e := range n.elems {
			outline(b, e, fmt.Sprintf("%s/%d", path, i))
		}
	}
}

func TestLocate(t *testing.T) {
	const text = `# [not.a.table]
top = 'a # b' # = "c"
"quoted \"k\u00e9y\".x" . sub."" = """two ["lines"]
x = 1 \""" """""

[ a . "b.c" ]
list = [ 1, # ]
  { x = "}", y = [ ] },
  '''[
=''', 1979-05-27 07:32:00, -inf,
]
[[t]]
[t.in]
z=true
[[t]]
z = 0x1F
[t.in]
[a]
after = '\'
`
	doc, err := parseTOML("x", text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	outline(&b, doc, "")
	const want = `1:1 1:1  {}
2:1 2:7 /top = a # b
3:1 3:1 /quoted "kéy".x {}
3:27 3:27 /quoted "kéy".x/sub {}
3:31 3:36 /quoted "kéy".x/sub/ = two ["lines"]
x = 1 """ ""
18:2 18:2 /a {}
6:7 6:7 /a/b.c {}
7:1 7:8 /a/b.c/list []
7:10 7:10 /a/b.c/list/0 = 1
8:3 8:3 /a/b.c/list/1 {}
8:5 8:9 /a/b.c/list/1/x = }
8:14 8:18 /a/b.c/list/1/y []
9:3 9:3 /a/b.c/list/2 = [
=
10:7 10:7 /a/b.c/list/3 = 1979-05-27 07:32:00 +0000 datetime-local
10:28 10:28 /a/b.c/list/4 = -Inf
19:1 19:9 /a/after = \
12:3 12:3 /t []
12:3 12:3 /t/0 {}
13:4 13:4 /t/0/in {}
14:1 14:3 /t/0/in/z = true
15:3 15:3 /t/1 {}
16:1 16:5 /t/1/z = 31
17:4 17:4 /t/1/in {}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTOMLErrors(t *testing.T) {
	deep := strings.Repeat("[", 1<<19)
	tests := []refusal{
		{"syntax", "a = 1\nb = = 2", "x:2:5: not valid TOML: "},
		{"no value", "a =", "x:1:3: not valid TOML: "},
		{"no end", "a = \"x\n", "x:1:"},
		{"no end of text", "a = '''x\n", "x:1:"},
		{"twice", "a = 1\na = 2", "x:2:1: not valid TOML: "},
		{"twice, then deep", "0.0 = 0\n0 = 0\nb = " + deep, `x:2:1: not valid TOML: key "0" is there already`},
		{"table twice", "[a]\n[a]", "x:2:"},
		{"not a table", "a = 1\n[a.b]", "x:2:"},
		{"header", "[a\nb = 1", "x:1:"},
		{"escape", `a = "\q"`, "x:1:"},
		{"number", "a = 1__0", "x:1:"},
		{"deep list", "a = " + deep, "x:1:70: nested deeper than 64"},
		{"deep table", "a = " + strings.Repeat("{a=", 100), "x:1:"},
		{"deep after an error", "a = = " + deep, "x:1:5: not valid TOML"},
		{"long key", "[" + strings.Repeat("a", 640) + "]", "x:1:642: nested deeper than 64 or a key longer than 640 bytes (a dot counts 32), the limits for such a file"},
		{"many parts", strings.Repeat("a.", 100) + "a = 1", "x:1:"},
		{"long full key", "[" + strings.Repeat("a", 300) + "]\n" + strings.Repeat("b", 300) + " = 1", "x:2:301: nested"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseTOML("x", test.text)
			if err == nil {
				t.Fatal("no error")
			}
			checkError(t, err)
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// FuzzTOML checks the locator against the toml package: what that accepts, the
// locator must give the same shape to, and each key must stand where it says.
func FuzzTOML(f *testing.F) {
	for _, s := range []string{
		"a = 1\n[b.c]\nd = [{e = 'f'}, {}]\n[[g]]\n[[g]]\nh.\"i.j\" = \"\"\"k\"\"\"\n",
		"a = \"\\u00e9\\\"#\" # x\r\n\"\\x41\" = 1", "[a]\nb = [\n1, # ]\n]", "a = {\n b = 1,\n}\n", "a=1979-05-27 07:32:00Z", "''''''=1", "a.b=1\na.c=2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || !utf8.ValidString(text) || strings.ContainsAny(text, "\ufeff\x00") {
			t.Skip() // readText lets none of these through
		}
		doc, err := parseTOML("x", text)
		if err != nil {
			checkError(t, err)
			var v map[string]any
			// The toml package lets some keys be defined twice, as in "0.0=0\n0=0".
			stricter := regexp.MustCompile("nested deeper|is there already$|is not a table$")
			if _, other := toml.Decode(text, &v); other == nil && !stricter.MatchString(err.Error()) {
				t.Fatalf("the toml package reads this, but: %v\n%q", err, text)
			}
			return
		}
		lines := strings.Split(text, "\n")
		var walk func(n *node)
		walk = func(n *node) {
			for _, k := range n.keys {
				field := n.fields[k]
				at := lines[field.key.Line-1][field.key.Col-1:]
				if !strings.HasPrefix(at, k) && !slices.Contains([]byte{'"', '\''}, at[0]) {
					t.Fatalf("key %q stands not at %v of %q", k, field.key, text)
				}
				walk(field)
			}
			for _, e := range n.elems {
				walk(e)
			}
		}
		walk(doc)
	})
}

package lockfile

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestPipfileRefusals(t *testing.T) {
	testRefusals(t, "Pipfile", []refusal{
		{"unknown key", "[packages]\nb = {version = '*', marker = 'x'}", "Pipfile:2:21: unknown key \"marker\" in package b (known are version, path, file, extras, markers, index, hashes, editable, os_name, sys_platform, platform_machine, platform_python_implementation, platform_release, platform_system, platform_version, python_version, python_full_version, implementation_name, implementation_version)"},
		{"dotted name", "[packages]\nzope.interface = '*'", "Pipfile:2:6: unknown key \"interface\" in package zope (a name with a dot must be in quotes)"},
		{"version", "[packages]\nb = '>>1'", "Pipfile:2:5: version of b: ??? (write \"*\" for any version, or such as \">=1.0,<2\")"},
		{"number", "[packages]\nb = 1.0", "Pipfile:2:5: version of b is no text (write it as a text, such as \"*\" or \">=1.0\")"},
		{"list", "[packages]\nb = ['1']", "Pipfile:2:5: version of b is no text (write it as a text, such as \"*\" or \">=1.0\")"},
		{"name", "[packages]\n'b[x]' = '*'", "Pipfile:2:1: ??? (extras go into the value: {version = \"*\", extras = [\"x\"]})"},
		{"extras", "[packages]\nb = {extras = ['x y']}", "Pipfile:2:15: extras of b: ???"},
		{"extras no list", "[packages]\nb = {extras = 'x'}", "Pipfile:2:15: extras must be a list"},
		{"extras no texts", "[packages]\nb = {extras = ['x', 1]}", "Pipfile:2:21: an element of extras must be a text"},
		{"markers", "[packages]\nb = {markers = 'os_name = 1'}", "Pipfile:2:16: markers of b: ??? (write it such as sys_platform = \"== 'linux'\")"},
		{"markers unbalanced", "[packages]\nb = {markers = \"os_name == 'a') or (os_name == 'b'\", os_name = \"== 'c'\"}", "Pipfile:2:16: markers of b: ??? (write it such as sys_platform = \"== 'linux'\")"},
		{"shorthand", "[packages]\nb = {sys_platform = 'linux'}", "Pipfile:2:21: sys_platform of b: ??? (write it such as sys_platform = \"== 'linux'\")"},
		{"index", "[packages]\nb = {index = 'x'}\n[[source]]\nname = 'a'\nurl = 'https://a.example/'", "Pipfile:2:14: no index named \"x\"; have a (define it as a [[source]])"},
		{"hash", "[packages]\nb = {hashes = ['sha256:1']}", "Pipfile:2:16: hash \"sha256:1\" has not 64 hexadecimal digits"},
		{"hashes of another kind", "[packages]\nb = {hashes = ['sha512:" + strings.Repeat("0", 128) + "']}", "Pipfile:2:16: none of the hashes is a sha256 (thamos and its knowledge base know sha256 only: add a sha256)"},
		{"source without url", "[[source]]\nname = 'a'", "Pipfile:1:3: [[source]] has no url"},
		{"source without name", "[[source]]\nurl = 'a'", "Pipfile:1:3: [[source]] has no name"},
		{"source key", "[[source]]\nname = 'a'\nurl = 'b'\nverify-ssl = true", "Pipfile:4:1: unknown key \"verify-ssl\" in [[source]] (known are name, url, verify_ssl, warehouse)"},
		{"source twice", "[[source]]\nname = 'a'\nurl = 'b'\n[[source]]\nname = 'a'\nurl = 'c'", "Pipfile:4:3: index \"a\" is defined twice, first at Pipfile:1:3 (give each index its own name)"},
		{"source table", "[source]\nname = 'a'", "Pipfile:1:2: source must be a list"},
		{"source texts", "source = ['a']", "Pipfile:1:11: a source must be a table"},
		{"verify", "[[source]]\nname = 'a'\nurl = 'b'\nverify_ssl = 'yes'", "Pipfile:4:14: verify_ssl must be true or false"},
		{"requires", "[requires]\npython = '3'", "Pipfile:2:1: unknown key \"python\" in [requires] (known are python_version, python_full_version)"},
		{"python version", "[requires]\npython_version = '>=3'", "Pipfile:2:18: python_version: ??? (write a version such as \"3.11\")"},
		{"python number", "[requires]\npython_version = 3.1", "Pipfile:2:18: python_version must be a text"},
		{"requires no table", "requires = 1", "Pipfile:1:12: requires must be a table"},
		{"default", "[default]\na = '*'", "Pipfile:1:2: [default] is a section of Pipfile.lock (call it packages or dev-packages)"},
		{"no section", "flask = '*'", "Pipfile:1:1: \"flask\" must be a section, [flask]"},
		{"two devs", "[dev-packages]\n[dev]", "Pipfile:2:2: category \"dev\" is [dev-packages] (give the category another name)"},
		{"prereleases", "[pipenv]\nallow_prereleases = 1", "Pipfile:2:21: allow_prereleases must be true or false"},
		{"thoth", "[thoth]\nx = 1", "Pipfile:2:1: unknown key \"x\" in [thoth] (known are allow_prereleases, disable_index_adjustment)"},
		{"thoth value", "[thoth.allow_prereleases]\nx = 1", "Pipfile:2:5: allow_prereleases.x must be true or false"},
	})
}

// TestPipfileHash compares with what Pipenv 2026.10.3 answered, and where it
// refuses a Pipfile, with its recipe on what the file says.
// The Pipfiles that Read refuses are here for the spelling of numbers.
func TestPipfileHash(t *testing.T) {
	const source = "[[source]]\nname = \"main\"\nurl = \"https://index.example/simple\"\nverify_ssl = true\n"
	tests := []struct{ name, text, want string }{
		{"plain", source + `
[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}

[dev-packages]
pytest = "~=7.0"

[requires]
python_version = "3.9"
`, "9a70a7cf077a1730872e78abd31af1aa050c0259951630cc687f3f7dd1289739"},
		{"unicode, several sources, variables", `[[source]]
url = "https://${USER}:${PASS}@index.example/simple"
verify_ssl = false
name = "é😀"

[[source]]
name = "b"
url = "https://b.example/simple/?a=1&b=<2>"
verify_ssl = true

[packages]
PyYAML = {version = "*", markers = "platform_release == 'ü\u007f\t\u0001\"\\` + "\u2028" + `'", index = "b"}
"zope.interface" = "==5.0"
"delegator.py" = "*"
A = "*"

[packages.boto3]
version = "*"
extras = ["crt", "a"]
sys_platform = "== 'linux'"
`, "8f88ec49f96d1b9a7c6394849545cb07e432bc93d25a9854bef2a3fd04819e6b"},
		{"categories and thoth", "[scripts]\nserve = \"python -m http.server\"\n\n" + source + `
[docs]
sphinx = "*"

[packages]

[prereq]
cython = {version = "<4", python_version = "< '3.13'"}

[pipenv]
allow_prereleases = true
sort_pipfile = true

[thoth]
[thoth.allow_prereleases]
flask = true
`, "a1187a432bf83ae4fc81ec85e49b68f555d2b0db2d02cc0e45812bdeac851dd7"},
		{"numbers", source + `[packages]
a = 1
b = 1.0
c = 1e16
d = 1.5e-7
e = 123456789012345680.0
f = 0.0001
g = 1e15
h = -0.0
i = {version = "1", hashes = ["x", "y"], editable = true}
j = 1_000
k = 0xff
l = 1e22
[custom]
m = {version="*", hashes=[1, 2.5, "x"]}
`, "5cf44a82cf7a412dd23cc382b712ccac83c2facd5d8cc2f19565685127154496"},
		{"infinite", "[packages]\na = {version=\"*\", hashes=[inf,inf,nan]}\n[[source]]\nname=\"x\"\nurl=\"y\"", "4878af7805eb5a74291368fd92c1a9e3873a69b265a9ed51b47a8be90bf3863f"},
		{"empty", "[[source]]\nname = \"pypi\"\nurl = \"https://index.example/simple\"\nverify_ssl = true\n", "7e4ebb078be5a38428e6ca63b8ade087f78062f0cacc7b0f2a00fe465b796bcb"},
		{"dotted and inline", `source = [{name = "main", url = "https://index.example/simple", verify_ssl = true}]
packages = {flask = {version = "*"}}
requires.python_full_version = '3.11.4'
requires.python_version = "3.11"
`, "c6011bdb0a1448f676652d3299602cbb858c9864dced9cbfbd71187bf59e8665"},
		// Names count as PEP 503 spells them.
		{"capitals", source + "[packages]\nFlask = \"*\"\n", "6ae780642b877d7f998879b58a2639cdbabb2f63b7f527493f1a5979664fa93b"},
		{"the same in small letters", source + "[packages]\nflask = \"*\"\n", "6ae780642b877d7f998879b58a2639cdbabb2f63b7f527493f1a5979664fa93b"},
		{"underscores, dots", source + `[packages]
Typing_Extensions = {version = "*", extras = ["A_b"]}
"zope.Interface" = "==5.0"
"a-_.b" = "*"
`, "34f8da916f555bb4f69b36ec08cd17c9ae6a19ca9e6e6e1a8df6fe7676abc006"},
		{"every section", source + `[packages]
Flask = "*"
[dev-packages]
Pytest_Cov = ">=4"
[docs]
"sphinxcontrib.Apidoc" = "*"
[Docs_Extra]
MySt_Parser = {version = "*", index = "main"}
`, "0d550ced09c769c88b06506cf1393dee5f9323c94ed1e9e4e54d8f22a75f98ef"},
		{"tables", source + "[packages]\n[packages.Boto_3]\nversion = \"*\"\nsys_platform = \"== 'linux'\"\n", "fc0ab31e4e5a69f0a360d321b0c70eeefba9e520e10ae5d919e143d739ceb7e3"},
		{"twice", source + "[packages]\nFlask = \"==1\"\nflask = \"==2\"\n", "1709e5a40fc6fd596025df3dacdcfc35e8330a5f430476da3ab5349abf506d01"},
		{"twice, the other last", source + "[packages]\nflask = \"==2\"\nFlask = \"==1\"\n", "dee254c882066b0c50994cbafa5cb65027e2bd43fb09e3bea49447de83c6a646"},
		{"odd names", source + "[custom]\n\"-A_\" = \"*\"\n", "4bddd112c63e35271a883b14d0bd5a36e46c5668cd280b606e8947b90df6723c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := parseTOML("Pipfile", test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := pipfileHash(doc, nil); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestHashWithSource checks that a Pipfile without a source hashes as if the
// default one stood in it.
func TestHashWithSource(t *testing.T) {
	const rest = "[packages]\nflask = '*'\n"
	read := func(text string) *Manifest {
		m, err := Read(fstest.MapFS{"Pipfile": {Data: []byte(text)}}, "Pipfile")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	with := read("[[source]]\nname = 'main'\nurl = 'https://index.example/simple'\nverify_ssl = true\n" + rest)
	without := read(rest)
	s := Source{Name: "main", URL: "https://index.example/simple", VerifySSL: true}
	if without.PipfileHash != "" {
		t.Errorf("hash %s though the default source is not known", without.PipfileHash)
	}
	if got := without.HashWithSource(s); got != with.PipfileHash || got == "" {
		t.Errorf("got %s, want %s", got, with.PipfileHash)
	}
	if got := with.HashWithSource(Source{Name: "other"}); got != with.PipfileHash {
		t.Errorf("the sources of the file do not count: %s", got)
	}
	if got := (&Manifest{Kind: Pyproject}).HashWithSource(s); got != "" {
		t.Errorf("hash %s of a pyproject.toml", got)
	}
}

func FuzzPipfile(f *testing.F) {
	for _, s := range []string{
		"[[source]]\nname = 'a'\nurl = 'https://u:p@a.example/'\n[packages]\nb = {version = '*', index = 'a', extras = ['x']}\n",
		"[packages]\nb = {version = '1', sys_platform = \"== 'linux'\", markers = \"os_name == 'nt'\"}\n[dev-packages]\nc = ''\n[docs]\nd = '~=1.0'",
		"[requires]\npython_version = '3.11'\n[pipenv]\nallow_prereleases = true\n[thoth.allow_prereleases]\nx = true",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzRead(t, "Pipfile", text) })
}

func TestPipfileNoSecrets(t *testing.T) {
	_, err := Read(fstest.MapFS{"Pipfile": {Data: []byte("[packages]\na = 'https://u:secret@a.example/'")}}, "Pipfile")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

package lockfile

import (
	"testing"
	"testing/fstest"
)

// The hashes were computed by a second implementation, in Python, that agrees
// with thoth-python on the locks in Thoth's own repositories.
func TestThothHash(t *testing.T) {
	for _, test := range []struct{ name, pipfile, want string }{
		{"empty", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]

[dev-packages]
`, "7e4ebb078be5a38428e6ca63b8ade087f78062f0cacc7b0f2a00fe465b796bcb"},
		{"plain", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}

[dev-packages]
pytest = "~=7.0"

[requires]
python_version = "3.9"
`, "930f870527ae0c6ef0d7cb916f74a55b5139e98e9961081aec0b6e7b70431d61"},
		{"unnormalised name", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
PyYAML = "*"
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "82356037ed5fddd45ef6bd7909d4ccb84509df153ae2c3e43e8fc5cff8994dc6"},
		{"slash", `[[source]]
name = "pypi"
url = "https://index.example/simple/"
verify_ssl = true

[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}

[dev-packages]
pytest = "~=7.0"

[requires]
python_version = "3.9"
`, "930f870527ae0c6ef0d7cb916f74a55b5139e98e9961081aec0b6e7b70431d61"},
		{"table", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = {version = "==2.0.1"}
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "c911df010fc7a1c10031ce774935f3b77b17df2a17e7d9b9903365d7a77aed4d"},
		{"shorthand", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = {version = "*", sys_platform = "== 'linux'"}
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "b4a9a7bc7de257c5098baba9396d68b4101c91c0d92f95228d7d23030053bd42"},
		{"thoth section", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}

[dev-packages]
pytest = "~=7.0"

[requires]
python_version = "3.9"

[thoth]
disable_index_adjustment = false

[thoth.allow_prereleases]
`, "930f870527ae0c6ef0d7cb916f74a55b5139e98e9961081aec0b6e7b70431d61"},
		{"no source", `[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}

[dev-packages]
pytest = "~=7.0"

[requires]
python_version = "3.9"
`, "0f5d65840ae1d18f0d842d66c1d79bd1e8c9d2b27310417fd3598db4fd9c0a31"},
		{"unicode", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = {version = "*", markers = "platform_release == 'ü'"}
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "fcd568daa2b636bc2c874c5408708604afa69b8d1c727e83572720819b3185c9"},
		{"bare version", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = "1.0.0-RC1"
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "0c7ae3b420b12c6d55c5758e1397fd8ac43b6feec77b9d30d3b30bfe6e0784fb"},
		{"index", `[[source]]
name = "pypi"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = {version = "*", index = "pypi", extras = []}
[dev-packages]
pytest = "~=7.0"
[requires]
python_version = "3.9"
`, "2b2cb91e96dcf3db7228d34d732b042f0d65e8891a237c9ecfeb3c71aa2f426d"},
		{"a repository", `[[source]]
name = "a"
url = "https://index.example/simple"
verify_ssl = true
[packages]
x = {git = "https://git.example/x", ref = "1"}
`, ""},
		{"source without verify_ssl", `[[source]]
name = "a"
url = "https://index.example/simple"
[packages]
`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc, err := parseTOML("Pipfile", test.pipfile)
			if err != nil {
				t.Fatal(err)
			}
			m := &Manifest{Kind: Pipfile, document: doc}
			if got := m.ThothHash(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Where nothing needs normalising, Thoth and Pipenv agree.
func TestThothHashAgrees(t *testing.T) {
	text := `[[source]]
name = "a"
url = "https://index.example/simple"
verify_ssl = true

[packages]
flask = "*"
requests = {version = ">=2.0", extras = ["socks"]}
`
	m, err := Read(fstest.MapFS{"Pipfile": {Data: []byte(text)}}, "Pipfile")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ThothHash(); got == "" || got != m.PipfileHash {
		t.Errorf("Thoth's hash %q, Pipenv's %q", got, m.PipfileHash)
	}
	if got := (&Manifest{Kind: Requirements}).ThothHash(); got != "" {
		t.Errorf("requirements have hash %q", got)
	}
}

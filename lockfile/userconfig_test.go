package lockfile

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestReadUserConfig(t *testing.T) {
	const file = "config.toml"
	read := func(text string) (*UserConfig, error) {
		return ReadUserConfig(fstest.MapFS{file: {Data: []byte(text)}}, file)
	}
	got, err := read("# mine\n[kb]\nsources = ['https://a', 'b']\nkeys = [\n  'k',\n]\nosv = ['o']\n")
	if err != nil {
		t.Fatal(err)
	}
	want := &UserConfig{
		Sources: []Placed{{"https://a", Position{file, 3, 12}}, {"b", Position{file, 3, 25}}},
		Keys:    []Placed{{"k", Position{file, 5, 3}}},
		OSV:     []Placed{{"o", Position{file, 7, 8}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err := read(""); err != nil || !cmp.Equal(got, &UserConfig{}) {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"[kb]\nsource = []":       `config.toml:2:1: unknown key "source" in kb (known are sources, keys, osv)`,
		"[bk]":                    `config.toml:1:2: unknown key "bk" in the configuration (known are kb)`,
		"kb = 1":                  "config.toml:1:6: kb must be a table",
		"[kb]\nkeys = 'k'":        "config.toml:2:8: keys must be a list",
		"[kb]\nkeys = ['k', 1]":   "config.toml:2:14: an element of keys must be a text",
		"[kb]\n\nsources = [\n'a": "config.toml:4:2: not valid TOML: unexpected EOF; expected \"'\", after key kb.sources",
	} {
		if _, err := read(text); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

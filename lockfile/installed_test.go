package lockfile

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"testing/fstest"
)

// recordLine is a line of RECORD for a text.
func recordLine(name, text string) string {
	sum := sha256.Sum256([]byte(text))
	return name + ",sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]) + ",1\n"
}

// TestReadInstalled reads environments that are odd.
func TestReadInstalled(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // of the error; empty for none
		check func(in *Installed) bool
	}{
		{"empty", map[string]string{"s/x.py": ""}, "s: no distribution is installed here", nil},
		{"no directory", nil, "s: no such file", nil},
		{"no METADATA", map[string]string{"s/a_b-1.0.dist-info/RECORD": ""}, "", func(in *Installed) bool {
			return in.Releases[0].String() == "a-b==1.0" && in.Releases[0].Name == "a-b" && !in.Distributions[0].NoRecord
		}},
		{"egg-info file", map[string]string{"s/old-1.egg-info": "Metadata-Version: 1.0\nName: Old\nVersion: 1\n"}, "", func(in *Installed) bool {
			return in.Releases[0].Name == "old" && in.Distributions[0].NoRecord
		}},
		{"bad RECORD", map[string]string{"s/a-1.dist-info/RECORD": "\"a"}, "s/a-1.dist-info/RECORD: not a RECORD", nil},
		{"bad direct_url.json", map[string]string{"s/a-1.dist-info/direct_url.json": "["}, "s/a-1.dist-info/direct_url.json: not the record of a direct URL", nil},
		{"header after the end", map[string]string{"s/a-1.dist-info/METADATA": "Name: a\nVersion: 1\n\nName: b\n"}, "", func(in *Installed) bool { return in.Releases[0].Name == "a" }},
		{"startup", map[string]string{"s/a-1.dist-info/RECORD": recordLine("mine.pth", "import a\n"), "s/mine.pth": "import a\n", "s/path.pth": "/src\n", "s/evil.pth": "x\nimport os\n", "s/_virtualenv.pth": "import _virtualenv\nimport os"}, "", func(in *Installed) bool {
			return strings.Join(in.Startup, " ") == "_virtualenv.pth evil.pth" && in.Distributions[0].Checked == 1
		}},
		{"hexadecimal", map[string]string{"s/a-1.dist-info/RECORD": "a.py,sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,0\nb.py,sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,0\n", "s/a.py": "", "s/b.py": "x"}, "", func(in *Installed) bool {
			return in.Distributions[0].Checked == 1 && in.Distributions[0].NChanged == 1
		}},
		{"hash of nothing", map[string]string{"s/a-1.dist-info/RECORD": "a.py,sha256=?,1\nb.py,sha256=,1\n", "s/a.py": "", "s/b.py": ""}, "", func(in *Installed) bool { return in.Distributions[0].NChanged == 2 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range test.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			in, err := ReadInstalled(context.Background(), fsys, "s", nil)
			switch {
			case err != nil && (test.want == "" || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			case err == nil && (test.want != "" || !test.check(in)):
				t.Errorf("%+v %+v %+v", in.Releases, in.Distributions, in.Startup)
			}
		})
	}
}

package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// TestReadPins: what of a lock is tried.
func TestReadPins(t *testing.T) {
	registry := "source = { registry = \"https://index.example/simple\" }\n"
	for _, c := range []struct {
		file, text string
		want       string // requirements | constraints | notes, or the error
	}{
		{"requirements.txt", "a==1\nb==2 ; sys_platform == 'win32'\n", "a==1 b==2; sys_platform == \"win32\" | |"},
		{"requirements.txt", "a>1\n", "requirements.txt:1:1: a is not pinned"},
		{"Pipfile.lock", `{"_meta": {"hash": {"sha256": "x"}, "pipfile-spec": 6, "requires": {}, "sources": []}, "default": {"a": {"version": "==1", "markers": "python_version >= '3.9'"}}, "develop": {}}`,
			"a==1; python_version >= \"3.9\" | |"},
		{"pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'\nmarker = \"sys_platform == 'win32'\"\n[[packages]]\nname = 'b'\nversion = '1'\nmarker = \"'x' in extras\"\n",
			"a==1; sys_platform == \"win32\" b==1 | |"},
		{"pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'\n[packages.directory]\npath = '.'\n", "| | a lies in a directory, and is left out of what is tried"},
		{"pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'\n[packages.archive]\nurl = 'https://x.example/a.whl'\n", "pylock.toml: a is from a URL"},
		{"uv.lock", "version = 1\n[[package]]\nname = 'me'\nversion = '0'\nsource = { virtual = '.' }\ndependencies = [{ name = 'a' }]\n" +
			"[[package]]\nname = 'a'\nversion = '1'\n" + registry + "dependencies = [{ name = 'b' }]\n[[package]]\nname = 'b'\nversion = '2'\n" + registry +
			"[[package]]\nname = 'c'\nversion = '1'\n" + registry + "[[package]]\nname = 'c'\nversion = '2'\n" + registry,
			"a==1 c c | b==2 | me lies in a directory, and is left out of what is tried; c==1 is in uv.lock with several versions: any may be tried; c==2 is in uv.lock with several versions: any may be tried"},
		{"uv.lock", "version = 1\n[[package]]\nname = 'a'\nversion = '1'\nsource = { git = 'https://x.example/a#123' }\n", "uv.lock: a is from a URL"},
		{"uv.lock", "[", "uv.lock:1:"},
		{"none.lock", "", "--from-lock: stat "},
	} {
		path := filepath.Join(t.TempDir(), c.file)
		if c.text != "" {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readPins(path)
		if err != nil {
			if !strings.HasPrefix(strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"), c.want) || status(err) != exitUsage {
				t.Errorf("%s %q: %v (%d), want %s", c.file, c.text, err, status(err), c.want)
			}
			continue
		}
		text := strings.TrimSpace(listed(got.requirements) + " | " + strings.TrimSpace(listed(got.constraints)+" | "+strings.Join(got.notes, "; ")))
		if text != c.want {
			t.Errorf("%s %q:\n%s, want\n%s", c.file, c.text, text, c.want)
		}
	}
}

func listed(list []py.Requirement) string {
	var out []string
	for _, r := range list {
		out = append(out, r.String())
	}
	return strings.Join(out, " ")
}

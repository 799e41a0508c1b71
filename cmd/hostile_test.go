package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
)

// TestHostileManifests: a manifest that cannot be read is the user's to mend,
// the message names the file, and nothing is written or changed.
func TestHostileManifests(t *testing.T) {
	for _, c := range []struct {
		name, file, text, want string
	}{
		{"a line of 10 MB", "requirements.in", "click\nflask" + strings.Repeat(" ", 10<<20) + ">=3\n", "requirements.in:2"},
		{"a TOML line of 10 MB", "Pipfile", "[packages]\nflask = \"" + strings.Repeat("9", 10<<20) + "\"\n", "Pipfile"},
		{"a file of 20 MB", "requirements.in", strings.Repeat("click\n", 20<<20/6), "requirements.in"},
		{"latin-1", "requirements.in", "click\n# caf\xe9\n", "requirements.in:2:6"},
		{"UTF-16", "pyproject.toml", "\xff\xfe[\x00p\x00", "pyproject.toml:1:1"},
		{"NUL bytes", "requirements.in", "click\x00\n", "requirements.in:1:6"},
		{"a binary", "Pipfile", "\x7fELF\x02\x01\x01", "Pipfile"},
		{"an unknown key", "Pipfile", "[packages]\nflask = { version = \"*\", colour = \"red\" }\n", "Pipfile:2"},
		{"an unknown option", "requirements.in", "--colour red\n", "requirements.in:1:1"},
		{"includes in a circle", "requirements.in", "-r requirements.in\n", "requirements.in:1:1"},
		{"groups in a circle", "pyproject.toml", "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n", "pyproject.toml:"},
		{"deep markers", "requirements.in", "click; " + strings.Repeat("(", 100_000) + "\n", "requirements.in:1"},
		{"a name twice in TOML", "Pipfile", "[packages]\nflask = '*'\nflask = '*'\n", "Pipfile:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, stdout, stderr := testEnv(t, map[string]string{c.file: c.text})
			args := append([]string{"advise"}, targetFlags...)
			if c.name == "groups in a circle" {
				args = append(args, "--group", "a")
			}
			if got := Main(context.Background(), env, args); got != exitUsage {
				t.Errorf("exit status %d, want %d", got, exitUsage)
			}
			if text := stderr.String(); !strings.HasPrefix(text, "thamos: "+c.want) || len(text) > 4000 {
				t.Errorf("want a message that begins with %q: %.4000s", c.want, text)
			}
			after, err := os.ReadFile(filepath.Join(env.Dir, c.file))
			if err != nil || string(after) != c.text || stdout.Len() > 0 {
				t.Errorf("the manifest changed, or there is a result: %v, %s", err, stdout)
			}
			if entries, err := os.ReadDir(env.Dir); err != nil || len(entries) != 1 {
				t.Errorf("something was written: %v, %v", entries, err)
			}
		})
	}
}

// TestHostileKB: a damaged knowledge base is missing knowledge, and the lock
// that is there stays.
func TestHostileKB(t *testing.T) {
	db, err := kb.OpenEmbedded(context.Background(), cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := db.Info(context.Background())
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cacheDir, "kb-*.db"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(string(whole))
	for i := 8192; i < len(damaged); i += 97 {
		damaged[i] ^= 0x55
	}
	newer := strings.Replace(string(whole), "schema"+info.Schema, "schema9.0.0", 1)
	for _, c := range []struct{ name, text string }{
		{"empty", ""},
		{"text", "this is not a database\n"},
		{"cut off", string(whole[:len(whole)/2])},
		{"header only", string(whole[:100])},
		{"damaged", string(damaged)},
		{"newer model", newer},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "newer model" && newer == string(whole) {
				t.Fatal("the schema was not found in the file: this test tests nothing")
			}
			env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": "flask\n", "requirements.txt": "old\n", "x.db": c.text})
			if got := Main(context.Background(), env, append([]string{"advise", "--kb", "x.db"}, targetFlags...)); got != exitUnknown {
				t.Errorf("exit status %d, want %d", got, exitUnknown)
			}
			if !strings.Contains(stderr.String(), "x.db") || stdout.Len() > 0 {
				t.Errorf("the message does not name the file, or there is a result: %s%s", stderr, stdout)
			}
			if old, err := os.ReadFile(filepath.Join(env.Dir, "requirements.txt")); err != nil || string(old) != "old\n" {
				t.Errorf("the old lock is gone: %v", err)
			}
		})
	}
}

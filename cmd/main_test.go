package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testEnv is an Env with buffers, a fixed clock and a directory of its own.
func testEnv(t testing.TB, files map[string]string) (env *Env, stdout, stderr *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	vars := map[string]string{"PIP_INDEX_URL": "https://index.example/simple", "PIP_CONFIG_FILE": os.DevNull}
	return &Env{
		Dir:      dir,
		Getenv:   func(key string) string { return vars[key] },
		CacheDir: cacheDir,
		DataDir:  filepath.Join(dir, ".data"),
		Stdin:    strings.NewReader(""),
		Stdout:   stdout,
		Stderr:   stderr,
		Now:      func() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) },
		After:    time.After,
		Rand:     rand.New(rand.NewPCG(1, 2)),
		GOOS:     "linux",
		Version:  "test",
	}, stdout, stderr
}

// cacheDir is shared by the tests of this package, so that the knowledge base
// is unpacked once.
var cacheDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "thamos-cmd-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		cacheDir = dir
		return m.Run()
	}())
}

// target are the flags that make a run independent of the machine.
var targetFlags = []string{"--python-version", "3.12", "--platform", "manylinux_2_36_x86_64"}

func TestExitStatus(t *testing.T) {
	advise := func(args ...string) []string { return append(append([]string{"advise"}, args...), targetFlags...) }
	for _, c := range []struct {
		name  string
		files map[string]string
		args  []string
		want  int
	}{
		{"help", nil, nil, exitOK},
		{"version", nil, []string{"version"}, exitOK},
		{"done", map[string]string{"requirements.in": "click\n"}, advise(), exitOK},
		{"unknown command", nil, []string{"foretell"}, exitUsage},
		{"unknown flag", nil, advise("--wisely"), exitUsage},
		{"flag without value", nil, []string{"advise", "--python-version"}, exitUsage},
		{"too many arguments", nil, advise("a", "b"), exitUsage},
		{"argument where none is", nil, []string{"version", "now"}, exitUsage},
		{"no manifest", nil, advise("."), exitUsage},
		{"malformed manifest", map[string]string{"Pipfile": "[packages\n"}, advise(), exitUsage},
		{"a manifest's line", map[string]string{"requirements.in": "click >>= 8\n"}, advise(), exitUsage},
		{"python contradicts", map[string]string{"pyproject.toml": "[project]\nname='x'\nversion='1'\nrequires-python='>=3.13'\ndependencies=['click']\n"}, advise(), exitUsage},
		{"exclusive flags", nil, []string{"kb", "build", "--from", "a", "--projects", "b"}, exitUsage},
		{"no stack", map[string]string{"requirements.in": "flask==3.1.3\nwerkzeug<2\n"}, advise(), exitNoStack},
		{"unknown project", map[string]string{"requirements.in": "nobody-knows-this\n"}, advise(), exitUnknown},
		{"no knowledge base", map[string]string{"requirements.in": "click\n"}, advise("--kb", "none.db"), exitUnknown},
		{"foreign knowledge base", map[string]string{"requirements.in": "click\n", "x.db": "SQLite format 3\x00"}, advise("--kb", "x.db"), exitUnknown},
		{"lock cannot be written", map[string]string{"requirements.in": "click\n"}, advise("--output", "no/such/dir/requirements.txt"), exitRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, stdout, stderr := testEnv(t, c.files)
			if got := Main(context.Background(), env, c.args); got != c.want {
				t.Errorf("exit status %d, want %d\n%s%s", got, c.want, stdout, stderr)
			}
			if c.want != exitOK && stderr.Len() == 0 {
				t.Error("failed without a word")
			}
			if c.want != exitOK && stdout.Len() > 0 {
				t.Errorf("failed, and printed as a result: %s", stdout)
			}
		})
	}
}

// TestInternalError: a fault of ours is status 5, and says where it is.
func TestInternalError(t *testing.T) {
	env, _, stderr := testEnv(t, map[string]string{"requirements.in": "click\n"})
	env.Now = func() time.Time { panic("the clock is broken") }
	if got := Main(context.Background(), env, append([]string{"advise"}, targetFlags...)); got != exitInternal {
		t.Errorf("exit status %d, want %d", got, exitInternal)
	}
	if text := stderr.String(); !strings.Contains(text, "internal error: the clock is broken") || !strings.Contains(text, "cmd.advise") {
		t.Errorf("stderr: %s", text)
	}
}

// TestCancelled: a run that is ended leaves no lock and no result.
func TestCancelled(t *testing.T) {
	env, stdout, _ := testEnv(t, map[string]string{"requirements.in": "click\n"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := Main(ctx, env, append([]string{"advise"}, targetFlags...)); got != exitRefused {
		t.Errorf("exit status %d, want %d", got, exitRefused)
	}
	if _, err := os.Stat(filepath.Join(env.Dir, "requirements.txt")); err == nil || stdout.Len() > 0 {
		t.Errorf("a cancelled run left something: %v, %s", err, stdout)
	}
}

// TestDocuments: --json is one document with its schema for every answer of the
// search.
func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		name, manifest, status string
		exit                   int
	}{
		{"ok", "flask\n", "ok", exitOK},
		{"no stack", "flask==3.1.3\nwerkzeug<2\n", "no-stack", exitNoStack},
		{"unknown", "nobody-knows-this\n", "unknown", exitUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": c.manifest})
			if got := Main(context.Background(), env, append([]string{"advise", "--json"}, targetFlags...)); got != c.exit {
				t.Errorf("exit status %d, want %d\n%s", got, c.exit, stderr)
			}
			var d adviseDocument
			if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
				t.Fatalf("%v\n%s", err, stdout)
			}
			if d.Schema != adviseSchema || d.Status != c.status || d.Knowledge.Built != "2026-11-24" {
				t.Errorf("schema %q, status %q, knowledge %+v", d.Schema, d.Status, d.Knowledge)
			}
			switch {
			case c.exit == exitOK && (len(d.Packages) < 5 || d.Lock == nil || d.Lock.State != "written"):
				t.Errorf("%+v", d)
			case c.exit == exitNoStack && (d.Conflict == nil || d.Conflict.Lines[0].Origin != "requirements.in:1:1"):
				t.Errorf("%+v", d.Conflict)
			case c.exit == exitUnknown && (d.Missing == nil || d.Missing.Projects[0] != "nobody-knows-this"):
				t.Errorf("%+v", d.Missing)
			}
		})
	}
}

// TestSameBytes: the same project, knowledge and environment give the same lock
// and table.
func TestSameBytes(t *testing.T) {
	var first string
	for range 5 {
		env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": "jupyterlab\napache-beam\ndjango\n"})
		if got := Main(context.Background(), env, append([]string{"advise"}, targetFlags...)); got != exitOK {
			t.Fatalf("exit status %d\n%s", got, stderr)
		}
		lock, err := os.ReadFile(filepath.Join(env.Dir, "requirements.txt"))
		if err != nil {
			t.Fatal(err)
		}
		text := stdout.String() + string(lock)
		if first == "" {
			first = text
		}
		if text != first {
			t.Fatalf("not the same:\n%s\n%s", first, text)
		}
	}
}

// TestTerminal: with a terminal the same things happen as without.
func TestTerminal(t *testing.T) {
	env, stdout, stderr := testEnv(t, map[string]string{
		"requirements.in":         "click\n",
		"index/simple/index.json": `{"meta": {"api-version": "1.1"}, "projects": []}`,
	})
	env.Terminal = true
	if got := Main(context.Background(), env, []string{"kb", "build", "--from", "index", "--built", "2024-01-31", "--output", "own.db"}); got != exitOK {
		t.Errorf("exit status %d\n%s%s", got, stdout, stderr)
	}
	env.CacheDir = t.TempDir()
	if got := Main(context.Background(), env, append([]string{"advise"}, targetFlags...)); got != exitOK {
		t.Errorf("exit status %d\n%s%s", got, stdout, stderr)
	}
}

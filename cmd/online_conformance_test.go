package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// onlineInputs are what is asked for online and offline; those of the
// third-party data join them.
var onlineInputs = []string{
	"flask", "jupyterlab\nipykernel", "apache-beam", "boto3\ns3fs", "celery[redis]\ndjango>=5",
	"requests<2.32\nurllib3<2", "tox\nnox\npre-commit", "streamlit", "langchain\nopenai", "pytest-xdist[psutil]\nhypothesis",
	"fastapi\nuvicorn\nsqlalchemy", "flask==3.1.3\nwerkzeug<2",
}

// TestConformanceOnline: what is asked for online, from nothing, gives the same
// lock as everything known offline, with a fraction of what there is read; and
// the next run offline gives it again from local knowledge.
func TestConformanceOnline(t *testing.T) {
	index := newLoopback(t, kbtest.Zip(t, "pypi.zip"))
	full := filepath.Join(t.TempDir(), "full.db")
	empty := filepath.Join(t.TempDir(), "empty.db")
	info := kb.Info{Built: 1, Origin: index.simple()}
	if _, _, err := ingest.BuildDirectory(context.Background(), index.files, full, info, false); err != nil {
		t.Fatal(err)
	}
	emptyKB(t, empty, info)
	for i, input := range savedInputs(t, index.files) {
		if raced && i%4 != 0 {
			continue
		}
		t.Run(strings.Join(strings.Fields(input), " "), func(t *testing.T) {
			files := map[string]string{"x.in": input, "Pipfile": pipfileOf(t, index.simple(), input)}
			run := func(base, data string, args ...string) (exit int, lock string, asked int) {
				env, stdout, stderr := testEnv(t, files)
				env.DataDir = data
				env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
				before := index.count()
				args = append([]string{"advise", "--output", "-", "--only-binary", ":all:", "--kb", base}, args...)
				exit = Main(context.Background(), env, append(args, targetFlags...))
				if exit != exitOK {
					return exit, stderr.String(), index.count() - before
				}
				return exit, stdout.String(), index.count() - before
			}
			nothing, learnt := t.TempDir(), t.TempDir()
			exit, lock, _ := run(full, nothing, "x.in")
			same := func(what string, exit int, got, want string) {
				t.Helper()
				if exit != exitOK || got != want {
					t.Errorf("%s: exit status %d\n%s\nwant\n%s", what, exit, got, want)
				}
			}
			onlineExit, got, asked := run(empty, learnt, "x.in", "--online")
			if exit != exitOK {
				if onlineExit != exit {
					t.Errorf("online: exit status %d, want %d\n%s", onlineExit, exit, got)
				}
				return
			}
			want := withoutOrigin(t, lock)
			same("online", onlineExit, withoutOrigin(t, got), want)
			exit, got, again := run(empty, learnt, "x.in", "--online")
			if same("online again", exit, withoutOrigin(t, got), want); again != 0 {
				t.Errorf("online again: %d requests", again)
			}
			exit, got, _ = run(empty, learnt, "x.in")
			same("offline afterwards", exit, withoutOrigin(t, got), want)

			_, want, _ = run(full, nothing, "Pipfile")
			exit, got, _ = run(empty, t.TempDir(), "Pipfile", "--online")
			same("Pipfile.lock", exit, got, want) // every byte
			inFiles := []string{"x.in", "--format", "pylock", "--file-dir", "files"}
			_, want, _ = run(full, nothing, inFiles...)
			exit, got, _ = run(empty, learnt, append(inFiles, "--online")...)
			same("pylock.toml", exit, withoutOrigin(t, got), withoutOrigin(t, want))

			closure := closureSize(t, full, lock)
			t.Logf("%d requests, %d listings and releases in the closure: %.1f %%", asked, closure, 100*float64(asked)/float64(closure))
			if float64(asked) > 0.15*float64(closure) {
				t.Errorf("%d requests for a closure of %d releases", asked, closure)
			}
		})
	}
}

// savedInputs are those of onlineInputs that a saved index can answer, and
// those of the third-party data.
func savedInputs(t *testing.T, index fs.FS) (inputs []string) {
	t.Helper()
	for _, input := range onlineInputs {
		known := true
		for line := range strings.Lines(input) {
			r, err := py.ParseRequirement(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			_, err = fs.Stat(index, path.Join("simple", string(r.Name), "index.json"))
			known = known && err == nil
		}
		if known {
			inputs = append(inputs, input)
		}
	}
	for _, f := range kbtest.Glob(t, "pypi-answers/*.in") {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, string(data))
	}
	return inputs
}

// withoutOrigin leaves out the one line that must differ: the comment of
// requirements and of pylock.toml that names the knowledge base by its digest.
func withoutOrigin(t rapid.TB, lock string) string {
	t.Helper()
	var rest strings.Builder
	left := 0
	for line := range strings.Lines(lock) {
		if strings.HasPrefix(line, "# Knowledge base of ") {
			left++
			continue
		}
		rest.WriteString(line)
	}
	if left != 1 {
		t.Errorf("%d lines name the knowledge base, want 1:\n%s", left, lock)
	}
	return rest.String()
}

// pipfileOf is a Pipfile that asks an index for what requirements ask for.
func pipfileOf(t *testing.T, index, input string) string {
	t.Helper()
	text := pipfileSource("main", index) + "[packages]\n"
	seen := map[py.Name]bool{}
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r, err := py.ParseRequirement(line)
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.Name] {
			t.Fatalf("%s is asked for twice", r.Name)
		}
		seen[r.Name] = true
		text += fmt.Sprintf("%s = {version = %q", r.Name, cmp.Or(r.Specifiers.String(), "*"))
		if len(r.Extras) > 0 {
			text += fmt.Sprintf(", extras = %q", r.Extras)
			text = strings.Replace(text, `" "`, `", "`, -1)
		}
		text += "}\n"
	}
	return text
}

// emptyKB writes a knowledge base of nothing.
func emptyKB(t testing.TB, path string, info kb.Info) {
	t.Helper()
	w, err := kb.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(info); err != nil {
		t.Fatal(err)
	}
}

// closureSize counts the documents that a full closure has: the listings and the
// releases of the projects in a lock.
func closureSize(t testing.TB, full, lock string) int {
	db, err := kb.Open(context.Background(), full)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var names []py.Name
	for _, l := range strings.Split(lock, "\n") {
		if name, _, ok := strings.Cut(l, "=="); ok {
			name, _, _ = strings.Cut(name, "[")
			names = append(names, py.Name(name))
		}
	}
	projects, err := db.Projects(context.Background(), names)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, p := range projects {
		size += 1 + len(p.Releases)
	}
	return size
}

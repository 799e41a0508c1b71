package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/BurntSushi/toml"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
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
	index := newLoopback(t, savedIndex(t))
	full := filepath.Join(t.TempDir(), "full.db")
	empty := filepath.Join(t.TempDir(), "empty.db")
	info := kb.Info{Built: 1, Origin: index.simple()}
	if _, _, err := ingest.BuildDirectory(context.Background(), index.files, full, info, false); err != nil {
		t.Fatal(err)
	}
	emptyKB(t, empty, info)
	inputs := onlineInputs
	files, err := filepath.Glob(filepath.Join(sharedData(t, "pypi-answers"), "*.in"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, string(data))
	}
	for _, input := range inputs {
		t.Run(strings.Join(strings.Fields(input), " "), func(t *testing.T) {
			data := t.TempDir()
			manifest := "x.in"
			run := func(base string, flags ...string) (exit int, lock string) {
				env, stdout, stderr := testEnv(t, map[string]string{"x.in": input, "Pipfile": pipfileOf(t, index.simple(), input)})
				env.DataDir = data
				if base == full {
					env.DataDir = filepath.Join(env.Dir, ".data")
				}
				env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
				args := append([]string{"advise", manifest, "--output", "-", "--only-binary", ":all:", "--kb", base}, targetFlags...)
				exit = Main(context.Background(), env, append(args, flags...))
				if exit == exitOK {
					return exit, withoutOrigin(stdout.String())
				}
				return exit, stderr.String()
			}
			wantExit, want := run(full)
			before := index.count()
			exit, got := run(empty, "--online")
			asked := index.count() - before
			if exit != wantExit || exit == exitOK && got != want {
				t.Fatalf("online: exit status %d, want %d\n%s\nwant\n%s", exit, wantExit, got, want)
			}
			if exit != exitOK {
				return
			}
			before = index.count()
			if exit, got := run(empty, "--online"); exit != exitOK || got != want || index.count() != before {
				t.Errorf("online again: exit status %d, %d requests\n%s", exit, index.count()-before, got)
			}
			if exit, got := run(empty); exit != exitOK || got != want {
				t.Errorf("offline afterwards: exit status %d\n%s", exit, got)
			}
			manifest = "Pipfile"
			if _, want := run(full); want == "" {
				t.Error("no Pipfile.lock")
			} else if exit, got := run(empty); exit != exitOK || got != want {
				t.Errorf("Pipfile.lock: exit status %d\n%s\nwant\n%s", exit, got, want)
			}
			closure := closureSize(t, full, want)
			t.Logf("%d requests, %d listings and releases in the closure: %.1f %%", asked, closure, 100*float64(asked)/float64(closure))
			if float64(asked) > 0.15*float64(closure) {
				t.Errorf("%d requests for a closure of %d releases", asked, closure)
			}
		})
	}
}

// withoutOrigin leaves out the one line that must differ: the comment of
// requirements that names the knowledge base by its digest. A Pipfile.lock has
// none, and is compared byte by byte.
func withoutOrigin(lock string) string {
	lines := strings.SplitAfter(lock, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "# Knowledge base of ") }), "")
}

// pipfileOf is a Pipfile that asks an index for what requirements ask for.
func pipfileOf(t *testing.T, index, input string) string {
	t.Helper()
	text := fmt.Sprintf("[[source]]\nname = \"main\"\nurl = %q\nverify_ssl = false\n\n[packages]\n", index)
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

// twoProjects is an index of two projects, one release each.
func twoProjects(version, requires string) fstest.MapFS {
	listing := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: fmt.Appendf(nil, `{"meta": {"api-version": "1.1"}, "name": %q, "versions": [%q], "files": [
			{"filename": "%s-%s-py3-none-any.whl", "url": "../../files/%s-%s-py3-none-any.whl", "hashes": {"sha256": "%064x"},
			"size": 10, "upload-time": "2023-01-01T00:00:00Z", "core-metadata": true}]}`, name, version, name, version, name, version, len(name+version))}
	}
	metadata := func(name string) *fstest.MapFile {
		text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
		if name == "app" && requires != "" {
			text += "Requires-Dist: " + requires + "\n"
		}
		return &fstest.MapFile{Data: []byte(text)}
	}
	return fstest.MapFS{
		"simple/app/index.json": listing("app"), "metadata/app/" + version: metadata("app"),
		"simple/lib/index.json": listing("lib"), "metadata/lib/" + version: metadata("lib"),
	}
}

// TestPrivateIndexes: two private indexes want logins, and a public one has a
// newer project with the name of a private one: the private one wins, each pin
// says where it is from, and no password is shown or written.
func TestPrivateIndexes(t *testing.T) {
	apps, libs := newLoopback(t, twoProjects("1.0", "lib")), newLoopback(t, twoProjects("2.0", ""))
	public := newLoopback(t, twoProjects("9.0", ""))
	apps.user, apps.password = "anna", "s3cret-a"
	libs.user, libs.password = "ben", "s3cret-b"
	delete(apps.files.(fstest.MapFS), "simple/lib/index.json")
	delete(libs.files.(fstest.MapFS), "simple/app/index.json")
	empty := filepath.Join(t.TempDir(), "empty.db")
	emptyKB(t, empty, kb.Info{Built: 1, Origin: public.simple()})
	manifest := fmt.Sprintf("--extra-index-url %s\n--extra-index-url %s\n--index-url %s\napp\n",
		apps.withLogin(), strings.Replace(libs.withLogin(), libs.password, "${LIBS_PASSWORD}", 1), public.simple())
	env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": manifest})
	getenv := env.Getenv
	env.Getenv = func(key string) string {
		if key == "LIBS_PASSWORD" {
			return libs.password
		}
		return getenv(key)
	}
	args := append([]string{"advise", "--online", "--kb", empty}, targetFlags...)
	if exit := Main(context.Background(), env, args); exit != exitOK {
		t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	lock, err := os.ReadFile(filepath.Join(env.Dir, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"app==1.0", "lib==2.0", apps.URL[len("http://"):], libs.URL[len("http://"):]} {
		if !strings.Contains(string(lock), want) {
			t.Errorf("the lock has no %q:\n%s", want, lock)
		}
	}
	local, err := os.ReadFile(localFile(env))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{apps.password, libs.password} {
		for what, text := range map[string]string{"lock": string(lock), "stdout": stdout.String(), "stderr": stderr.String(), "local knowledge": string(local)} {
			if strings.Contains(text, secret) {
				t.Errorf("a password in %s", what)
			}
		}
	}

	// The other formats say of each package which index it is from.
	pipfile := fmt.Sprintf(`[[source]]
name = "public"
url = %q
verify_ssl = false
[[source]]
name = "apps"
url = %q
verify_ssl = false
[[source]]
name = "libs"
url = %q
verify_ssl = false
[packages]
app = {version = "*", index = "apps"}
lib = {version = "*", index = "libs"}
`, public.simple(), apps.withLogin(), strings.Replace(libs.withLogin(), libs.password, "${LIBS_PASSWORD}", 1))
	if err := os.WriteFile(filepath.Join(env.Dir, "Pipfile"), []byte(pipfile), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, format := range [][]string{{"Pipfile"}, {"requirements.in", "--format", "pylock"}} {
		stdout.Reset()
		if exit := Main(context.Background(), env, append(slices.Concat(args, format), "--output", "-")); exit != exitOK {
			t.Fatalf("%s: exit status %d\n%s", format, exit, stderr)
		}
		for name, index := range map[string]string{"app": apps.URL, "lib": libs.URL} {
			if got := indexOf(t, stdout.Bytes(), name); !strings.Contains(got, index[len("http://"):]) {
				t.Errorf("%s: %s is from %q, want %s\n%s", format, name, got, index, stdout)
			}
		}
		for _, secret := range []string{apps.password, "s3cret-b"} {
			if strings.Contains(stdout.String(), secret) {
				t.Errorf("%s: a password in the lock", format)
			}
		}
	}

	// A wrong password is not "no such project": nothing is taken from elsewhere.
	env, stdout, stderr = testEnv(t, map[string]string{"requirements.in": strings.Replace(manifest, "s3cret-a", "wrong", 1)})
	env.Getenv = func(key string) string {
		return map[string]string{"LIBS_PASSWORD": libs.password, "PIP_CONFIG_FILE": os.DevNull}[key]
	}
	if exit := Main(context.Background(), env, args); exit != exitUnknown || !strings.Contains(stderr.String(), "401") ||
		!strings.Contains(stderr.String(), "all that the indexes say") {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
}

// indexOf returns the URL of the index that a lock names for a package.
func indexOf(t *testing.T, lock []byte, name string) string {
	t.Helper()
	if lock[0] != '{' {
		var l struct {
			Packages []struct{ Name, Index string }
		}
		if err := toml.Unmarshal(lock, &l); err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Packages {
			if p.Name == name {
				return p.Index
			}
		}
		return ""
	}
	var l struct {
		Meta struct {
			Sources []struct{ Name, URL string }
		} `json:"_meta"`
		Default map[string]struct{ Index string }
	}
	if err := json.Unmarshal(lock, &l); err != nil {
		t.Fatal(err)
	}
	for _, s := range l.Meta.Sources {
		if s.Name == l.Default[name].Index {
			return s.URL
		}
	}
	return ""
}

// TestOfflineNeedsNoLogins: offline, a fault in what only asking needs is no
// reason to stop; online it is.
func TestOfflineNeedsNoLogins(t *testing.T) {
	env, stdout, stderr := testEnv(t, map[string]string{"requirements.in": "click\n", "netrc": "machine x login\n"})
	getenv := env.Getenv
	env.Getenv = func(key string) string {
		switch key {
		case "NETRC":
			return filepath.Join(env.Dir, "netrc")
		case "PIP_CERT":
			return filepath.Join(env.Dir, "no-such.pem")
		}
		return getenv(key)
	}
	args := append([]string{"advise"}, targetFlags...)
	if exit := Main(context.Background(), env, args); exit != exitOK {
		t.Errorf("offline: exit status %d\n%s%s", exit, stdout, stderr)
	}
	if exit := Main(context.Background(), env, append(args, "--online")); exit != exitUsage {
		t.Errorf("online: exit status %d, want %d\n%s%s", exit, exitUsage, stdout, stderr)
	}
}

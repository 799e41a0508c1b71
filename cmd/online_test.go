package cmd

import (
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
)

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
	libsURL := strings.Replace(libs.withLogin(), libs.password, "${LIBS_PASSWORD}", 1)
	requirements := fmt.Sprintf("--extra-index-url %s\n--extra-index-url %s\n--index-url %s\napp\n", apps.withLogin(), libsURL, public.simple())
	files := map[string]string{
		"requirements.in": requirements,
		"Pipfile": pipfileSource("public", public.simple()) + pipfileSource("apps", apps.withLogin()) + pipfileSource("libs", libsURL) +
			"[packages]\napp = {version = \"*\", index = \"apps\"}\nlib = {version = \"*\", index = \"libs\"}\n",
	}
	run := func(t *testing.T, files map[string]string, args ...string) (exit int, lock, stderr string) {
		env, stdout, errs := testEnv(t, files)
		env.Getenv = func(key string) string {
			return map[string]string{"LIBS_PASSWORD": libs.password, "PIP_CONFIG_FILE": os.DevNull}[key]
		}
		args = slices.Concat([]string{"advise", "--online", "--kb", empty, "--output", "-"}, args, targetFlags)
		exit = Main(context.Background(), env, args)
		local, err := os.ReadFile(localFile(env))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{apps.password, libs.password} {
			for what, text := range map[string]string{"stdout": stdout.String(), "stderr": errs.String(), "local knowledge": string(local)} {
				if strings.Contains(text, secret) {
					t.Errorf("a password in %s:\n%s", what, text)
				}
			}
		}
		return exit, stdout.String(), errs.String()
	}
	for _, c := range []struct {
		name  string
		args  []string
		index func(t *testing.T, lock, name string) string
	}{
		{"requirements", []string{"requirements.in"}, nil},
		{"Pipfile.lock", []string{"Pipfile"}, pipfileLockIndex},
		{"pylock", []string{"requirements.in", "--format", "pylock"}, pylockIndex},
		{"requirements of a Pipfile", []string{"Pipfile", "--format", "requirements"}, nil},
		{"pylock of a Pipfile", []string{"Pipfile", "--format", "pylock"}, pylockIndex},
	} {
		t.Run(c.name, func(t *testing.T) {
			exit, lock, stderr := run(t, files, c.args...)
			if exit != exitOK {
				t.Fatalf("exit status %d\n%s", exit, stderr)
			}
			if c.index == nil {
				// The lock's lines say of all packages which indexes they are from.
				for _, want := range []string{"app==1.0", "lib==2.0", "--index-url " + public.simple(), "--extra-index-url " + withUser(apps, ""), "--extra-index-url " + withUser(libs, "ben:${LIBS_PASSWORD}@")} {
					if !strings.Contains(lock, want) {
						t.Errorf("the lock has no %q:\n%s", want, lock)
					}
				}
				return
			}
			for name, index := range map[string]*loopback{"app": apps, "lib": libs} {
				got := strings.Replace(c.index(t, lock, name), "ben:${LIBS_PASSWORD}@", "", 1)
				if got != index.simple() {
					t.Errorf("%s is from %q, want %q\n%s", name, got, index.simple(), lock)
				}
			}
		})
	}

	t.Run("a wrong password", func(t *testing.T) {
		// It is not "no such project": nothing is taken from elsewhere.
		exit, lock, stderr := run(t, map[string]string{"requirements.in": strings.Replace(requirements, apps.password, "wrong", 1)})
		if exit != exitUnknown || lock != "" || !strings.Contains(stderr, "401") || !strings.Contains(stderr, "all that the indexes say") {
			t.Errorf("exit status %d\n%s%s", exit, lock, stderr)
		}
	})
	public.mu.Lock()
	defer public.mu.Unlock()
	for _, path := range public.paths {
		if strings.Contains(path, "app") || strings.Contains(path, "lib") {
			t.Errorf("the public index was asked for %s", path)
		}
	}
}

// withUser is the URL of an index with something before the host.
func withUser(lb *loopback, userinfo string) string {
	return strings.Replace(lb.simple(), "://", "://"+userinfo, 1)
}

// pipfileSource is a source of a Pipfile.
func pipfileSource(name, url string) string {
	return fmt.Sprintf("[[source]]\nname = %q\nurl = %q\nverify_ssl = false\n", name, url)
}

// pylockIndex returns the URL of the index that a pylock.toml names for a package.
func pylockIndex(t *testing.T, lock, name string) string {
	t.Helper()
	var l struct {
		Packages []struct{ Name, Index string }
	}
	if err := toml.Unmarshal([]byte(lock), &l); err != nil {
		t.Fatal(err)
	}
	for _, p := range l.Packages {
		if p.Name == name {
			return p.Index
		}
	}
	return ""
}

// pipfileLockIndex is the same for a Pipfile.lock.
func pipfileLockIndex(t *testing.T, lock, name string) string {
	t.Helper()
	var l struct {
		Meta struct {
			Sources []struct{ Name, URL string }
		} `json:"_meta"`
		Default map[string]struct{ Index string }
	}
	if err := json.Unmarshal([]byte(lock), &l); err != nil {
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

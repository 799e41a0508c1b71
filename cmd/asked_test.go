package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
)

// TestMirrorIsAsked: the snapshot knows the releases that a mirror has, and says
// nothing of the mirror. Asking ends with what the mirror says, is counted, and
// what is counted is not in the lock.
func TestMirrorIsAsked(t *testing.T) {
	mirror := newLoopback(t, twoProjects("1.0", "lib"))
	base := filepath.Join(t.TempDir(), "kb.db")
	info := kb.Info{Built: 1, Origin: "https://origin.example/simple"}
	saved := twoProjects("1.0", "")
	saved["simple/index.json"] = &fstest.MapFile{Data: []byte(`{"meta": {"api-version": "1.1"}, "projects": [{"name": "app"}, {"name": "lib"}]}`)}
	if _, _, err := ingest.BuildDirectory(context.Background(), saved, base, info, false); err != nil {
		t.Fatal(err)
	}
	env, stdout, stderr := testEnv(t, map[string]string{"x.in": "app\n"})
	env.Getenv = func(key string) string {
		return map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": mirror.simple()}[key]
	}
	run := func(args ...string) []byte {
		t.Helper()
		stdout.Reset()
		stderr.Reset()
		args = append([]string{"advise", "x.in", "--kb", base}, args...)
		if exit := Main(context.Background(), env, append(args, targetFlags...)); exit != exitOK {
			t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
		}
		lock, err := os.ReadFile(filepath.Join(env.Dir, "x.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return lock
	}
	asked := func() *askedJSON {
		t.Helper()
		var d adviseDocument
		if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		return d.Knowledge.Asked
	}
	first := run("--online", "--json")
	want := askedJSON{Requests: 4, Listings: 2, Metadata: 2, ForListings: 2, ForMetadata: 2}
	if got := asked(); got == nil || *got != want || mirror.count() != want.Requests {
		t.Errorf("asked %+v, want %+v; the mirror answered %d requests", got, want, mirror.count())
	}
	if !strings.Contains(string(first), "lib==1.0") {
		t.Errorf("what the mirror says is not in the lock:\n%s", first)
	}
	again := run("--online", "--json")
	if got := asked(); got == nil || *got != (askedJSON{}) {
		t.Errorf("asked %+v once more", got)
	}
	offline := run("--json")
	if got := asked(); got != nil {
		t.Errorf("offline it asked %+v", got)
	}
	if string(again) != string(first) || string(offline) != string(first) {
		t.Errorf("the lock depends on what was asked:\n%s\n%s\n%s", first, again, offline)
	}
	now := env.Now().Add(time.Minute)
	env.Now = func() time.Time { return now }
	run("--online", "--refresh")
	line := regexp.MustCompile(`(?m)^asked the indexes: .*$`).FindString(stderr.String())
	if !strings.HasSuffix(line, "(requests for listings 2, of which not modified 0; for metadata 2; for parts of files 0)") {
		t.Errorf("the summary says %q", line)
	}
}

// TestLinkPageOffline: offline a page of links is not read, and one note says
// what that means; online what it links to comes before the index.
func TestLinkPageOffline(t *testing.T) {
	index := newLoopback(t, twoProjects("1.0", "lib"))
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/links.html":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<a href="app-2.0-py3-none-any.whl#sha256=%064x">app</a>`, 7)
		case "/app-2.0-py3-none-any.whl.metadata":
			fmt.Fprint(w, "Metadata-Version: 2.1\nName: app\nVersion: 2.0\nRequires-Dist: lib\n")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(page.Close)
	empty := filepath.Join(t.TempDir(), "empty.db")
	emptyKB(t, empty, kb.Info{Built: 1, Origin: index.simple()})
	env, stdout, stderr := testEnv(t, map[string]string{
		"plain.in": "app\n", "links.in": "--find-links " + page.URL + "/links.html\napp\n",
	})
	env.Getenv = func(key string) string {
		return map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": index.simple()}[key]
	}
	run := func(args ...string) string {
		t.Helper()
		stdout.Reset()
		stderr.Reset()
		args = append([]string{"advise", "--kb", empty, "--output", "-"}, args...)
		if exit := Main(context.Background(), env, append(args, targetFlags...)); exit != exitOK {
			t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
		}
		return stdout.String()
	}
	run("plain.in", "--online")
	if lock := run("links.in"); !strings.Contains(lock, "app==1.0") {
		t.Errorf("offline:\n%s", lock)
	}
	note := "note: the page " + page.URL + "/links.html of --find-links was not read (--online reads it): 2 packages are chosen as if it did not exist\n"
	if n := strings.Count(stderr.String(), "links.html"); n != 1 || !strings.Contains(stderr.String(), note) {
		t.Errorf("the page is named %d times, want the note\n%s\n%s", n, note, stderr)
	}
	if lock := run("links.in", "--online"); !strings.Contains(lock, "app==2.0") || !strings.Contains(lock, "lib==1.0") {
		t.Errorf("online:\n%s", lock)
	}
	if lock := run("links.in"); !strings.Contains(lock, "app==2.0") || strings.Contains(stderr.String(), "was not read") {
		t.Errorf("offline afterwards:\n%s%s", lock, stderr)
	}
}

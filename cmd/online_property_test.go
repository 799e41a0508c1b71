package cmd

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
)

// drawIndex draws the files of a small index: extras, markers, cycles, yanked
// releases, releases without metadata or with an sdist alone, files for other
// platforms, and projects without releases.
func drawIndex(rt *rapid.T) fstest.MapFS {
	files := fstest.MapFS{}
	draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	names := []string{"aa", "bb", "cc", "dd", "ee"}
	var listed []string
	for _, name := range append(names, "zz") { // a saved index does not tell what does not exist, so zz is there, empty
		listed = append(listed, fmt.Sprintf(`{"name": %q}`, name))
		var entries, versions []string
		most := 4
		if name == "zz" {
			most = 0
		}
		for _, version := range []string{"1.0", "1.5", "2.0", "2.1"}[:rapid.IntRange(0, most).Draw(rt, "releases")] {
			kind := draw("kind", "", "", "", "", "yanked", "unread", "sdist", "windows", "new python")
			file := fmt.Sprintf("%s-%s-py3-none-any.whl", name, version)
			python := ""
			switch kind {
			case "sdist":
				file = fmt.Sprintf("%s-%s.tar.gz", name, version)
			case "windows":
				file = fmt.Sprintf("%s-%s-cp312-cp312-win_amd64.whl", name, version)
			case "new python":
				python = ">=3.13"
			}
			read := kind != "unread" && kind != "sdist"
			entries = append(entries, fmt.Sprintf(`{"filename": %q, "url": "../../files/%s", "hashes": {"sha256": "%064x"}, "size": 10,
				"upload-time": "2023-01-01T00:00:00Z", "core-metadata": %v, "yanked": %v, "requires-python": %q}`,
				file, file, len(entries)+1, read, kind == "yanked", python))
			versions = append(versions, fmt.Sprintf("%q", version))
			if !read {
				continue
			}
			text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nProvides-Extra: x\n", name, version)
			if python != "" {
				text += "Requires-Python: " + python + "\n"
			}
			for range rapid.IntRange(0, 2).Draw(rt, "requirements") {
				text += "Requires-Dist: " + draw("child", append(slices.Concat(names, names), "zz")...) + draw("extra", "", "", "[x]") +
					draw("spec", "", "", "", ">=2", "<2", "==1.0", "!=2.1") + draw("marker", "", "", "; extra == 'x'", "; python_version < '3'") + "\n"
			}
			files["metadata/"+name+"/"+version] = &fstest.MapFile{Data: []byte(text)}
		}
		files["simple/"+name+"/index.json"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			`{"meta": {"api-version": "1.1"}, "name": %q, "versions": [%s], "files": [%s]}`, name, strings.Join(versions, ","), strings.Join(entries, ","))}
	}
	files["simple/index.json"] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"meta": {"api-version": "1.1"}, "projects": [%s]}`, strings.Join(listed, ","))}
	return files
}

// TestOnlineAgrees: on random indexes, asking from nothing answers as knowing
// everything does: with the same lock, that there is none, or that what the
// index does not tell is missing. Asking again asks for nothing.
func TestOnlineAgrees(t *testing.T) {
	outcomes := map[int]int{}
	for _, flags := range [][]string{nil, {"--only-binary", ":all:"}, {"--no-binary", "aa,bb"}} {
		t.Run(cmp.Or(strings.Join(flags, " "), "all files"), func(t *testing.T) {
			index := newLoopback(t, fstest.MapFS{})
			dir := t.TempDir()
			w := &onlineWorld{index: index, full: filepath.Join(dir, "full.db"), empty: filepath.Join(dir, "empty.db"), outcomes: outcomes}
			w.server = httptest.NewServer(w)
			t.Cleanup(w.server.Close)
			w.args = slices.Concat([]string{"advise", "x.in", "--output", "-"}, targetFlags, flags)
			emptyKB(t, w.empty, kb.Info{Built: 1, Origin: w.server.URL + "/simple"})
			checks := 0
			rapid.Check(t, func(rt *rapid.T) {
				if checks++; !raced || checks <= 15 {
					w.check(t, rt)
				}
			})
		})
	}
	if !t.Failed() && !raced && (outcomes[exitOK] == 0 || outcomes[exitNoStack] == 0 || outcomes[exitUnknown] == 0) {
		t.Errorf("the indexes are too tame to test anything: %v", outcomes)
	}
	t.Logf("exit statuses: %v", outcomes)
}

// An onlineWorld is what the runs of TestOnlineAgrees share.
type onlineWorld struct {
	index       *loopback
	server      *httptest.Server
	ill         atomic.Value // path that is answered 401
	full, empty string       // knowledge bases
	args        []string
	outcomes    map[int]int // by exit status
}

func (w *onlineWorld) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	if ill := w.ill.Load().(string); ill != "/" && strings.HasPrefix(r.URL.Path, ill) {
		to.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.index.ServeHTTP(to, r)
}

// check draws an index and a project and compares what is said of them.
func (w *onlineWorld) check(t *testing.T, rt *rapid.T) {
	files := drawIndex(rt)
	w.index.files = files
	// What the index does not tell now, full knowledge does not have.
	ill := rapid.SampledFrom([]string{"", "", "simple/cc", "metadata/aa/2.1", "metadata/aa/2.0", "metadata/bb/2.0", "metadata/cc/2.0"}).Draw(rt, "ill")
	path := "/" + ill
	if release, ok := strings.CutPrefix(ill, "metadata/"); ok {
		path = "/files/" + strings.Replace(release, "/", "-", 1)
	}
	w.ill.Store(path)
	if ill != "" {
		delete(files, ill)
		delete(files, ill+"/index.json")
	}
	if _, _, err := ingest.BuildDirectory(context.Background(), files, w.full, kb.Info{Built: 1, Origin: w.server.URL + "/simple"}, false); err != nil {
		rt.Fatal(err)
	}
	if rapid.Bool().Draw(rt, "absent") { // what has no release and what does not exist come to the same
		delete(files, "simple/zz/index.json")
	}
	input := ""
	for range rapid.IntRange(1, 3).Draw(rt, "roots") {
		input += rapid.SampledFrom([]string{"aa", "bb", "aa[x]", "bb>=2", "aa<2"}).Draw(rt, "root") + "\n"
	}
	env, stdout, stderr := testEnv(t, map[string]string{"x.in": input})
	env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
	defer os.RemoveAll(env.Dir)
	run := func(base string, flags ...string) (exit int, lock string) {
		stdout.Reset()
		stderr.Reset()
		exit = Main(context.Background(), env, slices.Concat(w.args, []string{"--kb", base}, flags))
		if exit == exitOK {
			return exit, withoutOrigin(rt, stdout.String())
		}
		return exit, stdout.String()
	}
	wantExit, want := run(w.full)
	w.outcomes[wantExit]++
	agrees := func(what string, flags ...string) {
		rt.Helper()
		if exit, got := run(w.empty, flags...); exit != wantExit || got != want {
			rt.Fatalf("%s: exit status %d, want %d\n%s\nwant\n%s\n%s\nfor\n%s", what, exit, wantExit, got, want, stderr, input)
		}
	}
	agrees("online", "--online")
	before := w.index.count()
	agrees("online again", "--online")
	if n := w.index.count() - before; n > 0 && ill == "" {
		rt.Fatalf("online again: %d requests\nfor\n%s", n, input)
	}
	agrees("offline afterwards")
}

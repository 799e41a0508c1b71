package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
			kind := draw("kind", "", "", "", "", "", "yanked", "unread", "sdist", "windows", "new python")
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
			for range rapid.IntRange(0, 3).Draw(rt, "requirements") {
				text += "Requires-Dist: " + draw("child", append(names, "zz")...) + draw("extra", "", "", "[x]") +
					draw("spec", "", "", ">=2", "<2", "==1.0", "!=2.1") + draw("marker", "", "", "; extra == 'x'", "; python_version < '3'") + "\n"
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
// everything does: with the same lock, the same proof that there is none, or
// that what the index does not tell is missing. Asking again asks for nothing.
func TestOnlineAgrees(t *testing.T) {
	index := newLoopback(t, fstest.MapFS{})
	dir := t.TempDir()
	full, empty := filepath.Join(dir, "full.db"), filepath.Join(dir, "empty.db")
	info := kb.Info{Built: 1, Origin: index.simple()}
	emptyKB(t, empty, info)
	outcomes := map[int]int{}
	rapid.Check(t, func(rt *rapid.T) {
		files := drawIndex(rt)
		index.files = files
		if _, _, err := ingest.BuildDirectory(context.Background(), files, full, info, false); err != nil {
			rt.Fatal(err)
		}
		input := ""
		for range rapid.IntRange(1, 3).Draw(rt, "roots") {
			input += rapid.SampledFrom([]string{"aa", "bb", "aa[x]", "bb>=2", "aa<2"}).Draw(rt, "root") + "\n"
		}
		env, stdout, stderr := testEnv(t, map[string]string{"x.in": input})
		env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
		run := func(base string, flags ...string) (exit int, lock string) {
			stdout.Reset()
			stderr.Reset()
			args := append([]string{"advise", "x.in", "--output", "-", "--kb", base}, targetFlags...)
			exit = Main(context.Background(), env, append(args, flags...))
			return exit, withoutOrigin(stdout.String())
		}
		fail := func(what string, exit int, got string) {
			rt.Fatalf("%s: exit status %d\n%s\n%s\nfor\n%s", what, exit, got, stderr, input)
		}
		wantExit, want := run(full)
		outcomes[wantExit]++
		if exit, got := run(empty, "--online"); exit != wantExit || got != want {
			fail(fmt.Sprintf("online, want %d\n%s", wantExit, want), exit, got)
		}
		before := index.count()
		if exit, got := run(empty, "--online"); exit != wantExit || got != want || index.count() != before {
			fail("online again", exit, got)
		}
		if exit, got := run(empty); exit != wantExit || got != want {
			fail("offline afterwards", exit, got)
		}
		if err := os.RemoveAll(env.DataDir); err != nil {
			rt.Fatal(err)
		}
	})
	if !t.Failed() && (outcomes[exitOK] == 0 || outcomes[exitNoStack] == 0 || outcomes[exitUnknown] == 0) {
		t.Errorf("the indexes are too tame to test anything: %v", outcomes)
	}
	t.Log(outcomes)
}

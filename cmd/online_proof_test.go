package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/thamos/thamos/kb"
)

// TestOnlineProves: where a release that nobody can read leaves no hope for a
// stack, what was not asked for yet may prove that there is none whatever that
// release requires. It is asked for, and the answer is 3, not 4.
func TestOnlineProves(t *testing.T) {
	listing := func(name string, files ...string) *fstest.MapFile {
		var entries []string
		for i, f := range files {
			entries = append(entries, fmt.Sprintf(`{"filename": %q, "url": "../../files/%s", "hashes": {"sha256": "%064x"}, "core-metadata": %v}`,
				f, f, i+1, strings.HasSuffix(f, ".whl")))
		}
		return &fstest.MapFile{Data: fmt.Appendf(nil, `{"meta": {"api-version": "1.1"}, "name": %q, "files": [%s]}`, name, strings.Join(entries, ","))}
	}
	index := newLoopback(t, fstest.MapFS{
		"simple/aa/index.json": listing("aa", "aa-1.0-py3-none-any.whl", "aa-1.5-py3-none-any.whl"),
		"simple/bb/index.json": listing("bb", "bb-1.0.tar.gz"),
		"metadata/aa/1.0":      {Data: []byte("Metadata-Version: 2.1\nName: aa\nVersion: 1.0\nProvides-Extra: x\nRequires-Dist: cc\n")},
		"metadata/aa/1.5":      {Data: []byte("Metadata-Version: 2.1\nName: aa\nVersion: 1.5\nProvides-Extra: x\nRequires-Dist: aa>=2; extra == 'x'\n")},
	})
	empty := filepath.Join(t.TempDir(), "empty.db")
	emptyKB(t, empty, kb.Info{Built: 1, Origin: index.simple()})
	env, stdout, stderr := testEnv(t, map[string]string{"x.in": "aa[x]\nbb\n"})
	env.Getenv = func(key string) string { return map[string]string{"PIP_CONFIG_FILE": os.DevNull}[key] }
	args := append([]string{"advise", "x.in", "--online", "--kb", empty}, targetFlags...)
	if exit := Main(context.Background(), env, args); exit != exitNoStack || !strings.Contains(stderr.String(), "there is no project cc") {
		t.Errorf("exit status %d, want %d\n%s%s", exit, exitNoStack, stdout, stderr)
	}
	before := index.count()
	if exit := Main(context.Background(), env, args); exit != exitNoStack || index.count() != before {
		t.Errorf("again: exit status %d, %d requests", exit, index.count()-before)
	}
}

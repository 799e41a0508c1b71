package cmd

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/thamos/thamos/kb/kbtest"
)

// A lockedProject is a project of the third-party data, with its lock.
type lockedProject struct{ manifest, lock string }

// ecosystem are the projects of the third-party data that have a uv.lock, by name.
func ecosystem(t testing.TB) map[string]lockedProject {
	t.Helper()
	projects := map[string]lockedProject{}
	for _, file := range kbtest.Glob(t, "ecosystem/*/uv.lock.gz") {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		manifest, err := os.ReadFile(filepath.Join(dir, "pyproject.toml"))
		if err != nil {
			t.Fatal(err)
		}
		projects[filepath.Base(dir)] = lockedProject{string(manifest), string(text)}
	}
	return projects
}

// BenchmarkProvenanceCheck checks the lock of warehouse, 343 packages with 1,169
// files, against the embedded knowledge base, with all that a run does.
func BenchmarkProvenanceCheck(b *testing.B) {
	env, stdout, stderr := testEnv(b, map[string]string{"uv.lock": ecosystem(b)["warehouse"].lock})
	args := []string{"provenance-check", "uv.lock", "--fail-on", "off"}
	if exit := Main(context.Background(), env, args); exit != exitOK {
		b.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	for b.Loop() {
		*stdout, *stderr = bytes.Buffer{}, bytes.Buffer{}
		Main(context.Background(), env, args)
	}
}

package cmd

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// ecosystemLocks are the projects of the third-party data that have a uv.lock.
var ecosystemLocks = []string{
	"cibuildwheel", "flask", "httpx", "jupyterlab", "openai-python", "pandas", "poetry", "pytest-cov", "pyx-workspace", "saleor", "warehouse",
}

// ecosystemLock is the uv.lock of one of them.
func ecosystemLock(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(sharedData(t, filepath.Join("ecosystem", name, "uv.lock.gz")))
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
	return text
}

// BenchmarkProvenanceCheck checks the lock of warehouse, 343 packages with 1,169
// files, against the embedded knowledge base, with all that a run does.
func BenchmarkProvenanceCheck(b *testing.B) {
	env, stdout, stderr := testEnv(b, map[string]string{"uv.lock": string(ecosystemLock(b, "warehouse"))})
	args := []string{"provenance-check", "uv.lock", "--fail-on", "off"}
	if exit := Main(context.Background(), env, args); exit != exitOK {
		b.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	for b.Loop() {
		*stdout, *stderr = bytes.Buffer{}, bytes.Buffer{}
		Main(context.Background(), env, args)
	}
}

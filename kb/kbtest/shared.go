package kbtest

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"
)

// Shared is the absolute path of a file or folder of the third-party data, by
// default in ../shared/data seen from the root of the module, else in the folder
// that THAMOS_SHARED_DATA names (if relative, from the root too). It skips the
// test without it.
func Shared(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{root(t)}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no third-party data at %s: set THAMOS_SHARED_DATA to the folder that holds it", path)
	}
	return path
}

// Glob are the files of the third-party data that match a pattern of
// filepath.Match, in the order of their names. It skips the test if there is none.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	pattern = filepath.Join(root(t), filepath.FromSlash(pattern))
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no third-party data at %s: set THAMOS_SHARED_DATA to the folder that holds it", pattern)
	}
	return files
}

// Zip opens an archive of the third-party data until the test ends. It skips
// the test without it.
func Zip(t testing.TB, name string) *zip.ReadCloser {
	t.Helper()
	z, err := zip.OpenReader(Shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return z
}

// root is the folder of the third-party data. A test runs in the folder of its
// package and gives paths on to programs that run elsewhere, so it is absolute.
func root(t testing.TB) string {
	t.Helper()
	module, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(module)
		if parent == module {
			t.Fatal("no go.mod in this folder or above it")
		}
		module = parent
	}
	data := os.Getenv("THAMOS_SHARED_DATA")
	switch {
	case data == "":
		return filepath.Join(filepath.Dir(module), "shared", "data")
	case filepath.IsAbs(data):
		return data
	}
	return filepath.Join(module, data)
}

package ingest

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// day is the day of the shared data.
var day = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)

// sharedDir is where the data from outside are, if they are.
func sharedDir() string {
	if dir := os.Getenv("THAMOS_SHARED_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "data")
}

// sharedIndex is the index among the data from outside, which are not part of
// the project. It skips the test where they are absent.
func sharedIndex(t testing.TB) fs.FS {
	t.Helper()
	file := filepath.Join(sharedDir(), "pypi.zip")
	z, err := zip.OpenReader(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no index at %s (set THAMOS_SHARED_DATA)", file)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return z
}

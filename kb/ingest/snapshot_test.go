package ingest

import (
	"archive/zip"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
)

var (
	snapshot = flag.String("snapshot", "", "TestWriteEmbedded: write the embedded snapshot into this `directory`")
	origin   = flag.String("origin", "", "TestWriteEmbedded: the `URL` of the index the data are of")
)

// day is the day of the shared data.
var day = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)

// sharedIndex is the index among the data from outside, which are not part of
// the project. It skips the test where they are absent.
func sharedIndex(t testing.TB) fs.FS {
	t.Helper()
	dir := os.Getenv("THAMOS_SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	file := filepath.Join(dir, "pypi.zip")
	z, err := zip.OpenReader(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no index at %s (set THAMOS_SHARED_DATA)", file)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return z
}

// TestWriteEmbedded writes the snapshot that the program embeds:
//
//	go test ./kb/ingest -run TestWriteEmbedded -snapshot ../embedded -origin URL
func TestWriteEmbedded(t *testing.T) {
	if *snapshot == "" {
		t.Skip("only with -snapshot DIRECTORY")
	}
	index := sharedIndex(t)
	file := filepath.Join(t.TempDir(), "kb.db")
	info := kb.Info{Built: day.Unix(), Origin: *origin, Sources: []kb.Source{{
		Name:    "package index",
		Licence: "package metadata as published by each project",
		Date:    day.Format(time.DateOnly),
		Notes:   *origin,
	}}}
	info, report, err := BuildDirectory(t.Context(), index, file, info, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", info)
	t.Logf("%d projects, %d files, %d metadata, %d ignored, missing %v, %d faults", report.Projects, report.Files, report.Metadata, report.Ignored, report.Missing, len(report.Faults))
	for _, f := range report.Faults[:min(20, len(report.Faults))] {
		t.Log(f)
	}
	if _, err := kb.PackEmbedded(t.Context(), file, *snapshot); err != nil {
		t.Fatal(err)
	}
}

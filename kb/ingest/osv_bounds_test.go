package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// osvZip writes a zip.
func osvZip(t *testing.T, pairs ...string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func openZip(t *testing.T, b *bytes.Buffer) fs.FS {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOSVBombs: what is large when it is unpacked or expanded is a fault.
func TestOSVBombs(t *testing.T) {
	good := osvOf("X-1", "", osvAny)
	var aliases strings.Builder // a few hundred bytes that are a billion strings
	aliases.WriteString("id: X-2\nx0: &x0 [a,a,a,a,a,a,a,a,a,a]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&aliases, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i-1), 10), ","))
	}
	var versions strings.Builder // the same where it is read
	versions.WriteString("id: X-2\naffected:\n- &a\n  package: {ecosystem: PyPI, name: a}\n  versions: [" + strings.Repeat("'1',", 10_000) + "]\n")
	versions.WriteString(strings.Repeat("- *a\n", 10_000))
	large := "id: X-3\ndetails: " + strings.Repeat("x", 5<<20)
	for _, c := range []struct{ name, text, want string }{
		{"z.yaml", versions.String(), "document contains excessive aliasing"},
		{"z.yaml", "id: X-2\na: &a [" + strings.Repeat("&b [", 9000) + strings.Repeat("]", 9001), ""},
		{"z.yaml", "id: X-2\nsummary: &a [*a]", "z.yaml:*"},
		{"z.yaml", "id: X-2\n" + strings.Repeat("a: b\n", 200_000), "z.yaml:1: more than 256 keys"},
		{"z.yaml", "id: X-2\na: b\na: b\n", `z.yaml:3: the key "a" is there twice`},
		{"z.yaml", "id: X-2\nx: {" + manyVersions(50_000) + "}", "z.yaml:2: more than 256 keys"},
		{"z.yaml", "id: X-2\n? [a]\n: b\n", "z.yaml:2: a key is not a word"},
		{"z.yaml", large, "z.yaml: 5242897 bytes, the limit is 1048576"},
		{"z.json", `{"id": "X-3", "x": ` + strings.Repeat(`{"x":`, 50_000), "z.json:1: *"},
		{"z.json", osvOf("X-3", "", `"versions": [`+strings.TrimSuffix(strings.Repeat(`"1",`, 30_000), ",")+`]`), ""},
		{"z.json", osvOf("X-3", "", `"versions": [`+manyVersions(30_000)+`]`), "z.json: more than 20000 ranges of a"},
		{"z.json", osvOf("X-3", `"aliases": [`+manyVersions(2000)+`],`, osvAny), "z.json: more than 1000 aliases"},
	} {
		advisories, report, err := ReadOSV(context.Background(), openZip(t, osvZip(t, "a.json", good, c.name, c.text)))
		if err != nil || len(advisories) == 0 || advisories[0].ID != "X-1" {
			t.Errorf("%.40s: %v, %v", c.text, advisories, err)
		}
		if c.want == "" {
			matchFaults(t, c.text[:20], nil, report.Faults)
		} else if len(report.Faults) != 1 || !strings.Contains(report.Faults[0].String(), strings.TrimSuffix(c.want, "*")) {
			t.Errorf("%.40s: faults are %v, want %q", c.text, report.Faults, c.want)
		}
	}

	// Aliases in what is not read are never expanded.
	if _, report, err := ReadOSV(context.Background(), osvFiles("a.yaml", aliases.String())); err != nil || report.Records != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

func manyVersions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestOSVLyingZip: an archive that says that a record is small is not believed.
func TestOSVLyingZip(t *testing.T) {
	const size = 5 << 20
	b := osvZip(t, "a.json", osvOf("X-1", "", osvAny), "z.json", strings.Repeat(" ", size))
	le := binary.LittleEndian.AppendUint32(nil, size)
	if n := bytes.Count(b.Bytes(), le); n == 0 {
		t.Fatal("the size is not in the archive")
	}
	small := bytes.NewBuffer(bytes.ReplaceAll(b.Bytes(), le, binary.LittleEndian.AppendUint32(nil, 100)))
	advisories, report, err := ReadOSV(context.Background(), openZip(t, small))
	if err != nil || len(advisories) != 1 || len(report.Faults) != 1 {
		t.Errorf("%v, %+v, %v", advisories, report, err)
	}

	// Nor is a directory that cannot count.
	advisories, report, err = ReadOSV(context.Background(), lyingFS{osvFiles("a.json", osvOf("X-1", "", osvAny), "z.json", strings.Repeat(" ", size))})
	if err != nil || len(advisories) != 1 {
		t.Errorf("%v, %v", advisories, err)
	}
	matchFaults(t, "lying", []string{"z.json: more than 1048576 bytes"}, report.Faults)
}

// lyingFS says that every file has one byte.
type lyingFS struct{ fstest.MapFS }

func (l lyingFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := l.MapFS.ReadDir(name)
	for i, e := range entries {
		entries[i] = lyingEntry{e}
	}
	return entries, err
}

type lyingEntry struct{ fs.DirEntry }

func (e lyingEntry) Info() (fs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	return lyingInfo{info}, err
}

type lyingInfo struct{ fs.FileInfo }

func (lyingInfo) Size() int64 { return 1 }

func TestOSVEnds(t *testing.T) {
	good := osvOf("X-1", "", osvAny)
	limits := osvLimits{entries: 4, record: 1 << 10, total: 3 << 10}
	for _, c := range []struct {
		fsys fs.FS
		want string
	}{
		{osvFiles("a.json", good, "b.json", good, "c.txt", "x"), ""},
		{osvFiles("a.json", good, "b.json", good, "c.txt", "x", "d", ""), "read advisories: more than 4 files and directories"},
		{osvFiles("a.json", strings.Repeat(" ", 1025), "b.json", good), ""},
		{osvFiles("a.json", strings.Repeat(" ", 1024), "b.json", strings.Repeat(" ", 1024), "c.json", strings.Repeat(" ", 1025)), ""},
		{lyingFS{osvFiles("a.json", strings.Repeat(" ", 1024), "b.json", strings.Repeat(" ", 1024), "c.json", strings.Repeat(" ", 1025))}, "read advisories: the records are too large together: more than 3072 bytes"},
		{osvFiles("a.txt", good), "read advisories: no records (expected are files *.json, *.yaml or *.yml)"},
		{noFS{}, "read advisories: open .: gone"},
	} {
		_, _, err := readOSV(context.Background(), c.fsys, limits)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if _, _, err := ReadOSV(ctx, osvFiles("a.json", good)); !errors.Is(err, stop) {
		t.Errorf("the context does not end it: %v", err)
	}
}

type noFS struct{}

func (noFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("gone")}
}

package lockfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// holds checks the text of a file, and that nothing else lies in its directory
// but the names of others.
func holds(t *testing.T, path, want string, others ...string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1+len(others) {
		t.Errorf("%v lie beside %s, want %v", entries, path, others)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	probe := filepath.Join(t.TempDir(), "probe") // shows what the umask leaves of 0644
	f, err := os.OpenFile(probe, os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got, want := mode(t, path), mode(t, probe); got != want {
		t.Errorf("a new file has mode %v, want %v", got, want)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("newer")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "newer")
	if got := mode(t, path); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("an old file of mode 0600 now has %v", got)
	}
}

// A reader that has the old file open keeps it: the file is replaced, not
// written over.
func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	write(t, path, "old", 0o644)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.SameFile(before, after) {
		t.Error("the old file was written to")
	}
}

// A temporary file left by a crash is neither used nor in the way.
func TestWriteFileBesideLeftover(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".thamos-0.tmp"), "half", 0o400)
	path := filepath.Join(dir, "lock")
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new", ".thamos-0.tmp")
	holds(t, filepath.Join(dir, ".thamos-0.tmp"), "half", "lock")
}

func TestWriteFileFollowsLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	dir := t.TempDir()
	for _, d := range []string{"real/deep", "links"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, from string) string {
		from = filepath.Join(dir, from)
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
		return from
	}
	target := filepath.Join(dir, "real", "lock")
	write(t, target, "old", 0o640)
	first := link("../real/lock", "links/first")
	second := link("first", "links/second")
	link("../real/deep", "links/deep")
	through := link("../lock", "links/deep/up") // ".." of real/deep, not of links
	for i, path := range []string{first, second, through} {
		text := strings.Repeat("x", i)
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, target, text, "deep")
		if mode(t, path)&fs.ModeSymlink == 0 || mode(t, target) != 0o640 {
			t.Errorf("%s is %v, its target %v", path, mode(t, path), mode(t, target))
		}
	}
	if err := WriteFile(link("../real/deep/new", "links/dangling"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, filepath.Join(dir, "real", "deep", "new"), "new", "up")
	link("b", "links/a")
	if err := WriteFile(link("a", "links/b"), nil); err == nil {
		t.Error("links in a circle were followed to an end")
	}
}

func TestWriteFileRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFile(dir, []byte("new")); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("writing to a directory gives %v", err)
	}
	missing := filepath.Join(dir, "missing", "lock")
	if err := WriteFile(missing, []byte("new")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("writing to a directory that is not there gives %v", err)
	}
	if err := WriteFile(missing, nil); err == nil || !strings.Contains(err.Error(), "directory "+filepath.Dir(missing)+" does not exist") || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("writing to a directory that is not there gives %v", err)
	}
	for _, path := range []string{dir, missing} {
		if err, want := Writable(path), WriteFile(path, nil); err == nil || err.Error() != want.Error() {
			t.Errorf("before writing %v, when writing %v", err, want)
		}
	}
	if err := Writable(filepath.Join(dir, "lock")); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v were left behind (%v)", entries, err)
	}
}

func TestWriteFileReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("permissions of a directory do not bind this user")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	write(t, path, "old", 0o644)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) }) // else TempDir cannot be removed
	if err := WriteFile(path, []byte("new")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	holds(t, path, "old")
}

// Errors are about what the user knows of, not about the temporary file.
func TestCannotCreate(t *testing.T) {
	for _, test := range []struct {
		cause error
		want  string
	}{
		{fs.ErrNotExist, "directory d does not exist: file does not exist"},
		{fs.ErrPermission, "directory d is not writable: permission denied"},
		{fs.ErrInvalid, "create a file in d: invalid argument"},
	} {
		err := cannotCreate("d", &fs.PathError{Op: "open", Path: "d/.thamos-0.tmp", Err: test.cause})
		if !errors.Is(err, test.cause) || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// What fails after the temporary file is there leaves neither it nor a change.
func TestReplaceCleansUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	write(t, path, "old", 0o644)
	f, err := createTemporary(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // so that writing fails
	if err := install(f, path, []byte("new"), nil); !errors.Is(err, os.ErrClosed) || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("got %v", err)
	}
	holds(t, path, "old")
}

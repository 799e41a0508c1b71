package kb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/thamos/thamos/kb/py"
)

// packed makes an embedded snapshot of the small world.
func packed(t testing.TB) embedded {
	t.Helper()
	file, _ := write(t, world(t), nil)
	dir := t.TempDir()
	info, err := PackEmbedded(t.Context(), file, dir)
	if err != nil {
		t.Fatal(err)
	}
	var e embedded
	for name, into := range map[string]func([]byte) error{
		packedFile:   func(b []byte) error { e.packed = string(b); return nil },
		manifestFile: func(b []byte) error { return json.Unmarshal(b, &e.manifest) },
		projectsFile: func(b []byte) error {
			if want := "demo 3 6\nempty 0 0\nleaf 1 1\n"; !strings.HasSuffix(string(b), want) {
				return fmt.Errorf("%s ends with %q, want %q", projectsFile, b, want)
			}
			return nil
		},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := into(text); err != nil {
			t.Fatal(err)
		}
	}
	if e.Digest != info.Digest || e.Built != testInfo.Built {
		t.Fatalf("manifest %+v of %+v", e.manifest, info)
	}
	return e
}

// checkWorld makes sure that a DB answers.
func checkWorld(t *testing.T, d *DB) {
	t.Helper()
	if err := d.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	ps, err := d.Projects(t.Context(), []py.Name{"demo"})
	if err != nil || ps[0] == nil || len(ps[0].Releases) != 6 {
		t.Errorf("demo: %v, %v, want 6 releases", ps, err)
	}
}

// What is embedded is what its manifest and its list say, and all of it.
func TestEmbedded(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		d, err := OpenEmbedded(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		info, err := d.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.Projects == 0 || info.Known == 0 || info.Known >= info.Releases || info.Files == 0 || info.Origin == "" || len(info.Sources) == 0 {
			t.Errorf("it holds too little: %+v", info)
		}
		list, err := d.list(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Join("embedded", projectsFile))
		if err != nil || string(committed) != list {
			t.Errorf("embedded/%s is not the list of what is embedded (%v)", projectsFile, err)
		}
	}
	if n := len(embeddedPacked); n > 8<<20 {
		t.Errorf("the packed snapshot has %d bytes, more than 8 MiB", n)
	}
}

func TestPackIsReproducible(t *testing.T) {
	file, _ := write(t, world(t), nil)
	var one, two bytes.Buffer
	if err := errors.Join(Pack(file, &one), Pack(file, &two)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("packed twice, and the bytes differ")
	}
	if err := Pack(filepath.Join(t.TempDir(), "kb.db"), &one); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pack what is not there: %v", err)
	}
	altered := alter(t, file, "UPDATE project SET status = 'x'")
	if _, err := PackEmbedded(t.Context(), altered, t.TempDir()); !errors.Is(err, ErrDamaged) {
		t.Errorf("pack an altered one: %v", err)
	}
}

// The first start unpacks and the next opens the same file.
func TestUnpackOnce(t *testing.T) {
	e := packed(t)
	dir := filepath.Join(t.TempDir(), "not", "yet there")
	file := filepath.Join(dir, "kb-"+e.Digest[:12]+".db")
	var first os.FileInfo
	for i := range 2 {
		d, err := e.open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		checkWorld(t, d)
		if d.name != file {
			t.Errorf("it was opened from %s, want %s", d.name, file)
		}
		d.Close()
		stat, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = stat
		} else if !os.SameFile(first, stat) {
			t.Error("the second start unpacked again")
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("in the directory: %v, %v", left, err)
	}
}

// A file that was looked through is not looked through again before it changes.
func TestSeal(t *testing.T) {
	e := packed(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "kb-"+e.Digest[:12]+".db")
	open := func(e embedded) string {
		t.Helper()
		d, err := e.open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return d.name
	}
	open(e)
	wrong := e
	wrong.SHA256 = sum("0") // what cannot be found right if the file is read
	if name := open(wrong); name != file {
		t.Errorf("opened from %s: the file was read again", name)
	}
	stat, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, stat.ModTime(), stat.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if name := open(e); name != file { // the same bytes at another time
		t.Errorf("opened from %s", name)
	}
	if now, err := os.Stat(file); err != nil || !os.SameFile(stat, now) {
		t.Errorf("an unchanged file was replaced (%v)", err)
	}
	if name := open(wrong); name != file {
		t.Errorf("opened from %s: what was found is not remembered", name)
	}
	seals, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(seals) != 1 {
		t.Fatalf("%v, %v", seals, err)
	}
	for _, text := range []string{"", "{", "null", `{"size":1e99}`} {
		if err := os.WriteFile(seals[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name := open(e); name != file {
			t.Errorf("with the seal %q it was opened from %s", text, name)
		}
		if name := open(wrong); name != file {
			t.Errorf("the seal %q was not renewed", text)
		}
	}
}

// A file that is not the one that this program unpacks is replaced.
func TestUnpackAnew(t *testing.T) {
	e := packed(t)
	other, _ := write(t, world(t)[:1], nil)
	for name, spoil := range map[string]func(file string, text []byte) error{
		"cut off": func(file string, text []byte) error { return os.WriteFile(file, text[:len(text)/2], 0o600) },
		"empty":   func(file string, text []byte) error { return os.WriteFile(file, nil, 0o600) },
		"a byte": func(file string, text []byte) error { // of a text, where no SQLite would see it
			at := bytes.Index(text, []byte("py3-none-any"))
			text[at] ^= 1
			return os.WriteFile(file, text, 0o600)
		},
		"flipped": func(file string, text []byte) error {
			for i := 4096; i < len(text); i++ {
				text[i] ^= 0xff
			}
			return os.WriteFile(file, text, 0o600)
		},
		"header": func(file string, text []byte) error { text[0] ^= 1; return os.WriteFile(file, text, 0o600) },
		"zeroed": func(file string, text []byte) error { clear(text[100:]); return os.WriteFile(file, text, 0o600) },
		"another": func(file string, text []byte) error {
			b, err := os.ReadFile(other)
			return errors.Join(err, os.WriteFile(file, b, 0o600))
		},
		"longer": func(file string, text []byte) error { // the same content on more pages
			b, err := os.ReadFile(alter(t, file, "CREATE TABLE x (y)", "DROP TABLE x"))
			return errors.Join(err, os.WriteFile(file, b, 0o600))
		},
		"digest": func(file string, text []byte) error {
			return os.WriteFile(file, bytes.ReplaceAll(text, []byte(e.Digest), []byte(sum("0"))), 0o600)
		},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "kb-"+e.Digest[:12]+".db")
		d, err := e.open(t.Context(), dir) // which seals it
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(file, bytes.Clone(text)); err != nil {
			t.Fatal(err)
		}
		// The clock of some file systems is too coarse for a test.
		if err := os.Chtimes(file, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		d, err = e.open(t.Context(), dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkWorld(t, d)
		d.Close()
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, text) {
			t.Errorf("%s: the file was not replaced (%v)", name, err)
		}
	}
}

// Where nothing can be written, the snapshot is in memory.
func TestMemory(t *testing.T) {
	e := packed(t)
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dirs := map[string]string{"no directory": "", "a file": plain, "below a file": filepath.Join(plain, "x"), "impossible": "a\x00b"}
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		locked := filepath.Join(t.TempDir(), "locked")
		if err := os.Mkdir(locked, 0o500); err != nil {
			t.Fatal(err)
		}
		dirs["read-only"] = locked
	}
	for name, dir := range dirs {
		d, err := e.open(t.Context(), dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.name != embeddedName {
			t.Errorf("%s: opened from %s, want from memory", name, d.name)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { checkWorld(t, d) })
		}
		all.Wait()
		if err := d.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A packed snapshot that is not what its manifest says is not used.
func TestEmbeddedDamaged(t *testing.T) {
	for name, spoil := range map[string]func(*embedded){
		"cut off":  func(e *embedded) { e.packed = e.packed[:len(e.packed)/2] },
		"not zstd": func(e *embedded) { e.packed = "x" + e.packed },
		"empty":    func(e *embedded) { e.packed = "" },
		"size":     func(e *embedded) { e.Size-- },
		"no size":  func(e *embedded) { e.Size = 0 },
		"huge":     func(e *embedded) { e.Size = 1 << 40 },
		"sha256":   func(e *embedded) { e.SHA256 = "0" },
		"digest":   func(e *embedded) { e.Digest = sum("0") },
		"short":    func(e *embedded) { e.Digest = "0" },
		"bomb": func(e *embedded) {
			var b bytes.Buffer
			z, err := zstd.NewWriter(&b)
			if err != nil {
				t.Fatal(err)
			}
			for range 1 << 6 {
				z.Write(make([]byte, 1<<20))
			}
			z.Close()
			e.packed = b.String()
		},
	} {
		e := packed(t)
		spoil(&e)
		dir := t.TempDir()
		for _, dir := range []string{"", dir} {
			if d, err := e.open(t.Context(), dir); err == nil {
				t.Errorf("%s: opened", name)
				d.Close()
			} else if !strings.Contains(err.Error(), embeddedName) {
				t.Errorf("%s: %v", name, err)
			}
		}
		left, err := filepath.Glob(filepath.Join(dir, ".kb-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

// Many starts at once all work: in one process, and in several.
func TestUnpackAtOnce(t *testing.T) {
	if dir := os.Getenv("KB_TEST_UNPACK"); dir != "" { // one of the processes below
		d, err := OpenEmbedded(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Verify(t.Context()); err != nil || !strings.HasPrefix(d.name, dir) {
			t.Fatalf("opened from %s: %v", d.name, err)
		}
		return
	}
	e := packed(t)
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			d, err := e.open(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if !strings.HasPrefix(d.name, dir) {
				t.Errorf("opened from %s", d.name)
			}
			checkWorld(t, d)
		})
	}
	all.Wait()

	shared := t.TempDir()
	for range 4 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUnpackAtOnce$")
			cmd.Env = append(os.Environ(), "KB_TEST_UNPACK="+shared)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	for _, dir := range []string{dir, shared} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Errorf("in the directory: %v, %v", left, err)
		}
	}
}

func TestEmbeddedCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dir := range []string{"", t.TempDir()} {
		if d, err := packed(t).open(ctx, dir); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", d, err)
		}
	}
}

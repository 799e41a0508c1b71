//go:build unix

package lockfile

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadInstalledLinks: a link that leads out of the environment is not
// followed, and a pipe is not waited for.
func TestReadInstalledLinks(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	site := filepath.Join(dir, "site")
	info := filepath.Join(site, "a-1.dist-info")
	if err := os.MkdirAll(info, 0o777); err != nil {
		t.Fatal(err)
	}
	record := recordLine("link.py", "secret") + recordLine("pipe", "x") + recordLine("../../secret", "secret") + recordLine("inner.py", "inner") + recordLine("ok.py", "ok")
	for name, text := range map[string]string{
		secret: "secret", filepath.Join(info, "METADATA"): "Name: a\nVersion: 1\n", filepath.Join(info, "RECORD"): record,
		filepath.Join(site, "ok.py"): "ok", filepath.Join(dir, "inner"): "inner",
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link.py": secret, "inner.py": "../inner"} {
		if err := os.Symlink(to, filepath.Join(site, name)); err != nil {
			t.Skip(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(site, "pipe"), 0o666); err != nil {
		t.Skip(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	in, err := ReadInstalled(context.Background(), root.FS(), "site", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := in.Distributions[0]
	if d.Checked != 2 || d.NOutside != 2 || d.NChanged != 1 || d.Changed[0] != `"pipe"` {
		t.Errorf("%+v", d)
	}
}

package sync

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk: a disk that is full at any point leaves the old snapshot, and
// with room again the next sync is whole.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 4<<20)
	signer, key := pair(t, "kb.example")
	dir := t.TempDir()
	old := publish(t, snapshot(t, 200, 0), dir, PublishOptions{Signers: []Signer{signer}})
	store := Store{filepath.Join(disk, "kb")}
	mustSync(t, store, options(key, Directory{dir}))
	newer := publish(t, snapshot(t, 200, 3), dir, PublishOptions{Signers: []Signer{signer}, Now: now.Add(1)})
	o := options(key, Directory{dir})
	o.BaseOnly = true
	ballast := filepath.Join(disk, "ballast")
	refused := 0
	for _, room := range []int64{0, 4 << 10, 16 << 10, 40 << 10, 100 << 10, 300 << 10, 500 << 10} {
		fill(t, disk, ballast, room)
		_, err := store.Sync(context.Background(), o)
		if err == nil {
			break
		}
		refused++
		if !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("with %d bytes free: %v", room, err)
		}
		whole(t, store, old.Digest)
	}
	if refused < 3 {
		t.Errorf("refused %d times: this tests nothing", refused)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if out := mustSync(t, store, o); out.Active.Digest != newer.Digest {
		t.Errorf("%+v", out)
	}
}

// TestReadOnly: where nothing can be written the message says so, and what is
// there can still be read.
func TestReadOnly(t *testing.T) {
	s := newSiege(t)
	var store Store
	if os.Geteuid() == 0 { // for whom no folder is read-only, but a disk can be
		store = Store{filepath.Join(smallDisk(t, 4<<20), "kb")}
		putTree(t, store.Dir, tree(t, s.store.Dir))
		if err := syscall.Mount("", filepath.Dir(store.Dir), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else {
		store = s.copy(t)
		if err := os.Chmod(store.Dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(store.Dir, 0o755)
	}
	_, err := store.Sync(context.Background(), options(s.key, serve(t, memoryServer(s.tree))))
	if !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v", err)
	}
	whole(t, store, s.old.Digest)
}

// fill leaves so many bytes free on a disk.
func fill(t *testing.T, disk, ballast string, room int64) {
	t.Helper()
	os.Remove(ballast)
	var stat syscall.Statfs_t
	if err := syscall.Statfs(disk, &stat); err != nil {
		t.Fatal(err)
	}
	free := int64(stat.Bavail)*int64(stat.Bsize) - room
	if err := os.WriteFile(ballast, make([]byte, max(free, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// smallDisk mounts a disk of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

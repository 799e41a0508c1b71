package sync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/thamos/thamos/kb"
)

// place makes sure that a file is on the disk and moves it to a path on the same
// disk.
func place(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a rename survive a crash of the machine. Some systems cannot
// sync a directory; the files are whole in any case.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// unpackFile unpacks a base into a new file, after it was found to be what f says.
func unpackFile(ctx context.Context, packed, to string, f File) error {
	if err := checkFile(packed, f); err != nil {
		return err
	}
	in, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	n, err := kb.Unpack(ctx, in, out, f.Unpacked)
	if err == nil && n != f.Unpacked {
		err = fmt.Errorf("%s is %w: it unpacks to %d bytes, not %d", f.Path, ErrChanged, n, f.Unpacked)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		os.Remove(to) // half a file is of no use
		return err
	}
	return nil
}

// ErrChanged reports a file that is not the one that was signed.
var ErrChanged = errors.New("not what was signed")

// checkFile compares a file with what is said of it.
func checkFile(path string, f File) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(in, f.Size+1))
	if err != nil {
		return err
	}
	if n != f.Size {
		return fmt.Errorf("%s is %w: it has %d bytes or more, not %d", f.Path, ErrChanged, n, f.Size)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
		return fmt.Errorf("%s is %w: its sha256 is %.12s…, not %.12s…", f.Path, ErrChanged, sum, f.SHA256)
	}
	return nil
}

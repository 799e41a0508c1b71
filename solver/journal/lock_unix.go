//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// hold takes a lock on a new file for as long as this process lives. Whoever
// tidies up may remove the file before the lock is taken: then there is another.
func hold(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		ours, err := f.Stat()
		if there, missing := os.Stat(path); err == nil && missing == nil && os.SameFile(ours, there) {
			return f, nil
		}
		f.Close()
	}
}

// held reports whether somebody holds the lock on a file. If that cannot be told
// somebody does.
func held(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

//go:build unix

package sync

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks a file for this process, or reports errLocked.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

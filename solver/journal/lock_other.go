//go:build !unix

package journal

import "os"

// hold keeps a new file open, which is as good as a lock where an open file
// cannot be removed.
func hold(path string) (*os.File, error) { return os.Create(path) }

// held reports whether somebody has the file open.
func held(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	return os.Remove(path) != nil
}

package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFile replaces the file at path by data, or leaves it as it is: a reader
// sees the old file or the new one, also after a crash. It writes a temporary
// file in the same directory, has it stored (fsync), renames it over the old
// one and has the directory stored.
//
// A new file has mode 0644 without the umask; an old one keeps its mode. If
// path is a symbolic link, what it points to is replaced, not the link. What is
// not a regular file (a directory, a device) is refused.
func WriteFile(path string, data []byte) error {
	target, err := linkTarget(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := replace(target, data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Writable returns the error that WriteFile would have for path, as far as it
// can be told before there is something to write.
func Writable(path string) error {
	target, err := linkTarget(path)
	if err == nil {
		var f *os.File
		if f, _, err = prepare(target); err == nil {
			err = errors.Join(withoutPath(f.Close()), withoutPath(os.Remove(f.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(target string, data []byte) error {
	f, old, err := prepare(target)
	if err != nil {
		return err
	}
	return install(f, target, data, old)
}

// prepare creates the file that will take the place of target, and tells what
// that is now: nil if there is nothing.
func prepare(target string) (f *os.File, old fs.FileInfo, err error) {
	old, err = os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return nil, nil, err
	case !old.Mode().IsRegular():
		return nil, nil, errors.New("it exists and is not a regular file")
	}
	if f, err = createTemporary(filepath.Dir(target)); err != nil {
		return nil, nil, cannotCreate(filepath.Dir(target), err)
	}
	return f, old, nil
}

// install fills f and renames it to target, or removes it.
func install(f *os.File, target string, data []byte, old fs.FileInfo) error {
	err := fill(f, data, old)
	if err == nil {
		err = withoutPath(os.Rename(f.Name(), target))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDirectory(filepath.Dir(target))
}

// createTemporary creates a file under a name that is free. Numbers will do: a
// name is taken only while another process writes here or after one crashed.
func createTemporary(dir string) (*os.File, error) {
	for n := 0; ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".thamos-%d.tmp", n)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if n == 1000 || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// fill writes data to f with the mode of old, if there was one, and closes f.
func fill(f *os.File, data []byte, old fs.FileInfo) error {
	_, err := f.Write(data)
	if err == nil && old != nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(withoutPath(err), withoutPath(f.Close()))
}

// cannotCreate says why no file can be created in dir.
func cannotCreate(dir string, err error) error {
	err = withoutPath(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("directory %s does not exist: %w", dir, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("directory %s is not writable: %w", dir, err)
	}
	return fmt.Errorf("create a file in %s: %w", dir, err)
}

// withoutPath takes the name of the temporary file, which means nothing to the
// user, out of an error.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// linkTarget follows the symbolic links that path itself is, as far as they
// go; the last one may point to a file that is not there yet.
func linkTarget(path string) (string, error) {
	const most = 40 // as Linux counts
	for range most {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil // what is wrong with it, creating a file beside it will say
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			// The directory may be reached through a link itself, and then its ".."
			// is not what the text of path says.
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", errors.New("too many symbolic links")
}

// syncDirectory has the entries of dir stored. Systems and file systems that
// cannot (Windows, some network mounts) are taken at their word: the rename
// has happened, and there is no more to be had.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // it may be written but not read
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("the new file is in place, but storing its directory failed: %w", err)
	}
	return errors.Join(err, d.Close())
}

package sync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A download is a Partial on the disk, which outlives the process: the next one
// goes on where this one ended. What is read is named by what it should be, so
// that nothing goes on with the beginning of something else.
type download struct {
	file     *os.File
	mark     string // name of the file that holds the mark
	size     int64
	progress func(done, total int64)
	total    int64
}

// Size implements Partial.
func (d *download) Size() int64 { return d.size }

// Begin implements Partial.
func (d *download) Begin(mark string) error {
	d.size = 0
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	return os.WriteFile(d.mark, []byte(mark), 0o600)
}

// Write implements Partial.
func (d *download) Write(p []byte) error {
	n, err := d.file.WriteAt(p, d.size)
	d.size += int64(n)
	if d.progress != nil {
		d.progress(d.size, d.total)
	}
	return err
}

// fetch fetches a file of a publication into the store's folder of downloads and
// returns its path. What is there of it from before is gone on with; should the
// whole then not be what was signed, it is fetched anew, once.
func (s Store) fetch(ctx context.Context, from Source, f File, progress func(done, total int64)) (string, error) {
	dir := filepath.Join(s.Dir, partialName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, f.SHA256)
	for again := false; ; again = true {
		resumed, err := s.fetchOnce(ctx, from, f, path, progress)
		if err == nil {
			err = checkFile(path, f)
		}
		switch {
		case err == nil:
			return path, nil
		case errors.Is(err, ErrChanged):
			err = errors.Join(os.Remove(path), err)
			if !resumed || again {
				return "", err
			}
		default:
			return "", err
		}
	}
}

func (s Store) fetchOnce(ctx context.Context, from Source, f File, path string, progress func(done, total int64)) (resumed bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	stat, err := file.Stat()
	if err != nil {
		return false, err
	}
	d := &download{file: file, mark: path + ".mark", size: stat.Size(), progress: progress, total: f.Size}
	mark, err := os.ReadFile(d.mark)
	if err != nil || d.size > f.Size {
		d.size, mark = 0, nil // of what it is the beginning is not known
		if err := file.Truncate(0); err != nil {
			return false, err
		}
	}
	if d.size == f.Size {
		return true, nil
	}
	resumed = d.size > 0
	if err := from.Fetch(ctx, f.Path, f.Size, string(mark), d); err != nil {
		return resumed, fmt.Errorf("%s: %w", f.Path, err)
	}
	return resumed, nil
}

// forget removes a download.
func forget(path string) {
	os.Remove(path) // what is left is found by gc
	os.Remove(path + ".mark")
}

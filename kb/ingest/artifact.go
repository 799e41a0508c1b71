package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/thamos/thamos/kb/py"
)

// ErrHash reports a file that is not the one that the index announced.
var ErrHash = errors.New("its content is not what the index announced")

// ErrTooLarge reports a file that is larger than is wanted.
var ErrTooLarge = errTooLarge

// errKeep reports that what came cannot be kept here.
var errKeep = errors.New("cannot be kept")

// Download writes a file of an index, as its listing names it, to a path that is
// there only if all of it came and has the hash that the index announced, and
// returns its SHA-256 and its size. One that is larger than limit bytes is
// refused. The index is named by its origin, and its credentials are sent to
// nobody else.
func (x *Indexes) Download(ctx context.Context, origin string, f py.File, path string, limit int64) (sum string, size int64, err error) {
	s := x.source(origin)
	if s == nil {
		return "", 0, fmt.Errorf("%s: it is of no index that is to be asked (%s)", f.Filename, origin)
	}
	if f.Size > limit {
		return "", 0, fmt.Errorf("%s: %w than %d bytes", f.Filename, ErrTooLarge, limit)
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".part-")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err == nil {
			err = os.Rename(out.Name(), path)
		}
		if err != nil {
			_ = os.Remove(out.Name()) // the error says what matters
		}
	}()
	take := func(in io.Reader) error {
		if err := out.Truncate(0); err != nil {
			return fmt.Errorf("%w: %w", errKeep, err)
		}
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("%w: %w", errKeep, err)
		}
		h := sha256.New()
		size, err = io.Copy(kept{out, h}, in)
		sum = hex.EncodeToString(h.Sum(nil))
		return err
	}
	if err := s.download(ctx, f, limit, take); err != nil {
		return "", 0, err
	}
	if f.SHA256 != "" && sum != f.SHA256 {
		return "", 0, fmt.Errorf("%s: %w: %w", f.Filename, ErrHash, wrongHash(sum, f.SHA256))
	}
	return sum, size, out.Chmod(0o644)
}

// kept writes to a file and to a hash; a failure is marked as the file's.
type kept struct{ file, hash io.Writer }

func (k kept) Write(p []byte) (int, error) {
	n, err := k.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errKeep, err)
	}
	return k.hash.Write(p)
}

// download hands the content of a file to take.
func (s *source) download(ctx context.Context, f py.File, limit int64, take func(io.Reader) error) error {
	if s.links != nil {
		in, err := os.Open(filepath.Join(s.links.dir, filepath.Base(f.Filename)))
		if err != nil {
			return fmt.Errorf("find-links: %w", err)
		}
		defer in.Close()
		body := &io.LimitedReader{R: in, N: limit + 1}
		if err := take(body); err != nil {
			return err
		}
		if body.N <= 0 {
			return fmt.Errorf("%s: %w than %d bytes", f.Filename, ErrTooLarge, limit)
		}
		return nil
	}
	at, err := parseURL("the URL of "+f.Filename, f.URL)
	if err != nil {
		return err
	}
	if s.client.index.Scheme == "https" && at.Scheme == "http" {
		return fmt.Errorf("%s: an index on https names a file on http, which is refused", redact(at))
	}
	bare := *at
	bare.Fragment, bare.RawFragment = "", ""
	_, err = s.client.ask(ctx, request{subject: forFile, url: &bare, limit: limit, into: take})
	return err
}

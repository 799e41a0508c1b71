package sync

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/ingest"
)

// A Source is a place where a publication lies. Fetch writes the file of a name
// to the end of what is already in to, which holds the beginning of it, or from
// the start if it must; more than limit bytes are an error. mark says of which
// file the beginning is, and is told what is being read. A file that is not there
// gives an error that wraps fs.ErrNotExist.
type Source interface {
	Name() string // as it may be shown
	Fetch(ctx context.Context, name string, limit int64, mark string, to Partial) error
}

// A Partial is a file that is being fetched.
type Partial interface {
	Size() int64 // of what is there
	Begin(mark string) error
	Write(p []byte) error
}

// HTTP is a publication on a web server, at the URL of a client.
type HTTP struct {
	Client *ingest.Client
	Total  time.Duration // the longest that one file may take; see ingest.Download
}

// Name implements Source.
func (s HTTP) Name() string { return s.Client.Origin() }

// Fetch implements Source.
func (s HTTP) Fetch(ctx context.Context, name string, limit int64, mark string, to Partial) error {
	err := s.Client.Download(ctx, ingest.Download{
		Name: Version + "/" + name, Limit: limit, At: to.Size(), Validator: mark, Begin: to.Begin, Write: to.Write, Total: s.Total,
	})
	if errors.Is(err, ingest.ErrAbsent) {
		return fmt.Errorf("%s%s/%s: %w", s.Name(), Version, name, fs.ErrNotExist)
	}
	return err
}

// Directory is a publication in a folder of this machine: the one that holds v1,
// or v1 itself.
type Directory struct{ Dir string }

// Name implements Source.
func (s Directory) Name() string { return s.Dir }

// Fetch implements Source.
func (s Directory) Fetch(ctx context.Context, name string, limit int64, _ string, to Partial) error {
	dir := filepath.Join(s.Dir, Version)
	if _, err := os.Stat(filepath.Join(dir, latestName)); err != nil {
		if _, err := os.Stat(filepath.Join(s.Dir, latestName)); err == nil {
			dir = s.Dir
		}
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if stat, err := f.Stat(); err != nil {
		return err
	} else if !stat.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.Name())
	}
	return copyInto(ctx, f, f.Name(), limit, to)
}

// copyInto copies a file that is near from its start.
func copyInto(ctx context.Context, f io.Reader, name string, limit int64, to Partial) error {
	if err := to.Begin(""); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for left := limit; ; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := f.Read(buf)
		if int64(n) > left {
			return fmt.Errorf("%s is larger than %d bytes", name, limit)
		}
		left -= int64(n)
		if n > 0 {
			if err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// A Bundle is a publication of one snapshot in one file, which Export wrote.
type Bundle struct{ File string }

// Name implements Source.
func (s Bundle) Name() string { return s.File }

// Fetch implements Source.
func (s Bundle) Fetch(ctx context.Context, name string, limit int64, _ string, to Partial) error {
	f, err := os.Open(s.File)
	if err != nil {
		return err
	}
	defer f.Close()
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		if err == io.EOF {
			return fmt.Errorf("%s holds no %s: %w", s.File, name, fs.ErrNotExist)
		}
		if err != nil {
			return fmt.Errorf("%s is damaged: %w", s.File, err)
		}
		if h.Typeflag != tar.TypeReg || h.Name != path.Join(Version, name) {
			continue
		}
		if err := copyInto(ctx, in, name, limit, to); err != nil {
			return fmt.Errorf("%s: %w", s.File, err)
		}
		return nil
	}
}

// read fetches a small file into memory.
func read(ctx context.Context, s Source, name string, limit int64) ([]byte, error) {
	var m memory
	if err := s.Fetch(ctx, name, limit, "", &m); err != nil {
		return nil, err
	}
	return m.Bytes(), nil
}

// memory is a Partial in memory.
type memory struct{ bytes.Buffer }

func (m *memory) Size() int64        { return int64(m.Len()) }
func (m *memory) Begin(string) error { m.Reset(); return nil }
func (m *memory) Write(p []byte) error {
	_, err := m.Buffer.Write(p)
	return err
}

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("larger than %d bytes", most)
	}
	return text, err
}

// isHTML reports whether a text is a web page.
func isHTML(text []byte) bool {
	head := strings.ToLower(string(bytes.TrimLeft(text[:min(len(text), 200)], "\ufeff \t\r\n")))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

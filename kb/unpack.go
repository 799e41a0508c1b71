package kb

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Unpack writes the snapshot that Pack compressed and returns its size. It stops
// after most bytes, and takes little memory whatever the frame asks for: a
// stranger's file may unpack to a thousand times its own size.
func Unpack(ctx context.Context, from io.Reader, to io.Writer, most int64) (int64, error) {
	z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return 0, fmt.Errorf("unpack knowledge base: %w", err)
	}
	defer z.Close()
	out := &noted{Writer: to}
	n, err := io.Copy(out, io.LimitReader(interrupted{ctx, z}, most+1))
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case out.err != nil:
		return 0, fmt.Errorf("unpack knowledge base: %w", out.err)
	case err != nil:
		return 0, fmt.Errorf("unpack knowledge base: %w: %v", ErrDamaged, err)
	case n > most:
		return 0, fmt.Errorf("unpack knowledge base: %w: it unpacks to more than %d bytes", ErrDamaged, most)
	}
	return n, nil
}

// noted remembers that writing failed, which is the disk's fault and not the
// packed file's.
type noted struct {
	io.Writer
	err error
}

func (w *noted) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// interrupted stops reading when its context ends.
type interrupted struct {
	ctx context.Context
	io.Reader
}

func (r interrupted) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// Settle makes sure that a file is on the disk and then moves it to path, in the
// same directory, over what is there: readers see the old file or the new one,
// also after the machine failed.
func Settle(temp, path string) error {
	if filepath.Dir(temp) != filepath.Dir(path) {
		return fmt.Errorf("%s is not beside %s", temp, path)
	}
	return settle(temp, path)
}

// Size returns the size of the snapshot's file and its sha256.
func Size(path string) (int64, string, error) { return fileSum(path) }

// CheckIntegrity has SQLite look at every page of the file, and reports what it
// finds as ErrDamaged. Verify finds changed content; this also finds what no
// question has asked for yet.
func (d *DB) CheckIntegrity(ctx context.Context) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var said string
	if err := conn.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return d.failed(ctx, "check integrity", err)
	}
	if said != "ok" {
		return d.failed(ctx, "check integrity", fmt.Errorf("%w: %s", ErrDamaged, said))
	}
	return nil
}

// Digest is the digest that the snapshot says it has; see Verify.
func (d *DB) Digest() string { return d.digest }

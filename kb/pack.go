package kb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Names of the files of an embedded snapshot.
const (
	packedFile   = "snapshot.db.zst"
	manifestFile = "snapshot.json"
	projectsFile = "projects.txt"
)

// A manifest says what unpacking a packed snapshot gives.
type manifest struct {
	Digest string `json:"digest"` // of its content
	Size   int64  `json:"size"`   // bytes of the database file
	SHA256 string `json:"sha256"` // of the database file
	Built  int64  `json:"built"`  // birthday, in Unix seconds
}

// Pack compresses the snapshot in a file. Equal files give equal bytes.
func Pack(path string, to io.Writer) error {
	from, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("pack knowledge base: %w", err)
	}
	defer from.Close()
	// One goroutine, because the cuts between several depend on the machine. The
	// window is what unpacking needs as memory; a larger one saves nothing.
	z, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20))
	if err != nil {
		return fmt.Errorf("pack knowledge base: %w", err)
	}
	_, err = io.Copy(z, from)
	if err := errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("pack knowledge base: %w", err)
	}
	return nil
}

// PackEmbedded writes the files of directory dir that the program embeds, from
// the snapshot in a file: the packed snapshot, what unpacking it gives, and for
// people the list of its projects.
func PackEmbedded(ctx context.Context, path, dir string) (Info, error) {
	d, err := Open(ctx, path)
	if err != nil {
		return Info{}, err
	}
	defer d.Close()
	if err := d.Verify(ctx); err != nil {
		return Info{}, err
	}
	info, err := d.Info(ctx)
	if err != nil {
		return Info{}, err
	}
	list, err := d.list(ctx)
	if err != nil {
		return Info{}, err
	}
	size, sum, err := fileSum(path)
	if err != nil {
		return Info{}, fmt.Errorf("pack knowledge base: %w", err)
	}
	var packed strings.Builder
	if err := Pack(path, &packed); err != nil {
		return Info{}, err
	}
	about, err := json.MarshalIndent(manifest{info.Digest, size, sum, info.Built}, "", "\t")
	if err != nil {
		return Info{}, fmt.Errorf("pack knowledge base: %w", err)
	}
	for _, f := range []struct{ name, text string }{
		{packedFile, packed.String()},
		{manifestFile, string(about) + "\n"},
		{projectsFile, list},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
			return Info{}, fmt.Errorf("pack knowledge base: %w", err)
		}
	}
	return info, nil
}

// fileSum returns the size and the sha256 of a file.
func fileSum(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// list names every project with the number of its releases: known ones, and all.
func (d *DB) list(ctx context.Context) (string, error) {
	conn, err := d.conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	rows, err := conn.QueryContext(ctx, `SELECT name, known, total FROM project ORDER BY name`)
	if err != nil {
		return "", d.failed(ctx, "list projects", err)
	}
	defer rows.Close()
	var b strings.Builder
	b.WriteString("# project, releases whose requirements are known, releases\n")
	for rows.Next() {
		var name string
		var known, total int
		if err := rows.Scan(&name, &known, &total); err != nil {
			return "", d.failed(ctx, "list projects", err)
		}
		fmt.Fprintf(&b, "%s %d %d\n", name, known, total)
	}
	if err := rows.Err(); err != nil {
		return "", d.failed(ctx, "list projects", err)
	}
	return b.String(), nil
}

package kb

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"modernc.org/sqlite/vfs"
)

//go:embed embedded/snapshot.db.zst
var embeddedPacked string // a string stays in the program file: nothing is copied at start-up

//go:embed embedded/snapshot.json
var embeddedManifest string

// maxUnpacked bounds the database that a packed snapshot unpacks to, in bytes.
const maxUnpacked = 1 << 30

// OpenEmbedded opens the snapshot that is part of the program. It is unpacked
// into the directory cacheDir, which is made if need be, by the first process
// that wants it, and opened there by the next. Where that cannot be done,
// because cacheDir is empty or nothing can be written there, it is unpacked
// into memory.
//
// A file there that is not what this program unpacks is replaced. All of it is
// read to see that, but only where its size or its time is not what it was when
// it was last read.
func OpenEmbedded(ctx context.Context, cacheDir string) (*DB, error) {
	e := embedded{packed: embeddedPacked}
	if err := json.Unmarshal([]byte(embeddedManifest), &e.manifest); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", embeddedName, manifestFile, err)
	}
	return e.open(ctx, cacheDir)
}

// UnpackEmbedded puts the snapshot that is part of the program at a path.
func UnpackEmbedded(path string) error {
	e := embedded{packed: embeddedPacked}
	if err := json.Unmarshal([]byte(embeddedManifest), &e.manifest); err != nil {
		return fmt.Errorf("%s: %s: %w", embeddedName, manifestFile, err)
	}
	return e.unpackTo(path)
}

// embedded is a packed snapshot.
type embedded struct {
	manifest
	packed string
}

// embeddedName is what errors call a snapshot that is in memory.
const embeddedName = "embedded knowledge base"

func (e embedded) open(ctx context.Context, dir string) (*DB, error) {
	if e.Size <= 0 || e.Size > maxUnpacked || len(e.Digest) != 64 || !isSHA256(e.SHA256) {
		return nil, fmt.Errorf("%s: %w: %s is wrong", embeddedName, ErrDamaged, manifestFile)
	}
	if dir == "" {
		return e.openMemory(ctx)
	}
	file := filepath.Join(dir, "kb-"+e.Digest[:12]+".db")
	if d := e.openFile(ctx, file); d != nil {
		return d, nil
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", embeddedName, err)
	}
	if e.unpackTo(file) == nil {
		if d := e.openFile(ctx, file); d != nil {
			return d, nil
		}
	}
	return e.openMemory(ctx)
}

// openFile opens file if it is this snapshot, unpacked; else it returns nil.
func (e embedded) openFile(ctx context.Context, file string) *DB {
	if !e.intact(file) {
		return nil
	}
	d, err := Open(ctx, file)
	if err != nil {
		return nil
	}
	if d.digest != e.Digest {
		d.Close() // nothing was written: an error here loses nothing
		return nil
	}
	return d
}

// A seal is how a file was when all of it was read and found right.
type seal struct {
	Size int64 `json:"size"`
	Time int64 `json:"time"` // of the last change, in Unix nanoseconds
}

// intact reports whether file holds what this snapshot unpacks to. The seal
// beside it saves reading it every time. Whoever changes both can have any
// answer: what is looked for is damage and carelessness, not malice.
func (e embedded) intact(file string) bool {
	stat, err := os.Stat(file)
	if err != nil || stat.Size() != e.Size {
		return false
	}
	now := seal{stat.Size(), stat.ModTime().UnixNano()}
	sealFile := strings.TrimSuffix(file, ".db") + ".json"
	var last seal
	if text, err := os.ReadFile(sealFile); err == nil && json.Unmarshal(text, &last) == nil && last == now {
		return true
	}
	if _, sum, err := fileSum(file); err != nil || sum != e.SHA256 {
		return false
	}
	// The file was looked at before it was read, so a change meanwhile breaks the
	// seal. Without one, or with half of one, the next start reads the file again.
	if text, err := json.Marshal(now); err == nil {
		os.WriteFile(sealFile, text, 0o644)
	}
	return true
}

// unpackTo puts the unpacked snapshot at file. Two processes may do so at once:
// each moves a whole file to the same place.
func (e embedded) unpackTo(file string) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".kb-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if err := errors.Join(e.unpack(temp), temp.Close()); err != nil {
		return err
	}
	return settle(temp.Name(), file)
}

// unpack writes the database.
func (e embedded) unpack(to io.Writer) error {
	z, err := zstd.NewReader(strings.NewReader(e.packed), zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return fmt.Errorf("%s: %w", embeddedName, err)
	}
	defer z.Close()
	n, err := io.Copy(to, io.LimitReader(z, e.Size+1))
	if err == nil && n != e.Size {
		err = fmt.Errorf("%w: %d bytes unpacked where %d are expected", ErrDamaged, n, e.Size)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", embeddedName, err)
	}
	return nil
}

// openMemory unpacks the snapshot into memory and opens it there. The bytes are
// held once: SQLite reads its pages from them as from a file.
func (e embedded) openMemory(ctx context.Context) (*DB, error) {
	text := bytes.NewBuffer(make([]byte, 0, e.Size+bytes.MinRead)) // never has to grow
	if err := e.unpack(text); err != nil {
		return nil, err
	}
	file := memoryFile(text.Bytes())
	if err := checkHeader(file.reader(), e.Size); err != nil {
		return nil, fmt.Errorf("%s: %w", embeddedName, err)
	}
	name, fsys, err := vfs.New(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", embeddedName, err)
	}
	d, err := open(ctx, embeddedName, "file:"+memoryName+"?vfs="+name, fsys.Close)
	if err != nil {
		return nil, err
	}
	if d.digest != e.Digest {
		return nil, errors.Join(fmt.Errorf("%s: %w: its digest is %.64s", embeddedName, ErrDamaged, d.digest), d.Close())
	}
	return d, nil
}

// memoryName is the name of the only file of a memoryFile.
const memoryName = "kb.db"

// A memoryFile is a file system of one file: a database in memory.
type memoryFile []byte

func (m memoryFile) reader() *bytes.Reader { return bytes.NewReader(m) }

// Open implements fs.FS.
func (m memoryFile) Open(name string) (fs.File, error) {
	if name != memoryName {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return memoryHandle{m.reader()}, nil
}

// A memoryHandle is an open memoryFile. It is its own fs.FileInfo; of its
// methods Size alone says anything.
type memoryHandle struct{ *bytes.Reader }

func (memoryHandle) Close() error                 { return nil }
func (h memoryHandle) Stat() (fs.FileInfo, error) { return h, nil }
func (memoryHandle) Name() string                 { return memoryName }
func (memoryHandle) Mode() fs.FileMode            { return 0o444 }
func (memoryHandle) ModTime() time.Time           { return time.Time{} }
func (memoryHandle) IsDir() bool                  { return false }
func (memoryHandle) Sys() any                     { return nil }

package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/thamos/thamos/kb"
)

// zstdMagic begins a packed file.
const zstdMagic = "\x28\xb5\x2f\xfd"

// SyncFile makes a snapshot that came as one file the active one: packed or not.
// Beside it lies its signature (the same name and .sig), as Publish writes one
// beside every base; without one it is refused unless unsigned is set.
func (s Store) SyncFile(ctx context.Context, file string, unsigned bool, o Options) (Outcome, error) {
	y, done, err := s.begin(ctx, o)
	if err != nil {
		return Outcome{}, err
	}
	defer done()
	y.Outcome = Outcome{Notes: y.first}
	said, by, err := y.statement(file, unsigned)
	if err != nil {
		return Outcome{}, err
	}
	if len(by) > 0 {
		err = y.accept(Latest{Stream: said.stream, Serial: said.serial, Digest: said.digest, Status: Active, KBSchema: kb.Schema})
		if err != nil {
			return Outcome{}, err
		}
	}
	temp, err := y.temp()
	if err != nil {
		return Outcome{}, err
	}
	defer os.Remove(temp) // after the rename there is nothing to remove
	y.progress("reading "+file, 0, 0)
	if err := y.copyFile(ctx, file, temp, said); err != nil {
		return Outcome{}, err
	}
	i := &Installed{Source: file, Synced: y.Now().UTC().Truncate(time.Second), Stream: said.stream, Serial: said.serial, Published: said.published, SignedBy: by}
	if err := describe(ctx, temp, said.digest, i); err != nil {
		return Outcome{}, err
	}
	if y.record.Active != nil && y.record.Active.Digest == i.Digest && y.usable(ctx, y.record.Active) {
		y.Active = y.record.Active
		return y.Outcome, nil
	}
	i.File = "kb-" + i.Digest[:16] + ".db"
	if err := place(temp, y.Path(i)); err != nil {
		return Outcome{}, err
	}
	return y.Outcome, errors.Join(y.activate(i, Latest{Stream: said.stream}, true))
}

// statement reads what is signed of a file; nothing if nobody has and that is
// allowed.
func (y *syncing) statement(file string, unsigned bool) (statement, []string, error) {
	f, err := os.Open(file + signatureExt)
	if errors.Is(err, fs.ErrNotExist) && unsigned {
		return statement{}, nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return statement{}, nil, fmt.Errorf("%s is not signed: there is no %s; --allow-unsigned takes it all the same", file, filepath.Base(file)+signatureExt)
	}
	if err != nil {
		return statement{}, nil, err
	}
	defer f.Close()
	text, err := readAtMost(f, maxSignature)
	if err != nil {
		return statement{}, nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	signed, signatures, ok := splitSigned(text)
	if !ok {
		return statement{}, nil, fmt.Errorf("%s is no signature", f.Name())
	}
	by, err := verify(filepath.Base(file), signed, signatures, y.keys(), y.Now())
	if err != nil {
		return statement{}, nil, err
	}
	said, err := decodeStatement(signed)
	return said, by, err
}

// copyFile copies the snapshot, unpacked, to a file. Where it is signed it must
// be what was signed.
func (y *syncing) copyFile(ctx context.Context, file, to string, said statement) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	stat, err := in.Stat()
	if err != nil {
		return err
	}
	if !stat.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	head := make([]byte, len(zstdMagic))
	if _, err := io.ReadFull(in, head); err != nil {
		return fmt.Errorf("%s: %w: %d bytes", file, kb.ErrNotSnapshot, stat.Size())
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	packed := string(head) == zstdMagic
	if packed && said.sha256 != "" {
		return unpackFile(ctx, file, to, File{filepath.Base(file), said.size, said.sha256, said.unpacked})
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if packed {
		_, err = kb.Unpack(ctx, in, out, maxUnpacked)
	} else if stat.Size() > maxUnpacked {
		err = fmt.Errorf("%s has %d bytes; at most %d are read", file, stat.Size(), int64(maxUnpacked))
	} else {
		_, err = io.Copy(out, in)
	}
	return errors.Join(err, out.Close())
}

// describe verifies a snapshot and notes what it is. An empty digest is any.
func describe(ctx context.Context, path, digest string, i *Installed) error {
	d, err := kb.Open(ctx, path)
	if err != nil {
		return err
	}
	defer d.Close()
	if digest != "" && d.Digest() != digest {
		return fmt.Errorf("the snapshot is %w: its digest is %.12s…, not %.12s…", ErrChanged, d.Digest(), digest)
	}
	if err := d.Verify(ctx); err != nil {
		return err
	}
	info, err := d.Info(ctx)
	i.Digest, i.Built = info.Digest, time.Unix(info.Built, 0).UTC()
	return err
}

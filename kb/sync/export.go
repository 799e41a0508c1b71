package sync

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/thamos/thamos/kb"
)

// Export writes the active snapshot, with what was signed of it, into one file
// that Bundle reads: a tar of a publication. The same snapshot gives the same
// bytes.
func (s Store) Export(ctx context.Context, to string) (_ *Installed, err error) {
	r, err := s.Read()
	if err != nil {
		return nil, err
	}
	i := r.Active
	if i == nil {
		return nil, ErrNone
	}
	if i.Latest == "" {
		return i, fmt.Errorf("the active snapshot came from %s without a %s; export it by itself, to a file whose name ends in .db.zst", i.Source, latestName)
	}
	l, err := decodeLatest([]byte(i.Latest))
	if err != nil {
		return i, err
	}
	d, err := s.open(ctx, i)
	if err != nil {
		return i, err
	}
	defer d.Close()
	packed, err := packTemp(filepath.Dir(to), s.Path(i))
	if err != nil {
		return i, err
	}
	defer os.Remove(packed)
	if err := checkFile(packed, l.Base); err != nil {
		return i, fmt.Errorf("packed by this release of thamos it is not byte for byte what was published (%w); carry the files of %s instead", err, i.Source)
	}
	temp, err := os.CreateTemp(filepath.Dir(to), tempPrefix)
	if err != nil {
		return i, err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if err := errors.Join(writeBundle(temp, i, l, packed), temp.Close()); err != nil {
		return i, err
	}
	return i, place(temp.Name(), to)
}

// packTemp packs a snapshot into a temporary file.
func packTemp(dir, snapshot string) (string, error) {
	f, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return "", err
	}
	if err := errors.Join(kb.Pack(snapshot, f), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// writeBundle writes the tar.
func writeBundle(to io.Writer, i *Installed, l Latest, packed string) error {
	base, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer base.Close()
	out := tar.NewWriter(to)
	add := func(name string, size int64, write func() error) error {
		h := tar.Header{Typeflag: tar.TypeReg, Name: path.Join(Version, name), Mode: 0o644, Size: size, ModTime: l.Published, Format: tar.FormatUSTAR}
		if err := out.WriteHeader(&h); err != nil {
			return err
		}
		return write()
	}
	text := func(name, text string) error {
		return add(name, int64(len(text)), func() error { _, err := io.WriteString(out, text); return err })
	}
	if err := text(latestName, i.Latest); err != nil {
		return err
	}
	if err := text(latestName+signatureExt, i.Signature); err != nil {
		return err
	}
	if err := add(l.Base.Path, l.Base.Size, func() error { _, err := io.Copy(out, base); return err }); err != nil {
		return err
	}
	return out.Close()
}

// ExportPacked writes a snapshot by itself, packed, into a file.
func ExportPacked(snapshot, to string) error {
	packed, err := packTemp(filepath.Dir(to), snapshot)
	if err != nil {
		return err
	}
	if err := place(packed, to); err != nil {
		return errors.Join(err, os.Remove(packed))
	}
	return nil
}

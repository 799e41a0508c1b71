package lockfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
)

// recordHashes are the algorithms of RECORD (PEP 427 wants sha256 or better).
var recordHashes = map[string]func() hash.Hash{
	"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// checkRecord reads every file that RECORD names with a hash and compares.
func (d *Distribution) checkRecord(ctx context.Context, fsys fs.FS, site string, record []byte, owned map[string]bool) error {
	file := path.Join(d.Dir, "RECORD")
	r := csv.NewReader(bytes.NewReader(record))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	for rows := 0; ; rows++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		switch {
		case err != nil:
			return refuse(Position{File: file}, "install the package again", "not a RECORD: %v", err)
		case rows == maxRecordRows:
			return refuse(Position{File: file}, "", "more than %d files, the limit", maxRecordRows)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		name, inside := sitePath(site, row[0])
		if !inside {
			told(&d.Outside, &d.NOutside, row[0])
			continue
		}
		owned[name] = true
		if len(row) > 1 && row[1] != "" {
			if err := d.checkFile(fsys, name, row[0], row[1]); err != nil {
				return err
			}
		}
	}
}

// checkFile compares a file with "algorithm=urlsafe base64".
func (d *Distribution) checkFile(fsys fs.FS, name, recorded, want string) error {
	algorithm, digest, _ := strings.Cut(want, "=")
	fresh := recordHashes[algorithm]
	if fresh == nil {
		told(&d.Weak, &d.NWeak, recorded)
		return nil
	}
	info, err := fs.Stat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		told(&d.Missing, &d.NMissing, recorded)
		return nil
	case err != nil:
		// A link that leads out of the environment, or a folder that may not be read.
		told(&d.Outside, &d.NOutside, recorded)
		return nil
	case !info.Mode().IsRegular(): // opening a pipe would wait for somebody
		told(&d.Changed, &d.NChanged, recorded)
		return nil
	}
	f, err := fsys.Open(name)
	if err != nil {
		told(&d.Outside, &d.NOutside, recorded)
		return nil
	}
	defer f.Close() // nothing was written
	h := fresh()
	if _, err := io.Copy(h, f); err != nil {
		return cannotRead(Position{File: name}, err)
	}
	if !bytes.Equal(h.Sum(nil), recordDigest(digest, h.Size())) {
		told(&d.Changed, &d.NChanged, recorded)
		return nil
	}
	d.Checked++
	return nil
}

// recordDigest decodes a digest of so many bytes: base64, as it should be, or
// hexadecimal, as some builders of distributions write it. Nil is none.
func recordDigest(text string, size int) []byte {
	if sum, err := hex.DecodeString(text); err == nil && len(sum) == size {
		return sum
	}
	sum, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(sum) != size {
		return nil
	}
	return sum
}

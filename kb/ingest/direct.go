package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/thamos/thamos/kb/py"
)

// maxDirectWheel bounds a wheel that a user names by URL, in bytes: it is held in
// memory to read it and to work out its hash.
const maxDirectWheel = 256 << 20

// A WheelFile is a wheel and what it says of itself.
type WheelFile struct {
	Metadata py.Metadata
	SHA256   string // hex
	Size     int64  // bytes
}

// ReadWheel reads a wheel of size bytes that is said to be one of a project.
func ReadWheel(wheel io.ReaderAt, size int64, name py.Name) (WheelFile, error) {
	archive, err := zip.NewReader(wheel, size)
	if err != nil {
		return WheelFile{}, fmt.Errorf("not a wheel: %w", err)
	}
	text, err := metadataText(archive, name)
	if err != nil {
		return WheelFile{}, err
	}
	w := WheelFile{Size: size}
	if w.Metadata, err = py.ParseMetadata(text); err != nil {
		return WheelFile{}, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(wheel, 0, size)); err != nil {
		return WheelFile{}, err
	}
	w.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return w, nil
}

// FetchWheel fetches the wheel at a URL, which may hold credentials, and reads
// it. o is for the client; its Index is not used.
func FetchWheel(ctx context.Context, o ClientOptions, rawURL string, name py.Name) (WheelFile, error) {
	o.Index, o.Cache = rawURL, nil
	c, err := NewClient(o)
	if err != nil {
		return WheelFile{}, err
	}
	at, err := parseURL("the URL of a wheel", rawURL)
	if err != nil {
		return WheelFile{}, err
	}
	at.User, at.Fragment, at.RawFragment = nil, "", ""
	a, err := c.ask(ctx, request{subject: forFile, url: at, limit: maxDirectWheel})
	if err != nil {
		return WheelFile{}, err
	}
	w, err := ReadWheel(bytes.NewReader(a.body), int64(len(a.body)), name)
	if err != nil {
		return WheelFile{}, fmt.Errorf("%s: %w", redact(at), err)
	}
	return w, nil
}

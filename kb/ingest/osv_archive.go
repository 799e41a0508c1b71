package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// Bounds of an archive of advisories. That of all of PyPI has some ten thousands
// of records in some tens of megabytes.
const (
	maxArchive        = 256 << 20 // bytes
	maxArchiveEntries = 1_000_000
)

// An OSVArchive is what an archive of advisories says, or that it says the same
// as before.
type OSVArchive struct {
	NotModified bool
	Validators  Validators // with which it can be asked whether it changed

	Advisories []py.Advisory
	Withdrawn  []kb.Withdrawn
	Report     OSVReport

	Requests int // sent, redirects and repetitions included
}

// FetchOSV reads a zip of OSV records (see ReadOSV) at a URL, unless it is still
// the one that known is of. o needs no Index. The error is ErrAbsent if there is
// none; any other says that it is not known.
func FetchOSV(ctx context.Context, url string, known Validators, o ClientOptions) (OSVArchive, error) {
	o.Index, o.Cache = url, nil
	c, err := NewClient(o)
	if err != nil {
		return OSVArchive{}, err
	}
	at, err := parseURL("the URL of advisories", url)
	if err != nil {
		return OSVArchive{}, err
	}
	a, err := c.ask(ctx, request{subject: forFile, url: at, limit: maxArchive, known: known})
	if err != nil {
		return OSVArchive{Requests: c.Requests()}, err
	}
	out := OSVArchive{
		NotModified: a.status == http.StatusNotModified,
		Validators:  Validators{validator(a.header, "ETag"), validator(a.header, "Last-Modified")},
	}
	if out.NotModified {
		out.Requests, out.Validators = c.Requests(), known
		return out, nil
	}
	out, err = readArchive(ctx, a.body, out)
	out.Requests = c.Requests()
	if err != nil {
		return out, fmt.Errorf("%s: %w", redact(at), err)
	}
	return out, nil
}

// ReadOSVFile reads a zip or directory of OSV records. Whether a zip is still the
// one that known is of is told by its content; a directory is always read.
func ReadOSVFile(ctx context.Context, name string, known Validators) (OSVArchive, error) {
	stat, err := os.Stat(name)
	if err != nil {
		return OSVArchive{}, err
	}
	if stat.IsDir() {
		var out OSVArchive
		if out.Advisories, out.Report, err = ReadOSV(ctx, os.DirFS(name)); err != nil {
			return out, err
		}
		out.Withdrawn = out.Report.WithdrawnRecords
		return out, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return OSVArchive{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxArchive+1))
	if err != nil {
		return OSVArchive{}, err
	}
	if len(text) > maxArchive {
		return OSVArchive{}, fmt.Errorf("%s: %w than %d bytes", name, errTooLarge, maxArchive)
	}
	out := OSVArchive{Validators: Validators{ETag: `"sha256-` + hexSHA256(text) + `"`}}
	if out.NotModified = out.Validators == known; out.NotModified {
		return out, nil
	}
	if out, err = readArchive(ctx, text, out); err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// readArchive reads the records of a zip in memory into out.
func readArchive(ctx context.Context, text []byte, out OSVArchive) (OSVArchive, error) {
	// The directory is read as a whole before its entries can be counted, and each
	// takes several times the room that it has in the file.
	if n := bytes.Count(text, []byte("PK\x01\x02")); n > maxArchiveEntries {
		return out, fmt.Errorf("more than %d files", maxArchiveEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return out, fmt.Errorf("not a zip: %w", err)
	}
	if out.Advisories, out.Report, err = ReadOSV(ctx, z); err != nil {
		return out, err
	}
	if out.Report.Records == 0 {
		// What says nothing must not make us forget what was said.
		return out, errors.New("no record in it can be read")
	}
	out.Withdrawn = out.Report.WithdrawnRecords
	return out, nil
}

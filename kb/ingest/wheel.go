package ingest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Bounds of reading one wheel by ranges. The largest wheels have some ten
// thousand members, whose directory is a few megabytes.
const (
	firstSpan       = 32 << 10 // the end of a small wheel holds directory and METADATA
	beforeDirectory = 16 << 10 // METADATA and what comes after it, packed
	growth          = 4        // of what is asked for when that was not enough
	maxSpan         = 4 << 20
	maxRead         = 32 << 20 // bytes of one wheel
	maxRequests     = 32       // requests for one wheel
)

var errNoRanges = errors.New("does not serve ranges of files")

// wheelMetadata reads METADATA out of a wheel without reading the wheel.
func (c *Client) wheelMetadata(ctx context.Context, at *url.URL, f RemoteFile) (py.Metadata, []byte, error) {
	fail := func(err error) (py.Metadata, []byte, error) {
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(at), err)
	}
	wheel, err := py.ParseWheelName(f.Filename)
	if err != nil {
		return fail(errors.New("not a wheel, and only of wheels is the metadata read from the file"))
	}
	c.mu.Lock()
	rangeless := c.rangeless[at.Host]
	c.mu.Unlock()
	if rangeless {
		return c.wholeWheel(ctx, at, f, wheel.Name)
	}
	r := &remote{ctx: ctx, client: c, url: at, size: f.Size, span: firstSpan}
	text, err := r.metadata(wheel.Name)
	if errors.Is(err, errNoRanges) {
		c.mu.Lock()
		c.rangeless[at.Host] = true
		c.mu.Unlock()
		return c.wholeWheel(ctx, at, f, wheel.Name)
	}
	// Of a short wheel one answer is the whole. If it is not the file that was
	// announced, what the zip reader made of it says nothing about the release.
	if whole := r.whole(); whole != nil && f.File.SHA256 != "" {
		if got := hexSHA256(whole); got != f.File.SHA256 {
			return fail(wrongHash(got, f.File.SHA256))
		}
	}
	if r.err != nil {
		// What the index said, rather than what the zip reader made of it.
		var status *StatusError
		if errors.As(r.err, &status) || errors.Is(r.err, ErrAbsent) || ctx.Err() != nil {
			return py.Metadata{}, nil, r.err // names the URL already
		}
		return fail(r.err)
	}
	if err != nil {
		return fail(&badMetadata{err})
	}
	m, err := f.check(text)
	if err != nil {
		return fail(err)
	}
	return m, text, nil
}

// wholeWheel reads a wheel that the server does not give in parts, and METADATA
// out of it.
func (c *Client) wholeWheel(ctx context.Context, at *url.URL, f RemoteFile, name py.Name) (py.Metadata, []byte, error) {
	fail := func(err error) (py.Metadata, []byte, error) {
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(at), err)
	}
	most := c.options.MaxWheel
	if most < 0 || f.Size > most {
		return fail(&badMetadata{fmt.Errorf("%w, and the whole wheel is larger than %d bytes", errNoRanges, max(most, 0))})
	}
	select {
	case c.whole <- struct{}{}:
		defer func() { <-c.whole }()
	case <-ctx.Done():
		return py.Metadata{}, nil, ctx.Err()
	}
	a, err := c.ask(ctx, request{subject: forFile, url: at, limit: most})
	if errors.Is(err, errTooLarge) {
		return fail(&badMetadata{fmt.Errorf("%w, and the whole wheel is larger than %d bytes", errNoRanges, most)})
	}
	if err != nil {
		return py.Metadata{}, nil, err
	}
	if got := hexSHA256(a.body); f.File.SHA256 != "" && got != f.File.SHA256 {
		return fail(wrongHash(got, f.File.SHA256))
	}
	archive, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		return fail(&badMetadata{fmt.Errorf("not a zip file: %w", err)})
	}
	text, err := metadataText(archive, name)
	if err != nil {
		return fail(&badMetadata{err})
	}
	m, err := f.check(text)
	if err != nil {
		return fail(err)
	}
	return m, text, nil
}

// A remote is a file on a server as an io.ReaderAt. It asks for longer spans
// the more it needs, and keeps all it got.
type remote struct {
	ctx    context.Context
	client *Client
	url    *url.URL
	size   int64 // 0: not known yet

	parts    []part // sorted, disjoint
	span     int64  // what to ask for next
	read     int64
	requests int
	err      error // the first failure of a request
}

type part struct {
	at   int64
	text []byte
}

func (p part) end() int64 { return p.at + int64(len(p.text)) }

// whole returns the file if all of it came in one part.
func (r *remote) whole() []byte {
	if len(r.parts) == 1 && r.parts[0].at == 0 && r.parts[0].end() == r.size {
		return r.parts[0].text
	}
	return nil
}

// metadata reads NAME-VERSION.dist-info/METADATA of a wheel.
func (r *remote) metadata(name py.Name) ([]byte, error) {
	if err := r.tail(); err != nil {
		r.err = err
		return nil, err
	}
	if err := r.directory(); err != nil {
		r.err = err
		return nil, err
	}
	archive, err := zip.NewReader(r, r.size)
	if err != nil {
		return nil, fmt.Errorf("not a zip file: %w", err)
	}
	r.span = firstSpan // the directory is read, METADATA is short again
	return metadataText(archive, name)
}

// metadataText reads NAME-VERSION.dist-info/METADATA of a wheel.
func metadataText(archive *zip.Reader, name py.Name) ([]byte, error) {
	member, err := metadataMember(archive.File, name)
	if err != nil {
		return nil, err
	}
	if member.UncompressedSize64 > maxMetadata {
		return nil, fmt.Errorf("its METADATA is larger than %d bytes", maxMetadata)
	}
	in, err := member.Open()
	if err != nil {
		return nil, fmt.Errorf("open its METADATA: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxMetadata+1))
	if err != nil {
		return nil, fmt.Errorf("read its METADATA: %w", err)
	}
	// The zip reader takes a checksum of 0 for none at all.
	if len(text) > maxMetadata || crc32.ChecksumIEEE(text) != member.CRC32 {
		return nil, errors.New("its METADATA does not have the checksum of the zip directory")
	}
	return text, nil
}

// metadataMember finds METADATA in the .dist-info directory of the project.
// Other projects' directories may be there by a packaging mistake.
func metadataMember(members []*zip.File, name py.Name) (*zip.File, error) {
	var found *zip.File
	for _, m := range members {
		dir, base, _ := strings.Cut(m.Name, "/")
		stem, ok := strings.CutSuffix(dir, ".dist-info")
		if !ok || base != "METADATA" {
			continue
		}
		if project, _, _ := strings.Cut(stem, "-"); py.NormalizeName(project) != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("two METADATA for %s in it", name)
		}
		found = m
	}
	if found == nil {
		return nil, fmt.Errorf("no METADATA for %s in it", name)
	}
	return found, nil
}

// ReadAt implements io.ReaderAt.
func (r *remote) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off+int64(n) < r.size {
		at := off + int64(n)
		i, ok := slices.BinarySearchFunc(r.parts, at, func(p part, at int64) int {
			switch {
			case p.end() <= at:
				return -1
			case p.at > at:
				return 1
			}
			return 0
		})
		if ok {
			n += copy(p[n:], r.parts[i].text[at-r.parts[i].at:])
			continue
		}
		end := min(r.size, at+max(r.span, int64(len(p)-n)))
		if i < len(r.parts) {
			end = min(end, r.parts[i].at)
		}
		text, err := r.fetch(fmt.Sprintf("bytes=%d-%d", at, end-1), at, end)
		if err != nil {
			r.err = cmp.Or(r.err, err)
			return n, err
		}
		r.parts = slices.Insert(r.parts, i, part{at, text})
		r.span = min(growth*r.span, maxSpan)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// tail fetches the end of the file, where a zip has its directory, and with
// it the size if that is not known.
func (r *remote) tail() error {
	span := fmt.Sprintf("bytes=-%d", r.span)
	if r.size > 0 {
		// Some servers do not know the short form.
		span = fmt.Sprintf("bytes=%d-%d", max(0, r.size-r.span), r.size-1)
	}
	text, err := r.fetch(span, -1, -1)
	if err != nil {
		return err
	}
	r.parts = []part{{r.size - int64(len(text)), text}}
	r.span = growth * firstSpan // a directory that began before this is a long one
	return nil
}

// directory fetches what is missing of the zip directory, in one request and
// with the place before it, where wheels have METADATA. What it makes of the
// file is a guess; the zip reader judges.
func (r *remote) directory() error {
	tail := r.parts[0]
	end := bytes.LastIndex(tail.text, []byte("PK\x05\x06"))
	if end < 0 || end+20 > len(tail.text) {
		return nil
	}
	at := int64(binary.LittleEndian.Uint32(tail.text[end+16:])) // where the directory begins
	if at >= tail.at || tail.at-at > maxSpan {
		return nil
	}
	at = max(0, at-beforeDirectory)
	text, err := r.fetch(fmt.Sprintf("bytes=%d-%d", at, tail.at-1), at, tail.at)
	if err != nil {
		return err
	}
	r.parts = []part{{at, append(text, tail.text...)}}
	return nil
}

// fetch asks for one span, [at, end) or, if at is -1, the last bytes.
func (r *remote) fetch(span string, at, end int64) ([]byte, error) {
	limit := int64(firstSpan)
	if at >= 0 {
		limit = end - at
	}
	if r.requests++; r.requests > maxRequests || r.read+limit > maxRead {
		return nil, fmt.Errorf("its METADATA was not found within %d requests and %d bytes", maxRequests, maxRead)
	}
	a, err := r.client.ask(r.ctx, request{subject: forFile, url: r.url, span: span, limit: limit})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusPartialContent {
		if at < 0 && a.body != nil {
			r.size = int64(len(a.body)) // the whole file, which is as short as its end
			return a.body, nil
		}
		return nil, errNoRanges
	}
	var from, to, size int64
	header := a.header.Get("Content-Range")
	if _, err := fmt.Sscanf(header, "bytes %d-%d/%d", &from, &to, &size); err != nil {
		return nil, fmt.Errorf("answers a range with Content-Range %q", clip(header))
	}
	if r.size == 0 {
		r.size = size
	}
	if at < 0 {
		at, end = max(0, r.size-limit), r.size
	}
	switch {
	case size != r.size:
		return nil, fmt.Errorf("has %d bytes, expected %d", size, r.size)
	case from != at || to != end-1 || int64(len(a.body)) != end-at:
		return nil, fmt.Errorf("answers another range (%q) than it was asked for", clip(header))
	}
	r.read += int64(len(a.body))
	return a.body, nil
}

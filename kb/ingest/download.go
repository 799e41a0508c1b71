package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Download is one file below the client's URL that is read piece by piece, so
// that it need not fit into memory and goes on where a connection was cut.
type Download struct {
	// Name is the path below the client's URL.
	Name string

	// Limit is how many bytes there may be. A longer answer is an error.
	Limit int64

	// At is how many bytes are there already, and Validator what the server said
	// of the file that they are of (an ETag, or a date); empty if nothing.
	At        int64
	Validator string

	// Begin is called before the first byte of a file that is read from its
	// start, also where that happens again because the file has changed meanwhile.
	Begin func(validator string) error

	// Write takes the next bytes.
	Write func(p []byte) error

	// Total is the longest that all of it may take. 0 means 30 minutes.
	Total time.Duration
}

// maxResumes is how often a download goes on after it was cut off. It begins to
// count anew with every byte that comes, up to allResumes.
const (
	maxResumes = tries
	allResumes = 100
)

// errWeb reports a page for people in the place of a file.
var errWeb = errors.New("a web page came instead of the file: is the URL right, and does it need a login?")

// Download reads a file. It asks again where the connection was cut or the
// server was busy, with pauses, and then only for what is missing. The error is
// ErrAbsent if the server has no such file.
func (c *Client) Download(ctx context.Context, d Download) error {
	at := c.index.JoinPath(d.Name)
	if d.Total == 0 {
		d.Total = 30 * time.Minute
	}
	errTotal := fmt.Errorf("%s: not read within %v", redact(at), d.Total)
	ctx, cancel := context.WithTimeoutCause(ctx, d.Total, errTotal)
	defer cancel()
	failures := 0
	for all := 0; ; all++ {
		before := d.At
		err := c.tryDownload(ctx, at, &d)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var t *transient
		if !errors.As(err, &t) {
			return err
		}
		if failures++; d.At > before {
			failures = 1
		}
		if failures == maxResumes || all == allResumes {
			return fmt.Errorf("%w (tried %d times)", t.err, all+1)
		}
		if t.after > maxPause {
			return fmt.Errorf("%w (it asks to wait %v)", t.err, t.after.Round(time.Second))
		}
		if err := c.options.Sleep(ctx, c.pause(failures, t.after)); err != nil {
			return context.Cause(ctx)
		}
	}
}

// tryDownload asks once, following redirects.
func (c *Client) tryDownload(ctx context.Context, from *url.URL, d *Download) error {
	silence := c.options.Timeout
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer idle.Stop()
	at := from
	auth := c.login(at)
	for hop := 0; ; hop++ {
		resp, err := c.sendDownload(ctx, at, auth, d)
		if err != nil {
			return c.failed(ctx, at, err)
		}
		next, err := redirection(at, resp)
		if err == nil && next == nil {
			defer resp.Body.Close()
			return c.receiveDownload(ctx, at, d, resp, func() { idle.Reset(silence) })
		}
		resp.Body.Close()
		switch {
		case err != nil:
			return err
		case hop == maxRedirects:
			return fmt.Errorf("%s: more than %d redirects", redact(from), maxRedirects)
		}
		if !sameOrigin(at, next) && !upgraded(at, next) {
			auth = nil
		}
		at = next
		idle.Reset(silence)
	}
}

func (c *Client) sendDownload(ctx context.Context, at *url.URL, auth *login, d *Download) (*http.Response, error) {
	bare := *at
	bare.User = nil // what is sent is auth, never what a redirect brought
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, errors.New("the URL cannot be asked for")
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	req.Header.Set("Accept-Encoding", "identity") // offsets are of the file itself
	if d.At > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.At, 10)+"-")
		if d.Validator != "" {
			req.Header.Set("If-Range", d.Validator)
		}
	}
	if auth != nil {
		req.SetBasicAuth(auth.user, auth.password)
	}
	c.tally.sent[forFile].Add(1)
	return c.options.Transport.RoundTrip(req)
}

// receiveDownload takes what comes of a response that is no redirect.
func (c *Client) receiveDownload(ctx context.Context, at *url.URL, d *Download, resp *http.Response, heard func()) error {
	where := redact(at)
	switch status := resp.StatusCode; {
	case status == http.StatusNotFound || status == http.StatusGone:
		return fmt.Errorf("%s: %w", where, ErrAbsent)
	case status == http.StatusTooManyRequests, status >= 500:
		return &transient{&StatusError{where, status}, retryAfter(resp.Header.Get("Retry-After"), c.options.Now())}
	case status == http.StatusRequestedRangeNotSatisfiable && d.At > 0:
		// What is there is not a part of what the server has.
		d.At, d.Validator = 0, ""
		return &transient{err: &StatusError{where, status}}
	case status != http.StatusOK && (status != http.StatusPartialContent || d.At == 0):
		return &StatusError{where, status}
	case isMedia(resp.Header.Get("Content-Type"), "text/html", "application/xhtml+xml"):
		return fmt.Errorf("%s: %w", where, errWeb)
	case resp.StatusCode == http.StatusPartialContent && !strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(d.At, 10)+"-"):
		d.At, d.Validator = 0, ""
		return &transient{err: fmt.Errorf("%s: answered with another part than was asked for", where)}
	}
	if resp.StatusCode == http.StatusOK {
		d.At, d.Validator = 0, rangeValidator(resp.Header)
		if err := d.Begin(d.Validator); err != nil {
			return err
		}
	}
	if resp.ContentLength > d.Limit-d.At {
		return tooLarge(at, d.Limit)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			heard()
			if int64(n) > d.Limit-d.At {
				return tooLarge(at, d.Limit)
			}
			if err := d.Write(buf[:n]); err != nil {
				return err
			}
			d.At += int64(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return c.failed(ctx, at, err)
		}
	}
}

// rangeValidator is what If-Range can say: a strong ETag, else the date.
func rangeValidator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

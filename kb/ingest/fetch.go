package ingest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects = 10
	tries        = 4 // how often one thing is asked for

	firstPause = 500 * time.Millisecond // doubled after each try
	maxPause   = time.Minute            // the longest an index may have us wait

	// A request may last this many times the longest silence: a server that
	// sends one byte now and then is not waited for without end.
	patience = 20
)

// ErrAbsent reports that the index answered that it has no such thing (404).
// Every other failure means that it is not known whether it has.
var ErrAbsent = errors.New("the index has none")

// A StatusError is an answer that is neither what was asked for nor "absent".
type StatusError struct {
	URL    string // redacted
	Status int
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s: answered %d %s", e.URL, e.Status, http.StatusText(e.Status))
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		s += " (it wants other credentials: see the index URL, netrc and the proxy's URL)"
	}
	return s
}

// A request is one thing to ask for.
type request struct {
	subject subject
	url     *url.URL
	accept  string     // media types; empty for any
	span    string     // value of the Range header; empty for all of it
	limit   int64      // bytes an answer may have
	known   Validators // of what is there already, if anything is

	// into, if not nil, takes the body instead of the answer; it is called for
	// each try, and what it took before is of no use then.
	into func(body io.Reader) error
}

// An answer is a whole answer of status 200 or 206, or 304 without a body. Its body is nil where a
// range was asked for and the whole thing came that may be larger than the limit.
type answer struct {
	status int
	header http.Header
	url    *url.URL // what answered, after redirects
	body   []byte
}

// A transient failure is worth another try.
type transient struct {
	err   error
	after time.Duration // what the index asked us to wait; 0 if it did not
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// ask asks for r until there is an answer or another try makes no sense.
// Errors name the redacted URL.
func (c *Client) ask(ctx context.Context, r request) (*answer, error) {
	for try := 1; ; try++ {
		a, err := c.try(ctx, r)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var t *transient
		if !errors.As(err, &t) {
			return a, err
		}
		if try == tries {
			return nil, fmt.Errorf("%w (tried %d times)", t.err, try)
		}
		if t.after > maxPause {
			return nil, fmt.Errorf("%w (it asks to wait %v)", t.err, t.after.Round(time.Second))
		}
		if err := c.options.Sleep(ctx, c.pause(try, t.after)); err != nil {
			return nil, err
		}
	}
}

// pause says how long to wait after a try: what the index asked for, else
// twice as long each time; up to half as long again by chance, so that
// requests refused together do not come back together.
func (c *Client) pause(try int, after time.Duration) time.Duration {
	base := cmp.Or(after, firstPause<<(try-1))
	if c.options.Rand == nil {
		return base
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return base + time.Duration(c.options.Rand.Int64N(int64(base)/2+1))
}

// errSilent is why a request is given up that nothing more is heard of.
var errSilent = errors.New("silent")

// try asks once, following redirects. It holds one of the client's slots.
func (c *Client) try(ctx context.Context, r request) (a *answer, err error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	silence := c.options.Timeout
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer idle.Stop()
	total := time.AfterFunc(patience*silence, func() { cancel(errSilent) })
	defer total.Stop()

	at := r.url
	auth := c.login(at)
	for hop := 0; ; hop++ {
		resp, err := c.send(ctx, at, auth, r)
		if err != nil {
			return nil, c.failed(ctx, at, err)
		}
		next, err := redirection(at, resp)
		if err == nil && next == nil {
			return c.receive(ctx, at, r, resp, func() { idle.Reset(silence) })
		}
		resp.Body.Close()
		switch {
		case err != nil:
			return nil, err
		case hop == maxRedirects:
			return nil, fmt.Errorf("%s: more than %d redirects", redact(r.url), maxRedirects)
		}
		// A password is for the host it was given for; one that left it does
		// not get it back by coming home.
		if !sameOrigin(at, next) && !upgraded(at, next) {
			auth = nil
		}
		at = next
		idle.Reset(silence)
	}
}

// send sends one request of a chain of redirects.
func (c *Client) send(ctx context.Context, at *url.URL, auth *login, r request) (*http.Response, error) {
	bare := *at
	bare.User = nil // what is sent is auth, never what a redirect brought
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, errors.New("the URL cannot be asked for")
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.span != "" {
		req.Header.Set("Range", r.span)
		req.Header.Set("Accept-Encoding", "identity") // offsets are of the file itself
	}
	if r.known.ETag != "" {
		req.Header.Set("If-None-Match", r.known.ETag)
	} else if r.known.LastModified != "" {
		req.Header.Set("If-Modified-Since", r.known.LastModified)
	}
	if auth != nil {
		req.SetBasicAuth(auth.user, auth.password)
	}
	c.tally.sent[r.subject].Add(1)
	return c.options.Transport.RoundTrip(req)
}

// redirection returns where resp redirects to, nil if it does not. Going from
// https to http is an error: anyone on the way could answer.
func redirection(at *url.URL, resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	next, err := at.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil, fmt.Errorf("%s: redirects to no URL", redact(at))
	}
	switch {
	case next.Scheme != "https" && next.Scheme != "http" || next.Host == "":
		return nil, fmt.Errorf("%s: redirects to something that is not http", redact(at))
	case at.Scheme == "https" && next.Scheme == "http":
		return nil, fmt.Errorf("%s: redirects from https to %s, which is refused", redact(at), redact(next))
	}
	return next, nil
}

// receive turns a response that is no redirect into an answer.
func (c *Client) receive(ctx context.Context, at *url.URL, r request, resp *http.Response, heard func()) (*answer, error) {
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header, url: at}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", redact(at), ErrAbsent)
	case resp.StatusCode == http.StatusNotModified && r.known != (Validators{}):
		c.tally.unchanged.Add(1)
		return a, nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		err := &StatusError{redact(at), resp.StatusCode}
		return nil, &transient{err, retryAfter(resp.Header.Get("Retry-After"), c.options.Now())}
	case resp.StatusCode == http.StatusOK && r.span != "" && (resp.ContentLength < 0 || resp.ContentLength > r.limit):
		return a, nil
	case resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusPartialContent || r.span == ""):
		return nil, &StatusError{redact(at), resp.StatusCode}
	case resp.ContentLength > r.limit:
		return nil, tooLarge(at, r.limit)
	}
	if r.into != nil {
		body := &io.LimitedReader{R: listened{resp.Body, heard}, N: r.limit + 1}
		switch err := r.into(body); {
		case body.N <= 0:
			return nil, tooLarge(at, r.limit)
		case errors.Is(err, errKeep):
			return nil, err
		case err != nil:
			return nil, c.failed(ctx, at, err)
		}
		return a, nil
	}
	var body bytes.Buffer
	body.Grow(int(min(max(resp.ContentLength, 0), maxSpan)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(listened{resp.Body, heard}, r.limit+1))
	switch {
	case err != nil:
		return nil, c.failed(ctx, at, err)
	case int64(body.Len()) > r.limit:
		return nil, tooLarge(at, r.limit)
	}
	a.body = body.Bytes()
	return a, nil
}

// errTooLarge reports an answer that is longer than what was asked for can be.
var errTooLarge = errors.New("larger")

func tooLarge(at *url.URL, limit int64) error {
	return fmt.Errorf("%s: %w than %d bytes", redact(at), errTooLarge, limit)
}

// listened tells of every read that brought something.
type listened struct {
	io.Reader
	heard func()
}

func (l listened) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.heard()
	}
	return n, err
}

// failed says what went wrong below HTTP and whether to try again. It builds
// its sentences itself where the library's quote URLs.
func (c *Client) failed(ctx context.Context, at *url.URL, err error) error {
	var (
		certificate *tls.CertificateVerificationError
		lookup      *net.DNSError
		proxy       *proxyError
	)
	switch where := redact(at); {
	case errors.Is(context.Cause(ctx), errSilent):
		return &transient{err: fmt.Errorf("%s: no answer in time (%v without a byte, %v in all)", where, c.options.Timeout, patience*c.options.Timeout)}
	case errors.As(err, &certificate):
		return fmt.Errorf("%s: %w (SSL_CERT_FILE or pip's cert setting can name certificates to trust)", where, err)
	case errors.As(err, &lookup) && lookup.IsNotFound, errors.As(err, &proxy):
		return fmt.Errorf("%s: %w", where, err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &transient{err: fmt.Errorf("%s: the connection was cut", where)}
	default:
		return &transient{err: fmt.Errorf("%s: %w", where, err)}
	}
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// sameOrigin reports whether what may be sent to a may be sent to b.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// upgraded reports whether b is a over TLS, both at the usual ports.
func upgraded(a, b *url.URL) bool {
	return a.Scheme == "http" && b.Scheme == "https" && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == "80" && port(b) == "443"
}

func port(u *url.URL) string {
	if u.Scheme == "https" {
		return cmp.Or(u.Port(), "443")
	}
	return cmp.Or(u.Port(), "80")
}

// isMedia reports whether a Content-Type header names one of the media types.
func isMedia(contentType string, types ...string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return slices.Contains(types, strings.ToLower(strings.TrimSpace(media)))
}

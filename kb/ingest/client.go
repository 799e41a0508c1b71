package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// JSON first (PEP 691); the others only so that an index without it answers
// with something that can be named.
const acceptPage = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

// ClientOptions say which index is read and with what. Index and Now must be set.
type ClientOptions struct {
	// Index is the URL above the projects' pages, as pip's index-url, with or
	// without user and password.
	Index string

	// Netrc names a netrc file with logins by host; empty, or a file that does
	// not exist: none. The user and password of Index count before it.
	Netrc string

	// Transport makes the connections. Nil means NewTransport's default.
	Transport http.RoundTripper

	// Cache keeps answers from run to run. Nil keeps none.
	Cache *Cache

	// Concurrency is how many requests are under way at once. 0 means 4.
	Concurrency int

	// Timeout is the longest silence of a server. 0 means 15 s, which is pip's.
	Timeout time.Duration

	// UserAgent is how the client names itself. Empty means "thamos".
	UserAgent string

	// Now is the clock, for the age of what is kept and for Retry-After.
	Now func() time.Time

	// Sleep waits between tries. Nil waits for the time that is asked for.
	Sleep func(ctx context.Context, d time.Duration) error

	// Rand spreads the waits; the client alone uses it from then on. Nil does
	// not spread them.
	Rand *rand.Rand
}

// A Client reads one index that speaks the simple API in JSON (PEP 691). It is
// safe for concurrent use. Users, passwords and queries of URLs appear in no
// error, no result and no file of the cache.
//
// An error that is ErrAbsent is the index's word that it has no such thing.
// Any other error means "unknown" and is not remembered.
type Client struct {
	options ClientOptions
	index   *url.URL // ends in a slash
	netrc   netrc
	slots   chan struct{}

	requests atomic.Int64

	mu        sync.Mutex      // guards what follows, and options.Rand
	absent    map[string]bool // URLs of .metadata that answered 404 in this run
	rangeless map[string]bool // hosts that answered a range with the whole file
}

// NewClient returns a client for one index. It sends nothing yet.
func NewClient(o ClientOptions) (*Client, error) {
	index, err := parseURL("the index URL", o.Index)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		return nil, errors.New("a client needs a clock")
	}
	index = index.JoinPath("/")
	index.Fragment, index.RawFragment = "", ""
	c := &Client{
		options:   o,
		index:     index,
		absent:    map[string]bool{},
		rangeless: map[string]bool{},
	}
	if o.Netrc != "" {
		text, err := os.ReadFile(o.Netrc)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read logins: %w", err)
		}
		if c.netrc, err = parseNetrc(o.Netrc, text); err != nil {
			return nil, fmt.Errorf("read logins: %w", err)
		}
	}
	if o.Transport == nil {
		if c.options.Transport, err = NewTransport(TransportOptions{}); err != nil {
			return nil, err
		}
	}
	if o.Sleep == nil {
		c.options.Sleep = sleep
	}
	c.options.Timeout = cmp.Or(o.Timeout, 15*time.Second)
	c.options.UserAgent = cmp.Or(o.UserAgent, "thamos")
	c.options.Concurrency = max(1, cmp.Or(o.Concurrency, 4))
	c.slots = make(chan struct{}, c.options.Concurrency)
	return c, nil
}

// Origin returns the URL of the index as it may be shown and stored.
func (c *Client) Origin() string { return redact(c.index) }

// Requests returns how many requests were sent, redirects and repetitions included.
func (c *Client) Requests() int { return int(c.requests.Load()) }

// login returns what to log in with at u: what the index URL holds if u is of
// the index, else what netrc has for the host; nil for nothing.
func (c *Client) login(u *url.URL) *login {
	if c.index.User != nil && sameOrigin(c.index, u) {
		password, _ := c.index.User.Password()
		return &login{c.index.User.Username(), password}
	}
	if l, ok := c.netrc[strings.ToLower(u.Hostname())]; ok {
		return &l
	}
	return nil
}

// Page returns a project's page. One that the cache has is used if it is
// younger than age. The error is ErrAbsent if the index has no such project.
func (c *Client) Page(ctx context.Context, name py.Name, age time.Duration) (Page, error) {
	at := c.index.JoinPath(string(name) + "/")
	e, ok, err := c.options.Cache.get(at)
	if err != nil {
		return Page{}, err
	}
	if now := c.options.Now(); ok && e.age(now) >= 0 && e.age(now) < age {
		if page, err := DecodePage(name, e.body, e.Base); err == nil {
			return page, nil
		}
		// Kept by a program that read it differently: ask again.
	}
	a, err := c.ask(ctx, request{url: at, accept: acceptPage, limit: MaxDocument})
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotAcceptable {
		return Page{}, fmt.Errorf("%s: serves no PEP 691 JSON", redact(at))
	}
	if err != nil {
		return Page{}, err
	}
	media := a.header.Get("Content-Type")
	if !isMedia(media, "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json") {
		return Page{}, fmt.Errorf("%s: serves no PEP 691 JSON (its answer is %q)", redact(at), clip(media))
	}
	page, err := DecodePage(name, a.body, redact(a.url))
	if err != nil {
		return Page{}, fmt.Errorf("%s: %w", redact(at), err)
	}
	return page, c.options.Cache.put(at, entry{Base: redact(a.url), Type: media, Fetched: c.options.Now().Unix(), body: a.body})
}

// A RemoteFile is a distribution whose core metadata can be asked for.
type RemoteFile struct {
	py.File
	Package py.Package // what the metadata must be of

	// Announced reports that the index says it serves the metadata by itself;
	// SHA256 is then what it must have, if the index said so (PEP 714).
	Announced bool
	SHA256    string
}

// Metadata returns the core metadata of a file: from the cache, else from the
// file's URL plus ".metadata" (PEP 658), which is tried unannounced too, else
// if it is a wheel from the wheel itself by range requests. What was read is
// kept for ever: a file of an index does not change.
func (c *Client) Metadata(ctx context.Context, f RemoteFile) (py.Metadata, error) {
	at, err := parseURL("the URL of "+f.Filename, f.URL)
	if err != nil {
		return py.Metadata{}, err
	}
	if c.index.Scheme == "https" && at.Scheme == "http" {
		return py.Metadata{}, fmt.Errorf("%s: an index on https names a file on http, which is refused", redact(at))
	}
	side := *at
	side.Path = at.Path + ".metadata"
	if at.RawPath != "" {
		side.RawPath = at.RawPath + ".metadata"
	}
	e, ok, err := c.options.Cache.get(&side)
	if err != nil {
		return py.Metadata{}, err
	}
	if ok {
		if m, err := f.check(e.body); err == nil {
			return m, nil
		}
		// The index announces another digest now, or this program reads more
		// strictly than the one that kept it: ask again.
	}
	m, text, err := c.sideMetadata(ctx, &side, f)
	if err != nil && f.fallsBack(err) {
		sideErr := err
		if m, text, err = c.wheelMetadata(ctx, at, f); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; and no .metadata: %w", err, sideErr)
		}
	}
	if err != nil {
		return py.Metadata{}, err
	}
	return m, c.options.Cache.put(&side, entry{Base: redact(&side), Fetched: c.options.Now().Unix(), body: text})
}

// sideMetadata asks for a file's .metadata.
func (c *Client) sideMetadata(ctx context.Context, side *url.URL, f RemoteFile) (py.Metadata, []byte, error) {
	key := side.String()
	c.mu.Lock()
	known := c.absent[key]
	c.mu.Unlock()
	if known {
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(side), ErrAbsent)
	}
	a, err := c.ask(ctx, request{url: side, limit: maxMetadata})
	if errors.Is(err, ErrAbsent) {
		c.mu.Lock()
		c.absent[key] = true
		c.mu.Unlock()
	}
	if err != nil {
		return py.Metadata{}, nil, err
	}
	m, err := f.check(a.body)
	if err != nil {
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(side), err)
	}
	return m, a.body, nil
}

// fallsBack reports whether the wheel itself is worth a look after .metadata
// failed. Where it was announced only an honest "absent" is a reason; where it
// was a guess, so is any refusal (object stores answer 403 for what they do
// not have) and any page that is no metadata.
func (f RemoteFile) fallsBack(err error) bool {
	var status *StatusError
	var bad *badMetadata
	return errors.Is(err, ErrAbsent) ||
		!f.Announced && (errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests || errors.As(err, &bad))
}

// A badMetadata is a text that is not the metadata it should be.
type badMetadata struct{ err error }

func (e *badMetadata) Error() string { return e.err.Error() }
func (e *badMetadata) Unwrap() error { return e.err }

// check parses a text that should be the metadata of f.
func (f RemoteFile) check(text []byte) (py.Metadata, error) {
	if got := hexSHA256(text); f.SHA256 != "" && got != f.SHA256 {
		return py.Metadata{}, &badMetadata{fmt.Errorf("its sha256 is %s, the index announced %s", got, f.SHA256)}
	}
	m, err := CheckMetadata(f.Package.Name, f.Package.Version.String(), text)
	if err != nil {
		return py.Metadata{}, &badMetadata{fmt.Errorf("not the metadata of %s: %w", f.Package, err)}
	}
	return m, nil
}

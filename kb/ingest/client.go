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
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb/py"
)

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

	// MaxWheel is how large a wheel may be, in bytes, that is read wholly for its
	// metadata where the server has neither a .metadata nor ranges. 0 means
	// 32 MiB, less than 0 none.
	MaxWheel int64

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

// A Client reads one index that speaks the simple API in JSON (PEP 691) or HTML
// (PEP 503). It is safe for concurrent use. Users, passwords and queries of URLs appear in no
// error, no result and no file of the cache.
//
// An error that is ErrAbsent is the index's word that it has no such thing.
// Any other error means "unknown" and is not remembered.
type Client struct {
	options ClientOptions
	index   *url.URL // ends in a slash
	netrc   netrc
	slots   chan struct{}
	whole   chan struct{} // held while a wheel is in memory
	decode  chan struct{} // held while a listing is decoded

	probe time.Duration

	tally tally

	mu        sync.Mutex // guards what follows, and options.Rand
	guess     guess
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
		probe:     probe,
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
	c.options.MaxWheel = cmp.Or(o.MaxWheel, 32<<20)
	c.slots = make(chan struct{}, c.options.Concurrency)
	c.whole = make(chan struct{}, 2)
	c.decode = make(chan struct{}, runtime.GOMAXPROCS(0))
	return c, nil
}

// Origin returns the URL of the index as it may be shown and stored.
func (c *Client) Origin() string { return redact(c.index) }

// Requests returns how many requests were sent, redirects and repetitions included.
func (c *Client) Requests() int { return c.Sent().Requests() }

// Sent returns the same by what they were for.
func (c *Client) Sent() Sent { return c.tally.total() }

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
	at := c.pageURL(name)
	e, ok, err := c.options.Cache.get(at)
	if err != nil {
		return Page{}, err
	}
	if now := c.options.Now(); ok && e.age(now) >= 0 && e.age(now) < age {
		if page, err := decodePage(name, e.Type, e.body, e.Base); err == nil {
			return page, nil
		}
		// Kept by a program that read it differently: ask again.
	}
	a, err := c.askPage(ctx, name, Validators{})
	if err != nil {
		return Page{}, err
	}
	media := a.header.Get("Content-Type")
	page, err := c.decodePage(name, a)
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
	m, _, err := c.metadata(ctx, f)
	return m, err
}

// metadata is Metadata with the text.
func (c *Client) metadata(ctx context.Context, f RemoteFile) (py.Metadata, []byte, error) {
	at, err := parseURL("the URL of "+f.Filename, f.URL)
	if err != nil {
		return py.Metadata{}, nil, err
	}
	if c.index.Scheme == "https" && at.Scheme == "http" {
		return py.Metadata{}, nil, fmt.Errorf("%s: an index on https names a file on http, which is refused", redact(at))
	}
	beside := *at
	beside.Path = at.Path + ".metadata"
	if at.RawPath != "" {
		beside.RawPath = at.RawPath + ".metadata"
	}
	e, ok, err := c.options.Cache.get(&beside)
	if err != nil {
		return py.Metadata{}, nil, err
	}
	if ok {
		if m, err := f.check(e.body); err == nil {
			return m, e.body, nil
		}
		// The index announces another digest now, or this program reads more
		// strictly than the one that kept it: ask again.
	}
	m, text, err := c.sideMetadata(ctx, at, &beside, f)
	if err != nil && f.fallsBack(err) {
		sideErr := err
		m, text, err = c.wheelMetadata(ctx, at, f)
		if errors.Is(err, ErrAbsent) && errors.Is(sideErr, errNotTried) && !c.lacksMetadata() {
			// The wheel is not there, so what was thought too slow is all there is.
			if m, text, sideErr = c.readSide(ctx, &beside, f); sideErr == nil {
				err = nil
			}
		}
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; and no .metadata: %v", err, sideErr)
		}
	}
	if err != nil {
		return py.Metadata{}, nil, err
	}
	return m, text, c.options.Cache.put(&beside, entry{Base: redact(&beside), Fetched: c.options.Now().Unix(), body: text})
}

// lacksMetadata reports whether the index was found to serve no .metadata that
// it does not announce.
func (c *Client) lacksMetadata() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.guess.lacks
}

// errNotTried reports a .metadata that was not asked for.
var errNotTried = fmt.Errorf("%w announced", ErrAbsent)

// sideMetadata asks for a file's .metadata, unless it is not announced and
// most likely not there: see guess.
func (c *Client) sideMetadata(ctx context.Context, at, side *url.URL, f RemoteFile) (py.Metadata, []byte, error) {
	if f.Announced {
		return c.readSide(ctx, side, f)
	}
	c.mu.Lock()
	// Where wheels are not served in parts, even a small hope is worth a request.
	patient := c.guess.served >= enough || c.rangeless[at.Host]
	try := !c.guess.lacks && (patient || !c.guess.trying)
	c.guess.trying = c.guess.trying || try
	c.mu.Unlock()
	if !try {
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(side), errNotTried)
	}
	type outcome struct {
		m    py.Metadata
		text []byte
		err  error
	}
	outcomes := make(chan outcome, 1)
	go func() {
		m, text, err := c.readSide(ctx, side, f)
		c.mu.Lock()
		c.guess.trying = false
		if err == nil {
			c.guess.served++
		}
		c.guess.lacks = c.guess.lacks || lacks(err)
		c.mu.Unlock()
		outcomes <- outcome{m, text, err}
	}()
	enoughOfIt := make(<-chan time.Time)
	if !patient {
		timer := time.NewTimer(c.probe)
		defer timer.Stop()
		enoughOfIt = timer.C
	}
	select {
	case o := <-outcomes:
		return o.m, o.text, o.err
	case <-enoughOfIt:
		return py.Metadata{}, nil, fmt.Errorf("%s: %w", redact(side), errNotTried)
	}
}

// A guess is what is thought of the .metadata that an index serves without
// announcing it. An index has all of them or none, so the first that it lacks
// is the last that is asked for. Until it has served some they are asked for
// one at a time, and nobody waits long for one: servers take their time to find
// that they have nothing, and reading the wheel instead is quick.
type guess struct {
	trying bool
	served int
	lacks  bool
}

const (
	enough = 4                     // so many .metadata served, and the index is trusted with the rest
	probe  = 30 * time.Millisecond // how long each is waited for until then
)

func (c *Client) readSide(ctx context.Context, side *url.URL, f RemoteFile) (py.Metadata, []byte, error) {
	a, err := c.ask(ctx, request{subject: forMetadata, url: side, limit: maxMetadata})
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
// failed: always where that was a guess, and where it was announced only after
// an honest "absent".
func (f RemoteFile) fallsBack(err error) bool {
	return !f.Announced || errors.Is(err, ErrAbsent)
}

// lacks reports whether an answer to a guess says that there is no .metadata:
// object stores refuse what they do not have, others answer with a page.
func lacks(err error) bool {
	var status *StatusError
	var bad *badMetadata
	return errors.Is(err, ErrAbsent) || errors.Is(err, errTooLarge) || errors.As(err, &bad) ||
		errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests
}

// A badMetadata is what an index serves in the place of metadata and that is
// not what it should be: asking again gives the same.
type badMetadata struct{ err error }

func (e *badMetadata) Error() string { return e.err.Error() }
func (e *badMetadata) Unwrap() error { return e.err }

// wrongHash reports a text that is not the one that the index announced. It may
// be damaged on the way, so it says nothing for ever.
func wrongHash(got, want string) error {
	return fmt.Errorf("its sha256 is %s, the index announced %s", got, want)
}

// check parses a text that should be the metadata of f.
func (f RemoteFile) check(text []byte) (py.Metadata, error) {
	if got := hexSHA256(text); f.SHA256 != "" && got != f.SHA256 {
		return py.Metadata{}, wrongHash(got, f.SHA256)
	}
	m, err := CheckMetadata(f.Package.Name, f.Package.Version.String(), text)
	if err != nil {
		return py.Metadata{}, &badMetadata{fmt.Errorf("not the metadata of %s: %w", f.Package, err)}
	}
	return m, nil
}

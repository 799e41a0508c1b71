package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// JSON first (PEP 691); HTML (PEP 503) from those that have no other.
const acceptPage = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

const (
	// ownAge is how long a listing counts as fresh where the index does not say.
	ownAge = 10 * time.Minute

	// mostAge bounds what an index may say of it.
	mostAge = 24 * time.Hour

	// maxValidator bounds an ETag or a date that is kept.
	maxValidator = 1 << 10
)

// Validators are what an index said of a listing so that it can be asked later
// whether it changed (RFC 9110, 8.8).
type Validators struct{ ETag, LastModified string }

// A Listed is an index's answer about a project.
type Listed struct {
	// Page is the project's page; empty if NotModified.
	Page Page

	// NotModified reports that the listing of the validators is still true.
	NotModified bool

	Validators Validators

	// Fresh is how long the index need not be asked again.
	Fresh time.Duration
}

// Listing asks for a project's page, whatever the cache has, unless it is still
// the one that validators are of. The error is ErrAbsent if the index has no
// such project.
func (c *Client) Listing(ctx context.Context, name py.Name, known Validators) (Listed, error) {
	a, err := c.askPage(ctx, name, known)
	if err != nil {
		return Listed{}, err
	}
	listed := Listed{
		Validators: Validators{validator(a.header, "ETag"), validator(a.header, "Last-Modified")},
		Fresh:      freshFor(a.header),
	}
	if a.status == http.StatusNotModified {
		listed.NotModified = true
		if listed.Validators == (Validators{}) {
			listed.Validators = known
		}
		return listed, nil
	}
	listed.Page, err = c.decodePage(name, a)
	if err != nil {
		return Listed{}, fmt.Errorf("%s: %w", redact(c.pageURL(name)), err)
	}
	return listed, nil
}

func (c *Client) pageURL(name py.Name) *url.URL { return c.index.JoinPath(string(name) + "/") }

// errNoPage reports an answer that is no project page in a form that is known.
var errNoPage = errors.New("serves neither PEP 691 JSON nor PEP 503 HTML")

// askPage asks for a project's page.
func (c *Client) askPage(ctx context.Context, name py.Name, known Validators) (*answer, error) {
	at := c.pageURL(name)
	a, err := c.ask(ctx, request{subject: forListing, url: at, accept: acceptPage, limit: MaxDocument, known: known})
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotAcceptable {
		return nil, fmt.Errorf("%s: %w", redact(at), errNoPage)
	}
	return a, err
}

// decodePage decodes an answer that is a page. As many at once as can be worked
// on: each takes several times its size.
func (c *Client) decodePage(name py.Name, a *answer) (Page, error) {
	c.decode <- struct{}{}
	defer func() { <-c.decode }()
	return decodePage(name, a.header.Get("Content-Type"), a.body, redact(a.url))
}

// decodePage decodes a page in the form that its media type names.
func decodePage(name py.Name, media string, text []byte, base string) (Page, error) {
	switch {
	case isMedia(media, "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json"):
		return DecodePage(name, text, base)
	case isMedia(media, "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html", "text/html"):
		return DecodeHTML(name, text, base)
	}
	return Page{}, fmt.Errorf("%w (its answer is %q)", errNoPage, clip(media))
}

// validator returns a header that is sent back as it came.
func validator(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxValidator {
		return v
	}
	return ""
}

// freshFor says how long an answer is fresh: max-age less the time it spent in
// caches on the way (RFC 9111, 4.2), or ownAge if the index does not say.
func freshFor(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(h.Get("Cache-Control")), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch key {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return 0
			}
			spent, _ := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31) // absent or malformed: none
			age := time.Duration(seconds)*time.Second - time.Duration(spent)*time.Second
			return min(max(age, 0), mostAge)
		}
	}
	return ownAge
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A linkPage is an HTML page that links to wheels and sdists of any projects
// (pip's --find-links with a URL), read as an index. It is asked for once a run,
// when the first project is.
//
// A page that is not there, or is no page of links, leaves open what it was to
// have: every project is unknown then, never absent, since the next index might
// have a stranger's project of the same name.
type linkPage struct {
	client *Client
	url    *url.URL
	origin string

	read  sync.Once
	pages map[py.Name]*Page
	fresh time.Duration
	err   error
}

// isPageURL reports whether a place to find links is a page rather than a directory.
func isPageURL(place string) bool {
	scheme, _, ok := strings.Cut(place, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

func newLinkPage(place string, o ClientOptions) (*linkPage, error) {
	at, err := parseURL("the URL of find-links", place)
	if err != nil {
		return nil, err
	}
	o.Index = place
	client, err := NewClient(o)
	if err != nil {
		return nil, err
	}
	at.User, at.Fragment, at.RawFragment = nil, "", ""
	return &linkPage{client: client, url: at, origin: Origin(place)}, nil
}

const acceptHTML = "text/html, application/xhtml+xml;q=0.9"

// fetch asks for the page and sorts what it links to by project.
func (l *linkPage) fetch(ctx context.Context) error {
	fail := func(err error) error { return fmt.Errorf("find-links: %w", err) }
	a, err := l.client.ask(ctx, request{subject: forListing, url: l.url, accept: acceptHTML, limit: MaxDocument})
	switch {
	case errors.Is(err, ErrAbsent):
		return fail(fmt.Errorf("%s: there is no such page", redact(l.url))) // not ErrAbsent: see linkPage
	case err != nil:
		return fail(err)
	}
	if media := a.header.Get("Content-Type"); !isMedia(media, "text/html", "application/xhtml+xml") {
		return fail(fmt.Errorf("%s: not an HTML page (its answer is %q)", redact(l.url), clip(media)))
	}
	page, err := decodeLinks(a.body, redact(a.url))
	if err != nil {
		return fail(fmt.Errorf("%s: %w", redact(l.url), err))
	}
	l.fresh = freshFor(a.header)
	l.pages = map[py.Name]*Page{}
	for _, f := range page.Listing.Files {
		name, ok := projectOf(f.Filename)
		if !ok {
			continue // an archive of something else
		}
		p := l.pages[name]
		if p == nil {
			p = &Page{Listing: kb.Listing{Name: name}, Announced: map[string]string{}}
			l.pages[name] = p
		}
		p.Listing.Files = append(p.Listing.Files, f)
		if sum, said := page.Announced[f.Filename]; said {
			p.Announced[f.Filename] = sum
		}
	}
	return nil
}

// list makes the listing of a project.
func (l *linkPage) list(ctx context.Context, name py.Name) (Listed, error) {
	l.read.Do(func() { l.err = l.fetch(ctx) })
	if l.err != nil {
		return Listed{}, l.err
	}
	page := l.pages[name]
	if page == nil {
		return Listed{}, fmt.Errorf("find-links %s: %w", redact(l.url), ErrAbsent)
	}
	return Listed{Page: *page, Fresh: l.fresh}, nil
}

// projectOf is the project whose file has a name.
func projectOf(filename string) (py.Name, bool) {
	if w, err := py.ParseWheelName(filename); err == nil {
		return w.Name, true
	}
	p, err := py.ParseSdistName(filename)
	return p.Name, err == nil
}

// decodeLinks decodes a page of links to files of any projects, each as
// DecodeHTML does.
func decodeLinks(text []byte, base string) (Page, error) {
	at, err := url.Parse(base)
	if err != nil {
		return Page{}, fmt.Errorf("its own URL: %w", err)
	}
	d := htmlPage{Page: Page{Announced: map[string]string{}}, at: at, seen: map[string]bool{}}
	if err := d.read(text); err != nil {
		return Page{}, err
	}
	return d.Page, nil
}

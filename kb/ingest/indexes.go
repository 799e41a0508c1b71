package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// An IndexSpec names an index that a user's files, flags or environment name.
type IndexSpec struct {
	// URL is the URL above the projects' pages, with or without credentials.
	URL string

	// Name is what pins call it; empty if nothing does.
	Name string

	// Explicit reports that it serves the projects pinned to it and no others.
	Explicit bool
}

// Indexes are what is asked for projects, in order: directories of wheels and
// pages of links first, then the indexes as they were given. A project is taken from the first
// that has it, or from the one that it is pinned to, and never from several: a
// stranger who publishes the name of a private project on a later index gains
// nothing, and an index that does not answer is not passed over.
type Indexes struct {
	sources []*source // explicit ones among them
	route   kb.Route
}

// A source is an index, a directory of wheels, or a page of links.
type source struct {
	origin string
	client *Client   // nil: a directory
	links  *linkDir  // nil: not a directory
	page   *linkPage // nil: not a page
}

// Origin returns the URL of an index as documents and locks have it: without
// credentials and without the slash at its end.
func Origin(raw string) string { return strings.TrimSuffix(Redact(raw), "/") }

// NewIndexes makes a client for each index; it sends nothing yet. o is for all
// of them, without Index and Cache. pins say by name which index serves a
// project. An index that is named twice is one, at its first place and with
// the credentials of the first that has any; it is explicit if all are.
// findLinks are directories of wheels and sdists, and URLs of pages that link to
// such.
func NewIndexes(specs []IndexSpec, pins map[py.Name]string, findLinks []string, o ClientOptions) (*Indexes, error) {
	x := &Indexes{route: kb.Route{Pins: map[py.Name]string{}}}
	if o.Transport == nil {
		t, err := NewTransport(TransportOptions{})
		if err != nil {
			return nil, err
		}
		o.Transport = t
	}
	o.Cache = nil // local knowledge is what is kept
	o.Concurrency = max(1, cmp.Or(o.Concurrency, 16))
	slots := make(chan struct{}, o.Concurrency)
	for _, place := range findLinks {
		if err := x.addLinks(place, o, slots); err != nil {
			return nil, err
		}
	}
	names := map[string]string{} // of indexes, to their origins
	for _, spec := range merged(specs) {
		o := own(o)
		o.Index = spec.URL
		client, err := NewClient(o)
		if err != nil {
			return nil, cmp.Or(named(spec.Name, err), err)
		}
		x.share(client, slots)
		s := &source{origin: strings.TrimSuffix(client.Origin(), "/"), client: client}
		if other := x.source(s.origin); other != nil {
			return nil, fmt.Errorf("find-links %s: it is an index as well; name it once", s.origin)
		}
		x.sources = append(x.sources, s)
		if !spec.Explicit {
			x.route.Indexes = append(x.route.Indexes, s.origin)
		}
	}
	for _, spec := range specs {
		if spec.Name != "" {
			names[spec.Name] = Origin(spec.URL)
		}
	}
	for _, project := range slices.Sorted(maps.Keys(pins)) {
		origin, ok := names[pins[project]]
		if !ok {
			return nil, fmt.Errorf("%s is to come from the index %q, which is not declared", project, pins[project])
		}
		x.route.Pins[project] = origin
	}
	return x, nil
}

// addLinks adds a directory or page that links to files.
func (x *Indexes) addLinks(place string, o ClientOptions, slots chan struct{}) error {
	s := new(source)
	var err error
	if isPageURL(place) {
		if s.page, err = newLinkPage(place, own(o)); err != nil {
			return err
		}
		s.origin, s.client = s.page.origin, s.page.client
		x.share(s.client, slots)
	} else {
		if s.links, err = newLinkDir(place); err != nil {
			return err
		}
		s.origin = s.links.origin
	}
	if x.source(s.origin) == nil {
		x.sources = append(x.sources, s)
		x.route.Indexes = append(x.route.Indexes, s.origin)
	}
	return nil
}

// own returns options with a source of chance of their own.
func own(o ClientOptions) ClientOptions {
	if o.Rand != nil {
		o.Rand = rand.New(rand.NewPCG(o.Rand.Uint64(), o.Rand.Uint64()))
	}
	return o
}

// share bounds what all clients do at once: so many requests in all, whatever is
// asked, and so many listings that are decoded.
func (x *Indexes) share(c *Client, slots chan struct{}) {
	c.slots = slots
	if first := x.client(); first != nil {
		c.decode = first.decode
	}
}

// client returns the first client.
func (x *Indexes) client() *Client {
	for _, s := range x.sources {
		if s.client != nil {
			return s.client
		}
	}
	return nil
}

func named(name string, err error) error {
	if name == "" {
		return nil
	}
	return fmt.Errorf("index %q: %w", name, err)
}

// merged returns specs with each index once.
func merged(specs []IndexSpec) []IndexSpec {
	var out []IndexSpec
	for _, spec := range specs {
		i := slices.IndexFunc(out, func(s IndexSpec) bool { return Origin(s.URL) == Origin(spec.URL) && Origin(s.URL) != unreadable })
		if i < 0 {
			out = append(out, spec)
			continue
		}
		out[i].Explicit = out[i].Explicit && spec.Explicit
		if u, err := url.Parse(out[i].URL); err == nil && u.User == nil {
			out[i].URL = spec.URL
		}
	}
	return out
}

// Route says which index serves which project. Directories of wheels are in it
// as file URLs, pages of links by their URL.
func (x *Indexes) Route() kb.Route { return x.route }

// Requests returns how many requests were sent to all indexes.
func (x *Indexes) Requests() int { return x.Sent().Requests() }

// Sent returns the same by what they were for.
func (x *Indexes) Sent() (sent Sent) {
	for _, s := range x.sources {
		if s.client != nil {
			sent = sent.Plus(s.client.Sent())
		}
	}
	return sent
}

func (x *Indexes) source(origin string) *source {
	for _, s := range x.sources {
		if s.origin == origin {
			return s
		}
	}
	return nil
}

// list asks a source for a project. known is what is known of it there, if it
// is a listing; the answer is a listing or Absent.
func (s *source) list(ctx context.Context, name py.Name, known *kb.Document, now func() time.Time) (kb.Document, Page, error) {
	doc := kb.Document{Kind: kb.KindListing, Index: s.origin, Project: name}
	var validators Validators
	if known != nil && known.Kind == kb.KindListing && known.Listing != nil {
		validators = Validators{known.ETag, known.LastModified}
	}
	var listed Listed
	var err error
	if s.links != nil {
		listed, err = s.links.list(name, known)
	} else if s.page != nil {
		listed, err = s.page.list(ctx, name)
	} else {
		listed, err = s.client.Listing(ctx, name, validators)
	}
	doc.Read = now().Unix()
	switch {
	case errors.Is(err, ErrAbsent):
		doc.Kind, doc.Fresh = kb.KindAbsent, doc.Read
		if s.links == nil {
			doc.Fresh += int64(ownAge / time.Second)
		}
		return doc, Page{}, nil
	case err != nil:
		return kb.Document{}, Page{}, err
	}
	doc.ETag, doc.LastModified = listed.Validators.ETag, listed.Validators.LastModified
	doc.Fresh = doc.Read + int64(listed.Fresh/time.Second)
	if listed.NotModified {
		doc.Listing = known.Listing
		return doc, Page{}, nil
	}
	doc.Listing = &listed.Page.Listing
	return doc, listed.Page, nil
}

// metadata reads the metadata of a file.
func (s *source) metadata(ctx context.Context, f RemoteFile) (py.Metadata, []byte, error) {
	if s.links != nil {
		return s.links.metadata(f)
	}
	return s.client.metadata(ctx, f)
}

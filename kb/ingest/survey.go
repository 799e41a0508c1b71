package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A Survey is what an index says of a project when it is asked now, with what a
// Document does not keep.
type Survey struct {
	Document kb.Document // a Listing or Absent
	Faults   []Fault

	// Provenance are the URLs of provenance objects (PEP 740) by the names of the
	// files they are of. Nil means that the index does not say: its page is HTML,
	// or it is no index but a place that has files.
	Provenance map[string]string
}

// Survey asks the index with this origin for a project, whatever is known of it.
func (x *Indexes) Survey(ctx context.Context, origin string, name py.Name, now func() time.Time) (Survey, error) {
	s := x.source(origin)
	if s == nil {
		return Survey{}, fmt.Errorf("%s is not among the indexes", origin)
	}
	if s.client == nil || s.page != nil {
		doc, page, err := s.list(ctx, name, nil, now)
		return Survey{Document: doc, Faults: page.Faults}, err
	}
	doc := kb.Document{Kind: kb.KindListing, Index: s.origin, Project: name}
	a, err := s.client.askPage(ctx, name, Validators{})
	doc.Read = now().Unix()
	if errors.Is(err, ErrAbsent) {
		doc.Kind, doc.Fresh = kb.KindAbsent, doc.Read+int64(ownAge/time.Second)
		return Survey{Document: doc, Provenance: map[string]string{}}, nil
	}
	if err != nil {
		return Survey{}, err
	}
	page, err := s.client.decodePage(name, a)
	if err != nil {
		return Survey{}, fmt.Errorf("%s: %w", redact(s.client.pageURL(name)), err)
	}
	doc.ETag, doc.LastModified = validator(a.header, "ETag"), validator(a.header, "Last-Modified")
	doc.Fresh = doc.Read + int64(freshFor(a.header)/time.Second)
	doc.Listing = &page.Listing
	return Survey{doc, page.Faults, provenanceURLs(a)}, nil
}

// provenanceURLs are those that a page in JSON has. The reader of pages does not
// keep them, because nobody else asks.
func provenanceURLs(a *answer) map[string]string {
	var page struct {
		Files []struct {
			Filename   string          `json:"filename"`
			Provenance json.RawMessage `json:"provenance"`
		} `json:"files"`
	}
	if isMedia(a.header.Get("Content-Type"), "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html", "text/html") ||
		json.Unmarshal(a.body, &page) != nil {
		return nil
	}
	urls := map[string]string{}
	for _, f := range page.Files {
		var text string
		if len(f.Provenance) == 0 || json.Unmarshal(f.Provenance, &text) != nil || text == "" {
			continue
		}
		if at, err := resolveURL(a.url, text); err == nil && at != "" {
			urls[f.Filename] = at
		}
	}
	return urls
}

// Provenance asks for a provenance object that the index with this origin
// announced. The error is ErrAbsent if there is none.
func (x *Indexes) Provenance(ctx context.Context, origin, rawURL string) ([]byte, error) {
	s := x.source(origin)
	if s == nil || s.client == nil {
		return nil, fmt.Errorf("%s is not among the indexes", origin)
	}
	at, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("the URL of a provenance object is malformed")
	}
	if s.client.index.Scheme == "https" && at.Scheme == "http" {
		return nil, fmt.Errorf("%s: an index on https names a provenance object on http, which is refused", redact(at))
	}
	a, err := s.client.ask(ctx, request{
		subject: forMetadata, url: at, limit: maxProvenance,
		accept: "application/vnd.pypi.integrity.v1+json, application/json;q=0.5",
	})
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

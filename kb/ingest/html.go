package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// DecodeHTML decodes a project's page in the HTML form of PEP 503 with the
// additions of PEP 592 (yanked), 629 (version), 658 and 714 (metadata), 708
// (tracks), 740 (provenance) and 792 (status). base is the URL it was read from. Sizes and upload
// times are not part of that form.
//
// Every anchor whose href ends in the name of a wheel or sdist is a file; other
// anchors are not, since a page may link to anything. A page of a newer major
// version, or one in which there is no HTML at all, is an error. What is
// malformed otherwise is a fault and the rest is used, as with DecodePage.
func DecodeHTML(name py.Name, text []byte, base string) (Page, error) {
	if len(text) > MaxDocument {
		return Page{}, fmt.Errorf("page of %s: larger than %d bytes", name, MaxDocument)
	}
	at, err := url.Parse(base)
	if err != nil {
		return Page{}, fmt.Errorf("page of %s: its own URL: %w", name, err)
	}
	d := htmlPage{
		Page: Page{Listing: kb.Listing{Name: name}, Announced: map[string]string{}},
		at:   at,
		seen: map[string]bool{},
	}
	if err := d.read(text); err != nil {
		return Page{}, fmt.Errorf("page of %s: %w", name, err)
	}
	d.Page.status(d.state)
	return d.Page, nil
}

// htmlPage is a page in the making.
type htmlPage struct {
	Page
	at    *url.URL // what relative URLs are relative to
	based bool     // a <base> was read: the first one counts
	state *status
	seen  map[string]bool // files
	named bool            // as the page of an index
}

// read reads tag by tag. Nothing of the text between tags matters: the name of
// a file is in its URL.
func (d *htmlPage) read(text []byte) error {
	z := html.NewTokenizer(bytes.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken: // the end, or a tag without one
			if len(d.seen) == 0 && !d.named {
				return errors.New("an HTML page that lists no file and is not marked as that of a project (to log in, maybe)")
			}
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			if err := d.tag(z); err != nil {
				return err
			}
		}
	}
}

// tag takes what a tag says.
func (d *htmlPage) tag(z *html.Tokenizer) error {
	word, more := z.TagName()
	kind := atom.Lookup(word)
	if kind != atom.A && kind != atom.Meta && kind != atom.Base {
		return nil
	}
	values := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		values[string(key)] = string(value) // of two of a name the tokenizer gives the first
	}
	switch kind {
	case atom.Base:
		if at, err := d.at.Parse(values["href"]); err == nil && values["href"] != "" && !d.based {
			d.at, d.based = at, true
		}
		return nil
	case atom.Meta:
		return d.meta(values["name"], values["content"])
	}
	d.anchor(values)
	return nil
}

// meta takes one <meta>.
func (d *htmlPage) meta(name, content string) error {
	name = strings.ToLower(name)
	d.named = d.named || strings.HasPrefix(name, "pypi:")
	switch name {
	case "pypi:repository-version":
		return meta{Version: content}.check()
	case "pypi:project-status":
		d.state = &status{Status: content}
	case "pypi:project-status-reason":
		if d.state != nil {
			d.state.Reason = content
		}
	case "pypi:tracks":
		d.track(content)
	}
	return nil
}

// anchor takes one <a>.
func (d *htmlPage) anchor(values map[string]string) {
	href := strings.TrimSpace(values["href"])
	u, err := url.Parse(href)
	if err != nil {
		d.fault(string(d.Listing.Name), "an href that is no URL")
		return
	}
	name := path.Base(u.Path)
	if !hasSuffix(name, ".whl", ".tar.gz", ".zip") {
		return
	}
	if d.seen[name] {
		d.fault(name, "listed more than once; the first is used")
		return
	}
	if len(d.seen) == maxFiles {
		d.fault(name, "more than %d files; the rest is left out", maxFiles)
		return
	}
	d.seen[name] = true
	f := file{Filename: name, URL: href, RequiresPython: values["data-requires-python"], Provenance: values["data-provenance"]}
	if kind, sum, ok := strings.Cut(u.Fragment, "="); ok && kind == "sha256" {
		f.Hashes.sha256 = strings.TrimSpace(sum)
	}
	f.Yanked.reason, f.Yanked.is = values["data-yanked"]
	for _, attribute := range []string{"data-core-metadata", "data-dist-info-metadata"} {
		if value, said := values[attribute]; said {
			f.CoreMetadata = htmlAnnouncement(value)
			break
		}
	}
	d.file(&f, d.at)
}

// htmlAnnouncement reads "true" or "sha256=…" (PEP 658, 714).
func htmlAnnouncement(value string) announcement {
	a := announcement{said: true, is: value != "false"}
	if sum, ok := strings.CutPrefix(value, "sha256="); ok && isSHA256(strings.ToLower(sum)) {
		a.sha256 = strings.ToLower(sum)
	}
	return a
}

func hasSuffix(name string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

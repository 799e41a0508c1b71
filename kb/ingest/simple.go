package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// Bounds of what an index may say. The largest listing of the public index is
// about 10 MB; file names there are at most 255 bytes.
const (
	MaxDocument = 64 << 20 // bytes of one listing or of the list of projects

	maxText     = 4 << 10 // bytes of one text of a listing
	maxFilename = 255
	maxFiles    = 1 << 20 // entries of one listing
	maxSize     = 1 << 40 // bytes of one file
)

// A Page is one project's page of an index, decoded.
type Page struct {
	// Listing has everything but Metadata, which a page does not hold.
	Listing kb.Listing

	// Announced holds the names of the files whose METADATA the index says it
	// serves at the file's URL plus ".metadata" (PEP 658, 714), and the sha256
	// of that text where it gives one, else "".
	Announced map[string]string

	// Tracks are the pages of other indexes that this one says are of the same
	// project (PEP 708), without credentials. They are noted and nothing more: a
	// name is taken from the first index that has it, whatever that index or a
	// later one says of the other, and no two listings are ever merged.
	Tracks []string

	// Ignored is how many of the page's versions (PEP 700) are not versions.
	Ignored int

	// Faults are the parts of the page that were left out.
	Faults []Fault
}

// DecodePage decodes a project's page in the JSON form of PEP 691 with the
// additions of PEP 592 (yanked), 658 and 714 (metadata), 700 (versions, size,
// upload time), 740 (provenance) and 792 (status). base is the URL it was read from, against
// which relative URLs are resolved; if it is empty, files with a relative URL
// have none.
//
// A page that is not JSON, is of another project or of a newer major version
// is an error. A malformed entry is a fault and the rest is used: a file whose
// name or yanked mark cannot be read is left out, of any other value only the
// value is.
func DecodePage(name py.Name, text []byte, base string) (Page, error) {
	if len(text) > MaxDocument {
		return Page{}, fmt.Errorf("page of %s: larger than %d bytes", name, MaxDocument)
	}
	var at *url.URL
	if base != "" {
		var err error
		if at, err = url.Parse(base); err != nil {
			return Page{}, fmt.Errorf("page of %s: its own URL: %w", name, err)
		}
	}
	page := Page{Listing: kb.Listing{Name: name}, Announced: map[string]string{}}
	doc, ok := fastDocument(text)
	if !ok {
		doc = document{}
		if err := decode(text, &doc, &page, string(name)); err != nil {
			return Page{}, fmt.Errorf("page of %s: %w", name, err)
		}
	}
	if err := doc.Meta.check(); err != nil {
		return Page{}, fmt.Errorf("page of %s: %w", name, err)
	}
	if doc.Name != "" && py.NormalizeName(doc.Name) != name {
		return Page{}, fmt.Errorf("page of %s: it is the page of %q", name, clip(doc.Name))
	}
	if len(doc.Files) > maxFiles || len(doc.Versions) > maxFiles {
		return Page{}, fmt.Errorf("page of %s: more than %d entries", name, maxFiles)
	}
	for _, text := range doc.Meta.Tracks {
		page.track(text)
	}
	page.Listing.Files = make([]py.File, 0, len(doc.Files))
	seen := make(map[string]bool, len(doc.Files))
	for i := range doc.Files {
		f := &doc.Files[i]
		if seen[f.Filename] {
			page.fault(f.Filename, "listed more than once; the first is used")
			continue
		}
		seen[f.Filename] = true
		page.file(f, at)
	}
	for _, text := range doc.Versions {
		v, err := py.ParseVersion(text)
		if err != nil || len(v.String()) > maxFilename {
			page.Ignored++
			continue
		}
		page.Listing.Versions = append(page.Listing.Versions, v)
	}
	page.status(doc.Status)
	return page, nil
}

// DecodeProjects decodes an index's list of projects (PEP 691). Names that are
// not names are faults; the rest is in the order of the list, each once.
func DecodeProjects(text []byte) ([]py.Name, []Fault, error) {
	if len(text) > MaxDocument {
		return nil, nil, fmt.Errorf("list of projects: larger than %d bytes", MaxDocument)
	}
	var doc struct {
		Meta     meta `json:"meta"`
		Projects []struct {
			Name string `json:"name"`
		} `json:"projects"`
	}
	var page Page
	if err := decode(text, &doc, &page, "list of projects"); err != nil {
		return nil, nil, fmt.Errorf("list of projects: %w", err)
	}
	if err := doc.Meta.check(); err != nil {
		return nil, nil, fmt.Errorf("list of projects: %w", err)
	}
	var names []py.Name
	seen := map[py.Name]bool{}
	for _, p := range doc.Projects {
		name, err := py.ParseName(p.Name)
		switch {
		case err != nil:
			page.fault("list of projects", "%q is not a name", clip(p.Name))
		case len(name) > maxFilename:
			page.fault("list of projects", "a name is longer than %d bytes", maxFilename)
		case !seen[name]:
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, page.Faults, nil
}

// The wire form. Texts that an index may leave out or set to null are plain:
// both decode as "".
type (
	document struct {
		Meta     meta     `json:"meta"`
		Name     string   `json:"name"`
		Status   *status  `json:"project-status"`
		Files    []file   `json:"files"`
		Versions []string `json:"versions"`
	}
	meta struct {
		Version string   `json:"api-version"`
		Tracks  []string `json:"tracks"`
	}
	status struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	file struct {
		Filename       string       `json:"filename"`
		URL            string       `json:"url"`
		Hashes         hashes       `json:"hashes"`
		RequiresPython string       `json:"requires-python"`
		Size           int64        `json:"size"`
		Uploaded       string       `json:"upload-time"`
		Yanked         yanked       `json:"yanked"`
		CoreMetadata   announcement `json:"core-metadata"`
		DistInfo       announcement `json:"dist-info-metadata"`
		Provenance     string       `json:"provenance"`
	}
)

// check refuses a document of another major version, as PEP 629 demands.
func (m meta) check() error {
	switch major, _, _ := strings.Cut(m.Version, "."); major {
	case "1":
		return nil
	case "":
		return errors.New("no meta.api-version: not an answer of a package index")
	default:
		return fmt.Errorf("API version %q, only 1.x can be read", clip(m.Version))
	}
}

// yanked is a boolean, or the reason (PEP 592).
type yanked struct {
	is, bad bool
	reason  string
}

// UnmarshalJSON never fails, so that one bad mark costs one file.
func (y *yanked) UnmarshalJSON(text []byte) error {
	*y = yanked{}
	switch {
	case bytes.Equal(text, []byte("true")):
		y.is = true
	case bytes.Equal(text, []byte("false")), bytes.Equal(text, []byte("null")):
	case json.Unmarshal(text, &y.reason) == nil:
		y.is = true
	default:
		y.bad = true
	}
	return nil
}

// hashes are hashes by algorithm, of which one is used.
type hashes struct {
	sha256 string
	bad    bool
}

// UnmarshalJSON never fails: a file may do without.
func (h *hashes) UnmarshalJSON(text []byte) error {
	var all map[string]string
	*h = hashes{bad: json.Unmarshal(text, &all) != nil}
	if !h.bad {
		h.sha256 = all["sha256"]
	}
	return nil
}

// announcement is a boolean, or hashes of the metadata (PEP 714).
type announcement struct {
	said, is bool
	sha256   string
}

// UnmarshalJSON never fails: what cannot be read announces nothing.
func (a *announcement) UnmarshalJSON(text []byte) error {
	*a = announcement{said: true}
	var hashes map[string]string
	switch {
	case bytes.Equal(text, []byte("true")):
		a.is = true
	case bytes.Equal(text, []byte("false")):
	case bytes.Equal(text, []byte("null")):
		a.said = false
	case json.Unmarshal(text, &hashes) == nil:
		a.is = true
		if sum := strings.ToLower(hashes["sha256"]); isSHA256(sum) {
			a.sha256 = sum
		}
	}
	return nil
}

// decode reads one JSON document. A value of a wrong type is a fault: the
// decoder leaves it out and reads on.
func decode(text []byte, into any, page *Page, where string) error {
	err := json.Unmarshal(text, into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		page.fault(where, "a JSON %s where %s should be a %v (and maybe more)", wrong.Value, wrong.Field, wrong.Type)
		return nil
	}
	return err
}

// file adds one entry of the listing.
func (p *Page) file(f *file, at *url.URL) {
	name := f.Filename
	switch {
	case name == "" || len(name) > maxFilename || name[0] == '.' || strings.ContainsAny(name, `/\`) ||
		strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name || !utf8.ValidString(name):
		p.fault(string(p.Listing.Name), "%q is not a file name", clip(name))
		return
	case f.Yanked.bad:
		p.fault(name, "yanked is neither a boolean nor a text")
		return
	case len(f.RequiresPython) > maxText || len(f.Yanked.reason) > maxText || len(f.URL) > maxText || len(f.Provenance) > maxText:
		p.fault(name, "a text longer than %d bytes", maxText)
		return
	}
	if f.Hashes.bad {
		p.fault(name, "hashes is not an object of texts")
	}
	out := py.File{
		Filename:       name,
		RequiresPython: f.RequiresPython,
		Yanked:         f.Yanked.is,
		YankedReason:   f.Yanked.reason,
	}
	if f.Size < 0 || f.Size > maxSize {
		p.fault(name, "size %d", f.Size)
	} else {
		out.Size = f.Size
	}
	if sum := f.Hashes.sha256; isSHA256(sum) {
		out.SHA256 = sum
	} else if sum = strings.ToLower(sum); isSHA256(sum) {
		out.SHA256 = sum
	} else if sum != "" {
		p.fault(name, "%q is not a sha256", clip(sum))
	}
	if f.Uploaded != "" {
		// PEP 700: ISO 8601, UTC, up to microseconds.
		if t, err := time.Parse(time.RFC3339Nano, f.Uploaded); err != nil || t.Unix() <= 0 {
			p.fault(name, "upload time %q", clip(f.Uploaded))
		} else {
			out.Uploaded = t.Unix()
		}
	}
	var err error
	if out.URL, err = resolveURL(at, f.URL); err != nil {
		p.fault(name, "URL: %v", err)
	}
	if f.Provenance != "" {
		if out.Provenance, err = resolveURL(at, f.Provenance); err != nil {
			p.fault(name, "provenance URL: %v", err)
		}
	}
	meta := f.CoreMetadata
	if !meta.said {
		meta = f.DistInfo // the older name, for indexes that know no other
	}
	if meta.is {
		p.Announced[name] = meta.sha256
	}
	p.Listing.Files = append(p.Listing.Files, out)
}

// maxTracks bounds what a page may track.
const maxTracks = 100

// track notes one project page that this one tracks.
func (p *Page) track(text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(text) > maxText:
		p.fault(string(p.Listing.Name), "tracks something that is not a URL")
	case len(p.Tracks) == maxTracks:
		p.fault(string(p.Listing.Name), "tracks more than %d pages", maxTracks)
	default:
		p.Tracks = append(p.Tracks, redact(u))
	}
}

// quarantined is the status of a project whose files nobody should install.
const quarantined = "quarantined"

// status notes the project's status once its files are read. Of a quarantined
// project an index offers none (PEP 792); one that does is not followed.
func (p *Page) status(s *status) {
	if s == nil || s.Status == "active" {
		return
	}
	if len(s.Status) > maxFilename || len(s.Reason) > maxText {
		p.fault(string(p.Listing.Name), "a project status longer than %d bytes", maxText)
		return
	}
	p.Listing.Status, p.Listing.StatusReason = s.Status, s.Reason
	if s.Status == quarantined {
		p.Listing.Files, p.Announced = nil, map[string]string{}
	}
}

func (p *Page) fault(where, format string, args ...any) {
	if len(p.Faults) < maxFaults {
		p.Faults = append(p.Faults, Fault{Where: where, Reason: fmt.Sprintf(format, args...)})
	}
}

// resolveURL gives the absolute form of a file's URL without its fragment (an
// old place for hashes) and without credentials, which are never stored. A
// relative URL without a base has no absolute form and gives "".
func resolveURL(base *url.URL, ref string) (string, error) {
	if isPlainURL(ref) {
		return ref, nil
	}
	u, err := url.Parse(ref)
	if err != nil {
		return "", errors.New("malformed") // the parser's error repeats the URL, with what may be a password
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if ref == "" || !u.IsAbs() {
		return "", nil
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("scheme %q, only http and https are used", clip(u.Scheme))
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	text := u.String()
	if len(text) > maxText || strings.TrimSpace(text) != text || !utf8.ValidString(text) {
		return "", errors.New("malformed")
	}
	return text, nil
}

// isPlainURL reports whether a text is an https URL that parsing and printing
// would not change, as most are.
func isPlainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok || rest == "" || rest[0] == '/' || strings.Contains(rest, "/.") {
		return false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '/', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// isSHA256 reports whether s is 64 lower-case hex digits.
func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// clip shortens a text of a stranger for an error message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

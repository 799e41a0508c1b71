package kb

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Digest is what a document is called by its content: the SHA-256, in hex, of
// all that it says in normal form. What does not matter is not in it: the order
// of files, the body of METADATA, the fields of other kinds. It fails for a
// document that Learn refuses.
func (d Document) Digest() (string, error) {
	a, err := newAnswer(d)
	if err != nil {
		return "", err
	}
	if err := (&learnt{answer: a}).pack(); err != nil {
		return "", err
	}
	return hex.EncodeToString(a.digest[:]), nil
}

// An answer is a document in normal form, checked, as far as that can be done
// without making releases of it.
type answer struct {
	key
	kind               DocumentKind
	version            py.Version
	read, fresh        int64
	etag, lastModified string
	reason             string
	listing            *Listing // with files and versions in order
	metadata           *py.Metadata
	content            []byte // of a listing its text, of metadata its header part

	sum, digest [sha256.Size]byte // of content, of all
}

// A key is what at most one document is kept of.
type key struct {
	name    py.Name
	origin  string
	version string // py.Version.Key in hex; empty for a project
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.name, o.name), cmp.Compare(k.origin, o.origin), cmp.Compare(k.version, o.version))
}

// newAnswer brings a document into normal form, or refuses it.
func newAnswer(d Document) (*answer, error) {
	a := &answer{kind: d.Kind, read: d.Read}
	a.name, a.origin = d.Project, trimIndex(d.Index)
	fail := func(err error) (*answer, error) {
		return nil, fmt.Errorf("%.20s of %.80s: %w", d.Kind, d.Project, err)
	}
	if name, err := py.ParseName(string(d.Project)); err != nil || name != d.Project || len(name) > maxName {
		return fail(errors.New("not a normalised name"))
	}
	if err := checkIndex(a.origin); err != nil {
		return fail(err)
	}
	if d.Read <= 0 || d.Read > maxNumber || d.Fresh < 0 || d.Fresh > maxNumber {
		return fail(fmt.Errorf("read %d, fresh until %d", d.Read, d.Fresh))
	}
	if err := a.fill(d); err != nil {
		return fail(err)
	}
	if len(a.content) > maxContent {
		return fail(fmt.Errorf("more than %d bytes", maxContent))
	}
	a.sum = sha256.Sum256(a.content)
	a.digest = a.hash()
	return a, nil
}

// fill takes from d what its kind has.
func (a *answer) fill(d Document) (err error) {
	switch d.Kind {
	case KindListing:
		if d.Listing == nil || d.Listing.Name != d.Project || len(d.Listing.Metadata) > 0 {
			return errors.New("it needs a listing of this project, without metadata")
		}
		a.fresh, a.etag, a.lastModified = d.Fresh, validator(d.ETag), validator(d.LastModified)
		if a.listing, err = normalListing(d.Listing); err != nil {
			return err
		}
		a.content = appendListing(nil, a.listing)
		return nil
	case KindAbsent:
		a.fresh = d.Fresh
		return nil
	case KindMetadata, KindUnreadable:
	default:
		return errors.New("a document of no known kind")
	}

	if n := len(d.Version.String()); n == 0 || n > maxVersion {
		return fmt.Errorf("a version of %d bytes, the limit is %d", n, maxVersion)
	}
	a.version = d.Version
	a.key.version = hex.EncodeToString([]byte(d.Version.Key()))
	if d.Kind == KindUnreadable {
		a.reason = clean(d.Reason)
		if len(a.reason) > maxText {
			return fmt.Errorf("a reason of more than %d bytes", maxText)
		}
		return nil
	}
	a.content = headerPart(d.Metadata)
	m, err := py.ParseMetadata(a.content)
	switch {
	case err != nil:
		return err
	case py.NormalizeName(m.Name) != d.Project || m.Version.Compare(d.Version) != 0:
		return fmt.Errorf("the metadata of %.80s is that of %.80s %.80v", d.Version, m.Name, m.Version)
	}
	if err := CheckMetadata(&m); err != nil {
		return err
	}
	a.metadata = &m
	return nil
}

// hash is the digest of an answer: its fields, each as in contentDigest.
func (a *answer) hash() [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte("thamos document\n"))
	for _, s := range []string{string(a.kind), a.origin, string(a.name), a.version.String(), a.etag, a.lastModified, a.reason} {
		hashBytes(h, 's', []byte(s))
	}
	for _, n := range []int64{a.read, a.fresh} {
		h.Write(binary.BigEndian.AppendUint64([]byte{'i'}, uint64(n)))
	}
	hashBytes(h, 'b', a.sum[:])
	return [sha256.Size]byte(h.Sum(nil))
}

// A standing is what decides between two documents of one key.
type standing struct {
	read   int64
	kind   DocumentKind
	digest [sha256.Size]byte
	sum    [sha256.Size]byte
}

func (a *answer) standing() standing { return standing{a.read, a.kind, a.digest, a.sum} }

// beats reports whether s replaces t: it is newer, or if both were read in the
// same second says more than that there is nothing, or has the greater digest.
// That is an order, so it does not matter which of them came first.
func (s standing) beats(t standing) bool {
	return cmp.Or(cmp.Compare(s.read, t.read), cmp.Compare(s.says(), t.says()), bytes.Compare(s.digest[:], t.digest[:])) > 0
}

// says is 1 for a document that says what is there.
func (s standing) says() int {
	if s.kind == KindListing || s.kind == KindMetadata {
		return 1
	}
	return 0
}

// trimIndex is the URL of an index in the one way in which it is compared.
func trimIndex(index string) string { return strings.TrimRight(index, "/") }

// checkIndex refuses what does not name an index, and above all credentials.
func checkIndex(index string) error {
	u, err := url.Parse(index)
	if err != nil || u.Scheme == "" || len(index) > maxText || index != clean(index) {
		return errors.New("the index is not a URL")
	}
	if u.User != nil {
		return errors.New("the URL of the index holds credentials")
	}
	return nil
}

// validator is an ETag or Last-Modified, or nothing if it cannot be kept: then
// the next question has no condition.
func validator(s string) string {
	if len(s) > maxText || s != clean(s) {
		return ""
	}
	return s
}

// headerPart is METADATA up to its first empty line, which py.ParseMetadata
// reads no further than.
func headerPart(text []byte) []byte {
	n := 0
	for line := range bytes.Lines(text) {
		if rest := bytes.TrimSuffix(line, []byte("\n")); len(bytes.TrimSuffix(rest, []byte("\r"))) == 0 {
			break
		}
		n += len(line)
	}
	return text[:n]
}

package kb

import "github.com/thamos/thamos/kb/py"

// A Document is one answer of an index, as far as it says something of packages:
// what local knowledge is made of. It is content-addressed: documents with the
// same content have the same digest.
type Document struct {
	Kind DocumentKind

	// Index is the index that answered, its URL without credentials.
	Index string

	Project py.Name

	// Version is the release that a Metadata or Unreadable is of.
	Version py.Version

	// Read is when the index answered, in Unix seconds.
	Read int64

	// Fresh is until when a Listing or Absent need not be asked for again, in
	// Unix seconds.
	Fresh int64

	// ETag and LastModified are the validators that came with a Listing, empty
	// for none.
	ETag, LastModified string

	// Listing is what a Listing says. Its Metadata is empty.
	Listing *Listing

	// Metadata is what a Metadata says: METADATA, of which the header part is
	// enough.
	Metadata []byte

	// Reason says in words why an Unreadable has no metadata.
	Reason string
}

// A DocumentKind says what kind of answer a Document is.
type DocumentKind string

const (
	KindListing    DocumentKind = "listing"    // what the index serves of a project
	KindAbsent     DocumentKind = "absent"     // the index says that it has no such project
	KindMetadata   DocumentKind = "metadata"   // the core metadata of a release
	KindUnreadable DocumentKind = "unreadable" // the index has the release, and no metadata of it can be had
)

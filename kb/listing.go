package kb

import "github.com/thamos/thamos/kb/py"

// A Listing is what an index says of one project together with the metadata
// that was read of its releases: what a Writer takes and a reader of public
// data gives.
type Listing struct {
	Name py.Name

	// Status and StatusReason are the project's status (PEP 792), empty for active.
	Status, StatusReason string

	// Files are all files of the listing, in any order, yanked ones included.
	Files []py.File

	// Versions are releases known to exist although the listing has no file of
	// them that can be read (PEP 700), in any order.
	Versions []py.Version

	// Metadata holds the core metadata that was read, at most one a release.
	Metadata []py.Metadata
}

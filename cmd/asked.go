package cmd

import (
	"fmt"

	"github.com/thamos/thamos/kb/ingest"
)

// askedJSON says what a run asked the indexes for, in the document of advise.
type askedJSON struct {
	Requests int `json:"requests"` // sent, redirects and repetitions included
	Listings int `json:"listings"` // read or found unchanged
	Metadata int `json:"metadata"` // releases whose metadata was read

	// Of Requests, by what they were for.
	ForListings int `json:"requests_for_listings"`
	ForMetadata int `json:"requests_for_metadata"` // served beside a file
	ForFiles    int `json:"requests_for_files"`    // parts of wheels, or whole files

	Unchanged int `json:"unchanged"` // requests for listings that were answered with "not modified"
}

// add adds what one reading asked for.
func (a *askedJSON) add(read ingest.ReadReport) {
	a.Requests += read.Requests
	a.Listings += read.Listings
	a.Metadata += read.Metadata
	a.ForListings += read.Sent.Listings
	a.ForMetadata += read.Sent.Metadata
	a.ForFiles += read.Sent.Files
	a.Unchanged += read.Sent.Unchanged
}

// kinds are the requests by what they were for, for the summary; empty if there
// were none.
func (a *askedJSON) kinds() string {
	if a.Requests == 0 {
		return ""
	}
	return fmt.Sprintf(" (requests for listings %d, of which not modified %d; for metadata %d; for parts of files %d)",
		a.ForListings, a.Unchanged, a.ForMetadata, a.ForFiles)
}

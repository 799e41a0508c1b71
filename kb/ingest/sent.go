package ingest

import "sync/atomic"

// A subject is what a request is for.
type subject uint8

const (
	forListing subject = iota
	forMetadata
	forFile
	subjects
)

// Sent counts the requests that were sent, by what they were for, redirects and
// repetitions included.
type Sent struct {
	Listings int // of projects, and pages of links
	Metadata int // that is served beside a file
	Files    int // wheels and source distributions, or parts of wheels

	// Unchanged is how many of Listings were answered with "not modified".
	Unchanged int
}

// Requests is how many there were.
func (s Sent) Requests() int { return s.Listings + s.Metadata + s.Files }

// Plus is the sum of two counts.
func (s Sent) Plus(o Sent) Sent {
	return Sent{s.Listings + o.Listings, s.Metadata + o.Metadata, s.Files + o.Files, s.Unchanged + o.Unchanged}
}

func (s Sent) minus(o Sent) Sent {
	return Sent{s.Listings - o.Listings, s.Metadata - o.Metadata, s.Files - o.Files, s.Unchanged - o.Unchanged}
}

// A tally counts while requests are under way.
type tally struct {
	sent      [subjects]atomic.Int64
	unchanged atomic.Int64
}

func (t *tally) total() Sent {
	return Sent{
		Listings:  int(t.sent[forListing].Load()),
		Metadata:  int(t.sent[forMetadata].Load()),
		Files:     int(t.sent[forFile].Load()),
		Unchanged: int(t.unchanged.Load()),
	}
}

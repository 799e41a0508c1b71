package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A Lookup is what earlier runs learnt. It must be safe for concurrent use.
type Lookup interface {
	// Listing returns the newest Listing or Absent of a project of an index; not
	// ok if there is none.
	Listing(ctx context.Context, index string, name py.Name) (doc kb.Document, ok bool, err error)
}

// ReaderOptions say what a Reader reads and where it puts that. Indexes,
// Environment, Local, Now and Learn must be set.
type ReaderOptions struct {
	Indexes     *Indexes
	Environment *py.Environment
	Local       Lookup

	// Requires returns what a release needs if that is known already, else nil:
	// its metadata is not asked for, and what it needs is prefetched. It must be
	// safe for concurrent use. Nil: nothing is known.
	Requires func(name py.Name, v py.Version) *py.Requires

	// RequiresIndex is the origin of the index that Requires speaks of: of a
	// project that another index serves it says nothing. Empty: of all.
	RequiresIndex string

	// Built returns what a release needs that has no file whose metadata can be
	// read, if that was learnt by building it, else nil. It must be safe for
	// concurrent use. Nil: nothing was.
	Built func(name py.Name, v py.Version) *py.Requires

	// Now is the clock.
	Now func() time.Time

	// Refresh is how old a listing may be before it is asked for again although
	// its index called it fresh; less than 0: any age. No listing is asked for
	// twice by one Reader.
	Refresh time.Duration

	// Learn keeps documents: every answer goes there as it comes, a few at a
	// time, from one goroutine at a time.
	Learn func([]kb.Document) error

	// Progress, if not nil, is told what was read, and how much of what is known
	// to be needed that makes: total grows on the way. It is called by one
	// goroutine at a time and must not block.
	Progress func(done, total int, what string)

	// Guess says which release of a project will most likely be chosen.
	Guess Guess
}

// A Want is what an answer stands on: a project, or one release of it.
type Want struct {
	// Requirement is the project and what is asked of it: of its releases the
	// one that will most likely be chosen is read as well, and what that one
	// needs, and so on. The marker does not count.
	Requirement py.Requirement

	// Version, if set, is the release whose metadata is wanted.
	Version py.Version
}

// A ReadReport says what one Read learnt and what it did not. All lists are
// sorted by project and release.
type ReadReport struct {
	Listings int // learnt or found unchanged
	Metadata int // learnt
	Requests int // sent, redirects and repetitions included
	Sent     Sent

	// Missing are projects that no index that may serve them has, by their own
	// words.
	Missing []py.Name

	// Unknown is what could not be found out: an index refused or did not
	// answer, or answered what cannot be read. It is not remembered.
	Unknown []Unread

	// Stale are projects whose index did not answer now; what it said earlier
	// counts on.
	Stale []Unread

	// Unreadable are releases that the index has and whose metadata cannot be
	// had. That is learnt.
	Unreadable []Unread

	// Faults are what was malformed in answers that were used otherwise.
	Faults []Fault
}

// An Unread is a project, or if Version is set a release, of which something
// was not read, and why.
type Unread struct {
	Name    py.Name
	Version py.Version
	Index   string // origin of the index that was asked
	Reason  string
}

func (u Unread) String() string {
	if u.Version.IsZero() {
		return string(u.Name) + ": " + u.Reason
	}
	return py.Package{Name: u.Name, Version: u.Version}.String() + ": " + u.Reason
}

// A Reader reads what answers stand on. It remembers what it read, so that the
// calls of one run ask nothing twice; what it failed to read it tries again
// with the next call.
type Reader struct {
	options  ReaderOptions
	tags     *py.Tags
	projects map[py.Name]*heldProject
}

// NewReader returns a Reader that has read nothing.
func NewReader(o ReaderOptions) *Reader {
	return &Reader{options: o, tags: o.Environment.Tags(), projects: map[py.Name]*heldProject{}}
}

// Documents wait to be learnt while more are asked for, since each time costs a
// transaction: so many of them, or listings of so many files.
const (
	learnAtOnce      = 16
	learnAtOnceFiles = 2_000
)

// Read reads wants, and with them what the next answer will most likely stand
// on: of every project the release that Guess prefers among those that all
// requirements met so far admit, and the projects that release needs. All of
// it is learnt when Read returns. Calls must not overlap.
//
// What an index does not give is in the report. The error says that reading as
// a whole ended: ctx is done, Local or Learn failed, or there is no end of
// projects.
func (r *Reader) Read(ctx context.Context, wants []Want) (ReadReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &walk{reader: r, ctx: ctx, nodes: map[py.Name]*node{}, events: make(chan event)}
	before := r.options.Indexes.Sent()
	for _, want := range wants {
		w.want(want)
	}
	var failed error
	for w.running > 0 || w.learning || failed == nil && len(w.pending) > 0 {
		if failed == nil && !w.learning && (w.full() || len(w.pending) > 0 && w.running == 0) {
			w.learn()
		}
		e := <-w.events
		err := e(w)
		if err == nil && len(w.nodes) > maxProjects {
			err = fmt.Errorf("the projects needed are more than %d", maxProjects)
		}
		if err == nil {
			err = ctx.Err()
		}
		if failed == nil && err != nil {
			failed = err
			cancel() // and wait for those that are under way
		}
	}
	w.report.Sent = r.options.Indexes.Sent().minus(before)
	w.report.Requests = w.report.Sent.Requests()
	w.report.sort()
	return w.report, failed
}

func (r *ReadReport) sort() {
	slices.Sort(r.Missing)
	for _, list := range [][]Unread{r.Unknown, r.Stale, r.Unreadable} {
		slices.SortFunc(list, func(a, b Unread) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), a.Version.Compare(b.Version))
		})
	}
	slices.SortFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Reason, b.Reason))
	})
}

// An answered is what the indexes of a project answered.
type answered struct {
	docs    []kb.Document // to be learnt
	project *heldProject
	listed  int // listings among the answers of indexes
	stale   []Unread
	faults  []Fault
	unknown *Unread // project is nil
	err     error   // of Local: reading ends
}

// find asks the indexes that may serve a project, in order, until one has it or
// does not answer. What is known of one and fresh is not asked for.
func (r *Reader) find(ctx context.Context, name py.Name) (found answered) {
	for _, origin := range r.options.Indexes.route.Of(name) {
		s := r.options.Indexes.source(origin)
		doc, ok, err := r.options.Local.Listing(ctx, origin, name)
		if err != nil {
			found.err = err
			return found
		}
		var announced map[string]string
		if !ok || !r.fresh(&doc) {
			var known *kb.Document
			if ok {
				known = &doc
			}
			answer, page, err := s.list(ctx, name, known, r.options.Now)
			switch {
			case err == nil:
				doc, announced = answer, page.Announced
				found.docs = append(found.docs, doc)
				found.listed++
				found.faults = append(found.faults, page.Faults...)
			case ok:
				found.stale = append(found.stale, Unread{Name: name, Index: origin, Reason: err.Error()})
			default:
				found.unknown = &Unread{Name: name, Index: origin, Reason: err.Error()}
				return found
			}
		}
		if doc.Kind == kb.KindListing && doc.Listing != nil {
			found.project = newHeldProject(s, doc.Listing, announced)
			if found.project == nil {
				found = answered{unknown: &Unread{Name: name, Index: origin, Reason: fmt.Sprintf("more than %d files of one release", maxReleaseFiles)}}
			}
			return found
		}
	}
	found.project = &heldProject{name: name}
	return found
}

// fresh reports whether an index need not be asked again.
func (r *Reader) fresh(doc *kb.Document) bool {
	now := r.options.Now().Unix()
	age := now - doc.Read
	return age >= 0 && now < doc.Fresh && (r.options.Refresh < 0 || age < int64(r.options.Refresh/time.Second))
}

// errSourceOnly is why a release without wheels has no metadata.
var errSourceOnly = errors.New("source distribution only; its metadata would need running its code")

// A metadataAnswer is what came of asking for one release's metadata.
type metadataAnswer struct {
	doc   kb.Document
	needs *needs
	err   error
}

// readMetadata asks for the metadata of a release. The document is a Metadata,
// or an Unreadable if err is for ever.
func (r *Reader) readMetadata(ctx context.Context, p *heldProject, rel *heldRelease) (a metadataAnswer) {
	a.doc = kb.Document{Kind: kb.KindMetadata, Index: p.source.origin, Project: p.name, Version: rel.version}
	var bad *badMetadata
	defer func() {
		a.doc.Read = r.options.Now().Unix()
		// ErrAbsent: the index lists the file and says that it does not have it.
		if errors.As(a.err, &bad) || errors.Is(a.err, ErrAbsent) {
			a.doc.Kind, a.doc.Reason = kb.KindUnreadable, a.err.Error()
		}
	}()
	if rel.file == nil {
		a.err = &badMetadata{errNoFile}
		if rel.sdist {
			a.err = &badMetadata{errSourceOnly}
		}
		return a
	}
	m, text, err := p.source.metadata(ctx, *rel.file)
	if err != nil {
		a.err = err
		return a
	}
	a.doc.Metadata, a.needs = headers(text), newNeeds(m.RequiresDist)
	return a
}

var errNoFile = errors.New("the index has no file of it that can be read")

// headers returns the header part of a METADATA.
func headers(text []byte) []byte {
	end := len(text)
	for _, empty := range []string{"\n\n", "\n\r\n"} {
		if i := bytes.Index(text[:end], []byte(empty)); i >= 0 {
			end = i + 1
		}
	}
	return bytes.Clone(text[:end])
}

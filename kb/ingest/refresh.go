package ingest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// RefreshOptions say whom a refresh asks and who hears the answers. All but
// Concurrency and Progress must be set.
type RefreshOptions struct {
	Indexes *Indexes
	Local   Lookup

	// Now is the clock.
	Now func() time.Time

	// Take is given every answer, a few at a time, from one goroutine: what the
	// index says now and what was known of it.
	Take func(context.Context, []kb.Sighting) error

	// Concurrency is how many projects are asked for at once. 0 means 16.
	Concurrency int

	// Progress, if not nil, is told what was asked for. It is called by one
	// goroutine and must not block.
	Progress func(done, total int, what string)
}

// A RefreshReport says what came of a refresh. All lists are sorted.
type RefreshReport struct {
	Asked    int // projects
	Listings int // indexes that serve a project, changed or not
	Sent     Sent

	// Missing are projects that no index that may serve them has, by their own
	// words.
	Missing []py.Name

	// Unknown are projects of which an index refused or failed to tell, or told
	// what cannot be read: nothing is concluded.
	Unknown []Unread

	// Faults are what was malformed in answers that were used otherwise.
	Faults []Fault
}

// Refresh asks the indexes that serve projects what they say now, on condition
// that it is not what was learnt before. That an index has no such project is an
// answer; that it refuses or fails is none, and the indexes after it are not
// asked in its place.
//
// The error says that refreshing as a whole ended: ctx is done, or Local or Take
// failed. What was taken until then is.
func Refresh(ctx context.Context, o RefreshOptions, names []py.Name) (RefreshReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := refresh{options: o, before: o.Indexes.Sent()}
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	jobs, found := make(chan py.Name), make(chan refreshed)
	var workers sync.WaitGroup
	for range min(len(names), max(1, cmp.Or(o.Concurrency, 16))) {
		workers.Go(func() {
			for name := range jobs {
				found <- o.look(ctx, name)
			}
		})
	}
	go func() {
		defer close(found)
		defer workers.Wait()
		defer close(jobs)
		for _, name := range names {
			select {
			case jobs <- name:
			case <-ctx.Done():
				return
			}
		}
	}()
	var failed error
	for f := range found {
		if failed != nil {
			continue // those that are under way come to their end
		}
		if failed = r.take(ctx, f, len(names)); failed != nil {
			cancel()
		}
	}
	if failed == nil {
		failed = cmp.Or(ctx.Err(), r.flush(ctx))
	}
	r.report.Sent = o.Indexes.Sent().minus(r.before)
	r.report.sort()
	return r.report, failed
}

// refresh is one refresh. One goroutine owns it.
type refresh struct {
	options RefreshOptions
	report  RefreshReport
	before  Sent
	pending []kb.Sighting
	files   int // of pending
}

// refreshed is what came of asking for one project.
type refreshed struct {
	name      py.Name
	sightings []kb.Sighting
	listed    bool
	unknown   *Unread
	faults    []Fault
	err       error // of Local
}

// look asks the indexes that may serve a project, in order, until one has it or
// does not answer.
func (o *RefreshOptions) look(ctx context.Context, name py.Name) (found refreshed) {
	found.name = name
	for _, origin := range o.Indexes.route.Of(name) {
		doc, ok, err := o.Local.Listing(ctx, origin, name)
		if err != nil {
			found.err = err
			return found
		}
		var known *kb.Document
		if ok {
			known = &doc
		}
		now, page, err := o.Indexes.source(origin).list(ctx, name, known, o.Now)
		if err == nil && ok && now.Read <= doc.Read {
			now.Read = doc.Read + 1 // a clock that went back must not make this the older answer
		}
		if err == nil {
			_, err = now.Digest() // what cannot be kept was not answered
		}
		if err != nil {
			found.unknown = &Unread{Name: name, Index: origin, Reason: err.Error()}
			return found
		}
		found.sightings = append(found.sightings, kb.Sighting{Now: now, Before: known})
		found.faults = append(found.faults, page.Faults...)
		if found.listed = now.Kind == kb.KindListing; found.listed {
			return found
		}
	}
	return found
}

// take notes what came of one project.
func (r *refresh) take(ctx context.Context, f refreshed, total int) error {
	if f.err != nil {
		return f.err
	}
	if ctx.Err() != nil {
		return ctx.Err() // what was asked for last was not answered for that
	}
	r.report.Asked++
	switch {
	case f.unknown != nil:
		r.report.Unknown = append(r.report.Unknown, *f.unknown)
	case f.listed:
		r.report.Listings++
	case len(f.sightings) > 0:
		r.report.Missing = append(r.report.Missing, f.name)
	}
	if n := maxFaults - len(r.report.Faults); n > 0 {
		r.report.Faults = append(r.report.Faults, f.faults[:min(n, len(f.faults))]...)
	}
	for _, s := range f.sightings {
		r.pending = append(r.pending, s)
		if s.Now.Listing != nil {
			r.files += len(s.Now.Listing.Files)
		}
	}
	if r.options.Progress != nil {
		r.options.Progress(r.report.Asked, total, string(f.name))
	}
	if len(r.pending) >= learnAtOnce || r.files >= learnAtOnceFiles {
		return r.flush(ctx)
	}
	return nil
}

// flush hands on what waits, in the order of the projects.
func (r *refresh) flush(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	some := r.pending
	r.pending, r.files = nil, 0
	slices.SortFunc(some, func(a, b kb.Sighting) int {
		return cmp.Or(cmp.Compare(a.Now.Project, b.Now.Project), cmp.Compare(a.Now.Index, b.Now.Index))
	})
	return r.options.Take(ctx, some)
}

func (r *RefreshReport) sort() {
	slices.Sort(r.Missing)
	slices.SortFunc(r.Unknown, func(a, b Unread) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Index, b.Index)) })
	slices.SortFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Reason, b.Reason))
	})
}

// Watch is a Take that compares answers with what was seen before, learns them,
// and hands on what changed.
func Watch(local *kb.Local, snapshot *kb.DB, changed func([]kb.Event)) func(context.Context, []kb.Sighting) error {
	return func(ctx context.Context, sightings []kb.Sighting) error {
		events, err := local.See(ctx, snapshot, sightings)
		if err != nil {
			return err
		}
		docs := make([]kb.Document, len(sightings))
		for i, s := range sightings {
			docs[i] = s.Now
		}
		if err := local.Learn(ctx, docs); err != nil {
			return err
		}
		changed(events)
		return nil
	}
}

package cmd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// primarySources are what knowledge can be brought up to date from where nobody
// publishes a knowledge base: archives of advisories, lists of popular projects
// and the user's indexes.
type primarySources struct {
	advisories []string // zips of OSV records by URL or path, or directories
	popular    []string // lists of projects, the most downloaded first, by path

	// projects are asked for; none are all that the snapshot and local knowledge
	// hold. noIndex asks for none.
	projects []py.Name
	noIndex  bool

	kb          string // the snapshot; empty: the synced one, else the embedded one
	concurrency int    // projects asked for at once
}

// A primaryReport says what came of reading primary sources.
type primaryReport struct {
	at      int64 // when it began, in Unix seconds
	events  []kb.Event
	sources []sourceReport
	index   ingest.RefreshReport
	held    int              // projects that are watched
	learnt  map[py.Name]bool // projects whose answers are kept
}

// A sourceReport says what came of reading one source.
type sourceReport struct {
	name       string
	state      string // read, unchanged or unknown
	reason     string // why it is unknown: what it said before counts
	advisories int
	withdrawn  int
	popular    int
	requests   int
	faults     []ingest.Fault
}

// States of a source.
const (
	sourceRead      = "read"
	sourceUnchanged = "unchanged"
	sourceUnknown   = "unknown"
)

// alarms counts the events that everybody should look at.
func (r *primaryReport) alarms() (n int) {
	for _, e := range r.events {
		if e.Severity == kb.Alarm {
			n++
		}
	}
	return n
}

// answered reports whether anybody that was asked said anything.
func (r *primaryReport) answered() bool {
	return r.index.Listings+len(r.index.Missing) > 0 || slices.ContainsFunc(r.sources, func(s sourceReport) bool { return s.state != sourceUnknown })
}

// syncPrimary brings local knowledge up to date from primary sources, and notes
// what changed. A source that cannot be read costs itself: it is in the report,
// and what it said before counts. The error says that all of it ended; the report
// then says what is kept, unless it is nil.
//
// Everything is asked on condition that it changed, so that doing it twice costs
// little and changes nothing.
func syncPrimary(ctx context.Context, env *Env, s primarySources) (_ *primaryReport, err error) {
	k, err := openKnowledge(ctx, env, s.kb, &lockfile.Manifest{}, onlineOptions{online: true, concurrency: s.concurrency})
	if err != nil {
		return nil, err
	}
	defer k.close()
	r := &primaryReport{at: env.Now().Unix(), learnt: map[py.Name]bool{}}
	held, err := k.held(ctx)
	if err != nil {
		return nil, err
	}
	r.held = len(held)
	watched := kb.Watched{Projects: held, Snapshot: k.snapshot.DB}
	for _, place := range s.advisories {
		one, err := k.readAdvisories(ctx, place, watched, r)
		if err != nil {
			return r, err
		}
		r.sources = append(r.sources, one)
	}
	for _, file := range s.popular {
		one, err := k.readPopular(ctx, file)
		if err != nil {
			return r, err
		}
		r.sources = append(r.sources, one)
	}
	if !s.noIndex {
		if err := k.refreshIndex(ctx, s, held, r); err != nil {
			return r, err
		}
	}
	slices.SortFunc(r.events, kb.CompareEvents)
	return r, nil
}

// held are the projects that the snapshot and local knowledge hold.
func (k *knowledge) held(ctx context.Context) ([]py.Name, error) {
	names, err := k.snapshot.Names(ctx)
	if err != nil {
		return nil, err
	}
	learnt, err := k.local.Names(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(names, learnt)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// refreshIndex asks the indexes for projects.
func (k *knowledge) refreshIndex(ctx context.Context, s primarySources, held []py.Name, r *primaryReport) error {
	if len(k.indexes.Route().Indexes) == 0 {
		return usagef("no index: set PIP_INDEX_URL, or use a knowledge base that records its own")
	}
	names := s.projects
	if len(names) == 0 {
		names = held
	}
	bar := newBar(k.env, len(names), "asking")
	defer func() { _ = bar.Clear() }()
	watch := ingest.Watch(k.local, k.snapshot.DB, func(events []kb.Event) { r.events = append(r.events, events...) })
	var err error
	r.index, err = ingest.Refresh(ctx, ingest.RefreshOptions{
		Indexes: k.indexes, Local: k.local, Now: k.now, Concurrency: s.concurrency,
		Take: func(ctx context.Context, seen []kb.Sighting) error {
			if err := watch(ctx, seen); err != nil {
				return err
			}
			for _, s := range seen {
				r.learnt[s.Now.Project] = true
			}
			return nil
		},
		Progress: func(done, _ int, what string) {
			bar.Describe(what)
			_ = bar.Set(done) // a terminal that cannot show it is no reason to stop
		},
	}, names)
	return err
}

// isURL reports whether a place is asked for over a network.
func isURL(place string) bool {
	return strings.HasPrefix(place, "https://") || strings.HasPrefix(place, "http://")
}

// lastTold says what is known of the last time that a source was asked, and what
// time it is for this one: later, even if the clock went back.
func (k *knowledge) lastTold(ctx context.Context, name string) (last kb.LastTold, read int64, err error) {
	last, _, err = k.local.ToldBy(ctx, name)
	return last, max(k.now().Unix(), last.Read+1), err
}

// readAdvisories reads one archive of advisories.
func (k *knowledge) readAdvisories(ctx context.Context, place string, watched kb.Watched, r *primaryReport) (sourceReport, error) {
	name := absolute(k.env, place)
	if isURL(place) {
		name = ingest.Origin(place)
	}
	one := sourceReport{name: name}
	last, read, err := k.lastTold(ctx, name)
	if err != nil {
		return one, err
	}
	stop := progress(k.env, "reading "+name)
	defer stop()
	known := ingest.Validators{ETag: last.ETag, LastModified: last.LastModified}
	var archive ingest.OSVArchive
	if isURL(place) {
		archive, err = ingest.FetchOSV(ctx, place, known, k.client)
	} else {
		archive, err = ingest.ReadOSVFile(ctx, name, known)
	}
	one.requests, one.faults = archive.Requests, archive.Report.Faults
	switch {
	case ctx.Err() != nil:
		return one, ctx.Err()
	case err != nil:
		one.state, one.reason = sourceUnknown, err.Error()
		return one, nil
	case archive.NotModified:
		one.state = sourceUnchanged
		return one, k.local.Unchanged(ctx, name, read)
	}
	events, err := k.local.Tell(ctx, kb.Told{
		Source: kb.Source{Name: name, Notes: "advisories (OSV)"}, Read: read,
		ETag: archive.Validators.ETag, LastModified: archive.Validators.LastModified,
		Advisories: archive.Advisories, Withdrawn: archive.Withdrawn,
	}, watched)
	one.state, one.advisories, one.withdrawn = sourceRead, len(archive.Advisories), len(archive.Withdrawn)
	r.events = append(r.events, events...)
	return one, err
}

// readPopular reads one list of popular projects. A file of the user's that cannot
// be read is the user's to mend.
func (k *knowledge) readPopular(ctx context.Context, file string) (sourceReport, error) {
	one := sourceReport{name: absolute(k.env, file)}
	list, err := popularFile(one.name)
	if err != nil {
		return one, err
	}
	_, read, err := k.lastTold(ctx, one.name)
	if err != nil {
		return one, err
	}
	_, err = k.local.Tell(ctx, kb.Told{
		Source: kb.Source{Name: one.name, Notes: "popular projects"}, Read: read, Popularity: list,
	}, kb.Watched{})
	one.state, one.popular = sourceRead, len(list)
	return one, err
}

// popularFile reads a list of popular projects.
func popularFile(name string) ([]kb.Popular, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	list, err := ingest.ReadPopular(f)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	return list, nil
}

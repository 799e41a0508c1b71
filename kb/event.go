package kb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// An Event is one thing that changed in the world between two looks at it. Events
// are only ever added to local knowledge, each once.
type Event struct {
	At       int64 // when it was noticed, in Unix seconds
	Kind     EventKind
	Severity EventSeverity

	Project py.Name
	Version string // of the release; empty where it is of none, or of all
	Subject string // the file, or the id of the advisory; empty for neither

	Old, New string // what was and what is, in words; see EventKind
	Source   string // the index, or the source of advisories, that says so
}

// An EventSeverity says who should look at an event.
type EventSeverity uint8

const (
	Notice  EventSeverity = iota // nobody must
	Warning                      // whoever uses the project
	Alarm                        // everybody: something may be forged or malicious
)

// String returns the word.
func (s EventSeverity) String() string {
	return [...]string{"notice", "warning", "alarm"}[min(s, Alarm)]
}

// An EventKind says what changed.
type EventKind string

const (
	ReleaseAdded    EventKind = "release-added"    // New: its files, counted
	ReleaseRemoved  EventKind = "release-removed"  // all of its files are gone
	ReleaseReturned EventKind = "release-returned" // one that was removed

	FileAdded    EventKind = "file-added"    // to an older release; New: its sha256
	FileRemoved  EventKind = "file-removed"  // Old: its sha256
	FileReturned EventKind = "file-returned" // New: its sha256
	HashChanged  EventKind = "hash-changed"  // a file of the same name; Old and New: sha256

	Yanked   EventKind = "yanked"   // New: the reason; without a subject the whole release
	Unyanked EventKind = "unyanked" // Old: the reason

	AttestationAdded   EventKind = "attestation-added"   // the index offers provenance of the file
	AttestationRemoved EventKind = "attestation-removed" // the file has no provenance any more

	StatusChanged   EventKind = "status-changed"   // Old and New: status (PEP 792)
	ProjectRemoved  EventKind = "project-removed"  // the index says that it has none
	ProjectReturned EventKind = "project-returned" // it may be somebody else's

	AdvisoryAdded     EventKind = "advisory-added"     // New: severity and versions
	AdvisoryChanged   EventKind = "advisory-changed"   // Old and New: severity and versions
	AdvisoryWithdrawn EventKind = "advisory-withdrawn" // Old: severity and versions

	MoreChanges EventKind = "more-changes" // New: how many changes of a project were not noted one by one
)

// EventKinds lists every kind, in the order in which help prints them.
func EventKinds() []EventKind {
	return []EventKind{
		ReleaseAdded, ReleaseRemoved, ReleaseReturned, FileAdded, FileRemoved, FileReturned, HashChanged, Yanked, Unyanked,
		AttestationAdded, AttestationRemoved, StatusChanged, ProjectRemoved, ProjectReturned,
		AdvisoryAdded, AdvisoryChanged, AdvisoryWithdrawn, MoreChanges,
	}
}

// maxEvents bounds the events of one project at one look: a hostile index could
// make as many as it has files. The most severe are noted.
const maxEvents = 1000

// CompareEvents orders events: oldest first, then by project, release, and the
// rest of what they say.
func CompareEvents(a, b Event) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New), cmp.Compare(a.Severity, b.Severity))
}

// bounded sorts the events of one look at one project and leaves out the least
// severe of too many.
func bounded(events []Event) []Event {
	slices.SortFunc(events, func(a, b Event) int { return cmp.Or(cmp.Compare(b.Severity, a.Severity), CompareEvents(a, b)) })
	if n := len(events); n > maxEvents {
		more := events[maxEvents]
		more.Kind, more.Version, more.Subject, more.Old = MoreChanges, "", "", ""
		more.New = fmt.Sprint(n - maxEvents)
		events = append(events[:maxEvents:maxEvents], more)
	}
	for i, e := range events {
		if normal, err := normalEvent(e); err == nil { // else note says so
			events[i] = normal
		}
	}
	slices.SortFunc(events, CompareEvents)
	return events
}

// hash is the digest of an event: its fields, each as in contentDigest.
func (e *Event) hash() []byte {
	h := sha256.New()
	h.Write([]byte("thamos event\n"))
	for _, s := range []string{string(e.Kind), string(e.Project), e.Version, e.Subject, e.Old, e.New, e.Source} {
		hashBytes(h, 's', []byte(s))
	}
	for _, n := range []int64{e.At, int64(e.Severity)} {
		h.Write(binary.BigEndian.AppendUint64([]byte{'i'}, uint64(n)))
	}
	return h.Sum(nil)
}

// normalEvent brings an event into the form in which it is kept.
func normalEvent(e Event) (Event, error) {
	for _, s := range []*string{&e.Version, &e.Subject, &e.Old, &e.New, &e.Source} {
		if *s = clean(*s); len(*s) > maxText {
			*s = clean((*s)[:maxText])
		}
	}
	if !isWord(string(e.Kind)) || !isName(e.Project) || e.At <= 0 || e.At > maxNumber || e.Severity > Alarm {
		return Event{}, fmt.Errorf("the event %.40q of %.80q is impossible", e.Kind, e.Project)
	}
	return e, nil
}

// note adds events in a transaction; those that are there already stay.
func (l *Local) note(ctx context.Context, tx *sql.Tx, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	add, err := tx.PrepareContext(ctx, `INSERT OR IGNORE INTO event (at, kind, severity, project, version, subject, old, new, source, digest)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close()
	for _, e := range events {
		e, err := normalEvent(e)
		if err != nil {
			return err
		}
		if _, err := add.ExecContext(ctx, e.At, string(e.Kind), int64(e.Severity), string(e.Project), e.Version, e.Subject, e.Old, e.New, e.Source, e.hash()); err != nil {
			return err
		}
	}
	return nil
}

// An EventQuery says which events are wanted. Its zero value wants all.
type EventQuery struct {
	Since    int64     // in Unix seconds: those noticed then or later
	Projects []py.Name // empty: of all
	Kinds    []EventKind
}

// Events returns events, oldest first.
func (l *Local) Events(ctx context.Context, q EventQuery) ([]Event, error) {
	if !l.hasAdded {
		return nil, nil
	}
	conn, err := l.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return l.events(ctx, conn, q)
}

// events reads events, and checks that each is as it was noted.
func (l *Local) events(ctx context.Context, from querier, q EventQuery) ([]Event, error) {
	kinds := make([]string, len(q.Kinds))
	for i, k := range q.Kinds {
		kinds[i] = string(k)
	}
	var events []Event
	err := l.all(ctx, from, "read events",
		`SELECT at, kind, severity, project, version, subject, old, new, source, digest FROM event WHERE at >= ?
		AND (? = 0 OR project IN (SELECT value FROM json_each(?))) AND (? = 0 OR kind IN (SELECT value FROM json_each(?)))`,
		func(rows *sql.Rows) error {
			var e Event
			var severity int64
			var digest sql.RawBytes
			if err := rows.Scan(&e.At, &e.Kind, &severity, &e.Project, &e.Version, &e.Subject, &e.Old, &e.New, &e.Source, &digest); err != nil {
				return err
			}
			e.Severity = EventSeverity(min(max(severity, 0), 255))
			if normal, err := normalEvent(e); err != nil || normal != e || !bytes.Equal(digest, e.hash()) {
				return fmt.Errorf("%w: an event of %.80q is not as it was noted", ErrDamaged, e.Project)
			}
			events = append(events, e)
			return nil
		}, q.Since, len(q.Projects), jsonTexts(textsOf(q.Projects)), len(kinds), jsonTexts(kinds))
	slices.SortFunc(events, CompareEvents)
	return events, err
}

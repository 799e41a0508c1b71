package sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb"
)

// Options say what Sync trusts and accepts. Sources and Now must be set.
type Options struct {
	Sources []Source // asked in turn; the first that has something good counts
	Keys    []Key    // pinned

	// Version is that of this program, for publications that want a newer one.
	Version string

	// Strict refuses a publication that has not kept its promise of an update, and
	// one that has ended.
	Strict bool

	// Again activates also what was rolled back from.
	Again bool

	// BaseOnly fetches no deltas.
	BaseOnly bool

	Now func() time.Time

	// Sleep waits between tries. Nil waits for the time that is asked for.
	Sleep func(ctx context.Context, d time.Duration) error

	// Progress, unless it is nil, is shown what is being done; done and total are
	// bytes, and total is 0 where it takes no telling.
	Progress func(what string, done, total int64)
}

func (o Options) progress(what string, done, total int64) {
	if o.Progress != nil {
		o.Progress(what, done, total)
	}
}

// An Outcome is what came of a Sync.
type Outcome struct {
	Active  *Installed
	Changed bool     // the active snapshot is another one
	Deltas  int      // it was made by so many deltas; 0: of a base, or not at all
	Bytes   int64    // of the base or the deltas that were fetched
	Notes   []string // what the user should know
}

var (
	// ErrReplay reports a publication that is older than one that was seen before.
	ErrReplay = errors.New("older than what was seen before")

	// ErrStale reports a publication that has not kept its promise, or has ended.
	ErrStale = errors.New("out of date")
)

// Sync brings the store to the newest snapshot that the sources have. On error
// the active snapshot stays what it was.
func (s Store) Sync(ctx context.Context, o Options) (Outcome, error) {
	y, done, err := s.begin(ctx, o)
	if err != nil {
		return Outcome{}, err
	}
	defer done()
	var failed []error
	for _, from := range o.Sources {
		err := y.from(ctx, from)
		if err == nil {
			y.Notes = append(faultNotes(failed), y.Notes...)
			return y.Outcome, nil
		}
		if ctx.Err() != nil {
			return Outcome{}, context.Cause(ctx)
		}
		if !strings.Contains(err.Error(), from.Name()) {
			err = fmt.Errorf("%s: %w", from.Name(), err)
		}
		failed = append(failed, err)
	}
	return Outcome{}, errors.Join(failed...)
}

func faultNotes(failed []error) []string {
	var notes []string
	for _, err := range failed {
		notes = append(notes, "passed over: "+err.Error())
	}
	return notes
}

// begin locks the store and reads its record.
func (s Store) begin(ctx context.Context, o Options) (*syncing, func(), error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make a place for snapshots: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, lockName), func() { o.progress("waiting for another sync", 0, 0) })
	if err != nil {
		return nil, nil, err
	}
	y := &syncing{Store: s, Options: o}
	if y.record, err = s.Read(); err != nil {
		if !errors.Is(err, kb.ErrDamaged) {
			unlock()
			return nil, nil, err
		}
		y.record = Record{}
		y.first = append(y.first, fmt.Sprintf("the record of what is active is begun anew, and with it the memory of serials: %v", err))
	}
	return y, unlock, nil
}

// A syncing is one Sync under way.
type syncing struct {
	Store
	Options
	Outcome
	record Record
	first  []string // notes that hold whatever source it is
}

// keys are those pinned, and those that pinned ones have vouched for.
func (y *syncing) keys() []Key {
	keys := append(BuiltInKeys(), y.Keys...)
	for _, a := range y.record.Announced {
		if at := slices.IndexFunc(keys, func(k Key) bool { return k.Verifier == a.By }); at >= 0 {
			keys = append(keys, Key{a.Verifier, keys[at].Until})
		}
	}
	return keys
}

// from syncs from one source.
func (y *syncing) from(ctx context.Context, from Source) error {
	y.Outcome = Outcome{Notes: slices.Clone(y.first)}
	l, i, err := y.latest(ctx, from)
	if err != nil {
		return err
	}
	if err := y.accept(l); err != nil {
		return err
	}
	if r := y.record.Active; r != nil && r.Digest == l.Digest && y.usable(ctx, r) {
		i.File = r.File
		return y.activate(i, l, false)
	}
	if y.record.Refused == l.Digest && !y.Again {
		y.Active = y.record.Active
		y.Notes = append(y.Notes, fmt.Sprintf("the newest snapshot, %.12s, is the one that was rolled back from; --again takes it all the same", l.Digest))
		return nil
	}
	file := "kb-" + l.Digest[:16] + ".db"
	if r := y.record.Previous; r != nil && r.Digest == l.Digest && y.usable(ctx, r) {
		i.File = r.File
		return y.activate(i, l, true)
	}
	if err := y.bring(ctx, from, l, filepath.Join(y.Dir, file)); err != nil {
		return err
	}
	i.File = file
	return y.activate(i, l, true)
}

// latest reads what the newest snapshot is, and verifies it. The two files are
// not replaced at once: where they do not go together, they are read again.
func (y *syncing) latest(ctx context.Context, from Source) (Latest, *Installed, error) {
	y.progress("asking "+from.Name(), 0, 0)
	for try := 1; ; try++ {
		text, signature, err := y.readLatest(ctx, from)
		if err != nil {
			return Latest{}, nil, err
		}
		by, err := verify(latestName, text, signature, y.keys(), y.Now())
		if errors.Is(err, ErrSignature) && try < 3 {
			if err := y.sleep(ctx, time.Duration(try)*lockPause); err != nil {
				return Latest{}, nil, err
			}
			continue
		}
		if err != nil {
			return Latest{}, nil, err
		}
		l, err := decodeLatest(text)
		if err != nil {
			return Latest{}, nil, err
		}
		return l, &Installed{
			Digest: l.Digest, Built: l.Built, Synced: y.Now().UTC().Truncate(time.Second), Source: from.Name(), Stream: l.Stream, Serial: l.Serial,
			Status: l.Status, Published: l.Published, NextUpdate: l.NextUpdate, SignedBy: by, Latest: string(text), Signature: string(signature),
		}, nil
	}
}

func (y *syncing) readLatest(ctx context.Context, from Source) (text, signature []byte, err error) {
	if text, err = read(ctx, from, latestName, maxLatest); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("it has no %s/%s: %w", Version, latestName, err)
		}
		return nil, nil, err
	}
	if isHTML(text) {
		return nil, nil, fmt.Errorf("a web page came instead of %s: is the URL right, and does it need a login?", latestName)
	}
	if signature, err = read(ctx, from, latestName+signatureExt, maxSignature); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s is not signed: %w", latestName, err)
		}
		return nil, nil, err
	}
	if isHTML(signature) {
		return nil, nil, fmt.Errorf("a web page came instead of %s%s: is the URL right, and does it need a login?", latestName, signatureExt)
	}
	return text, signature, nil
}

func (o Options) sleep(ctx context.Context, d time.Duration) error {
	if o.Sleep != nil {
		return o.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// accept refuses a publication that must not be followed, and notes what the user
// should know of one that may.
func (y *syncing) accept(l Latest) error {
	if seen := y.record.Serials[l.Stream]; l.Serial < seen {
		return fmt.Errorf("serial %d of %s is %w (%d): somebody replays it, or a mirror is behind", l.Serial, l.Stream, ErrReplay, seen)
	}
	if a := y.record.Active; a != nil && a.Stream == l.Stream && a.Serial == l.Serial && a.Digest != l.Digest {
		return fmt.Errorf("serial %d of %s is %w: it was another snapshot then", l.Serial, l.Stream, ErrReplay)
	}
	if err := l.readable(y.Version); err != nil {
		return err
	}
	late := ""
	switch {
	case l.Status == EndOfLife:
		late = fmt.Sprintf("%s has ended: no newer snapshots will come", l.Stream)
	case !l.NextUpdate.IsZero() && y.Now().After(l.NextUpdate): // a single file promises nothing
		late = fmt.Sprintf("an update was promised until %s", l.NextUpdate.UTC().Format("2006-01-02 15:04 MST"))
	case l.Status == Deprecated:
		y.Notes = append(y.Notes, fmt.Sprintf("%s is deprecated: look for another source", l.Stream))
	}
	if late != "" && y.Strict {
		return fmt.Errorf("%s is %w: %s", latestName, ErrStale, late)
	}
	if late != "" {
		y.Notes = append(y.Notes, late)
	}
	return nil
}

// usable reports whether a snapshot of the store can be used.
func (y *syncing) usable(ctx context.Context, i *Installed) bool {
	d, err := y.open(ctx, i)
	if err != nil {
		y.Notes = append(y.Notes, fmt.Sprintf("a snapshot that was here is fetched again: %v", err))
		return false
	}
	d.Close() // it was only read
	return true
}

// activate records that a snapshot, which is in the store, is the active one.
func (y *syncing) activate(i *Installed, l Latest, changed bool) error {
	r := y.record
	stat, err := os.Stat(y.Path(i))
	if err != nil {
		return err
	}
	i.Size, i.Changed = stat.Size(), stat.ModTime().UnixNano()
	if changed {
		if r.Active != nil && r.Active.Digest != i.Digest {
			r.Previous = r.Active
		}
		r.Refused = ""
	}
	r.Active = i
	if i.Stream != "" {
		serials := map[string]int64{i.Stream: i.Serial}
		for stream, n := range r.Serials {
			serials[stream] = max(serials[stream], n)
		}
		r.Serials = serials
		y.announce(&r, l)
	}
	if err := y.write(r); err != nil {
		return err
	}
	y.record = r
	y.Active, y.Changed = i, changed
	// Once a snapshot is whole, nothing that was half read is of use.
	if _, _, err := y.collect(r, false, changed); err != nil {
		y.Notes = append(y.Notes, fmt.Sprintf("what is not needed any more stays: %v", err))
	}
	return nil
}

// announce remembers the keys that a publication announces, under a key that is
// pinned itself; what the publication does not announce any more is forgotten.
func (y *syncing) announce(r *Record, l Latest) {
	pinned := append(BuiltInKeys(), y.Keys...)
	by := ""
	for _, k := range pinned {
		if _, err := verify(latestName, []byte(r.Active.Latest), []byte(r.Active.Signature), []Key{k}, y.Now()); err == nil {
			by = k.Verifier
			break
		}
	}
	if by == "" {
		return // signed by an announced key alone: it cannot vouch for others
	}
	known := slices.Clone(r.Announced)
	r.Announced = slices.DeleteFunc(slices.Clone(known), func(a Announced) bool { return a.Stream == l.Stream })
	for _, key := range l.Keys {
		if k, err := ParseKey(key); err != nil || k.Verifier != key || slices.ContainsFunc(pinned, func(k Key) bool { return k.Verifier == key }) {
			continue
		}
		a := Announced{key, by, l.Stream}
		r.Announced = append(r.Announced, a)
		if !slices.Contains(known, a) {
			y.Notes = append(y.Notes, fmt.Sprintf("%s announces the key %s, which is trusted from now on; pin it too, for the old one may be given up", l.Stream, key))
		}
	}
}

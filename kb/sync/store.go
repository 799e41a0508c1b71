package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/thamos/thamos/kb"
)

// A Store is the folder in which a machine keeps what it has synced: the active
// snapshot, the one before it, what was read of the next one, and the record
// that says which is which. Any number of processes may use it.
type Store struct{ Dir string }

// Names in the folder of a Store.
const (
	recordName  = "active.json"
	lockName    = "lock"
	partialName = "partial" // downloads that are not whole
	tempPrefix  = ".sync-"
)

// recordSchema names the form of the record.
const recordSchema = "thamos/kb-active/1"

// A Record says what is active. It is replaced as a whole.
type Record struct {
	Schema   string     `json:"schema"`
	Active   *Installed `json:"active,omitempty"`
	Previous *Installed `json:"previous,omitempty"` // what a roll-back leads to

	// Serials are the highest ones that were seen, by stream. What has a lower one
	// is refused, for somebody may hold back what is new by replaying what is old.
	Serials map[string]int64 `json:"serials,omitempty"`

	// Refused is the digest that was rolled back from: it is not activated again
	// until there is another one.
	Refused string `json:"refused,omitempty"`

	// Announced are keys that publications have announced, under the key that
	// vouched for each.
	Announced []Announced `json:"announced,omitempty"`
}

// An Announced is a verifier key that a trusted one vouched for.
type Announced struct {
	Verifier string `json:"verifier"`
	By       string `json:"by"` // verifier key
	Stream   string `json:"stream"`
}

// An Installed is a snapshot of the store.
type Installed struct {
	File    string `json:"file"` // its name in the folder
	Size    int64  `json:"size"`
	Changed int64  `json:"changed"` // when the file was last changed, in Unix nanoseconds

	Digest string    `json:"digest"`
	Built  time.Time `json:"built"`
	Synced time.Time `json:"synced"`
	Source string    `json:"source"` // where it is from, without credentials

	// What its publication said. Stream is empty if it was not signed.
	Stream     string    `json:"stream,omitempty"`
	Serial     int64     `json:"serial,omitempty"`
	Status     Status    `json:"status,omitempty"`
	Published  time.Time `json:"published,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	SignedBy   []string  `json:"signed_by,omitempty"`

	// Latest and Signature are latest.json as it was signed, to hand it on.
	Latest    string `json:"latest,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// ErrNone reports a store in which nothing was ever synced, or not so often.
var ErrNone = errors.New("no snapshot was synced")

// maxRecord bounds the record, in bytes.
const maxRecord = 8 << 20

// Read reads the record. One that is not there is empty; one that cannot be read
// is an error that wraps kb.ErrDamaged.
func (s Store) Read() (Record, error) {
	r := Record{Schema: recordSchema}
	f, err := os.Open(filepath.Join(s.Dir, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer f.Close()
	text, err := readAtMost(f, maxRecord)
	if err != nil {
		return r, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if err := json.Unmarshal(text, &r); err != nil || r.Schema != recordSchema {
		return r, fmt.Errorf("%s: %w: not a %s", f.Name(), kb.ErrDamaged, recordSchema)
	}
	for _, i := range []*Installed{r.Active, r.Previous} {
		if i != nil && !fileName().MatchString(i.File) {
			return r, fmt.Errorf("%s: %w: it names the file %.80q", f.Name(), kb.ErrDamaged, i.File)
		}
	}
	return r, nil
}

// write replaces the record.
func (s Store) write(r Record) error {
	r.Schema = recordSchema
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(s.Dir, tempPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing to remove
	if _, err := temp.Write(append(text, '\n')); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return place(temp.Name(), filepath.Join(s.Dir, recordName))
}

// Path is where a snapshot of the store lies.
func (s Store) Path(i *Installed) string { return filepath.Join(s.Dir, i.File) }

// Open opens the active snapshot. The error wraps ErrNone if there is none. Its
// content was verified when it was put there; what is looked at now is that the
// file was not changed since.
func (s Store) Open(ctx context.Context) (*kb.DB, *Installed, error) {
	r, err := s.Read()
	if err != nil {
		return nil, nil, err
	}
	if r.Active == nil {
		return nil, nil, ErrNone
	}
	d, err := s.open(ctx, r.Active)
	return d, r.Active, err
}

func (s Store) open(ctx context.Context, i *Installed) (*kb.DB, error) {
	stat, err := os.Stat(s.Path(i))
	if err != nil {
		return nil, err
	}
	d, err := kb.Open(ctx, s.Path(i))
	if err != nil {
		return nil, err
	}
	if stat.Size() == i.Size && stat.ModTime().UnixNano() == i.Changed && d.Digest() == i.Digest {
		return d, nil
	}
	// Copied, restored or touched: whether it is still the same must be read.
	if d.Digest() != i.Digest {
		err = fmt.Errorf("%s: %w: its digest is %.12s, not %.12s", s.Path(i), kb.ErrDamaged, d.Digest(), i.Digest)
	} else {
		err = d.Verify(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Rollback makes the snapshot before the active one active again. It stays so
// until something newer than what was active is published. The error wraps ErrNone
// if there is none.
func (s Store) Rollback(ctx context.Context) (Record, error) {
	if _, err := os.Stat(s.Dir); err != nil {
		return Record{}, ErrNone
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, lockName), nil)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := s.Read()
	if err != nil {
		return r, err
	}
	if r.Previous == nil {
		return r, fmt.Errorf("%w before the active one", ErrNone)
	}
	d, err := s.open(ctx, r.Previous)
	if err != nil {
		return r, fmt.Errorf("the snapshot before the active one cannot be read: %w", err)
	}
	if err := d.Close(); err != nil {
		return r, err
	}
	r.Active, r.Previous = r.Previous, r.Active
	r.Refused = r.Previous.Digest
	return r, s.write(r)
}

// Collect removes what the store does not need: snapshots that are neither the
// active one nor the one before it, downloads that were not finished, and what
// died processes left. It names what it removes, with its size; if dry it only
// does that.
func (s Store) Collect(ctx context.Context, dry bool) (removed []string, size int64, err error) {
	if _, err := os.Stat(s.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, lockName), nil)
	if err != nil {
		return nil, 0, err
	}
	defer unlock()
	r, err := s.Read()
	if err != nil {
		return nil, 0, err
	}
	return s.collect(r, dry, true)
}

// collect is Collect for who has the lock. Partial downloads are kept unless
// they are asked for, for the next sync goes on with them.
func (s Store) collect(r Record, dry, partial bool) (removed []string, size int64, err error) {
	keep := map[string]bool{}
	for _, i := range []*Installed{r.Active, r.Previous} {
		if i != nil {
			keep[i.File] = true
		}
	}
	remove := func(dir, name string) error {
		path := filepath.Join(dir, name)
		if stat, err := os.Stat(path); err == nil && !stat.IsDir() {
			size += stat.Size()
		}
		removed = append(removed, path)
		if dry {
			return nil
		}
		return os.RemoveAll(path)
	}
	files, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range files {
		snapshot := strings.HasPrefix(f.Name(), "kb-") && strings.HasSuffix(f.Name(), ".db") && !keep[f.Name()]
		left := strings.HasPrefix(f.Name(), tempPrefix) || strings.HasPrefix(f.Name(), ".kb-")
		if snapshot || left {
			if err := remove(s.Dir, f.Name()); err != nil {
				return removed, size, err
			}
		}
	}
	if !partial {
		return removed, size, nil
	}
	dir := filepath.Join(s.Dir, partialName)
	files, err = os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return removed, size, nil
	}
	for _, f := range files {
		if err := remove(dir, f.Name()); err != nil {
			return removed, size, err
		}
	}
	return removed, size, err
}

package sync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/thamos/thamos/kb"
)

// LatestSchema names the form of latest.json. Another first number is another
// folder, so that old programs keep finding what they can read.
const LatestSchema = "thamos/kb-latest/1"

// Names of the files of a publication, below its URL or folder.
const (
	Version      = "v1"
	latestName   = "latest.json"
	signatureExt = ".sig"
)

// Bounds of what a publication may say, in bytes. They are a hundred times what
// there is, and far below what would fill a disk.
const (
	maxLatest    = 1 << 20
	maxSignature = 64 << 10
	maxBase      = 1 << 30
	maxUnpacked  = 4 << 30
	maxDelta     = 256 << 20
	maxDeltas    = 1000
	maxKeys      = 10 // announced
)

// Latest says what the newest snapshot of a publication is.
type Latest struct {
	Schema string `json:"schema"` // LatestSchema
	Stream string `json:"stream"` // name of the publication; serials of one stream only rise
	Serial int64  `json:"serial"`
	Status Status `json:"status"`

	Published  time.Time `json:"published"`
	NextUpdate time.Time `json:"next_update"` // until then another one is promised

	KBSchema  string    `json:"kb_schema"` // schema of the snapshot
	Digest    string    `json:"digest"`    // of its content
	Built     time.Time `json:"built"`     // its birthday
	MinClient string    `json:"min_client,omitempty"`

	Base    File     `json:"base"`
	Deltas  []Delta  `json:"deltas"`  // each goes on where the one before it ends
	History []Former `json:"history"` // whose bases are kept, newest first

	Sources []Origin `json:"sources"`

	// Keys are verifier keys that this publication will be signed with: whoever
	// trusts this signature may trust them from now on.
	Keys []string `json:"keys,omitempty"`
}

// Status says how long a publication will go on.
type Status string

const (
	Active     Status = "active"
	Deprecated Status = "deprecated" // it will end
	EndOfLife  Status = "eol"        // it has ended
)

func (s Status) known() bool { return s == Active || s == Deprecated || s == EndOfLife }

// streamName reports whether a publication can be called so.
func streamName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// A File is one file of a publication.
type File struct {
	Path     string `json:"path"` // a name, without a folder
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Unpacked int64  `json:"unpacked,omitempty"` // bytes that a base unpacks to
}

// A Delta leads from one digest to another.
type Delta struct {
	From string `json:"from"`
	To   string `json:"to"`
	File
}

// A Former is a snapshot that was published before.
type Former struct {
	Serial int64  `json:"serial"`
	Digest string `json:"digest"`
	Path   string `json:"path"`
}

// An Origin is a source of the snapshot's knowledge.
type Origin struct {
	Name    string `json:"name"`
	Licence string `json:"licence,omitempty"`
	Date    string `json:"date,omitempty"`
	Notes   string `json:"notes,omitempty"`
}

// encode writes latest.json as it is signed: without tabs, which a note may not
// hold, and with a line feed at its end.
func (l Latest) encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decodeLatest reads a latest.json whose signature was verified. What a later
// program added is passed over.
func decodeLatest(text []byte) (Latest, error) {
	var l Latest
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("%s is not JSON: %w", latestName, err)
	}
	return l, l.check()
}

// fileName is what files of a publication are called: nothing that leads
// anywhere else, on any system.
var fileName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,199}$`) })

var hexSHA256 = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

// check refuses what this program cannot or must not follow.
func (l Latest) check() error {
	switch {
	case l.Schema != LatestSchema:
		return fmt.Errorf("%s has the schema %.40q, this program reads %s", latestName, l.Schema, LatestSchema)
	case !streamName(l.Stream):
		return fmt.Errorf("%s: the stream %.40q is no name", latestName, l.Stream)
	case l.Serial <= 0:
		return fmt.Errorf("%s: the serial is %d", latestName, l.Serial)
	case !l.Status.known():
		return fmt.Errorf("%s: the status %.40q is none of active, deprecated, eol", latestName, l.Status)
	case !hexSHA256().MatchString(l.Digest):
		return fmt.Errorf("%s: the digest %.70q is none", latestName, l.Digest)
	case l.Published.IsZero() || l.NextUpdate.Before(l.Published):
		return fmt.Errorf("%s: published %v, next update %v", latestName, l.Published, l.NextUpdate)
	case len(l.Deltas) > maxDeltas || len(l.Keys) > maxKeys:
		return fmt.Errorf("%s has %d deltas and %d keys", latestName, len(l.Deltas), len(l.Keys))
	case l.Base.Unpacked <= 0 || l.Base.Unpacked > maxUnpacked:
		return fmt.Errorf("%s: a snapshot of %d bytes; at most %d are read", latestName, l.Base.Unpacked, int64(maxUnpacked))
	}
	if err := l.Base.check(maxBase); err != nil {
		return err
	}
	for _, d := range l.Deltas {
		if !hexSHA256().MatchString(d.From) || !hexSHA256().MatchString(d.To) {
			return fmt.Errorf("%s: a delta from %.70q to %.70q", latestName, d.From, d.To)
		}
		if err := d.check(maxDelta); err != nil {
			return err
		}
	}
	return nil
}

func (f File) check(most int64) error {
	switch {
	case !fileName().MatchString(f.Path) || path.Base(f.Path) != f.Path || strings.Contains(f.Path, ".."):
		return fmt.Errorf("%s names the file %.100q, which is refused: names have no folders and only a-z, 0-9, '.', '_' and '-'", latestName, f.Path)
	case f.Size <= 0 || f.Size > most:
		return fmt.Errorf("%s: %s has %d bytes; at most %d are read", latestName, f.Path, f.Size, most)
	case !hexSHA256().MatchString(f.SHA256):
		return fmt.Errorf("%s: the sha256 of %s is %.70q", latestName, f.Path, f.SHA256)
	}
	return nil
}

// ErrClient reports a publication that wants another release of the program.
var ErrClient = errors.New("this thamos is too old")

// readable reports whether a program of a version can read the snapshot. A
// version that is none, of a build from source, counts as new.
func (l Latest) readable(client string) error {
	if err := kb.CheckSchema(l.KBSchema); err != nil {
		return err
	}
	if l.MinClient == "" {
		return nil
	}
	least, err := semver.NewVersion(l.MinClient)
	if err != nil {
		return fmt.Errorf("%s: min_client %.40q is no version", latestName, l.MinClient)
	}
	if v, err := semver.NewVersion(client); err == nil && v.LessThan(least) {
		return fmt.Errorf("%w: the snapshot wants at least version %s, this is %s", ErrClient, least, v)
	}
	return nil
}

// path returns the deltas that lead from a digest to the newest one; nil if
// there are none.
func (l Latest) path(from string) []Delta {
	var found []Delta
	want := l.Digest
	for i := len(l.Deltas) - 1; i >= 0; i-- {
		d := l.Deltas[i]
		if d.To != want {
			break
		}
		found = append([]Delta{d}, found...)
		if d.From == from {
			return found
		}
		want = d.From
	}
	return nil
}

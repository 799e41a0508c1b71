package kb

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A seenState is what was seen of one project of an index when it was looked at
// last, as far as a change of it matters: its status, its releases and their
// files by name and hash. What is gone is remembered, so that something else
// under its name is noticed when it comes.
type seenState struct {
	kind     DocumentKind // Listing or Absent
	status   string       // PEP 792; empty for active
	sum      []byte       // of the listing; nil for what was not one
	releases []seenRelease
}

// A seenRelease is a release that is or was there.
type seenRelease struct {
	version py.Version
	gone    bool
	yanked  bool
	reason  string
	known   bool       // which files it has
	files   []seenFile // sorted by name
}

// A seenFile is a file that is or was there.
type seenFile struct {
	name, sha256 string
	gone, yanked bool
	attested     attested
}

// attested says whether the index offers attestations of a file.
type attested uint8

const (
	attestedUnknown attested = iota // nobody looked
	attestedNo
	attestedYes
)

// maxSeen bounds the files that are remembered of a project, those that are gone
// included. The largest project of the public index has a tenth of them.
const maxSeen = 200_000

// seenListing is what an index lists now.
func seenListing(l *Listing, sum []byte) (seenState, error) {
	s := seenState{kind: KindListing, status: l.Status, sum: sum}
	releases, err := drafts(*l, func(bool) bool { return true })
	if err != nil {
		return s, err
	}
	for _, d := range releases {
		r := seenRelease{version: d.version, yanked: d.yanked, reason: d.yankedReason, known: true}
		for _, f := range d.files {
			seen := seenFile{name: f.Filename, sha256: f.SHA256, yanked: f.Yanked, attested: attestedNo}
			if f.Provenance != "" {
				seen.attested = attestedYes
			}
			r.files = append(r.files, seen)
		}
		s.releases = append(s.releases, r)
	}
	return s, nil
}

// seenSnapshot is what a snapshot says that there was. files are those of the
// releases, in their order.
func seenSnapshot(p *py.Project, files [][]py.File) seenState {
	s := seenState{kind: KindListing, status: p.Status}
	for i := range p.Releases {
		r := &p.Releases[i]
		seen := seenRelease{version: r.Version, yanked: r.Yanked, reason: r.YankedReason, known: len(files[i]) > 0}
		for _, f := range files[i] {
			file := seenFile{name: f.Filename, sha256: f.SHA256, yanked: f.Yanked, attested: attestedNo}
			if f.Provenance != "" {
				file.attested = attestedYes
			}
			seen.files = append(seen.files, file)
		}
		s.releases = append(s.releases, seen)
	}
	return s
}

// count is how many files are remembered.
func (s *seenState) count() (files int) {
	for i := range s.releases {
		files += len(s.releases[i].files)
	}
	return files
}

// bound forgets what is gone if there is too much of it.
func (s *seenState) bound() {
	if s.count() <= maxSeen {
		return
	}
	s.releases = slices.DeleteFunc(s.releases, func(r seenRelease) bool { return r.gone })
	for i := range s.releases {
		r := &s.releases[i]
		r.files = slices.DeleteFunc(r.files, func(f seenFile) bool { return f.gone })
	}
}

// The stored form: JSON, with words of one letter since there are many.
type (
	storedRelease struct {
		Version string       `json:"v"`
		Gone    bool         `json:"g,omitempty"`
		Yanked  bool         `json:"y,omitempty"`
		Reason  string       `json:"r,omitempty"`
		Known   bool         `json:"k,omitempty"`
		Files   []storedFile `json:"f,omitempty"`
	}
	storedFile struct {
		Name     string   `json:"n"`
		SHA256   string   `json:"s,omitempty"`
		Gone     bool     `json:"g,omitempty"`
		Yanked   bool     `json:"y,omitempty"`
		Attested attested `json:"a,omitempty"`
	}
)

// text writes the releases; equal states give equal bytes.
func (s *seenState) text() ([]byte, error) {
	out := make([]storedRelease, len(s.releases))
	for i, r := range s.releases {
		out[i] = storedRelease{Version: r.version.String(), Gone: r.gone, Yanked: r.yanked, Reason: r.reason, Known: r.known}
		for _, f := range r.files {
			out[i].Files = append(out[i].Files, storedFile{f.name, f.sha256, f.gone, f.yanked, f.attested})
		}
	}
	return json.Marshal(out)
}

// readSeen reads what text wrote.
func readSeen(name py.Name, text []byte) ([]seenRelease, error) {
	var in []storedRelease
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("%w: what was seen of %s: %v", ErrDamaged, name, err)
	}
	out := make([]seenRelease, len(in))
	for i, r := range in {
		v, err := py.ParseVersion(r.Version)
		if err != nil || i > 0 && out[i-1].version.Compare(v) <= 0 {
			return nil, fmt.Errorf("%w: what was seen of %s, release %d", ErrDamaged, name, i)
		}
		out[i] = seenRelease{version: v, gone: r.Gone, yanked: r.Yanked, reason: r.Reason, known: r.Known}
		for _, f := range r.Files {
			out[i].files = append(out[i].files, seenFile{f.Name, f.SHA256, f.Gone, f.Yanked, f.Attested})
		}
	}
	return out, nil
}

package ingest

import (
	"strings"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// A heldProject is what is known of a project, once its indexes answered. It
// shares no text with the listing it was made of: a listing has megabytes, and
// is let go once it is learnt.
type heldProject struct {
	name     py.Name
	source   *source        // that serves it; nil: none has it
	releases []*heldRelease // newest first
	byKey    map[string]*heldRelease
}

// A heldRelease is a release as its listing has it, and what it needs.
type heldRelease struct {
	version        py.Version
	yanked         bool        // all files are
	wheels         []string    // tags
	sdist          bool        // there is one
	uploaded       int64       // the first of its files; 0: not known
	requiresPython string      // of its newest file
	file           *RemoteFile // whose metadata stands for the release; nil: none can be read

	asked      bool // for its metadata, in this call
	unreadable bool
	needs      *needs // nil: not known
}

// needs is what a release needs, parsed. Lines that cannot be read lead
// nowhere here; they are kept as published.
type needs struct{ requirements []py.Requirement }

func newNeeds(lines []string) *needs {
	n := &needs{make([]py.Requirement, 0, len(lines))}
	for _, line := range lines {
		if req, err := py.ParseRequirement(line); err == nil && req.URL == "" {
			n.requirements = append(n.requirements, req)
		}
	}
	return n
}

// maxReleaseFiles is how many files of one release can be kept.
const maxReleaseFiles = 10_000

// newHeldProject makes the releases of a listing; nil if one has too many files.
func newHeldProject(s *source, listing *kb.Listing, announced map[string]string) *heldProject {
	p := &heldProject{name: listing.Name, source: s, byKey: map[string]*heldRelease{}}
	var own ownTexts
	for _, live := range releasesOf(*listing) {
		if len(live.files) > maxReleaseFiles {
			return nil
		}
		rel := own.release(live)
		if file, ok := bestFile(live.files, announced); ok {
			sum, said := announced[file.Filename]
			rel.file = &RemoteFile{
				File: py.File{
					Filename: strings.Clone(file.Filename),
					URL:      strings.Clone(file.URL),
					SHA256:   strings.Clone(file.SHA256),
					Size:     file.Size,
				},
				Package:   py.Package{Name: p.name, Version: rel.version},
				Announced: said,
				SHA256:    strings.Clone(sum),
			}
		}
		p.releases = append(p.releases, rel)
		p.byKey[rel.version.Key()] = rel
	}
	return p
}

// ownTexts are texts that are kept once each, apart from what they were part of.
type ownTexts map[string]string

func (t *ownTexts) own(s string) string {
	if *t == nil {
		*t = ownTexts{}
	}
	kept, ok := (*t)[s]
	if !ok {
		kept = strings.Clone(s)
		(*t)[kept] = kept
	}
	return kept
}

// release is what is held of a release of a listing, without its file. Yanked
// files do not count, unless all are.
func (t *ownTexts) release(live *liveRelease) *heldRelease {
	rel := &heldRelease{version: live.version, yanked: live.yanked}
	if own, err := py.ParseVersion(strings.Clone(live.version.String())); err == nil { // else it would not be one
		rel.version = own
	}
	newest := int64(-1)
	for i, f := range live.files {
		if f.Yanked && !live.yanked {
			continue
		}
		if tags := live.tags[i]; tags != "" {
			rel.wheels = append(rel.wheels, t.own(tags))
		} else {
			rel.sdist = true
		}
		if f.Uploaded != 0 && (rel.uploaded == 0 || f.Uploaded < rel.uploaded) {
			rel.uploaded = f.Uploaded
		}
		if f.Uploaded > newest {
			newest, rel.requiresPython = f.Uploaded, t.own(f.RequiresPython)
		}
	}
	return rel
}

package kb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Releases repeat each other's texts and kinds of file, so packed releases refer
// to them by id. An ids gives those ids when releases are packed, a shared holds
// what they stand for when they are unpacked: of a whole snapshot, or of one
// listing of local knowledge. Requirement lists are shared by the releases of a
// project.

// ids numbers distinct values from 1 in the order in which they are met.
type ids[K comparable] struct {
	of   map[K]int64
	list []K
}

func (s *ids[K]) id(k K) int64 {
	id, ok := s.of[k]
	if !ok {
		if s.of == nil {
			s.of = map[K]int64{}
		}
		s.list = append(s.list, k)
		id = int64(len(s.list))
		s.of[k] = id
	}
	return id
}

// A sharer numbers what releases share.
type sharer struct {
	texts     ids[string]
	artifacts ids[artifactsKey]
	requires  ids[linesKey] // of the project that was packed last, oldest first
}

// text is the id of a text, 0 for none.
func (s *sharer) text(t string) int64 {
	if t == "" {
		return 0
	}
	return s.texts.id(t)
}

// pack writes releases in a coding and says of how many the requirements are
// known.
func (s *sharer) pack(c coding, drafts []draft) (text string, known int, err error) {
	s.requires = ids[linesKey]{}
	for _, d := range slices.Backward(drafts) { // a new release has the last number
		if d.requires != nil {
			s.requires.id(*d.requires)
		}
	}
	releases := make([]packedRelease, len(drafts))
	for i, d := range drafts {
		r := packedRelease{
			version:        d.version,
			uploaded:       d.uploaded,
			lastUploaded:   d.lastUploaded,
			yanked:         d.yanked,
			yankedReason:   s.text(d.yankedReason),
			requiresPython: s.text(d.requiresPython),
		}
		if d.requires != nil {
			r.requires = s.requires.id(*d.requires)
			known++
		}
		if d.artifacts != nil {
			r.artifacts = s.artifacts.id(*d.artifacts)
		}
		releases[i] = r
	}
	text = c.pack(releases)
	if len(text) > maxValue/2 || len(drafts) > maxReleases {
		return "", 0, fmt.Errorf("it has too many releases")
	}
	return text, known, nil
}

// A shared is what releases share, by id. Id 0 is an empty text, and what is
// not known.
type shared struct {
	texts     map[int64]string
	artifacts map[int64]*py.Artifacts
}

func newShared() shared {
	return shared{
		texts:     map[int64]string{0: ""},
		artifacts: map[int64]*py.Artifacts{0: nil},
	}
}

// project puts a project together.
func (s *shared) project(p packedProject) (*py.Project, error) {
	out := &py.Project{Name: p.name, Status: p.status, StatusReason: p.statusReason, Releases: make([]py.Release, len(p.releases))}
	for i, r := range p.releases {
		reason, ok1 := s.texts[r.yankedReason]
		python, ok2 := s.texts[r.requiresPython]
		artifacts, ok3 := s.artifacts[r.artifacts]
		if !ok1 || !ok2 || !ok3 || r.requires > int64(len(p.requires)) {
			return nil, fmt.Errorf("%w: %s, release %d (%v) refers to a row that is not there", ErrDamaged, p.name, i, r.version)
		}
		out.Releases[i] = py.Release{
			Version:        r.version,
			Uploaded:       r.uploaded,
			LastUploaded:   r.lastUploaded,
			Yanked:         r.yanked,
			YankedReason:   reason,
			RequiresPython: python,
			Artifacts:      artifacts,
		}
		if r.requires > 0 {
			out.Releases[i].Requires = p.requires[r.requires-1]
		}
	}
	return out, nil
}

// parseRequires reads a requirement list as the tables have it.
func parseRequires(k linesKey) (*py.Requires, error) {
	if strings.Count(k.lines, "\n") >= maxLines || strings.Count(k.extras, "\n") >= maxLines {
		return nil, fmt.Errorf("%w: more than %d lines", ErrDamaged, maxLines)
	}
	r := &py.Requires{Lines: splitLines(k.lines)}
	for _, extra := range splitLines(k.extras) {
		if py.NormalizeName(extra) != py.Name(extra) {
			return nil, fmt.Errorf("%w: the extra %.40q is not normalised", ErrDamaged, extra)
		}
		r.Extras = append(r.Extras, py.Name(extra))
	}
	return r, nil
}

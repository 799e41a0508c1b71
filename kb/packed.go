package kb

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A packedRelease is one element of project.releases; see tables.
type packedRelease struct {
	version                py.Version
	uploaded, lastUploaded int64
	yanked                 bool

	// Ids of rows in text and text, a place in the lists of the project, and the id
	// of a row in artifacts; 0 for none.
	yankedReason, requiresPython, requires, artifacts int64
}

// A packedProject is one row of project.
type packedProject struct {
	name     py.Name
	releases []packedRelease
	requires []*py.Requires // what releases refer to, from 1

	status, statusReason string
}

// numbers are what a packed release has beside its version, in the order of the
// array.
type numbers [7]int64

// lastUploadedAt is the place of the number whose step is not from the release
// before.
const lastUploadedAt = 1

func (r *packedRelease) numbers() numbers {
	yanked := int64(0)
	if r.yanked {
		yanked = 1
	}
	return numbers{r.uploaded, r.lastUploaded, yanked, r.yankedReason, r.requiresPython, r.requires, r.artifacts}
}

// A coding says how numbers are written.
type coding bool

const (
	// plain writes them as they are, for local knowledge.
	plain coding = false

	// stepped writes what snapshots hold; see tables. Releases follow each other
	// with nearly the same numbers, so the text is half as long and packs to two
	// thirds of a plain one.
	stepped coding = true
)

// pack writes releases as a JSON array without white space.
func (c coding) pack(releases []packedRelease) string {
	w := releaseWriter{coding: c}
	for i := range releases {
		w.add(releases[i].version.String(), releases[i].numbers())
	}
	return w.text()
}

// A releaseWriter writes the array from the left.
type releaseWriter struct {
	coding
	out    []byte
	before numbers // of the release before
}

// add writes one release. Versions in normal form need no escapes.
func (w *releaseWriter) add(version string, n numbers) {
	w.out = append(w.out, `,["`...)
	w.out = append(w.out, version...)
	w.out = append(w.out, '"')
	last := len(n)
	if w.coding == stepped {
		n[lastUploadedAt] -= n[0]
		for i := range n {
			if i != lastUploadedAt {
				n[i], w.before[i] = n[i]-w.before[i], n[i]
			}
		}
		for last > 0 && n[last-1] == 0 {
			last--
		}
	}
	for _, k := range n[:last] {
		w.out = append(w.out, ',')
		w.out = strconv.AppendInt(w.out, k, 10)
	}
	w.out = append(w.out, ']')
}

func (w *releaseWriter) text() string {
	if len(w.out) == 0 {
		return "[]"
	}
	w.out[0] = '[' // in the place of the first comma
	return string(append(w.out, ']'))
}

// unpack reads what pack wrote, and only that. Releases that are not versions
// in normal form, newest first, are damage, reported with the project and the
// number of the release.
func (c coding) unpack(name py.Name, text string) (packedProject, error) {
	p := packedProject{name: name}
	if text == "[]" {
		return p, nil
	}
	s := scanner{text: text}
	p.releases = make([]packedRelease, 0, min(strings.Count(text, `["`), 4096)) // a hostile text can promise millions
	var now numbers
	for s.take('['); ; s.take(',') {
		n := len(p.releases)
		version := s.release(c, &now)
		if s.bad || n == maxReleases {
			return packedProject{}, fmt.Errorf("%w: %s, release %d: malformed at byte %d", ErrDamaged, name, n, s.at)
		}
		r := packedRelease{uploaded: now[0], lastUploaded: now[lastUploadedAt], yanked: now[2] != 0,
			yankedReason: now[3], requiresPython: now[4], requires: now[5], artifacts: now[6]}
		var err error
		if r.version, err = py.ParseVersion(version); err != nil {
			return packedProject{}, fmt.Errorf("%w: %s, release %d: %v", ErrDamaged, name, n, err)
		}
		switch {
		case r.version.String() != version:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: version %.80q is not in normal form", ErrDamaged, name, n, version)
		case n > 0 && p.releases[n-1].version.Compare(r.version) <= 0:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: %s is not older than %s", ErrDamaged, name, n, version, p.releases[n-1].version)
		case r.lastUploaded != 0 && (r.uploaded == 0 || r.uploaded > r.lastUploaded):
			return packedProject{}, fmt.Errorf("%w: %s, release %d: uploaded %d, last %d", ErrDamaged, name, n, r.uploaded, r.lastUploaded)
		case now[2] > 1:
			return packedProject{}, fmt.Errorf("%w: %s, release %d: yanked %d", ErrDamaged, name, n, now[2])
		}
		p.releases = append(p.releases, r)
		if s.text[s.at:] == "]" {
			return p, nil
		}
	}
}

// A scanner reads the array from the left. What is not as it must be sets bad,
// and then nothing moves any more.
type scanner struct {
	text string
	at   int
	bad  bool
}

// take reads one byte that must be there.
func (s *scanner) take(c byte) {
	if s.bad || s.at >= len(s.text) || s.text[s.at] != c {
		s.bad = true
		return
	}
	s.at++
}

// release reads one element of the array and returns its version. n are the
// numbers of the release before and become those of this one.
func (s *scanner) release(c coding, n *numbers) (version string) {
	s.take('[')
	version = s.version()
	if c == plain {
		for i := range n {
			n[i] = s.number()
		}
	} else {
		s.steps(n)
	}
	s.take(']')
	return version
}

// steps reads the numbers of a stepped release.
func (s *scanner) steps(n *numbers) {
	n[lastUploadedAt] = 0
	step := int64(1)
	for i := 0; i < len(n) && s.at < len(s.text) && s.text[s.at] == ','; i++ {
		step = s.step()
		n[i] += step
		s.bad = s.bad || i != lastUploadedAt && (n[i] < 0 || n[i] > maxNumber) // so that no sum overflows
	}
	n[lastUploadedAt] += n[0]
	s.bad = s.bad || step == 0 || n[lastUploadedAt] < 0 || n[lastUploadedAt] > maxNumber
}

// step reads a comma and a number that may be negative.
func (s *scanner) step() int64 {
	s.take(',')
	if s.at < len(s.text) && s.text[s.at] == '-' {
		s.at++
		n := s.digits()
		s.bad = s.bad || n == 0
		return -n
	}
	return s.digits()
}

// version reads a text in quotes.
func (s *scanner) version() string {
	s.take('"')
	if s.bad {
		return ""
	}
	n := strings.IndexByte(s.text[s.at:], '"')
	if n <= 0 || n > maxVersion {
		s.bad = true
		return ""
	}
	v := s.text[s.at : s.at+n]
	s.at += n + 1
	return v
}

// number reads a comma and a number that is not negative.
func (s *scanner) number() int64 {
	s.take(',')
	return s.digits()
}

// digits reads a number that is not negative.
func (s *scanner) digits() int64 {
	n, digits := int64(0), 0
	for ; s.at < len(s.text) && s.text[s.at]-'0' <= 9; s.at++ {
		n = n*10 + int64(s.text[s.at]-'0')
		digits++
	}
	if digits == 0 || digits > 15 { // no time and no id is as large
		s.bad = true
	}
	return n
}

// jsonTexts writes texts as the JSON array that json_each reads.
func jsonTexts(texts []string) string {
	out, err := json.Marshal(texts)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(out)
}

// textsOf returns names as texts.
func textsOf(names []py.Name) []string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return texts
}

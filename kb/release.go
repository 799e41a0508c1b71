package kb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Bounds of what is written; what is read is bounded by maxValue as well. The
// longest of the public index are far below.
const (
	maxVersion = 512     // bytes of a version: of a file name, in normal form
	maxName    = 255     // bytes of a name or a file name
	maxText    = 8 << 10 // bytes of a specifier, a reason, a URL
	maxLine    = 64 << 10
	maxLines   = 10_000 // requirement lines, extras or files of one release

	// maxReleases is how many releases a project has: those of the public index
	// have thousands.
	maxReleases = 500_000
)

// A draft is a release on its way from a listing to the database.
type draft struct {
	version                py.Version
	uploaded, lastUploaded int64
	yanked                 bool
	yankedReason           string
	requiresPython         string

	requires  *linesKey     // nil: the metadata was not read
	about     aboutKey      // zero where the metadata was not read
	artifacts *artifactsKey // nil: the files are not to be known
	files     []py.File     // to be stored, sorted by name
}

// Keys of what releases share: comparable, and as the tables hold them.
type (
	linesKey     struct{ lines, extras string }
	artifactsKey struct {
		sdist  bool
		wheels string
	}
)

// drafts makes the releases of a listing, newest first: one for each distinct
// version that a wheel or sdist, the list of versions or metadata names. Files
// of other kinds (eggs, installers) and of other projects are left out, since
// no installer of today takes them. files says of which releases files are
// stored.
func drafts(l Listing, files func(known bool) bool) ([]draft, error) {
	groups := map[string]*group{}
	at := func(v py.Version) *group {
		g := groups[v.Key()]
		if g == nil {
			g = &group{}
			groups[v.Key()] = g
		}
		return g
	}
	for _, f := range l.Files {
		if err := checkFile(f); err != nil {
			return nil, err
		}
		if w, err := py.ParseWheelName(f.Filename); err == nil && w.Name == l.Name {
			g := at(w.Version)
			g.spellings[fromFile] = briefer(g.spellings[fromFile], w.Version)
			g.files = append(g.files, artifact{f, w.Tags})
		} else if p, err := py.ParseSdistNameOf(l.Name, f.Filename); err == nil {
			g := at(p.Version)
			g.spellings[fromFile] = briefer(g.spellings[fromFile], p.Version)
			g.files = append(g.files, artifact{f, ""})
		}
	}
	for _, v := range l.Versions {
		g := at(v)
		g.spellings[fromList] = briefer(g.spellings[fromList], v)
	}
	for i := range l.Metadata {
		m := &l.Metadata[i]
		if err := CheckMetadata(m); err != nil {
			return nil, fmt.Errorf("metadata of %.80v: %w", m.Version, err)
		}
		g := at(m.Version)
		if g.metadata != nil {
			return nil, fmt.Errorf("metadata of %v was given twice", m.Version)
		}
		g.spellings[fromMetadata], g.metadata = m.Version, m
	}
	out := make([]draft, 0, len(groups))
	for _, g := range groups {
		d, err := g.draft(files)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b draft) int { return b.version.Compare(a.version) })
	return out, nil
}

// A group is what a listing says of one release.
type group struct {
	spellings [3]py.Version // of the same version, such as 1.0 and 1.0.0
	files     []artifact
	metadata  *py.Metadata
}

// Who spells a version, most trusted first: it is one that the index serves.
const (
	fromList = iota
	fromFile
	fromMetadata
)

// An artifact is a file with the tags of its name, "" for an sdist.
type artifact struct {
	py.File
	tags string
}

// briefer returns the shorter of two spellings of one version, and of equally
// long ones the smaller, so that their order does not matter.
func briefer(v, w py.Version) py.Version {
	if v.IsZero() || cmp.Or(cmp.Compare(len(w.String()), len(v.String())), cmp.Compare(w.String(), v.String())) < 0 {
		return w
	}
	return v
}

// draft judges a group.
func (g *group) draft(store func(known bool) bool) (draft, error) {
	var d draft
	for _, v := range g.spellings {
		if d.version.IsZero() {
			d.version = v
		}
	}
	if n := len(d.version.String()); n == 0 || n > maxVersion {
		return draft{}, fmt.Errorf("a version of %d bytes, the limit is %d", n, maxVersion)
	}
	if len(g.files) > maxLines {
		return draft{}, fmt.Errorf("%v has more than %d files", d.version, maxLines)
	}
	slices.SortFunc(g.files, func(a, b artifact) int { return cmp.Compare(a.Filename, b.Filename) })
	d.yanked = len(g.files) > 0
	for i, f := range g.files {
		if i > 0 && g.files[i-1].Filename == f.Filename {
			return draft{}, fmt.Errorf("the file %s was given twice", f.Filename)
		}
		d.yanked = d.yanked && f.Yanked
		if f.Uploaded != 0 && (d.uploaded == 0 || f.Uploaded < d.uploaded) {
			d.uploaded = f.Uploaded
		}
		d.lastUploaded = max(d.lastUploaded, f.Uploaded)
	}
	used := g.files // what can be installed: yanked files only where there are no others
	if !d.yanked {
		used = slices.DeleteFunc(slices.Clone(g.files), func(f artifact) bool { return f.Yanked })
	}
	newest, undated := int64(-1), false
	var kinds artifactsKey
	var wheels []string
	for _, f := range used {
		undated = undated || f.Uploaded == 0
		if f.tags == "" {
			kinds.sdist = true
		} else {
			wheels = append(wheels, f.tags)
		}
		if d.yanked && d.yankedReason == "" {
			d.yankedReason = clean(f.YankedReason)
		}
		if f.Uploaded > newest {
			newest, d.requiresPython = f.Uploaded, clean(f.RequiresPython)
		}
	}
	if undated {
		d.lastUploaded = 0 // the file without a date may be the newest
	}
	slices.Sort(wheels)
	kinds.wheels = strings.Join(slices.Compact(wheels), "\n")
	if g.metadata != nil {
		d.requires = requiresOf(g.metadata)
		d.about = aboutOf(g.metadata)
		d.requiresPython = clean(g.metadata.RequiresPython)
	}
	if store(d.requires != nil) {
		d.artifacts = &kinds
		for _, f := range g.files {
			f.RequiresPython, f.YankedReason = clean(f.RequiresPython), clean(f.YankedReason)
			d.files = append(d.files, f.File)
		}
	}
	return d, nil
}

// CheckMetadata refuses metadata that a snapshot cannot hold, so that a reader
// can leave it out instead of failing in Add.
func CheckMetadata(m *py.Metadata) error {
	if n := len(m.Version.String()); n == 0 || n > maxVersion {
		return fmt.Errorf("a version of %d bytes, the limit is %d", n, maxVersion)
	}
	if len(m.RequiresPython) > maxText {
		return fmt.Errorf("Requires-Python of more than %d bytes", maxText)
	}
	if len(m.RequiresDist) > maxLines || len(m.ProvidesExtra) > maxLines {
		return fmt.Errorf("more than %d requirements or extras", maxLines)
	}
	for _, line := range m.RequiresDist {
		if len(line) > maxLine {
			return fmt.Errorf("a requirement of more than %d bytes", maxLine)
		}
	}
	return nil
}

// requiresOf is what metadata says of requirements, as the table has it.
func requiresOf(m *py.Metadata) *linesKey {
	var lines, extras []string
	for _, line := range m.RequiresDist {
		if line = clean(line); line != "" {
			lines = append(lines, line)
		}
	}
	for _, extra := range m.ProvidesExtra {
		name, err := py.ParseName(string(extra))
		if err != nil || len(name) > maxName {
			continue // nobody can ask for an extra that has no name
		}
		if !slices.Contains(extras, string(name)) {
			extras = append(extras, string(name))
		}
	}
	return &linesKey{strings.Join(lines, "\n"), strings.Join(extras, "\n")}
}

// checkFile refuses a file that a snapshot cannot hold.
func checkFile(f py.File) error {
	switch {
	case !cleanName(f.Filename):
		return fmt.Errorf("%.80q is not a file name", f.Filename)
	case f.SHA256 != "" && !isSHA256(f.SHA256):
		return fmt.Errorf("file %s: %.80q is not a sha256", f.Filename, f.SHA256)
	case f.Size < 0 || f.Size > maxNumber || f.Uploaded < 0 || f.Uploaded > maxNumber:
		return fmt.Errorf("file %s: size %d, uploaded %d", f.Filename, f.Size, f.Uploaded)
	case len(f.RequiresPython) > maxText || len(f.YankedReason) > maxText || len(f.URL) > maxText:
		return fmt.Errorf("file %s: a text of more than %d bytes", f.Filename, maxText)
	case len(f.Provenance) > maxText || f.Provenance != clean(f.Provenance):
		return fmt.Errorf("file %s: the provenance URL is too long or has control characters", f.Filename)
	case f.URL != clean(f.URL):
		return fmt.Errorf("file %s: the URL %.80q has control characters", f.Filename, f.URL)
	}
	return nil
}

// cleanName reports whether s can name a file in a directory.
func cleanName(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '.' && !strings.ContainsAny(s, `/\`) && s == clean(s)
}

// clean makes one line of a stranger's text: tables keep lists as lines, and
// control characters have no place on a terminal.
func clean(s string) string {
	if isPlain(s) {
		return s
	}
	dirty := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.ContainsFunc(s, dirty) {
		s = strings.Map(func(r rune) rune {
			if dirty(r) {
				return ' '
			}
			return r
		}, s)
	}
	return strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
}

// isPlain reports whether s is printable ASCII without white space at its ends,
// as nearly everything is.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

// isSHA256 reports whether s is 64 lower-case hex digits.
func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

package lockfile

import (
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Direct is the one thing that meets a requirement, whatever indexes have: a
// directory, a wheel in the file system, or a wheel that a URL serves.
type Direct struct {
	// Path is a directory or a wheel, with '/' between its elements. It is as
	// the manifest has it: absolute, or relative to the folder of the manifest
	// (in a Pin, of the lock) wherever it was written. Empty if URL is set.
	Path string

	// URL is that of a wheel, without its fragment. It may hold credentials,
	// which are needed to fetch it: String has none, and no lock gets them.
	URL string

	Directory bool   // Path is a directory
	Editable  bool   // the directory is to be installed as it lies there
	SHA256    string // of the wheel as the manifest gives it, hex; may be empty

	// Package is what is there: by the name of the wheel, or by what the
	// directory says of itself, in which case that is Metadata too.
	Package  py.Package
	Metadata *py.Metadata

	name string // of Path in the fs.FS that was read
}

// String returns path or URL as it may be shown.
func (d *Direct) String() string {
	if d.URL != "" {
		return RedactURL(d.URL)
	}
	return d.Path
}

// Filename returns the name of the wheel, empty for a directory.
func (d *Direct) Filename() string {
	if d.Directory {
		return ""
	}
	return wheelName(d)
}

func wheelName(d *Direct) string {
	if d.URL == "" {
		return path.Base(d.Path)
	}
	_, rest, _ := strings.Cut(d.URL, "://")
	rest, _, _ = strings.Cut(rest, "?")
	base := rest[strings.LastIndexByte(rest, '/')+1:]
	if plain, err := url.PathUnescape(base); err == nil {
		return plain
	}
	return base
}

// A folder is where a manifest is read, so that paths in it can be followed.
type folder struct {
	fsys   fs.FS
	rooted bool   // fsys is the whole file system: absolute paths are names in it
	home   string // the folder of the manifest, to which Direct.Path is relative
}

const (
	vcsHint   = "build a wheel of it (pip wheel --no-deps) and require that by its path, or require a release"
	sdistHint = "build a wheel of it (pip wheel --no-deps) and require that"
)

var (
	urlScheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)
	atExtras  = regexp.MustCompile(`^(.+)\[([^\[\]]*)\]$`)
)

// reference reads what stands for a direct reference in file: a path, relative
// to the folder of that file, or a URL. It also returns the name and extras of
// an #egg= fragment, which is how they were given before PEP 508.
func (f *folder) reference(file, text string, pos Position) (*Direct, string, error) {
	if !fitsOnLine(text) {
		return nil, "", unusable(pos, "", "a path or a URL has no control characters")
	}
	m := urlScheme.FindStringSubmatch(text)
	if m == nil {
		d, err := f.path(file, text, pos)
		return d, "", err
	}
	scheme := strings.ToLower(m[1])
	vcs, _, _ := strings.Cut(scheme, "+")
	switch vcs {
	case "git", "hg", "svn", "bzr", "ssh":
		return nil, "", unusable(pos, vcsHint, "%s is in a version control system, and only building it would tell what it requires", text)
	case "http", "https":
		return remote(text, pos)
	case "file":
		return f.fileURL(file, text[len("file:"):], pos)
	}
	if len(scheme) == 1 {
		return nil, "", unusable(pos, "write the path relative to this file", "%q names a drive", text)
	}
	return nil, "", unusable(pos, "give a path, or a URL that begins with https:// or file://", "%q is of a kind that is not supported", text)
}

// path reads a path.
func (f *folder) path(file, text string, pos Position) (*Direct, error) {
	switch {
	case text == "":
		return nil, unusable(pos, "", "the path is empty")
	case strings.Contains(text, `\`):
		return nil, unusable(pos, "write / between folders, which is understood everywhere", `%q has a \`, text)
	}
	d := &Direct{}
	if path.IsAbs(text) {
		d.Path = path.Clean(text)
		d.name = strings.TrimPrefix(d.Path, "/")
		if d.name == "" {
			d.name = "."
		}
		if !f.rooted {
			return nil, f.outside(pos, text)
		}
		return d, nil
	}
	d.name = path.Join(path.Dir(file), text)
	if !fs.ValidPath(d.name) {
		return nil, f.outside(pos, text)
	}
	d.Path = relativePath(f.home, d.name)
	return d, nil
}

// outside is never lazy where reading again from the root may find the place.
func (f *folder) outside(pos Position, text string) *Error {
	e := refuse(pos, "start from a folder that holds both", "%s leaves the folder that is read", text)
	e.cause, e.lazy = ErrOutside, f.rooted
	return e
}

// relativePath returns the name to of an fs.FS as seen from its folder from.
func relativePath(from, to string) string {
	split := func(name string) []string {
		if name == "." {
			return nil
		}
		return strings.Split(name, "/")
	}
	a, b := split(from), split(to)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	return path.Join(strings.Repeat("../", len(a)), strings.Join(b, "/"), ".")
}

// fileURL reads what follows "file:": //host/path, /path, or a relative path as
// some tools write it.
func (f *folder) fileURL(file, rest string, pos Position) (*Direct, string, error) {
	rest, text, _ := strings.Cut(rest, "#")
	frag, err := readFragment(text, pos)
	if err != nil {
		return nil, "", err
	}
	if authority, ok := strings.CutPrefix(rest, "//"); ok {
		host, p, _ := strings.Cut(authority, "/")
		if host != "" && !strings.EqualFold(host, "localhost") {
			return nil, "", unusable(pos, "write file:///, with three slashes, and an absolute path", "file:// names another host")
		}
		rest = "/" + p
	}
	if strings.Contains(rest, "?") {
		return nil, "", unusable(pos, "write it as %3F", "a ? in a file URL")
	}
	plain, err := url.PathUnescape(rest)
	if err != nil || !fitsOnLine(plain) {
		return nil, "", unusable(pos, "write % as %25", "the file URL is not well escaped")
	}
	if frag.subdirectory != "" {
		if !fs.ValidPath(frag.subdirectory) {
			return nil, "", unusable(pos, "", "subdirectory %q is not a path inside the directory", frag.subdirectory)
		}
		plain += "/" + frag.subdirectory
	}
	d, err := f.path(file, plain, pos)
	if err != nil {
		return nil, "", err
	}
	d.SHA256 = frag.sha256
	return d, frag.egg, nil
}

// remote reads the URL of a wheel.
func remote(text string, pos Position) (*Direct, string, error) {
	bare, fragment, _ := strings.Cut(text, "#")
	if _, err := withoutCredentials(bare); err != nil {
		return nil, "", unusable(pos, "", "%v", err)
	}
	frag, err := readFragment(fragment, pos)
	if err != nil {
		return nil, "", err
	}
	d := &Direct{URL: bare, SHA256: frag.sha256}
	switch base := wheelName(d); {
	case strings.HasSuffix(base, ".whl") && frag.subdirectory != "":
		return nil, "", unusable(pos, "take it out", "a wheel has no subdirectory")
	case strings.HasSuffix(base, ".whl"):
	case archive.MatchString(base):
		return nil, "", unusable(pos, sdistHint, "%s is no wheel, and only building it would tell what it requires", text)
	default:
		return nil, "", unusable(pos, "give the URL of a wheel, whose last part ends with .whl", "%s is not the URL of a wheel", text)
	}
	return d, frag.egg, d.wheel(pos)
}

// A fragment is what a URL says after its "#".
type fragment struct{ egg, subdirectory, sha256 string }

func readFragment(text string, pos Position) (fragment, error) {
	var f fragment
	if text == "" {
		return f, nil
	}
	for item := range strings.SplitSeq(text, "&") {
		key, value, _ := strings.Cut(item, "=")
		value, err := url.PathUnescape(value)
		if err != nil || !fitsOnLine(value) {
			return f, unusable(pos, "write % as %25", "the fragment of the URL is not well escaped")
		}
		switch key {
		case "egg":
			f.egg = value
		case "subdirectory":
			f.subdirectory = value
		case "sha256":
			h, err := parseHash("sha256:" + value)
			if err != nil {
				return f, unusable(pos, "", "%v", err)
			}
			f.sha256 = strings.TrimPrefix(h, "sha256:")
		default:
			return f, unusable(pos, "known are sha256, subdirectory and egg", "unknown fragment %q of a URL", shown(key))
		}
	}
	return f, nil
}

// wheel fills in the package by the file name.
func (d *Direct) wheel(pos Position) error {
	w, err := py.ParseWheelName(wheelName(d))
	if err != nil {
		return unusable(pos, "keep the name that the wheel was built with", "%v", err)
	}
	d.Package = py.Package{Name: w.Name, Version: w.Version}
	return nil
}

// requirement reads a PEP 508 text, of a release or of a direct reference.
func (f *folder) requirement(file, s string, pos Position) (Requirement, error) {
	r := Requirement{Pos: pos, Text: RedactURL(oneLine(s))}
	var err error
	if r.Requirement, err = py.ParseRequirement(s); err != nil {
		return r, unusable(pos, `write such as "name[extra]>=1.0; python_version < '3.12'"`, "not a requirement: %v", err)
	}
	if r.URL == "" {
		return r, nil
	}
	d, egg, err := f.reference(file, r.URL, pos)
	if err != nil {
		return r, err
	}
	r.URL, r.Direct = "", d
	return r, r.egg(egg)
}

// unnamed reads a requirement that is only a path or a URL, as pip takes it:
// with extras behind a path, and a marker after ";", before which a URL needs a
// blank.
func (f *folder) unnamed(file, s string, pos Position) (Requirement, error) {
	r := Requirement{Pos: pos, Text: RedactURL(oneLine(s))}
	isURL := urlScheme.MatchString(s)
	separator := ";"
	if isURL {
		separator = "; "
		if i := strings.IndexAny(s, " \t"); i >= 0 && strings.HasPrefix(strings.TrimLeft(s[i:], " \t"), ";") {
			separator = s[i : i+1+strings.IndexByte(s[i:], ';')]
		}
	}
	place, marker, conditional := strings.Cut(s, separator)
	place = strings.TrimSpace(place)
	var err error
	if conditional {
		if r.Marker, err = py.ParseMarker(strings.TrimSpace(marker)); err != nil {
			return r, unusable(pos, "", "marker: %v", err)
		}
	}
	if m := atExtras.FindStringSubmatch(place); m != nil && !isURL {
		place = m[1]
		if r.Extras, err = parseExtras(strings.Split(m[2], ",")); err != nil {
			return r, unusable(pos, "", "extras: %v", err)
		}
	}
	var egg string
	if r.Direct, egg, err = f.reference(file, place, pos); err != nil {
		return r, err
	}
	return r, r.egg(egg)
}

// egg applies an #egg= fragment: a name, perhaps with extras.
func (r *Requirement) egg(text string) error {
	if text == "" {
		return nil
	}
	e, err := py.ParseRequirement(text)
	switch {
	case err != nil || e.URL != "" || !e.Specifiers.Empty() || !e.Marker.IsZero():
		return unusable(r.Pos, "write #egg=name or, better, name @ in front of the URL", "#egg= is not followed by a name")
	case r.Name != "" && r.Name != e.Name:
		return unusable(r.Pos, "take #egg= out", "the requirement is of %s, but its URL says %s", r.Name, e.Name)
	}
	r.Name = e.Name
	if len(r.Extras) == 0 {
		r.Extras = e.Extras
	}
	return nil
}

// notDirect refuses a constraint that is a direct reference.
func notDirect(rs ...Requirement) error {
	for _, r := range rs {
		if r.Direct != nil {
			return refuse(r.Pos, "require it, and take it out of the constraints", "a constraint bounds versions and cannot be %v", r.Direct)
		}
	}
	return nil
}

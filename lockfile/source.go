package lockfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/thamos/thamos/kb/py"
)

const (
	// maxFile is the size in bytes from which a file is refused. The largest
	// requirements file with hashes that we know of has 2 MiB.
	maxFile = 16 << 20

	// maxTOML is the same for TOML, which takes much more memory to read than
	// it has bytes. Hand-written ones have 100 kB at most.
	maxTOML = 1 << 20
)

// maxMessage bounds what an Error quotes of a file.
const maxMessage = 1000

// ErrOutside reports that a manifest includes a file that lies outside the
// fs.FS that Read was given.
var ErrOutside = errors.New("outside the folder that is read")

// refuse returns an *Error. Credentials in URLs of the message are masked,
// because messages are full of text that the user wrote.
func refuse(pos Position, hint, format string, args ...any) *Error {
	return &Error{Pos: pos, Msg: shown(fmt.Sprintf(format, args...)), Hint: shown(hint)}
}

// unusable is refuse for a requirement that cannot be used, which is no error
// before its group or extra is asked for.
func unusable(pos Position, hint, format string, args ...any) *Error {
	e := refuse(pos, hint, format, args...)
	e.lazy = true
	return e
}

// keep takes an error from unusable to r, for require to judge, and returns any other.
func (r *Requirement) keep(err error) error {
	if e, ok := err.(*Error); ok && e.lazy {
		r.err = e
		return nil
	}
	return err
}

// shown returns a text as it may be shown: without credentials, and not longer
// than a screen.
func shown(s string) string {
	s = RedactURL(s)
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// Read reads the manifest name of fsys, whose kind its name tells: Pipfile,
// pyproject.toml, or *.txt and *.in for requirements. Files that it includes
// are looked up in fsys too, relative to the including one; one that lies above
// its root is an error that wraps ErrOutside. Every error is an *Error.
//
// Paths that it requires are looked up in fsys as well, and an absolute one
// counts as outside.
func Read(fsys fs.FS, name string) (*Manifest, error) {
	return read(&folder{fsys: fsys, home: path.Dir(name)}, name)
}

// ReadRooted is Read for an fsys that is the whole file system, where absolute
// paths can be followed. Relative ones are still relative to the manifest.
func ReadRooted(fsys fs.FS, name string) (*Manifest, error) {
	return read(&folder{fsys: fsys, rooted: true, home: path.Dir(name)}, name)
}

func read(f *folder, name string) (*Manifest, error) {
	m, err := f.manifest(name)
	if err != nil {
		return nil, err
	}
	if err := m.locate(f); err != nil {
		return nil, err
	}
	return m, nil
}

// manifest reads a manifest and does not yet look at what it points to.
func (f *folder) manifest(name string) (*Manifest, error) {
	base := path.Base(name)
	switch {
	case base == "Pipfile":
		return f.readTOML(name, f.pipfile)
	case base == "pyproject.toml":
		return f.readTOML(name, f.pyproject)
	case strings.HasSuffix(base, ".txt"), strings.HasSuffix(base, ".in"):
		return f.requirements(name)
	}
	return nil, noKind(f.fsys, name, "give a Pipfile, a pyproject.toml, or requirements in a file named *.txt or *.in",
		"cannot tell what kind of manifest this is")
}

// noKind refuses a file by its name, if there is such a file.
func noKind(fsys fs.FS, name, hint, what string) error {
	pos := Position{File: name}
	if !fs.ValidPath(name) {
		return refuse(pos, "", "not a path inside the folder")
	}
	info, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return cannotRead(pos, err)
	case info.IsDir():
		return refuse(pos, "give the file itself", "is a folder")
	}
	return refuse(pos, hint, "%s", what)
}

// readTOML parses the TOML file name and hands the document to read.
func (f *folder) readTOML(name string, read func(file string, doc *node) (*Manifest, error)) (*Manifest, error) {
	text, err := readText(f.fsys, name, maxTOML)
	if err != nil {
		return nil, err
	}
	doc, err := parseTOML(name, text)
	if err != nil {
		return nil, err
	}
	m, err := read(name, doc)
	if err != nil {
		return nil, err
	}
	m.Files = []string{name}
	slices.Sort(m.PrereleasesFor)
	m.PrereleasesFor = slices.Compact(m.PrereleasesFor)
	return m, nil
}

// readText returns the text of a file, which must be UTF-8 without NUL bytes
// and no longer than limit bytes; a byte order mark is cut off. No more than
// limit bytes are read of a longer one.
func readText(fsys fs.FS, name string, limit int) (string, error) {
	data, err := readLimited(fsys, name, limit)
	if err != nil {
		return "", err
	}
	text := string(data)
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if strings.HasPrefix(text, mark) {
			return "", refuse(Position{name, 1, 1}, "save the file as UTF-8", "the file is UTF-16")
		}
	}
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) {
		off := 0
		for {
			r, size := utf8.DecodeRuneInString(text[off:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			off += size
		}
		return "", refuse(position(name, text, off), "save the file as UTF-8", "byte %#02x is not UTF-8", text[off])
	}
	if off := strings.IndexByte(text, 0); off >= 0 {
		return "", refuse(position(name, text, off), "is this a text file?", "NUL byte")
	}
	return text, nil
}

func readLimited(fsys fs.FS, name string, limit int) ([]byte, error) {
	pos := Position{File: name}
	if !fs.ValidPath(name) {
		return nil, refuse(pos, "", "not a path inside the folder")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, cannotRead(pos, err)
	}
	defer f.Close() // nothing was written, so closing cannot lose anything
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, cannotRead(pos, err)
	case info.IsDir():
		return nil, refuse(pos, "give the file itself", "is a folder")
	case !info.Mode().IsRegular():
		return nil, refuse(pos, "give the file itself", "is not a regular file")
	}
	// The size of Stat is not trusted: the file may be growing.
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, cannotRead(pos, err)
	}
	if len(data) > limit {
		return nil, refuse(pos, "", "larger than %d KiB, the limit for such a file", limit>>10)
	}
	return data, nil
}

// cannotRead leaves the path out of a *fs.PathError, as the position has it.
func cannotRead(pos Position, err error) *Error {
	msg := err.Error()
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		msg = pe.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		msg = "no such file"
	}
	e := refuse(pos, "", "%s", msg)
	e.cause = err
	return e
}

// position returns the place of the byte at off of text.
func position(file, text string, off int) Position {
	before := text[:off]
	return Position{
		File: file,
		Line: strings.Count(before, "\n") + 1,
		Col:  off - strings.LastIndexByte(before, '\n'),
	}
}

var (
	variable = regexp.MustCompile(`^\$\{[A-Za-z0-9_]+\}$`)
	anyURL   = regexp.MustCompile(`://[^\s"'<>]*`)
	notPort  = regexp.MustCompile(`:.*[^0-9]`)
)

// RedactURL masks the user name and the password of every URL in a text. What
// is a ${VARIABLE} is kept, since it is a name and no secret.
func RedactURL(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return anyURL.ReplaceAllStringFunc(text, func(rest string) string {
		rest = rest[len("://"):]
		authority := rest
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			authority = rest[:i]
		}
		at := strings.LastIndexByte(authority, '@')
		if at < 0 {
			// A password with an unescaped "/" looks like a port that is no
			// number. Whatever it is, it must not be shown.
			port := authority[strings.LastIndexByte(authority, ']')+1:]
			if notPort.MatchString(port) {
				at = strings.LastIndexByte(rest, '@')
			}
			if at < 0 {
				return "://" + rest
			}
		}
		user, password, both := strings.Cut(rest[:at], ":")
		masked := mask(user)
		if both {
			masked += ":" + mask(password)
		}
		return "://" + masked + rest[at:]
	})
}

func mask(s string) string {
	if s == "" || variable.MatchString(s) {
		return s
	}
	return "****"
}

// sourceName makes a name for an index that has none, from host and path of
// its URL; n, when not 0, tells it from an earlier one with the same.
func sourceName(url string, n int) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	var b strings.Builder
	dash := false
	for _, r := range rest {
		if r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' {
			dash = b.Len() > 0
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		b.WriteString("index")
	}
	if n > 0 {
		fmt.Fprintf(&b, "-%d", n+1)
	}
	return b.String()
}

// maxRequirements and maxIndexes bound what a manifest names. Groups and extras
// that include one another could multiply requirements without end.
const (
	maxRequirements = 100_000
	maxIndexes      = 100
)

// require appends a requirement. One that cannot be used breaks its group or
// extra; if it is the project's own, its error is returned.
func (m *Manifest) require(r Requirement) error {
	if r.err != nil {
		if r.Group == "" && r.Extra == "" {
			return r.err
		}
		// The first says enough: there are only so many as groups and extras.
		if n := len(m.Broken); n == 0 || m.Broken[n-1].Group != r.Group || m.Broken[n-1].Extra != r.Extra {
			m.Broken = append(m.Broken, Broken{r.Group, r.Extra, r.err})
		}
		return nil
	}
	if len(m.Requirements) == maxRequirements {
		return refuse(r.Pos, "", "more than %d requirements, the limit", maxRequirements)
	}
	m.Requirements = append(m.Requirements, r)
	return nil
}

// addSource appends s, naming it if it has no name. A second source with the
// same name is an error.
func (m *Manifest) addSource(s Source) error {
	if len(m.Sources) == maxIndexes {
		return refuse(s.Pos, "", "more than %d indexes, the limit", maxIndexes)
	}
	if s.Name == "" {
		for n := 0; ; n++ {
			s.Name = sourceName(s.URL, n)
			if _, taken := m.source(s.Name); !taken {
				break
			}
		}
	}
	if other, taken := m.source(s.Name); taken {
		return refuse(s.Pos, "give each index its own name", "index %q is defined twice, first at %v", s.Name, other.Pos)
	}
	m.Sources = append(m.Sources, s)
	return nil
}

// source returns the source of that name.
func (m *Manifest) source(name string) (Source, bool) {
	for _, s := range m.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// checkIndex returns an error if name is not that of a source of m.
func (m *Manifest) checkIndex(name string, pos Position, hint string) error {
	if _, ok := m.source(name); ok {
		return nil
	}
	var have []string
	for _, s := range m.Sources {
		have = append(have, s.Name)
	}
	return refuse(pos, hint, "no index named %q; have %s", name, list(have))
}

// list returns names for a message.
func list[S ~string](names []S) string {
	if len(names) == 0 {
		return "none"
	}
	const most = 20
	var b strings.Builder
	for i, n := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(n))
	}
	return b.String()
}

// and returns the marker text that holds where both do. An empty one always holds.
func and(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return "(" + a + ") and (" + b + ")"
}

// parseExtras normalises extras as py.Requirement wants them: sorted, distinct.
func parseExtras(written []string) ([]py.Name, error) {
	if len(written) == 0 {
		return nil, nil
	}
	// The parser of requirements knows how; "x" stands for the project.
	for _, e := range written {
		if _, err := py.ParseName(e); err != nil {
			return nil, err
		}
	}
	r, err := py.ParseRequirement("x[" + strings.Join(written, ",") + "]")
	return r.Extras, err
}

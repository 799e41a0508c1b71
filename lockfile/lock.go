package lockfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/thamos/thamos/kb/py"
)

// A Lock is a pinned stack for one environment, as thamos writes it.
//
// Its writers (PipfileLock, RequirementsTxt, Pylock) give the same bytes for
// the same lock whatever the order of its slices. They refuse a lock that says
// a name twice, a package that has no sha256 (a directory has none) or that nobody needs, and text
// that would not stay on its line. Credentials in a URL are not written: see
// withoutCredentials.
type Lock struct {
	// Packages are sorted by name; a name occurs once.
	Packages []Pin

	// Sources are the indexes the pins come from; Pin.Index is a Source's Name.
	Sources []Source

	// DefaultSource names the Source that pip uses without being told, which
	// requirements.txt therefore leaves out. Empty means that there is none.
	DefaultSource string

	// RequiresPython is the manifest's, or empty.
	RequiresPython string

	// Environment is where the stack was chosen for. Nil means that the lock
	// does not say.
	Environment *py.Environment

	// PipfileHash, PythonVersion and PythonFullVersion are the manifest's (Pipfile.lock's _meta).
	PipfileHash, PythonVersion, PythonFullVersion string

	// FindLinks are the manifest's, for requirements.txt: the other formats name
	// files without. Directories are relative to the lock, or absolute.
	FindLinks []string

	// FileDir is the directory where the files will lie, with '/' between its
	// elements and relative to the lock. If it is set, pylock.toml names the
	// files by path in it and not by URL.
	FileDir string

	// Comment lines tell how the lock was made (tool, knowledge base digest,
	// command); no time, no path, no credentials. Formats without comments leave them out.
	Comment []string
}

// A Pin is one package of a lock.
type Pin struct {
	py.Package
	Extras []py.Name // extras that were asked for, sorted

	// Default reports that the project itself needs it (Pipfile.lock's default
	// section). Groups names the dependency groups and ForExtras the project's
	// extras that need it, sorted. At least one of the three is set.
	Default   bool
	Groups    []string
	ForExtras []py.Name

	RequiresPython string    // of the release; may be empty or malformed
	Files          []py.File // what may be installed, sorted by file name
	Index          string    // name of a Source, or empty
	Direct         *Direct   // where it comes from if from no index; a wheel is its only file, a directory has none
	Via            []string  // who requires it: project names or the manifest's file name, sorted
	Requires       []py.Name // projects of the lock that it requires, sorted
}

// pins returns the packages in the order they are written, each with sorted
// slices and with those files only whose sha256 is known, or says what makes
// the lock unfit to be written in any format.
func (l *Lock) pins() ([]Pin, error) {
	known := make(map[string]bool, len(l.Sources))
	for _, s := range l.Sources {
		known[s.Name] = true
	}
	pins := slices.Clone(l.Packages)
	slices.SortFunc(pins, func(a, b Pin) int { return strings.Compare(string(a.Name), string(b.Name)) })
	for i := range pins {
		p := &pins[i]
		if i > 0 && p.Name == pins[i-1].Name {
			return nil, fmt.Errorf("lock: %s is pinned twice (%s and %s)", p.Name, pins[i-1].Version, p.Version)
		}
		if p.Index != "" && !known[p.Index] {
			return nil, fmt.Errorf("lock: %s comes from source %q, which the lock does not have", p.Package, p.Index)
		}
		if err := p.prepare(); err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
	}
	return pins, nil
}

// prepare checks p and puts copies of its slices in order.
func (p *Pin) prepare() error {
	if n, err := py.ParseName(string(p.Name)); err != nil || n != p.Name {
		return fmt.Errorf("%q is not a normalised project name", p.Name)
	}
	if p.Version.IsZero() {
		return fmt.Errorf("%s has no version", p.Name)
	}
	p.Extras = sorted(p.Extras)
	p.Groups = sorted(p.Groups)
	p.ForExtras = sorted(p.ForExtras)
	p.Via = sorted(p.Via)
	p.Requires = sorted(p.Requires)
	if !p.Default && len(p.Groups) == 0 && len(p.ForExtras) == 0 {
		return fmt.Errorf("%s is needed by neither the project nor a group nor an extra", p.Package)
	}
	for _, g := range p.Groups {
		if g == "" || !fitsOnLine(g) {
			return fmt.Errorf("%s: %q is not the name of a group", p.Package, g)
		}
	}
	for _, names := range [][]py.Name{p.Extras, p.ForExtras, p.Requires} {
		for _, n := range names {
			if _, err := py.ParseName(string(n)); err != nil {
				return fmt.Errorf("%s: %q is not a name", p.Package, n)
			}
		}
	}
	for _, v := range p.Via {
		if !fitsOnLine(v) {
			return fmt.Errorf("%s: %q does not fit on a line", p.Package, v)
		}
	}
	if p.Direct != nil {
		return p.prepareDirect()
	}
	return p.prepareFiles()
}

// prepareFiles checks the files of p and drops those whose sha256 is not
// known: no installer could check them.
func (p *Pin) prepareFiles() error {
	var files []py.File
	for _, f := range p.Files {
		if f.Filename == "" || f.Filename == "." || f.Filename == ".." || strings.ContainsAny(f.Filename, `/\`) || !fitsOnLine(f.Filename) {
			return fmt.Errorf("%s: %q is not a file name", p.Package, f.Filename)
		}
		if f.SHA256 == "" {
			continue
		}
		if !isSHA256(f.SHA256) {
			return fmt.Errorf("%s: %q is not the sha256 of %s in lower-case hex", p.Package, f.SHA256, f.Filename)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no file whose sha256 is known", p.Package)
	}
	slices.SortFunc(files, func(a, b py.File) int { return strings.Compare(a.Filename, b.Filename) })
	for i := 1; i < len(files); i++ {
		if files[i].Filename == files[i-1].Filename {
			return fmt.Errorf("%s: file %s is listed twice", p.Package, files[i].Filename)
		}
	}
	p.Files = files
	return nil
}

// hashes returns the digests of the files as "sha256:…", sorted and distinct.
func (p *Pin) hashes() []string {
	hashes := make([]string, len(p.Files))
	for i, f := range p.Files {
		hashes[i] = "sha256:" + f.SHA256
	}
	return sorted(hashes)
}

// sorted returns a sorted copy of s without repetitions.
func sorted[S ~string](s []S) []S {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// fitsOnLine reports whether s is text that stays on the line it is written to.
// What is written comes from metadata that anybody may have published.
func fitsOnLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

// isSHA256 reports whether s is 64 lower-case hex digits.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// comment returns the lines of the comment that a lock begins with.
func (l *Lock) comment() (string, error) {
	var b strings.Builder
	for _, line := range l.Comment {
		if !fitsOnLine(line) {
			return "", fmt.Errorf("lock: the comment %q does not fit on a line", line)
		}
		b.WriteString(strings.TrimRight("# "+RedactURL(line), " ") + "\n")
	}
	return b.String(), nil
}

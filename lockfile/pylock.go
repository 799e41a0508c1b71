package lockfile

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// A MissingURLError says that a pylock.toml cannot be written, because it must
// name every file by URL or path and the URLs of these packages' files are not
// known. With Lock.FileDir set there are paths.
type MissingURLError struct {
	Packages []py.Package // sorted
}

func (e *MissingURLError) Error() string {
	const most = 5
	var names []string
	for _, p := range e.Packages[:min(most, len(e.Packages))] {
		names = append(names, p.String())
	}
	s := strings.Join(names, ", ")
	if more := len(e.Packages) - len(names); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return "pylock.toml needs the URL of every file, and those of " + s + " are not known"
}

// Pylock returns the lock as a pylock.toml (PEP 751, lock-version 1.0), laid out
// as uv does. What only groups or extras need has a marker that says which. It
// fails with a *MissingURLError if the URL of a file is not known and FileDir
// is not set.
//
// Tools replace no ${VARIABLE} in this format, so URLs have no user or password
// at all, and an index whose URL has a variable elsewhere is not named.
func (l *Lock) Pylock() ([]byte, error) {
	pins, err := l.pins()
	if err != nil {
		return nil, err
	}
	sources, err := l.sources()
	if err != nil {
		return nil, err
	}
	index := make(map[string]string, len(sources))
	for _, s := range sources {
		if u := withoutUser(s.URL); !strings.Contains(u, "${") {
			index[s.Name] = u
		}
	}
	dir, err := l.fileDir()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		if err := missingURLs(pins); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	if err := l.pylockHead(&b, pins); err != nil {
		return nil, err
	}
	for _, p := range pins {
		if err := p.pylock(&b, index[p.Index], dir); err != nil {
			return nil, fmt.Errorf("lock: %s: %w", p.Package, err)
		}
	}
	return []byte(b.String()), nil
}

// pylockHead writes everything before the packages.
func (l *Lock) pylockHead(b *strings.Builder, pins []Pin) error {
	comment, err := l.comment()
	if err != nil {
		return err
	}
	b.WriteString(comment + "lock-version = \"1.0\"\ncreated-by = \"thamos\"\n")
	if l.RequiresPython != "" {
		if _, err := py.ParseSpecifiers(l.RequiresPython); err != nil {
			return fmt.Errorf("lock: requires-python: %w", err)
		}
		b.WriteString("requires-python = " + tomlString(l.RequiresPython) + "\n")
	}
	if l.Environment != nil {
		m, err := environmentMarker(l.Environment)
		if err != nil {
			return err
		}
		if l.Environment.FreeThreaded {
			// Tools will take the lock with the usual Python too, and find no file
			// that fits or build one: PEP 508 tells the two by nothing.
			b.WriteString("# Only for free-threaded Python, which no marker can say.\n")
		}
		b.WriteString("environments = [\n    " + tomlString(m) + ",\n]\n")
	}
	var extras, groups []string
	for _, p := range pins {
		groups = append(groups, p.Groups...)
		for _, e := range p.ForExtras {
			extras = append(extras, string(e))
		}
	}
	for _, g := range groups {
		if _, err := py.ParseName(g); err != nil {
			return fmt.Errorf("lock: a pylock.toml cannot have a group of that name: %w", err)
		}
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"extras", sorted(extras)}, {"dependency-groups", sorted(groups)}} {
		if len(list.names) > 0 {
			b.WriteString(list.key + " = " + tomlList(list.names) + "\n")
		}
	}
	return nil
}

// environmentMarker tells the lock's environment from others by what decides
// which releases and files fit: the kind of Python, its minor version, the
// system and the machine.
func environmentMarker(env *py.Environment) (string, error) {
	values := env.MarkerValues()
	var terms []string
	for _, name := range []string{"implementation_name", "platform_machine", "python_version", "sys_platform"} {
		v := values[name]
		if v == "" || strings.ContainsAny(v, `'"\`) || !fitsOnLine(v) {
			return "", fmt.Errorf("lock: environment: %s cannot be %q", name, v)
		}
		terms = append(terms, name+" == '"+v+"'")
	}
	return strings.Join(terms, " and "), nil
}

// pylock writes p as one of [[packages]].
func (p *Pin) pylock(b *strings.Builder, index, dir string) error {
	b.WriteString("\n[[packages]]\nname = " + tomlString(string(p.Name)) + "\n")
	// The version of a directory may change with what lies there (PEP 751).
	if p.Direct == nil || !p.Direct.Directory {
		b.WriteString("version = " + tomlString(p.Version.String()) + "\n")
	}
	if index != "" {
		b.WriteString("index = " + tomlString(index) + "\n")
	}
	if m := p.neededMarker(); m != "" {
		b.WriteString("marker = " + tomlString(m) + "\n")
	}
	// What was published may be malformed, and then a reader would refuse the
	// whole file for something that pip ignores.
	if _, err := py.ParseSpecifiers(p.RequiresPython); err == nil && p.RequiresPython != "" {
		b.WriteString("requires-python = " + tomlString(p.RequiresPython) + "\n")
	}
	if len(p.Requires) > 0 {
		b.WriteString("dependencies = [\n")
		for _, n := range p.Requires {
			b.WriteString("    { name = " + tomlString(string(n)) + " },\n")
		}
		b.WriteString("]\n")
	}
	if p.Direct != nil {
		text, err := p.pylockDirect()
		b.WriteString(text)
		return err
	}
	sdist, wheels := p.artifacts()
	if sdist == nil && len(wheels) == 0 {
		return fmt.Errorf("none of its files is a wheel or a source distribution")
	}
	if sdist != nil {
		text, err := pylockFile(*sdist, dir)
		if err != nil {
			return err
		}
		b.WriteString("sdist = " + text + "\n")
	}
	var lines []string
	for _, w := range wheels {
		text, err := pylockFile(w, dir)
		if err != nil {
			return err
		}
		lines = append(lines, text)
	}
	switch len(lines) {
	case 0:
	case 1:
		b.WriteString("wheels = [" + lines[0] + "]\n")
	default:
		b.WriteString("wheels = [\n    " + strings.Join(lines, ",\n    ") + ",\n]\n")
	}
	return nil
}

// neededMarker says which groups and extras p is for, or "" if the project
// itself needs it.
func (p *Pin) neededMarker() string {
	if p.Default {
		return ""
	}
	var terms []string
	for _, e := range p.ForExtras {
		terms = append(terms, "'"+string(e)+"' in extras")
	}
	for _, g := range p.Groups {
		terms = append(terms, "'"+g+"' in dependency_groups")
	}
	return strings.Join(terms, " or ")
}

// artifacts returns what a pylock.toml can name of p's files: its wheels, and
// one source distribution. The first by name is a .tar.gz (PEP 625) where
// there is a .zip too.
func (p *Pin) artifacts() (sdist *py.File, wheels []py.File) {
	for i := range p.Files {
		f := &p.Files[i]
		if _, err := py.ParseWheelName(f.Filename); err == nil {
			wheels = append(wheels, *f)
		} else if _, err := py.ParseSdistName(f.Filename); err == nil {
			if sdist == nil {
				sdist = f
			}
		}
	}
	return sdist, wheels
}

// missingURLs returns a *MissingURLError if a file that would be named has no URL.
func missingURLs(pins []Pin) error {
	var missing []py.Package
	for _, p := range pins {
		if p.Direct != nil {
			continue
		}
		sdist, wheels := p.artifacts()
		if sdist != nil && sdist.URL == "" || slices.ContainsFunc(wheels, func(f py.File) bool { return f.URL == "" }) {
			missing = append(missing, p.Package)
		}
	}
	if missing != nil {
		return &MissingURLError{missing}
	}
	return nil
}

// pylockFile returns f as an inline table: by path if dir is set, else by URL.
// It names the file where the last element of the URL does not.
func pylockFile(f py.File, dir string) (string, error) {
	var fields []string
	if dir != "" {
		fields = append(fields, "path = "+tomlString(path.Join(dir, f.Filename)))
	} else {
		clean, err := withoutCredentials(f.URL)
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.Filename, err)
		}
		clean = withoutUser(clean)
		if u, err := url.Parse(clean); err != nil || path.Base(u.Path) != f.Filename {
			fields = append(fields, "name = "+tomlString(f.Filename))
		}
		fields = append(fields, "url = "+tomlString(clean))
	}
	if f.Uploaded > 0 {
		fields = append(fields, "upload-time = "+time.Unix(f.Uploaded, 0).UTC().Format(time.RFC3339))
	}
	if f.Size > 0 {
		fields = append(fields, fmt.Sprintf("size = %d", f.Size))
	}
	fields = append(fields, "hashes = { sha256 = "+tomlString(f.SHA256)+" }")
	return "{ " + strings.Join(fields, ", ") + " }", nil
}

// fileDir returns FileDir, cleaned, or an error if it is not a relative path.
func (l *Lock) fileDir() (string, error) {
	if l.FileDir == "" {
		return "", nil
	}
	if path.IsAbs(l.FileDir) || strings.ContainsAny(l.FileDir, `\:`) || !fitsOnLine(l.FileDir) {
		return "", fmt.Errorf("lock: the directory of the files must be relative to the lock, with / between its elements; %q is not", l.FileDir)
	}
	return path.Clean(l.FileDir), nil
}

func tomlList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = tomlString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// tomlString returns s, which is on one line, as a basic string of TOML.
func tomlString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

package environment

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A candidate is an interpreter that may be the project's.
type candidate struct {
	path string
	from string // how it was found, in words; empty if the path says it
	hint label  // what is known of it without starting it; may be empty

	// insist reports that the user chose it, so that its failure is theirs to
	// know and not a reason to look further.
	insist bool

	// expected reports that the user would wonder if it were passed over in
	// silence.
	expected bool

	// untrusted reports that only the project led to it.
	untrusted bool
}

// places knows where interpreters lie.
type places struct {
	host
	dir    string
	getenv func(string) string
}

// home returns the user's directory, empty if there is none.
func (p places) home() string { return cmp.Or(p.getenv("HOME"), p.getenv("USERPROFILE")) }

// program returns whether path is a program. The empty files that Windows puts
// on PATH to advertise its store are none.
func (p places) program(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	return p.goos == "windows" || info.Mode()&0o111 != 0
}

// python returns the interpreter of an installation or environment at prefix,
// and whether it is there.
func (p places) python(prefix string) (string, bool) {
	names := []string{"bin/python", "bin/python3", "bin/pypy3"}
	if p.goos == "windows" {
		names = []string{"Scripts/python.exe", "python.exe", "pypy3.exe"}
	}
	for _, name := range names {
		if path := filepath.Join(prefix, filepath.FromSlash(name)); p.program(path) {
			return path, true
		}
	}
	return "", false
}

// environment returns the virtual environment at prefix.
func (p places) environment(prefix, from string) (candidate, error) {
	if info, err := os.Stat(prefix); err != nil || !info.IsDir() {
		return candidate{}, errors.New("there is no such directory")
	}
	path, ok := p.python(prefix)
	if !ok {
		return candidate{}, errors.New("it has no interpreter, or one whose installation is gone")
	}
	c := candidate{path: path, from: from, insist: true, expected: true}
	c.hint = environmentLabel(prefix)
	if len(c.hint.numbers) == 0 {
		c.hint = programLabel(path)
	}
	return c, nil
}

// environmentLabel returns what pyvenv.cfg says: "version = 3.11.7" of venv,
// "version_info = 3.11.7.final.0" of virtualenv, "version_info = 3.11.7" of uv.
func environmentLabel(prefix string) label {
	text := string(readFile(filepath.Join(prefix, "pyvenv.cfg"), 64<<10))
	implementation := ""
	var found label
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "implementation":
			implementation = strings.ToLower(value)
		case "version", "version_info":
			if parts := strings.Split(value, "."); len(parts) == 5 {
				value = strings.Join(parts[:3], ".")
			}
			if l, err := parseLabel(value); err == nil {
				found = l
			}
		}
	}
	if found.implementation == "" && (implementation == "cpython" || implementation == "pypy") {
		found.implementation = implementation
	}
	return found
}

var programName = regexp.MustCompile(`^(?:python|pypy)3\.[0-9]{1,2}t?(?:\.exe)?$`)

// programLabel returns what the name of a program says, once links are
// followed: python3 is mostly a link to python3.11.
func programLabel(path string) label {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return label{}
	}
	name := filepath.Base(real)
	if !programName.MatchString(name) {
		return label{}
	}
	l, err := parseLabel(strings.TrimSuffix(name, ".exe"))
	if err != nil || l.implementation == "pypy" {
		return label{implementation: l.implementation, numbers: l.numbers}
	}
	return l
}

// onPath returns the programs called name on PATH, first first. Where PATH has
// pyenv's shims, the versions they stand for are taken: a shim is a shell script
// that takes longer than Python, and says something else in every directory.
func (p places) onPath(name string) iter.Seq[candidate] {
	if p.goos == "windows" && !strings.HasSuffix(name, ".exe") {
		name += ".exe"
	}
	return func(yield func(candidate) bool) {
		for _, dir := range p.pathDirs() {
			path := filepath.Join(dir, name)
			if p.program(path) && !yield(candidate{path: path, hint: programLabel(path)}) {
				return
			}
		}
	}
}

// pathDirs returns the directories of PATH. Relative ones are left out: what
// they have would come from the project.
func (p places) pathDirs() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(p.getenv("PATH")) {
		switch {
		case !filepath.IsAbs(dir):
		case filepath.Clean(dir) == filepath.Join(p.pyenv(), "shims"):
			dirs = append(dirs, p.pyenvGlobal()...)
		default:
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// pyenv returns pyenv's directory.
func (p places) pyenv() string {
	return cmp.Or(p.getenv("PYENV_ROOT"), filepath.Join(p.home(), ".pyenv"))
}

// pyenvGlobal returns the directories of the programs of the versions that
// pyenv's own version file names.
func (p places) pyenvGlobal() []string {
	var dirs []string
	for _, line := range pins(readFile(filepath.Join(p.pyenv(), "version"), maxPinFile)) {
		if path, ok := p.pyenvNamed(line); ok {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

// versionName is what a directory of pyenv may be called. A pin comes from the
// project and must not lead out of pyenv's directory.
var versionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`) })

// pyenvNamed returns the interpreter of the installation or environment that
// pyenv has under a name.
func (p places) pyenvNamed(name string) (string, bool) {
	if !versionName().MatchString(name) {
		return "", false
	}
	return p.python(filepath.Join(p.pyenv(), "versions", name))
}

// uv returns the directory of the Pythons that uv installed.
func (p places) uv() string {
	if dir := p.getenv("UV_PYTHON_INSTALL_DIR"); dir != "" {
		return dir
	}
	if p.goos == "windows" {
		return filepath.Join(p.getenv("APPDATA"), "uv", "python")
	}
	data := cmp.Or(p.getenv("XDG_DATA_HOME"), filepath.Join(p.home(), ".local", "share"))
	return filepath.Join(data, "uv", "python")
}

// installed returns the interpreters that pyenv or uv keeps in dir, the newest
// first and pre-releases last. Directories whose names are no versions, such as
// virtual environments, are left out.
func (p places) installed(dir string) []candidate {
	entries, err := os.ReadDir(dir)
	if err != nil || !filepath.IsAbs(dir) {
		return nil
	}
	var found []candidate
	for _, e := range entries[:min(len(entries), 1000)] {
		l, err := parseLabel(e.Name())
		if err != nil || len(l.numbers) < 2 || e.Type()&fs.ModeSymlink != 0 {
			continue // links are short names of what is there in full
		}
		l.sure = true
		l.implementation = cmp.Or(l.implementation, "cpython")
		if path, ok := p.python(filepath.Join(dir, e.Name())); ok {
			found = append(found, candidate{path: path, hint: l})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		if x, y := a.hint.unstable(), b.hint.unstable(); x != y {
			if x {
				return 1
			}
			return -1
		}
		return slices.Compare(b.hint.numbers, a.hint.numbers)
	})
	return found
}

// path yields what PATH has: the default first, then by version, newest first.
func (p places) path(yield func(candidate) bool) {
	expected := true
	for _, name := range []string{"python3", "python"} {
		for c := range p.onPath(name) {
			if real, err := filepath.EvalSymlinks(c.path); err != nil || strings.HasPrefix(filepath.Base(real), "python2") {
				continue
			}
			c.expected, expected = expected, false
			if !yield(c) {
				return
			}
		}
	}
	for minor := newestMinor; minor >= oldestMinor; minor-- {
		for c := range p.onPath(fmt.Sprintf("python3.%d", minor)) {
			if !yield(c) {
				return
			}
		}
	}
}

// kept yields what pyenv and then uv keep.
func (p places) kept(yield func(candidate) bool) {
	for _, dir := range []string{filepath.Join(p.pyenv(), "versions"), p.uv()} {
		for _, c := range p.installed(dir) {
			if !yield(c) {
				return
			}
		}
	}
}

// chain yields what each of the sequences does.
func chain(seqs ...iter.Seq[candidate]) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, s := range seqs {
			for c := range s {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// pythonic reports whether a program, links followed, is called as interpreters
// are.
func pythonic(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	name := strings.ToLower(filepath.Base(real))
	return err == nil && (strings.HasPrefix(name, "python") || strings.HasPrefix(name, "pypy"))
}

// inside reports whether path, links followed, lies in dir.
func inside(dir, path string) bool {
	realDir, err1 := filepath.EvalSymlinks(dir)
	real, err2 := filepath.EvalSymlinks(path)
	if err1 != nil || err2 != nil {
		return true // unknown: trust nothing
	}
	realDir, err := filepath.Abs(realDir)
	if err != nil {
		return true
	}
	rel, err := filepath.Rel(realDir, real)
	return err == nil && filepath.IsLocal(rel)
}

package environment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// A Request says what is asked. What is left zero is detected.
type Request struct {
	// Dir is the project's directory; empty is the working directory.
	Dir string

	// Getenv reads the user's environment; nil is an empty one.
	Getenv func(string) string

	// Python is the flag --python: the path of an interpreter or of an
	// environment (relative to Dir), the name of a program on PATH, or a version
	// such as "3.12".
	Python string

	// PythonVersion is the flag --python-version, "3.12" or "3.12.4" (also
	// "3.13t", "pypy3.10"): the version, whatever is installed. Without a patch
	// level it is the lowest that RequiresPython admits.
	PythonVersion string
	// PythonVersionFrom is who says so, for messages; empty is the flag.
	PythonVersionFrom string

	// Platform is the flag --platform, see py.ParsePlatform: the platform,
	// whatever the machine is.
	Platform string

	// RequiresPython is what the manifest asks for.
	RequiresPython py.Specifiers

	// CacheFile keeps what interpreters said; empty is no cache. It and its
	// directory are made where they are missing.
	CacheFile string
}

// A Result is an environment and, in words, where each part was learnt.
type Result struct {
	Environment py.Environment

	// PythonFrom is such as "Python 3.11.7 from .venv/bin/python" or "Python
	// 3.9.0 because the manifest asks for Python ==3.9.*; no such interpreter
	// was found".
	PythonFrom string

	// PlatformFrom is such as "platform manylinux_2_36_x86_64 of this machine".
	PlatformFrom string

	// Interpreter is the path of the interpreter; empty if there is none, or
	// if none was asked for.
	Interpreter string

	// Host is what is known of this machine beside its platform. With
	// Request.Platform nothing is, for the stack will run elsewhere.
	Host py.Host

	// Notes are sentences the user should see: what was passed over and why.
	Notes []string
}

// A ConflictError reports that a flag insists on a Python that the manifest
// excludes.
type ConflictError struct {
	Flag     string // such as "--python-version 3.9"
	Python   string // the Python the flag means, such as "3.9" or "3.9.18"
	Requires py.Specifiers
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s means Python %s, but the manifest asks for Python %s: change the flag or the manifest",
		e.Flag, e.Python, e.Requires)
}

// Detect finds the Python and the platform of a project; the order is that of
// the package comment. It fails if a flag cannot be understood or contradicts
// the manifest (*ConflictError), if an interpreter the user chose does not
// answer as one, if nothing says which Python to take, and when ctx ends.
func Detect(ctx context.Context, r Request) (Result, error) {
	return detect(ctx, r, thisHost())
}

func detect(ctx context.Context, r Request, h host) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if r.Getenv == nil {
		r.Getenv = func(string) string { return "" }
	}
	dir, err := filepath.Abs(r.Dir)
	if err != nil {
		return Result{}, fmt.Errorf("project directory: %w", err)
	}
	s := &seeker{places: places{h, dir, r.Getenv}, request: r, cache: newCache(r.CacheFile)}
	var platform py.Platform
	if r.Platform != "" {
		if platform, err = py.ParsePlatform(r.Platform); err != nil {
			return Result{}, fmt.Errorf("--platform: %w", err)
		}
	}
	got, err := s.choose(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{PythonFrom: got.why, Interpreter: got.path}
	result.Environment = py.Environment{
		Implementation: got.is.implementation, Python: got.is.exact, FreeThreaded: got.is.freeThreaded, Debug: got.debug,
	}
	if r.Platform != "" {
		result.PlatformFrom = fmt.Sprintf("platform %s from --platform", platform)
	} else if platform, result.PlatformFrom, err = s.platform(got); err != nil {
		return Result{}, err
	}
	result.Environment.Platform = platform
	result.Host = unknownHost()
	if r.Platform == "" {
		result.Host = h.hardware(r.Getenv)
	}
	result.Notes = s.notes
	return result, nil
}

// platform returns the platform of what was chosen: of the interpreter if one
// answered, which may be made for another C library or machine than the
// system's, else of the machine.
func (s *seeker) platform(got choice) (py.Platform, string, error) {
	var p py.Platform
	var err error
	of := "this machine"
	if got.facts != nil {
		if p, err = got.facts.platform(); err != nil {
			return p, "", fmt.Errorf("%s: %w", got.asked, err)
		}
		of = s.short(got.asked)
		if got.asked == got.path {
			of = "that interpreter"
		}
		p = s.complete(p)
	} else if p, err = s.host.platform(); err != nil {
		return p, "", err
	}
	switch {
	case p.OS == "linux" && p.Libc == "":
		s.note("the C library of %s was not found, so only files for every platform fit: say one with --platform, such as manylinux_2_28_%s", of, p.Machine)
	case p.OS == "darwin" && p.Major == 0:
		return p, "", fmt.Errorf("the version of macOS cannot be learnt: say the platform with --platform, such as macosx_14_0_%s", p.Machine)
	}
	return p, fmt.Sprintf("platform %s of %s", p, of), nil
}

// choose walks through the places in the order of the package comment.
func (s *seeker) choose(ctx context.Context) (choice, error) {
	r := s.request
	switch {
	case r.PythonVersion != "":
		return s.fromVersion(ctx)
	case r.Python != "":
		return s.fromPython(ctx)
	}
	if got, err := s.first(ctx, label{}, s.environments); err != nil || got.found() {
		return got, err
	}
	for _, p := range s.pinned() {
		if got, err := s.fromPin(ctx, p); err != nil || got.found() {
			return got, err
		}
	}
	if got, err := s.first(ctx, label{}, chain(s.path, s.kept)); err != nil || got.found() {
		return got, err
	}
	return s.fromWish()
}

// fromVersion is the flag --python-version. The flag --python then says whose
// platform it is, unless --platform says that, too.
func (s *seeker) fromVersion(ctx context.Context) (choice, error) {
	r := s.request
	from := cmp.Or(r.PythonVersionFrom, "--python-version")
	flag := from + " " + r.PythonVersion
	l, err := parseLabel(r.PythonVersion)
	if err != nil {
		return choice{}, fmt.Errorf("%s: %w", from, err)
	}
	if len(l.numbers) < 2 {
		return choice{}, fmt.Errorf("%s: two numbers are needed, such as 3.12", flag)
	}
	got, ok := without(l, r.RequiresPython)
	if !ok {
		return choice{}, &ConflictError{Flag: flag, Python: l.String(), Requires: r.RequiresPython}
	}
	got.why = fmt.Sprintf("Python %s from %s", got.is, from)
	if r.Python == "" || r.Platform != "" {
		return got, nil
	}
	c, named, err := s.named(r.Python)
	if err != nil {
		return choice{}, err
	}
	if !named { // a version beside a version has nothing to add
		return choice{}, fmt.Errorf("--python %s and --python-version %s both name a version: give one of them", r.Python, r.PythonVersion)
	}
	f, err := s.ask(ctx, c.path)
	if err != nil {
		return choice{}, s.refused(c, err)
	}
	got.facts, got.asked = &f, c.path
	return got, nil
}

// fromPython is the flag --python.
func (s *seeker) fromPython(ctx context.Context) (choice, error) {
	r := s.request
	flag := "--python " + r.Python
	c, named, err := s.named(r.Python)
	if err != nil {
		return choice{}, err
	}
	if named {
		f, err := s.ask(ctx, c.path)
		if err == nil {
			err = f.supported()
		}
		if err != nil {
			return choice{}, s.refused(c, err)
		}
		if !r.RequiresPython.Contains(f.python()) {
			return choice{}, &ConflictError{Flag: flag, Python: f.Version, Requires: r.RequiresPython}
		}
		return s.chosen(c, f), nil
	}
	l, err := parseLabel(r.Python)
	if err != nil {
		return choice{}, fmt.Errorf("--python: %w", err)
	}
	if !l.admitted(r.RequiresPython) {
		return choice{}, &ConflictError{Flag: flag, Python: l.String(), Requires: r.RequiresPython}
	}
	got, err := s.first(ctx, l, known(chain(s.environments, s.path, s.kept)))
	if err != nil || got.found() {
		return got, err
	}
	return s.assumed(l, flag+" asks for it")
}

// named returns the interpreter that --python names by path or by program;
// false if it can only be a version.
func (s *seeker) named(text string) (candidate, bool, error) {
	if !filepath.IsAbs(text) && !strings.ContainsAny(text, `/\`) {
		for c := range s.onPath(text) {
			c.from = "--python"
			return c, true, nil
		}
		if _, err := parseLabel(text); err == nil {
			return candidate{}, false, nil
		}
	}
	path := text
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	if python, ok := s.python(path); ok { // an environment
		return candidate{path: python, from: "--python"}, true, nil
	}
	if s.program(path) {
		return candidate{path: path, from: "--python"}, true, nil
	}
	return candidate{}, false, fmt.Errorf("--python %s: it is no version such as 3.12, no program on PATH or in this place, and no environment with one", text)
}

// fromPin is one line of .python-version or PYENV_VERSION.
func (s *seeker) fromPin(ctx context.Context, p pin) (choice, error) {
	if p.text == "system" { // pyenv's word for: as if I were not there
		return choice{}, nil
	}
	l, err := parseLabel(p.text)
	if err != nil {
		path, ok := s.pyenvNamed(p.text)
		if !ok {
			s.note("%s says %.40q, which is no supported version of Python and no environment of pyenv: it is passed over", p.from, p.text)
			return choice{}, nil
		}
		c, err := s.environment(filepath.Dir(filepath.Dir(path)), p.from)
		if err != nil {
			return choice{}, nil // it was there a moment ago
		}
		return s.first(ctx, label{}, one(c))
	}
	if !l.admitted(s.request.RequiresPython) {
		s.note("%s says Python %s, but the manifest asks for Python %s: it is passed over", p.from, l, s.request.RequiresPython)
		return choice{}, nil
	}
	got, err := s.first(ctx, l, func(yield func(candidate) bool) {
		for c := range known(chain(s.kept, s.path)) {
			c.from = p.from
			if !yield(c) {
				return
			}
		}
	})
	if err != nil || got.found() {
		return got, err
	}
	return s.assumed(l, p.from+" says "+l.String())
}

// fromWish is what remains where no interpreter fits.
func (s *seeker) fromWish() (choice, error) {
	wish := s.request.RequiresPython
	if wish.Empty() {
		if s.failed != nil {
			return choice{}, s.failed
		}
		return choice{}, errors.New("no Python was found, and the manifest does not say which it asks for: say one with --python-version, such as --python-version 3.12")
	}
	l := label{numbers: []int{3}}
	if !l.admitted(wish) {
		return choice{}, fmt.Errorf("the manifest asks for Python %s, which none from 3.%d to 3.%d is, and no such interpreter was found: change the manifest",
			wish, oldestMinor, newestMinor)
	}
	return s.assumed(l, fmt.Sprintf("the manifest asks for Python %s", wish))
}

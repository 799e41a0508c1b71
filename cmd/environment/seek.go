package environment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/thamos/thamos/kb/py"
)

// A choice is a Python and how it was come by. The zero choice is none.
type choice struct {
	is    label // exact and with an implementation
	debug bool
	why   string
	path  string // of the interpreter; may be empty
	facts *facts // of the interpreter that was asked, whose platform it is; may be nil
	asked string // the path of that interpreter
}

func (c choice) found() bool { return !c.is.exact.IsZero() }

// A seeker looks for one Python.
type seeker struct {
	places
	request Request
	cache   *cache
	started bool     // the one process was started
	left    string   // an interpreter that may fit and could not be asked, for another was
	failed  error    // why the first interpreter nobody insisted on did not answer
	notes   []string // for Result
}

func (s *seeker) note(format string, args ...any) {
	// Some places are looked at twice.
	if n := fmt.Sprintf(format, args...); !slices.Contains(s.notes, n) {
		s.notes = append(s.notes, n)
	}
}

// errStarted reports that an interpreter was not asked because another was.
var errStarted = errors.New("only one interpreter is started")

// ask returns the facts of an interpreter, from the cache if they are there.
func (s *seeker) ask(ctx context.Context, path string) (facts, error) {
	at, err := s.stampOf(path)
	if err != nil {
		return facts{}, err
	}
	if f, ok := s.cache.find(at); ok {
		return f, nil
	}
	if s.started {
		return facts{}, errStarted
	}
	s.started = true
	f, err := s.start(ctx, path, s.dir, s.getenv)
	if err != nil {
		return facts{}, err
	}
	// What another program answers, as behind a shim, may change while the file
	// that was started stays the same.
	if same(f.Executable, at.Path) {
		s.cache.keep(at, f)
	}
	return f, nil
}

// same reports whether two paths lead to one file.
func same(a, b string) bool {
	if !filepath.IsAbs(a) {
		return false
	}
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// first returns the first candidate that is what l names and that the manifest
// admits; the zero choice if there is none.
func (s *seeker) first(ctx context.Context, l label, candidates iter.Seq[candidate]) (choice, error) {
	seen := map[string]bool{} // PATH may have a directory twice
	for c := range candidates {
		if seen[c.path] {
			continue
		}
		seen[c.path] = true
		got, err := s.consider(ctx, l, c)
		if err != nil || got.found() {
			return got, err
		}
	}
	return choice{}, nil
}

// consider returns c if it fits, starting it only if what is known without does
// not rule it out.
func (s *seeker) consider(ctx context.Context, l label, c candidate) (choice, error) {
	wish := s.request.RequiresPython
	if known := len(c.hint.numbers) > 0; known {
		if !l.covers(c.hint) {
			return choice{}, nil
		}
		if !c.hint.admitted(wish) {
			s.excluded(c, c.hint.String())
			return choice{}, nil
		}
	}
	if c.untrusted && (inside(s.dir, c.path) || !pythonic(c.path)) {
		if c.hint.exact.IsZero() {
			s.note("%s is not started, for it is a program of the project's own and no installed Python; activate the environment, or name it with --python", s.short(c.path))
		}
		return s.unasked(c), nil
	}
	f, err := s.ask(ctx, c.path)
	switch {
	case ctx.Err() != nil:
		return choice{}, ctx.Err()
	case errors.Is(err, errStarted):
		got := s.unasked(c)
		if !got.found() && s.left == "" {
			s.left = c.path
		}
		return got, nil
	case err == nil:
		err = f.supported()
	}
	switch {
	case err != nil && c.insist:
		return choice{}, s.refused(c, err)
	case err != nil:
		if s.failed == nil {
			s.failed = s.refused(c, err)
		}
		return choice{}, nil
	case !l.covers(f.label()):
		return choice{}, nil
	case !wish.Contains(f.python()):
		s.excluded(c, f.Version)
		return choice{}, nil
	}
	return s.chosen(c, f), nil
}

// excluded notes that the manifest excludes an interpreter the user would
// expect to be taken: an environment, or the first on PATH.
func (s *seeker) excluded(c candidate, version string) {
	if !c.expected {
		return
	}
	s.note("%s is Python %s, but the manifest asks for Python %s: it is passed over", s.short(c.path), version, s.request.RequiresPython)
}

// refused says which interpreter failed, and the way out.
func (s *seeker) refused(c candidate, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err // the caller's wish, no fault of the interpreter
	}
	return fmt.Errorf("interpreter %s: %w; choose another with --python, or say the version with --python-version", s.short(c.path), err)
}

// chosen is an interpreter that answered.
func (s *seeker) chosen(c candidate, f facts) choice {
	return choice{is: f.label(), debug: f.Debug, why: s.why(c, f.label()), path: c.path, facts: &f, asked: c.path}
}

// unasked is an interpreter of which enough is known without its answer; the
// zero choice if that is not so.
func (s *seeker) unasked(c candidate) choice {
	is := c.hint
	if is.exact.IsZero() || !s.request.RequiresPython.Contains(is.exact) {
		return choice{}
	}
	is.implementation = cmp.Or(is.implementation, "cpython")
	return choice{is: is, why: s.why(c, is) + ", which was not started", path: c.path}
}

func (s *seeker) why(c candidate, is label) string {
	why := fmt.Sprintf("Python %s from %s", is, s.short(c.path))
	if c.from != "" {
		why += " (" + c.from + ")"
	}
	return why
}

// without is the lowest Python that l names and the manifest admits.
func without(l label, wish py.Specifiers) (choice, bool) {
	v, ok := l.lowest(wish)
	if !ok {
		return choice{}, false
	}
	is := label{implementation: cmp.Or(l.implementation, "cpython"), exact: v, freeThreaded: l.freeThreaded}
	return choice{is: is}, true
}

// assumed is a Python of which no interpreter was found. The caller made sure
// that the manifest admits one.
func (s *seeker) assumed(l label, because string) (choice, error) {
	got, ok := without(l, s.request.RequiresPython)
	if !ok {
		return choice{}, fmt.Errorf("no Python is %s and what the manifest asks for, %s", l, s.request.RequiresPython)
	}
	if s.failed != nil {
		s.note("%v", s.failed)
	}
	found := "no such interpreter was found"
	if s.left != "" {
		found = s.short(s.left) + " may be one, but only one interpreter is started"
	}
	got.why = fmt.Sprintf("Python %s because %s; %s", got.is, because, found)
	return got, nil
}

// environments yields the active virtual environment and the project's.
func (s *seeker) environments(yield func(candidate) bool) {
	active := []struct{ variable, words string }{
		{"VIRTUAL_ENV", "active virtual environment"},
		{"CONDA_PREFIX", "active conda environment"},
	}
	for _, a := range active {
		prefix := s.getenv(a.variable)
		if prefix == "" || a.variable == "CONDA_PREFIX" && s.condaBase() {
			continue
		}
		c, err := s.environment(prefix, a.words)
		if err != nil {
			s.note("%s is %s, but %v: it is passed over", a.variable, prefix, err)
			continue
		}
		if !yield(c) {
			return
		}
	}
	prefix := filepath.Join(s.dir, ".venv")
	if info, err := os.Stat(prefix); err != nil || !info.IsDir() {
		return
	}
	c, err := s.environment(prefix, "")
	if err != nil {
		s.note("the project has a .venv, but %v: it is passed over", err)
		return
	}
	c.untrusted = true
	yield(c)
}

// condaBase reports whether the active conda environment is the one conda
// itself lives in: a default like any other on PATH, no choice of the user's.
func (s *seeker) condaBase() bool {
	name := s.getenv("CONDA_DEFAULT_ENV")
	return name == "base" || name == "root"
}

// known yields the candidates of which something is known, then the others: of
// those that may be what a label names only one can be started.
func known(candidates iter.Seq[candidate]) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, want := range []bool{true, false} {
			for c := range candidates {
				if (len(c.hint.numbers) > 0) == want && !yield(c) {
					return
				}
			}
		}
	}
}

// one yields c alone.
func one(c candidate) iter.Seq[candidate] {
	return func(yield func(candidate) bool) { yield(c) }
}

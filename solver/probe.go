package solver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// An Interpreter is the Python that runs in a container, as it says itself.
type Interpreter struct {
	Implementation        string            `json:"implementation"`
	Version               string            `json:"version"`
	ImplementationVersion string            `json:"implementation_version"`
	FreeThreaded          bool              `json:"free_threaded"`
	Machine               string            `json:"machine"`
	Release               string            `json:"release"`
	Libc                  string            `json:"libc"`
	LibcVersion           string            `json:"libc_version"`
	OS                    string            `json:"os"`
	OSVersion             string            `json:"os_version"`
	Dists                 map[string]string `json:"dists"`
}

// Environment is what markers and wheel tags are judged against in there.
func (i Interpreter) Environment() (py.Environment, error) {
	e := py.Environment{Implementation: i.Implementation, FreeThreaded: i.FreeThreaded}
	var err error
	if e.Python, err = py.ParseVersion(i.Version); err != nil {
		return e, fmt.Errorf("the Python of the image: %w", err)
	}
	if i.Implementation != "cpython" {
		if e.ImplementationVersion, err = py.ParseVersion(i.ImplementationVersion); err != nil {
			return e, fmt.Errorf("the Python of the image: %w", err)
		}
	}
	e.Platform = py.Platform{OS: "linux", Machine: i.Machine, Release: i.Release}
	major, minor, _ := strings.Cut(i.LibcVersion, ".")
	minor, _, _ = strings.Cut(minor, ".")
	e.Platform.Major, _ = strconv.Atoi(major)
	e.Platform.Minor, _ = strconv.Atoi(minor)
	switch {
	case i.Libc == "glibc" && e.Platform.Major > 0:
		e.Platform.Libc = "glibc"
	case i.Libc == "musl" || i.OS == "alpine":
		e.Platform.Libc, e.Platform.Major, e.Platform.Minor = "musl", 1, 2
	default:
		e.Platform.Major, e.Platform.Minor = 0, 0
	}
	return e, nil
}

// Isolation is what a container can do, as it found out itself.
type Isolation struct {
	UID        int      `json:"uid"`
	PID        int      `json:"pid"`
	Interfaces []string `json:"interfaces"`
	Seccomp    string   `json:"Seccomp"`
	NoNewPrivs string   `json:"NoNewPrivs"`
	CapBnd     string   `json:"CapBnd"`
	CapEff     string   `json:"CapEff"`
	Writable   []string `json:"writable"`
	ReadOnly   bool     `json:"read_only"`
	Families   []string `json:"families"` // of sockets, besides unix and inet, that can be made
	Calls      []string `json:"calls"`    // that should fail and do not
	Processes  int      `json:"processes"`
	Memory     string   `json:"memory"` // bytes, or what the kernel says; empty: cannot be read
	Disk       int64    `json:"disk"`
	NoSUID     bool     `json:"nosuid"`
}

// missing lists the bounds that are not there.
func (i *Isolation) missing(l Limits) []string {
	var out []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	want(i.UID == 65532, "it runs as user %d", i.UID)
	want(i.PID == 1, "it is not process 1, so it can be killed from inside")
	want(len(i.Interfaces) == 0 || slices.Equal(i.Interfaces, []string{"lo"}), "it sees the networks %s", strings.Join(i.Interfaces, " "))
	want(i.Seccomp == "2", "system calls are not filtered")
	want(i.NoNewPrivs == "1", "it can gain privileges")
	want(strings.Trim(i.CapBnd, "0") == "" && strings.Trim(i.CapEff, "0") == "" && i.CapBnd != "", "it has capabilities (%s)", i.CapBnd)
	want(len(i.Writable) == 0, "it can write to %s", strings.Join(i.Writable, " "))
	want(i.ReadOnly, "its file system is not read-only")
	want(len(i.Families) == 0, "it can make sockets of %s", strings.Join(i.Families, " "))
	want(len(i.Calls) == 0, "it can call %s", strings.Join(i.Calls, " "))
	want(i.Processes > 0 && i.Processes <= l.Pids+1, "processes are not limited")
	bytes, err := strconv.ParseInt(i.Memory, 10, 64)
	want(err == nil && bytes <= l.Memory, "memory is not limited (%s)", i.Memory)
	want(i.Disk > 0 && i.Disk <= l.Disk+4096, "disk is not limited")
	want(i.NoSUID, "its files can have the set-user-id bit")
	return out
}

// A NoEngineError says why no container engine can be used.
type NoEngineError struct {
	Reasons []string // one for each engine that was tried
	// Mistaken says that the one that was asked for is no engine: there is no such
	// program, or it is another.
	Mistaken bool
}

func (e *NoEngineError) Error() string {
	return "no container engine can be used: " + strings.Join(e.Reasons, "; ")
}

// A NoImageError says that there is an engine and no image to run.
type NoImageError struct{ Reason string }

func (e *NoImageError) Error() string { return e.Reason }

// Find finds an engine that answers; whether it isolates, Open tells.
func Find(ctx context.Context, o Options) (*Engine, error) {
	candidates := []string{o.Engine}
	if o.Engine == "" {
		candidates = []string{string(Podman), string(Docker)}
	}
	none := new(NoEngineError)
	for _, name := range candidates {
		e, err := find(ctx, o, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			return e, nil
		}
		none.Reasons = append(none.Reasons, fmt.Sprintf("%s: %v", name, err))
		none.Mistaken = errors.As(err, new(mistaken))
	}
	return nil, none
}

// mistaken is why something is no engine.
type mistaken struct{ error }

// find looks at one engine.
func find(ctx context.Context, o Options, name string) (*Engine, error) {
	none := func(err error) error {
		if name == string(Podman) || name == string(Docker) {
			return err // it is one, wherever it is
		}
		return mistaken{err}
	}
	path := name
	if !strings.ContainsRune(name, filepath.Separator) {
		var err error
		if path, err = o.Look(name); err != nil {
			return nil, none(err)
		}
	}
	e, err := identify(ctx, path, o.Env, o.Temp)
	if err != nil {
		return nil, none(err)
	}
	if e.Kind == Docker {
		// The program may be there without its daemon.
		_, err := e.ask(ctx, "version", "--format={{.Server.Version}}")
		return e, err
	}
	out, err := e.ask(ctx, "info", "--format={{.Host.CgroupsVersion}} {{.Host.Security.Rootless}}")
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(out) == "v1 true" {
		return nil, errors.New("without root on cgroups v1 it ignores all limits")
	}
	return e, nil
}

// probeLimits are those of the run that proves the isolation: small, so that it
// is seen quickly that they hold.
var probeLimits = Limits{Memory: 128 << 20, Pids: 32, Wall: 30 * time.Second}

// Open proves an engine and an image by a run with all flags that reads its
// bounds back from inside. It refuses to go on without any of them, with a
// NoEngineError, and a NoImageError if only the image is missing.
func Open(ctx context.Context, o Options) (*Sandbox, error) {
	e := o.Found
	if e == nil {
		var err error
		if e, err = Find(ctx, o); err != nil {
			return nil, err
		}
	}
	if o.Image == "" {
		return nil, &NoImageError{"no image is configured"}
	}
	s := &Sandbox{Engine: e, options: o, python: []string{"python3"}}
	var err error
	if s.Image, err = e.image(ctx, o.Image); err != nil {
		return nil, &NoImageError{err.Error()}
	}
	if o.Python != "" {
		s.python = []string{mounted + "/bin/python3"}
	}
	for {
		ended, err := s.probe(ctx)
		if err != nil {
			return nil, err
		}
		// A runtime that cannot work with this machine's cgroups: there may be the
		// other one.
		if ended.class != "" && e.Kind == Podman && e.Runtime == "" && strings.Contains(ended.stderr, "hybrid") {
			e.Runtime = "runc"
			continue
		}
		return s, s.judge(ended)
	}
}

// probe runs the runner so that it looks around.
func (s *Sandbox) probe(ctx context.Context) (ended, error) {
	dir, err := os.MkdirTemp(s.options.Temp, "probe-")
	if err != nil {
		return ended{}, fmt.Errorf("stage a run: %w", err)
	}
	defer os.RemoveAll(dir)
	in := filepath.Join(dir, "in")
	if err := makeShown(in); err != nil {
		return ended{}, fmt.Errorf("stage a run: %w", err)
	}
	if err := writeAll(in, map[string][]byte{"runner.py": runner}); err != nil {
		return ended{}, fmt.Errorf("stage a run: %w", err)
	}
	return s.start(ctx, dir, in, probeLimits.full(), false, []string{"probe"})
}

// judge takes over what a probe found.
func (s *Sandbox) judge(end ended) error {
	refuse := func(reason string) error {
		return &NoEngineError{Reasons: []string{fmt.Sprintf("%s (%s): %s", s.Engine.Path, s.Engine.Version, reason)}}
	}
	switch {
	case end.class == ClassNoPython:
		return &NoImageError{fmt.Sprintf("image %s has no %s: %s", s.Image.Name, s.python[0], end.reason)}
	case end.class != "":
		return refuse(end.reason)
	case end.inside.Isolation == nil || end.inside.Interpreter == nil:
		return refuse("the first run did not say what it can do")
	}
	if missing := end.inside.Isolation.missing(probeLimits.full()); len(missing) > 0 {
		return refuse("it does not isolate: " + strings.Join(missing, ", "))
	}
	s.Interpreter, s.Hardware = *end.inside.Interpreter, end.inside.Hardware
	s.Hardware.Model, s.Hardware.Family = word(s.Hardware.Model), word(s.Hardware.Family)
	s.dists = map[py.Name]py.Version{}
	for name, version := range s.Interpreter.Dists {
		if v, err := py.ParseVersion(version); err == nil {
			s.dists[py.NormalizeName(name)] = v
		}
	}
	if _, ok := s.dists["pip"]; !ok {
		return &NoImageError{fmt.Sprintf("the Python of image %s has no pip", s.Image.Name)}
	}
	_, err := s.Interpreter.Environment()
	return err
}

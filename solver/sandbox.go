package solver

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

//go:embed inside/runner.py
var runner []byte

//go:embed inside/scan.py
var scan []byte

// Version is that of what runs do and how they are judged. Failures that
// another version saw are tried again; those of 1 held it against packages that
// a user's command failed.
const Version = "2"

// A Sandbox is an engine, an image and a Python in it that were proven to
// isolate. It is safe for concurrent use.
type Sandbox struct {
	Engine      *Engine
	Image       Image
	Interpreter Interpreter
	Hardware    Hardware

	options Options
	python  []string // argv that starts it
	dists   map[py.Name]py.Version
}

// An Image is what runs are made of.
type Image struct {
	ID   string // digest of its configuration
	Name string // as it was asked for
	Own  bool   // it was made here, see package base: it is no user's environment
}

// OwnLabel marks an image that was made here, with the version of what made it.
const OwnLabel = "thamos.base"

// Labels of containers: that they are ours, and whose.
const (
	labelSolver = "thamos.solver"
	labelOwner  = "thamos.owner"
)

// hasDist reports whether the Python has a distribution of a version or later.
func (s *Sandbox) hasDist(name py.Name, least string) bool {
	v, ok := s.dists[name]
	if !ok {
		return false
	}
	from, err := py.ParseVersion(least)
	return err == nil && v.Compare(from) >= 0
}

// Dist returns the version of a distribution that the Python brings along.
func (s *Sandbox) Dist(name py.Name) (py.Version, bool) {
	v, ok := s.dists[name]
	return v, ok
}

// Run runs a job. What goes wrong inside is in the report; an error means that
// there was no run: ctx is done or a file of this machine cannot be read or
// written.
func (s *Sandbox) Run(ctx context.Context, job Job) (*Report, error) {
	job.Limits = job.Limits.full()
	dir, err := os.MkdirTemp(s.options.Temp, "run-")
	if err != nil {
		return nil, fmt.Errorf("stage a run: %w", err)
	}
	defer os.RemoveAll(dir)
	in := filepath.Join(dir, "in")
	if err := makeShown(in); err != nil {
		return nil, fmt.Errorf("stage a run: %w", err)
	}
	if err := job.stage(s, in); err != nil {
		return nil, fmt.Errorf("stage a run: %w", err)
	}
	ended, err := s.start(ctx, dir, in, job.Limits, job.native(), nil)
	if err != nil {
		return nil, err
	}
	r := &Report{Class: ended.class, Reason: ended.reason, Noise: ended.noise}
	if r.Class == "" {
		r.fill(ended.inside, job)
	}
	return r, nil
}

// makeShown makes a directory that a container may read.
func makeShown(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// An ended is a container that ended.
type ended struct {
	inside *insideJSON
	class  Class // why there is no inside
	reason string
	noise  int
	exit   int
	stderr string
}

// start runs the runner in a container and waits for its end. dir is the run's
// own directory.
func (s *Sandbox) start(ctx context.Context, dir, in string, l Limits, native bool, args []string) (ended, error) {
	filter := filepath.Join(dir, "seccomp.json")
	if err := writeShown(filter, seccomp); err != nil {
		return ended{}, fmt.Errorf("stage a run: %w", err)
	}
	token := s.options.Token()
	c := container{
		name: "thamos-" + s.options.Token(), image: s.Image.ID, seccomp: filter, limits: l, exec: native,
		labels: []string{labelSolver + "=" + Version, labelOwner + "=" + s.options.Owner},
		mounts: []mount{{in, "/in"}},
		argv:   append(append([]string{}, s.python...), append([]string{"-I", "-B", "/in/runner.py"}, args...)...),
	}
	if s.options.Python != "" {
		c.mounts = append(c.mounts, mount{s.options.Python, mounted})
		c.env = append(c.env, "LD_LIBRARY_PATH="+mounted+"/lib")
	}
	for _, m := range append([]mount{{from: filter}}, c.mounts...) {
		if err := mountable(m.from); err != nil {
			return ended{}, err
		}
	}
	return s.Engine.await(ctx, c, token, dir)
}

// mounted is where a Python of this machine is in a container.
const mounted = "/opt/py"

// await starts a container, hands it the token and waits. The container ends
// when it is done, out of time or out of output, or when we do: it watches its
// standard input, which ends with us.
func (e *Engine) await(ctx context.Context, c container, token, dir string) (ended, error) {
	timed, cancel := context.WithTimeout(ctx, c.limits.deadline())
	defer cancel()
	cmd := exec.CommandContext(timed, e.Path, e.args(c)...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = e.Env, dir, grace
	apart(cmd)
	// The client of an engine can be killed and its container lives on.
	cmd.Cancel = func() error {
		_ = e.remove(c.name)
		return os.ErrProcessDone
	}
	stdout, stderr := &limited{left: c.limits.Output}, &capped{left: 64 << 10}
	flooded := make(chan struct{})
	cmd.Stdout = &watched{limited: stdout, full: func() { close(flooded) }}
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return ended{}, fmt.Errorf("start a container: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return ended{class: ClassEngine, reason: err.Error()}, nil
	}
	_, _ = stdin.Write([]byte(token + "\n")) // one that has ended already says so by its status
	go func() {
		select {
		case <-flooded:
			cancel()
		case <-timed.Done():
		}
	}()
	_ = cmd.Wait() // its status tells
	stdin.Close()
	if ctx.Err() != nil {
		return ended{}, ctx.Err()
	}
	end := ended{stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
	full := stdout.left == 0
	late := errors.Is(timed.Err(), context.DeadlineExceeded)
	if late || full {
		_ = e.remove(c.name) // Cancel did; it may have come too early to find anything
	}
	_, memory := os.Stat(filepath.Join(dir, "oom")) // podman's monitor leaves it
	end.inside, end.noise, err = findReport(stdout.Bytes(), token)
	switch {
	case full:
		end.class, end.reason = ClassFlood, errFull.Error()
	case err == nil && end.inside.Fault != "":
		end.class, end.reason = ClassEngine, "the runner failed: "+word(end.inside.Fault)
	case err == nil:
	default:
		end.class, end.reason = ending(end.exit, late, memory == nil, end.stderr)
		if end.class == "" {
			end.class, end.reason = ClassUnknown, err.Error()
		}
	}
	return end, nil
}

// A watched tells once that a limited is full.
type watched struct {
	*limited
	full func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.limited.Write(p)
	if err != nil && w.full != nil {
		w.full()
		w.full = nil
	}
	return n, err
}

// ending says why a container ended without a report, by the engine's exit
// status: 125 the engine itself failed, 126 and 127 the command cannot be
// started, 137 it was killed, 255 podman's own timeout or a runtime's failure.
func ending(exit int, late, memory bool, stderr string) (Class, string) {
	said := lastLines(stderr, 2)
	switch {
	case late:
		return ClassTimeout, "it took longer than it may"
	case memory || exit == 137:
		return ClassMemory, "it was killed for want of memory"
	case exit == 125:
		return ClassEngine, said
	case exit == 126 || exit == 127:
		return ClassNoPython, said
	case exit == 255:
		return ClassEngine, "the engine ended it: " + said
	case exit == 98:
		return ClassEngine, "it lost who started it"
	case exit != 0:
		return ClassUnknown, fmt.Sprintf("it ended with status %d: %s", exit, said)
	}
	return "", ""
}

// remove removes a container, running or not.
func (e *Engine) remove(names ...string) error {
	args := []string{"rm", "--force", "--volumes"}
	if e.Kind == Podman {
		args = append(args, "--time=0")
	}
	// It must happen although what it is done for was cancelled.
	timed, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_, err := e.ask(timed, append(args, names...)...)
	return err
}

// Leftovers removes the containers of owners that are gone, as orphaned tells,
// and returns how many there were.
func (e *Engine) Leftovers(ctx context.Context, orphaned func(owner string) bool) (int, error) {
	owner := `{{.Label "` + labelOwner + `"}}`
	if e.Kind == Podman { // whose labels are a map
		owner = `{{index .Labels "` + labelOwner + `"}}`
	}
	out, err := e.ask(ctx, "ps", "--all", "--filter=label="+labelSolver, "--format={{.ID}} "+owner)
	if err != nil {
		return 0, fmt.Errorf("look for containers that were left behind: %w", err)
	}
	var gone []string
	for line := range strings.SplitSeq(out, "\n") {
		id, owner, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id != "" && orphaned(owner) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return 0, nil
	}
	if err := e.remove(gone...); err != nil {
		return 0, fmt.Errorf("remove containers that were left behind: %w", err)
	}
	return len(gone), nil
}

// Options say what a Sandbox is made of. Engine, Image and Python may be empty.
type Options struct {
	// Engine is podman, docker, or the path of a program that is one of them;
	// empty tries podman, then docker.
	Engine string
	// Found, if not nil, is the engine that Find found.
	Found *Engine
	// Look finds a program by its name.
	Look func(name string) (string, error)
	// Env is the environment of the engine, as KEY=VALUE.
	Env []string
	// Temp is a directory for runs; it must be there and have a plain name.
	Temp string
	// Owner tells whose containers these are; see Leftovers.
	Owner string
	// Token makes a text of letters and digits that nobody can guess.
	Token func() string
	// Image is the name, digest or id of an image that is there; it is never
	// fetched.
	Image string
	// Python is the prefix of a Python of this machine to take instead of the
	// image's, which it can run in.
	Python string
}

// image finds an image by name.
func (e *Engine) image(ctx context.Context, name string) (Image, error) {
	out, err := e.ask(ctx, "image", "inspect", "--format={{.Id}} {{index .Config.Labels \""+OwnLabel+"\"}}", name)
	if err != nil {
		return Image{}, fmt.Errorf("there is no image %s here (it is never fetched by itself): %w", name, err)
	}
	id, own, _ := strings.Cut(strings.TrimSpace(out), " ")
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) != 64 {
		return Image{}, fmt.Errorf("image %s: the engine says that its id is %.80q", name, id)
	}
	return Image{ID: id, Name: name, Own: own != "" && own != "<no value>"}, nil
}

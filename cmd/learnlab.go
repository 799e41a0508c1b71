package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/base"
	"github.com/thamos/thamos/solver/journal"
)

// labOptions are the flags that say what runs happen in.
type labOptions struct {
	engine, image string
	memory        int // MiB; 0 is the solver's
	timeout       int // seconds; 0 is the solver's
}

func (o *labOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.engine, "engine", "", "container engine: podman, docker, or the path of one (default: $THAMOS_ENGINE, else the first that works); none learns without running anything")
	f.StringVar(&o.image, "image", "", "image that runs are made of, by digest or name; it is never fetched by itself (default: $THAMOS_IMAGE, else the last one built or named)")
	f.IntVar(&o.memory, "memory", 0, "memory of a run in MiB, files included (default 512, and what its files need)")
	f.IntVar(&o.timeout, "timeout", 0, "longest run in seconds (default 300)")
}

// Bounds of what a run may be given.
const (
	maxMemory  = 1 << 20 // MiB
	maxTimeout = 86_400  // seconds
)

// check refuses what cannot be meant.
func (o *labOptions) check() error {
	switch {
	case o.memory < 0 || o.memory > maxMemory:
		return usagef("--memory is from 1 to %d MiB, or 0 for the default", maxMemory)
	case o.timeout < 0 || o.timeout > maxTimeout:
		return usagef("--timeout is from 1 to %d seconds, or 0 for the default", maxTimeout)
	case o.engine == noEngine && o.image != "":
		return usagef("--engine none runs nothing, so it takes no --image")
	}
	return nil
}

// checkFor refuses what a command that makes no image cannot do.
func (o *labOptions) checkFor(command string) error {
	if o.image == buildWord {
		return usagef("%s makes no image: `thamos learn --image build` does, and it is taken from then on", command)
	}
	return o.check()
}

// noEngine is what --engine says to learn without running anything.
const noEngine = "none"

// imageNote is where the journal notes the image that is taken without a flag.
const imageNote = "image"

// A lab is where the runs of one command happen. It is safe for concurrent use.
type lab struct {
	env     *Env
	options solver.Options
	limits  solver.Limits
	journal *journal.Journal
	// What the user named is not done without.
	engineNamed, imageNamed bool

	mu     sync.Mutex // of env.Rand and what follows
	engine *solver.Engine
	notes  []string
}

// learntDir is where the journal lies; empty if there is no place for it.
func learntDir(env *Env) string {
	if env.DataDir == "" {
		return ""
	}
	return filepath.Join(env.DataDir, "learnt")
}

// journalOptions are what a journal needs of the world.
func journalOptions(env *Env, token func() string) journal.Options {
	return journal.Options{Now: env.Now, Token: token}
}

// openLab opens the journal and tidies up what clients left that are gone.
func openLab(ctx context.Context, env *Env, o labOptions) (*lab, error) {
	dir := learntDir(env)
	if dir == "" {
		return nil, usagef("there is no home directory to remember in what is learnt; set XDG_DATA_HOME")
	}
	l := &lab{env: env, limits: solver.Limits{Memory: int64(o.memory) << 20, Wall: seconds(o.timeout)}}
	var err error
	if l.journal, err = journal.Open(ctx, dir, journalOptions(env, l.token)); err != nil {
		return nil, learntError(err)
	}
	image := firstOf(o.image, env.Getenv("THAMOS_IMAGE"))
	if image == "" {
		if image, err = l.journal.Meta(ctx, imageNote); err != nil {
			return nil, errors.Join(err, l.journal.Close())
		}
	}
	engine := firstOf(o.engine, env.Getenv("THAMOS_ENGINE"))
	l.engineNamed, l.imageNamed = engine != "" && engine != noEngine, o.image != ""
	if strings.ContainsRune(engine, filepath.Separator) {
		engine = absolute(env, engine)
	}
	l.options = solver.Options{
		Engine: engine, Look: lookIn(env), Env: engineEnv(env),
		Temp: l.journal.Temp(), Owner: l.journal.Owner(), Token: l.token, Image: image,
	}
	if err := l.sweep(ctx); err != nil {
		return nil, errors.Join(err, l.journal.Close())
	}
	return l, nil
}

// sweep removes the containers of clients that are gone. Without an engine there
// are none.
func (l *lab) sweep(ctx context.Context) error {
	if l.options.Engine == noEngine {
		return nil
	}
	if l.engine == nil {
		e, err := solver.Find(ctx, l.options)
		var none *solver.NoEngineError
		switch {
		case errors.As(err, &none) && none.Mistaken:
			return usagef("%w; an engine is podman, docker, the path of one, or none to run nothing", err)
		case none != nil && l.engineNamed:
			return fmt.Errorf("%w; install it, or leave it to be found (--engine none runs nothing)", err)
		case none != nil:
			return nil
		}
		if err != nil {
			return err
		}
		l.engine, l.options.Found = e, e
	}
	n, err := l.engine.Leftovers(ctx, l.journal.Orphaned)
	if n > 0 {
		l.note(fmt.Sprintf("removed %s that a run left behind which was ended", count(n, "container")))
	}
	return err
}

// close ends the lab. What clients that were killed just now still had started
// meanwhile is removed as well.
func (l *lab) close() error {
	return errors.Join(l.sweep(context.Background()), l.journal.Close())
}

func (l *lab) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, text)
}

// token makes a text that nobody can guess.
func (l *lab) token() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%016x%016x", l.env.Rand.Uint64(), l.env.Rand.Uint64())
}

// open proves a sandbox with a Python: of the image if it has that version, else
// of this machine, shown to the image. An empty version is the image's.
func (l *lab) open(ctx context.Context, python string) (*solver.Sandbox, error) {
	if l.options.Engine == noEngine {
		return nil, &solver.NoEngineError{Reasons: []string{"--engine none"}}
	}
	box, err := solver.Open(ctx, l.options)
	if err != nil {
		return nil, err
	}
	if own, err := box.Interpreter.Environment(); err != nil {
		return nil, err
	} else if here := own.MarkerValues()["python_version"]; python != "" && python != here {
		prefix, err := l.prefix(ctx, python)
		if err != nil {
			return nil, &noPythonError{fmt.Sprintf("image %s has Python %s, not %s, and %v", box.Image.Name, here, python, err)}
		}
		o := l.options
		o.Python = prefix
		if box, err = solver.Open(ctx, o); err != nil {
			return nil, err
		}
	}
	e, err := box.Interpreter.Environment()
	if err != nil {
		return nil, err
	}
	if err := l.journal.SetImage(ctx, e.MarkerValues()["python_version"], observedPlatform(&e), box.Image.ID); err != nil {
		return nil, err
	}
	return box, l.journal.SetMeta(ctx, imageNote, l.options.Image)
}

// prefix finds a Python of this machine of a version that a container can be
// shown: one that lies in a directory of its own.
func (l *lab) prefix(ctx context.Context, python string) (string, error) {
	found, err := environment.Detect(ctx, environment.Request{
		Dir: l.env.Dir, Getenv: l.env.Getenv, Python: python, CacheFile: cacheFile(l.env, "interpreters.json"),
	})
	if err != nil || found.Interpreter == "" {
		return "", errors.New("this machine has no such Python")
	}
	path, err := filepath.EvalSymlinks(found.Interpreter)
	if err != nil {
		return "", err
	}
	prefix := filepath.Dir(filepath.Dir(path))
	for _, need := range []string{"bin/python3", "lib/python" + python + "/os.py"} {
		if _, err := os.Stat(filepath.Join(prefix, filepath.FromSlash(need))); err != nil {
			return "", fmt.Errorf("%s does not lie in a directory of its own", path)
		}
	}
	if prefix == "/usr" || prefix == "/" || prefix == "/usr/local" {
		return "", fmt.Errorf("%s belongs to the system", path)
	}
	return prefix, nil
}

// observedPlatform is the platform as observations have it.
func observedPlatform(e *py.Environment) string { return e.Platform.OS + "_" + e.Platform.Machine }

// queueEnv is an environment as the queue has it.
func queueEnv(e *py.Environment) string {
	return e.MarkerValues()["python_version"] + " " + observedPlatform(e)
}

// engineEnv is what an engine gets of the environment: where it keeps things and
// nothing that may hold a secret.
func engineEnv(env *Env) []string {
	out := []string{"LANG=C.UTF-8"}
	for _, key := range []string{
		"PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS",
		"CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINER_HOST", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG",
	} {
		if v := env.Getenv(key); v != "" {
			out = append(out, key+"="+v)
		}
	}
	return out
}

// lookIn finds programs on the PATH of an Env.
func lookIn(env *Env) func(string) (string, error) {
	return func(name string) (string, error) {
		for _, dir := range filepath.SplitList(env.Getenv("PATH")) {
			path := filepath.Join(dir, name)
			if stat, err := os.Stat(path); filepath.IsAbs(dir) && err == nil && stat.Mode().IsRegular() && stat.Mode()&0o111 != 0 {
				return path, nil
			}
		}
		return "", errors.New("there is no such program on PATH")
	}
}

// buildImage makes an image of the packages of this system and notes it.
func (l *lab) buildImage(ctx context.Context, debs string) (solver.Image, error) {
	e, err := solver.Find(ctx, l.options)
	if err != nil {
		return solver.Image{}, err
	}
	shell, err := lookIn(l.env)("sh")
	if err != nil {
		return solver.Image{}, err
	}
	done := progress(l.env, "making an image")
	defer done()
	tar, err := base.Make(ctx, base.Options{Shell: shell, Env: engineEnv(l.env), Temp: l.journal.Temp(), Debs: debs})
	if err != nil {
		return solver.Image{}, err
	}
	defer os.RemoveAll(filepath.Dir(tar))
	image, err := e.Import(ctx, tar, "localhost/thamos-solver:"+base.Version, base.Version)
	if err != nil {
		return image, err
	}
	return image, l.journal.SetMeta(ctx, imageNote, image.ID)
}

// A noPythonError says that neither the image nor this machine has a Python.
type noPythonError struct{ reason string }

func (e *noPythonError) Error() string { return e.reason }

// reason is why there is no sandbox, and what to do about it.
func (l *lab) reason(err error) string {
	var image *solver.NoImageError
	var python *noPythonError
	switch {
	case errors.As(err, &python):
		return python.reason + "; name with --image an image that has it, or install it in a directory of its own, as pyenv does"
	case errors.As(err, &image):
		hint := "name one with --image"
		if l.imageNamed {
			hint = "name with --image one that `podman images` or `docker images` lists"
		}
		if runtime.GOOS == "linux" {
			hint = "`thamos learn --image build` makes one of this Debian's packages, or " + hint
		}
		return image.Reason + "; " + hint
	}
	return strings.TrimSpace(err.Error())
}

// insist returns an error if a learner can run nothing for want of what the user
// named: an engine, an image or, if pythonNamed, a Python.
func (l *lab) insist(x *learner, pythonNamed bool) error {
	var engine *solver.NoEngineError
	var image *solver.NoImageError
	var python *noPythonError
	switch {
	case errors.As(x.cause, &engine) && (l.engineNamed || l.imageNamed),
		errors.As(x.cause, &image) && l.imageNamed,
		errors.As(x.cause, &python) && pythonNamed:
		return fmt.Errorf("nothing can be run: %s", x.without)
	}
	return nil
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// adviseOptions are the flags of advise.
type adviseOptions struct {
	format, output string
	dryRun, json   bool
	checkLock      bool

	fileDir string

	problemOptions
	onlineOptions
	judgeOptions
	searchOptions
	freshOptions
	learnLoopOptions
}

func newAdvise(env *Env) *cobra.Command {
	var o adviseOptions
	c := &cobra.Command{
		Use:   "advise [PATH]",
		Short: "Choose the best known stack of a project and write its lock",
		Long: `Choose the best known stack of a project for its runtime environment and write
the lock of the project's own kind.

PATH is a project's directory or its manifest: Pipfile, pyproject.toml,
requirements.in or requirements.txt. Without it the manifest is looked for in
the current directory and those above it. The manifest is never changed.

  Pipfile           Pipfile.lock
  pyproject.toml    pylock.toml
  NAME.in           NAME.txt
  NAME.txt          NAME.lock

Without --online nothing is asked of a network. Exit status 3 means that provably no stack
exists, 4 that the knowledge base does not know enough to tell.`,
		Example: `  thamos advise
  thamos advise --dev --python-version 3.12 --platform manylinux_2_28_x86_64
  thamos advise requirements.in --output - | pip install --no-deps -r /dev/stdin`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			return advise(c.Context(), env, path, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "lock format: pipfile-lock, requirements or pylock (default: the project's own)")
	f.StringVarP(&o.output, "output", "o", "", "where to write the lock, - for standard output (default: beside the manifest)")
	f.BoolVar(&o.dryRun, "dry-run", false, "write nothing")
	f.BoolVar(&o.checkLock, "check", false, "write nothing: exit status 1 and a difference if the lock that is there is not what is advised, or does not come from where it should")
	f.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	o.problemOptions.add(f)
	f.BoolVar(&o.online, "online", false, "ask the indexes for what is not known, and remember it")
	f.BoolVar(&o.offline, "offline", false, "ask nobody (the default)")
	f.StringVar(&o.refresh, "refresh", "", "with --online, ask again for what was asked longer than this ago, such as 1h; without an age, for everything")
	f.Lookup("refresh").NoOptDefVal = refreshNow
	f.IntVar(&o.concurrency, "concurrency", 16, "requests under way at once")
	o.judgeOptions.add(f)
	o.searchOptions.add(f)
	o.freshOptions.add(f)
	o.learnLoopOptions.add(f)
	f.BoolVar(&o.why, "why", false, "also print what the stack pays, term by term, and all that is known of it")
	f.StringVar(&o.fileDir, "file-dir", "", "pylock.toml names files by path in this directory, relative to the lock, instead of by URL")
	return c
}

// prepare reads a project and opens what is known: all that is needed to judge
// and to solve. Whoever has the advice closes its knowledge.
func prepare(ctx context.Context, env *Env, project project, manifest *lockfile.Manifest, o adviseOptions) (*advice, error) {
	o.online = o.online || o.learn // which asks the indexes
	if o.online && o.offline {
		return nil, usagef("--online (or --learn) and --offline: one of them")
	}
	if err := o.learnLoopOptions.check(); err != nil {
		return nil, err
	}
	if o.refresh != "" && !o.online {
		return nil, usagef("--refresh asks the indexes: it goes with --online")
	}
	if o.autoSync && (o.offline || o.kb != "") {
		return nil, usagef("--auto-sync syncs the knowledge base: it goes neither with --offline nor with --kb")
	}
	a := &advice{project: project, manifest: manifest}
	var err error
	if a.selected, err = newSelection(manifest, o); err != nil {
		return nil, err
	}
	if a.settings, err = readSettings(project, o.judgeOptions); err != nil {
		return nil, err
	}
	version, from := a.settings.python(o)
	a.where, err = environment.Detect(ctx, environment.Request{
		Dir:               project.dir,
		Getenv:            env.Getenv,
		Python:            o.python,
		PythonVersion:     version,
		PythonVersionFrom: from,
		Platform:          o.platform,
		RequiresPython:    manifest.RequiresPython,
		CacheFile:         cacheFile(env, "interpreters.json"),
	})
	if err != nil {
		return nil, usageUnlessCancelled(ctx, err)
	}
	a.notes = append(a.settings.notes, a.where.Notes...)
	if a.problem, err = newProblem(env, project, manifest, a.selected, &a.where.Environment, o); err != nil {
		return nil, err
	}
	if o.autoSync {
		notes, err := autoSync(ctx, env)
		if err != nil {
			return nil, err
		}
		a.notes = append(a.notes, notes...)
	}
	if a.knowledge, err = openKnowledge(ctx, env, o.kb, manifest, o.onlineOptions); err != nil {
		return nil, err
	}
	a.info = a.knowledge.info
	note, err := checkAge(env, a.knowledge.snapshot, a.info, o.freshOptions, a.settings.KnowledgeDays)
	if err != nil {
		a.knowledge.close()
		return nil, err
	}
	if note != "" {
		a.notes = append(a.notes, note)
	}
	if a.directs, err = newDirects(ctx, a.knowledge, manifest, a.selected); err != nil {
		a.knowledge.close()
		return nil, err
	}
	return a, nil
}

// advise is the command: read, choose, say, write.
func advise(ctx context.Context, env *Env, path string, o adviseOptions) error {
	started := env.Now()
	project, err := findProject(env, path)
	if err != nil {
		return err
	}
	manifest, err := project.read()
	if err != nil {
		return err
	}
	target, err := chooseTarget(env, project, manifest, o)
	if err != nil {
		return err
	}
	if err := target.checkable(o); err != nil {
		return err
	}
	searching, err := o.searchOptions.search()
	if err != nil {
		return err
	}
	if err := o.writable(env); err != nil {
		return err
	}
	a, err := prepare(ctx, env, project, manifest, o)
	if err != nil {
		return err
	}
	k := a.knowledge
	defer k.close()
	a.target = target
	if a.judgement, err = judge(ctx, env, a, o.judgeOptions); err != nil {
		return a.fail(ctx, env, o, err)
	}
	timed, cancel := searching.timed(ctx)
	defer cancel()
	report, err := k.solve(timed, searching.Search, a.problem, a.directs)
	report, err = a.learnLoop(ctx, env, o, searching, report, err)
	proving := ctx
	ctx = context.WithoutCancel(ctx) // the best so far of an interrupted search is the answer
	if proving.Err() != nil {
		proving = ctx // a proof of what that is worth is still wanted
	}
	if err == nil {
		if err = resolver.Verify(ctx, a.problem, a.directs, report.Stack); err != nil {
			err = internalError{fmt.Errorf("the stack that was found is wrong: %w", err)}
		}
	}
	if err != nil {
		var none *resolver.NoStackError
		switch {
		case errors.As(err, &none) && o.certificate != "":
			if err := a.certifyNone(proving, env, o); err != nil {
				return err
			}
		case none == nil && errors.Is(context.Cause(timed), errMaxTime):
			err = unknownError{fmt.Errorf("no stack was found within --max-time %v: whether one exists is not known; allow more", o.maxTime)}
		}
		return a.fail(ctx, env, o, err)
	}
	a.report, a.quality = report, optimality(timed, report, o.limit > 0)
	if err := a.nothing(o); err != nil {
		return err
	}
	if a.wrapped, err = a.judgement.pipeline.Wrap(ctx, report.Stack); err != nil {
		return err
	}
	a.remark(o)
	if err := a.lock(ctx, env, k, o); err != nil {
		var missing unknownError
		if !o.dryRun || !errors.As(err, &missing) {
			return err
		}
		a.notes = append(a.notes, err.Error()) // nothing is to be written anyway
	}
	if o.checkLock {
		return a.check(ctx, env, o)
	}
	if err := a.write(env, o); err != nil {
		return err
	}
	if err := searching.drawn(env); err != nil {
		return err
	}
	if o.certificate != "" {
		if err := a.certify(proving, env, o); err != nil {
			return err
		}
	}
	a.took = env.Now().Sub(started)
	return a.print(env, o)
}

// nothing complains of what cannot be proved or drawn, before anything is written.
func (a *advice) nothing(o adviseOptions) error {
	switch {
	case a.report.Optimum != nil:
	case o.certificate != "":
		return usagef("--certificate: %s weighs nothing, so there is nothing to prove", a.recommendation())
	case o.plot != "":
		return usagef("--plot: %s weighs nothing, so there is nothing to draw", a.recommendation())
	}
	return nil
}

// An advice is all that is known at the end of a run, for whoever prints it.
type advice struct {
	project  project
	manifest *lockfile.Manifest
	selected selection
	settings settings
	where    environment.Result
	problem  *resolver.Problem
	info     kb.Info
	report   *resolver.Report
	quality  string    // how good the report's stack is known to be
	asked    *question // of a certificate, nil when advice is asked for
	target   target
	text     []byte // of the lock
	written  written
	took     time.Duration

	knowledge *knowledge
	directs   *directs
	judgement *judgement
	wrapped   pipeline.Wrapped
	notes     []string // what the user should know
}

// remark notes what the user should know of the answer: newer releases that
// were passed over because they are not known, and extras that do not exist.
func (a *advice) remark(o adviseOptions) {
	a.notes = append(a.notes, a.knowledge.doubts(a.report)...)
	if a.report.AlternativesOpen {
		a.notes = append(a.notes, "the search for the next best stacks did not end: there may be better ones than those that are told")
	}
	unknown := 0
	for _, c := range a.report.Stack {
		if c.Why.Reason == resolver.Known {
			unknown++
		}
		for _, x := range c.Extras {
			brings := slices.ContainsFunc(c.Needs, func(e resolver.Edge) bool { return e.Extra == x })
			if !brings && !slices.Contains(c.Release.Requires.Extras, x) {
				a.notes = append(a.notes, fmt.Sprintf("%s has no extra %q", c.Package, x))
			}
		}
	}
	if len(a.problem.Requirements) == 0 && len(a.manifest.Requirements) > 0 {
		a.notes = append(a.notes, fmt.Sprintf("nothing that %s requires was selected; see --group and --extra", a.project.file))
	}
	if o.dev && !slices.ContainsFunc(a.manifest.Requirements, func(r lockfile.Requirement) bool { return r.Group == "dev" }) {
		a.notes = append(a.notes, fmt.Sprintf("--dev adds nothing: %s has no development dependencies%s", a.project.file, have(a.manifest.Groups)))
	}
	if unknown > 0 {
		a.notes = append(a.notes, fmt.Sprintf("of %s a newer release was passed over because what it requires is not known (see WHY)", count(unknown, "package")))
	}
}

// usageUnlessCancelled makes what the environment's detection complains of the
// user's to mend, unless the user ended it.
func usageUnlessCancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return usageError{err}
}

// cacheFile names a file of the cache, empty if there is no cache.
func cacheFile(env *Env, name string) string {
	if env.CacheDir == "" {
		return ""
	}
	return filepath.Join(env.CacheDir, name)
}

// fail reports an error of the search: as a document if one was asked for, with
// what to do about it if not.
func (a *advice) fail(ctx context.Context, env *Env, o adviseOptions, err error) error {
	var unknown *resolver.UnknownError
	var none *resolver.NoStackError
	var refused *pipeline.RefusedError
	if !errors.As(err, &unknown) && !errors.As(err, &none) && !errors.As(err, &refused) {
		return err
	}
	if none != nil && !o.online {
		if err := a.outdated(ctx, none); err != nil {
			return err
		}
	}
	if o.json {
		if err := printJSON(env.Stdout, a.failure(err)); err != nil {
			return err
		}
		return errReported{status(err)}
	}
	fmt.Fprintf(env.Stderr, "thamos: %s\n", err)
	fmt.Fprintf(env.Stderr, "for %s\n", a.environment())
	for _, n := range append(a.notes, a.knowledge.notes...) {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	switch {
	case unknown == nil:
	case o.online:
		fmt.Fprintln(env.Stderr, "That is all that the indexes say. Require other versions, or name an index that has what is missing.")
	default:
		fmt.Fprintf(env.Stderr, "The knowledge base is of %s. Ask the indexes with --online; or use one that holds these projects (--kb FILE),\n"+
			"made with `thamos kb build --projects FILE --output FILE`; or require other versions.\n", day(a.info.Built))
	}
	return errReported{status(err)}
}

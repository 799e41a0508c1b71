package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/journal"
)

// learnOptions are the flags of learn.
type learnOptions struct {
	labOptions
	unresolved bool
	fromLock   string
	envs       []string
	jobs       int
	limit      int
	again      bool
	json       bool
	kb         string
	debs       string
}

// buildWord is what --image says to make one.
const buildWord = "build"

func newLearn(env *Env) *cobra.Command {
	var o learnOptions
	c := &cobra.Command{
		Use:   "learn [REQUIREMENT...]",
		Short: "Try packages in containers, and remember what came of it",
		Long: `Try packages in containers and remember what came of it: whether a release can
be built, installed and imported with what it requires, what it requires where only
building it tells, how long that takes, and what stands out in its code. The next
advice knows.

A container has no network, no privileges, a read-only file system and limits of
everything; what a package does in it stays there. What came of it is a document in
the data directory. A failure of the network, the clock, the memory or the disk is
tried again later and is never held against a package. "thamos kb forget NAME"
forgets what was learnt of a project.

Without arguments, or with --unresolved, it learns what is queued: what an advice
did not know. Without a container engine it learns what the indexes say and what the
files hold, and tells what was not tried.`,
		Example: `  thamos learn --image build
  thamos learn 'flask==3.0.*' attrs
  thamos learn --unresolved --jobs 2
  thamos learn --from-lock requirements.txt`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return learn(c.Context(), env, args, o) },
	}
	f := c.Flags()
	o.labOptions.add(f)
	f.BoolVar(&o.unresolved, "unresolved", false, "learn what is queued")
	f.StringVar(&o.fromLock, "from-lock", "", "try together "+fromLockUsage)
	f.StringSliceVar(&o.envs, "env", nil, "Python to learn for, such as 3.12 (repeatable; default: that of the image, and of what is queued)")
	f.IntVar(&o.jobs, "jobs", 1, "runs at a time")
	f.IntVar(&o.limit, "limit", 0, "learn so many at most (0: all)")
	f.BoolVar(&o.again, "again", false, "try again what was tried")
	f.BoolVar(&o.json, "json", false, "print one JSON document instead of the table")
	f.StringVar(&o.kb, "kb", "", kbUsage)
	f.StringVar(&o.debs, "debs", "", "with --image build: a directory of Debian's packages, instead of downloading them")
	c.AddCommand(newLearnStatus(env))
	return c
}

// learn is the command.
func learn(ctx context.Context, env *Env, args []string, o learnOptions) (err error) {
	keys := make([]string, len(args))
	for i, a := range args {
		r, err := py.ParseRequirement(a)
		if err == nil {
			err = ofIndex(r)
		}
		if err != nil {
			return usageError{err}
		}
		keys[i] = r.String()
	}
	switch {
	case o.unresolved && len(args) > 0 || o.fromLock != "" && (o.unresolved || len(args) > 0):
		return usagef("requirements, --unresolved and --from-lock: one of them")
	case o.jobs < 1 || o.limit < 0:
		return usagef("--jobs is at least 1, and --limit is not negative")
	}
	if err := o.check(); err != nil {
		return err
	}
	build := o.image == buildWord
	if build {
		o.image = ""
	}
	l, err := openLab(ctx, env, o.labOptions)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, l.close())
		for _, n := range l.notes {
			fmt.Fprintf(env.Stderr, "note: %s\n", n)
		}
	}()
	if build {
		image, err := l.buildImage(ctx, o.debs)
		if ctx.Err() != nil {
			return errors.New("interrupted: no image was made, and nothing of it is kept")
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "image %s (%.12s) is made, and taken from now on\n", image.Name, image.ID)
		if len(args) == 0 && !o.unresolved && o.fromLock == "" {
			return nil
		}
		l.options.Image = image.ID
	}
	k, err := openKnowledge(ctx, env, o.kb, &lockfile.Manifest{}, onlineOptions{online: true, concurrency: 16})
	if err != nil {
		return err
	}
	defer k.close()
	results, err := learnIn(ctx, env, l, k, keys, o)
	if ctx.Err() != nil {
		err = l.interrupted(context.WithoutCancel(ctx), results)
	}
	if err == nil || len(results) > 0 { // what came before an error is told as well
		err = cmp.Or(err, printLearnt(env, results, o))
	}
	return err
}

// interrupted says what is kept of a run that was interrupted.
func (l *lab) interrupted(ctx context.Context, results []learntJSON) error {
	items, err := l.journal.Items(ctx)
	if err != nil {
		return learntError(err)
	}
	kept, queued := 0, 0
	for _, r := range results {
		kept += len(r.Documents)
	}
	for _, i := range items {
		if i.State == journal.Waiting {
			queued++
		}
	}
	text := fmt.Sprintf("interrupted: %s of what was learnt kept, %s left in the queue", count(kept, "document"), count(queued, "thing"))
	if queued > 0 {
		text += "; `thamos learn --unresolved` goes on"
	}
	return errors.New(text)
}

// ofIndex refuses a requirement that names a file or URL: what is learnt is kept
// by release, and only an index says which release a file is.
func ofIndex(r py.Requirement) error {
	if r.URL == "" {
		return nil
	}
	return fmt.Errorf("%s is to come from a URL, and only releases of an index are taken here: leave out the URL to take the index's (PIP_INDEX_URL says which index), or write the line into the requirements of a project and run \"thamos advise --online\"", r.Name)
}

// learnIn learns in each environment that is asked for.
func learnIn(ctx context.Context, env *Env, l *lab, k *knowledge, keys []string, o learnOptions) ([]learntJSON, error) {
	pythons, err := l.pythons(ctx, keys, o)
	if err != nil {
		return nil, err
	}
	var all []learntJSON
	for _, python := range pythons {
		here, err := environment.Detect(ctx, environment.Request{
			Dir: env.Dir, Getenv: env.Getenv, PythonVersion: python, CacheFile: cacheFile(env, "interpreters.json"),
		})
		if err != nil {
			return nil, usageUnlessCancelled(ctx, err)
		}
		x, err := newLearner(ctx, l, k, python, &here.Environment)
		if err != nil {
			return nil, err
		}
		if err := l.insist(x, len(o.envs) > 0); err != nil {
			return all, err
		}
		if x.box == nil {
			l.note("nothing is run: " + x.without)
		}
		var results []learntJSON
		if o.fromLock != "" {
			results, err = x.learnLock(ctx, absolute(env, o.fromLock))
		} else {
			results, err = x.work(ctx, keys, o)
		}
		all = append(all, results...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// pythons lists the Python versions to learn for: those of --env, else those of
// what is queued, else the image's own (empty).
func (l *lab) pythons(ctx context.Context, keys []string, o learnOptions) ([]string, error) {
	if len(o.envs) > 0 {
		for _, e := range o.envs {
			if v, err := py.ParseVersion(e); err != nil || len(v.Release()) != 2 {
				return nil, usagef("--env: %q is not a Python such as 3.12", e)
			}
		}
		return o.envs, nil
	}
	if len(keys) > 0 || o.fromLock != "" {
		return []string{""}, nil
	}
	items, err := l.journal.Items(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range items {
		if python, _, _ := strings.Cut(i.Env, " "); i.State == journal.Waiting && !slices.Contains(out, python) {
			out = append(out, python)
		}
	}
	return out, nil
}

// learntJSON is one thing that was learnt, or was to be.
type learntJSON struct {
	Requirement string   `json:"requirement"`
	Package     string   `json:"package,omitempty"`
	Env         string   `json:"env"`
	Outcome     string   `json:"outcome"` // ok, failed, known, unchecked, waiting or left
	Class       string   `json:"class,omitempty"`
	Reason      string   `json:"reason,omitempty"`
	Seconds     float64  `json:"seconds"`
	Documents   []string `json:"documents,omitempty"`

	exit int // the status of what came to nothing
}

// work learns items of the queue, of keys if there are any, which are queued
// before.
func (l *learner) work(ctx context.Context, keys []string, o learnOptions) ([]learntJSON, error) {
	where := queueEnv(l.environment)
	var items []journal.Item
	for _, key := range keys {
		items = append(items, journal.Item{Key: key, Env: where, Priority: journal.Asked})
	}
	if _, err := l.lab.journal.Add(ctx, items...); err != nil {
		return nil, err
	}
	bar := newBar(l.lab.env, -1, "learning")
	defer func() { _ = bar.Clear() }()
	var (
		mu      sync.Mutex
		results []learntJSON
		begun   int
		failed  error
		wait    sync.WaitGroup
	)
	for range o.jobs {
		wait.Go(func() {
			for {
				mu.Lock()
				enough := failed != nil || o.limit > 0 && begun >= o.limit
				begun++
				mu.Unlock()
				if enough {
					return
				}
				item, err := l.lab.journal.Next(ctx, where, keys...)
				var result learntJSON
				if err == nil && item != nil {
					result, err = l.item(ctx, item, o.again)
				}
				mu.Lock()
				failed = errors.Join(failed, err)
				if err == nil && item != nil {
					results = append(results, result)
					bar.Describe(result.Requirement)
					_ = bar.Add(1) // a terminal that cannot show it is no reason to stop
				}
				mu.Unlock()
				if err != nil || item == nil {
					return
				}
			}
		})
	}
	wait.Wait()
	slices.SortStableFunc(results, func(a, b learntJSON) int { return strings.Compare(a.Requirement, b.Requirement) })
	return results, failed
}

// item learns one item of the queue and settles it.
func (l *learner) item(ctx context.Context, i *journal.Item, again bool) (learntJSON, error) {
	started := l.lab.env.Now()
	out := learntJSON{Requirement: i.Key, Env: i.Env}
	r, err := py.ParseRequirement(i.Key)
	if err != nil {
		return out, l.lab.journal.Fail(ctx, i, solver.ClassUnknown, err.Error())
	}
	larger := i.Attempts > 1 && (i.Class == solver.ClassMemory || i.Class == solver.ClassDisk || i.Class == solver.ClassTimeout || i.Class == solver.ClassProcesses)
	got, err := l.learn(ctx, r, larger, again)
	if err != nil {
		return out, err
	}
	ctx = context.WithoutCancel(ctx) // what was learnt is kept
	if got.class != "" {
		err = l.lab.journal.Fail(ctx, i, got.class, got.reason, got.docs...)
	} else {
		err = l.lab.journal.Done(ctx, i, got.docs...)
	}
	out.Package, out.Documents, out.Seconds = got.target, i.Documents, l.lab.env.Now().Sub(started).Seconds()
	out.Outcome, out.Class, out.Reason = outcomeOf(i, got)
	out.exit = got.exit
	return out, err
}

// outcomeOf is what came of an item in words.
func outcomeOf(i *journal.Item, got lesson) (outcome, class, why string) {
	switch {
	case len(got.docs) > 0 && !got.class.Retryable():
		last := got.docs[len(got.docs)-1]
		outcome, c := last.Verdict()
		why := strings.Join(last.Unchecked, "; ")
		for _, r := range last.Results {
			if r.Outcome != "ok" {
				why = strings.TrimSuffix(r.Kind+": "+r.Told(), ": ")
			}
		}
		return outcome, string(c), firstOf(why, got.reason)
	case got.class != "" && i.State == journal.Waiting:
		why = got.reason
		if !i.NotBefore.IsZero() {
			why += " (again after " + i.NotBefore.UTC().Format(time.TimeOnly) + " UTC)"
		}
		return "waiting", string(got.class), why
	case got.class != "":
		return "left", string(got.class), got.reason
	case got.known:
		return "known", "", "it was tried with this image before; --again tries once more"
	}
	return "nothing", "", "it is not needed here"
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
	"github.com/thamos/thamos/solver/journal"
)

// learnLoopOptions are the flags of an advice that learns.
type learnLoopOptions struct {
	learn bool
	labOptions
}

func (o *learnLoopOptions) add(f *pflag.FlagSet) {
	f.BoolVar(&o.learn, "learn", false, "learn what is not known, and whether the answer works here, in containers, before answering (asks the indexes too)")
	o.labOptions.add(f)
}

// check refuses what says how to learn where nothing is to be learnt.
func (o *learnLoopOptions) check() error {
	if o.learn {
		return o.checkFor("advise")
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"engine", o.engine != ""}, {"image", o.image != ""}, {"memory", o.memory != 0}, {"timeout", o.timeout != 0}} {
		if f.set {
			return usagef("--%s is of the containers that --learn tries the answer in: it goes with --learn", f.name)
		}
	}
	return nil
}

// maxRounds bounds how often an answer is sought after more was learnt.
const maxRounds = 6

// maxQueued bounds what one advice queues.
const maxQueued = 100

// learnLoop takes the answer of a search, or why there is none. Without --learn it
// queues what is not known. With it, it learns that, tries the answer in a
// container, and has it sought again as long as what was learnt may change it.
func (a *advice) learnLoop(ctx context.Context, env *Env, o adviseOptions, searching *searching, report *resolver.Report, err error) (*resolver.Report, error) {
	if !o.learn {
		a.queueUnknown(ctx, env, o, err)
		return report, err
	}
	if ctx.Err() != nil {
		return report, err // the search was interrupted
	}
	if len(a.directs.from) > 0 {
		a.notes = append(a.notes, "nothing was tried: the project takes packages from a path or URL")
		return report, err
	}
	l, lerr := openLab(ctx, env, o.labOptions)
	if lerr != nil {
		return nil, lerr
	}
	defer func() {
		if cerr := l.close(); cerr != nil {
			a.notes = append(a.notes, cerr.Error())
		}
		a.notes = append(a.notes, l.notes...)
	}()
	x, lerr := newLearner(ctx, l, a.knowledge, a.problem.Environment.MarkerValues()["python_version"], a.problem.Environment)
	if lerr != nil {
		return nil, lerr
	}
	if lerr := l.insist(x, false); lerr != nil {
		return nil, lerr
	}
	if reason := x.elsewhere(a.problem.Environment); reason != "" {
		a.notes = append(a.notes, "nothing was tried: "+reason)
		a.queueUnknown(ctx, env, o, err)
		return report, err
	}
	seen := map[string]bool{}
	for range maxRounds {
		grew, lerr := a.learnOnce(ctx, x, report, err, seen)
		if lerr != nil && ctx.Err() != nil && err == nil {
			a.notes = append(a.notes, "learning was interrupted: not all of the answer was tried")
			return report, nil
		}
		if lerr != nil {
			return nil, lerr
		}
		if !grew {
			return report, err
		}
		// What is now known changes what is thought of every release.
		if a.knowledge.learnt == nil {
			a.knowledge.openLearnt(ctx)
		}
		if a.judgement, err = judge(ctx, env, a, o.judgeOptions); err != nil {
			return nil, err
		}
		timed, cancel := searching.timed(ctx)
		report, err = a.knowledge.solve(timed, searching.Search, a.problem, a.directs)
		cancel()
	}
	a.notes = append(a.notes, fmt.Sprintf("the answer was sought %d times, each time with more knowledge; the last one was not tried as a whole", maxRounds))
	return report, err
}

// elsewhere says why a learner cannot tell what happens in an environment.
func (l *learner) elsewhere(e *py.Environment) string {
	here := l.environment
	switch {
	case l.box == nil:
		return l.without
	case e.Platform.OS != here.Platform.OS || e.Platform.Machine != here.Platform.Machine || e.Implementation != here.Implementation:
		return fmt.Sprintf("the answer is for %s on %s, and containers are %s on %s here", e.Implementation, e.Platform, here.Implementation, here.Platform)
	}
	return ""
}

// learnOnce learns what an answer lacks and reports whether that may change it.
func (a *advice) learnOnce(ctx context.Context, x *learner, report *resolver.Report, err error, seen map[string]bool) (grew bool, _ error) {
	var unknown *resolver.UnknownError
	var got lesson
	switch {
	case errors.As(err, &unknown):
		for _, p := range unknown.Releases[:min(len(unknown.Releases), maxBuilds)] {
			merr := x.metadata(ctx, p, &got)
			var f *failure
			if merr != nil && !errors.As(merr, &f) {
				return false, merr
			}
			if merr != nil {
				a.notes = append(a.notes, fmt.Sprintf("not learnt: %s: %s", p, f.reason))
			}
			grew = grew || merr == nil
		}
	case err != nil:
		return false, nil
	default:
		// A failure that is of several packages together may leave the answer as it is.
		stack := stackText(report)
		if seen[stack] {
			return false, nil
		}
		seen[stack] = true
		if grew, err = a.tryAnswer(ctx, x, report, &got); err != nil {
			return false, err
		}
	}
	digests, err := x.lab.journal.Keep(ctx, got.docs...)
	if err != nil {
		return false, err
	}
	for i, d := range got.docs {
		a.notes = append(a.notes, fmt.Sprintf("learnt %.12s: %s", digests[i], told1(d)))
	}
	return grew, nil
}

// stackText names a stack.
func stackText(r *resolver.Report) string {
	var b strings.Builder
	for _, c := range r.Stack {
		fmt.Fprintln(&b, c.Package)
	}
	return b.String()
}

// tryAnswer tries what of an answer was not tried here, all together.
func (a *advice) tryAnswer(ctx context.Context, x *learner, report *resolver.Report, got *lesson) (grew bool, _ error) {
	packages := make([]py.Package, len(report.Stack))
	for i, c := range report.Stack {
		packages[i] = c.Package
	}
	tried, err := x.tried(ctx, packages)
	if err != nil {
		return false, err
	}
	var targets []py.Name
	for i, p := range packages {
		if !tried[i] {
			targets = append(targets, p.Name)
		}
	}
	if len(targets) == 0 {
		return false, nil
	}
	docs, err := x.try(ctx, a.problem, report.Stack, targets, false, true)
	got.docs = append(got.docs, docs...)
	var f *failure
	if err != nil && !errors.As(err, &f) {
		return false, err
	}
	if f != nil {
		a.notes = append(a.notes, "not tried: "+f.reason)
		a.queue(ctx, x.lab.journal, packages)
	}
	for _, d := range got.docs {
		if outcome, _ := d.Verdict(); outcome == "failed" {
			grew = true
		}
	}
	return grew, nil
}

// told1 is what a document says, on one line.
func told1(d *solver.Document) string {
	outcome, class := d.Verdict()
	if outcome == "ok" {
		return strings.Join(d.Targets, " ") + " work here"
	}
	for _, r := range d.Results {
		if r.Outcome != "ok" {
			return fmt.Sprintf("%s: %s %s (%s)", strings.Join(r.Packages, " with "), r.Kind, r.Outcome, r.Class)
		}
	}
	return fmt.Sprintf("%s: %s", strings.Join(d.Targets, " "), firstOf(string(class), outcome))
}

// queueUnknown queues what an advice did not know. That it cannot is told, and no
// more: the advice has failed already.
func (a *advice) queueUnknown(ctx context.Context, env *Env, o adviseOptions, err error) {
	var unknown *resolver.UnknownError
	dir := learntDir(env)
	if !errors.As(err, &unknown) || dir == "" || o.dryRun || o.checkLock {
		return
	}
	var keys []string
	for _, m := range unknown.Projects {
		r, err := py.ParseRequirement(m.By.Text)
		if err != nil || r.Name != m.Name || r.URL != "" {
			r = py.Requirement{Name: m.Name}
		}
		keys = append(keys, py.Requirement{Name: r.Name, Extras: r.Extras, Specifiers: r.Specifiers}.String())
	}
	for _, p := range unknown.Releases {
		keys = append(keys, p.String())
	}
	j, err := journal.Open(ctx, dir, journalOptions(env, func() string { return fmt.Sprintf("%016x", env.Rand.Uint64()) }))
	if err == nil {
		defer j.Close()
		err = a.enqueue(ctx, j, keys)
	}
	if err != nil {
		a.notes = append(a.notes, fmt.Sprintf("what is not known could not be queued: %v", err))
		return
	}
	a.notes = append(a.notes, fmt.Sprintf("queued %s to learn: `thamos learn --unresolved` learns them; `thamos advise --learn` learns and answers", count(min(len(keys), maxQueued), "thing")))
}

func (a *advice) enqueue(ctx context.Context, j *journal.Journal, keys []string) error {
	var items []journal.Item
	for _, key := range keys[:min(len(keys), maxQueued)] {
		items = append(items, journal.Item{Key: key, Env: queueEnv(a.problem.Environment), Priority: journal.Wanted})
	}
	_, err := j.Add(ctx, items...)
	return err
}

// queue queues packages of an answer that could not be tried.
func (a *advice) queue(ctx context.Context, j *journal.Journal, packages []py.Package) {
	keys := make([]string, len(packages))
	for i, p := range packages {
		keys[i] = p.String()
	}
	slices.Sort(keys)
	if err := a.enqueue(ctx, j, keys); err != nil {
		a.notes = append(a.notes, fmt.Sprintf("what was not tried could not be queued: %v", err))
	}
}

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/solver"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	labOptions
	spec     string
	fromLock string
	repeat   int
	warmup   int

	repeatSet bool

	python string
	files  []string
	env    []string
	of     string
	test   bool
	json   bool
	kb     string
}

func newInspect(env *Env) *cobra.Command {
	var o inspectOptions
	c := &cobra.Command{
		Use:   "inspect [REQUIREMENT...] -- COMMAND...",
		Short: "Measure a stack: run a command in it, in a container, several times",
		Long: `Install a stack in a container, run a command in it several times, one after the
other, and remember what it measured. The command prints one JSON object, all of its
output or the last line of it; its numbers are the metrics. Their medians become
observations, which the recommendation type performance weighs, of the package that
the object names as "component" or "framework" or --of names, else of the one that was
required, else of the stack.

That the stack cannot be installed is an observation too, and weighs in every later
advice. That the command fails is none, since the command may be what is wrong; with
--test it is. "thamos kb forget NAME" forgets what was recorded.

--spec takes an inspection specification of Thoth: base, batch_size, python_packages,
python (requirements, requirements_locked), files, environment, script, and the cpu and
memory of run.requests.`,
		Example: `  thamos inspect numpy==1.26.4 --file bench.py -n 5 -- python bench.py
  thamos inspect --spec inspection.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			var command []string
			if at := c.ArgsLenAtDash(); at >= 0 {
				args, command = args[:at], args[at:]
			}
			o.repeatSet = c.Flags().Changed("repeat")
			return inspect(c.Context(), env, args, command, o)
		},
	}
	f := c.Flags()
	o.labOptions.add(f)
	f.StringVar(&o.spec, "spec", "", "inspection specification (JSON or YAML)")
	f.StringVar(&o.fromLock, "from-lock", "", fromLockUsage)
	f.IntVarP(&o.repeat, "repeat", "n", 0, "runs that count, from 1 to 1000 (default 3, or batch_size)")
	f.IntVar(&o.warmup, "warmup", 1, "runs before, which do not count")
	f.StringVar(&o.python, "env", "", "Python to run, such as 3.12 (default: that of the image)")
	f.StringSliceVar(&o.files, "file", nil, "a file to put where the command runs (repeatable)")
	f.StringArrayVar(&o.env, "set", nil, "KEY=VALUE of the command's environment (repeatable)")
	f.StringVar(&o.of, "of", "", "the package that is measured")
	f.BoolVar(&o.test, "test", false, "the command is a test of the stack: that it fails counts against the stack")
	f.BoolVar(&o.json, "json", false, "print the document instead of the table")
	f.StringVar(&o.kb, "kb", "", kbUsage)
	return c
}

// An inspection is what is to be run.
type inspection struct {
	requirements []py.Requirement
	constraints  []py.Requirement
	command      []string
	repeat       int
	files        []solver.File
	env          map[string]string
	limits       solver.Limits
	image        string
	text         []byte // of the specification, as JSON
	notes        []string
}

// newInspection joins a specification and flags.
func newInspection(env *Env, args, command []string, o inspectOptions) (*inspection, error) {
	x := &inspection{env: map[string]string{}}
	if o.spec != "" {
		var err error
		if x, err = readInspection(absolute(env, o.spec)); err != nil {
			return nil, err
		}
	}
	for _, a := range args {
		r, err := py.ParseRequirement(a)
		if err == nil {
			err = ofIndex(r)
		}
		if err != nil {
			return nil, usageError{err}
		}
		x.requirements = append(x.requirements, r)
	}
	if o.fromLock != "" {
		locked, err := readPins(absolute(env, o.fromLock))
		if err != nil {
			return nil, err
		}
		x.requirements = append(x.requirements, locked.requirements...)
		x.constraints, x.notes = append(x.constraints, locked.constraints...), append(x.notes, locked.notes...)
	}
	if len(command) > 0 {
		x.command = command
	}
	for _, name := range o.files {
		text, err := os.ReadFile(absolute(env, name))
		if err != nil {
			return nil, usageError{err}
		}
		x.files = append(x.files, solver.File{Path: filepath.Base(name), Content: string(text)})
	}
	for _, pair := range o.env {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--set: %q is not KEY=VALUE", pair)
		}
		x.env[key] = value
	}
	switch {
	case o.repeatSet:
		x.repeat = o.repeat
	case x.repeat == 0:
		x.repeat = 3
	}
	switch {
	case len(x.requirements) == 0:
		return nil, usagef("say which stack: requirements, --from-lock or --spec")
	case len(x.command) == 0:
		return nil, usagef("say what to run in it: -- COMMAND, or script in --spec")
	case x.repeat < 1 || x.repeat > 1000 || o.warmup < 0 || o.warmup > 100:
		return nil, usagef("--repeat is from 1 to 1000, --warmup from 0 to 100")
	}
	return x, nil
}

// inspect is the command.
func inspect(ctx context.Context, env *Env, args, command []string, o inspectOptions) (err error) {
	kept := false
	defer func() {
		if err != nil && ctx.Err() != nil && !kept {
			err = errors.New("interrupted: nothing of the inspection was recorded")
		}
	}()
	if err := o.checkFor("inspect"); err != nil {
		return err
	}
	x, err := newInspection(env, args, command, o)
	if err != nil {
		return err
	}
	if o.image == "" {
		o.image = x.image
	}
	l, err := openLab(ctx, env, o.labOptions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	k, err := openKnowledge(ctx, env, o.kb, &lockfile.Manifest{}, onlineOptions{online: true, concurrency: 16})
	if err != nil {
		return err
	}
	defer k.close()
	here, err := environment.Detect(ctx, environment.Request{
		Dir: env.Dir, Getenv: env.Getenv, PythonVersion: o.python, CacheFile: cacheFile(env, "interpreters.json"),
	})
	if err != nil {
		return usageUnlessCancelled(ctx, err)
	}
	n, err := newLearner(ctx, l, k, o.python, &here.Environment)
	if err != nil {
		return err
	}
	if n.box == nil {
		return fmt.Errorf("nothing can be run: %s", n.without)
	}
	done := progress(env, "running")
	doc, notes, err := n.inspect(ctx, x, o)
	done()
	var f *failure
	if errors.As(err, &f) {
		return fmt.Errorf("%w (%s)", f, f.class)
	}
	if err != nil {
		return err
	}
	digests, err := l.journal.Keep(context.WithoutCancel(ctx), doc) // though it is interrupted now
	if err != nil {
		return err
	}
	kept = true
	return printInspection(env, doc, digests[0], slices.Concat(x.notes, l.notes, notes), o)
}

// inspect runs an inspection and makes its document. The notes are of what was
// measured.
func (l *learner) inspect(ctx context.Context, x *inspection, o inspectOptions) (doc *solver.Document, notes []string, err error) {
	const origin = "the inspection"
	problem := &resolver.Problem{
		Environment: l.environment, Requirements: originating(x.requirements, origin), Constraints: originating(x.constraints, origin),
	}
	var got lesson
	report, err := l.solve(ctx, problem, &got)
	if err != nil {
		return nil, nil, err
	}
	subject, err := subjectOf(report.Stack, x, o.of)
	if err != nil {
		return nil, nil, err
	}
	job, files, tools, err := l.job(ctx, problem, report.Stack, nil, false, &got)
	if err != nil {
		return nil, nil, err
	}
	job.Smoke, job.Test, job.Repeat, job.Files, job.Env, job.NoScan = x.command, o.test, x.repeat+o.warmup, x.files, x.env, true
	if x.limits.Memory > 0 {
		job.Limits.Memory = x.limits.Memory + job.Limits.Disk
	}
	job.Limits.CPUs = x.limits.CPUs
	started := l.lab.env.Now()
	ran, err := l.box.Run(ctx, job)
	if err != nil {
		return nil, nil, err
	}
	doc = l.box.Describe(job, ran, records(files, tools), started)
	doc.Metrics, notes = ran.Measurements(job, solver.Subject{Packages: subject, Named: o.of != ""}, o.warmup)
	doc.Inspection = x.text
	return doc, notes, nil
}

// subjectOf is what is measured: the package that the user names, else the only
// one that was required, else all of them.
func subjectOf(stack []resolver.Choice, x *inspection, of string) ([]py.Package, error) {
	name := py.NormalizeName(of)
	if of == "" && len(x.requirements) == 1 {
		name = x.requirements[0].Name
	}
	var all []py.Package
	for _, c := range stack {
		if c.Name == name {
			return []py.Package{c.Package}, nil
		}
		all = append(all, c.Package)
	}
	if of != "" {
		return nil, usagef("--of: %s is not in the stack", of)
	}
	return all, nil
}

// printInspection tells what was measured. That the command failed is a finding.
func printInspection(env *Env, d *solver.Document, digest string, notes []string, o inspectOptions) error {
	outcome, class := d.Verdict()
	if o.json {
		if err := printJSON(env.Stdout, d); err != nil {
			return err
		}
	} else if len(d.Metrics) > 0 {
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "METRIC\tMEDIAN\tSPREAD\tRUNS\tUNIT\tOF")
		for _, m := range d.Metrics {
			of := strings.Join(m.Packages, " ")
			if len(m.Packages) > 3 {
				of = fmt.Sprintf("the stack of %d packages", len(m.Packages))
			}
			fmt.Fprintf(w, "%s\t%.6g\t%.3g\t%d\t%s\t%s\n", m.Metric, m.Value, m.Spread, len(m.Values), orNone(m.Unit), of)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for _, n := range notes {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	fmt.Fprintf(env.Stderr, "Python %s on %s, %d × %s\n", d.Environment.PythonFull, d.Environment.Platform, d.Hardware.CPUs, firstOf(d.Hardware.Model, "a processor without a name"))
	said, err := recorded(d, digest)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stderr, said)
	if outcome == "ok" {
		return nil
	}
	at := slices.IndexFunc(d.Results, func(r solver.Result) bool { return r.Outcome != "ok" })
	said = d.Reason
	if at >= 0 {
		said = d.Results[at].Kind + ": " + d.Results[at].Told()
	}
	fmt.Fprintf(env.Stderr, "thamos: it failed (%s): %s\n", firstOf(string(class), outcome), said)
	return errReported{exitRefused}
}

// recorded says what of a document is an observation, which later advice weighs.
func recorded(d *solver.Document, digest string) (string, error) {
	observations, err := d.Observations(digest)
	if err != nil {
		return "", err
	}
	var said []string
	metrics := 0
	for _, o := range observations {
		if o.Kind == "metric" {
			metrics++
			continue
		}
		said = append(said, strings.TrimSpace(o.Kind+" "+o.Outcome))
	}
	said = append(said, count(metrics, "metric"))
	text := fmt.Sprintf("recorded in document %.12s: %s", digest, strings.Join(said, ", "))
	for _, r := range d.Results {
		if r.Kind == solver.KindCommand && r.Outcome != "ok" {
			text += "; not that the command failed, which says nothing of the packages (with --test it does)"
		}
	}
	return text, nil
}

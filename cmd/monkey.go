package cmd

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/sample"
)

// monkeyOptions are the flags of dependency-monkey.
type monkeyOptions struct {
	adviseOptions
	count    int
	decision string
	seed     uint64
	resume   bool
	merge    bool
}

func newMonkey(env *Env) *cobra.Command {
	var o monkeyOptions
	c := &cobra.Command{
		Use:   "dependency-monkey [PATH]",
		Short: "Write many different stacks of a project, to be built and measured",
		Long: `Write many different stacks of a project, each as a JSON document, so that they can
be built and measured and what is found be learnt (kb import).

--decision random draws every stack on its own, from any releases that go
together; --decision all goes through all stacks there are in a fixed order, so
that those that follow each other differ little. Either is the same each time for
one knowledge base, project, environment and seed, and no stack comes twice.
Vetoes of units hold; what is only a penalty, however bad, is tried too.

--output DIR writes DIR/ID.json; with --resume, stacks that are there already
count and are not written again. --output - (the default) prints a line for each.`,
		Example: `  thamos dependency-monkey --count 1000 -o stacks
  thamos dependency-monkey --count 2000 -o stacks --resume
  thamos dependency-monkey --decision all --count 100000 | gzip > stacks.jsonl.gz`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			return monkey(c.Context(), env, path, o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.count, "count", 3, "how many stacks to write; fewer only if there are no more")
	f.StringVar(&o.decision, "decision", "random", "which stacks: random or all")
	f.StringVarP(&o.output, "output", "o", "-", "directory to write stacks to, - for lines on standard output")
	f.Uint64Var(&o.seed, "seed", 0, "of random stacks")
	f.BoolVar(&o.resume, "resume", false, "the directory may have stacks: they count")
	f.BoolVar(&o.merge, "merge", false, "of stacks that nothing known tells apart only the best")
	o.problemOptions.add(f)
	o.judgeOptions.add(f)
	o.concurrency = 16 // nobody is asked, but the pool wants a size
	return c
}

// monkey is the command: read, compile, and write one stack after the other.
func monkey(ctx context.Context, env *Env, path string, o monkeyOptions) error {
	switch {
	case o.count < 1:
		return usagef("--count: %d is no number of stacks", o.count)
	case o.decision != "random" && o.decision != "all":
		return usagef("--decision: %q is neither random nor all", o.decision)
	case o.output == "":
		return usagef("--output: name a directory, or - for standard output")
	}
	out, err := openStacks(env, o)
	if err != nil {
		return err
	}
	project, err := findProject(env, path)
	if err != nil {
		return err
	}
	manifest, err := project.read()
	if err != nil {
		return err
	}
	a, err := prepare(ctx, env, project, manifest, o.adviseOptions)
	if err != nil {
		return err
	}
	defer a.knowledge.close()
	if a.judgement, err = judge(ctx, env, a, o.judgeOptions); err != nil {
		return a.fail(ctx, env, o.adviseOptions, err)
	}
	a.target.format = requirements // which does not insist on an index's URL
	m := &monkeyRun{advice: a, lock: new(lockfile.Lock), indexes: map[py.Name]string{}}
	if err := a.sources(ctx, env, o.adviseOptions, m.lock); err != nil {
		return err
	}
	if m.compiled, err = resolver.Compile(ctx, a.problem, a.directs); err != nil {
		return a.fail(ctx, env, o.adviseOptions, err)
	}
	err = m.run(ctx, o, out)
	m.say(env, o, out)
	if ctx.Err() != nil {
		goOn := ""
		if out.dir != "" {
			goOn = "; the same command with --resume goes on"
		}
		return fmt.Errorf("%w before there were %s%s", ctx.Err(), count(o.count, "stack"), goOn)
	}
	return err
}

// A monkeyRun makes stacks of one project.
type monkeyRun struct {
	*advice
	compiled *resolver.Compiled
	lock     *lockfile.Lock     // whose sources packages come from
	indexes  map[py.Name]string // that they have, by project
	refused  int
	all      bool // there are no more stacks
}

const (
	// maxRefused bounds how many stacks in a row the pipeline may refuse.
	maxRefused = 10000

	// verifyEach says of how many stacks one is checked against the knowledge,
	// without what was compiled: checking takes longer than making them.
	verifyEach = 100
)

// run writes stacks until there are as many as asked for, or all.
func (m *monkeyRun) run(ctx context.Context, o monkeyOptions, out *stackSink) error {
	reader := m.compiled.Reader()
	row, made := 0, 0
	for s, err := range m.series(ctx, o) {
		if err != nil {
			return err
		}
		if out.count() >= o.count {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err // a block of stacks takes seconds to write
		}
		stack, score := reader.Stack(s.values, s.members)
		if made%verifyEach == 0 {
			if err := m.verify(ctx, s, stack, score); err != nil {
				return internalError{fmt.Errorf("a stack that was made is wrong: %w", err)}
			}
		}
		made++
		refusal, err := m.judgement.pipeline.Accept(ctx, stack)
		if err != nil {
			return err
		}
		if refusal != "" {
			m.refused++
			if row++; row == maxRefused {
				return fmt.Errorf("%d stacks in a row were refused, the last because %s", row, refusal)
			}
			continue
		}
		row = 0
		if err := out.write(m.document(stack, score)); err != nil {
			return err
		}
	}
	m.all = out.count() < o.count
	return nil
}

// verify checks a stack, and its score, in two other ways: by the engine of
// advise, and by the knowledge alone.
func (m *monkeyRun) verify(ctx context.Context, s candidate, stack []resolver.Choice, score resolver.Score) error {
	report, err := m.compiled.ReportOf(s.values, s.members)
	if err != nil {
		return err
	}
	same := slices.EqualFunc(report.Stack, stack, func(a, b resolver.Choice) bool { return a.Package == b.Package })
	if !same || report.Score != score {
		return fmt.Errorf("it is read as another, or with score %v instead of %v", score, report.Score)
	}
	return resolver.Verify(ctx, m.problem, m.directs, report.Stack)
}

// A candidate is an assignment of the compiled network with a member of each of
// its values. It is valid until the next is asked for.
type candidate struct {
	values  []int32
	members []int
}

// series goes through the stacks that the options ask for.
func (m *monkeyRun) series(ctx context.Context, o monkeyOptions) iter.Seq2[candidate, error] {
	net := m.compiled.Network()
	e := sample.Expand(net, func(v, x int32) int {
		if o.merge {
			return 1
		}
		return max(1, len(m.compiled.Members(v, x)))
	})
	stacks := sample.Stacks(ctx, e.Network, nil)
	if o.decision == "random" {
		stacks = sample.Distinct(ctx, e.Network, o.seed)
	}
	return func(yield func(candidate, error) bool) {
		c := candidate{make([]int32, len(net.Vars)), make([]int, len(net.Vars))}
		for s, err := range stacks {
			if err == nil {
				e.Origin(s.Values, c.values, c.members)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// say tells on standard error what was written.
func (m *monkeyRun) say(env *Env, o monkeyOptions, out *stackSink) {
	for _, n := range append(m.notes, m.knowledge.notes...) {
		fmt.Fprintf(env.Stderr, "note: %s\n", n)
	}
	if m.all {
		fmt.Fprintln(env.Stderr, "note: there are no more stacks")
	}
	if m.refused > 0 {
		fmt.Fprintf(env.Stderr, "note: %s refused\n", count(m.refused, "stack"))
	}
	where := "on standard output"
	if o.output != "-" {
		where = "in " + out.shown
	}
	fmt.Fprintf(env.Stderr, "%s %s, %d of them new, for %s from the knowledge of %s%s\n",
		count(out.count(), "stack"), where, out.fresh, m.environment(), day(m.info.Built), m.onTop())
}

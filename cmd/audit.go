package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/units"
	"github.com/thamos/thamos/resolver"
)

// auditUnits advises without each unit in turn and prints what changes.
func auditUnits(ctx context.Context, env *Env, path string, o adviseOptions) error {
	if o.maxTime <= 0 {
		return errNoMaxTime
	}
	a, err := newAuditor(ctx, env, path, o)
	if err != nil {
		return err
	}
	defer a.knowledge.close()
	with, answer, err := a.solve(ctx, "")
	if err != nil {
		return err
	}
	if with == nil {
		fmt.Fprintf(env.Stdout, "with all units: %s\n", answer)
	} else {
		fmt.Fprintf(env.Stdout, "with all units: %s, score %s\n", count(len(with.Stack), "package"), scoreText(with.Score))
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WITHOUT\tTERMS\tPAID\tWHAT WOULD BE CHOSEN INSTEAD")
	for _, unit := range unitNames() {
		without, other, err := a.solve(ctx, unit)
		if err != nil {
			return err
		}
		change := other
		if with != nil && without != nil {
			change = difference(with.Stack, without.Stack)
		}
		given, paid := termsOf(with, unit)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", unit, given, paid, change)
	}
	return w.Flush()
}

// unitNames are the units that can change what is chosen: all but the wraps.
func unitNames() []string {
	var names []string
	for _, u := range units.All() {
		if u.Kind() != pipeline.Wrap {
			names = append(names, u.Name)
		}
	}
	return names
}

// termsOf counts the terms of a unit that hold of a stack, and sums them up.
func termsOf(r *resolver.Report, unit string) (given int, paid string) {
	if r == nil {
		return 0, "-"
	}
	var sum resolver.Score
	for _, t := range r.Terms {
		if t.Unit == unit {
			given++
			sum = sum.Add(&t)
		}
	}
	if given == 0 {
		return 0, "-"
	}
	return given, scoreText(sum)
}

// An auditor solves one project again and again.
type auditor struct {
	env *Env
	*advice
	options judgeOptions
	search  resolver.Search
	maxTime time.Duration // of each search
}

func newAuditor(ctx context.Context, env *Env, path string, o adviseOptions) (*auditor, error) {
	project, err := findProject(env, path)
	if err != nil {
		return nil, err
	}
	manifest, err := project.read()
	if err != nil {
		return nil, err
	}
	a, err := prepare(ctx, env, project, manifest, o)
	if err != nil {
		return nil, err
	}
	return &auditor{env, a, o.judgeOptions, resolver.Search{Budget: defaultBudget}, o.maxTime}, nil
}

// solve chooses without a unit, or with all if it is empty. A search that finds
// nothing says so in a sentence; any other failure is the error.
func (a *auditor) solve(ctx context.Context, without string) (*resolver.Report, string, error) {
	options := a.options
	if without != "" {
		options.disable = append(slices.Clone(options.disable), without)
	}
	a.problem.Pipeline = nil
	_, err := judge(ctx, a.env, a.advice, options)
	var report *resolver.Report
	if err == nil {
		timed, cancel := context.WithTimeoutCause(ctx, a.maxTime, errMaxTime)
		defer cancel()
		report, err = a.knowledge.solve(timed, a.search, a.problem, a.directs)
		if err != nil && errors.Is(context.Cause(timed), errMaxTime) {
			return nil, "not known within --max-time", nil
		}
	}
	if err == nil {
		return report, "", nil
	}
	var refused *pipeline.RefusedError
	if exit := status(err); exit != exitNoStack && exit != exitUnknown && !errors.As(err, &refused) {
		return nil, "", err
	}
	return nil, firstLine(err), nil
}

func firstLine(err error) string {
	var none *resolver.NoStackError
	if errors.As(err, &none) {
		return "no stack exists"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// difference tells which packages of one stack are others in the second.
func difference(with, without []resolver.Choice) string {
	version := map[py.Name]py.Version{}
	for _, c := range with {
		version[c.Name] = c.Version
	}
	var changes []string
	for _, c := range without {
		switch v, ok := version[c.Name]; {
		case !ok:
			changes = append(changes, "and "+c.Package.String())
		case v.Compare(c.Version) != 0:
			changes = append(changes, c.Package.String())
		}
		delete(version, c.Name)
	}
	for _, c := range with {
		if _, gone := version[c.Name]; gone {
			changes = append(changes, "without "+string(c.Name))
		}
	}
	if len(changes) == 0 {
		return "the same"
	}
	const shown = 8
	if len(changes) > shown {
		changes = append(changes[:shown], fmt.Sprintf("and %d more", len(changes)-shown))
	}
	return strings.Join(changes, ", ")
}

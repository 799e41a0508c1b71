package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/thamos/thamos/cmd/environment"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/units"
	"github.com/thamos/thamos/resolver"
)

// auditUnits advises without each unit in turn and prints what changes.
func auditUnits(ctx context.Context, env *Env, path string, o adviseOptions) error {
	solve, err := auditor(ctx, env, path, o)
	if err != nil {
		return err
	}
	with, answer := solve("")
	if with == nil {
		fmt.Fprintf(env.Stdout, "with all units: %s\n", answer)
	} else {
		fmt.Fprintf(env.Stdout, "with all units: %s, score %s\n", count(len(with.Stack), "package"), scoreText(with.Score))
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WITHOUT\tTERMS\tPAID\tWHAT WOULD BE CHOSEN INSTEAD")
	for _, unit := range unitNames() {
		without, other := solve(unit)
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

// auditor reads a project once and returns what solves it without a unit, or
// says in a sentence why it cannot.
func auditor(ctx context.Context, env *Env, path string, o adviseOptions) (func(without string) (*resolver.Report, string), error) {
	project, err := findProject(env, path)
	if err != nil {
		return nil, err
	}
	manifest, err := project.read()
	if err != nil {
		return nil, err
	}
	selected, err := newSelection(manifest, o)
	if err != nil {
		return nil, err
	}
	set, err := readSettings(project, o.judgeOptions)
	if err != nil {
		return nil, err
	}
	where, err := environment.Detect(ctx, environment.Request{
		Dir: project.dir, Getenv: env.Getenv, PythonVersion: set.pythonVersion(o), Platform: o.platform,
		RequiresPython: manifest.RequiresPython, CacheFile: cacheFile(env, "interpreters.json"),
	})
	if err != nil {
		return nil, usageUnlessCancelled(ctx, err)
	}
	k, err := openKnowledge(ctx, env, o.kb, manifest, o.onlineOptions)
	if err != nil {
		return nil, err
	}
	directs, err := newDirects(ctx, k, manifest, selected)
	if err != nil {
		return nil, err
	}
	return func(without string) (*resolver.Report, string) {
		problem, err := newProblem(env, project, manifest, selected, &where.Environment, o)
		if err != nil {
			return nil, err.Error()
		}
		a := &advice{project: project, manifest: manifest, selected: selected, where: where, problem: problem, info: k.info, knowledge: k, directs: directs}
		options := o.judgeOptions
		if without != "" {
			options.disable = append(slices.Clone(o.disable), without)
		}
		if _, err := judge(ctx, env, a, set, options); err != nil {
			return nil, firstLine(err)
		}
		report, err := k.solve(ctx, problem, directs)
		if err != nil {
			return nil, firstLine(err)
		}
		return report, ""
	}, nil
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

package cmd

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/pipeline/sieves"
	"github.com/thamos/thamos/pipeline/units"
)

func newUnits(env *Env) *cobra.Command {
	var audit bool
	o := adviseOptions{onlineOptions: onlineOptions{concurrency: 16}}
	c := &cobra.Command{
		Use:   "units [NAME | --audit [PATH]]",
		Short: "Tell which units judge packages, what they weigh, and what each of them changes",
		Long: `Tell which units judge packages, and what each recommendation type weighs. With a
NAME, tell all about one unit. With --audit, advise for a project as often as there
are units, each time without one of them, and tell what would be chosen instead:
what every score is for. All other flags go with it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			arg := ""
			if len(args) > 0 {
				arg = args[0]
			}
			if audit {
				return auditUnits(c.Context(), env, arg, o)
			}
			var other string
			c.Flags().Visit(func(f *pflag.Flag) { other = f.Name })
			switch {
			case other != "":
				return usagef("--%s goes with --audit", other)
			case arg != "":
				return printUnit(env, arg)
			}
			return printUnits(env)
		},
	}
	f := c.Flags()
	f.BoolVar(&audit, "audit", false, "advise for the project at PATH without each unit in turn")
	f.DurationVar(&o.maxTime, "max-time", time.Minute, "end each search after this time with the best so far")
	o.problemOptions.add(f)
	o.judgeOptions.add(f)
	o.freshOptions.add(f)
	return c
}

func printUnits(env *Env) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "UNIT\tKIND\tWHAT IT DOES")
	for _, u := range units.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", u.Name, u.Kind(), u.Doc)
	}
	fmt.Fprintln(w, "\nALWAYS ON\t\tWHAT IT REQUIRES OF A RELEASE")
	for _, r := range sieves.Admission() {
		fmt.Fprintf(w, "%s\tsieve\t%s\n", r.Name, r.Doc)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, t := range units.Tables() {
		fmt.Fprintf(env.Stdout, "\n%s: %s\n", t.Name, t.Doc)
		if len(t.Rows) == 0 {
			fmt.Fprintln(env.Stdout, "  nothing is weighed")
		}
		printRows(env, t)
	}
	return nil
}

// printRows prints a table, what outranks first.
func printRows(env *Env, t pipeline.Table) {
	rows := slices.Clone(t.Rows)
	slices.SortStableFunc(rows, func(a, b pipeline.Row) int { return int(a.Tier) - int(b.Tier) })
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		name := r.Unit
		if r.Class != "" {
			name += "/" + r.Class
		}
		direct := ""
		if r.Direct != 0 {
			direct = fmt.Sprintf("×%g if required directly", r.Direct)
		}
		fmt.Fprintf(w, "  tier %d\t%g\t%s\t%s\n", r.Tier, r.Weight, name, direct)
	}
	_ = w.Flush() // to the same stream as what follows, which tells
}

func printUnit(env *Env, name string) error {
	all := units.All()
	i := slices.IndexFunc(all, func(u pipeline.Unit) bool { return u.Name == name })
	if r := slices.IndexFunc(sieves.Admission(), func(r sieves.Rule) bool { return r.Name == name }); i < 0 && r >= 0 {
		_, err := fmt.Fprintf(env.Stdout, "%s (always on): %s.\n", name, sieves.Admission()[r].Doc)
		return err
	}
	if i < 0 {
		return usagef("there is no unit %q; `thamos units` lists them", name)
	}
	u := all[i]
	fmt.Fprintf(env.Stdout, "%s (%s): %s.\n", u.Name, u.Kind(), u.Doc)
	if u.Detail != "" {
		fmt.Fprintf(env.Stdout, "\n%s\n", u.Detail)
	}
	if len(u.After) > 0 {
		fmt.Fprintf(env.Stdout, "\nIt is asked after %s.\n", strings.Join(u.After, ", "))
	}
	for _, c := range u.Classes {
		fmt.Fprintf(env.Stdout, "\nclass %s: %s", c.Name, c.Doc)
	}
	if len(u.Classes) > 0 {
		fmt.Fprintln(env.Stdout)
	}
	if u.Step == nil {
		return nil
	}
	for _, t := range units.Tables() {
		rows := slices.DeleteFunc(slices.Clone(t.Rows), func(r pipeline.Row) bool { return r.Unit != u.Name })
		fmt.Fprintf(env.Stdout, "\n%s:\n", t.Name)
		if len(rows) == 0 {
			fmt.Fprintln(env.Stdout, "  it weighs nothing")
		}
		printRows(env, pipeline.Table{Rows: rows})
	}
	return nil
}

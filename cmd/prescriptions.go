package cmd

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/pipeline/prescription"
)

func newPrescriptions(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "prescriptions",
		Short: "Check units that are declared in YAML",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	lint := &cobra.Command{
		Use:   "lint PATH",
		Short: "Read prescriptions and tell what is wrong with them",
		Long: `Read all prescriptions of a directory or zip and tell, with file, line and column,
what cannot be read or is not supported, and what most likely does not do what it
was meant to. Exit status 1 if there is any of it.

What is right can be used with ` + "`thamos kb import --format prescriptions`.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return lintPrescriptions(env, args[0]) },
	}
	c.AddCommand(lint)
	return c
}

func lintPrescriptions(env *Env, from string) error {
	fsys, done, err := openTree(absolute(env, from))
	if err != nil {
		return usageError{err}
	}
	defer done()
	stop := progress(env, "reading "+from)
	defer stop()
	set, err := prescription.Load(fsys)
	if err != nil {
		return usagef("%s: %w", from, err)
	}
	stop()
	for _, f := range set.Faults {
		fmt.Fprintf(env.Stdout, "error: %s\n", f)
	}
	findings := prescription.Lint(set)
	for _, f := range findings {
		fmt.Fprintf(env.Stdout, "warning: %s (%s)\n", f.Fault, f.Unit)
	}
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(set.Counts)) {
		total += set.Counts[kind]
		fmt.Fprintf(env.Stderr, "%-32s %d\n", kind, set.Counts[kind])
	}
	fmt.Fprintf(env.Stderr, "%s in %s: %d cannot be used, %d are odd\n", count(total, "unit"), count(set.Files, "file"), len(set.Faults), len(findings))
	if len(set.Faults)+len(findings) > 0 {
		return errReported{exitRefused}
	}
	return nil
}

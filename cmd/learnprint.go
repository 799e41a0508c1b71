package cmd

import (
	"cmp"
	"fmt"
	"text/tabwriter"
)

// printLearnt tells what was learnt. What was to be learnt and was not is a
// finding.
func printLearnt(env *Env, results []learntJSON, o learnOptions) error {
	if o.json {
		if err := printJSON(env.Stdout, struct {
			Schema string       `json:"schema"`
			Learnt []learntJSON `json:"learnt"`
		}{"thamos/learn/1", results}); err != nil {
			return err
		}
	} else if len(results) == 0 {
		fmt.Fprintln(env.Stderr, "there is nothing to learn")
	} else {
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "WHAT\tENVIRONMENT\tOUTCOME\tSECONDS\tDOCUMENT\tBECAUSE")
		for _, r := range results {
			document := "-"
			if n := len(r.Documents); n > 0 {
				document = r.Documents[n-1][:12]
			}
			outcome := r.Outcome
			if r.Class != "" && r.Class != outcome {
				outcome += " (" + r.Class + ")"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%s\t%s\n", firstOf(r.Package, r.Requirement), r.Env, outcome, r.Seconds, document, orNone(oneLine(r.Reason)))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return came(results)
}

// came is the exit status of what was to be learnt and was not: as of a search,
// that there is no stack comes first, then that knowledge is missing.
func came(results []learntJSON) error {
	exits := map[int]bool{}
	for _, r := range results {
		if r.Outcome == "left" || r.Outcome == "waiting" {
			exits[cmp.Or(r.exit, exitRefused)] = true
		}
	}
	for _, exit := range []int{exitNoStack, exitUnknown, exitRefused} {
		if exits[exit] {
			return errReported{exit}
		}
	}
	return nil
}

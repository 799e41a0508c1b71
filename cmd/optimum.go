package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// optimality says in a sentence how good the stack is known to be. Limited says
// that there was a limit on stacks that are looked at.
func optimality(ctx context.Context, r *resolver.Report, limited bool) string {
	o := r.Optimum
	if o == nil {
		return "nothing makes one stack better than another, so it is the newest, what is required directly first"
	}
	if o.Proved() {
		text := fmt.Sprintf("proved that no stack is better, among %s of %s", count(o.Values, "choice"), count(o.Variables, "project"))
		if o.Status == wcsp.Interrupted {
			text += "; interrupted before it was settled which of equals to take, so another run may take another"
		}
		return text
	}
	var why string
	switch {
	case o.Status == wcsp.Interrupted && errors.Is(context.Cause(ctx), errMaxTime):
		why = "--max-time struck, so another run may give another stack"
	case o.Status == wcsp.Interrupted:
		why = "interrupted, so another run may give another stack"
	case o.Status == wcsp.Optimal: // of another aim, which --predictor latest has
		why = "the newest stack was searched, not the best"
	case limited:
		why = "--limit or the budget ended the search"
	default:
		why = "the budget ended"
	}
	if o.Bound == wcsp.Unbounded {
		return fmt.Sprintf("the best that was found, but in %v it is not known how much better there is (%s)", o.Open, why)
	}
	return fmt.Sprintf("at most %.6g better is possible in %v (%s)", float64(o.Bound-o.Best)/millionths, o.Open, why)
}

// An optimumJSON says how good the stack is known to be.
type optimumJSON struct {
	Status string `json:"status"` // "optimal", "within" (see gap), "budget" (no bound is known) or "interrupted"

	// Rank is the first in which it is not proved that no stack is better, and gap
	// by how much one may be at most.
	Rank string   `json:"rank,omitempty"`
	Gap  *float64 `json:"gap,omitempty"`

	Work     int64  `json:"work"` // units of about a nanosecond, the same on every machine
	Nodes    int64  `json:"nodes"`
	Projects int    `json:"projects"`
	Choices  int    `json:"choices"` // releases, those that nobody can tell apart counted once
	Text     string `json:"text"`
}

// An alternativeJSON is a stack that is next to the best.
type alternativeJSON struct {
	Score    []float64 `json:"score"`
	Packages []string  `json:"packages"` // name==version
}

// optimal adds to a document how good the stack is, and the next best.
func (a *advice) optimal(d *adviseDocument) {
	if o := a.report.Optimum; o != nil {
		out := &optimumJSON{
			Status: "optimal", Work: o.Stats.Work, Nodes: o.Stats.Nodes, Projects: o.Variables, Choices: o.Values, Text: a.quality,
		}
		if !o.Proved() {
			out.Status, out.Rank = "budget", o.Open.String()
			if o.Bound != wcsp.Unbounded {
				gap := float64(o.Bound-o.Best) / millionths
				out.Status, out.Gap = "within", &gap
			}
			if o.Status == wcsp.Interrupted {
				out.Status = "interrupted"
			}
		}
		d.Optimum = out
	}
	for _, r := range a.report.Alternatives {
		out := alternativeJSON{Score: scoreJSON(r.Score)}
		for _, c := range r.Stack {
			out.Packages = append(out.Packages, c.Package.String())
		}
		d.Alternatives = append(d.Alternatives, out)
	}
}

// alternatives prints the next best stacks by what they have instead.
func (a *advice) alternatives(to io.Writer) error {
	if len(a.report.Alternatives) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nNEXT\tSCORE\tINSTEAD")
	for i, r := range a.report.Alternatives {
		fmt.Fprintf(w, "%d\t%s\t%s\n", i+2, scoreText(r.Score), difference(a.report.Stack, r.Stack))
	}
	return w.Flush()
}

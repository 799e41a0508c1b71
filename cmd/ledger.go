package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// millionths is the unit of a term's score.
const millionths = 1e6

// recommendation names what the stack was weighed by.
func (a *advice) recommendation() string {
	if a.judgement == nil {
		return ""
	}
	return a.judgement.plan.Table.Name
}

// ledger prints what the stack pays, term by term, and all that is known of it.
func (a *advice) ledger(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nTIER\tSCORE\tUNIT\tPACKAGES\tBECAUSE")
	for _, t := range a.report.Terms {
		fmt.Fprintf(w, "%d\t%+.3f\t%s\t%s\t%s\n", t.Tier, float64(t.Score)/millionths, t.Unit, strings.Join(a.members(t), " "), t.Why.Justify().Message)
	}
	fmt.Fprintf(w, "\t%s\tsum\t\t\n", scoreText(a.report.Score))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, j := range slices.Concat(a.judgement.notes, a.wrapped.Notes) {
		link := ""
		if j.Link != "" {
			link = " <" + j.Link + ">"
		}
		if _, err := fmt.Fprintln(to, told(j)+link); err != nil {
			return err
		}
	}
	return nil
}

// told is a justification on one line. It names its package where the sentence
// does not.
func told(j resolver.Justification) string {
	about := ""
	if j.Package != "" && !strings.Contains(j.Message, string(j.Package)) {
		about = string(j.Package) + ": "
	}
	return fmt.Sprintf("%s: %s%s", j.Level, about, j.Message)
}

// scoreText is a score with the tiers in which anything is paid.
func scoreText(s resolver.Score) string {
	var parts []string
	for tier, sum := range s {
		if sum != 0 && tier < resolver.LastTier {
			parts = append(parts, fmt.Sprintf("tier %d: %+.3f,", tier, float64(sum)/millionths))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%+.3f", float64(s[resolver.LastTier])/millionths)), " ")
}

// scoreJSON is a score by tier.
func scoreJSON(s resolver.Score) []float64 {
	out := make([]float64, len(s))
	for tier, sum := range s {
		out[tier] = float64(sum) / millionths
	}
	return out
}

// members are the packages of the stack that a term is of.
func (a *advice) members(t resolver.Term) []string {
	var out []string
	for _, m := range t.Members {
		out = append(out, py.Package{Name: m.Project, Version: a.version(m.Project)}.String())
	}
	return out
}

// version is the version that the stack has of a project in it.
func (a *advice) version(name py.Name) py.Version {
	for _, c := range a.report.Stack {
		if c.Name == name {
			return c.Version
		}
	}
	return py.Version{}
}

// judged fills in what the pipeline says of the stack.
func (a *advice) judged(d *adviseDocument) {
	d.Score = scoreJSON(a.report.Score)
	for _, t := range a.report.Terms {
		d.Terms = append(d.Terms, termJSON{t.Unit, int(t.Tier), float64(t.Score) / millionths, a.members(t), justified(t.Why.Justify())})
	}
	for _, j := range slices.Concat(a.judgement.notes, a.wrapped.Notes) {
		d.Justifications = append(d.Justifications, justified(j))
	}
	for _, c := range a.wrapped.Changes {
		d.Changes = append(d.Changes, json.RawMessage(c.JSON))
	}
}

func justified(j resolver.Justification) justificationJSON {
	return justificationJSON{j.Level.String(), string(j.Package), j.Message, j.Link, j.Evidence}
}

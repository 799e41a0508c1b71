package cmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
)

// provenanceSchema names the document that --json prints. What is added keeps
// the number; what changes or goes raises it.
const provenanceSchema = "thamos/provenance/1"

// A provenanceDocument is the result of provenance-check for programs.
type provenanceDocument struct {
	Schema  string        `json:"schema"`
	Status  string        `json:"status"` // "ok", "findings", "unknown"
	Checked []checkedJSON `json:"checked"`
}

type checkedJSON struct {
	Path      string          `json:"path"`
	Format    string          `json:"format"`
	FailOn    string          `json:"fail_on"`
	Counts    countsJSON      `json:"counts"`
	Findings  []findingJSON   `json:"findings"`
	Unchecked []uncheckedJSON `json:"unchecked"`
	Notes     []string        `json:"notes,omitempty"`
}

type countsJSON struct {
	Releases     int `json:"releases"`
	Local        int `json:"local,omitempty"`
	Known        int `json:"known"`
	Hashes       int `json:"hashes_right"`
	Attestations int `json:"attestations_verified"`
	Files        int `json:"installed_files_right"`
}

type findingJSON struct {
	Check    string   `json:"check"`
	Severity string   `json:"severity"`
	Package  string   `json:"package_name,omitempty"`
	Version  string   `json:"package_version,omitempty"`
	Message  string   `json:"message"`
	Evidence []string `json:"evidence,omitempty"`
	Remedy   string   `json:"remedy"`
	Place    string   `json:"place"`
	Allowed  string   `json:"allowed,omitempty"` // why it does not count
}

type uncheckedJSON struct {
	Package string `json:"package_name,omitempty"`
	Version string `json:"package_version,omitempty"`
	What    string `json:"what"`
	Why     string `json:"why"`
}

// reportChecked prints what came of checking, in every form that was asked for,
// and returns the error that gives the exit status.
func reportChecked(env *Env, results []checked, o provenanceOptions) error {
	verdict := judgeChecked(results, o.strict)
	for _, form := range []struct {
		file  string
		print func(io.Writer) error
	}{
		{o.sarif, func(w io.Writer) error { return printSARIF(w, env.Version, results) }},
		{o.markdown, func(w io.Writer) error { return printMarkdown(w, results) }},
		{o.annotations, func(w io.Writer) error { return printAnnotations(w, results) }},
		{o.codeQuality, func(w io.Writer) error { return printCodeQuality(w, results) }},
	} {
		if err := printTo(env, form.file, form.print); err != nil {
			return err
		}
	}
	switch {
	case slices.Contains([]string{o.sarif, o.markdown, o.annotations, o.codeQuality}, "-"):
	case o.json:
		if err := printJSON(env.Stdout, checkedDocument(results, verdict)); err != nil {
			return err
		}
	default:
		if err := printChecked(env.Stdout, results, o.why); err != nil {
			return err
		}
	}
	for _, c := range results {
		c.summary(env.Stderr)
	}
	if verdict == exitUnknown {
		fmt.Fprintln(env.Stderr, "Ask the indexes with --online; or use a knowledge base that holds these projects (--kb FILE).")
	}
	if verdict != exitOK {
		return errReported{verdict}
	}
	return nil
}

// printTo prints to a file, which is replaced as a whole, or to standard output.
func printTo(env *Env, file string, print func(io.Writer) error) error {
	switch file {
	case "":
		return nil
	case "-":
		return print(env.Stdout)
	}
	var text strings.Builder
	if err := print(&text); err != nil {
		return err
	}
	if err := lockfile.WriteFile(absolute(env, file), []byte(text.String())); err != nil {
		return fmt.Errorf("%s cannot be written: %w", file, err)
	}
	return nil
}

// judgeChecked is the exit status: findings go before what is not known.
func judgeChecked(results []checked, strict bool) int {
	verdict := exitOK
	for _, c := range results {
		if worst := c.report.Worst(); c.failOn != provenance.Off && worst >= c.failOn {
			return exitRefused
		}
		missing := c.unheld()
		if c.report.Counts.Known == 0 && missing || strict && missing {
			verdict = exitUnknown
		}
	}
	return verdict
}

func checkedDocument(results []checked, verdict int) provenanceDocument {
	d := provenanceDocument{Schema: provenanceSchema, Status: map[int]string{exitOK: "ok", exitRefused: "findings", exitUnknown: "unknown"}[verdict]}
	for _, c := range results {
		x := checkedJSON{
			Path: c.shown, Format: string(c.format), FailOn: c.failOn.String(), Notes: c.notes,
			Findings: []findingJSON{}, Unchecked: []uncheckedJSON{},
		}
		n := c.report.Counts
		x.Counts = countsJSON{n.Releases, n.Local, n.Known, n.Hashes, n.Verified, n.Files}
		for _, f := range c.report.Findings {
			x.Findings = append(x.Findings, findingJSON{
				f.Check, f.Severity.String(), string(f.Name), f.Version, f.Message, f.Evidence, f.Remedy, f.Pos.String(), f.Allowed,
			})
		}
		for _, u := range c.report.Unchecked {
			x.Unchecked = append(x.Unchecked, uncheckedJSON{string(u.Name), u.Version, u.What, u.Why})
		}
		d.Checked = append(d.Checked, x)
	}
	return d
}

// onScreen is a text of a stranger as a terminal may show it: what is not a
// printable character is escaped.
func onScreen(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if unicode.IsPrint(c) {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, "\\u%04x", c)
		}
	}
	return b.String()
}

// printChecked prints a table of findings, and what they stand on.
func printChecked(to io.Writer, results []checked, why bool) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	head := false
	for _, c := range results {
		for i := range c.report.Findings {
			f := &c.report.Findings[i]
			if !head {
				head = true
				fmt.Fprintln(w, "SEVERITY\tCHECK\tPACKAGE\tWHAT IS WRONG")
			}
			severity := f.Severity.String()
			if f.Allowed != "" {
				severity = "allowed"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", severity, f.Check, onScreen(f.Subject()), onScreen(f.Message))
		}
	}
	if err := w.Flush(); err != nil || !why {
		return err
	}
	var failed error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(to, format+"\n", args...)
		failed = errors.Join(failed, err)
	}
	for _, c := range results {
		for i := range c.report.Findings {
			f := &c.report.Findings[i]
			line("\n%s: %s of %s", onScreen(f.Pos.String()), f.Check, onScreen(f.Subject()))
			for _, e := range f.Evidence {
				line("  %s", onScreen(e))
			}
			if f.Allowed != "" {
				line("  allowed: %s", onScreen(f.Allowed))
			} else {
				line("  to do: %s", f.Remedy)
			}
		}
		for _, u := range c.report.Unchecked {
			line("\nnot checked: %s", onScreen(uncheckedText(u)))
		}
	}
	return failed
}

func uncheckedText(u provenance.Unchecked) string {
	of := ""
	if u.Name != "" {
		of = " of " + strings.TrimSuffix(string(u.Name)+"=="+u.Version, "==")
	}
	return u.What + of + ": " + u.Why
}

// summary says how much was checked.
func (c *checked) summary(to io.Writer) {
	fmt.Fprintf(to, "%s: %s; %s\n", c.shown, c.looked(), c.tally())
	for _, what := range []string{"manifest", "release", "index", "hash", "file", "attestation", "names"} {
		n, example := 0, ""
		for _, u := range c.report.Unchecked {
			if u.What == what {
				if n == 0 {
					example = uncheckedText(u)
				}
				n++
			}
		}
		switch {
		case n == 1:
			fmt.Fprintf(to, "not checked: %s\n", onScreen(example))
		case n > 1:
			fmt.Fprintf(to, "not checked: %d times %s, first %s\n", n, what, onScreen(strings.TrimPrefix(example, what+" ")))
		}
	}
	for _, note := range c.notes {
		fmt.Fprintf(to, "note: %s\n", onScreen(note))
	}
}

// looked says how much there is and how much of it was looked at.
func (c *checked) looked() string {
	n := c.report.Counts
	parts := []string{count(n.Releases, "release")}
	if n.Local > 0 {
		parts = append(parts, fmt.Sprintf("%d local", n.Local))
	}
	if c.format == lockfile.LockInstalled { // which has no hashes of files of an index
		parts = append(parts, count(n.Files, "file")+" as installed", fmt.Sprintf("%d known", n.Known))
	} else {
		parts = append(parts, fmt.Sprintf("%d known", n.Known), fmt.Sprintf("%s right", hashesText(n.Hashes)))
	}
	if n.Verified > 0 {
		parts = append(parts, count(n.Verified, "attestation")+" verified")
	}
	return strings.Join(parts, ", ")
}

func hashesText(n int) string {
	if n == 1 {
		return "1 hash"
	}
	return fmt.Sprintf("%d hashes", n)
}

// unheld reports whether some of what is pinned could not be held against an index.
func (c *checked) unheld() bool {
	return slices.ContainsFunc(c.report.Unchecked, func(u provenance.Unchecked) bool { return u.What == "release" || u.What == "hash" })
}

// tally counts findings by severity. Without any it says of how much that is so.
func (c *checked) tally() string {
	counts := map[provenance.Severity]int{}
	allowed := 0
	for _, f := range c.report.Findings {
		if f.Allowed != "" {
			allowed++
		} else {
			counts[f.Severity]++
		}
	}
	var parts []string
	for _, s := range []provenance.Severity{provenance.Error, provenance.Warning, provenance.Note} {
		if counts[s] > 0 {
			parts = append(parts, count(counts[s], s.String()))
		}
	}
	if allowed > 0 {
		parts = append(parts, fmt.Sprintf("%d allowed", allowed))
	}
	n := c.report.Counts
	switch {
	case len(parts) > 0:
	case n.Releases == 0 && n.Files == 0:
		return "there is nothing to check"
	case n.Known == 0 && n.Files == 0 && c.unheld():
		return "nothing could be checked"
	case c.unheld():
		return "nothing is wrong with what could be checked"
	default:
		return "nothing is wrong"
	}
	return strings.Join(parts, ", ")
}

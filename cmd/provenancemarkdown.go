package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/thamos/thamos/lockfile/provenance"
)

// markdownEscapes keeps a text of a stranger from being anything but text: no
// link, no image, no HTML, no cell of its own, no mention of anybody.
var markdownEscapes = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]",
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "\\#", "!", "\\!", "~", "\\~", "@", "&#64;", "://", "&#58;//",
)

func markdown(text string) string { return markdownEscapes.Replace(onScreen(text)) }

// printMarkdown prints the findings as what a pull request can be told.
func printMarkdown(to io.Writer, results []checked) error {
	var b strings.Builder
	for i, c := range results {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "## Provenance of %s\n\n%s: %s.\n", markdown(c.shown), c.looked(), c.tally())
		if len(c.report.Findings) > 0 {
			b.WriteString("\n| | check | package | what is wrong | where |\n|---|---|---|---|---|\n")
		}
		for k := range c.report.Findings {
			f := &c.report.Findings[k]
			what := markdown(f.Message)
			if len(f.Evidence) > 0 {
				what += "<br>" + markdown(strings.Join(f.Evidence, "; "))
			}
			if f.Allowed != "" {
				what += "<br>allowed: " + markdown(f.Allowed)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", mark(f), f.Check, markdown(f.Subject()), what, markdown(f.Pos.String()))
		}
		if n := len(c.report.Unchecked); n > 0 {
			fmt.Fprintf(&b, "\n<details><summary>%s not checked</summary>\n\n", count(n, "thing"))
			for _, u := range c.report.Unchecked {
				fmt.Fprintf(&b, "- %s\n", markdown(uncheckedText(u)))
			}
			b.WriteString("\n</details>\n")
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func mark(f *provenance.Finding) string {
	if f.Allowed != "" {
		return "allowed"
	}
	return f.Severity.String()
}

package cmd

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thamos/thamos/lockfile/provenance"
)

// oneLineOf is a finding as one line of text.
func oneLineOf(f *provenance.Finding) string {
	text := f.Subject() + ": " + f.Message
	if len(f.Evidence) > 0 {
		text += " (" + strings.Join(f.Evidence, "; ") + ")"
	}
	return onScreen(text)
}

// fingerprint is what of a finding stays the same while lines move.
func fingerprint(f *provenance.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Concat([]string{f.Check, string(f.Name), f.Version, f.Message}, f.Evidence), "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Escapes of GitHub's workflow commands: of their text, and of their properties.
var (
	commandText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// printAnnotations prints the findings that count as workflow commands of GitHub
// Actions, which shows them beside the lines of the lock.
func printAnnotations(to io.Writer, results []checked) error {
	var b strings.Builder
	for _, c := range results {
		for i := range c.report.Findings {
			f := &c.report.Findings[i]
			if f.Allowed != "" {
				continue
			}
			level := map[provenance.Severity]string{provenance.Error: "error", provenance.Warning: "warning"}[f.Severity]
			fmt.Fprintf(&b, "::%s file=%s", cmp.Or(level, "notice"), commandProperty.Replace(filepath.ToSlash(cmp.Or(f.Pos.File, c.shown))))
			if f.Pos.Line > 0 {
				fmt.Fprintf(&b, ",line=%d", f.Pos.Line)
			}
			fmt.Fprintf(&b, ",title=%s::%s. To do: %s\n", commandProperty.Replace(f.Check), commandText.Replace(oneLineOf(f)), f.Remedy)
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// Code Quality, the form of reports that GitLab shows in a merge request.
type qualityJSON struct {
	Description string      `json:"description"`
	Check       string      `json:"check_name"`
	Fingerprint string      `json:"fingerprint"`
	Severity    string      `json:"severity"`
	Location    qualityAtJS `json:"location"`
}

type qualityAtJS struct {
	Path  string        `json:"path"`
	Lines qualityLineJS `json:"lines"`
}

type qualityLineJS struct {
	Begin int `json:"begin"`
}

// printCodeQuality prints the findings that count for GitLab.
func printCodeQuality(to io.Writer, results []checked) error {
	list := []qualityJSON{}
	for _, c := range results {
		for i := range c.report.Findings {
			f := &c.report.Findings[i]
			if f.Allowed != "" {
				continue
			}
			severity := map[provenance.Severity]string{provenance.Error: "critical", provenance.Warning: "major"}[f.Severity]
			list = append(list, qualityJSON{
				oneLineOf(f), f.Check, fingerprint(f), cmp.Or(severity, "info"),
				qualityAtJS{filepath.ToSlash(cmp.Or(f.Pos.File, c.shown)), qualityLineJS{max(f.Pos.Line, 1)}},
			})
		}
	}
	return printJSON(to, list)
}

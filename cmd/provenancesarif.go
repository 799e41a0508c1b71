package cmd

import (
	"cmp"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/thamos/thamos/lockfile/provenance"
)

// SARIF 2.1.0 (OASIS), as far as a check of locks needs it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool      `json:"tool"`
		ColumnKind string         `json:"columnKind"`
		Results    []sarifResult  `json:"results"`
		Properties map[string]any `json:"properties,omitempty"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string      `json:"id"`
		Short   sarifText   `json:"shortDescription"`
		Help    sarifText   `json:"help"`
		Default sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// sarifSchema is where the schema of the document is published.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// printSARIF prints one run with the findings of all locks.
func printSARIF(to io.Writer, version string, results []checked) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "thamos", Version: version}}, ColumnKind: "utf16CodeUnits", Results: []sarifResult{},
	}
	index := map[string]int{}
	for i, c := range provenance.Checks() {
		index[c.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c.ID, Short: sarifText{c.Doc}, Help: sarifText{c.Remedy}, Default: sarifConfig{c.Severity.String()},
		})
	}
	unchecked := 0
	for _, c := range results {
		unchecked += len(c.report.Unchecked)
		for i := range c.report.Findings {
			run.Results = append(run.Results, sarifOf(&c.report.Findings[i], index, c.shown))
		}
	}
	run.Properties = map[string]any{"notChecked": unchecked}
	return printJSON(to, sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

func sarifOf(f *provenance.Finding, index map[string]int, shown string) sarifResult {
	r := sarifResult{
		RuleID: f.Check, RuleIndex: index[f.Check], Level: f.Severity.String(),
		Message: sarifText{oneLineOf(f) + ". To do: " + f.Remedy},
	}
	physical := sarifPhysical{Artifact: sarifArtifact{sarifURI(cmp.Or(f.Pos.File, shown))}}
	if f.Pos.Line > 0 {
		// The column of a Position is of bytes. A lock has nothing but ASCII before
		// a name, so that it is the one of characters too.
		physical.Region = &sarifRegion{f.Pos.Line, f.Pos.Col}
	}
	r.Locations = []sarifLocation{{physical}}
	r.Fingerprints = map[string]string{"thamos/v1": fingerprint(f)}
	if f.Allowed != "" {
		r.Suppressions = []sarifSuppression{{"external", onScreen(f.Allowed)}}
	}
	return r
}

// sarifURI is a path as a URI: relative to the working directory, or absolute.
func sarifURI(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.IsAbs(path) {
		if !strings.HasPrefix(slashed, "/") {
			slashed = "/" + slashed // a drive
		}
		return (&url.URL{Scheme: "file", Path: slashed}).String()
	}
	return (&url.URL{Path: slashed}).String()
}

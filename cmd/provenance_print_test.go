package cmd

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/lockfile/provenance"
)

// hostile are results full of what strangers could write.
func hostile() []checked {
	const text = "<img src=x> | [link](https://evil.example) @everyone `code` \x1b[31m\n::error::x\r%0A"
	return []checked{{
		shown: "a b/Pipfile.lock", format: lockfile.LockPipfile, failOn: provenance.Error,
		report: &provenance.Report{
			Findings: []provenance.Finding{
				{Check: provenance.HashUnknown, Severity: provenance.Error, Name: "a", Version: "1", Message: text, Evidence: []string{text}, Remedy: "r", Pos: lockfile.Position{File: "a b/Pipfile.lock", Line: 3, Col: 5}},
				{Check: provenance.NameHomoglyph, Severity: provenance.Warning, Name: "rеquests\x00", Message: "m", Remedy: "r", Pos: lockfile.Position{File: "/abs/x:y,z.lock"}},
				{Check: provenance.NotFromIndex, Severity: provenance.Note, Message: "m", Remedy: "r", Allowed: text},
			},
			Unchecked: []provenance.Unchecked{{Name: "b", Version: "2", What: "hash", Why: text}},
		},
	}}
}

// TestSARIFSchema validates documents against the schema of the standard, and
// one that is not to be valid.
func TestSARIFSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../testdata/sarif/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]checked{"nothing": nil, "findings": hostile()} {
		var out bytes.Buffer
		if err := printSARIF(&out, "1.2.3", list); err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		document.(map[string]any)["version"] = "2.0.0"
		if err := schema.Validate(document); err == nil {
			t.Errorf("%s: another version is valid too", name)
		}
	}
}

// TestSARIF holds the document against what SARIF 2.1.0 demands of it: every
// property is one that the standard has, what must be there is, and what refers
// to something refers to what is there.
func TestSARIF(t *testing.T) {
	var out bytes.Buffer
	if err := printSARIF(&out, "1.2.3", hostile()); err != nil {
		t.Fatal(err)
	}
	type text struct {
		Text string `json:"text"`
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name    string `json:"name"`
					Version string `json:"version"`
					Rules   []struct {
						ID      string `json:"id"`
						Short   text   `json:"shortDescription"`
						Help    text   `json:"help"`
						Default struct {
							Level string `json:"level"`
						} `json:"defaultConfiguration"`
					} `json:"rules"`
				} `json:"driver"`
			} `json:"tool"`
			ColumnKind string `json:"columnKind"`
			Results    []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex *int   `json:"ruleIndex"`
				Level     string `json:"level"`
				Message   text   `json:"message"`
				Locations []struct {
					Physical struct {
						Artifact struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
						Region *struct {
							StartLine   int `json:"startLine"`
							StartColumn int `json:"startColumn"`
						} `json:"region"`
					} `json:"physicalLocation"`
				} `json:"locations"`
				Fingerprints map[string]string `json:"partialFingerprints"`
				Suppressions []struct {
					Kind          string `json:"kind"`
					Justification string `json:"justification"`
				} `json:"suppressions"`
			} `json:"results"`
			Properties map[string]any `json:"properties"`
		} `json:"runs"`
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	levels := []string{"none", "note", "warning", "error"}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "/sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("%+v", log)
	}
	run := log.Runs[0]
	rules := map[string]bool{}
	for _, r := range run.Tool.Driver.Rules {
		if rules[r.ID] || r.ID == "" || r.Short.Text == "" || r.Help.Text == "" || !slices.Contains(levels, r.Default.Level) {
			t.Errorf("rule %+v", r)
		}
		rules[r.ID] = true
	}
	if run.Tool.Driver.Name != "thamos" || run.Tool.Driver.Version != "1.2.3" || run.ColumnKind != "utf16CodeUnits" || len(run.Results) != 3 {
		t.Errorf("%+v", run.Tool.Driver)
	}
	wantURIs := []string{"a%20b/Pipfile.lock", "file:///abs/x:y,z.lock", "a%20b/Pipfile.lock"}
	for i, r := range run.Results {
		if r.RuleIndex == nil || run.Tool.Driver.Rules[*r.RuleIndex].ID != r.RuleID || !slices.Contains(levels, r.Level) || r.Message.Text == "" || len(r.Locations) != 1 || len(r.Fingerprints["thamos/v1"]) != 32 {
			t.Errorf("%+v", r)
		}
		at := r.Locations[0].Physical
		if u, err := url.Parse(at.Artifact.URI); err != nil || at.Artifact.URI != wantURIs[i] || u.String() != at.Artifact.URI {
			t.Errorf("URI %q, want %q: %v", at.Artifact.URI, wantURIs[i], err)
		}
		if at.Region != nil && (at.Region.StartLine < 1 || at.Region.StartColumn < 1) {
			t.Errorf("region %+v", at.Region)
		}
		if strings.ContainsFunc(r.Message.Text, func(c rune) bool { return c < ' ' }) {
			t.Errorf("message %q", r.Message.Text)
		}
	}
	if s := run.Results[2].Suppressions; len(s) != 1 || s[0].Kind != "external" || s[0].Justification == "" {
		t.Errorf("suppressions %+v", s)
	}
	if run.Results[0].Locations[0].Physical.Region == nil || run.Results[1].Locations[0].Physical.Region != nil {
		t.Error("regions are not where lines are known")
	}
}

// TestForms: what a stranger wrote stays text in every form.
func TestForms(t *testing.T) {
	for _, test := range []struct {
		name  string
		print func(*bytes.Buffer) error
		never []string
		lines int
	}{
		{"table", func(b *bytes.Buffer) error { return printChecked(b, hostile(), true) }, []string{"\x1b", "\n::error"}, 0},
		{"markdown", func(b *bytes.Buffer) error { return printMarkdown(b, hostile()) }, []string{"\x1b", "<img", "[link](", "https://evil", " @everyone", " `code"}, 0},
		{"annotations", func(b *bytes.Buffer) error { return printAnnotations(b, hostile()) }, []string{"\x1b", "\n::error::x", "\r"}, 2},
		{"code quality", func(b *bytes.Buffer) error { return printCodeQuality(b, hostile()) }, []string{"\x1b", "\n::error"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := test.print(&out); err != nil {
				t.Fatal(err)
			}
			for _, never := range test.never {
				if strings.Contains(out.String(), never) {
					t.Errorf("%q in\n%s", never, &out)
				}
			}
			if n := strings.Count(out.String(), "\n"); test.lines > 0 && n != test.lines {
				t.Errorf("%d lines\n%s", n, &out)
			}
		})
	}
	var out bytes.Buffer
	if err := printAnnotations(&out, hostile()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "::error file=a b/Pipfile.lock,line=3,title=hash-unknown::a==1: ") || !strings.Contains(out.String(), "::warning file=/abs/x%3Ay%2Cz.lock,title=") {
		t.Errorf("%s", &out)
	}
}

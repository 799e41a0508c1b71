package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// osvFiles makes a directory of pairs of name and text.
func osvFiles(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

// osvOf is a record in JSON with an affected entry of the project a.
func osvOf(id, more, affected string) string {
	return fmt.Sprintf(`{"id": %q, %s "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, %s}]}`, id, more, affected)
}

const osvAny = `"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]`

// affectedText writes ranges as intervals.
func affectedText(list []py.Affected) string {
	var out []string
	for _, r := range list {
		switch {
		case !r.Last.IsZero() && r.From == r.Last:
			out = append(out, r.From.String())
		case !r.Last.IsZero():
			out = append(out, fmt.Sprintf("[%v,%v]", r.From, r.Last))
		default:
			out = append(out, fmt.Sprintf("[%v,%v)", r.From, r.Before))
		}
	}
	return strings.Join(out, " ")
}

func readOSVFiles(t *testing.T, pairs ...string) ([]py.Advisory, OSVReport) {
	t.Helper()
	advisories, report, err := ReadOSV(context.Background(), osvFiles(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	takes(t, kb.Facts{Advisories: advisories})
	return advisories, report
}

// TestOSVBothForms: the same record in both forms is the same advisory.
func TestOSVBothForms(t *testing.T) {
	const asJSON = `{
		"schema_version": "1.7.4", "id": "GHSA-1", "modified": "2024-02-03T04:05:06.789Z", "published": "2024-01-01T00:00:00Z",
		"aliases": ["CVE-2", "CVE-1"], "related": ["CVE-9"], "details": "### Impact\n\nIt leaks.  See e.g. RFC 1.\nMore.",
		"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
		"affected": [{"package": {"ecosystem": "PyPI", "name": "Some_Name"}, "versions": ["1.10", "nope", "0.5"],
			"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "abc"}]}, {"type": "ECOSYSTEM", "events": [{"fixed": "3"}, {}, {"introduced": "2.0"}]}],
			"database_specific": {"severity": ["strange"]}, "ecosystem_specific": 7}],
		"references": [{"type": "WEB", "url": "https://a.example/"}, {"type": "ADVISORY", "url": "javascript:alert(1)"}, {"type": "ADVISORY", "url": "https://b.example/"}],
		"database_specific": {"severity": {"deep": 1}}, "credits": [{"name": "X"}]}`
	const asYAML = `
id: GHSA-1
modified: 2024-02-03T04:05:06.789Z
published: "2024-01-01T00:00:00Z"
aliases: [CVE-2, CVE-1]
details: |
  ### Impact

  It leaks.  See e.g. RFC 1.
  More.
severity:
- type: CVSS_V3
  score: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H
affected:
- package: {ecosystem: PyPI, name: Some_Name}
  versions: [1.10, nope, 0.5]
  ranges:
  - {type: GIT, repo: x, events: [{introduced: abc}]}
  - type: ECOSYSTEM
    events: [{fixed: 3}, {}, {introduced: 2.0}]
  database_specific: {severity: [strange]}
  ecosystem_specific: 7
references:
- {type: WEB, url: https://a.example/}
- {type: ADVISORY, url: "javascript:alert(1)"}
- {type: ADVISORY, url: https://b.example/}
database_specific: {severity: {deep: 1}}
`
	for name, text := range map[string]string{"a.json": asJSON, "a.JSON": "\ufeff" + asJSON, "a.yaml": asYAML, "b/c/a.yml": asYAML} {
		got, report := readOSVFiles(t, name, text, "readme.txt", "x", ".git/x.json", "x")
		if len(got) != 1 || len(report.Faults) != 0 || report.Records != 1 || report.EmptyEvents != 1 || report.Unversioned != 1 {
			t.Errorf("%s: %+v, %+v", name, got, report)
			continue
		}
		if text := affectedText(got[0].Affected); text != "0.5 1.10 [2.0,3)" {
			t.Errorf("%s: affected are %s", name, text)
		}
		got[0].Affected = nil
		want := py.Advisory{ID: "GHSA-1", Aliases: []string{"CVE-1", "CVE-2"}, Project: "some-name", Summary: "It leaks",
			Severity: py.Critical, CVSS: 9.8, Link: "https://b.example/", Published: 1704067200, Modified: 1706933106}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOSVRanges(t *testing.T) {
	for _, c := range []struct{ events, versions, want string }{
		{`{"introduced": "0"}`, ``, "[,)"},
		{`{"introduced": "0"}, {"fixed": "1.2"}`, ``, "[,1.2)"},
		{`{"introduced": "0"}, {"last_affected": "1.2"}`, ``, "[,1.2]"},
		{`{"introduced": "0.0"}, {"fixed": "1.2"}`, ``, "[0.0,1.2)"},
		{`{"fixed": "1.10"}, {"introduced": "1.9"}, {"introduced": "0"}, {"fixed": "1.2"}`, ``, "[,1.2) [1.9,1.10)"},
		{`{"introduced": "1"}, {"introduced": "2"}, {"fixed": "3"}, {"fixed": "4"}`, ``, "[1,3)"},
		{`{"introduced": "1"}, {"last_affected": "2"}, {"introduced": "3"}`, ``, "[1,2] [3,)"},
		{`{"introduced": "0"}, {"fixed": "1"}, {"introduced": "1"}, {"fixed": "2"}`, ``, "[,2)"},
		{`{"introduced": "0"}, {"introduced": "1"}, {"fixed": "1"}, {"fixed": "2"}`, ``, "[,2)"},
		{`{"introduced": "1"}, {"last_affected": "1"}`, ``, "1"},
		{`{"introduced": "0"}, {"last_affected": "1"}, {"introduced": "1"}, {"fixed": "2"}`, ``, "[,2)"},
		{`{"introduced": "1"}, {"fixed": "1.0"}`, `"3"`, "3"},
		{`{"introduced": "1", "fixed": "2"}`, ``, "[1,2)"},
		{`{"introduced": "1"}, {"limit": "3"}, {"limit": "2"}`, ``, "[1,3)"},
		{`{"introduced": "1"}, {"last_affected": "2"}, {"limit": "2"}`, ``, "[1,2)"},
		{`{"introduced": "1"}, {"last_affected": "2"}, {"limit": "2.1"}`, ``, "[1,2]"},
		{`{"introduced": "1"}, {"fixed": "2"}, {"introduced": "4"}, {"limit": "3"}`, ``, "[1,2)"},
		{`{"introduced": "1"}, {"limit": "3"}, {"limit": "*"}`, ``, "[1,)"},
		{`{}, {"introduced": "1"}, {"fixed": "2"}, null`, ``, "[1,2)"},
		{`{"introduced": "1"}, {"fixed": "2"}`, `"1.5", "2", "2.0", "1", "0.9", "x"`, "0.9 [1,2]"},
		{`{}`, `"1!1", "1+local.1"`, "1+local.1 1!1"},
		{`{"introduced": "2.0a1"}, {"fixed": "2.0"}`, `"2.0.post1"`, "[2.0a1,2.0) 2.0.post1"},
	} {
		got, report := readOSVFiles(t, "a.json", osvOf("X-1", "", `"versions": [`+c.versions+`], "ranges": [{"type": "ECOSYSTEM", "events": [`+c.events+`]}]`))
		if len(got) != 1 || len(report.Faults) != 0 {
			t.Errorf("%s: %d advisories, faults %v", c.events, len(got), report.Faults)
		} else if text := affectedText(got[0].Affected); text != c.want {
			t.Errorf("%s with %s: %s, want %s", c.events, c.versions, text, c.want)
		}
	}
}

// TestOSVFaults: what is malformed costs itself.
func TestOSVFaults(t *testing.T) {
	bad := []string{
		"a.json", `{"id": "X-1",` + "\n\n" + `"affected": [}`,
		"b.json", `{"id": "X-1",` + "\n" + `"aliases": "CVE-1"}`,
		"c.json", `[]`,
		"d.json", ``,
		"d2.json", strings.Repeat("[", 100_000),
		"e.yaml", "id: X-2\naliases:\n  a: b\n",
		"f.yaml", "id: X-2\n\tx: y\n",
		"g.yaml", "id: X-2\n---\nid: X-3\n",
		"g2.yaml", "x: " + strings.Repeat("[", 100_000),
		"h.yaml", "summary: no id\n",
		"i.json", `{"id": "with space"}`,
		"j.json", osvOf("X-4", `"modified": "soon", "published": "1960-01-01T00:00:00Z", "aliases": ["", "CVE-4"],`, osvAny),
		"k.json", osvOf("X-5", `"severity": [{"type": "CVSS_V3", "score": "9.8"}, {"type": "CVSS_V2", "score": "x"}, {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}],`, osvAny),
		"l.json", osvOf("X-6", "", `"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "one"}]}, {"type": "ECOSYSTEM", "events": [{"fixed": "1"}]}], "versions": ["7"]`),
		"m.json", osvOf("X-7", "", `"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]`),
		"n.json", `{"id": "X-8", "affected": [{"package": {"ecosystem": "PyPI", "name": "-"}, ` + osvAny + `}]}`,
		"z.json", osvOf("X-9", `"modified": "0001-01-01T00:00:00Z",`, osvAny),
	}
	got, report := readOSVFiles(t, bad...)
	var ids []string
	for _, a := range got {
		ids = append(ids, a.ID+" "+affectedText(a.Affected))
	}
	if want := []string{"X-4 [,)", "X-5 [,)", "X-6 7", "X-9 [,)"}; !cmp.Equal(ids, want) {
		t.Errorf("advisories are %q, want %q", ids, want)
	}
	matchFaults(t, "faults", []string{
		"a.json:3: invalid character '}'*",
		"b.json:2: aliases is a string",
		"c.json:1: the record is a array",
		"d.json:1: unexpected end of JSON input",
		"d2.json:1: *",
		"e.yaml:3: cannot unmarshal !!map*",
		"f.yaml:2: *",
		"g.yaml:1: more than one document",
		"g2.yaml:1: *",
		`h.yaml: "" is not an id`,
		`i.json: "with space" is not an id`,
		`j.json: modified: "soon" is not a time`,
		`j.json: published: "1960-01-01T00:00:00Z" is not a time`,
		`j.json: aliases[0]: "" is not an id`,
		`k.json: severity[0]: "9.8" is not a CVSS vector of version 3 or 4`,
		`k.json: severity[2]: "CVSS:4.0/AV:N": *`,
		`l.json: affected[0].ranges[0]: introduced: "one" is not a version`,
		`l.json: affected[0].ranges[1]: nothing is introduced`,
		`m.json: it names no version of a that can be read`,
		`n.json: affected[0]: "-" is not a name`,
	}, report.Faults)
	if report.Records != 6 || report.Dropped != 0 {
		t.Errorf("%d records, %d dropped", report.Records, report.Dropped)
	}
}

func TestOSVNotOurs(t *testing.T) {
	foreign := `{"id": "Y-1", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, ` + osvAny + `}, {"ranges": [{"type": "GIT", "events": [{}]}]}]}`
	both := `{"id": "Y-2", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, ` + osvAny + `}, {"package": {"ecosystem": "PyPI", "name": "b"}, "versions": ["1"]}, {"package": {"ecosystem": "PyPI", "name": "C"}, "versions": ["2"]}, {"package": {"ecosystem": "PyPI", "name": "B"}, "versions": ["3"]}]}`
	withdrawn := osvOf("Y-3", `"withdrawn": "2024-01-01T00:00:00Z",`, osvAny)
	got, report := readOSVFiles(t, "1.json", foreign, "2.json", both, "3.json", withdrawn, "4.json", `{"id": "Y-4"}`)
	if report.Records != 4 || report.Foreign != 2 || report.Withdrawn != 1 || report.EmptyEvents != 0 || len(report.Faults) != 0 {
		t.Errorf("report is %+v", report)
	}
	if len(got) != 2 || got[0].Project != "b" || affectedText(got[0].Affected) != "1 3" || got[1].Project != "c" || affectedText(got[1].Affected) != "2" {
		t.Errorf("advisories are %+v", got)
	}
}

func TestOSVSeverity(t *testing.T) {
	const v3low, v31high, v4 = `{"type": "CVSS_V3", "score": "CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}`,
		`{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}`,
		`{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}`
	const none = `{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}`
	for _, c := range []struct {
		top, affected string
		severity      py.Severity
		cvss          float64
	}{
		{``, ``, py.Unrated, 0},
		{`"severity": [` + v3low + `],`, ``, py.Low, 1.8},
		{`"severity": [` + v31high + `],`, ``, py.High, 7.5},
		{`"severity": [` + v3low + `,` + v4 + `],`, ``, py.Critical, 9.3},
		{`"severity": [` + v4 + `,` + v3low + `],`, ``, py.Critical, 9.3},
		{`"severity": [` + v4 + `],`, `"severity": [` + v31high + `],`, py.High, 7.5},
		{`"severity": [` + none + `], "database_specific": {"severity": "LOW"},`, ``, py.Low, 0},
		{`"database_specific": {"severity": "MODERATE"},`, ``, py.Medium, 0},
		{`"database_specific": {"severity": "whatever"},`, `"database_specific": {"severity": "High"},`, py.High, 0},
		{``, `"ecosystem_specific": {"severity": "critical"},`, py.Critical, 0},
		{`"severity": [` + v3low + `], "database_specific": {"severity": "CRITICAL"},`, ``, py.Low, 1.8},
		{`"severity": [{"type": "Ubuntu", "score": "high"}],`, ``, py.Unrated, 0},
	} {
		got, report := readOSVFiles(t, "a.json", osvOf("X-1", c.top, c.affected+osvAny))
		if len(got) != 1 || got[0].Severity != c.severity || got[0].CVSS != c.cvss || len(report.Faults) != 0 {
			t.Errorf("%s %s: %+v, faults %v", c.top, c.affected, got, report.Faults)
		}
	}
}

// TestOSVJoin: records of one vulnerability are one advisory of a project.
func TestOSVJoin(t *testing.T) {
	versions := func(v string) string { return `"versions": ["` + v + `"]` }
	files := []string{
		"1.json", osvOf("PYSEC-1", `"aliases": ["cve-1"], "modified": "2024-01-01T00:00:00Z", "published": "2023-01-02T00:00:00Z", "details": "From PyPA.", "database_specific": {"severity": "HIGH"},`, versions("1")),
		"2.json", osvOf("GHSA-1", `"aliases": ["CVE-2"], "modified": "2024-01-03T00:00:00Z", "published": "2023-01-04T00:00:00Z", "details": "From GitHub.", "references": [{"type": "WEB", "url": "https://web.example"}],`, versions("2")),
		"3.json", osvOf("MAL-7", `"aliases": ["CVE-1", "CVE-2"], "modified": "2024-01-02T00:00:00Z", "published": "2023-01-01T00:00:00Z", "summary": "Malicious code.", "database_specific": {"severity": "LOW"}, "references": [{"type": "ADVISORY", "url": "https://mal.example"}],`, versions("2.0")),
		"4.json", osvOf("GHSA-9", `"aliases": ["CVE-9"],`, versions("9")),
		"5.json", strings.Replace(osvOf("GHSA-5", `"aliases": ["CVE-9"],`, versions("5")), `"name": "a"`, `"name": "b"`, 1),
		// Texts of one record: the later counts, the withdrawn one if both are equally old.
		"6.json", osvOf("X-6", `"modified": "2024-01-02T00:00:00Z",`, versions("6")),
		"7.json", osvOf("x-6", `"modified": "2024-01-01T00:00:00Z",`, versions("7")),
		"8.json", osvOf("X-8", `"modified": "2024-01-01T00:00:00Z",`, versions("8")),
		"9.json", osvOf("X-8", `"modified": "2024-01-02T00:00:00Z", "withdrawn": "2024-01-02T00:00:00Z",`, versions("8")),
		"91.json", osvOf("X-91", "", versions("9.1")),
		"92.json", osvOf("X-91", "", versions("9.2")),
	}
	got, report := readOSVFiles(t, files...)
	var short []string
	for _, a := range got {
		short = append(short, fmt.Sprintf("%s %s %v %s", a.Project, a.ID, a.Aliases, affectedText(a.Affected)))
	}
	want := []string{
		"a GHSA-1 [CVE-1 CVE-2 MAL-7 PYSEC-1] 1 2",
		"a GHSA-9 [CVE-9] 9",
		"a X-6 [] 6",
		"a X-91 [] 9.1 9.2",
		"b GHSA-5 [CVE-9] 5",
	}
	if diff := cmp.Diff(want, short); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if report.Records != 11 || report.Withdrawn != 1 || report.Merged != 2+1+1+1 || len(report.Faults) != 0 {
		t.Errorf("report is %+v", report)
	}
	a := got[0]
	a.Affected, a.Aliases = nil, nil
	if diff := cmp.Diff(py.Advisory{ID: "GHSA-1", Project: "a", Summary: "Malicious code", Severity: py.High, Malware: true,
		Link: "https://mal.example", Published: 1672531200, Modified: 1704240000}, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The order of the files does not matter.
	for i := 0; i < len(files); i += 2 {
		files[i] = fmt.Sprintf("%02d.json", len(files)-i)
	}
	again, _ := readOSVFiles(t, files...)
	if diff := cmp.Diff(got, again, sameVersion); diff != "" {
		t.Errorf("in another order (-first +now):\n%s", diff)
	}
}

func TestOSVText(t *testing.T) {
	long := strings.Repeat("word ", 60)
	for _, c := range []struct{ summary, details, want string }{
		{"", "", ""},
		{" A\n line\x1b[31m\u202e. ", "Details.", "A line[31m"},
		{"", "An issue was found in X before 1.2. It is bad.", "An issue was found in X before 1.2"},
		{"", "Use e.g. Python 3.9.1 or later.\n\nMore.", "Use e.g. Python 3.9.1 or later"},
		{"", "No stop\nat all", "No stop at all"},
		{"", "# Title\n\n## Impact\nThe `x` leaks. **More**", "The `x` leaks"},
		{"", "in sentence. and on it goes. Then", "in sentence. and on it goes"},
		{long, "", strings.TrimSpace(long[:155]) + "…"},
		{strings.Repeat("x", 300), "", strings.Repeat("x", 159) + "…"},
		{strings.Repeat("ü", 160), "", strings.Repeat("ü", 160)},
		{"", strings.Repeat("ü", 100_000), strings.Repeat("ü", 159) + "…"},
	} {
		if got, _ := osvSummary(&osvRecord{Summary: c.summary, Details: c.details}); got != c.want {
			t.Errorf("%.60q, %.60q: got %q, want %q", c.summary, c.details, got, c.want)
		}
	}
	for _, c := range []struct {
		refs []osvReference
		want string
	}{
		{nil, ""},
		{[]osvReference{{"PACKAGE", "https://a.example"}, {"FIX", "https://b.example"}}, ""},
		{[]osvReference{{"WEB", "https://a.example"}, {"WEB", "https://b.example"}}, "https://a.example"},
		{[]osvReference{{"WEB", "ftp://a.example"}, {"WEB", "https://u:p@b.example"}, {"WEB", "https://c.example/a b"}, {"WEB", "x"}, {"WEB", "https://d.example/" + strings.Repeat("x", 3000)}}, ""},
	} {
		if got, _ := osvLink(c.refs); got != c.want {
			t.Errorf("%v: link is %q, want %q", c.refs, got, c.want)
		}
	}
}

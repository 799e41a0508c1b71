package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/py"
)

// TestOSVIntervalsRandomly holds osvIntervals against the schema's pseudocode,
// for events of which no two are of one version.
func TestOSVIntervalsRandomly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 0, 8, rapid.ID).Draw(t, "places")
		var events []osvEvent
		for i, n := range places {
			text := fmt.Sprint(n)
			kind := rapid.SampledFrom([]string{"introduced", "fixed", "last", "limit"}).Draw(t, "kind")
			if i == 0 {
				kind = "introduced"
			}
			switch kind {
			case "introduced":
				events = append(events, osvEvent{Introduced: text})
			case "fixed":
				events = append(events, osvEvent{Fixed: text})
			case "last":
				events = append(events, osvEvent{LastAffected: text})
			case "limit":
				events = append(events, osvEvent{Limit: text})
			}
		}
		ranges, _, err := osvIntervals(events)
		if err != nil {
			t.Fatal(err)
		}
		joined := osvUnion(ranges)
		for n := range 22 {
			for _, suffix := range []string{".dev0", "", ".post1"} {
				v, err := py.ParseVersion(fmt.Sprint(n, suffix))
				if err != nil {
					t.Fatal(err)
				}
				want := schemaAffects(events, v)
				a, b := py.Advisory{Affected: ranges}, py.Advisory{Affected: joined}
				if a.Affects(v) != want || b.Affects(v) != want {
					t.Fatalf("%+v affect %v: %v and joined %v, want %v", events, v, a.Affects(v), b.Affects(v), want)
				}
			}
		}
		slices.Reverse(events)
		again, _, err := osvIntervals(events)
		if err != nil || affectedText(again) != affectedText(ranges) {
			t.Fatalf("in another order: %s, not %s", affectedText(again), affectedText(ranges))
		}
	})
}

// schemaAffects is IncludedInRanges of the OSV schema for one range.
func schemaAffects(events []osvEvent, v py.Version) bool {
	at := func(e osvEvent) (w py.Version) {
		text := e.Introduced + e.Fixed + e.LastAffected + e.Limit
		if e.Introduced != "0" {
			w, _ = py.ParseVersion(text)
		}
		return w
	}
	before, limits := false, 0
	for _, e := range events {
		if e.Limit != "" {
			limits++
			before = before || v.Compare(at(e)) < 0
		}
	}
	if limits > 0 && !before {
		return false
	}
	vulnerable := false
	for _, e := range slices.SortedFunc(slices.Values(events), func(a, b osvEvent) int { return at(a).Compare(at(b)) }) {
		switch {
		case e.Introduced != "" && v.Compare(at(e)) >= 0:
			vulnerable = true
		case e.Fixed != "" && v.Compare(at(e)) >= 0:
			vulnerable = false
		case e.LastAffected != "" && v.Compare(at(e)) > 0:
			vulnerable = false
		}
	}
	return vulnerable
}

// FuzzOSV: no record does harm, and what is made of it can be kept.
func FuzzOSV(f *testing.F) {
	f.Add(osvOf("X-1", `"aliases": ["CVE-1"], "summary": "x",`, osvAny), true)
	f.Add(osvOf("MAL-1", `"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}],`, `"versions": ["1", "x"]`), true)
	f.Add(osvOf("X-1", `"modified": "2024-01-01T00:00:00Z",`, `"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "2"}, {"limit": "2"}, {}]}]`), true)
	f.Add("id: X-1\naffected:\n- package: {ecosystem: PyPI, name: a}\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: 0\n    - fixed: 1.10\n", false)
	f.Add("id: X-1\na: &a [*a]\naffected: [&b {package: {ecosystem: PyPI, name: a}, versions: [1]}, *b]\nseverity: [{type: CVSS_V3, score: CVSS:3.1/AV:N}]\n", false)
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		name := "a.yaml"
		if isJSON {
			name = "a.json"
		}
		advisories, report, err := ReadOSV(context.Background(), osvFiles(name, text))
		if err != nil {
			t.Fatal(err)
		}
		if len(advisories) > 0 {
			takes(t, kb.Facts{Advisories: advisories})
		}
		for _, a := range advisories {
			if len(a.Affected) == 0 || strings.ContainsAny(a.Summary+a.Link, "\n\x1b") {
				t.Errorf("%+v", a)
			}
		}
		if report.Records+len(report.Faults) == 0 {
			t.Error("neither a record nor a fault")
		}
	})
}

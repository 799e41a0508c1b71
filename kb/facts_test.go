package kb

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// Sources of facts in tests.
var (
	advisoriesSource = Source{"advisories", "CC-BY-4.0", "2023-11-01", "of one list"}
	labSource        = Source{"lab", "MIT", "2023-11-02", ""}
)

// tool is a project whose later releases say something of earlier ones.
func tool(t testing.TB) Listing {
	l := Listing{Name: "tool"}
	for _, r := range [][]string{
		{"1.0", "demo"},
		{"1.1"}, // a hole
		{"1.2", "demo<3", "leaf"},
		{"1.3", "demo<2", "leaf"},
	} {
		l.Metadata = append(l.Metadata, py.Metadata{Name: "tool", Version: version(t, r[0]), RequiresDist: r[1:]})
	}
	return l
}

// advisories are two of demo and one of a project without a record.
func advisories(t testing.TB) []py.Advisory {
	v := func(s string) py.Version { return version(t, s) }
	return []py.Advisory{
		{
			ID: "X-2", Project: "demo", Severity: py.Critical, CVSS: 9.8, Published: 10, Modified: 20,
			Affected: []py.Affected{{Before: v("1.5")}, {From: v("2.0"), Last: v("2.0")}},
		},
		{
			ID: "X-1", Aliases: []string{"CVE-1", "A-1"}, Project: "demo", Summary: `It says "\"` + "\n\x01and more", Severity: py.Low, CVSS: 3.1,
			Link: "https://advisories.example/X-1", Published: 10, Modified: 30, Affected: []py.Affected{{From: v("1.0")}},
		},
		{ID: "MAL-1", Project: "nobody", Malware: true, Modified: 5, Affected: []py.Affected{{}}},
	}
}

func rulesOf(names ...string) []py.Rule {
	var rules []py.Rule
	for _, name := range names {
		kind, rest, _ := strings.Cut(name, "/")
		project, name, _ := strings.Cut(rest, "/")
		rules = append(rules, py.Rule{Kind: kind, Project: py.Name(project), Name: name, Body: []byte(`{"name": "` + name + `", "text": "<&>"}`)})
	}
	return rules
}

func observations(t testing.TB) []py.Observation {
	demo := py.Package{Name: "demo", Version: version(t, "2.0")}
	leaf := py.Package{Name: "leaf", Version: version(t, "1.0")}
	return []py.Observation{
		{Packages: []py.Package{leaf, demo}, Kind: "import", Outcome: "failed", Class: "import_error", Excerpt: "Traceback:\r\n  File\n", Python: "3.12", Document: sum("a"), At: 20},
		{Packages: []py.Package{demo}, Kind: "metric", Outcome: "ok", Metric: "speed", Value: 1.25, Unit: "1/s", Higher: true, At: 10},
	}
}

func indicators(t testing.TB) []py.Indicator {
	of := func(v, metric string, value float64) py.Indicator {
		return py.Indicator{Package: py.Package{Name: "demo", Version: version(t, v)}, Tool: "bandit", Metric: metric, Value: value}
	}
	return []py.Indicator{of("2.0", "low", 3), of("1.10", "low", 0.1), of("1.10", "high", 1)}
}

// addFacts tells a Writer all of these.
func addFacts(t testing.TB) func(*Writer) {
	return func(w *Writer) {
		for _, f := range []struct {
			Source
			Facts
		}{
			{advisoriesSource, Facts{Advisories: advisories(t)}},
			{labSource, Facts{
				Rules:        rulesOf("step/demo/b", "step/demo/a", "boot//every", "step/leaf/c", "wrap/demo/d"),
				Observations: observations(t),
				Indicators:   indicators(t),
			}},
		} {
			if err := w.AddFacts(f.Source, f.Facts); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFacts(t *testing.T) {
	file, wrote := write(t, append(world(t), tool(t)), addFacts(t))
	d := openTest(t, file)
	if err := d.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := d.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wrote, info); diff != "" {
		t.Errorf("Finish and Info (-wrote +read):\n%s", diff)
	}
	want := Info{Advisories: 3, AdvisoriesAt: 30, Rules: 5, Suspicions: 3, Observations: 2, Indicators: 3}
	got := Info{Advisories: info.Advisories, AdvisoriesAt: info.AdvisoriesAt, Rules: info.Rules, Suspicions: info.Suspicions, Observations: info.Observations, Indicators: info.Indicators}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if len(info.Sources) != 4 || info.Sources[1] != advisoriesSource {
		t.Errorf("sources %v", info.Sources)
	}

	names := []py.Name{"tool", "demo", "nobody", "leaf", "unheard-of", "demo"}
	for range 2 { // what was read, and what is remembered
		advs, err := d.Advisories(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		all := advisories(t)
		all[1].Aliases, all[1].Summary = []string{"A-1", "CVE-1"}, `It says "\"  and more`
		if diff := cmp.Diff([][]*py.Advisory{nil, {&all[1], &all[0]}, {&all[2]}, nil, nil, {&all[1], &all[0]}}, advs, sameVersion); diff != "" {
			t.Errorf("Advisories (-want +got):\n%s", diff)
		}
		rules, err := d.Rules(t.Context(), "step", []py.Name{"leaf", "demo", "demo"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`a demo {"name":"a","text":"<&>"}`, `b demo {"name":"b","text":"<&>"}`, `c leaf {"name":"c","text":"<&>"}`}, ruleTexts(rules)); diff != "" {
			t.Errorf("Rules (-want +got):\n%s", diff)
		}
		for kind, want := range map[string]int{"boot": 1, "wrap": 1, "sieve": 0} {
			if rules, err := d.Rules(t.Context(), kind, names); err != nil || len(rules) != want {
				t.Errorf("%d %s rules, %v; want %d", len(rules), kind, err, want)
			}
		}
		for name, want := range map[string]bool{"a": true, "b": true, "c": true, "": false, "aa": false, `{"name":"a","text":"<&>"}`: false} {
			if has, err := d.HasRule(t.Context(), name); err != nil || has != want {
				t.Errorf("has the rule %q: %v, %v", name, has, err)
			}
		}
		if rules, err := d.Rules(t.Context(), "wrap", nil); err != nil || len(rules) != 0 {
			t.Errorf("wrap rules of nothing: %v, %v", rules, err)
		}
		obs, err := d.Observations(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		stack, one := observations(t)[0], observations(t)[1]
		stack.Packages = []py.Package{stack.Packages[1], stack.Packages[0]}
		stack.Excerpt = "Traceback: \n  File"
		if diff := cmp.Diff([][]py.Observation{nil, {one, stack}, nil, {stack}, nil, {one, stack}}, obs, sameVersion); diff != "" {
			t.Errorf("Observations (-want +got):\n%s", diff)
		}
		inds, err := d.Indicators(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		in := indicators(t)
		sorted := []py.Indicator{in[2], in[1], in[0]}
		if diff := cmp.Diff([][]py.Indicator{nil, sorted, nil, nil, nil, sorted}, inds, sameVersion); diff != "" {
			t.Errorf("Indicators (-want +got):\n%s", diff)
		}
		abouts, err := d.Abouts(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		about := map[string]*py.About{version(t, "2.0").Key(): {License: "MIT", Classifiers: []string{"Development Status :: 5 - Production/Stable"}}}
		if diff := cmp.Diff([]map[string]*py.About{nil, about, nil, nil, nil, about}, abouts); diff != "" {
			t.Errorf("Abouts (-want +got):\n%s", diff)
		}
		suspicions, err := d.Suspicions(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{
			"1.2: demo below 2.dev0, by 1.3: demo<2",
			"1.1: a hole, by 1.2: demo<3",
			"1.0: demo below 3.dev0, by 1.2: demo<3",
		}, suspicionTexts(suspicions[0])); diff != "" {
			t.Errorf("Suspicions (-want +got):\n%s", diff)
		}
	}
}

func ruleTexts(rules []py.Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.Name+" "+string(r.Project)+" "+string(r.Body))
	}
	return out
}

func suspicionTexts(list []py.Suspicion) []string {
	var out []string
	for _, s := range list {
		text := s.Version.String() + ": a hole"
		if s.Kind == py.RetroCap {
			text = s.Version.String() + ": " + string(s.Dependency) + " below " + s.Top.Version.String()
			if s.Top.Inclusive {
				text += " with it"
			}
		}
		out = append(out, text+", by "+s.By.String()+": "+s.Line)
	}
	return out
}

// The order in which facts are added does not show, nor what is added twice.
func TestOrderOfFactsDoesNotShow(t *testing.T) {
	file, first := write(t, append(world(t), tool(t)), addFacts(t))
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		file, info := write(t, append([]Listing{tool(t)}, world(t)...), func(w *Writer) {
			type told struct {
				Source
				Facts
			}
			var all []told
			for _, a := range append(advisories(t), advisories(t)[0]) {
				all = append(all, told{advisoriesSource, Facts{Advisories: []py.Advisory{a}}})
			}
			for _, rule := range rulesOf("step/demo/b", "step/demo/a", "boot//every", "step/leaf/c", "wrap/demo/d", "boot//every") {
				all = append(all, told{labSource, Facts{Rules: []py.Rule{rule}}})
			}
			for _, o := range append(observations(t), observations(t)[1]) {
				all = append(all, told{labSource, Facts{Observations: []py.Observation{o}}})
			}
			for _, x := range append(indicators(t), indicators(t)[1]) {
				all = append(all, told{labSource, Facts{Indicators: []py.Indicator{x}}})
			}
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, f := range all {
				if err := w.AddFacts(f.Source, f.Facts); err != nil {
					t.Fatal(err)
				}
			}
		})
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Digest != first.Digest || !bytes.Equal(got, want) {
			t.Fatalf("digest %s, same bytes: %t; the first had %s", info.Digest, bytes.Equal(got, want), first.Digest)
		}
	}
}

// Whatever facts say, if they say otherwise the digest is another.
func TestDigestSeesFacts(t *testing.T) {
	digests := map[string]string{}
	for what, change := range map[string]func(f *Facts, s *Source, ls []Listing){
		"nothing":     func(*Facts, *Source, []Listing) {},
		"source":      func(_ *Facts, s *Source, _ []Listing) { s.Notes = "x" },
		"alias":       func(f *Facts, _ *Source, _ []Listing) { f.Advisories[1].Aliases = nil },
		"range":       func(f *Facts, _ *Source, _ []Listing) { f.Advisories[0].Affected[0].Before = version(t, "1.6") },
		"severity":    func(f *Facts, _ *Source, _ []Listing) { f.Advisories[0].Severity = py.High },
		"modified":    func(f *Facts, _ *Source, _ []Listing) { f.Advisories[0].Modified++ },
		"body":        func(f *Facts, _ *Source, _ []Listing) { f.Rules[0].Body = []byte(`{}`) },
		"kind":        func(f *Facts, _ *Source, _ []Listing) { f.Rules[0].Kind = "stride" },
		"outcome":     func(f *Facts, _ *Source, _ []Listing) { f.Observations[0].Outcome = "ok" },
		"value":       func(f *Facts, _ *Source, _ []Listing) { f.Observations[1].Value = 1.5 },
		"rank":        func(f *Facts, _ *Source, _ []Listing) { f.Popularity[0].Rank++ },
		"indicator":   func(f *Facts, _ *Source, _ []Listing) { f.Indicators[0].Value++ },
		"licence":     func(_ *Facts, _ *Source, ls []Listing) { ls[0].Metadata[0].LicenseExpression = "0BSD" },
		"requirement": func(_ *Facts, _ *Source, ls []Listing) { ls[3].Metadata[3].RequiresDist[0] = "demo<1" },
	} {
		ls := append(world(t), tool(t))
		s := labSource
		f := Facts{advisories(t), rulesOf("step/demo/a"), observations(t), indicators(t), []Popular{{"demo", 3}}}
		change(&f, &s, ls)
		_, info := write(t, ls, func(w *Writer) {
			if err := w.AddFacts(s, f); err != nil {
				t.Fatal(err)
			}
		})
		if other, twice := digests[info.Digest]; twice {
			t.Errorf("%s: the same digest as %s", what, other)
		}
		digests[info.Digest] = what
	}
}

// What two sources say of one vulnerability is one advisory.
func TestAdvisoriesOfTwoSources(t *testing.T) {
	v := func(s string) py.Version { return version(t, s) }
	file, _ := write(t, nil, func(w *Writer) {
		for _, f := range []struct {
			name string
			list []py.Advisory
		}{
			{"one", []py.Advisory{
				{ID: "P-1", Aliases: []string{"CVE-1"}, Project: "p", Published: 20, Modified: 20, Affected: []py.Affected{{Before: v("1")}}},
				{ID: "P-2", Aliases: []string{"CVE-2"}, Project: "p"},
				{ID: "Q-1", Aliases: []string{"CVE-7"}, Project: "p"},
			}},
			{"two", []py.Advisory{
				{ID: "G-1", Aliases: []string{"cve-1"}, Project: "p", Summary: "bad", Severity: py.High, CVSS: 8, Published: 10, Modified: 10, Affected: []py.Affected{{Before: v("1")}, {From: v("2"), Before: v("3")}}},
				{ID: "P-3", Project: "p", Malware: true},
				{ID: "Q-2", Aliases: []string{"CVE-8"}, Project: "p"},
			}},
			{"three", []py.Advisory{
				{ID: "P-1", Aliases: []string{"CVE-1"}, Project: "p", Link: "https://a.example"},
				{ID: "Q-3", Aliases: []string{"CVE-7", "CVE-8"}, Project: "p"}, // which says that two are one
			}},
		} {
			if err := w.AddFacts(Source{Name: f.name}, Facts{Advisories: f.list}); err != nil {
				t.Fatal(err)
			}
		}
	})
	got, err := openTest(t, file).Advisories(t.Context(), []py.Name{"p"})
	if err != nil {
		t.Fatal(err)
	}
	want := []*py.Advisory{
		{
			ID: "G-1", Aliases: []string{"CVE-1", "P-1", "cve-1"}, Project: "p", Summary: "bad", Severity: py.High, CVSS: 8, Link: "https://a.example",
			Published: 10, Modified: 20, Affected: []py.Affected{{Before: v("1")}, {From: v("2"), Before: v("3")}},
		},
		{ID: "P-2", Aliases: []string{"CVE-2"}, Project: "p"},
		{ID: "P-3", Project: "p", Malware: true},
		{ID: "Q-1", Aliases: []string{"CVE-7", "CVE-8", "Q-2", "Q-3"}, Project: "p"},
	}
	if diff := cmp.Diff(want, got[0], sameVersion); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Rules of all sources come by name, those of no project among the others, and
// what two sources say is said once.
func TestRulesOfTwoSources(t *testing.T) {
	file, _ := write(t, nil, func(w *Writer) {
		for name, rules := range map[string][]py.Rule{
			"one": rulesOf("boot//b", "boot/p/a", "boot/p/d", "boot//f"),
			"two": rulesOf("boot//b", "boot/q/c", "boot/p/e", "boot//a", "boot/p/b"),
		} {
			if err := w.AddFacts(Source{Name: name}, Facts{Rules: rules}); err != nil {
				t.Fatal(err)
			}
		}
	})
	rules, err := openTest(t, file).Rules(t.Context(), "boot", []py.Name{"q", "p"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rules {
		got = append(got, r.Name+" "+string(r.Project))
	}
	if diff := cmp.Diff([]string{"a ", "a p", "b ", "b p", "c q", "d p", "e p", "f "}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

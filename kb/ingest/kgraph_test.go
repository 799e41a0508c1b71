package ingest

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// readGraph returns what a graph hands on: each project on one line, with the
// requirements of its releases.
func readGraph(text string) (lines []string, report Report, err error) {
	report, err = ReadKGraph(context.Background(), strings.NewReader(text), func(l kb.Listing) error {
		lines = append(lines, graphLine(l))
		return nil
	})
	return lines, report, err
}

func graphLine(l kb.Listing) string {
	var b strings.Builder
	b.WriteString(string(l.Name))
	i := 0
	for _, v := range l.Versions {
		if i < len(l.Metadata) && l.Metadata[i].Version == v {
			fmt.Fprintf(&b, " %v%v", v, l.Metadata[i].RequiresDist)
			i++
		} else {
			fmt.Fprintf(&b, " %v?", v)
		}
	}
	return b.String()
}

func TestKGraph(t *testing.T) {
	const release = `{"dependency_packages": %s}`
	list := func(s string) string { return fmt.Sprintf(release, s) }
	for _, c := range []struct {
		name, in string
		want     []string
		faults   []string
		ignored  int
	}{
		{"plain", `{"projects": {"b": {"1.0": ` + list(`["a>=1", "c"]`) + `, "2.0": ` + list("null") + `}, "a": {"1": ` + list(`[]`) + `}}}`,
			[]string{"a 1[]", "b 2.0[] 1.0[a>=1 c]"}, nil, 0},
		{"nothing", `{"projects": {}}`, nil, nil, 0},
		{"a project without releases", `{"projects": {"a": {}}}`, []string{"a"}, nil, 0},
		{"what is not known is skipped", `{"x": [{"y": [1]}], "projects": {"a": {"1": {"z": {"q": []}, "dependency_packages": ["b"], "w": 3}}}, "projects2": 7}`,
			[]string{"a 1[b]"}, nil, 0},
		{"no list at all", `{"projects": {"a": {"1": {}}}}`, []string{"a 1[]"}, nil, 0},
		{"one name, two keys", `{"projects": {"A_b": {"1": ` + list(`["x"]`) + `, "2": ` + list(`["y"]`) + `}, "a-b": {"1": ` + list(`["z"]`) + `, "2": ` + list(`null`) + `, "3": ` + list(`null`) + `}}}`,
			[]string{"a-b 3[] 2[y] 1[z]"}, []string{`a-b: merged, as they are one project: ["A_b" "a-b"]`, "a-b 2: differs from A_b 2, which is used", "A_b 1: differs from a-b 1, which is used"}, 0},
		{"one key twice", `{"projects": {"a": {"1": ` + list(`["x"]`) + `}, "a": {"1": ` + list(`null`) + `}}}`,
			[]string{"a 1[x]"}, []string{`a: merged, as they are one project: ["a" "a"]`, "a 1: differs from a 1, which is used"}, 0},
		{"one version, two spellings", `{"projects": {"a": {"1.0": ` + list(`null`) + `, "1": ` + list(`["x"]`) + `, "2.00": ` + list(`["x"]`) + `, "2": ` + list(`["x"]`) + `}}}`,
			[]string{"a 2[x] 1[x]"}, []string{"a 1.0: differs from a 1, which is used"}, 0},
		{"malformed names", `{"projects": {"-": {"1": {}}, "": 3, "a": {}}}`, []string{"a"}, []string{`projects: "-" is not a name`, `projects: "" is not a name`}, 0},
		{"malformed versions", `{"projects": {"a": {"2004d": ` + list(`["b"]`) + `, "1": {}}}}`, []string{"a 1[]"}, []string{`a: "2004d" is not a version`}, 1},
		{"a malformed line is kept and noted once", `{"projects": {"a": {"1": ` + list(`["b>=1.*", "c"]`) + `, "2": ` + list(`["b>=1.*"]`) + `}}}`,
			[]string{"a 2[b>=1.*] 1[b>=1.* c]"}, []string{"a 1: *"}, 0},
		{"lists that are none", `{"projects": {"a": {"1": ` + list(`"b"`) + `, "2": ` + list(`["b", {"c": []}, "d"]`) + `, "3": [[]], "4": ` + list(`["b"]`) + `, "5": ` + list(`[["x"]]`) + `, "6": null}, "b": [1, [2]]}}`,
			[]string{"a 6? 5? 4[b] 3? 2? 1?"}, []string{
				"a 1: has dependency_packages that are not a list", "a 2: has a requirement that is not a string", "a 3: is not an object",
				"a 5: has a requirement that is not a string", "a 6: is not an object", "b: its releases are not an object"}, 0},
	} {
		got, report, err := readGraph(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if report.Ignored != c.ignored || report.Projects != len(c.want) || report.Dropped != 0 {
			t.Errorf("%s: %d ignored, %d projects, %d dropped", c.name, report.Ignored, report.Projects, report.Dropped)
		}
		matchFaults(t, c.name, c.faults, report.Faults)
	}
}

// matchFaults compares faults with what they should be; a * at the end stands
// for any text.
func matchFaults(t *testing.T, name string, want []string, got []Fault) {
	t.Helper()
	ok := len(want) == len(got)
	for i := 0; ok && i < len(want); i++ {
		prefix, any := strings.CutSuffix(want[i], "*")
		ok = want[i] == got[i].String() || any && strings.HasPrefix(got[i].String(), prefix)
	}
	if !ok {
		t.Errorf("%s: faults are %q, want %q", name, got, want)
	}
}

func TestKGraphFails(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, "read graph: byte 0: unexpected EOF"},
		{`[]`, "read graph: byte 1: the graph is not an object"},
		{`{}`, `read graph: byte 2: no "projects" (expected is`},
		{`{"projects": []}`, "read graph: byte 14: projects is not an object"},
		{`{"projects": {"a": {"1": {"dependency_packages": ["b"`, "unexpected EOF"},
		{`{"projects": {"a": {"1"`, "unexpected EOF"},
		{`{"projects": {"a": {"1" 2}}}`, "invalid character"},
		{`{"projects": {1: {}}}`, "read graph: byte"},
		{`{"projects": {}} {}`, "follows the graph"},
	} {
		_, _, err := readGraph(c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.in, err, c.want)
		}
	}
	stop := errors.New("stop")
	_, err := ReadKGraph(context.Background(), strings.NewReader(`{"projects": {"a": {}}}`), func(kb.Listing) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("error of add is lost: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	_, err = ReadKGraph(ctx, strings.NewReader(`{"projects": {"a": {}}}`), func(kb.Listing) error { return nil })
	if !errors.Is(err, stop) {
		t.Errorf("the context does not end it: %v", err)
	}
}

// TestKGraphBounds makes the limits small, and the text hostile.
func TestKGraphBounds(t *testing.T) {
	small := graphLimits{projects: 3, releases: 4, project: 600, total: 2000, lines: 2, line: 5}
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	project := func(body string) string { return `{"projects": {"a": {` + body + `}}}` }
	for _, c := range []struct{ in, want string }{
		{`{"projects": {"a": {}, "b": {}, "c": {}}}`, ""},
		{`{"projects": {"a": {}, "b": {}, "c": {}, "d": {}}}`, "more than 3 projects"},
		{project(`"1": {}, "2": {}, "3": {}, "4": {}, "5": {}`), "more than 4 releases"},
		{project(`"1": {"x": ` + deep + `}`), ""},
		{project(`"1": {"x": "` + strings.Repeat("y", 5000) + `"}`), "too large"},
		{project(`"1": {"x": "` + strings.Repeat("y", 700) + `"}`), "too large"},
		{`{"projects": {}}` + strings.Repeat(" ", 3000), "too large"},
	} {
		err := newGraphReader(iotestOneByte{strings.NewReader(c.in)}, small).read(context.Background())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.60s: error is %v, want %q", c.in, err, c.want)
		}
	}
	g := newGraphReader(strings.NewReader(project(`"1": {"dependency_packages": ["a", "b", "c"]}, "2": {"dependency_packages": ["abcdef"]}`)), small)
	if err := g.read(context.Background()); err != nil {
		t.Fatal(err)
	}
	matchFaults(t, "bounds", []string{"a 1: has more than 2 requirements", "a 2: has a requirement of more than 5 bytes"}, g.report.Faults)
	if got := graphLine(g.listing("a")); got != "a 2? 1?" {
		t.Errorf("got %s", got)
	}
}

// iotestOneByte gives one byte at a time, so that the decoder cannot read ahead.
type iotestOneByte struct{ io.Reader }

func (r iotestOneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

// TestKGraphOrder: the order of keys in the text does not matter.
func TestKGraphOrder(t *testing.T) {
	keys := []string{
		`"A_b": {"1": {"dependency_packages": ["x"]}, "1.0": {"dependency_packages": ["y"]}}`,
		`"a-b": {"1.0.0": {"dependency_packages": ["z"]}, "2": {"dependency_packages": null}}`,
		`"a.b": {"2": {"dependency_packages": ["q"]}, "1": {"dependency_packages": null}, "3": {"dependency_packages": [1]}}`,
		`"a--b": {"3": {"dependency_packages": null}}`,
		`"c": {}`,
	}
	random := rand.New(rand.NewPCG(1, 1))
	var first []string
	for range 20 {
		random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		got, _, err := readGraph(`{"projects": {` + strings.Join(keys, ", ") + `}}`)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Fatalf("another order (-first +now):\n%s", diff)
		}
	}
	if want := []string{"a-b 3[] 2[q] 1.0.0[z]", "c"}; !cmp.Equal(want, first) {
		t.Errorf("got %q, want %q", first, want)
	}
}

// TestConformanceKGraph holds the graph of the third-party data against the
// counts of its README.
func TestConformanceKGraph(t *testing.T) {
	f, err := kbtest.Zip(t, "KGraph.zip").File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := newGraphReader(f, graphDefault)
	if err := g.read(context.Background()); err != nil {
		t.Fatal(err)
	}
	// The README counts by a reader that takes the last of equal keys, and the
	// text has async_generator twice, with 12 versions each; it counts what is
	// no version as well, all of which have null.
	const repeated, none = 12, 232
	if g.keys != 8003+1 || g.versions != 534553+repeated || g.nulls != 164636+repeated-none || g.report.Ignored != none {
		t.Errorf("%d keys, %d versions, %d null, %d ignored; want 8003, 534553, 164636", g.keys, g.versions, g.nulls, g.report.Ignored)
	}
	t.Logf("%d different lines, %d lists", len(g.lines), len(g.lists))
	projects, versions, edges, empty := 0, 0, 0, 0
	var connexion *py.Metadata
	err = g.handOn(context.Background(), func(l kb.Listing) error {
		projects++
		versions += len(l.Versions)
		for i := range l.Metadata {
			m := &l.Metadata[i]
			edges += len(m.RequiresDist)
			if len(m.RequiresDist) == 0 {
				empty++
			}
			if l.Name == "connexion" && m.Version.String() == "2.14.1" {
				connexion = m
			}
			if err := kb.CheckMetadata(m); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d projects, %d releases, %d edges, %d without any, %d ignored, %d faults, %d dropped",
		projects, versions, edges, empty, g.report.Ignored, len(g.report.Faults), g.report.Dropped)
	merged := 0
	for _, f := range g.report.Faults {
		if strings.Contains(f.Reason, "merged") {
			merged++
			t.Log(f)
		}
	}
	if merged != 3 || projects != 8003+1-merged || g.report.Projects != projects {
		t.Errorf("%d projects, %d merged", projects, merged)
	}
	if connexion == nil || len(connexion.RequiresDist) == 0 {
		t.Errorf("connexion 2.14.1 is %v", connexion)
	}
}

func BenchmarkKGraph(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		z := kbtest.Zip(b, "KGraph.zip")
		f := open(b, z.File[0])
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		g := newGraphReader(f, graphDefault)
		if err := g.read(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
		runtime.KeepAlive(g)
		b.StartTimer()
	}
}

func open(b *testing.B, f *zip.File) io.Reader {
	r, err := f.Open()
	if err != nil {
		b.Fatal(err)
	}
	return r
}

package resolver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// universeDeviations are the tests of text universes that thamos answers
// otherwise on purpose.
var universeDeviations = map[string]string{
	"conflict_1-a": "pip finds a stack that breaks a requirement and only warns; thamos proves that there is none",
}

// anySolution are the tests whose problem has many stacks, of which the
// reference names one without saying why it is the best: ours must only be a
// stack.
var anySolution = map[string]bool{
	"synthetic": true, // a Sudoku with more than one solution
}

// A block is one "-- Kind name … -- END" part of a text universe file.
type block struct {
	kind, name string
	lines      []string
}

// TestConformanceUniverse runs the tests of text universes: universe blocks as
// outlines of project, version and requirements, graph blocks with the answer,
// and test blocks that join them.
func TestConformanceUniverse(t *testing.T) {
	for _, file := range kbtest.Glob(t, "universe/*.data") {
		blocks := readBlocks(t, file)
		for _, b := range blocks {
			if b.kind == "Test" {
				t.Run(filepath.Base(file)+"/"+b.name, func(t *testing.T) { checkUniverse(t, b, blocks) })
			}
		}
	}
}

func readBlocks(t testing.TB, file string) []block {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var open *block
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		line := s.Text()
		switch {
		case line == "-- END":
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.lines = append(open.lines, line)
		case strings.HasPrefix(line, "-- "):
			kind, name, _ := strings.Cut(line[3:], " ")
			open = &block{kind: kind, name: name}
		}
	}
	return blocks
}

func checkUniverse(t *testing.T, test block, blocks []block) {
	find := func(kind, name string) []string {
		i := slices.IndexFunc(blocks, func(b block) bool { return b.kind == kind && b.name == name })
		if i < 0 {
			t.Fatalf("no %s %s", kind, name)
		}
		return blocks[i].lines
	}
	var root, version string
	var u, graph []string
	fails := false
	for _, l := range test.lines {
		word, rest, _ := strings.Cut(l, " ")
		switch word {
		case "Resolve":
			root, version, _ = strings.Cut(rest, " ")
		case "Universe":
			u = find("Universe", rest)
		case "Graph":
			graph = find("Graph", rest)
		case "Flag":
			fails = fails || rest == "error"
		default:
			t.Fatalf("unknown line %q", l)
		}
	}
	p := &Problem{
		Environment:  linux312(t),
		Requirements: []Requirement{userLine(t, root+"=="+version, 1)},
	}
	k := closed{outlineUniverse(t, u)}
	r, err := Solve(context.Background(), p, k)
	var none *NoStackError
	if errors.As(err, &none) {
		if why, ok := universeDeviations[test.name]; ok {
			t.Skip(why)
		}
		if !fails {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if fails {
		t.Fatalf("found a stack where there is none:\n%s", printReport(r))
	}
	if err := Verify(context.Background(), p, k, r.Stack); err != nil {
		t.Error(err)
	}
	if anySolution[test.name] {
		return
	}
	got := map[string]bool{}
	for _, c := range r.Stack {
		got[string(c.Name)+" "+c.Version.String()] = true
		for _, v := range c.Via {
			if v.From != "" {
				got[string(v.From)+" -> "+string(c.Name)] = true
			}
		}
	}
	if diff := cmp.Diff(outlineGraph(t, graph), got); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

// outlineUniverse reads an outline: projects, below them versions, below them
// edges "[EnabledDependencies extras|][Environment marker|]name@specifiers".
func outlineUniverse(t testing.TB, lines []string) *universe {
	u := &universe{projects: map[py.Name]*py.Project{}, files: map[string][]py.File{}}
	var name py.Name
	var last *py.Release
	flush := func() {
		if last != nil {
			u.addRelease(name, *last)
		}
		last = nil
	}
	for _, l := range lines {
		text := strings.TrimLeft(l, "\t")
		switch len(l) - len(text) {
		case 0:
			flush()
			name = py.NormalizeName(text)
		case 1:
			flush()
			v, err := py.ParseVersion(text)
			if err != nil {
				t.Fatal(err)
			}
			last = &py.Release{Version: v, Requires: new(py.Requires)}
		default:
			last.Requires.Lines = append(last.Requires.Lines, edgeRequirement(text))
		}
	}
	flush()
	return u
}

func edgeRequirement(text string) string {
	extras, marker := "", ""
	for {
		attr, rest, ok := strings.Cut(text, "|")
		if !ok {
			break
		}
		if e, ok := strings.CutPrefix(attr, "EnabledDependencies "); ok {
			extras = "[" + e + "]"
		}
		if m, ok := strings.CutPrefix(attr, "Environment "); ok {
			marker = " ; " + m
		}
		text = rest
	}
	name, specs, _ := strings.Cut(text, "@")
	return fmt.Sprintf("%s%s%s%s", name, extras, specs, marker)
}

// outlineGraph reads a graph as its nodes "name version" and edges "a -> b". A
// node may have a label ("1: "), which "$1@…" refers to.
func outlineGraph(t testing.TB, lines []string) map[string]bool {
	graph := map[string]bool{}
	labels := map[string]string{}
	for _, l := range lines {
		if label, rest, ok := strings.Cut(strings.TrimLeft(l, "\t"), ": "); ok {
			labels[label] = graphName(rest)
		}
	}
	path := []string{}
	for _, l := range lines {
		text := strings.TrimLeft(l, "\t")
		depth := len(l) - len(text)
		if _, rest, ok := strings.Cut(text, ": "); ok {
			text = rest
		}
		if i := strings.LastIndex(text, "|"); i >= 0 {
			text = text[i+1:]
		}
		var name string
		if label, ok := strings.CutPrefix(text, "$"); ok {
			label, _, _ = strings.Cut(label, "@")
			if name, ok = labels[label]; !ok {
				t.Fatalf("no label %q", label)
			}
		} else {
			name = graphName(text)
			version := text[strings.LastIndex(text, " ")+1:]
			graph[name+" "+version] = true
		}
		path = append(path[:depth], name)
		if depth > 0 {
			graph[path[depth-1]+" -> "+name] = true
		}
	}
	return graph
}

// graphName is the normalised name of a node's text "[attributes|]name@specifiers version".
func graphName(text string) string {
	if i := strings.LastIndex(text, "|"); i >= 0 {
		text = text[i+1:]
	}
	name, _, _ := strings.Cut(text, "@")
	name, _, _ = strings.Cut(name, " ")
	return string(py.NormalizeName(name))
}

// A recency is a pipeline that likes newer releases better, all of them alike.
type recency struct{}

func (recency) Sift(_ context.Context, projects []*py.Project) ([]Sifted, error) {
	return make([]Sifted, len(projects)), nil
}

func (recency) Terms(_ context.Context, candidates []Candidates) ([]Term, error) {
	var terms []Term
	for _, c := range candidates {
		behind := int64(0)
		for i := range c.Releases {
			if c.Usable.Has(i) {
				set := NewReleases(len(c.Releases))
				set.Add(i)
				terms = append(terms, Term{Members: []Member{{c.Name, set}}, Tier: LastTier, Score: -behind, Why: Justification{Message: "it is old"}})
				behind++
			}
		}
	}
	return terms, nil
}

func (recency) Vetoes(context.Context, []Candidates) ([]Term, error) { return nil, nil }

func (recency) Accept(context.Context, []Choice) (string, error) { return "", nil }
func (recency) Scores() bool                                     { return true }
func (recency) Hindsight() bool                                  { return false }

// BenchmarkConformanceBacktracking solves the synthetic universe that resolvers
// backtrack in, a Sudoku: for a stack, and for the newest with a tenth of a second
// of work, which leaves a gap: a puzzle's linear program says little. The peak of
// memory is below what is allocated.
func BenchmarkConformanceBacktracking(b *testing.B) {
	for _, file := range kbtest.Glob(b, "universe/synthetic-*.data") {
		blocks := readBlocks(b, file)
		for name, pipeline := range map[string]Pipeline{"any": nil, "newest": recency{}} {
			b.Run(filepath.Base(file)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for _, test := range blocks {
					if test.kind != "Test" {
						continue
					}
					root, u := "", []string(nil)
					for _, l := range test.lines {
						word, rest, _ := strings.Cut(l, " ")
						switch word {
						case "Resolve":
							root = strings.Replace(rest, " ", "==", 1)
						case "Universe":
							u = blocks[slices.IndexFunc(blocks, func(b block) bool { return b.kind == "Universe" && b.name == rest })].lines
						}
					}
					p := &Problem{Environment: linux312(b), Requirements: []Requirement{userLine(b, root, 1)}, Pipeline: pipeline}
					k := closed{outlineUniverse(b, u)}
					var r *Report
					for b.Loop() {
						var err error
						if r, err = (Search{Budget: 1e8}).Solve(context.Background(), p, k); err != nil {
							b.Fatal(err)
						}
					}
					if r.Optimum != nil {
						b.ReportMetric(float64(r.Optimum.Bound-r.Optimum.Best), "gap")
						b.ReportMetric(float64(r.Optimum.Best), "score")
					}
				}
			})
		}
	}
}

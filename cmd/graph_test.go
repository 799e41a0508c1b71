package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// graphBase imports the graph and the advisories of the third-party data, once
// for all tests of this package.
func graphBase(tb testing.TB) string {
	tb.Helper()
	graph, advisories := kbtest.Shared(tb, "KGraph.zip"), kbtest.Shared(tb, "advisories.zip")
	file, err := importedGraph(graph, advisories)
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

var importedGraph = func() func(graph, advisories string) (string, error) {
	var once sync.Once
	var file string
	var err error
	return func(graph, advisories string) (string, error) {
		once.Do(func() {
			file = filepath.Join(cacheDir, "graph.db")
			var said strings.Builder
			env := &Env{Dir: cacheDir, Getenv: func(string) string { return "" }, CacheDir: cacheDir, Stdout: &said, Stderr: &said, Now: time.Now, GOOS: "linux"}
			for _, args := range [][]string{
				{"kb", "import", "--format", "kgraph", graph, "--date", "2024-05-20", "--output", file},
				{"kb", "import", "--format", "osv", advisories, "--date", "2024-10-10", "--kb", file, "--output", file},
			} {
				if exit := Main(context.Background(), env, args); exit != exitOK {
					err = fmt.Errorf("%v: exit status %d\n%s", args, exit, said.String())
					return
				}
			}
		})
		return file, err
	}
}()

// graphInputs are the inputs of search-real.md that resolvers are known to have
// trouble with, or that many people install.
var graphInputs = []string{
	"flask", "flask tensorflow", "apache-airflow==2.9.1", "autogluon==1.1.0", "apache-beam<=2.49.0 dill<0.3.9,>=0.2.2",
	"great-expectations", "tts", "checkov", "mlflow", "prefect", "dagster", "spacy", "kedro", "homeassistant", "jupyter",
	"pandas scikit-learn matplotlib", "torch transformers", "boto3 s3fs aiobotocore", "django celery redis", "fastapi uvicorn sqlalchemy",
	"numpy>=2.0.0rc1 numba", "starlette<=0.36.0 fastapi<=0.115.2", "langchain",
}

// popular lists two thousand popular projects, the most popular first.
func popular(tb testing.TB) []py.Name {
	f, err := os.Open(kbtest.Shared(tb, "popular.tsv"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var names []py.Name
	for s := bufio.NewScanner(f); s.Scan() && len(names) < 2000; {
		if fields := strings.Fields(s.Text()); len(fields) > 1 {
			names = append(names, py.NormalizeName(fields[1]))
		}
	}
	return names
}

// randomInputs draws sets of popular projects that the graph knows.
func randomInputs(tb testing.TB, base string, n int) []string {
	k := graphProblem(tb, base, "flask").directs
	all := popular(tb)
	known, err := k.Projects(context.Background(), all)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for i, p := range known {
		if p != nil && len(p.Releases) > 0 {
			names = append(names, string(all[i]))
		}
	}
	rng := rand.New(rand.NewPCG(6, 5))
	var sets []string
	for range n {
		var set []string
		for range 5 {
			set = append(set, names[rng.IntN(len(names))])
		}
		sets = append(sets, strings.Join(set, " "))
	}
	return sets
}

// A paired is a pipeline with pairs of its own drawing on top: for each project
// as many as three in a hundred of its releases, with a project that a release
// requires or with any other, three in ten of them bonuses, seven in a hundred
// vetoes. A real knowledge base has such terms once people report what does not
// go together.
type paired struct {
	resolver.Pipeline
	popular []py.Name
}

func (p paired) Terms(ctx context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	terms, err := p.Pipeline.Terms(ctx, candidates)
	return append(terms, p.draw(candidates)...), err
}

func (p paired) Vetoes(ctx context.Context, candidates []resolver.Candidates) ([]resolver.Term, error) {
	vetoes, err := p.Pipeline.Vetoes(ctx, candidates)
	drawn := slices.DeleteFunc(p.draw(candidates), func(t resolver.Term) bool { return !t.Veto })
	return append(vetoes, drawn...), err
}

// draw draws the pairs.
func (p paired) draw(candidates []resolver.Candidates) (terms []resolver.Term) {
	place := map[py.Name]int{}
	for i, c := range candidates {
		place[c.Name] = i
	}
	for i, c := range candidates {
		seed := uint64(0)
		for _, b := range []byte(c.Name) {
			seed = seed*31 + uint64(b)
		}
		rng := rand.New(rand.NewPCG(seed, 3))
		for range int(0.03*float64(len(c.Releases)) + rng.Float64()) {
			partner := p.popular[rng.IntN(len(p.popular))]
			if r := c.Releases[rng.IntN(len(c.Releases))]; rng.IntN(10) < 6 && r.Requires != nil && len(r.Requires.Lines) > 0 {
				if req, err := py.ParseRequirement(r.Requires.Lines[rng.IntN(len(r.Requires.Lines))]); err == nil {
					partner = req.Name
				}
			}
			a, second := some(rng, len(c.Releases)), rng.Uint64()
			score, veto := -int64(50_000+rng.IntN(750_000)), rng.IntN(10) == 0
			if rng.IntN(10) < 3 {
				score, veto = int64(50_000+rng.IntN(250_000)), false
			}
			q, ok := place[partner]
			if !ok || q == i {
				continue
			}
			b := some(rand.New(rand.NewPCG(second, 1)), len(candidates[q].Releases))
			terms = append(terms, resolver.Term{
				Members: []resolver.Member{{Project: c.Name, Releases: a}, {Project: candidates[q].Name, Releases: b}},
				Veto:    veto, Tier: resolver.LastTier, Score: score, Unit: "pairs", Why: resolver.Justification{Message: "it was drawn"},
			})
		}
	}
	return terms
}

// some draws a stretch of up to ten releases, rather of the newer ones.
func some(rng *rand.Rand, n int) resolver.Releases {
	set := resolver.NewReleases(n)
	x := rng.Float64()
	first := int(float64(n) * x * x)
	for i := first; i < min(n, first+1+rng.IntN(10)); i++ {
		set.Add(i)
	}
	return set
}

// graphProblem prepares an input for the graph.
func graphProblem(tb testing.TB, base, input string) *auditor {
	env, _, _ := testEnv(tb, map[string]string{"x.in": strings.Join(strings.Fields(input), "\n") + "\n"})
	o := adviseOptions{problemOptions: problemOptions{pythonVersion: "3.11", platform: "manylinux_2_36_x86_64", kb: base}}
	a, err := newAuditor(context.Background(), env, "x.in", o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(a.knowledge.close)
	if _, err := judge(context.Background(), env, a.advice, o.judgeOptions); err != nil {
		tb.Fatal(err)
	}
	a.problem.Pipeline = paired{a.problem.Pipeline, popular(tb)[:500]}
	return a
}

// BenchmarkConformanceGraph measures whole requests from a warm knowledge base:
// closure, terms, tables, the first stack and the proof; and then how good
// annealing alone is.
func BenchmarkConformanceGraph(b *testing.B) {
	base := graphBase(b)
	for _, set := range []struct {
		kind   string
		inputs []string
	}{{"named", graphInputs}, {"random", randomInputs(b, base, 50)}} {
		var took []time.Duration
		for _, input := range set.inputs {
			b.Run(set.kind+"/"+strings.ReplaceAll(input, " ", "+"), func(b *testing.B) {
				a := graphProblem(b, base, input)
				var r *resolver.Report
				for b.Loop() {
					var err error
					r, err = a.search.Solve(context.Background(), a.problem, a.directs)
					var none *resolver.NoStackError
					var unknown *resolver.UnknownError
					if errors.As(err, &none) || errors.As(err, &unknown) {
						b.ReportMetric(1, "none")
						return
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				took = append(took, b.Elapsed()/time.Duration(b.N))
				if err := resolver.Verify(context.Background(), a.problem, a.directs, r.Stack); err != nil {
					b.Fatal(err)
				}
				report(b, r)
			})
		}
		if len(took) > 0 {
			slices.Sort(took)
			b.Logf("%s: %d inputs, median %v, p90 %v, most %v", set.kind, len(took), took[len(took)/2], took[len(took)*9/10], took[len(took)-1])
		}
		annealGraph(b, base, set.kind, set.inputs)
	}
}

// report adds what the search did to a benchmark's line.
func report(b *testing.B, r *resolver.Report) {
	b.ReportMetric(float64(r.Score[resolver.LastTier])/millionths, "score")
	o := r.Optimum
	if o == nil {
		return
	}
	b.ReportMetric(float64(o.Variables), "projects")
	b.ReportMetric(float64(o.Values), "choices")
	b.ReportMetric(float64(o.Stats.Nodes), "nodes")
	b.ReportMetric(float64(o.Stats.Work)/1e6, "Mwork")
	if !o.Proved() {
		b.ReportMetric(float64(o.Bound-o.Best)/millionths, "gap")
	}
}

package resolver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
)

// benchInputs are problems on the embedded knowledge base, small to large.
var benchInputs = []struct{ name, requirements string }{
	{"flask", "flask"},
	{"flask+tensorflow", "flask tensorflow"},
	{"jupyterlab", "jupyterlab ipykernel plotly"},
	{"boto", "boto3 s3fs aiobotocore"},
	{"many", "flask django celery fastapi sqlalchemy pandas scikit-learn matplotlib torch transformers datasets " +
		"jupyterlab scrapy sphinx mkdocs boto3 google-cloud-storage azure-identity tox black pytest streamlit langchain openai"},
}

func benchProblem(b *testing.B, requirements string) *Problem {
	p := &Problem{Environment: linux312(b)}
	for i, r := range strings.Fields(requirements) {
		p.Requirements = append(p.Requirements, userLine(b, r, i+1))
	}
	return p
}

// openBench opens the embedded knowledge base and reads all of it that a
// problem asks for, so that what is measured is the resolver.
func openBench(b *testing.B, p *Problem) Knowledge {
	db, err := kb.OpenEmbedded(context.Background(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := newClosure(context.Background(), p, db, noHope); err != nil {
		b.Fatal(err)
	}
	return db
}

func BenchmarkClosure(b *testing.B) {
	for _, in := range benchInputs {
		b.Run(in.name, func(b *testing.B) {
			p := benchProblem(b, in.requirements)
			k := openBench(b, p)
			var c *closure
			for b.Loop() {
				var err error
				if c, err = newClosure(context.Background(), p, k, noHope); err != nil {
					b.Fatal(err)
				}
			}
			reached := 0
			for _, x := range c.projects {
				reached += x.reached.count()
			}
			b.ReportMetric(float64(len(c.projects)), "projects")
			b.ReportMetric(float64(reached), "releases")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, in := range benchInputs {
		b.Run(in.name, func(b *testing.B) {
			p := benchProblem(b, in.requirements)
			c, err := newClosure(context.Background(), p, openBench(b, p), noHope)
			if err != nil {
				b.Fatal(err)
			}
			var t *tables
			for b.Loop() {
				t = newTables(c, false)
			}
			b.ReportMetric(float64(len(t.vars)), "variables")
			b.ReportMetric(float64(len(t.clauses)+len(t.twos)), "clauses")
		})
	}
}

// BenchmarkFirstStack measures the search alone, on tables that are there.
func BenchmarkFirstStack(b *testing.B) {
	for _, in := range benchInputs {
		b.Run(in.name, func(b *testing.B) {
			p := benchProblem(b, in.requirements)
			c, err := newClosure(context.Background(), p, openBench(b, p), noHope)
			if err != nil {
				b.Fatal(err)
			}
			t := newTables(c, false)
			for b.Loop() {
				if found, _, err := newEngine(t).search(context.Background(), nil); err != nil || !found {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, in := range benchInputs {
		b.Run(in.name, func(b *testing.B) {
			p := benchProblem(b, in.requirements)
			k := openBench(b, p)
			var r *Report
			for b.Loop() {
				var err error
				if r, err = Solve(context.Background(), p, k); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(r.Stack)), "packages")
		})
	}
}

// BenchmarkPigeons is the worst case of a search by releases: n projects that
// exclude each other from n-1 versions of one more. It has no stack, and the
// proof must be found by learning.
func BenchmarkPigeons(b *testing.B) {
	for _, n := range []int{5, 6, 7} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			u := parseUniverse(b, pigeons(n))
			p := parseProblem(b, pigeonRoots(n))
			for b.Loop() {
				if _, err := Solve(context.Background(), p, u); err == nil {
					b.Fatal("found a stack where there is none")
				}
			}
		})
	}
}

// pigeons is a universe of n projects with n-1 versions each, no two of which
// may be chosen alike.
func pigeons(n int) string {
	var u strings.Builder
	for i := range n {
		for v := 1; v < n; v++ {
			fmt.Fprintf(&u, "p%d %d\n", i, v)
			for j := range n {
				if j != i {
					fmt.Fprintf(&u, "\tp%d!=%d\n", j, v)
				}
			}
		}
	}
	return u.String()
}

// pigeonRoots asks for all projects of pigeons.
func pigeonRoots(n int) string {
	var p strings.Builder
	for i := range n {
		fmt.Fprintf(&p, "p%d\n", i)
	}
	return p.String()
}

package certify

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// drawLarge draws a world of n projects with 30 releases each, where newer is
// better: requirements have lower bounds and now and then an upper one, so that
// the newest releases do not all go together.
func drawLarge(rng *rand.Rand, n int) (universe, string) {
	var text, p strings.Builder
	name := func(i int) string { return fmt.Sprintf("p%03d", i) }
	for i := range n {
		for r := range 30 {
			fmt.Fprintf(&text, "%s %d.0\n", name(i), r+1)
		}
	}
	u := parseUniverse(text.String())
	for i := range n {
		var others []int
		for range 5 {
			if i+1 < n {
				others = append(others, i+1+rng.IntN(min(25, n-i-1)))
			}
		}
		for r := range u[py.Name(name(i))].Releases { // newest first
			release := &u[py.Name(name(i))].Releases[r]
			release.Requires = new(py.Requires)
			major := 30 - r
			for k, o := range others {
				l := fmt.Sprintf("%s>=%d", name(o), max(1, major-5))
				if k == 0 && rng.IntN(10) == 0 {
					l += fmt.Sprintf(",<=%d", min(30, major+2))
				}
				release.Requires.Lines = append(release.Requires.Lines, l)
			}
		}
	}
	share(u)
	for i := range n / 20 {
		fmt.Fprintln(&p, name(i))
	}
	for i := range n {
		for r := 1; r < 30; r++ {
			fmt.Fprintf(&p, "term 7 %d %s==%d\n", 10*(r-30), name(i), r)
		}
		if i > 0 && i%3 == 0 {
			fmt.Fprintf(&p, "term 7 -25 %s>=%d %s>=%d\n", name(i), 15+rng.IntN(15), name(i-1), 15+rng.IntN(15))
		}
	}
	return u, p.String()
}

// BenchmarkCheck checks a certificate of a world of 100 projects with 30 releases
// each: that a stack is within the bound that messages to every pair give, in
// fifty branches.
func BenchmarkCheck(b *testing.B) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 6))
	u, text := drawLarge(rng, 100)
	p := parseProblem(u, text)
	r, err := resolver.Solve(ctx, p, u)
	if err != nil {
		b.Fatal(err)
	}
	m := modelOf(p, u, false)
	s := &trueStack{}
	for _, c := range r.Stack {
		s.entries = append(s.entries, Entry{Name: c.Name, Version: c.Version.String(), Extras: c.Extras})
	}
	if s.worth, err = m.stack(ctx, s.entries); err != nil {
		b.Fatal(err)
	}
	m.outrank()
	o := &objective{weights: Worth{lastLevel: 1}}
	prover := &prover{network: m.newNetwork(o)}
	prover.name()
	step := wcsp.Step{Kind: wcsp.BoundStep}
	for i, t := range prover.tables {
		for _, v := range []int{t.a, t.b} {
			msg := wcsp.Message{Factor: wcsp.Factor{Index: int32(i)}, Var: int32(v), Deltas: make([]int64, len(prover.classes[v]))}
			for x := range msg.Deltas {
				msg.Deltas[x] = rng.Int64N(5 * wcsp.Scale)
			}
			step.Messages = append(step.Messages, msg)
		}
	}
	root := prover.newBox()
	prover.propagate(root, nil)
	_, bound := prover.try(root, &step, false)
	var proof wcsp.Proof
	for range 50 {
		v := rng.IntN(len(prover.vars))
		proof = append(proof, wcsp.Step{Kind: wcsp.BranchStep, Var: int32(v), Values: []int32{int32(rng.IntN(len(prover.classes[v])))}}, step)
		if rng.IntN(5) == 0 {
			proof = append(proof, wcsp.Step{Kind: wcsp.FixStep, Messages: step.Messages})
		}
	}
	c := &Certificate{Problem: []byte("{}"), Status: Within, Stack: s.entries, Score: s.worth.score(), Bound: &Bound{lastLevel, bound / wcsp.Scale}}
	stage, err := FromProof(&prover.names, lastLevel, o.weights, c.Bound.Value, append(proof, step))
	if err != nil {
		b.Fatal(err)
	}
	c.Stages = []Stage{stage}
	var file bytes.Buffer
	if err := Write(&file, c); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		read, err := Read(bytes.NewReader(file.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Check(ctx, read, p, u); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(file.Len()), "file-bytes")
	b.ReportMetric(float64(len(prover.tables)), "pairs")
}

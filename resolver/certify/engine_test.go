package certify

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// ofReport makes the certificate of what a search found.
func ofReport(r *resolver.Report, proofs []resolver.StageProof) (*Certificate, error) {
	c := &Certificate{Schema: Schema, Thamos: "test", Problem: []byte("{}"), Status: Optimal, Score: r.Score}
	for _, choice := range r.Stack {
		c.Stack = append(c.Stack, Entry{Name: choice.Name, Version: choice.Version.String(), Extras: choice.Extras})
	}
	if o := r.Optimum; o != nil && !o.Proved() {
		c.Status = Budget
		if o.Bound != wcsp.Unbounded {
			c.Status, c.Bound = Within, &Bound{int(o.Open), o.Bound}
		}
	}
	for i := range proofs {
		stage, err := StageOf(&proofs[i])
		if err != nil {
			return nil, err
		}
		c.Stages = append(c.Stages, stage)
	}
	return c, nil
}

// TestEngineIsCertified: what the search says of random worlds, with any budget,
// is what the checker finds, and what brute force knows.
func TestEngineIsCertified(t *testing.T) {
	ctx := context.Background()
	outcomes := map[Status]int{}
	for seed := range uint64(1200) {
		rng := rand.New(rand.NewPCG(seed, 9))
		u, text := drawWorld(rng)
		if seed%3 == 0 {
			u, text = drawFrustrated(rng)
		}
		p := parseProblem(u, text)
		search := resolver.Search{}
		if seed%2 == 0 {
			search.Budget = 1 + rng.Int64N(3000)
		}
		r, err := search.Solve(ctx, p, u)
		var none *resolver.NoStackError
		var unknown *resolver.UnknownError
		if errors.As(err, &none) {
			proof, err := resolver.ProveNone(ctx, p, u, 0)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			stage, err := StageOf(&proof)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			c := &Certificate{Schema: Schema, Thamos: "test", Problem: []byte("{}"), Status: Infeasible, Stages: []Stage{stage}}
			if _, err := Check(ctx, c, p, u); err != nil {
				t.Fatalf("seed %d: none: %v\n%s", seed, err, text)
			}
			outcomes[Infeasible]++
			continue
		}
		if errors.As(err, &unknown) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		proofs, err := r.Prove(ctx, 0)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		c, err := ofReport(r, proofs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		f, err := Check(ctx, c, p, u)
		if err != nil {
			t.Fatalf("seed %d: %s: %v\n%s\n%s", seed, c.Status, err, text, printStack(c.Stack))
		}
		outcomes[c.Status]++
		if seed%10 != 0 {
			continue
		}
		truth := bruteForce(p, u, modelOf(p, u, false))
		if best := truth.stacks[0].worth; c.Status == Optimal && f.Worth != best {
			t.Fatalf("seed %d: worth %v, and there is %v", seed, f.Worth, best)
		}
	}
	t.Log(outcomes)
	if outcomes[Optimal] < 300 || outcomes[Infeasible] < 20 || outcomes[Within] == 0 {
		t.Errorf("too few of a kind: %v", outcomes)
	}
}

package certify

import (
	"cmp"
	"context"
	"errors"
	flags "flag" // a flag is something else here
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// ofReport makes the certificate of what a search found, without its proofs.
func ofReport(r *resolver.Report) *Certificate {
	c := &Certificate{Schema: Schema, Status: Optimal, Score: r.Score}
	for _, choice := range r.Stack {
		c.Stack = append(c.Stack, Entry{Name: choice.Name, Version: choice.Version.String(), Extras: choice.Extras})
	}
	for _, in := range r.Replaced {
		c.Stack = append(c.Stack, Entry{Name: in.Name, Version: in.Version.String(), By: in.By.String()})
	}
	slices.SortFunc(c.Stack, func(x, y Entry) int { return cmp.Compare(x.Name, y.Name) })
	if o := r.Optimum; !o.Proved() {
		c.Status = Budget
		if o.Bound != wcsp.Unbounded {
			c.Status, c.Bound = Within, &Bound{int(o.Open), o.Bound}
		}
	}
	return c
}

var worlds = flags.Uint64("certify.worlds", 1000, "how many random worlds TestEngine certifies")

// TestEngine: what the search says of random worlds, with any budget, is certified:
// that a stack is the best, that none is better by more than a bound, or that
// there is none. What is proved to be the best is what brute force knows to be.
func TestEngine(t *testing.T) {
	ctx := context.Background()
	outcomes := map[Status]int{}
	for seed := range *worlds {
		rng := rand.New(rand.NewPCG(seed, 8))
		u, text := drawWorld(rng)
		if seed%5 == 0 {
			u, text = drawFrustrated(rng)
		}
		if seed%6 == 1 && u["c"] != nil {
			text += "stand-in b c\n"
		}
		p := parseProblem(u, text)
		search := resolver.Search{}
		if seed%2 == 0 {
			search.Budget = 1 + rng.Int64N(3000)
		}
		var c *Certificate
		var proofs []resolver.StageProof
		r, err := search.Solve(ctx, p, u)
		var none *resolver.NoStackError
		switch {
		case errors.As(err, &none):
			c = &Certificate{Schema: Schema, Status: Infeasible}
			proofs = make([]resolver.StageProof, 1)
			proofs[0], err = resolver.ProveNone(ctx, p, u, 0)
		case err != nil, r.Optimum == nil: // not known, or nothing makes one better than another
			continue
		default:
			c = ofReport(r)
			proofs, err = r.Prove(ctx, 0)
		}
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		for i := range proofs {
			stage, err := StageOf(&proofs[i])
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			c.Stages = append(c.Stages, stage)
		}
		f, err := Check(ctx, c, p, u)
		if err != nil {
			t.Errorf("seed %d: %s: %v\n%s\n%s", seed, c.Status, err, text, printStack(c.Stack))
			continue
		}
		outcomes[c.Status]++
		if c.Status == Optimal && seed%10 == 1 {
			if best := bruteForce(p, u, modelOf(p, u, false)).stacks[0].worth; f.Worth != best {
				t.Errorf("seed %d: worth %v, and there is %v\n%s", seed, f.Worth, best, text)
			}
		}
	}
	t.Log(outcomes)
	if outcomes[Optimal] < 300 || outcomes[Within] < 10 || outcomes[Infeasible] < 40 {
		t.Error("the worlds are too much alike")
	}
}

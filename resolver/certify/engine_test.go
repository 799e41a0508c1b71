package certify

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver"
)

// stageOf names what a proof of the engine's stands for.
func stageOf(t *testing.T, p *resolver.StageProof) Stage {
	names := Names{Pairs: p.Pairs}
	for _, v := range p.Variables {
		out := Variable{Name: nameOf(v.Project, v.Extra)}
		for _, releases := range v.Values {
			class := []string{}
			for _, r := range releases {
				class = append(class, Label(r.Version, r.By))
			}
			out.Classes = append(out.Classes, class)
		}
		names.Variables = append(names.Variables, out)
	}
	for _, members := range p.Groups {
		names.Groups = append(names.Groups, GroupID(members))
	}
	s, err := FromProof(&names, int(p.Rank), p.Weights, p.Target, p.Proof)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEngine: what the engine proves is certified, whether it is a best stack or
// that there is none.
func TestEngine(t *testing.T) {
	ctx := context.Background()
	some, none, steps := 0, 0, 0
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 8))
		u, text := drawWorld(rng)
		if seed%5 == 0 {
			u, text = drawFrustrated(rng)
		}
		if seed%6 == 1 && u["c"] != nil {
			text += "stand-in b c\n"
		}
		p := parseProblem(u, text)
		c := &Certificate{Schema: Schema, Status: Optimal}
		var proofs []resolver.StageProof
		r, err := resolver.Solve(ctx, p, u)
		var noStack *resolver.NoStackError
		switch {
		case errors.As(err, &noStack):
			c.Status = Infeasible
			one, err := resolver.ProveNone(ctx, p, u, 0)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			proofs = append(proofs, one)
			none++
		case err != nil, r.Optimum == nil: // the newest stack is not the best of anything
			continue
		default:
			c.Score = r.Score
			for _, choice := range r.Stack {
				c.Stack = append(c.Stack, Entry{Name: choice.Name, Version: choice.Version.String(), Extras: choice.Extras})
			}
			for _, in := range r.Replaced {
				c.Stack = append(c.Stack, Entry{Name: in.Name, Version: in.Version.String(), By: in.By.String()})
			}
			slices.SortFunc(c.Stack, func(x, y Entry) int { return cmp.Compare(x.Name, y.Name) })
			if proofs, err = r.Prove(ctx, 0); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			some++
		}
		for i := range proofs {
			c.Stages = append(c.Stages, stageOf(t, &proofs[i]))
		}
		f, err := Check(ctx, c, p, u)
		if err != nil {
			t.Errorf("seed %d: %v\n%s", seed, err, text)
			continue
		}
		steps += f.Steps
	}
	t.Logf("%d stacks, %d times none, %d steps", some, none, steps)
	if some < 150 || none < 20 {
		t.Error("the worlds are too much alike")
	}
}

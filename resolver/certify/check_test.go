package certify

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver"
)

// TestCheckAgrees: what brute force knows to be best is certified, with plain
// branching and with arbitrary messages, and what it knows not to be is not,
// with a proof that has tried everything.
func TestCheckAgrees(t *testing.T) {
	ctx := context.Background()
	none, some, lied := 0, 0, 0
	for seed := range uint64(160) {
		rng := rand.New(rand.NewPCG(seed, 1))
		u, text := drawWorld(rng)
		p := parseProblem(u, text)
		truth := bruteForce(p, u, modelOf(p, u, false))
		var noStack *resolver.NoStackError
		if _, err := resolver.Solve(ctx, p, u); errors.As(err, &noStack) != (len(truth.stacks) == 0) {
			t.Fatalf("seed %d: %d stacks, but Solve: %v", seed, len(truth.stacks), err)
		}
		var best *trueStack
		if len(truth.stacks) > 0 {
			best = &truth.stacks[0]
			some++
		} else {
			none++
		}
		for _, r := range []*rand.Rand{nil, rng} {
			c, ok := certify(p, u, best, r)
			if !ok {
				t.Fatalf("seed %d: the proof fails\n%s", seed, text)
			}
			var file bytes.Buffer
			if err := Write(&file, c); err != nil {
				t.Fatal(err)
			}
			read, err := Read(&file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Check(ctx, read, p, u)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, err, text, printStack(c.Stack))
			}
			if best != nil && f.Worth != best.worth {
				t.Fatalf("seed %d: worth %v, not %v", seed, f.Worth, best.worth)
			}
		}
		if best == nil {
			continue
		}
		lies := []*trueStack{nil}
		for i := range truth.stacks {
			if s := &truth.stacks[i]; s.worth != best.worth && len(lies) < 6 {
				lies = append(lies, s)
			}
		}
		for _, s := range lies {
			lied++
			c, ok := certify(p, u, s, nil)
			var fault *Fault
			if _, err := Check(ctx, c, p, u); ok || !errors.As(err, &fault) {
				t.Fatalf("seed %d: a lie is certified: %v\n%s", seed, err, text)
			}
		}
	}
	t.Logf("%d worlds with stacks, %d without, %d lies", some, none, lied)
	if some < 100 || none < 20 || lied < 150 {
		t.Error("the worlds are too much alike")
	}
}

package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"pgregory.net/rapid"
)

// TestAlternativesAgree holds the best stacks against trying all of them: the
// first is the best, and with enough asked for every stack that is as good in
// all ranks before the last comes out once, as do none of the others.
func TestAlternativesAgree(t *testing.T) {
	many := 0
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		jt := drawJudge(rt)
		u := parseUniverse(t, ut)
		p := judged(t, parseProblem(t, pt), u, jt)
		want, _, found := judgedPlain(t, p, u)
		r, err := Search{Count: 300}.Solve(context.Background(), p, u)
		var none *NoStackError
		var unknown *UnknownError
		if errors.As(err, &none) || errors.As(err, &unknown) {
			return
		}
		if err != nil || !found {
			rt.Fatalf("%s%s%s\n%v, found %v", ut, pt, jt, err, found)
		}
		best := map[string]bool{}
		everyStack(t, p, u, func(key []int64, stack string) { best[stack] = true }, want)
		got := map[string]bool{}
		for i, one := range append([]*Report{r}, r.Alternatives...) {
			if err := Verify(context.Background(), p, u, one.Stack); err != nil {
				rt.Fatalf("%s%s%s\nalternative %d does not verify: %v", ut, pt, jt, i, err)
			}
			text := stackText(one)
			if got[text] {
				rt.Fatalf("%s%s%s\n%s comes twice", ut, pt, jt, text)
			}
			got[text] = true
		}
		if len(best) < 300 && len(got) != len(best) {
			rt.Fatalf("%s%s%s\n%d stacks, want %d:\n%v\n%v", ut, pt, jt, len(got), len(best), got, best)
		}
		for text := range got {
			if !best[text] {
				rt.Fatalf("%s%s%s\n%s is not as good as the best", ut, pt, jt, text)
			}
		}
		if len(got) > 1 {
			many++
		}
	})
	if many == 0 && !t.Failed() {
		t.Error("no world has more than one stack")
	}
}

func stackText(r *Report) string {
	var all []string
	for _, c := range r.Stack {
		all = append(all, c.Package.String())
	}
	return fmt.Sprint(all)
}

// everyStack calls f with every stack that is as good in all ranks before the
// last as best.
func everyStack(t testing.TB, p *Problem, u *universe, f func(key []int64, stack string), best map[py.Name]*py.Release) {
	s, finals := judgedWorld(t, p, u)
	s.chosen = best
	bound := s.key(s.sum(), finals)[:levels-1]
	s.chosen = map[py.Name]*py.Release{}
	s.each = func() {
		key := s.key(s.sum(), finals)
		if !slices.Equal(key[:levels-1], bound) {
			return
		}
		var all []string
		for name, r := range s.chosen {
			all = append(all, py.Package{Name: name, Version: r.Version}.String())
		}
		slices.Sort(all)
		f(key, fmt.Sprint(all))
	}
	s.solve()
}

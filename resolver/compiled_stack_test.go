package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver/sample"
	"pgregory.net/rapid"
)

// TestCompiledHasAllStacks enumerates networks, with every member of every value,
// and holds them against trying all stacks of the world they were made of. What
// is read of an assignment is what its report says.
func TestCompiledHasAllStacks(t *testing.T) {
	sum := 0
	rapid.Check(t, func(rt *rapid.T) {
		ut, pt := drawWorld(rt)
		jt := drawJudge(rt)
		u := parseUniverse(t, ut)
		p := judged(t, parseProblem(t, pt), u, jt)
		c, err := Compile(context.Background(), p, u)
		if err != nil {
			return // other tests are about that
		}
		net := c.Network()
		e := sample.Expand(net, func(v, x int32) int { return max(1, len(c.Members(v, x))) })
		values, members := make([]int32, len(net.Vars)), make([]int, len(net.Vars))
		reader := c.Reader()
		got := map[string]bool{}
		for s, err := range sample.Stacks(context.Background(), e.Network, nil) {
			if err != nil || len(got) > 5000 {
				return
			}
			e.Origin(s.Values, values, members)
			stack, score := reader.Stack(values, members)
			text := scored(stack, score)
			if got[text] {
				rt.Fatalf("%s%s%s\n%s comes twice", ut, pt, jt, text)
			}
			got[text] = true
			if len(got)%7 != 1 {
				continue
			}
			r, err := c.ReportOf(values, members)
			if err != nil || scored(r.Stack, r.Score) != text {
				rt.Fatalf("%s%s%s\nread %s\nreported %v, %v", ut, pt, jt, text, r, err)
			}
			for i, one := range r.Stack {
				if !slices.Equal(one.Extras, stack[i].Extras) || one.Direct != stack[i].Direct || one.Build != stack[i].Build || one.Release != stack[i].Release {
					rt.Fatalf("%s%s%s\nread %+v\nreported %+v", ut, pt, jt, stack[i], one)
				}
			}
		}
		w, _ := judgedWorld(t, p, u)
		want := map[string]bool{}
		w.each = func() {
			var stack []Choice
			for name, r := range w.chosen {
				stack = append(stack, Choice{Package: py.Package{Name: name, Version: r.Version}})
			}
			slices.SortFunc(stack, func(a, b Choice) int { return cmp.Compare(a.Name, b.Name) })
			text := scored(stack, w.sum())
			want[text] = true
			if !got[text] {
				rt.Fatalf("%s%s%s\nmissing: %s", ut, pt, jt, text)
			}
		}
		w.solve()
		if len(want) != len(got) {
			rt.Fatalf("%s%s%s\n%d stacks, want %d", ut, pt, jt, len(got), len(want))
		}
		sum += len(got)
	})
	if sum < 100 && !t.Failed() {
		t.Errorf("only %d stacks seen", sum)
	}
}

func scored(stack []Choice, score Score) string {
	text := fmt.Sprint(score)
	for _, c := range stack {
		text += " " + c.Package.String()
	}
	return text
}

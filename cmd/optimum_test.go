package cmd

import (
	"context"
	"strings"
	"testing"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

func TestOptimality(t *testing.T) {
	late, cancel := context.WithCancelCause(context.Background())
	cancel(errMaxTime)
	for _, test := range []struct {
		name    string
		ctx     context.Context
		optimum *resolver.Optimum
		limited bool
		want    string
	}{
		{"nothing weighs", context.Background(), nil, false, "nothing makes one stack better"},
		{"proved", context.Background(), &resolver.Optimum{Open: resolver.AllLevels, Values: 2, Variables: 1}, false, "proved that no stack is better, among 2 choices of 1 project"},
		{"proved, not settled", context.Background(), &resolver.Optimum{Open: resolver.AllLevels, Status: wcsp.Interrupted}, false, "which of equals to take"},
		{"a gap", context.Background(), &resolver.Optimum{Best: 3 * millionths, Bound: 4 * millionths, Status: wcsp.Budget}, false, "at most 1 better is possible in "},
		{"late", late, &resolver.Optimum{Best: 3, Bound: 4, Status: wcsp.Interrupted}, false, "(--max-time struck,"},
		{"limited", context.Background(), &resolver.Optimum{Best: 3, Bound: wcsp.Unbounded, Status: wcsp.Budget}, true, "it is not known how much better there is (--limit or the budget"},
		{"newest", context.Background(), &resolver.Optimum{Best: 3, Bound: wcsp.Unbounded, Status: wcsp.Optimal}, false, "(the newest stack was searched"},
	} {
		got := optimality(test.ctx, &resolver.Report{Optimum: test.optimum}, test.limited)
		settled := !strings.Contains(got, "which of equals") || strings.Contains(test.want, "which of equals")
		if !strings.Contains(got, test.want) || !settled {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

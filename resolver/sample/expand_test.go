package sample

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
)

// TestExpand counts the stacks of expansions: each comes from one stack before,
// with the same score, and with every combination of members.
func TestExpand(t *testing.T) {
	t.Parallel()
	each(t, 60, func(t *testing.T, n *wcsp.Network, rng *rand.Rand) {
		sizes := make([][]int, len(n.Vars))
		for v := range sizes {
			for range n.Vars[v].Unary {
				sizes[v] = append(sizes[v], 1+rng.IntN(3))
			}
			if n.Vars[v].Optional {
				sizes[v][0] = 1
			}
		}
		e := Expand(n, func(v, x int32) int { return sizes[v][x] })
		want := map[uint64]int{}
		scores := map[uint64]int64{}
		for s := range Stacks(context.Background(), n, nil) {
			product := 1
			for v, x := range s.Values {
				product *= sizes[v][x]
			}
			want[s.ID], scores[s.ID] = product, s.Score
		}
		values, members := make([]int32, len(n.Vars)), make([]int, len(n.Vars))
		for s := range Stacks(context.Background(), e.Network, nil) {
			e.Origin(s.Values, values, members)
			id := ID(values)
			if want[id]--; want[id] < 0 || scores[id] != s.Score || !n.Legal(values) || !e.Network.Legal(s.Values) {
				t.Fatalf("%v stands for %v: %d left, score %d for %d", s.Values, values, want[id], s.Score, scores[id])
			}
			for v, m := range members {
				if m < 0 || m >= sizes[v][values[v]] {
					t.Fatalf("member %d of %d", m, sizes[v][values[v]])
				}
			}
		}
		for id, left := range want {
			if left != 0 {
				t.Fatalf("%d stacks of %x are missing", left, id)
			}
		}
	})
}

package predictor

import (
	"math/bits"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A choice returns one of the values that are left of variable v, after so many
// others were decided.
type choice func(v int32, depth int) int32

// rollouts are stacks found by a choice, one after another.
type rollouts struct {
	u      *run
	choose choice
	x      []int32
}

func newRollouts(u *run, choose choice) *rollouts {
	return &rollouts{u: u, choose: choose, x: make([]int32, len(u.n.Vars))}
}

// ends is how many dead ends a roll-out may have before it is given up.
const ends = 64

// next returns a stack, which is valid until the next call; it is not ok if the
// roll-out was given up.
func (r *rollouts) next() (x []int32, ok bool) {
	r.u.rolls++
	if ok = r.u.f.Dive(r.u.ctx, r.choose, ends, r.x); ok {
		r.u.looked++
	}
	return r.x, ok
}

// nth returns the value of a set that has k smaller ones in it.
func nth(s wcsp.Set, k int) int32 {
	for i, b := range s {
		if c := bits.OnesCount64(b); k >= c {
			k -= c
			continue
		}
		for ; k > 0; k-- {
			b &= b - 1
		}
		return int32(i<<6 + bits.TrailingZeros64(b))
	}
	return -1
}

// uniform chooses each value as likely as any other.
func (u *run) uniform(v int32, _ int) int32 {
	return nth(u.p.Domain(v), u.rng.IntN(u.p.Count(v)))
}

package exact

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// wide returns a network of two variables whose values allow stretches of each
// other, as those of lock-step families do.
func wide(rng *rand.Rand, n int) *wcsp.Network {
	w := &wcsp.Network{Vars: make([]wcsp.Var, 2), Pairs: make([]wcsp.Pair, 1)}
	for v := range w.Vars {
		for range n {
			w.Vars[v].Unary = append(w.Vars[v].Unary, -rng.Int64N(100))
		}
	}
	p := &w.Pairs[0]
	p.B = 1
	for x := range n {
		var runs []wcsp.Run
		at := rng.Int32N(4)
		for at < int32(n) && len(runs) < 1+rng.IntN(6) {
			r := wcsp.Run{Lo: at, Hi: min(int32(n), at+1+rng.Int32N(1+int32(n)/3)), Score: -rng.Int64N(3)}
			at = r.Hi + rng.Int32N(5)
			runs = append(runs, r)
		}
		p.Row = append(p.Row, int32(x))
		p.Rows = append(p.Rows, runs)
	}
	return w
}

// TestKernels has all kernels send the same messages, and the box of runs shrink
// to what the box of a table shrinks to.
func TestKernels(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		n := wide(rng, 10+rng.IntN(150))
		best := int64(wcsp.None)
		for x := range n.Vars[0].Unary {
			for y := range n.Vars[1].Unary {
				if at := []int32{int32(x), int32(y)}; n.Legal(at) {
					best = max(best, n.Score(at))
				}
			}
		}
		var first []int64
		for _, k := range []kernel{dense, sparse, ladder} {
			b := compile(n, nil)
			p := &b.pairs[0]
			if p.table == nil {
				p.table = make([]int64, p.rows*p.cols)
				for r := range p.rows {
					for c := range p.cols {
						p.table[r*p.cols+c] = p.at0(r, c)
					}
				}
			}
			if p.runs == nil {
				p.off = nil
				for r := range p.rows {
					p.off = append(p.off, int32(len(p.runs)))
					for c := range p.cols {
						if s := p.at(r, c); s > alive {
							p.runs = append(p.runs, run{c, c + 1, s})
						}
					}
				}
				p.off = append(p.off, int32(len(p.runs)))
			}
			p.kernel = k
			var z scratch
			z.fit(b.shape)
			z.sweep(b, false)
			for v := range b.b {
				if b.b[v] < alive {
					b.b[v] = dead
				}
			}
			if first == nil {
				first = slices.Clone(b.b)
			} else if !slices.Equal(b.b, first) {
				t.Fatalf("seed %d: kernel %d sends other messages than kernel %d", seed, k, dense)
			}
			if best != wcsp.None && b.bound() < best*wcsp.Scale {
				t.Fatalf("seed %d, kernel %d: bound %d is below %d", seed, k, b.ub, best*wcsp.Scale)
			}
			if k != dense {
				p.table = nil
			}
			b.fix(best*wcsp.Scale - 50*wcsp.Scale)
			c, ok := new(gatherer).compact(b)
			if best == wcsp.None {
				continue
			}
			if !ok {
				t.Fatalf("seed %d, kernel %d: nothing left", seed, k)
			}
			z.fit(c.shape)
			z.sweep(c, false)
			if got := c.bound(); got < best*wcsp.Scale {
				t.Fatalf("seed %d, kernel %d: bound %d is below %d when it is compact", seed, k, got, best*wcsp.Scale)
			}
		}
	}
}

// at0 is at of a pair without a table.
func (p *pair) at0(r, c int32) int64 {
	q := *p
	q.table = nil
	return q.at(r, c)
}

// TestWide compares with complete search where pairs are large.
func TestWide(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		n := wide(rng, 120+rng.IntN(180))
		agree(t, seed, n, wcsptest.Stacks(n), wcsp.Request{Count: 1 + rng.IntN(5)})
	}
}

// TestSweepAllocs holds sweeps to no allocation.
func TestSweepAllocs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		b := compile(wcsptest.Random(rng, wcsptest.Shape{Vars: 8, Values: 4, Pairs: 0.5, Groups: 3, Cycles: true, May: true}), nil)
		var z scratch
		z.fit(b.shape)
		if n := testing.AllocsPerRun(5, func() {
			z.sweep(b, false)
			z.sweep(b, true)
			b.bound()
			b.fix(dead)
		}); n != 0 {
			t.Fatalf("a sweep allocates %v times", n)
		}
	}
	b := compile(wide(rng, 300), nil)
	var z scratch
	z.fit(b.shape)
	if n := testing.AllocsPerRun(5, func() { z.sweep(b, false) }); n != 0 {
		t.Fatalf("a wide sweep allocates %v times (kernel %d)", n, b.pairs[0].kernel)
	}
}

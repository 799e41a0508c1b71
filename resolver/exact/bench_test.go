package exact

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// BenchmarkProve proves the optimum of 30 ecosystems of each size, one term of two
// packages for every twenty releases, and reports the median and the ninth decile
// of the time, in milliseconds, the median until the gap was below one percent,
// and how many were proved.
func BenchmarkProve(b *testing.B) {
	for _, size := range []int{40, 150, 300} {
		var nets []*wcsp.Network
		for seed := range uint64(30) {
			nets = append(nets, wcsptest.Generate(seed, size, 0.05))
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var whole, near []float64
			proved, nodes := 0, int64(0)
			for b.Loop() {
				for _, n := range nets {
					begin, close := time.Now(), time.Duration(0)
					r, err := Engine{}.Search(b.Context(), n, wcsp.Request{Record: func(p wcsp.Point) {
						if close == 0 && p.Best != wcsp.None && p.Bound != wcsp.Unbounded && 100*(p.Bound-p.Best) < max(p.Best, -p.Best) {
							close = time.Since(begin)
						}
					}})
					if err != nil {
						b.Fatal(err)
					}
					if r.Status == wcsp.Optimal {
						proved++
					}
					nodes += r.Stats.Nodes
					whole = append(whole, time.Since(begin).Seconds()*1000)
					near = append(near, close.Seconds()*1000)
				}
			}
			slices.Sort(whole)
			slices.Sort(near)
			b.ReportMetric(whole[len(whole)/2], "median-ms")
			b.ReportMetric(whole[len(whole)*9/10], "p90-ms")
			b.ReportMetric(near[len(near)/2], "gap1%-ms")
			b.ReportMetric(float64(proved)/float64(b.N), "proved/30")
			b.ReportMetric(float64(nodes)/float64(len(whole)), "nodes")
		})
	}
}

// BenchmarkCertificate proves one optimum in a form that can be checked.
func BenchmarkCertificate(b *testing.B) {
	n := wcsptest.Generate(1, 150, 0.05)
	r, err := Engine{}.Search(b.Context(), n, wcsp.Request{})
	if err != nil {
		b.Fatal(err)
	}
	steps := 0
	for b.Loop() {
		p, err := Prove(b.Context(), n, r.Stacks[0].Score, 0)
		if err != nil {
			b.Fatal(err)
		}
		steps = len(p)
	}
	b.ReportMetric(float64(steps), "steps")
}

// BenchmarkSweep is one update of every factor of 300 packages.
func BenchmarkSweep(b *testing.B) {
	x := compile(wcsptest.Generate(1, 300, 0.05), nil)
	var z scratch
	z.fit(x.shape)
	for b.Loop() {
		x.fresh()
		z.sweep(x, false)
	}
	b.ReportMetric(float64(x.cost), "work/op")
}

// TestSame has equal searches give equal results, statistics included.
func TestSame(t *testing.T) {
	n := wcsptest.Generate(3, 60, 0.05)
	for _, r := range []wcsp.Request{{Count: 3}, {Budget: 100000}} {
		one, err := Engine{}.Search(t.Context(), n, r)
		two, err2 := Engine{}.Search(t.Context(), n, r)
		if err != nil || err2 != nil || !reflect.DeepEqual(one, two) {
			t.Errorf("%+v (%v) and then %+v (%v)", one, err, two, err2)
		}
	}
}

package exact

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var sizes = []int{150, 300}

func TestMedians(t *testing.T) {
	if !*deep {
		t.Skip()
	}
	for _, n := range sizes {
		var ms, near []float64
		var tail []float64
		var works, optw []int64
		nodes := []int64{}
		var bs []float64
		for seed := range uint64(30) {
			net := wcsptest.Generate(seed, n, 0.05)
			begin := cpu()
			spent := time.Duration(0)
			var atBest int64
			half := time.Duration(0)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			res, err := Engine{}.Search(ctx, net, wcsp.Request{Record: func(p wcsp.Point) {
				if p.Best == p.Bound && spent == 0 {
					spent = cpu() - begin
					atBest = p.Work
				}
				if half == 0 && p.Best != wcsp.None && p.Bound != wcsp.Unbounded && float64(p.Bound-p.Best) < 0.01*float64(max(p.Best, -p.Best)) {
					half = cpu() - begin
				}
			}})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			d := cpu() - begin
			if res.Status != wcsp.Optimal {
				t.Errorf("n %d seed %d: %v nodes %d", n, seed, res.Status, res.Stats.Nodes)
			}
			tail = append(tail, float64((d-spent).Microseconds())/1000)
			works = append(works, res.Stats.Work/1000)
			optw = append(optw, atBest/1000)
			ms = append(ms, float64(d.Microseconds())/1000)
			near = append(near, float64(half.Microseconds())/1000)
			nodes = append(nodes, res.Stats.Nodes)
			bs = append(bs, float64(res.Stats.Work)/float64(d.Nanoseconds()))
		}
		slices.Sort(ms)
		slices.Sort(near)
		slices.Sort(tail)
		slices.Sort(works)
		slices.Sort(optw)
		slices.Sort(nodes)
		slices.Sort(bs)
		fmt.Printf("%d: median %.2f p90 %.2f max %.2f; 1%%: %.2f; nodes %d max %d; work/ns %.2f %.2f; total %.0f; canonical %.2f %.2f; work %d max %d sum %d\n", n, ms[15], ms[27], ms[29], near[15], nodes[15], nodes[29], bs[0], bs[29], total(ms), tail[15], tail[29], works[15], works[29], sum(works))
	}
}

func sum(xs []int64) (s int64) {
	for _, x := range xs {
		s += x
	}
	return s
}

func total(xs []float64) (s float64) {
	for _, x := range xs {
		s += x
	}
	return s
}

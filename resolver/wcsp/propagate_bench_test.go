package wcsp_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
	"github.com/thamos/thamos/resolver/wcsp/wcsptest"
)

// BenchmarkFirstStack searches a first stack: with the propagator made already,
// and from nothing.
func BenchmarkFirstStack(b *testing.B) {
	ctx := context.Background()
	for _, packages := range []int{40, 150, 300} {
		var networks []*wcsp.Network
		for seed := range uint64(5) {
			networks = append(networks, wcsptest.Generate(seed, packages, 0.05))
		}
		b.Run(fmt.Sprint("find/", packages), func(b *testing.B) {
			var finders []*wcsp.Finder
			for _, n := range networks {
				p, _ := wcsp.NewPropagator(n)
				finders = append(finders, wcsp.NewFinder(p))
			}
			i, work, nodes := 0, int64(0), int64(0)
			x := make([]int32, len(networks[0].Vars)*2)
			for b.Loop() {
				f := finders[i%len(finders)]
				n := networks[i%len(finders)]
				if ok, err := f.Find(ctx, nil, x[:len(n.Vars)]); !ok || err != nil {
					b.Fatal("no stack")
				}
				i++
			}
			for _, f := range finders {
				work += f.Stats().Work
				nodes += f.Stats().Nodes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(work), "ns/work")
			b.ReportMetric(float64(nodes)/float64(i), "nodes/op")
		})
		b.Run(fmt.Sprint("whole/", packages), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if x, err := wcsp.FirstStack(ctx, networks[i%len(networks)]); x == nil || err != nil {
					b.Fatal("no stack")
				}
				i++
			}
		})
	}
}

package steps

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// TestBounds: searching for the bounds of ranges finds what asking each release does.
func TestBounds(t *testing.T) {
	chance := rand.New(rand.NewPCG(7, 8))
	version := func() py.Version {
		v, err := py.ParseVersion(fmt.Sprintf("%d.%d", chance.IntN(6), chance.IntN(4)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	maybe := func() (v py.Version) {
		if chance.IntN(2) == 0 {
			v = version()
		}
		return v
	}
	for range 5000 {
		var all []py.Release
		for range chance.IntN(12) {
			all = append(all, py.Release{Version: version()})
		}
		slices.SortFunc(all, func(a, b py.Release) int { return b.Version.Compare(a.Version) })
		all = slices.CompactFunc(all, func(a, b py.Release) bool { return a.Version.Compare(b.Version) == 0 })
		c := resolver.Candidates{Project: &py.Project{Name: "a", Releases: all}, Usable: resolver.NewReleases(len(all))}
		for i := range all {
			if chance.IntN(4) > 0 {
				c.Usable.Add(i)
			}
		}
		r := py.Affected{From: maybe(), Before: maybe(), Last: maybe()}
		got := resolver.NewReleases(len(all))
		between(c, got, r)
		if want := where(c, func(i int) bool { return r.Has(all[i].Version) }); !slices.Equal(got, want) {
			t.Fatalf("%v of %v: %b, not %b", r, all, got, want)
		}
		top := py.Top{Version: maybe(), Inclusive: chance.IntN(2) == 0}
		if got, want := above(c, top), where(c, func(i int) bool { return top.Excludes(all[i].Version) }); !slices.Equal(got, want) {
			t.Fatalf("%v of %v: %b, not %b", top, all, got, want)
		}
	}
}

// TestSingles: a window on the shared words is the set of one release.
func TestSingles(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 128, 300} {
		c := resolver.Candidates{Project: &py.Project{Releases: make([]py.Release, n)}}
		all := newSingles([]resolver.Candidates{c, {Project: &py.Project{Releases: make([]py.Release, 100)}}})
		for i := range n {
			if got, want := all.of(c, i), one(c, i); !slices.Equal(got, want) {
				t.Fatalf("release %d of %d: %x, want %x", i, n, got, want)
			}
		}
	}
}

package wcsptest

import (
	"math/rand/v2"

	"github.com/thamos/thamos/resolver/wcsp"
)

// An Ecosystem says what a generated network is like. All shares are between 0
// and 1. The zero of each field but Packages means what Generate takes.
type Ecosystem struct {
	Packages    int     // before what cannot matter is left out; at least 1
	Roots       int     // direct requirements; 0 is as measured for the size
	Caps        float64 // share of requirements with an upper bound; 0 is 0.30
	Pins        float64 // share of requirements for one release; 0 is 0.04
	Conditional float64 // terms of two packages, as a share of all releases
	Sparse      bool    // nine of ten releases score 0
}

// Loose has few upper bounds.
func Loose(packages int, conditional float64) Ecosystem {
	return Ecosystem{Packages: packages, Conditional: conditional, Caps: 0.15, Pins: 0.02}
}

// Tight has many upper bounds.
func Tight(packages int, conditional float64) Ecosystem {
	return Ecosystem{Packages: packages, Conditional: conditional, Caps: 0.50, Pins: 0.08}
}

// Stress has so many upper bounds that stacks are rare.
func Stress(packages int, conditional float64) Ecosystem {
	return Ecosystem{Packages: packages, Conditional: conditional, Caps: 0.60, Pins: 0.12}
}

// Generate returns the network of a made-up ecosystem of about so many
// packages, 1 or more, of which conditional is the share of terms of two
// packages: 0.05 is one term for every twenty releases. It is as large and as
// hard as real ones of that size: releases along one time axis, requirements
// that change from release to release, a few packages that everybody needs,
// and some that only a stretch of releases need. Equal arguments give equal
// networks, and every network has a stack (see Ecosystem.Network).
func Generate(seed uint64, packages int, conditional float64) *wcsp.Network {
	return Ecosystem{Packages: packages, Conditional: conditional}.Network(seed)
}

// Network returns the network of a seed. It has at least one stack: an index in
// which a short search finds none is thrown away for the next of the seed. It
// panics if a thousand indexes in a row have none.
func (e Ecosystem) Network(seed uint64) *wcsp.Network {
	if e.Packages < 1 || e.Conditional < 0 || e.Conditional > 1 {
		panic("wcsptest: an ecosystem has packages, and its shares are between 0 and 1")
	}
	for try := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, try))
		x := e.index(rng)
		if !x.prune() {
			continue
		}
		n := x.network()
		if stack(n, rng) != nil {
			return n
		}
	}
	panic("wcsptest: no index of this ecosystem has a stack")
}

// defaults fills in what is zero.
func (e Ecosystem) defaults() Ecosystem {
	if e.Roots == 0 {
		switch {
		case e.Packages < 80:
			e.Roots = 2
		case e.Packages < 225:
			e.Roots = 12
		default:
			e.Roots = 25
		}
	}
	e.Roots = min(e.Roots, e.Packages)
	if e.Caps == 0 {
		e.Caps = 0.30
	}
	if e.Pins == 0 {
		e.Pins = 0.04
	}
	return e
}

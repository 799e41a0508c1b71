package exact

import (
	"context"

	"github.com/thamos/thamos/resolver/wcsp"
)

// improve looks for better stacks at the root, now and then: the better the best
// one, the more the dual can remove. Dives are allowed a third of all work, and
// after one that found nothing the next has to wait twice as long.
func (z *search) improve(f *frame, b *box, round int) {
	if round == 2 && z.props == nil {
		p, ok := wcsp.NewPropagator(z.net)
		z.work += p.Work()
		if !ok {
			return // the dual finds out as well
		}
		z.props = p
		if z.best() == wcsp.None {
			z.first(f, b)
		}
	}
	if round%12 == 2 {
		z.try(f, b)
	}
	if before := z.work; round >= z.diveAt && z.dived*3 < before {
		z.wait *= 2
		if best := z.best(); z.dive(f, b) && z.best() > best {
			z.wait = 6
		}
		z.diveAt = round + z.wait
		z.dived += z.work - before
		z.fit(b.shape)
	}
}

// first takes the stack that a plain search finds that prefers what the dual
// does, if it finds one soon.
func (z *search) first(f *frame, b *box) {
	p := z.props
	prices := z.prices(b)
	x := make([]int32, len(z.net.Vars))
	before := p.Work()
	ok, _ := wcsp.NewFinder(p).Find(&allowance{z.ctx, p, before + max(z.work, 1<<17)}, func(v int32) int32 {
		best := int32(-1)
		for x, w := range prices[v] {
			if p.Has(v, int32(x)) && (best < 0 || w > prices[v][best]) {
				best = int32(x)
			}
		}
		return best
	}, x)
	z.work += p.Work() - before
	if ok && z.net.Legal(x) {
		z.take(x)
		f.need = max(f.need, (z.best()+1)*wcsp.Scale)
	}
}

// An allowance is a context that ends when a propagator has done so much work.
type allowance struct {
	context.Context
	props *wcsp.Propagator
	until int64
}

func (a *allowance) Err() error {
	if a.props.Work() > a.until {
		return context.Canceled
	}
	return a.Context.Err()
}

// prices returns what each value of the network is worth to the box, as far as
// comparing values of one variable goes.
func (z *search) prices(b *box) [][]int64 {
	all := make([][]int64, len(z.net.Vars))
	for v := range all {
		all[v] = make([]int64, len(z.net.Vars[v].Unary))
		for x := range all[v] {
			all[v][x] = dead
		}
		if x := b.x[v]; x >= 0 {
			all[v][x] = 0
		}
	}
	for _, o := range b.vars {
		for k := o.lo; k < o.hi; k++ {
			all[o.orig][b.value[k]] = b.b[k]
		}
	}
	return all
}

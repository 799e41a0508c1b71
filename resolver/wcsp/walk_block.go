package wcsp

import "math"

// blocks are what moves of many variables work with. A block is a tree: each of
// its variables has to do with nobody else of the block but its parent and its
// children. All others stay as they are, so that what is best for all of the block
// together comes from messages along the tree, leaves first (dynamic programming;
// Hamze and de Freitas, From Fields to Trees, 2004). Heat adds to what each value is worth
// a random number of the Gumbel distribution: the best is then about a sample of
// that temperature (Papandreou and Yuille, perturb and MAP, 2011).
//
// A variable that more than one of the block hold up stays present or absent.
type blocks struct {
	linkTables
	gumbel [256]float64 // quantiles
	noise  [256]int64
	seed   uint64

	free    []int32 // the block, parents first
	in      []bool  // by variable: it is of the block
	parent  []int32 // by variable of the block: the link from its parent; -1 for none
	meets   []int32 // by variable: how many of the block it has to do with
	edge    []int32 // links from the block to who may be next
	holders []int32 // by variable: those of the block that can hold it up
	helpers []int32 // by variable: those of them that do
	keeper  []int32 // by variable: of them, who has to go on; -1 for none
	counted []int32 // variables with holders

	at    []int32 // by variable: its first in worth; one more at the end
	worth []int64
	left  []uint64 // values that are left, as dom
	y     []int32  // by variable of the block: its new value
	msg   []int64  // scratch: by value
	heap  []item   // scratch
	open  []uint64 // scratch: as mask
}

// Heat sets the temperature of block moves, as of the Metropolis rule: at 0 they
// never lose anything. It makes their tables when it is first called.
func (w *Walker) Heat(t float64) {
	if w.blocks == nil {
		w.blocks = w.newBlocks()
	}
	for i, g := range &w.blocks.gumbel {
		w.blocks.noise[i] = int64(t * g)
	}
}

func (w *Walker) newBlocks() *blocks {
	n := len(w.n.Vars)
	b := &blocks{linkTables: w.newLinkTables(), seed: w.rng.Uint64(), at: make([]int32, n+1)}
	for i := range b.gumbel {
		b.gumbel[i] = -math.Log(-math.Log((float64(i) + 0.5) / 256))
	}
	widest := 0
	for v := range w.n.Vars {
		wide := len(w.n.Vars[v].Unary)
		b.at[v+1] = b.at[v] + int32(wide)
		widest = max(widest, wide)
	}
	ints := make([]int32, 8*n)
	for _, list := range []*[]int32{&b.free, &b.parent, &b.meets, &b.holders, &b.helpers, &b.keeper, &b.counted, &b.y} {
		*list, ints = ints[:n:n], ints[n:]
	}
	b.in = make([]bool, n)
	b.edge = make([]int32, 0, len(b.links))
	b.worth = make([]int64, b.at[n])
	b.left = make([]uint64, len(w.dom))
	b.msg = make([]int64, widest)
	b.heap = make([]item, widest)
	b.open = make([]uint64, len(w.mask))
	return b
}

// next returns 32 random bits (a linear congruential generator; Knuth's MMIX).
func (b *blocks) next() uint64 {
	b.seed = b.seed*6364136223846793005 + 1442695040888963407
	return b.seed >> 32
}

// TryBlock moves a block of up to so many variables about variable v, or a random
// one if that is negative, and returns how much better that is. If it is not ok the
// walker is where it was; otherwise Keep or Undo is next. Heat comes first.
func (w *Walker) TryBlock(v int32, size int) (gain int64, ok bool) {
	w.begin()
	b := w.blocks
	if v < 0 && len(w.active) > 0 {
		v = w.active[b.next()*uint64(len(w.active))>>32]
	}
	if v < 0 || v == w.Pinned || !b.choice[v] {
		return 0, false
	}
	work := w.stats.Work
	w.grow(v, size)
	w.count()
	for _, v := range b.free {
		w.bind(v)
	}
	for i := len(b.free) - 1; i > 0; i-- {
		w.tell(b.free[i])
	}
	for _, v := range b.free {
		b.y[v] = w.best(v)
	}
	for _, v := range b.counted {
		b.holders[v], b.helpers[v] = 0, 0
	}
	for _, v := range b.free {
		b.in[v] = false
		if w.x[v] != b.y[v] {
			w.set(v, b.y[v])
		}
	}
	w.stats.Work += (w.stats.Work - work) * blockTick
	if w.sets == 0 {
		return 0, false
	}
	if !w.repair() {
		w.Undo()
		return 0, false
	}
	return w.score - w.before, true
}

// blockTick is how much more a step of a block takes than one of other moves, by
// the benchmarks.
const blockTick = 1

// grow picks the block: variable v and others, one after the other, of which each
// has to do with one of those before it.
func (w *Walker) grow(v int32, size int) {
	b := w.blocks
	clear(b.meets)
	b.free, b.edge = b.free[:0], b.edge[:0]
	b.parent[v] = -1
	for {
		b.free = append(b.free, v)
		b.in[v] = true
		first, end := b.linksOf[v], b.linksOf[v+1]
		w.stats.Work += int64(end-first)/2 + 4
		for i := first; i < end; i++ {
			l := &b.links[i]
			if l.apart {
				b.meets[l.u]++
			}
			if b.meets[l.u]++; b.meets[l.u] == 1 && b.choice[l.u] && l.u != w.Pinned {
				b.edge = append(b.edge, i)
			}
		}
		if len(b.free) == size {
			return
		}
		v = -1
		for v < 0 {
			last := len(b.edge) - 1
			if last < 0 {
				return
			}
			k := b.next() * uint64(last+1) >> 32
			i := b.edge[k]
			b.edge[k] = b.edge[last]
			b.edge = b.edge[:last]
			if u := b.links[i].u; b.meets[u] == 1 && !b.in[u] {
				v = u
				b.parent[u] = i
			}
		}
	}
}

// count finds whom the block holds up.
func (w *Walker) count() {
	b := w.blocks
	b.counted = b.counted[:0]
	for _, v := range b.free {
		for _, h := range w.holds[w.holdsOf[v]:w.holdsOf[v+1]] {
			if b.holders[h.v] == 0 {
				b.counted = append(b.counted, h.v)
				b.keeper[h.v] = -1
			}
			b.holders[h.v]++
			if w.flags[h.flags+w.x[v]]&helps != 0 {
				b.helpers[h.v]++
				if b.keeper[h.v] < 0 {
					b.keeper[h.v] = v
				}
			}
		}
	}
}

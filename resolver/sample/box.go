package sample

import (
	"math/big"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// maxBlock is how many stacks a block has at most, unless one variable has more
// values: few enough that scores and ids stay in the cache next to the core.
const maxBlock = 1024

// A box is stacks that are all combinations of some values. The last variables
// that have several are its inner ones: their combinations, the same for each of
// the outer ones', are written out.
type box struct {
	w     *walk
	keys  [][]uint64
	limit int // of stacks in a block

	first  []int32 // a value of each variable; of outer ones the current
	free   []int32 // variables with several values
	vals   [][]int32
	sums   [][]int64 // by free variable and place in vals: score of the value there
	slot   []int32   // by variable: its place in free, or -1
	outer  int       // the first so many of free
	digits []int     // of the outer ones: places in vals
	score  []int64   // of the first so many digits
	id     []uint64

	innerScores []int64
	innerIDs    []uint64
}

func newBox(w *walk, limit int) *box {
	n := len(w.n.Vars)
	b := &box{w: w, keys: keys(w.n), limit: limit, first: make([]int32, n), slot: make([]int32, n)}
	b.free, b.digits = make([]int32, 0, n), make([]int, n)
	b.vals, b.sums = make([][]int32, n), make([][]int64, n)
	b.score, b.id = make([]int64, n+1), make([]uint64, n+1)
	return b
}

// fill makes the box of what is left of a network at a node that fulfils all
// conditions, at its first stack.
func (b *box) fill() {
	p := b.w.p
	b.free = b.free[:0]
	for v := range b.first {
		b.first[v], b.slot[v] = p.First(int32(v)), -1
		if p.Count(int32(v)) == 1 {
			continue
		}
		k := len(b.free)
		b.slot[v] = int32(k)
		b.free = append(b.free, int32(v))
		b.vals[k] = appendSet(b.vals[k][:0], p.Domain(int32(v)))
		b.sums[k] = b.sums[k][:0]
		base := b.w.n.Vars[v].Unary[b.first[v]]
		for _, x := range b.vals[k] {
			b.sums[k] = append(b.sums[k], b.w.n.Vars[v].Unary[x]-base)
		}
	}
	b.score[0], b.id[0] = b.w.n.Score(b.first), 0
	for v, x := range b.first {
		b.id[0] ^= b.keys[v][x]
	}
	for k := range b.w.n.Pairs {
		b.addPair(&b.w.n.Pairs[k])
	}
	for k := range b.w.n.Groups {
		b.addGroup(&b.w.n.Groups[k])
	}
	b.split()
}

// addPair adds to each value what a pair makes of it more than of the first.
// That is all there is to add: scores of pairs are separable here.
func (b *box) addPair(p *wcsp.Pair) {
	x, y := b.first[p.A], b.first[p.B]
	i, j := b.slot[p.A], b.slot[p.B]
	if i < 0 && j < 0 {
		return
	}
	base, _ := p.At(x, y)
	if i >= 0 {
		for k, x := range b.vals[i] {
			s, _ := p.At(x, y)
			b.sums[i][k] += s - base
		}
	}
	if j >= 0 {
		row := p.Rows[p.Row[x]]
		r := 0
		for k, y := range b.vals[j] {
			for row[r].Hi <= y {
				r++
			}
			b.sums[j][k] += row[r].Score - base
		}
	}
}

// addGroup adds to each value what a group makes of it more than of the first.
func (b *box) addGroup(g *wcsp.Group) {
	if g.Veto {
		return
	}
	open := wcsp.Member{Var: -1}
	for _, m := range g.Members {
		switch in, out := b.w.sides(m); {
		case !in:
			return
		case out:
			open = m
		}
	}
	if open.Var < 0 {
		return
	}
	var base int64
	if open.Set.Has(b.first[open.Var]) {
		base = g.Score
	}
	i := b.slot[open.Var]
	for k, x := range b.vals[i] {
		if open.Set.Has(x) {
			b.sums[i][k] += g.Score
		}
		b.sums[i][k] -= base
	}
}

// split divides the variables in outer and inner ones, and writes out the inner
// ones' combinations.
func (b *box) split() {
	b.outer = len(b.free)
	size := 1
	for b.outer > 0 && (size == 1 || size*len(b.vals[b.outer-1]) <= b.limit) {
		b.outer--
		size *= len(b.vals[b.outer])
	}
	b.innerScores, b.innerIDs = append(b.innerScores[:0], 0), append(b.innerIDs[:0], 0)
	// From the last to the first, so that the last changes fastest.
	for k := len(b.free) - 1; k >= b.outer; k-- {
		n := len(b.innerScores)
		v := b.free[k]
		for i, x := range b.vals[k][1:] {
			s, z := b.sums[k][i+1], b.keys[v][x]^b.keys[v][b.vals[k][0]]
			for j := range n {
				b.innerScores = append(b.innerScores, b.innerScores[j]+s)
				b.innerIDs = append(b.innerIDs, b.innerIDs[j]^z)
			}
		}
	}
	clear(b.digits[:b.outer])
	b.sum(0)
}

// sum works out scores and ids from the k-th outer variable on.
func (b *box) sum(k int) {
	for ; k < b.outer; k++ {
		v, d := b.free[k], b.digits[k]
		x := b.vals[k][d]
		b.first[v] = x
		b.score[k+1] = b.score[k] + b.sums[k][d]
		b.id[k+1] = b.id[k] ^ b.keys[v][x] ^ b.keys[v][b.vals[k][0]]
	}
}

// next goes on to the next combination of outer values; false if there is none.
func (b *box) next() bool {
	k := b.outer - 1
	for ; k >= 0; k-- {
		if b.digits[k]++; b.digits[k] < len(b.vals[k]) {
			break
		}
		b.digits[k] = 0
	}
	if k < 0 {
		return false
	}
	b.sum(k)
	return true
}

// seek goes to a stack of the box, and returns its place in the block.
func (b *box) seek(x []int32) int {
	place := 0
	for k, v := range b.free {
		d, _ := slices.BinarySearch(b.vals[k], x[v])
		if k < b.outer {
			b.digits[k] = d
		} else {
			place = place*len(b.vals[k]) + d
		}
	}
	b.sum(0)
	return place
}

// size returns how many stacks the box has.
func (b *box) size() *big.Int {
	n := big.NewInt(1)
	for k := range b.free {
		n.Mul(n, big.NewInt(int64(len(b.vals[k]))))
	}
	return n
}

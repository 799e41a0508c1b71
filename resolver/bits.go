package resolver

import (
	"iter"
	"math/bits"
)

// bitset is a set of small numbers.
type bitset []uint64

func newBits(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }
func (b bitset) add(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) remove(i int)   { b[i>>6] &^= 1 << (i & 63) }

// addRange adds the numbers from from to to, without to.
func (b bitset) addRange(from, to int) {
	if from >= to {
		return
	}
	first, last := from>>6, (to-1)>>6
	low, high := ^uint64(0)<<(from&63), ^uint64(0)>>(63-(to-1)&63)
	if first == last {
		b[first] |= low & high
		return
	}
	b[first] |= low
	for w := first + 1; w < last; w++ {
		b[w] = ^uint64(0)
	}
	b[last] |= high
}

// all yields the numbers, ascending.
func (b bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(w<<6 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// borders yields the numbers that are in the set and whose predecessors are not, or
// the other way round, ascending.
func (b bitset) borders() iter.Seq[int] {
	return func(yield func(int) bool) {
		before := uint64(0) // the bit before a word's first
		for w, word := range b {
			differ := word ^ (word<<1 | before)
			before = word >> 63
			for ; differ != 0; differ &= differ - 1 {
				if !yield(w<<6 + bits.TrailingZeros64(differ)) {
					return
				}
			}
		}
	}
}

// and keeps what is also in c, which has the same length.
func (b bitset) and(c bitset) {
	for i := range b {
		b[i] &= c[i]
	}
}

// or adds what is in c, which has the same length.
func (b bitset) or(c bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

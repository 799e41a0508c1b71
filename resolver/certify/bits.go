package certify

import "math/bits"

// A bitset is a set of small numbers; both of two operands have one length.
type bitset []uint64

func newBits(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }
func (b bitset) add(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) remove(i int)   { b[i>>6] &^= 1 << (i & 63) }

// meets reports whether something is in both.
func (b bitset) meets(c bitset) bool {
	for i := range b {
		if b[i]&c[i] != 0 {
			return true
		}
	}
	return false
}

// within reports whether everything in b is in c.
func (b bitset) within(c bitset) bool {
	for i := range b {
		if b[i]&^c[i] != 0 {
			return false
		}
	}
	return true
}

func (b bitset) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// keep removes what is not in c, drop what is; they report whether that is any.
func (b bitset) keep(c bitset) (changed bool) {
	for i := range b {
		changed = changed || b[i]&^c[i] != 0
		b[i] &= c[i]
	}
	return changed
}

func (b bitset) drop(c bitset) (changed bool) {
	for i := range b {
		changed = changed || b[i]&c[i] != 0
		b[i] &^= c[i]
	}
	return changed
}

// each calls f with the elements, ascending.
func (b bitset) each(f func(i int)) {
	for w, word := range b {
		for ; word != 0; word &= word - 1 {
			f(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

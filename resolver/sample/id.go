package sample

import "github.com/thamos/thamos/resolver/wcsp"

// ID returns a number that tells stacks of a network apart: the exclusive or of
// a key for each variable and value (Zobrist, 1970). Of a million different
// stacks two have the same with a probability of about 3e-8.
func ID(x []int32) uint64 {
	var id uint64
	for v, k := range x {
		id ^= key(int32(v), k)
	}
	return id
}

// key is the key of value x of variable v. No two are equal: the finalizer of
// SplitMix64 (Steele, Lea and Flood, 2014) is a bijection.
func key(v, x int32) uint64 {
	z := (uint64(uint32(v))<<32 | uint64(uint32(x))) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// keys returns the keys of all values.
func keys(n *wcsp.Network) [][]uint64 {
	all := make([][]uint64, len(n.Vars))
	for v := range n.Vars {
		all[v] = make([]uint64, len(n.Vars[v].Unary))
		for x := range all[v] {
			all[v][x] = key(int32(v), int32(x))
		}
	}
	return all
}

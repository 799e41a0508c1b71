package resolver

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestBits compares sets with lists of their numbers.
func TestBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "n")
		b, want := newBits(n), make([]bool, n+1)
		for range rapid.IntRange(0, 4).Draw(t, "stretches") {
			from := rapid.IntRange(0, n).Draw(t, "from")
			to := rapid.IntRange(0, n).Draw(t, "to")
			b.addRange(from, to)
			for i := from; i < to; i++ {
				want[i] = true
			}
		}
		var numbers, borders []int
		for i := range want {
			if want[i] {
				numbers = append(numbers, i)
			}
			if want[i] != (i > 0 && want[i-1]) {
				borders = append(borders, i)
			}
		}
		if got := slices.Collect(b.all()); !slices.Equal(got, numbers) {
			t.Fatalf("the set has %v, want %v", got, numbers)
		}
		got := slices.DeleteFunc(slices.Collect(b.borders()), func(i int) bool { return i > n })
		if n%64 == 0 { // a border behind the last word is not told
			borders = slices.DeleteFunc(borders, func(i int) bool { return i == n })
		}
		if !slices.Equal(got, borders) {
			t.Fatalf("the borders are %v, want %v", got, borders)
		}
	})
}

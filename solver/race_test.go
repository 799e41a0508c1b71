//go:build race

package solver

// raced reports that the race detector is on.
const raced = true

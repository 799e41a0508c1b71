//go:build race

package cmd

// raced reports that the race detector is on, which makes everything ten times
// slower. What repeats one run many times repeats it less then.
const raced = true

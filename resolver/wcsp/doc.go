// Package wcsp is the search for the best stack in numbers: a weighted constraint
// satisfaction problem (Schiex, Fargier and Verfaillie, 1995) whose variables
// are the projects of a closure and whose values are releases that nobody can
// tell apart. It knows neither versions nor names, imports nothing of ours, and
// is what the exact engine, the strategies, the sampler and the certificates
// share.
//
// Words. A variable has values; if it is optional, value 0 is its absence. An
// assignment gives each variable a value. A network says which assignments are
// stacks (Legal), and what each is worth (Score). Values are in the order of
// preference: of several stacks with one score the canonical one is the
// lexicographically smallest, so that "best" names one assignment whoever
// finds it.
//
// Read Network first, then Propagator, Request and Result.
package wcsp

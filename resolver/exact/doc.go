// Package exact finds the best stacks of a network and proves that they are.
//
// The bound is the dual of the local polytope's linear program: scores are
// shifted between factors and variables (the network is reparametrised) until
// the sum of every variable's best value is small. Shifts are those of MPLP++
// (Tourani, Shekhovtsov, Rother and Savchynskyy, 2018), on whole numbers that
// are rounded so that every factor is worth at most 0: then each bound that is
// ever shown holds exactly. What the bound with a value is too low for is
// removed (reduced-cost fixing), what is decided is folded away, what falls
// apart is solved apart, and what is left is branched on, the most promising
// part first (Allouche and others, 2015), so that the bound only falls.
//
// Words. A box is a network with some values removed and its messages; a factor
// is a pair or a choice of a box; a frame is the search of one box or of an
// independent part of one; need is what a stack must be worth to matter, in
// units of a score divided by wcsp.Scale, as everything inside is.
//
// A choice is what presence, groups and loop formulas have in common: some of
// its members are on, or none is.
//
// The package opens no file, asks no clock, and draws no random numbers.
//
// Read Engine first, then box, frame and Prove.
package exact

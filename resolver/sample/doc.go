// Package sample makes many stacks of a network: all of them in a fixed order,
// without a repetition, or random ones. It never asks which is best, though it
// scores every stack it shows.
//
// Enumeration shares prefixes: it branches, with propagation, only until what is
// left is a box, in which every combination of the values that are left is a
// stack and scores add up variable by variable, and then counts through the box.
// Two stacks that follow each other therefore differ little. Random stacks are
// drawn one by one, each from scratch.
//
// Both are deterministic and can be taken up again: an enumeration after any of
// its stacks, a series of random stacks at any index.
//
// Read Blocks first, then Sampler and Distinct.
package sample

package wcsp

import (
	"context"
	"math"
)

// A Searcher finds good stacks of a network. Equal networks and requests give
// equal results, on any number of cores; only a context that ends makes a
// difference, and Result.Status then says so.
type Searcher interface {
	// Search fails only if a fault of ours shows; that there is no stack, or
	// that the context or the budget ended, is a Result.
	Search(ctx context.Context, n *Network, r Request) (Result, error)
}

// A Request says how to search. The zero Request asks for the best stack without
// a bound on work.
type Request struct {
	Seed   uint64 // of all randomness
	Budget int64  // of work; 0 means none. See Stats.Work
	Count  int    // of best distinct stacks; 0 means 1
	Limit  int64  // of stacks that are looked at one by one, by strategies that do; 0 means none
	Width  int    // of open nodes that are kept, by searchers that keep some; 0 means their own bound

	// Known are stacks that the caller already has; results are no worse.
	Known [][]int32

	// Record, if not nil, is called when the best score or the bound improves,
	// and now and then. It must not keep or change what it is shown.
	Record func(Point)
}

// A Point is one moment of a search.
type Point struct {
	Work        int64
	Best        int64 // score; None if there is no stack yet
	Bound       int64 // no stack is better; Unbounded if nothing is known yet
	Temperature float64
}

// None is the score of no stack, Unbounded the bound of which nothing is known.
const (
	None      = math.MinInt64
	Unbounded = math.MaxInt64
)

// A Result is what a search found.
type Result struct {
	Stacks []Stack // best first, of those with one score the canonical first
	Bound  int64   // no stack is better; Unbounded if the searcher proves nothing
	Status Status
	Stats  Stats
}

// A Stack is a legal assignment.
type Stack struct {
	Values []int32
	Score  int64
}

// A Status says why a search ended.
type Status uint8

const (
	// Optimal: the stacks are the best there are, in order; fewer than Count
	// only if there are no more.
	Optimal Status = iota
	// Infeasible: there is no stack.
	Infeasible
	// Budget: the work ran out. Bound holds all the same.
	Budget
	// Interrupted: the context ended. Bound holds all the same.
	Interrupted
)

// Stats count what a search did.
type Stats struct {
	Work   int64 // units of about a nanosecond's work; the same on every machine
	Nodes  int64 // of the search tree
	Sweeps int64 // of the dual
	Moves  int64 // proposals of a walk, or roll-outs
}

package predictor

import (
	"strings"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Strategy names a way to search and says how to make a searcher of it.
type Strategy struct {
	Name, Doc string

	// Proves says that it ends by itself, with a proof. Others go on until the
	// budget ends, see DefaultBudget.
	Proves bool

	New func(Options) wcsp.Searcher
}

// Strategies lists every strategy, in the order help prints them; the first is the
// default.
func Strategies() []Strategy {
	return []Strategy{
		{"auto", "a little annealing, then exact search until proved", true, func(o Options) wcsp.Searcher { return Auto{Options: o} }},
		{"exact", "exact search: the best stack, with a proof", true, func(o Options) wcsp.Searcher { return Exact{Options: o} }},
		{"latest", "the newest stack, with a proof, whatever it scores", true, func(o Options) wcsp.Searcher { return Latest{Options: o} }},
		{"annealing", "simulated annealing with reheats", false, func(o Options) wcsp.Searcher { return Anneal{Options: o} }},
		{"hill-climbing", "hill climbing with random restarts", false, func(o Options) wcsp.Searcher { return Climb{Options: o} }},
		{"mcts", "Monte-Carlo tree search with a policy that adapts", false, func(o Options) wcsp.Searcher { return MCTS{Options: o} }},
		{"td", "roll-outs by a table of temporal differences", false, func(o Options) wcsp.Searcher { return TD{Options: o} }},
		{"random", "independent random stacks", false, func(o Options) wcsp.Searcher { return Random{Options: o} }},
	}
}

// Named returns the strategy of a name; false if there is none.
func Named(name string) (Strategy, bool) {
	for _, s := range Strategies() {
		if s.Name == name {
			return s, true
		}
	}
	return Strategy{}, false
}

// Names returns the names of all strategies, for help and for messages.
func Names() string {
	var names []string
	for _, s := range Strategies() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// Options are what strategies may be given. The zero Options is enough for those
// that walk or roll out.
type Options struct {
	// Exact is the exact engine. Exact, Latest and Auto cannot be without.
	Exact wcsp.Searcher

	// Prior, if not nil, returns for each variable what each value is thought to
	// be worth, in units of a score divided by wcsp.Scale: what the exact engine's
	// dual knows (exact.Prior), for example. Walks repair by it and roll-outs lean
	// to it: with that of a hundredth of a second, roll-outs end 0 to 2 % below the
	// best where they end 2 to 40 % below without. Its work is not counted.
	Prior func(n *wcsp.Network) [][]int64

	// Bound, if not nil, returns a score that no stack exceeds, for strategies
	// that prove nothing. Its work is not counted.
	Bound func(n *wcsp.Network) int64
}

// DefaultBudget is the work of strategies that never end by themselves if a
// request has no budget: about a tenth of a second.
const DefaultBudget = 100_000_000

// or returns x, or what zero means.
func or(x, zero float64) float64 {
	if x == 0 {
		return zero
	}
	return x
}

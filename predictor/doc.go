// Package predictor has the strategies that search a network for good stacks:
// each is a wcsp.Searcher, and Strategies lists them all.
//
// What they share. A strategy decides in which order stacks are looked at, never
// whether there is one: each begins with the complete search of wcsp.Finder, so it
// finds a stack wherever one exists, and says Infeasible only if there is none.
// That first stack is not bounded by a budget, only by the context; everything
// after it is. Work is counted, not timed, so that equal requests give equal bytes
// on every machine. A strategy that proves nothing says so: its bound is
// wcsp.Unbounded, unless Options.Bound gives one. Then it stops where its best
// meets the bound; of several stacks of that score it may not have the canonical
// one.
//
//   - latest: the provably newest stack (Latest), by the exact engine.
//   - random: independent roll-outs, each value as likely as any other (Random).
//   - hill-climbing: hill climbing with random restarts (Climb).
//   - annealing: simulated annealing with blocks (Anneal; Kirkpatrick, Gelatt and
//     Vecchi, 1983).
//   - td: roll-outs that follow a table of what a value of a variable is worth,
//     learnt by temporal differences (TD; Sutton, 1988).
//   - mcts: Monte-Carlo tree search with upper confidence bounds (MCTS; Kocsis and
//     Szepesvári, 2006) for one player (Schadd and others, 2008), whose roll-outs
//     follow a policy that adapts to the best stack (Rosin, 2011; Cazenave, 2020).
//   - exact: the exact engine (Exact).
//   - auto: a little annealing, then the exact engine (Auto). The default.
//
// Words. A roll-out decides variable after variable, in the order of the network
// and with propagation, until there is a stack. A walk goes from stack to stack.
// A prior is what each value is thought to be worth before anything is tried.
//
// Read Strategies first, then Options, then one strategy.
package predictor

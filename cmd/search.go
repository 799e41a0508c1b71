package cmd

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thamos/thamos/lockfile"
	"github.com/thamos/thamos/predictor"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

// searchOptions are the flags that say how the best stack is searched.
type searchOptions struct {
	predictor   string
	seed        uint64
	budget      string
	limit       int64
	count       int
	beamWidth   int
	maxTime     time.Duration
	prior       bool
	certificate string
	plot        string
}

func (o *searchOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.predictor, "predictor", "auto", "how the best stack is searched: "+predictor.Names())
	f.Uint64Var(&o.seed, "seed", 0, "of all randomness")
	f.StringVar(&o.budget, "budget", "", "bound the work of each rank, in units of about a nanosecond, such as 5e9 (default: 3e10 for exact and auto; see 'thamos predictors')")
	f.Int64Var(&o.limit, "limit", 0, "look at no more than this many stacks (predictors that look at stacks one by one)")
	f.IntVar(&o.count, "count", 1, "tell this many of the best stacks, first those that differ in more than releases which nobody can tell apart; the lock has the first")
	f.IntVar(&o.beamWidth, "beam-width", 0, "keep no more than this many open nodes (predictors exact, auto and mcts)")
	f.BoolVar(&o.prior, "dual-prior", false, "let predictors that look at stacks one by one lean to what the exact engine's bound thinks of each release")
	f.DurationVar(&o.maxTime, "max-time", time.Minute, "end the search after this time with the best so far: a safety net, since what comes out then depends on the machine")
	f.StringVar(&o.certificate, "certificate", "", "write a proof that no stack is better to this file, for 'thamos verify-certificate'")
	f.StringVar(&o.plot, "plot", "", "draw score, bound and temperature against work into this SVG file")
}

// defaultBudget bounds the work of searchers that end by themselves: half a
// minute, which only problems made to be hard take.
const defaultBudget = 3e10

// maxCount bounds how many stacks are told.
const maxCount = 1000

// A searching is a search as the command line asks for it, and what it records.
type searching struct {
	resolver.Search
	options searchOptions
	history map[resolver.Rank]*predictor.History
}

// beams are the predictors that have a beam width.
var beams = []string{"auto", "exact", "mcts"}

// search checks the flags.
func (o searchOptions) search() (*searching, error) {
	strategy, ok := predictor.Named(o.predictor)
	switch {
	case !ok:
		return nil, usagef("--predictor: there is no %q (have %s)", o.predictor, predictor.Names())
	case o.count < 1 || o.count > maxCount:
		return nil, usagef("--count: from 1 to %d", maxCount)
	case o.limit < 0:
		return nil, usagef("--limit: not negative; 0 is no limit")
	case o.limit > 0 && strategy.Proves:
		return nil, usagef("--limit: the predictor %s does not look at stacks one by one; bound its work with --budget", strategy.Name)
	case o.beamWidth < 0:
		return nil, usagef("--beam-width: not negative; 0 leaves it to the predictor")
	case o.beamWidth > 0 && !slices.Contains(beams, strategy.Name):
		return nil, usagef("--beam-width: the predictor %s keeps no open nodes; %s do", strategy.Name, strings.Join(beams, ", "))
	case o.certificate != "" && strategy.Name == "latest":
		return nil, usagef("--certificate: the predictor latest does not ask how good a stack is, so there is nothing to prove")
	case o.maxTime <= 0:
		return nil, errNoMaxTime
	}
	s := &searching{options: o, history: map[resolver.Rank]*predictor.History{}}
	s.Search = resolver.Search{
		Searcher: strategy.New(o.engine()), Seed: o.seed, Limit: o.limit, Width: o.beamWidth, Count: o.count,
	}
	if strategy.Proves {
		s.Budget = defaultBudget
	}
	if o.budget != "" {
		b, err := strconv.ParseFloat(o.budget, 64)
		if err != nil || !(b >= 1 && b <= math.MaxInt64/2) {
			return nil, usagef("--budget: %q is not a number of units of work, such as 5e9", o.budget)
		}
		s.Budget = int64(b)
	}
	if o.plot != "" {
		s.Record = func(rank resolver.Rank, p wcsp.Point) {
			if s.history[rank] == nil {
				s.history[rank] = new(predictor.History)
			}
			s.history[rank].Add(p)
		}
	}
	return s, nil
}

// writable complains of files that will not be there to be written, before
// anything is searched.
func (o searchOptions) writable(env *Env) error {
	for _, f := range []struct{ flag, file string }{{"certificate", o.certificate}, {"plot", o.plot}} {
		if f.file == "" {
			continue
		}
		if err := lockfile.Writable(absolute(env, f.file)); err != nil {
			return usagef("--%s: %v", f.flag, err)
		}
	}
	return nil
}

// priorWork is how much work strategies let the exact engine's dual do for them.
const priorWork = 2e7

// engine gives strategies the exact engine, and what its dual knows. That is
// wanted of a search: a failure is the search's own to tell.
func (o searchOptions) engine() predictor.Options {
	options := predictor.Options{
		Exact: exact.Engine{},
		Bound: func(n *wcsp.Network) int64 {
			bound, err := exact.Bound(context.Background(), n, priorWork)
			if err != nil {
				return wcsp.Unbounded
			}
			return bound
		},
	}
	if o.prior {
		options.Prior = func(n *wcsp.Network) [][]int64 {
			prior, err := exact.Prior(n, priorWork)
			if err != nil {
				return nil
			}
			return prior
		}
	}
	return options
}

var errNoMaxTime = usagef("--max-time: a time such as 30s")

// errMaxTime is why a search ends at --max-time.
var errMaxTime = errors.New("--max-time")

// timed is ctx with the safety net.
func (s *searching) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.options.maxTime, errMaxTime)
}

// drawn writes the plot, of the last rank that was searched.
func (s *searching) drawn(env *Env) error {
	if s.options.plot == "" {
		return nil
	}
	var last *predictor.History
	for rank := range resolver.AllLevels {
		if h := s.history[rank]; h != nil {
			last = h
		}
	}
	if last == nil {
		return usagef("--plot: nothing was searched, since nothing makes one stack better than another")
	}
	var b bytes.Buffer
	if err := predictor.Plot(&b, *last); err != nil {
		return err
	}
	return lockfile.WriteFile(absolute(env, s.options.plot), b.Bytes())
}

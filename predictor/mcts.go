package predictor

import (
	"context"
	"math"

	"github.com/thamos/thamos/resolver/wcsp"
)

// MCTS grows a tree of decisions from the first variable on. In the tree it takes
// the branch with the highest upper confidence bound (UCT: Kocsis and Szepesvári,
// 2006), whose worth is between the mean and the best stack seen below it, because
// there is no opponent (Schadd and others, 2008); branches are added as a node is
// visited more often (progressive widening: Coulom, 2007). Below the tree it rolls
// out by a policy, which leans to what values are worth by themselves and adapts
// to the best stack (Rosin, 2011; Cazenave, 2020), and forgets when nothing better
// was found for a while. It never ends by itself.
type MCTS struct {
	Options

	// Explore is the weight of the confidence bound, as a share of the range of
	// scores seen. Zero means 0.1.
	Explore float64

	// Best is the weight of the best stack below a node against the mean of all.
	// Zero means 0.5.
	Best float64

	// Rate is how much the policy adapts after each roll-out. Zero means 0.1.
	Rate float64

	// Temperature says how much the policy leans to what values are worth before
	// it has learnt anything, as in Random. Zero means 0.3.
	Temperature float64

	// Patience is after how many roll-outs without a better stack the policy
	// forgets. Zero means 2000.
	Patience int

	// Table has roll-outs go by the table of TD instead.
	Table bool
}

// Search implements wcsp.Searcher.
func (s MCTS) Search(ctx context.Context, n *wcsp.Network, r wcsp.Request) (wcsp.Result, error) {
	return search(ctx, n, r, s.Options, s.run)
}

func (s MCTS) run(u *run) {
	worth, lean := u.prior, 0.02
	if worth == nil {
		lean = 0.3
		worth = make([][]int64, len(u.n.Vars))
		for v := range worth {
			worth[v] = u.n.Vars[v].Unary
		}
	}
	var below policy
	if s.Table {
		below = newTable(u, TD{})
	} else {
		patience := s.Patience
		if patience == 0 {
			patience = 2000
		}
		below = &adaptive{
			logits: newLogits(u, worth, or(s.Temperature, lean)), led: newLedger(u),
			rate: or(s.Rate, 0.1), patience: patience, score: wcsp.None,
		}
	}
	t := &tree{u: u, below: below, explore: or(s.Explore, 0.1), best: or(s.Best, 0.5), most: maxNodes}
	if u.width > 0 {
		t.most = u.width
	}
	t.nodes = append(t.nodes, node{first: -1, next: -1})
	t.path = make([]int32, len(u.n.Vars)+1)
	roll := newRollouts(u, t.choose)
	for u.more(0) {
		below.cool(u.share())
		if x, ok := roll.next(); ok {
			score := below.learn(x)
			u.best.offer(x, score)
			t.learn(x, float64(score))
		}
	}
}

// A policy chooses values and learns from stacks.
type policy interface {
	choose(v int32, depth int) int32
	learn(x []int32) (score int64)
	cool(share float64) // share of the budget that is used
}

// adaptive is a policy that leans to the best stack it has seen since it began.
type adaptive struct {
	*logits
	led      *ledger
	rate     float64
	patience int
	idle     int
	score    int64
	best     []int32
	turn     int
}

// batch is after how many roll-outs a policy adapts, by as many times the rate:
// adapting costs as much as a roll-out.
const batch = 4

func (a *adaptive) cool(float64) {}

func (a *adaptive) learn(x []int32) int64 {
	score := a.led.score(x)
	a.idle++
	if score > a.score {
		a.score, a.idle = score, 0
		a.best = append(a.best[:0], x...)
	}
	if a.idle > a.patience {
		a.idle, a.score = 0, wcsp.None
		a.reset()
		return score
	}
	if a.turn++; a.turn%batch == 0 && a.score > wcsp.None {
		a.adapt(a.best, a.rate*batch)
	}
	return score
}

// A node is a decision: its variable has value x. Its children are a list.
type node struct {
	v, x        int32 // v is the variable that is decided next
	first, next int32 // child and sibling; negative for none
	children    int32
	visits      float64
	sum, most   float64
}

// A tree is what is known of decisions. at is the node after each of them.
type tree struct {
	u             *run
	below         policy
	nodes         []node
	path          []int32 // by depth: node, negative below the tree
	most          int     // nodes
	deep          int     // the last depth of path that this roll-out has set
	low, high     float64 // of scores seen
	explore, best float64
}

// maxNodes bounds the tree unless a request does; it grows no more then.
const maxNodes = 1 << 18

// choose is a choice.
func (t *tree) choose(v int32, depth int) int32 {
	t.path[0] = 0
	t.deep = depth + 1
	at := t.path[depth]
	t.path[depth+1] = -1
	if at < 0 {
		return t.below.choose(v, depth)
	}
	d := &t.nodes[at]
	if d.first < 0 {
		d.v = v
	}
	if d.v != v {
		// Dead ends left other variables open than before.
		return t.below.choose(v, depth)
	}
	if float64(d.children) <= math.Sqrt(d.visits) {
		x := t.below.choose(v, depth)
		t.path[depth+1] = t.child(at, x)
		return x
	}
	// Where nothing is left of the tree's branches, the policy decides.
	best, most := int32(-1), math.Inf(-1)
	spread := max(1, t.high-t.low)
	log := math.Log(d.visits + 1)
	for c := d.first; c >= 0; c = t.nodes[c].next {
		k := &t.nodes[c]
		if !t.u.p.Has(v, k.x) {
			continue
		}
		worth := math.Inf(1)
		if k.visits > 0 {
			worth = t.best*k.most + (1-t.best)*k.sum/k.visits
			worth = (worth-t.low)/spread + t.explore*math.Sqrt(log/k.visits)
		}
		if worth > most {
			best, most = c, worth
		}
	}
	t.u.scored += int64(d.children) * 10
	if best < 0 {
		return t.below.choose(v, depth)
	}
	t.path[depth+1] = best
	return t.nodes[best].x
}

// child returns the child of a node with value x, a new one if there is none.
func (t *tree) child(at, x int32) int32 {
	for c := t.nodes[at].first; c >= 0; c = t.nodes[c].next {
		if t.nodes[c].x == x {
			return c
		}
	}
	if len(t.nodes) >= t.most {
		return -1
	}
	t.nodes = append(t.nodes, node{x: x, first: -1, next: t.nodes[at].first})
	c := int32(len(t.nodes) - 1)
	t.nodes[at].first = c
	t.nodes[at].children++
	return c
}

// learn takes the score of the last roll-out into the nodes on its way.
func (t *tree) learn(x []int32, score float64) {
	if t.nodes[0].visits == 0 {
		t.low, t.high = score, score
	}
	t.low, t.high = min(t.low, score), max(t.high, score)
	for depth := 0; depth <= t.deep && t.path[depth] >= 0; depth++ {
		d := &t.nodes[t.path[depth]]
		if depth > 0 && x[t.nodes[t.path[depth-1]].v] != d.x {
			break // the rest of the way was a dead end
		}
		if d.visits == 0 {
			d.most = score
		}
		d.visits++
		d.sum += score
		d.most = max(d.most, score)
		if d.visits == 1 && depth > 0 {
			break // one new node a roll-out
		}
	}
}

package exact

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// ErrBudget says that the work allowed for a proof did not suffice.
var ErrBudget = errors.New("exact: the proof takes more work than is allowed")

// Prove returns a proof that no stack of a network is worth more than target, -1
// of a network without scores meaning that there is none. It may take budget
// units of work, 0 being any amount. It fails if that does not suffice
// (ErrBudget), if the context ends, or if a stack is worth more.
func Prove(ctx context.Context, n *wcsp.Network, target, budget int64) (wcsp.Proof, error) {
	if err := check(n); err != nil {
		return nil, err
	}
	p := &prover{search: newSearch(ctx, n, wcsp.Request{Budget: budget}), need: (target + 1) * wcsp.Scale}
	p.big = wcsp.Scale + 2*width(n)
	all := make([]wcsp.Set, len(n.Vars))
	for v := range all {
		all[v] = wcsp.NewSet(len(n.Vars[v].Unary))
		for x := range n.Vars[v].Unary {
			all[v].Add(int32(x))
		}
	}
	if err := p.prove(all, nil, 0); err != nil {
		return nil, err
	}
	return p.proof, nil
}

// width is how far apart the scores of two assignments can be.
func width(n *wcsp.Network) (sum int64) {
	spread := func(low, high int64) { sum += (high - low) * wcsp.Scale }
	for v := range n.Vars {
		spread(slices.Min(n.Vars[v].Unary), slices.Max(n.Vars[v].Unary))
	}
	for k := range n.Pairs {
		low, high := int64(0), int64(0)
		for _, row := range n.Pairs[k].Rows {
			for _, r := range row {
				low, high = min(low, r.Score), max(high, r.Score)
			}
		}
		spread(low, high)
	}
	for k := range n.Groups {
		s := n.Groups[k].Score
		spread(min(s, 0), max(s, 0))
	}
	return sum
}

// A prover builds a proof. It searches as the engine does, but folds nothing into
// messages that a step could not name: a box is compiled anew whenever a step has
// made it smaller, and its messages begin as those of the box before.
type prover struct {
	*search
	need  int64 // what would refute the target
	proof wcsp.Proof
}

// prove appends the proof of a box. warm has the messages to begin with, if any.
func (p *prover) prove(in []wcsp.Set, warm *box, depth int32) error {
	for {
		b, err := p.build(in, warm)
		if err != nil {
			return err
		}
		done, fixed, err := p.lower(b, depth == 0)
		switch {
		case err != nil:
			return err
		case done:
			p.proof = append(p.proof, wcsp.Step{Kind: wcsp.BoundStep, Messages: p.messages(b)})
			return nil
		case fixed:
			p.proof = append(p.proof, wcsp.Step{Kind: wcsp.FixStep, Messages: p.messages(b)})
			b.fix(p.need)
			warm = b
			b.into(in)
			continue
		}
		b.into(in)
		known := len(p.loops)
		if err := p.refuted(b); err != nil {
			return err
		}
		if len(p.loops) > known {
			warm = b
			continue
		}
		v, best := p.pick(b)
		if v < 0 {
			return fmt.Errorf("exact: a box of one assignment with a bound of %d / %d could not be closed", b.ub, wcsp.Scale)
		}
		o := b.vars[v]
		p.proof = append(p.proof, wcsp.Step{Kind: wcsp.BranchStep, Var: o.orig, Values: []int32{best}})
		one := slices.Clone(in)
		one[o.orig] = wcsp.NewSet(len(p.net.Vars[o.orig].Unary))
		one[o.orig].Add(best)
		from := len(p.proof)
		if err := p.prove(one, b, depth+1); err != nil {
			return err
		}
		if len(p.proof)-from == 1 {
			p.weight[o.orig]++
		}
		in = slices.Clone(in)
		in[o.orig] = slices.Clone(in[o.orig])
		in[o.orig].Remove(best)
		warm, depth = b, depth+1
	}
}

// lower sweeps until the bound refutes what is needed (done), a step would make
// the box much smaller (fixed), or the bound falls too slowly.
func (p *prover) lower(b *box, root bool) (done, fixed bool, err error) {
	slow, patience := int64(50), 2
	if root {
		slow, patience = 250, 6
	}
	last, stall := int64(-dead), 0
	for round := 0; ; round++ {
		p.sweep(b, round&1 == 1)
		p.work += 20
		if round >= 3 && round%3 != 2 {
			continue
		}
		b.bound()
		if b.sum < p.need || b.hopeless() {
			return true, false, nil
		}
		if p.tick() {
			if p.status == wcsp.Interrupted {
				return false, false, p.ctx.Err()
			}
			return false, false, ErrBudget
		}
		if last-b.ub <= (b.sum-p.need)/slow {
			stall++
		} else {
			stall = 0
		}
		last = b.ub
		left, all := b.clone().fix(p.need)
		if left*3 < all*2 && left < all || stall >= patience && left*20 < all*19 {
			return false, true, nil
		}
		if stall >= patience {
			return false, false, nil
		}
	}
}

// hopeless reports whether a loop formula has nobody left to hold a variable up
// that must be present.
func (b *box) hopeless() bool {
	return slices.ContainsFunc(b.choices, func(c choice) bool { return c.q < 0 && len(c.members) == 0 })
}

// refuted decodes the box. If that is a stack it refutes the target; if it only
// holds itself up, there is a loop formula more.
func (p *prover) refuted(b *box) error {
	worth, ok := p.decode(b)
	if !ok || worth < p.need {
		return nil
	}
	x := make([]int32, len(b.x))
	for v, o := range b.vars {
		x[o.orig] = b.value[o.lo+p.at[v]]
	}
	if score, ok := p.offer(x); ok {
		return fmt.Errorf("exact: there is a stack worth %d, which is more than is to be proved", score)
	}
	return p.fault
}

// pick returns the variable and value to branch on; -1 if there is no choice.
func (p *prover) pick(b *box) (v, best int32) {
	v, most := int32(-1), int64(-1)
	a := &b.next
	for k, o := range b.vars {
		left := int64(0)
		for x := o.lo; x < o.hi; x++ {
			if b.b[x] > alive {
				left++
			}
		}
		w := 2*int64(a.pairOff[k+1]-a.pairOff[k]) + int64(a.choiceOff[k+1]-a.choiceOff[k]) + p.weight[o.orig]
		if w = w<<20 - left; left > 1 && w > most {
			v, most = int32(k), w
		}
	}
	if v < 0 {
		return v, 0
	}
	o := b.vars[v]
	at := o.lo
	for x := o.lo; x < o.hi; x++ {
		if b.b[x] > b.b[at] {
			at = x
		}
	}
	return v, b.value[at]
}

// messages returns the messages of a box. Factors that sent none are not named,
// unless they forbid the whole box.
func (p *prover) messages(b *box) (list []wcsp.Message) {
	send := func(f wcsp.Factor, v int32, must bool, delta func(k int32) int64) {
		o := b.vars[v]
		d := make([]int64, len(p.net.Vars[o.orig].Unary))
		for k := o.lo; k < o.hi; k++ {
			d[b.value[k]] = delta(k - o.lo)
			must = must || d[b.value[k]] != 0
		}
		if must {
			list = append(list, wcsp.Message{Factor: f, Var: o.orig, Deltas: d})
		}
	}
	for k := range b.pairs {
		q := &b.pairs[k]
		f := wcsp.Factor{Kind: wcsp.PairFactor, Index: q.index}
		send(f, q.i, false, func(x int32) int64 { return b.d[q.di+q.row[x]] })
		send(f, q.j, false, func(x int32) int64 { return b.d[q.dj+q.col[x]] })
	}
	for k := range b.choices {
		c := &b.choices[k]
		for m := range c.members {
			m := &c.members[m]
			send(c.factor, m.v, false, func(x int32) int64 { return b.d[m.d+int32(m.class[x])-1] })
		}
		if c.q >= 0 {
			send(c.factor, c.q, false, func(x int32) int64 {
				if x == c.absent {
					return b.d[c.dq+1]
				}
				return b.d[c.dq]
			})
		} else if len(c.members) == 0 {
			d := make([]int64, len(p.net.Vars[c.factor.Index].Unary))
			list = append(list, wcsp.Message{Factor: c.factor, Var: c.factor.Index, Deltas: d})
		}
	}
	return list
}

package predictor

import (
	"math"
	"slices"
)

// kicks are what annealing ends with (iterated local search; Lourenço, Martin and
// Stützle, 2003): a kick gives one variable any value and has those that this
// changed answer without heat, first with that value, then with any. What did not
// pay is taken back, but for what is better in itself.
type kicks struct {
	*run
	x     []int32 // the stack that is kicked
	score int64
	weave *weaver
	moved []int32 // variables that the kick changed
}

func newKicks(u *run) *kicks {
	x, score := u.walk().Stack()
	return &kicks{run: u, x: slices.Clone(x), score: score, weave: newWeaver(u.n)}
}

// settle goes to the best of the stack that is kicked and of where the walk is.
func (k *kicks) settle() {
	w := k.walk()
	y, _ := w.Stack()
	k.scored += k.weave.cost
	w.Goto(k.weave.best(k.x, y))
	k.visit(w)
	k.stay()
}

// stay has the stack be kicked where the walk is.
func (k *kicks) stay() {
	y, score := k.walk().Stack()
	copy(k.x, y)
	k.score = score
}

// loop kicks until the budget ends. A loss is taken as at a temperature.
func (k *kicks) loop(temperature float64) {
	w, active := k.walk(), k.active()
	hubs := k.hubs(active)
	w.Heat(0)
	for k.more(0) {
		from := active
		if k.rng.IntN(2) == 0 {
			from = hubs
		}
		v := from[k.rng.IntN(len(from))]
		if _, ok := w.TryAt(v, true); !ok {
			continue
		}
		k.looked++
		k.moved = w.Moved(k.moved[:0])
		w.Keep()
		w.Pinned = v
		k.answer(2)
		w.Pinned = -1
		k.answer(2)
		k.visit(w)
		if _, score := w.Stack(); float64(score-k.score) > temperature*math.Log(k.rng.Float64()) {
			k.stay()
		} else {
			k.settle()
		}
	}
}

// answer improves the walk a little about what the kick changed, so many times.
func (k *kicks) answer(times int) {
	w := k.walk()
	for range times {
		k.block(k.moved[k.rng.IntN(len(k.moved))], 2+k.rng.IntN(10))
		for i := 0; i < 20 && !k.full(); i++ {
			gain, ok := w.TryAt(k.moved[k.rng.IntN(len(k.moved))], false)
			if !ok {
				continue
			}
			k.looked++
			if gain < 0 {
				w.Undo()
				continue
			}
			k.moved = w.Moved(k.moved)
			w.Keep()
			k.visit(w)
		}
	}
}

// active are the variables that have a choice.
func (u *run) active() []int32 {
	var list []int32
	for v := range int32(len(u.n.Vars)) {
		if u.p.Count(v) > 1 {
			list = append(list, v)
		}
	}
	return list
}

// hubs has each variable of a list as often as there are pairs with it.
func (u *run) hubs(list []int32) []int32 {
	degree := make([]int, len(u.n.Vars))
	for i := range u.n.Pairs {
		degree[u.n.Pairs[i].A]++
		degree[u.n.Pairs[i].B]++
	}
	var hubs []int32
	for _, v := range list {
		for range max(1, degree[v]) {
			hubs = append(hubs, v)
		}
	}
	return hubs
}

package wcsp

import "math/bits"

// A Network is a problem in numbers. It does not change once it is made, and may
// be shared.
//
// An assignment is a stack if every pair allows the values of its two variables,
// no veto holds, and exactly what is needed is present: an optional variable is
// present only if a chain of supports leads to it from variables that are not
// optional (a loop that only holds itself up is not a stack), and it is absent
// only if nobody needs it.
//
// A stack's score is the sum of the unary scores of all values, of the pairs'
// scores and of the groups that hold. Absolute sums are below MaxScore.
type Network struct {
	Vars   []Var
	Pairs  []Pair // at most one for any two variables
	Groups []Group
}

// MaxScore bounds the sum of absolute scores of a network, so that a fixed-point
// multiple of it still fits an int64.
const MaxScore = 1 << 48

// A Var is one variable. Optional variables have value 0 for their absence.
type Var struct {
	Unary    []int64 // by value: its score; the length is the number of values
	Optional bool

	// Supports are who can make it present, each variable once; empty unless it
	// is optional.
	Supports []Support
}

// A Support says with which values another variable needs one, or allows it to
// be present without needing it (what it needs is not known).
type Support struct {
	Var  int32
	Need Set // over its values
	May  Set // disjoint from Need; nil for none
}

// A Pair is what two different variables have to do with each other: which
// values go together, and what that is worth. Rows are by value of A; what no
// run of a row covers is forbidden.
type Pair struct {
	A, B int32
	Row  []int32 // by value of A: index into Rows
	Rows [][]Run // each in order and not overlapping
}

// A Run is a stretch of values, Lo up to but without Hi, with one score.
type Run struct {
	Lo, Hi int32
	Score  int64
}

// At returns the score of values a and b together; false if they are forbidden.
func (p *Pair) At(a, b int32) (score int64, ok bool) {
	for _, r := range p.Rows[p.Row[a]] {
		if b < r.Hi {
			return r.Score, b >= r.Lo
		}
	}
	return 0, false
}

// A Group is a term of three or more variables: it holds of an assignment that
// has each member's variable at a value of its set.
type Group struct {
	Members []Member
	Veto    bool // no stack may have it
	Score   int64
}

// A Member is the values of a variable of which an assignment has one.
type Member struct {
	Var int32
	Set Set
}

// A Set is a set of values. A nil set is empty.
type Set []uint64

// NewSet returns the empty set for n values.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

// Has reports whether value x is in the set.
func (s Set) Has(x int32) bool { return int(x>>6) < len(s) && s[x>>6]>>(x&63)&1 != 0 }

// Add adds value x.
func (s Set) Add(x int32) { s[x>>6] |= 1 << (x & 63) }

// Remove removes value x.
func (s Set) Remove(x int32) { s[x>>6] &^= 1 << (x & 63) }

// Count returns how many values are in the set.
func (s Set) Count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Legal reports whether an assignment is a stack.
func (n *Network) Legal(x []int32) bool {
	for i := range n.Pairs {
		p := &n.Pairs[i]
		if _, ok := p.At(x[p.A], x[p.B]); !ok {
			return false
		}
	}
	for i := range n.Groups {
		if g := &n.Groups[i]; g.Veto && g.Holds(x) {
			return false
		}
	}
	for v := range n.Vars {
		for _, s := range n.Vars[v].Supports {
			if x[v] == 0 && s.Need.Has(x[s.Var]) {
				return false
			}
		}
	}
	return n.founded(x)
}

// founded reports whether everything that is present is held up from outside.
func (n *Network) founded(x []int32) bool {
	held := make([]bool, len(x))
	for more := true; more; {
		more = false
		for v := range n.Vars {
			if held[v] || n.Vars[v].Optional && x[v] == 0 {
				continue
			}
			up := !n.Vars[v].Optional
			for _, s := range n.Vars[v].Supports {
				up = up || held[s.Var] && (s.Need.Has(x[s.Var]) || s.May.Has(x[s.Var]))
			}
			if up {
				held[v], more = true, true
			}
		}
	}
	for v := range n.Vars {
		if !held[v] && !(n.Vars[v].Optional && x[v] == 0) {
			return false
		}
	}
	return true
}

// Holds reports whether the group holds of an assignment.
func (g *Group) Holds(x []int32) bool {
	for _, m := range g.Members {
		if !m.Set.Has(x[m.Var]) {
			return false
		}
	}
	return true
}

// Score returns what a stack is worth. What it is of an assignment that is not
// Legal is not defined.
func (n *Network) Score(x []int32) int64 {
	var sum int64
	for v := range n.Vars {
		sum += n.Vars[v].Unary[x[v]]
	}
	for i := range n.Pairs {
		p := &n.Pairs[i]
		s, _ := p.At(x[p.A], x[p.B])
		sum += s
	}
	for i := range n.Groups {
		if g := &n.Groups[i]; !g.Veto && g.Holds(x) {
			sum += g.Score
		}
	}
	return sum
}

package wcsp

// A Proof shows that no stack of a network is worth more than a target: a tree
// in preorder. It is checked on its own, see Step.
//
// A box is a set of values for each variable; the proof begins with all values.
// What arc consistency removes from a box needs no step: whoever checks may
// propagate pairs, presence and vetoes in every box.
type Proof []Step

// A Step is one node of a proof.
//
//   - A Bound step ends its branch: with its messages the bound of the box is at
//     most the target, or the box is empty.
//   - A Fix step is followed by the proof of a smaller box: without the values
//     for which the bound, with the variable at this value, is at most the target.
//   - A Branch step is followed by two proofs: of the box with Var in Values, and
//     of the box with Var not in Values.
//
// The messages of a step shift scores between factors and variables (they
// reparametrise the network): a message adds Deltas[x] to value x of its
// variable and takes the same from its factor. Whatever the messages are, the
// sum of every variable's best value and every factor's best residual, each over
// the box, is a bound of every stack in the box. A factor that no message of the
// step names keeps its own scores, except that where the box leaves a pair one
// value on one side, the checker gives the pair's scores to the other side
// before it adds up, as if by messages: no step says so.
//
// Messages and bounds are in units of a network's score divided by Scale.
type Step struct {
	Kind     StepKind
	Messages []Message // Bound, Fix
	Var      int32     // Branch
	Values   []int32   // Branch
}

// Scale is how many units of a proof are one of a score. Scores are whole, so a
// bound that is less than a whole one above the target proves as much.
const Scale = 1 << 10

// A StepKind says what a step does.
type StepKind uint8

const (
	BoundStep StepKind = iota
	FixStep
	BranchStep
)

// A Message shifts scores from one factor to one of its variables.
type Message struct {
	Factor Factor
	Var    int32
	Deltas []int64 // by value of Var; values outside the box do not count
}

// A Factor names a part of a network that ties variables together.
//
//   - A PairFactor is Pairs[Index].
//   - A GroupFactor is Groups[Index].
//   - A PresenceFactor is the presence of variable Index: it is absent and no
//     support needs it, or present and one needs or allows it. Its variables are
//     Index and its supports' (each once); combinations are worth 0 or forbidden.
//   - A LoopFactor is a loop formula (Lin and Zhao, 2004): variable Index, which
//     is in Loop, is absent, or a support from outside Loop needs or allows one
//     of Loop. All of Loop are optional. Its variables are Index and those of
//     the supports from outside; combinations are worth 0 or forbidden.
type Factor struct {
	Kind  FactorKind
	Index int32
	Loop  []int32 // LoopFactor: variables, ascending
}

// A FactorKind says what a factor is.
type FactorKind uint8

const (
	PairFactor FactorKind = iota
	GroupFactor
	PresenceFactor
	LoopFactor
)

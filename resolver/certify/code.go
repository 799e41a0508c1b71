package certify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Proof is a wcsp.Proof in bytes, step after step; numbers are varints as
// encoding/binary has them. A step is a byte for its kind, and then for Branch its
// variable, the number of values and the values. Bound and Fix say what changed
// in the messages since the last step that had some, for neighbours in a search
// tree have much in common: the number of changes, and for each a factor, a
// variable, and for each class how much more its delta grew than that of the class
// before. Messages whose deltas are all 0 are none.
type Proof []byte

// Kinds of Bound and Fix steps without messages. They leave those of the steps
// before and after alone.
const (
	bareBound = wcsp.BranchStep + 1
	bareFix   = wcsp.BranchStep + 2
)

// A step is one decoded step. Its slices are good until the next is read.
type step struct {
	kind     wcsp.StepKind
	messages []message // Bound, Fix
	variable int       // Branch
	values   []int     // Branch: classes, ascending
}

// A message is one decoded message.
type message struct {
	factor, variable int
	deltas           []int64 // by class
}

// A place is where messages go.
type place struct{ factor, variable int }

// maxDelta bounds a delta. Sums are checked where they are made.
const maxDelta = 1 << 60

// An encoder makes a proof, step by step.
type encoder struct {
	proof Proof
	last  map[place][]int64 // deltas in force
	order []place
}

func (p Proof) number(n int) Proof { return binary.AppendUvarint(p, uint64(n)) }

// add adds a step, whose messages are to different places.
func (e *encoder) add(s *step) {
	if s.kind == wcsp.BranchStep {
		e.proof = append(e.proof, byte(s.kind)).number(s.variable).number(len(s.values))
		for _, x := range s.values {
			e.proof = e.proof.number(x)
		}
		return
	}
	now := map[place][]int64{}
	for _, m := range s.messages {
		if !zero(m.deltas) {
			now[place{m.factor, m.variable}] = m.deltas
		}
	}
	if len(now) == 0 {
		e.proof = append(e.proof, byte(s.kind+bareBound))
		return
	}
	if e.last == nil {
		e.last = map[place][]int64{}
	}
	for _, m := range s.messages {
		at := place{m.factor, m.variable}
		if _, known := e.last[at]; !known && now[at] != nil {
			e.order = append(e.order, at)
			e.last[at] = make([]int64, len(m.deltas))
		}
	}
	changes, n := Proof(nil), 0
	for _, at := range e.order {
		deltas := now[at]
		if deltas == nil {
			deltas = make([]int64, len(e.last[at]))
		}
		if slices.Equal(deltas, e.last[at]) {
			continue
		}
		n++
		changes = changes.number(at.factor).number(at.variable)
		before := int64(0)
		for x, d := range deltas {
			grew := d - e.last[at][x]
			changes = binary.AppendVarint(changes, grew-before)
			before = grew
		}
		e.last[at] = slices.Clone(deltas)
	}
	e.proof = append(append(e.proof, byte(s.kind)).number(n), changes...)
}

func zero(deltas []int64) bool {
	return !slices.ContainsFunc(deltas, func(d int64) bool { return d != 0 })
}

// A decoder reads a proof step by step, with bounds from outside: every number
// is an index of something that there is, and what it keeps takes no more memory
// than a small multiple of the bytes.
type decoder struct {
	rest    Proof
	vars    []Variable
	factors int
	steps   int // read so far
	step    step
	force   []message // in force; those whose deltas are all 0 as well
	placed  map[place]int
}

var errEnds = errors.New("it ends too early")

// next reads a step into d.step.
func (d *decoder) next() error {
	s := &d.step
	s.messages, s.values = s.messages[:0], s.values[:0]
	if len(d.rest) == 0 {
		return errEnds
	}
	s.kind, d.rest = wcsp.StepKind(d.rest[0]), d.rest[1:]
	d.steps++
	switch s.kind {
	case bareBound, bareFix:
		s.kind -= bareBound
		return nil
	case wcsp.BranchStep:
		return d.branch()
	case wcsp.BoundStep, wcsp.FixStep:
		n, err := d.index("number of messages", len(d.rest)+1)
		for ; err == nil && n > 0; n-- {
			err = d.change()
		}
		for i := range d.force {
			if !zero(d.force[i].deltas) {
				s.messages = append(s.messages, d.force[i])
			}
		}
		return err
	}
	return fmt.Errorf("kind %d of a step is not known", s.kind)
}

func (d *decoder) branch() (err error) {
	s := &d.step
	if s.variable, err = d.index("variable", len(d.vars)); err != nil {
		return err
	}
	classes := len(d.vars[s.variable].Classes)
	n, err := d.index("number of values", classes+1)
	for ; err == nil && n > 0; n-- {
		var x int
		if x, err = d.index("value", classes); err != nil {
			return err
		}
		if k := len(s.values); k > 0 && s.values[k-1] >= x {
			return errors.New("values do not ascend")
		}
		s.values = append(s.values, x)
	}
	return err
}

// change reads how the messages to one place changed.
func (d *decoder) change() error {
	var at place
	var err error
	if at.factor, err = d.index("factor", d.factors); err != nil {
		return err
	}
	if at.variable, err = d.index("variable", len(d.vars)); err != nil {
		return err
	}
	v := &d.vars[at.variable]
	if len(d.rest) < len(v.Classes) {
		return errEnds
	}
	i, ok := d.placed[at]
	if !ok {
		if d.placed == nil {
			d.placed = map[place]int{}
		}
		i = len(d.force)
		d.placed[at] = i
		d.force = append(d.force, message{at.factor, at.variable, make([]int64, len(v.Classes))})
	}
	grew := int64(0)
	for x := range d.force[i].deltas {
		more, n := binary.Varint(d.rest)
		if n <= 0 {
			return errEnds
		}
		d.rest = d.rest[n:]
		// Within these bounds no sum overflows.
		const bound = 4 * maxDelta
		if more < -bound || more > bound || grew+more < -bound || grew+more > bound {
			return fmt.Errorf("a message to %s is out of bounds", v.Name)
		}
		grew += more
		delta := d.force[i].deltas[x] + grew
		if delta < -maxDelta || delta > maxDelta {
			return fmt.Errorf("a message to %s is out of bounds", v.Name)
		}
		d.force[i].deltas[x] = delta
	}
	return nil
}

// index reads a number below n.
func (d *decoder) index(what string, n int) (int, error) {
	x, k := binary.Uvarint(d.rest)
	if k <= 0 {
		return 0, errEnds
	}
	d.rest = d.rest[k:]
	if x >= uint64(n) {
		return 0, fmt.Errorf("%s %d is not below %d", what, x, n)
	}
	return int(x), nil
}

// validate reads all steps and checks that they are one tree.
func (p Proof) validate(vars []Variable, factors int) error {
	d := decoder{rest: p, vars: vars, factors: factors}
	for open := 1; open > 0; {
		if err := d.next(); err != nil {
			return fmt.Errorf("step %d: %w", d.steps, err)
		}
		switch d.step.kind {
		case wcsp.BoundStep:
			open--
		case wcsp.BranchStep:
			open++
		}
	}
	if len(d.rest) > 0 {
		return fmt.Errorf("%d bytes are left after step %d", len(d.rest), d.steps)
	}
	return nil
}

package certify

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/thamos/thamos/resolver/wcsp"
)

// A Proof is a wcsp.Proof in bytes, step after step; numbers are varints as
// encoding/binary has them. A step is its kind; for Bound and Fix the number of
// messages, for Branch its variable, the number of values and the values. A
// message is a factor, a variable, and for each class of the variable the
// difference of its delta from the one before: classes that are alike cost a
// byte.
type Proof []byte

// A step is one decoded step. Its slices are good until the next is read.
type step struct {
	kind     wcsp.StepKind
	messages []message
	variable int   // Branch
	values   []int // Branch: classes, ascending
}

// A message is one decoded message.
type message struct {
	factor, variable int
	deltas           []int64 // by class
}

// maxDelta bounds a delta. Sums are checked where they are made.
const maxDelta = 1 << 60

func (p Proof) number(n int) Proof { return binary.AppendUvarint(p, uint64(n)) }

// append adds a step. Its messages are of different pairs of factor and variable.
func (p Proof) append(s *step) Proof {
	p = append(p, byte(s.kind))
	if s.kind == wcsp.BranchStep {
		p = p.number(s.variable).number(len(s.values))
		for _, x := range s.values {
			p = p.number(x)
		}
		return p
	}
	p = p.number(len(s.messages))
	for i := range s.messages {
		m := &s.messages[i]
		p = p.number(m.factor).number(m.variable)
		before := int64(0)
		for _, d := range m.deltas {
			p = binary.AppendVarint(p, d-before)
			before = d
		}
	}
	return p
}

// A decoder reads a proof step by step, with bounds from outside: every number
// is an index of something that there is, and a step takes no more memory than
// eight times its bytes.
type decoder struct {
	rest    Proof
	vars    []Variable
	factors int
	steps   int // read so far
	step    step
	deltas  []int64
}

var errEnds = errors.New("it ends too early")

// next reads a step into d.step.
func (d *decoder) next() error {
	s := &d.step
	s.messages, s.values, d.deltas = s.messages[:0], s.values[:0], d.deltas[:0]
	if len(d.rest) == 0 {
		return errEnds
	}
	s.kind, d.rest = wcsp.StepKind(d.rest[0]), d.rest[1:]
	d.steps++
	switch s.kind {
	case wcsp.BoundStep, wcsp.FixStep:
		n, err := d.index("number of messages", len(d.rest)+1)
		for ; err == nil && n > 0; n-- {
			err = d.message()
		}
		return err
	case wcsp.BranchStep:
		return d.branch()
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

func (d *decoder) message() error {
	var m message
	var err error
	if m.factor, err = d.index("factor", d.factors); err != nil {
		return err
	}
	if m.variable, err = d.index("variable", len(d.vars)); err != nil {
		return err
	}
	begin := len(d.deltas)
	sum := int64(0)
	for range d.vars[m.variable].Classes {
		x, n := binary.Varint(d.rest)
		if n <= 0 {
			return errEnds
		}
		d.rest = d.rest[n:]
		// A sum within bounds and a difference within twice the bounds do not overflow.
		if x < -2*maxDelta || x > 2*maxDelta || sum+x < -maxDelta || sum+x > maxDelta {
			return fmt.Errorf("a message to %s is out of bounds", d.vars[m.variable].Name)
		}
		sum += x
		d.deltas = append(d.deltas, sum)
	}
	m.deltas = d.deltas[begin:len(d.deltas):len(d.deltas)]
	d.step.messages = append(d.step.messages, m)
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

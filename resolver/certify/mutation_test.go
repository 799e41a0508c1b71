package certify

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A specimen is a certificate that holds, with all that is known of it.
type specimen struct {
	*Certificate
	problem *resolver.Problem
	world   universe
	truth   truth
	plain   bool // no step has messages: where it branches, the bound alone does not do
	rng     *rand.Rand
}

// A mutation changes a certificate so that it must be refused; false if it cannot.
type mutation struct {
	name string
	do   func(s *specimen) bool
}

// nodes returns the steps of a stage, and the boxes before them.
func (s *specimen) nodes(stage *Stage) (steps []step, boxes []*box, p *proving) {
	m := modelOf(s.problem, s.world, s.Status == Infeasible)
	m.outrank()
	var idle [Levels]bool
	if s.Status != Infeasible {
		idle, _ = m.ceilings(&s.truth.stacks[0].worth)
	}
	o := &objective{weights: stage.Weights}
	for l := range stage.Level {
		o.closed[l] = stage.Weights[l] == 0 && idle[l]
	}
	p = &proving{network: m.newNetwork(o), stage: stage}
	if err := p.bind(); err != nil {
		panic(err)
	}
	root := p.newBox()
	p.propagate(root, nil)
	p.above = above(stage.Target, p.unit(o, root))
	d := decoder{rest: stage.Proof, vars: stage.Variables, factors: len(stage.Factors)}
	for open := []*box{root}; len(open) > 0; {
		boxes = append(boxes, open[len(open)-1].clone())
		if err := d.next(); err != nil {
			panic(err)
		}
		one := d.step
		one.values, one.messages = slices.Clone(one.values), slices.Clone(one.messages)
		for i := range one.messages {
			one.messages[i].deltas = slices.Clone(one.messages[i].deltas)
		}
		steps = append(steps, one)
		var err error
		if open, err = p.step(&one, open); err != nil {
			panic(err)
		}
	}
	return steps, boxes, p
}

// end returns where the subtree that begins at a step ends.
func end(steps []step, i int) int {
	for open := 1; open > 0; i++ {
		switch steps[i].kind {
		case wcsp.BoundStep:
			open--
		case wcsp.BranchStep:
			open++
		}
	}
	return i
}

func encode(steps []step) Proof {
	var e encoder
	for i := range steps {
		e.add(&steps[i])
	}
	return e.proof
}

// branch picks a branch of a plain proof.
func (s *specimen) branch() (stage *Stage, steps []step, at int, ok bool) {
	if !s.plain || len(s.Stages) == 0 {
		return nil, nil, 0, false
	}
	stage = &s.Stages[s.rng.IntN(len(s.Stages))]
	steps, _, _ = s.nodes(stage)
	var all []int
	for i := range steps {
		if steps[i].kind == wcsp.BranchStep {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil, nil, 0, false
	}
	return stage, steps, all[s.rng.IntN(len(all))], true
}

func (s *specimen) stage() *Stage {
	if len(s.Stages) == 0 {
		return nil
	}
	return &s.Stages[s.rng.IntN(len(s.Stages))]
}

var mutations = []mutation{
	{"another release in the stack", func(s *specimen) bool {
		if len(s.Stack) == 0 {
			return false
		}
		worth := s.truth.stacks[0].worth
		e := &s.Stack[s.rng.IntN(len(s.Stack))]
		releases := s.world[e.Name].Releases
		e.Version = releases[s.rng.IntN(len(releases))].Version.String()
		return !slices.ContainsFunc(s.truth.stacks, func(t trueStack) bool {
			return printStack(t.entries) == printStack(s.Stack) && t.worth == worth
		})
	}},
	{"a package less", func(s *specimen) bool {
		if len(s.Stack) == 0 {
			return false
		}
		i := s.rng.IntN(len(s.Stack))
		s.Stack = slices.Delete(s.Stack, i, i+1)
		return true // every package is needed by somebody
	}},
	{"another extra", func(s *specimen) bool {
		if len(s.Stack) == 0 {
			return false
		}
		e := &s.Stack[s.rng.IntN(len(s.Stack))]
		if len(e.Extras) > 0 {
			e.Extras = e.Extras[1:]
		} else {
			e.Extras = append(e.Extras, "x")
		}
		return true
	}},
	{"another score", func(s *specimen) bool {
		s.Score[s.rng.IntN(len(s.Score))] += 1 - 2*s.rng.Int64N(2)
		return true
	}},
	{"another target", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil {
			return false
		}
		stage.Target += []int64{-7, -1, 1}[s.rng.IntN(3)]
		return true
	}},
	{"a weight that is not positive", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil || s.Status == Infeasible {
			return false
		}
		stage.Weights[stage.Level] *= -s.rng.Int64N(2)
		return true
	}},
	{"the weight of a later level", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil || stage.Level == Levels-1 {
			return false
		}
		stage.Weights[stage.Level+1+s.rng.IntN(Levels-1-stage.Level)] = 1
		return true
	}},
	{"the last stage is missing", func(s *specimen) bool {
		if len(s.Stages) == 0 {
			return false
		}
		s.Stages = s.Stages[:len(s.Stages)-1]
		return true
	}},
	{"another status", func(s *specimen) bool {
		if s.Status == Infeasible {
			s.Status = Optimal
		} else {
			s.Status = []Status{Infeasible, Within, "best"}[s.rng.IntN(3)]
		}
		return true
	}},
	{"the end of a proof is missing", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil {
			return false
		}
		stage.Proof = stage.Proof[:s.rng.IntN(len(stage.Proof))]
		return true
	}},
	{"something follows a proof", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil {
			return false
		}
		stage.Proof = append(slices.Clone(stage.Proof), 0, 0)
		return true
	}},
	{"a branch is only a bound", func(s *specimen) bool {
		stage, steps, i, ok := s.branch()
		if ok {
			stage.Proof = encode(slices.Replace(steps, i, end(steps, i), step{kind: wcsp.BoundStep}))
		}
		return ok
	}},
	{"half a branch is missing", func(s *specimen) bool {
		stage, steps, i, ok := s.branch()
		if !ok {
			return false
		}
		half := end(steps, i+1)
		second := end(steps, half)
		switch {
		case half == i+2: // the first half is a bound, which does not do for the whole
			stage.Proof = encode(append(append(steps[:i:i], steps[i+1]), steps[second:]...))
		case second == half+1:
			stage.Proof = encode(append(append(steps[:i:i], steps[half]), steps[second:]...))
		default:
			return false
		}
		return true
	}},
	{"a branch on nothing", func(s *specimen) bool {
		stage, steps, i, ok := s.branch()
		if !ok {
			return false
		}
		half := end(steps, i+1)
		if end(steps, half) != half+1 {
			return false
		}
		steps[i].values = nil // the second half, a bound, is the whole
		stage.Proof = encode(steps)
		return true
	}},
	{"a branch on everything", func(s *specimen) bool {
		stage, steps, i, ok := s.branch()
		if !ok || end(steps, i+1) != i+2 {
			return false
		}
		steps[i].values = nil // the first half, a bound, is the whole
		for x := range stage.Variables[steps[i].variable].Classes {
			steps[i].values = append(steps[i].values, x)
		}
		stage.Proof = encode(steps)
		return true
	}},
	{"a message to one value", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil || s.plain {
			return false
		}
		steps, boxes, p := s.nodes(stage)
		i := s.rng.IntN(len(steps))
		for k := range steps { // the next with messages
			if steps[i].kind == wcsp.BoundStep && !boxes[i].empty && len(steps[i].messages) > 0 {
				break
			}
			if i = (i + 1) % len(steps); k == len(steps)-1 {
				return false
			}
		}
		m := &steps[i].messages[s.rng.IntN(len(steps[i].messages))]
		left, count, last := boxes[i].of(p.vars[m.variable]), 0, -1
		for x, class := range p.classes[m.variable] {
			if class.meets(left) {
				count, last = count+1, x
			}
		}
		if stage.Factors[m.factor].Pair == nil || count < 2 {
			return false // what it gives the value the factor may lose
		}
		m.deltas[last] += 1 << 50
		stage.Proof = encode(steps)
		return true
	}},
	{"a message too large", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil || s.plain {
			return false
		}
		steps, _, _ := s.nodes(stage)
		i := s.rng.IntN(len(steps))
		if len(steps[i].messages) == 0 {
			return false
		}
		m := &steps[i].messages[s.rng.IntN(len(steps[i].messages))]
		if len(m.deltas) == 0 {
			return false
		}
		m.deltas[s.rng.IntN(len(m.deltas))] = maxDelta + 1
		stage.Proof = encode(steps)
		return true
	}},
	{"a class is missing", func(s *specimen) bool {
		return s.class(func(v *Variable, x int) { v.Classes[x] = []string{"0.0.1"} })
	}},
	{"a release is missing", func(s *specimen) bool {
		return s.class(func(v *Variable, x int) {
			if len(v.Classes[x]) == 0 {
				v.Classes[x] = nil // absence
				v.Classes = slices.Delete(v.Classes, x, x+1)
				return
			}
			v.Classes[x] = v.Classes[x][1:]
		})
	}},
	{"a release is in two classes", func(s *specimen) bool {
		return s.class(func(v *Variable, x int) { v.Classes = append(v.Classes, v.Classes[x]) })
	}},
	{"a variable is missing", func(s *specimen) bool {
		return s.class(func(v *Variable, _ int) { v.Name, v.Classes = "nobody", nil })
	}},
	{"a variable is another's", func(s *specimen) bool {
		stage := s.stage()
		return stage != nil && len(stage.Variables) > 1 &&
			s.class(func(v *Variable, _ int) { v.Name = stage.Variables[0].Name }) && stage.Variables[0].Name == stage.Variables[1].Name
	}},
	{"a factor of nobody", func(s *specimen) bool {
		stage := s.stage()
		if stage == nil || len(stage.Factors) == 0 {
			return false
		}
		f := &stage.Factors[s.rng.IntN(len(stage.Factors))]
		*f = []Factor{{Pair: []string{"a", "nobody"}}, {Group: "0"}, {Presence: "nobody"}, {Loop: []string{"a"}}, {}}[s.rng.IntN(5)]
		return true
	}},
}

// class changes a class of which the root box has a value.
func (s *specimen) class(change func(v *Variable, x int)) bool {
	stage := s.stage()
	if stage == nil {
		return false
	}
	_, boxes, p := s.nodes(stage)
	if boxes[0].empty || len(stage.Variables) == 0 {
		return false
	}
	i := s.rng.IntN(len(stage.Variables))
	x := s.rng.IntN(len(stage.Variables[i].Classes))
	left := boxes[0].of(p.vars[i])
	if !p.classes[i][x].meets(left) {
		return false
	}
	change(&stage.Variables[i], x)
	return true
}

// TestMutations: a certificate of which the claim or the proof is changed so that
// it does not hold is refused, always.
func TestMutations(t *testing.T) {
	ctx := context.Background()
	counts := make([]int, len(mutations))
	total := 0
	for seed := uint64(0); seed < 500 && slices.Min(counts) < 10; seed++ {
		rng := rand.New(rand.NewPCG(seed, 4))
		u, text := drawWorld(rng)
		if seed%4 > 1 {
			u, text = drawFrustrated(rng)
		}
		p := parseProblem(u, text)
		truth := bruteForce(p, u, modelOf(p, u, false))
		var best *trueStack
		if len(truth.stacks) > 0 {
			best = &truth.stacks[0]
		}
		s := specimen{problem: p, world: u, truth: truth, plain: seed%2 == 0, rng: rng}
		messages := rng
		if s.plain {
			messages = nil
		}
		whole, ok := certify(p, u, best, messages)
		if !ok {
			t.Fatalf("seed %d: it cannot be proved", seed)
		}
		var file bytes.Buffer
		if err := Write(&file, whole); err != nil {
			t.Fatal(err)
		}
		for i, m := range mutations {
			if counts[i] == 50 {
				continue
			}
			var err error
			if s.Certificate, err = Read(bytes.NewReader(file.Bytes())); err != nil {
				t.Fatal(err)
			}
			for k := range s.Stages { // of its own
				s.Stages[k].Variables = slices.Clone(s.Stages[k].Variables)
				for v := range s.Stages[k].Variables {
					s.Stages[k].Variables[v].Classes = slices.Clone(s.Stages[k].Variables[v].Classes)
				}
				s.Stages[k].Factors = slices.Clone(s.Stages[k].Factors)
			}
			if !m.do(&s) {
				continue
			}
			counts[i]++
			total++
			if _, err := Check(ctx, s.Certificate, p, u); err == nil {
				t.Fatalf("seed %d: %s: accepted\n%s", seed, m.name, text)
			}
		}
	}
	for i, m := range mutations {
		t.Logf("%4d %s", counts[i], m.name)
		if counts[i] < 10 {
			t.Errorf("only %d times: %s", counts[i], m.name)
		}
	}
	if total < 1000 {
		t.Errorf("only %d mutations", total)
	}
}

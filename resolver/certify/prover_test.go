package certify

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// A truth is what brute force knows of a world: every stack, with what it is
// worth. Stacks are judged by resolver.Verify.
type truth struct {
	stacks []trueStack // best first
}

type trueStack struct {
	entries []Entry
	worth   Worth
}

// bruteForce tries every choice of releases.
func bruteForce(p *resolver.Problem, u universe, m *model) truth {
	ctx := context.Background()
	var t truth
	var names []py.Name
	for n := range u {
		if m.byName[n] != nil && !m.byName[n].skip {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var stack []resolver.Choice
	var try func(i int)
	try = func(i int) {
		if i < len(names) {
			try(i + 1)
			for k := range u[names[i]].Releases {
				r := &u[names[i]].Releases[k]
				stack = append(stack, resolver.Choice{Package: py.Package{Name: names[i], Version: r.Version}, Release: r})
				try(i + 1)
				stack = stack[:len(stack)-1]
			}
			return
		}
		if resolver.Verify(ctx, p, u, stack) == nil {
			t.stacks = append(t.stacks, trueStack{entriesOf(p, u, stack), worthOf(p, u, stack, m)})
		}
	}
	try(0)
	slices.SortStableFunc(t.stacks, func(a, b trueStack) int { return slices.Compare(b.worth[:], a.worth[:]) })
	return t
}

// entriesOf adds the extras to a stack, by going through what it requires until
// nothing new is asked for.
func entriesOf(p *resolver.Problem, u universe, stack []resolver.Choice) []Entry {
	j, _ := p.Pipeline.(*judgeText)
	asked := map[py.Name][]py.Name{}
	count := 0
	ask := func(r py.Requirement) {
		for _, x := range r.Extras {
			if !slices.Contains(asked[r.Name], x) {
				asked[r.Name] = append(asked[r.Name], x)
				count++
			}
		}
	}
	for before := -1; before != count; {
		before = count
		for _, r := range p.Requirements {
			if ok, _ := r.Marker.Evaluate(p.Environment, ""); ok {
				ask(r.Requirement)
			}
		}
		for _, c := range stack {
			var lines []py.Requirement
			for _, l := range c.Release.Requires.Lines {
				lines = append(lines, requirement(l))
			}
			for _, l := range judgeLines(j) {
				if r, err := py.ParseRequirement(l[1]); err != nil || r.Name != c.Name || !r.Specifiers.Contains(c.Version) {
					continue
				}
				switch l[0] {
				case "drop":
					lines = slices.DeleteFunc(lines, func(r py.Requirement) bool { return string(r.Name) == l[2] })
				case "add":
					lines = append(lines, requirement(l[2]))
				}
			}
			for _, r := range lines {
				for _, x := range append([]py.Name{""}, asked[c.Name]...) {
					if ok, _ := r.Marker.Evaluate(p.Environment, x); ok {
						ask(r)
					}
				}
			}
		}
	}
	var all []Entry
	for _, c := range stack {
		e := Entry{Name: c.Name, Version: c.Version.String(), Extras: asked[c.Name]}
		slices.Sort(e.Extras)
		all = append(all, e)
	}
	return all
}

func judgeLines(j *judgeText) [][]string {
	if j == nil {
		return nil
	}
	return j.lines
}

// worthOf sums the terms of a stack up, from the judge's text.
func worthOf(p *resolver.Problem, u universe, stack []resolver.Choice, m *model) (w Worth) {
	j, _ := p.Pipeline.(*judgeText)
	for _, l := range judgeLines(j) {
		if l[0] != "term" {
			continue
		}
		holds := true
		for _, text := range l[3:] {
			r := requirement(text)
			holds = holds && slices.ContainsFunc(stack, func(c resolver.Choice) bool {
				return c.Name == r.Name && r.Specifiers.Contains(c.Version)
			})
		}
		if holds {
			var tier int
			var score int64
			fmt.Sscan(l[1], &tier)
			fmt.Sscan(l[2], &score)
			w[levelOf(resolver.Tier(tier))] += score
		}
	}
	for _, c := range stack {
		if c.Version.Prerelease() && p.Prereleases == resolver.IfNecessary &&
			slices.ContainsFunc(m.byName[c.Name].options, func(o *option) bool { return o.reached && !o.version.Prerelease() }) {
			w[PrereleaseLevel]--
		}
	}
	return w
}

// A prover makes certificates by branching until the bound suffices, or until
// nothing is left to branch on: then it claims what is not true.
type prover struct {
	*network
	names   Names
	classes [][]bitset
	limit   int64
	rng     *rand.Rand // for messages; nil for none
	proof   wcsp.Proof
	failed  bool
}

// modelOf reads a world.
func modelOf(p *resolver.Problem, u resolver.Knowledge, hopeful bool) *model {
	w, err := explore(context.Background(), p, u, hopeful)
	if err != nil {
		panic(err)
	}
	m := newModel(w)
	if err := m.judge(context.Background()); err != nil {
		panic(err)
	}
	return m
}

// certify makes the certificate that a stack is best (nil: that there is none),
// whether or not that is so; ok says whether the proof succeeds.
func certify(p *resolver.Problem, u resolver.Knowledge, s *trueStack, rng *rand.Rand) (c *Certificate, ok bool) {
	c = &Certificate{Schema: Schema, Thamos: "test", Knowledge: "0", Problem: json.RawMessage(`{"test": true}`), Status: Infeasible}
	m := modelOf(p, u, s == nil)
	if s == nil {
		m.outrank()
		stage, ok := m.prove(0, &objective{}, -1, rng)
		c.Stages = []Stage{stage}
		return c, ok
	}
	c.Status, c.Stack, c.Score = Optimal, s.entries, s.worth.score()
	m.outrank()
	idle, topped := m.ceilings(&s.worth)
	ok = true
	for l := range Levels {
		if topped[l] {
			continue
		}
		o := &objective{}
		loss := int64(0) // an earlier level must outweigh what the later can lose
		for k := l; k >= 0; k-- {
			if o.closed[k] = idle[k]; !idle[k] {
				if o.weights[k] = loss + 1; rng != nil {
					o.weights[k] += rng.Int64N(3)
				}
				loss += o.weights[k] * 2 * m.sizes[k]
			}
		}
		stage, fine := m.prove(l, o, o.of(&s.worth), rng)
		c.Stages = append(c.Stages, stage)
		ok = ok && fine
	}
	return c, ok
}

// prove makes one stage.
func (m *model) prove(level int, o *objective, target int64, rng *rand.Rand) (Stage, bool) {
	p := &prover{network: m.newNetwork(o), limit: (target + 1) * wcsp.Scale, rng: rng}
	p.name()
	root := p.newBox()
	p.propagate(root, nil)
	p.node(root)
	s, err := FromProof(&p.names, level, o.weights, target, p.proof)
	if err != nil {
		panic(err)
	}
	return s, !p.failed
}

// name makes a class of every release, and some classes of releases that the
// checker drops.
func (p *prover) name() {
	for id, v := range p.network.vars {
		out := Variable{Name: v.name}
		var classes []bitset
		class := func(labels []string, x ...int) {
			b := newBits(len(v.needs))
			for _, k := range x {
				b.add(k)
			}
			out.Classes, classes = append(out.Classes, labels), append(classes, b)
		}
		if v.optional {
			class([]string{}, 0)
		}
		for i, o := range v.project.options {
			if v.start.has(i + 1) {
				class([]string{o.label}, i+1)
			}
		}
		p.names.Variables, p.classes = append(p.names.Variables, out), append(p.classes, classes)
		_ = id
	}
	for _, t := range p.tables {
		p.names.Pairs = append(p.names.Pairs, [2]int32{int32(t.a), int32(t.b)})
	}
	for id := range p.groups {
		p.names.Groups = append(p.names.Groups, id)
	}
	slices.Sort(p.names.Groups)
}

func (p *prover) node(b *box) {
	if b.empty {
		p.proof = append(p.proof, wcsp.Step{Kind: wcsp.BoundStep, Messages: p.messages(b)})
		return
	}
	for range 3 {
		step := wcsp.Step{Kind: wcsp.BoundStep, Messages: p.messages(b)}
		if _, bound := p.try(b, &step, false); bound < p.limit {
			p.proof = append(p.proof, step)
			return
		}
		if p.rng != nil && p.rng.IntN(2) == 0 {
			step.Kind = wcsp.FixStep
			p.proof = append(p.proof, step)
			e, bound := p.try(b, &step, true)
			changed, err := e.fix(bound, p.limit)
			if err != nil {
				panic(err)
			}
			if len(changed) > 0 {
				p.propagate(b, changed)
			}
			if b.empty {
				p.node(b)
				return
			}
		}
	}
	for id := range p.network.vars {
		step := wcsp.Step{Kind: wcsp.BranchStep, Var: int32(id)}
		left := b.of(id)
		for x, class := range p.classes[id] {
			if class.meets(left) {
				step.Values = append(step.Values, int32(x))
			}
		}
		if len(step.Values) < 2 {
			continue
		}
		step.Values = step.Values[:1]
		if p.rng != nil {
			step.Values = append(step.Values, step.Values[0]) // twice counts once
		}
		step.Values = slices.Compact(step.Values)
		p.proof = append(p.proof, step)
		in, out := b.clone(), b.clone()
		in.of(id).keep(p.classes[id][step.Values[0]])
		out.of(id).drop(p.classes[id][step.Values[0]])
		for _, half := range []*box{in, out} {
			p.propagate(half, []int{id})
			p.node(half)
		}
		return
	}
	step := wcsp.Step{Kind: wcsp.BoundStep}
	_, bound := p.try(b, &step, false)
	p.failed = p.failed || bound >= p.limit
	p.proof = append(p.proof, step)
}

// try evaluates a step as the checker does.
func (p *prover) try(b *box, s *wcsp.Step, fix bool) (*evaluation, int64) {
	stage, err := FromProof(&p.names, 0, Worth{}, 0, wcsp.Proof{{Kind: wcsp.BoundStep, Messages: s.Messages}})
	if err != nil {
		panic(err)
	}
	bind := proving{network: p.network, stage: &stage}
	if err := bind.bind(); err != nil {
		panic(err)
	}
	d := decoder{rest: stage.Proof, vars: stage.Variables, factors: len(stage.Factors)}
	if err := d.next(); err != nil {
		panic(err)
	}
	messages, err := bind.messages(&d.step)
	if err != nil {
		panic(err)
	}
	e, bound, err := p.evaluate(b, messages, fix)
	if err != nil {
		panic(err)
	}
	return e, bound
}

// messages draws some messages.
func (p *prover) messages(b *box) (all []wcsp.Message) {
	if p.rng == nil {
		return nil
	}
	for range p.rng.IntN(8) {
		var f wcsp.Factor
		var of []int
		switch k := p.rng.IntN(4); {
		case k == 0 && len(p.tables) > 0:
			f.Index = int32(p.rng.IntN(len(p.tables)))
			of = []int{p.tables[f.Index].a, p.tables[f.Index].b}
		case k == 1 && len(p.names.Groups) > 0:
			f = wcsp.Factor{Kind: wcsp.GroupFactor, Index: int32(p.rng.IntN(len(p.names.Groups)))}
			for _, m := range p.groups[p.names.Groups[f.Index]].members {
				of = append(of, m.variable)
			}
		case k >= 2 && len(p.network.vars) > 0:
			v := p.rng.IntN(len(p.network.vars))
			if !p.network.vars[v].optional {
				continue
			}
			f = wcsp.Factor{Kind: wcsp.PresenceFactor, Index: int32(v)}
			many, err := p.presence(v)
			if k == 3 {
				f.Kind, f.Loop = wcsp.LoopFactor, []int32{int32(v)}
				loop := []int{v}
				for u := range p.network.vars {
					if u != v && p.network.vars[u].optional && p.rng.IntN(2) == 0 {
						f.Loop, loop = append(f.Loop, int32(u)), append(loop, u)
					}
				}
				slices.Sort(f.Loop)
				many, err = p.loop(v, loop)
			}
			if err != nil {
				panic(err)
			}
			of = []int{v}
			for _, m := range many.members {
				of = append(of, m.variable)
			}
		default:
			continue
		}
		for _, v := range of {
			m := wcsp.Message{Factor: f, Var: int32(v), Deltas: make([]int64, len(p.names.Variables[v].Classes))}
			for x := range m.Deltas {
				if p.rng.IntN(3) == 0 {
					m.Deltas[x] = p.rng.Int64N(3*wcsp.Scale) - 3*wcsp.Scale/2
				}
			}
			all = append(all, m)
		}
	}
	return all
}

// printStack is entries as text.
func printStack(all []Entry) string {
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%s%v==%s ", e.Name, e.Extras, e.label())
	}
	return b.String()
}

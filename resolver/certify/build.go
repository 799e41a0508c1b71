package certify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// Names say what the numbers of a network stand for.
type Names struct {
	Variables []Variable // by variable, with its values
	Pairs     [][2]int32 // by pair: its two variables
	Groups    []string   // by group: GroupID of its term's members
}

// GroupID names a term of three or more members by its members alone, as the
// pipeline gave them: terms that look at the same are one factor.
func GroupID(members []resolver.Member) string {
	sorted := slices.SortedFunc(slices.Values(members), func(a, b resolver.Member) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), slices.Compare(a.Releases, b.Releases))
	})
	var b strings.Builder
	for _, m := range sorted {
		fmt.Fprintf(&b, "%s", m.Project)
		for _, w := range m.Releases { // none is all of them
			fmt.Fprintf(&b, " %x", w)
		}
		b.WriteByte('\n')
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

// StageOf makes a stage of what a search proved.
func StageOf(p *resolver.StageProof) (Stage, error) {
	names := Names{Pairs: p.Pairs}
	for _, v := range p.Variables {
		out := Variable{Name: string(v.Project)}
		if v.Extra != "" {
			out.Name += "[" + string(v.Extra) + "]"
		}
		for _, releases := range v.Values {
			class := []string{}
			for _, r := range releases {
				class = append(class, Label(r.Version, r.By))
			}
			out.Classes = append(out.Classes, class)
		}
		names.Variables = append(names.Variables, out)
	}
	for _, members := range p.Groups {
		names.Groups = append(names.Groups, GroupID(members))
	}
	return FromProof(&names, int(p.Rank), p.Weights, p.Target, p.Proof)
}

// FromProof makes a stage of the proof that a search gave for one network. It
// fails if the proof names what is not in names.
func FromProof(names *Names, level int, weights Worth, target int64, proof wcsp.Proof) (Stage, error) {
	s := Stage{Level: level, Weights: weights, Target: target, Variables: names.Variables}
	b := builder{names: names, stage: &s, known: map[factorKey]int{}, placed: map[place]int{}}
	var e encoder
	var out step
	for i := range proof {
		in := &proof[i]
		out.kind = in.Kind
		out.messages, out.values, out.variable = nil, nil, int(in.Var)
		for _, x := range in.Values {
			out.values = append(out.values, int(x))
		}
		slices.Sort(out.values)
		clear(b.placed)
		for k := range in.Messages {
			if err := b.message(&out, &in.Messages[k]); err != nil {
				return s, fmt.Errorf("step %d, message %d: %w", i, k, err)
			}
		}
		e.add(&out)
	}
	s.Proof = e.proof
	return s, s.Proof.validate(s.Variables, len(s.Factors))
}

type builder struct {
	names *Names
	stage *Stage
	known map[factorKey]int // factors, by what they are

	placed map[place]int // messages of a step, by factor and variable
}

type factorKey struct {
	kind wcsp.FactorKind
	a, b int32
	text string // of a group or a loop
}

// message adds a message, or adds it to one of the same factor and variable.
func (b *builder) message(s *step, m *wcsp.Message) error {
	factor, err := b.factor(&m.Factor)
	if err != nil {
		return err
	}
	v, err := at(b.names.Variables, m.Var, "variable")
	if err != nil {
		return err
	}
	if len(m.Deltas) != len(v.Classes) {
		return fmt.Errorf("%d deltas for the %d values of %s", len(m.Deltas), len(v.Classes), v.Name)
	}
	key := place{factor, int(m.Var)}
	if i, ok := b.placed[key]; ok {
		same := &s.messages[i]
		same.deltas = slices.Clone(same.deltas)
		for x := range same.deltas {
			same.deltas[x] += m.Deltas[x]
		}
		return nil
	}
	b.placed[key] = len(s.messages)
	s.messages = append(s.messages, message{factor, int(m.Var), m.Deltas})
	return nil
}

// factor returns the number of a factor in the stage, adding it if it is new.
func (b *builder) factor(in *wcsp.Factor) (int, error) {
	var f Factor
	var vars []int32
	key := factorKey{kind: in.Kind}
	switch in.Kind {
	case wcsp.PairFactor:
		p, err := at(b.names.Pairs, in.Index, "pair")
		if err != nil {
			return 0, err
		}
		vars = p[:]
		key.a, key.b = min(p[0], p[1]), max(p[0], p[1])
	case wcsp.GroupFactor:
		id, err := at(b.names.Groups, in.Index, "group")
		if err != nil {
			return 0, err
		}
		f.Group, key.text = id, id
	case wcsp.PresenceFactor:
		vars = []int32{in.Index}
		key.a = in.Index
	case wcsp.LoopFactor:
		vars = append([]int32{in.Index}, in.Loop...)
		key.text = fmt.Sprint(vars)
	default:
		return 0, fmt.Errorf("kind %d of a factor is not known", in.Kind)
	}
	if i, ok := b.known[key]; ok {
		return i, nil
	}
	var of []string
	for _, id := range vars {
		v, err := at(b.names.Variables, id, "variable")
		if err != nil {
			return 0, err
		}
		of = append(of, v.Name)
	}
	switch in.Kind {
	case wcsp.PairFactor:
		f.Pair = of
	case wcsp.PresenceFactor:
		f.Presence = of[0]
	case wcsp.LoopFactor:
		f.Loop = of
	}
	b.known[key] = len(b.stage.Factors)
	b.stage.Factors = append(b.stage.Factors, f)
	return b.known[key], nil
}

// at returns element i of all, or an error.
func at[T any](all []T, i int32, what string) (T, error) {
	if i < 0 || int(i) >= len(all) {
		var none T
		return none, fmt.Errorf("there is no %s %d", what, i)
	}
	return all[i], nil
}

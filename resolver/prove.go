package resolver

import (
	"context"
	"slices"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver/exact"
	"github.com/thamos/thamos/resolver/wcsp"
)

// Ranks is how many ranks stacks are compared by.
const Ranks = levels

// A StageProof proves that no stack has more than Target of one sum of ranks,
// and with the stages before it that the stack is the best until Rank. What the
// proof's numbers stand for is beside it.
type StageProof struct {
	Rank    Rank
	Weights [Ranks]int64 // of what each rank counts; 0 where stacks are to pay nothing
	Target  int64
	Proof   wcsp.Proof

	Variables []VariableName
	Pairs     [][2]int32 // by pair: its variables
	Groups    [][]Member // by group: its term's members
}

// A VariableName says which project a variable is, or which extra of it, and
// which releases its values are; absence has none.
type VariableName struct {
	Project py.Name
	Extra   py.Name // empty for the project itself
	Values  [][]NamedRelease
}

// A NamedRelease is a release, perhaps one for which another project's stands in.
type NamedRelease struct {
	Version py.Version
	By      *py.Package
}

// Prove returns the proofs of the report's Optimum, one for each rank that was
// searched: that the stack is the best there is, or of the open rank that no
// stack is above its bound. Each proof may take budget units of work (0: any
// amount). It fails if that does not suffice.
func (r *Report) Prove(ctx context.Context, budget int64) ([]StageProof, error) {
	if r.search == nil {
		return nil, nil // nothing is worth anything: nothing is to be proved
	}
	var all []StageProof
	for i := range r.search.stages {
		s := &r.search.stages[i]
		if s.bound == wcsp.Unbounded {
			break
		}
		proof, err := exact.Prove(ctx, s.mapping.net, s.bound, budget)
		if err != nil {
			return nil, err
		}
		all = append(all, s.mapping.named(StageProof{Rank: s.rank, Weights: s.objective.weights, Target: s.bound * s.mapping.unit, Proof: s.mapping.multiply(proof)}))
		if s.bound > s.best {
			break // what comes after stands on what is not proved
		}
	}
	return all, nil
}

// ProveNone returns the proof that a problem has no stack, of which Solve says
// so: in it every stack is worth 0, and none has more than -1. What is unknown is
// taken at its most helpful where that could matter. It fails if budget units of
// work (0: any amount) do not suffice.
func ProveNone(ctx context.Context, p *Problem, k Knowledge, budget int64) (StageProof, error) {
	c, err := newClosure(ctx, p, k, noHope)
	if err == nil && !c.complete() {
		c, err = newClosure(ctx, p, k, fullHope)
	}
	if err != nil {
		return StageProof{}, err
	}
	m := newSpace(c).network(new(objective))
	proof := wcsp.Proof{{Kind: wcsp.BoundStep}}
	if !slices.ContainsFunc(m.net.Vars, func(v wcsp.Var) bool { return len(v.Unary) == 0 }) {
		if proof, err = exact.Prove(ctx, m.net, -1, budget); err != nil {
			return StageProof{}, err
		}
	}
	return m.named(StageProof{Target: -1, Proof: proof}), nil // all scores are 0
}

// multiply gives a proof the units of the objective. Steps may share messages.
func (m *mapping) multiply(proof wcsp.Proof) wcsp.Proof {
	out := slices.Clone(proof)
	for i := range out {
		out[i].Messages = slices.Clone(out[i].Messages)
		for k := range out[i].Messages {
			deltas := slices.Clone(out[i].Messages[k].Deltas)
			for x := range deltas {
				deltas[x] *= m.unit
			}
			out[i].Messages[k].Deltas = deltas
		}
	}
	return out
}

// named adds what the numbers of the network stand for.
func (m *mapping) named(s StageProof) StageProof {
	for id := range m.vars {
		v := &m.vars[id]
		p := m.closure.projects[v.project]
		name := VariableName{Project: p.name}
		if v.extra >= 0 {
			name.Extra = p.extras[v.extra]
		}
		for _, x := range m.values[id] {
			var releases []NamedRelease
			for _, i := range v.values[x] {
				one := NamedRelease{Version: p.releases[i].Version}
				if in := p.releases[i].standIn; in != nil {
					one.By = &in.By
				}
				releases = append(releases, one)
			}
			name.Values = append(name.Values, releases)
		}
		s.Variables = append(s.Variables, name)
	}
	for i := range m.net.Pairs {
		s.Pairs = append(s.Pairs, [2]int32{m.net.Pairs[i].A, m.net.Pairs[i].B})
	}
	for _, t := range m.groups {
		s.Groups = append(s.Groups, t.Members)
	}
	return s
}

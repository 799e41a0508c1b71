package certify

import (
	"encoding/json"
	"fmt"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// Schema names the format. A reader refuses every other one.
const Schema = "thamos.certificate/1"

// Levels is how many levels an objective has, the most important first: the tiers
// of resolver.Score before the last, then PrereleaseLevel, then the last tier.
const Levels = resolver.Tiers + 1

const (
	// PrereleaseLevel counts, negatively, the pre-releases that are chosen
	// although their project has a final release that could be.
	PrereleaseLevel = Levels - 2
	lastLevel       = Levels - 1
)

// Worth is what something is worth, by level.
type Worth [Levels]int64

// A Certificate is the file. Everything in it is a claim.
type Certificate struct {
	Schema    string `json:"schema"`
	Thamos    string `json:"thamos"`    // the version that wrote it
	Knowledge string `json:"knowledge"` // digest of the knowledge base

	// Problem is what the command needs to ask the same question again; it means
	// nothing here. ProblemDigest is the SHA-256 of its compact form, in hex:
	// Write fills it in and Read compares it.
	Problem       json.RawMessage `json:"problem"`
	ProblemDigest string          `json:"problemDigest"`

	Status Status `json:"status"`

	// Stack is sorted by name, and empty if Status is Infeasible.
	Stack []Entry        `json:"stack"`
	Score resolver.Score `json:"score"` // in millionths, by tier

	// Bound is claimed by Within, and may be by Budget.
	Bound *Bound `json:"bound,omitempty"`

	// Stages prove it, in the order of their levels. An Infeasible certificate
	// has one.
	Stages []Stage `json:"stages"`

	Work int64 `json:"work"` // that the search did, see wcsp.Stats
}

// A Status says what a certificate claims.
type Status string

const (
	Optimal    Status = "optimal"    // no stack is better
	Within     Status = "within"     // no stack is better than the bound
	Budget     Status = "budget"     // the search ended early; no stack is better than the bound, if there is one
	Infeasible Status = "infeasible" // there is no stack
)

// An Entry is one package of a stack, or one that another stands in for.
type Entry struct {
	Name    py.Name   `json:"name"`
	Version string    `json:"version"`
	Extras  []py.Name `json:"extras,omitempty"` // that are asked for, sorted

	// By is the package of the stack that stands in for this one, as
	// "name==version"; empty for what is itself in the stack.
	By string `json:"by,omitempty"`
}

// A Bound says that no stack is better than one that is like the certificate's
// before Level, and has Value there.
type Bound struct {
	Level int   `json:"level"`
	Value int64 `json:"value"`
}

// A Stage proves one level: that no stack's weighted sum of levels is more than
// Target.
type Stage struct {
	Level int `json:"level"`

	// Weights are positive at Level and at the levels before it that count. Levels
	// before it may have weight 0 if no stack can have more there than the
	// certificate's. If moreover nothing can be earned there and the stack pays
	// nothing, they are closed: the stage is about stacks that pay nothing of them.
	// An Infeasible certificate's stage has level 0, no weights and target -1:
	// the sum of every stack is 0, and none has less.
	Weights Worth `json:"weights"`
	Target  int64 `json:"target"`

	// Variables and Factors are what the proof names, by index. Empty ones are
	// those of the stage before.
	Variables []Variable `json:"variables,omitempty"`
	Factors   []Factor   `json:"factors,omitempty"`

	Proof Proof `json:"proof"`
}

// A Variable is a project ("name") or an extra of one ("name[extra]"). Its values
// are classes of releases, by their Label; the class without releases is absence.
// Nothing is believed of classes: messages to one are messages to each release.
type Variable struct {
	Name    string     `json:"name"`
	Classes [][]string `json:"classes"`
}

// A Factor ties variables together, see wcsp.Factor. One field is set.
type Factor struct {
	Pair     []string `json:"pair,omitempty"`     // two variables
	Group    string   `json:"group,omitempty"`    // see GroupID
	Presence string   `json:"presence,omitempty"` // a variable
	Loop     []string `json:"loop,omitempty"`     // a variable, and then all of the loop
}

// Label is how classes call a release: its version, and for one that stands in
// for it also that package, as "1.0 by other==2.0". The release that a project
// of which nothing is known is hoped to have is "?".
func Label(version py.Version, by *py.Package) string {
	switch {
	case by != nil:
		return version.String() + " by " + by.String()
	case version.IsZero():
		return "?"
	}
	return version.String()
}

// label is how classes call what the entry chooses.
func (e *Entry) label() string {
	if e.By != "" {
		return e.Version + " by " + e.By
	}
	return e.Version
}

// validate checks what can be checked without the knowledge.
func (c *Certificate) validate() error {
	if c.Schema != Schema {
		return fmt.Errorf("schema %q is not %q", c.Schema, Schema)
	}
	switch bounded := c.Bound != nil; c.Status {
	case Optimal:
		if bounded {
			return fmt.Errorf("status %s has a bound", c.Status)
		}
	case Infeasible:
		if bounded || len(c.Stack) > 0 || c.Score != (resolver.Score{}) {
			return fmt.Errorf("status %s has a stack, a score or a bound", c.Status)
		}
	case Within:
		if !bounded {
			return fmt.Errorf("status %s has no bound", c.Status)
		}
	case Budget:
	default:
		return fmt.Errorf("unknown status %q", c.Status)
	}
	if c.Bound != nil && (c.Bound.Level < 0 || c.Bound.Level >= Levels) {
		return fmt.Errorf("the bound is of level %d of %d", c.Bound.Level, Levels)
	}
	for i := 1; i < len(c.Stack); i++ {
		if c.Stack[i-1].Name >= c.Stack[i].Name {
			return fmt.Errorf("the stack is not sorted: %s before %s", c.Stack[i-1].Name, c.Stack[i].Name)
		}
	}
	for i := range c.Stages {
		s := &c.Stages[i]
		if s.Level < 0 || s.Level >= Levels || i > 0 && c.Stages[i-1].Level >= s.Level {
			return fmt.Errorf("stage %d is of level %d: levels are 0 to %d and ascend", i, s.Level, Levels-1)
		}
		if i > 0 && len(s.Variables) == 0 {
			s.Variables = c.Stages[i-1].Variables
		}
		if i > 0 && len(s.Factors) == 0 {
			s.Factors = c.Stages[i-1].Factors
		}
		if err := s.Proof.validate(s.Variables, len(s.Factors)); err != nil {
			return fmt.Errorf("stage %d: %w", i, err)
		}
	}
	return nil
}

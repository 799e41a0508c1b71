package pipeline

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// A Unit judges one thing. Exactly one of the functions is set, and says its
// kind. They are called with batches, must not change what they are given
// (a boot may change the plan), and must be safe for concurrent use.
type Unit struct {
	Name string // lower-case words with hyphens
	Doc  string // one sentence without a full stop, beginning with a verb

	// Detail, if any, is more to read: what the scores mean, where they are
	// from, what the settings do. Paragraphs, wrapped by whoever prints them.
	Detail string

	// After names the units that must be included, and are asked first.
	After []string

	// When says whether a plan has a use for the unit; nil is always.
	When func(*Plan) bool

	// Boot checks or completes the problem.
	Boot func(context.Context, *Plan) (Booted, error)

	// Pseudonym fills in Sifted.StandIns of each project, in their order.
	Pseudonym func(context.Context, *Plan, []*py.Project) ([]resolver.Sifted, error)

	// Sieve fills in what else a Sifted has, for each project, in their order.
	Sieve func(context.Context, *Plan, []*py.Project) ([]resolver.Sifted, error)

	// Step gives the terms of the candidates.
	Step func(context.Context, *Plan, []resolver.Candidates) ([]Term, error)

	// Classes are the classes of a step's terms, each of which a table can
	// weigh; empty for a step whose terms are all of one class, "".
	Classes []Class

	// Vetoes says that terms of a step may be vetoes.
	Vetoes bool

	// Hindsight says that a step looks at what later releases require.
	Hindsight bool

	// Stride judges a finished stack: a reason refuses it.
	Stride func(context.Context, *Plan, []resolver.Choice) (refusal string, err error)

	// Wrap says what is known of a finished stack.
	Wrap func(context.Context, *Plan, []resolver.Choice) (Wrapped, error)
}

// A Class tells terms of one step apart.
type Class struct{ Name, Doc string }

// A Kind is one of the six.
type Kind string

const (
	Boot      Kind = "boot"
	Pseudonym Kind = "pseudonym"
	Sieve     Kind = "sieve"
	Step      Kind = "step"
	Stride    Kind = "stride"
	Wrap      Kind = "wrap"
)

// Kinds are all kinds, in the order in which they are asked.
func Kinds() []Kind { return []Kind{Boot, Pseudonym, Sieve, Step, Stride, Wrap} }

// Kind returns the kind, empty if the unit is malformed.
func (u *Unit) Kind() Kind {
	var kind Kind
	for _, k := range []struct {
		kind Kind
		set  bool
	}{
		{Boot, u.Boot != nil}, {Pseudonym, u.Pseudonym != nil}, {Sieve, u.Sieve != nil},
		{Step, u.Step != nil}, {Stride, u.Stride != nil}, {Wrap, u.Wrap != nil},
	} {
		if k.set && kind != "" {
			return ""
		}
		if k.set {
			kind = k.kind
		}
	}
	return kind
}

// A Term is what a step says of releases: a score from -1, bad, to 0, or a veto.
// (Imported prescriptions may give scores up to 1.) With several members it holds
// of stacks that have one release of each.
type Term struct {
	Members []resolver.Member
	Class   string // of the unit's Classes
	Score   float64
	Veto    bool
	Why     resolver.Justifier

	// Unit, if not empty, is who says so instead of the step that hands it on: a
	// prescription.
	Unit string
}

// Booted is what a boot found.
type Booted struct {
	Notes []resolver.Justification

	// Refusal, if not empty, says why there will be no advice, and Remedy what
	// the user can do.
	Refusal, Remedy string
}

// A RefusedError says that a boot refused the problem.
type RefusedError struct{ Unit, Refusal, Remedy string }

func (e *RefusedError) Error() string {
	if e.Remedy == "" {
		return fmt.Sprintf("%s (%s)", e.Refusal, e.Unit)
	}
	return fmt.Sprintf("%s (%s); %s", e.Refusal, e.Unit, e.Remedy)
}

// Wrapped is what a wrap says of a stack.
type Wrapped struct {
	Notes []resolver.Justification

	// Changes are advised changes of the manifest with which the stack is
	// deployed, one JSON document each, as the units have them.
	Changes []Change
}

// A Change is an advised change of a deployment's manifest.
type Change struct {
	Unit string
	JSON []byte
}

var unitName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Validate checks a list of units: names, kinds, sentences, and that every After
// names a unit of the list that is asked before.
func Validate(units []Unit) error {
	var faults []error
	place := map[string]int{}
	order := map[Kind]int{}
	for i, k := range Kinds() {
		order[k] = i
	}
	for i := range units {
		u := &units[i]
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("unit %q: %s", u.Name, fmt.Sprintf(format, args...)))
		}
		if !unitName.MatchString(u.Name) {
			fault("the name is not lower-case words with hyphens")
		}
		if _, twice := place[u.Name]; twice {
			fault("the name is taken")
		}
		if u.Doc == "" || u.Doc[len(u.Doc)-1] == '.' {
			fault("Doc is not a sentence without a full stop")
		}
		if u.Kind() == "" {
			fault("not exactly one of the functions is set")
		}
		if (len(u.Classes) > 0 || u.Vetoes) && u.Step == nil {
			fault("only a step has classes or vetoes")
		}
		for _, name := range u.After {
			j, ok := place[name]
			if !ok || order[units[j].Kind()] > order[u.Kind()] {
				fault("it comes after %q, which is not asked before it", name)
			}
		}
		place[u.Name] = i
	}
	return errors.Join(faults...)
}

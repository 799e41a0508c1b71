package pipeline_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/resolver"
)

func boot(b pipeline.Booted) func(context.Context, *pipeline.Plan) (pipeline.Booted, error) {
	return func(context.Context, *pipeline.Plan) (pipeline.Booted, error) { return b, nil }
}

func step(terms ...pipeline.Term) func(context.Context, *pipeline.Plan, []resolver.Candidates) ([]pipeline.Term, error) {
	return func(context.Context, *pipeline.Plan, []resolver.Candidates) ([]pipeline.Term, error) {
		return terms, nil
	}
}

func TestValidate(t *testing.T) {
	good := pipeline.Unit{Name: "a-unit", Doc: "does something", Boot: boot(pipeline.Booted{})}
	for _, test := range []struct {
		name   string
		change func(*pipeline.Unit)
		want   string
	}{
		{"good", func(u *pipeline.Unit) {}, ""},
		{"name", func(u *pipeline.Unit) { u.Name = "A unit" }, "not lower-case"},
		{"stop", func(u *pipeline.Unit) { u.Doc = "Does it." }, "full stop"},
		{"no function", func(u *pipeline.Unit) { u.Boot = nil }, "exactly one"},
		{"two functions", func(u *pipeline.Unit) { u.Step = step() }, "exactly one"},
		{"classes", func(u *pipeline.Unit) { u.Classes = []pipeline.Class{{}} }, "only a step"},
		{"after nobody", func(u *pipeline.Unit) { u.After = []string{"b"} }, "not asked before"},
	} {
		u := good
		test.change(&u)
		err := pipeline.Validate([]pipeline.Unit{u})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := pipeline.Validate([]pipeline.Unit{good, good}); err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("two of one name: %v", err)
	}
}

// TestBuild: a unit is in if the plan has a use for it and what it comes after is
// in, whatever the order in the list; one that is switched off takes those that
// need it with it.
func TestBuild(t *testing.T) {
	unit := func(name string, after ...string) pipeline.Unit {
		return pipeline.Unit{Name: name, Doc: "does", After: after, Boot: boot(pipeline.Booted{})}
	}
	never := unit("never")
	never.When = func(*pipeline.Plan) bool { return false }
	all := []pipeline.Unit{
		unit("one"), unit("two", "one"), unit("three", "two"), never, unit("four", "never"),
		{Name: "a-sieve", Doc: "sieves", After: []string{"one"}, Sieve: func(_ context.Context, _ *pipeline.Plan, p []*py.Project) ([]resolver.Sifted, error) {
			return make([]resolver.Sifted, len(p)), nil
		}},
	}
	names := func(disable ...string) string {
		plan := Plan(t, new(Facts))
		plan.Settings.Disable = disable
		p, err := pipeline.Build(plan, all)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, u := range p.Units() {
			out = append(out, u.Name)
		}
		return strings.Join(out, " ")
	}
	if got := names(); got != "one two three a-sieve" {
		t.Error(got)
	}
	if got := names("two"); got != "one a-sieve" {
		t.Error(got)
	}
	if got := names("one"); got != "" {
		t.Error(got)
	}
}

func TestBoot(t *testing.T) {
	plan := Plan(t, new(Facts))
	p, err := pipeline.Build(plan, []pipeline.Unit{
		{Name: "one", Doc: "notes", Boot: boot(pipeline.Booted{Notes: []resolver.Justification{{Message: "noted"}}})},
		{Name: "two", Doc: "refuses", Boot: boot(pipeline.Booted{Refusal: "it will not do", Remedy: "do something else"})},
		{Name: "three", Doc: "is not asked", Boot: func(context.Context, *pipeline.Plan) (pipeline.Booted, error) { panic("asked") }},
	})
	if err != nil {
		t.Fatal(err)
	}
	notes, err := p.Boot(context.Background())
	var refused *pipeline.RefusedError
	if !errors.As(err, &refused) || err.Error() != "it will not do (two); do something else" || len(notes) != 1 {
		t.Errorf("%v, %v", notes, err)
	}
}

// TestFaults: what a unit must not do ends the run with its name, and does not
// crash it.
func TestFaults(t *testing.T) {
	why := resolver.Justification{Message: "so"}
	member := []resolver.Member{{Project: "a"}}
	for _, test := range []struct {
		name string
		unit pipeline.Unit
		want string
	}{
		{"panic", pipeline.Unit{Step: func(context.Context, *pipeline.Plan, []resolver.Candidates) ([]pipeline.Term, error) { panic("ouch") }}, "unit bad panicked: ouch"},
		{"error", pipeline.Unit{Step: func(context.Context, *pipeline.Plan, []resolver.Candidates) ([]pipeline.Term, error) {
			return nil, errors.New("no")
		}}, "unit bad: no"},
		{"a score of 7", pipeline.Unit{Step: step(pipeline.Term{Members: member, Score: 7, Why: why})}, "score 7, which is not between"},
		{"NaN", pipeline.Unit{Step: step(pipeline.Term{Members: member, Score: math.NaN(), Why: why})}, "score NaN"},
		{"infinity", pipeline.Unit{Step: step(pipeline.Term{Members: member, Score: math.Inf(-1), Why: why})}, "score -Inf"},
		{"no members", pipeline.Unit{Step: step(pipeline.Term{Score: -1, Why: why})}, "without members"},
		{"no reason", pipeline.Unit{Step: step(pipeline.Term{Members: member, Score: -1})}, "without a reason"},
		{"too few answers", pipeline.Unit{Sieve: func(context.Context, *pipeline.Plan, []*py.Project) ([]resolver.Sifted, error) { return nil, nil }}, "answered for 0 of 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.unit.Name, test.unit.Doc = "bad", "misbehaves"
			plan := Plan(t, new(Facts))
			p, err := pipeline.Build(plan, []pipeline.Unit{test.unit})
			if err != nil {
				t.Fatal(err)
			}
			project, candidates := Project("a 1.0")
			if _, err = p.Sift(context.Background(), []*py.Project{project}); err == nil {
				_, err = p.Terms(context.Background(), []resolver.Candidates{candidates})
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestWeigh: the table says what a score weighs and where it ranks; a veto needs
// no row; what has no row is dropped; a name that is switched off is not heard.
func TestWeigh(t *testing.T) {
	why := resolver.Justification{Message: "so"}
	of := func(name py.Name) []resolver.Member { return []resolver.Member{{Project: name}} }
	plan := Plan(t, new(Facts))
	plan.Settings.Disable = []string{"space.off"}
	plan.Table.Rows = []pipeline.Row{{Unit: "s", Class: "x", Tier: 3, Weight: 0.5, Direct: 5}}
	p, err := pipeline.Build(plan, []pipeline.Unit{{
		Name: "s", Doc: "scores", Vetoes: true, Classes: []pipeline.Class{{Name: "x"}, {Name: "y"}},
		Step: step(
			pipeline.Term{Members: of("a"), Class: "x", Score: -0.5, Why: why},
			pipeline.Term{Members: of("b"), Class: "x", Score: -0.5, Why: why},
			pipeline.Term{Members: of("b"), Class: "y", Score: -0.5, Why: why},
			pipeline.Term{Members: of("b"), Class: "y", Veto: true, Why: why, Unit: "space.veto"},
			pipeline.Term{Members: of("b"), Class: "x", Score: -1, Why: why, Unit: "space.off"},
		),
	}})
	if err != nil {
		t.Fatal(err)
	}
	terms, err := p.Terms(context.Background(), Candidates("!a 1.0", "b 1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if len(terms) != 3 || terms[0].Score != -1_250_000 || terms[0].Tier != 3 || terms[1].Score != -250_000 || !terms[2].Veto || terms[2].Unit != "space.veto" {
		t.Errorf("%+v", terms)
	}
	vetoes, err := p.Vetoes(context.Background(), Candidates("!a 1.0", "b 1.0"))
	if err != nil || len(vetoes) != 1 || vetoes[0].Unit != "space.veto" {
		t.Errorf("vetoes: %+v, %v", vetoes, err)
	}
}

// TestVetoes: only a step that says so may veto, and no other is asked for vetoes.
func TestVetoes(t *testing.T) {
	veto := pipeline.Term{Members: []resolver.Member{{Project: "a"}}, Veto: true, Why: resolver.Justification{Message: "so"}}
	for _, may := range []bool{false, true} {
		p, err := pipeline.Build(Plan(t, new(Facts)), []pipeline.Unit{{Name: "s", Doc: "vetoes", Vetoes: may, Step: step(veto)}})
		if err != nil {
			t.Fatal(err)
		}
		terms, err := p.Terms(context.Background(), Candidates("a 1.0"))
		if may != (err == nil) || may != (len(terms) == 1) {
			t.Errorf("it may veto: %t, terms %v, %v", may, terms, err)
		}
		vetoes, err := p.Vetoes(context.Background(), Candidates("a 1.0"))
		if err != nil || may != (len(vetoes) == 1) {
			t.Errorf("it may veto: %t, vetoes %v, %v", may, vetoes, err)
		}
	}
}

func TestTableCheck(t *testing.T) {
	u := pipeline.Unit{Name: "s", Doc: "scores", Classes: []pipeline.Class{{Name: "x"}}, Step: step()}
	for _, test := range []struct {
		row  pipeline.Row
		want string
	}{
		{pipeline.Row{Unit: "s", Class: "x", Weight: 1}, ""},
		{pipeline.Row{Unit: "s", Weight: 1}, "there is no step s"},
		{pipeline.Row{Unit: "z", Weight: 1}, "there is no step z"},
		{pipeline.Row{Unit: "s", Class: "x", Weight: -1}, "a weight is from 0"},
		{pipeline.Row{Unit: "s", Class: "x", Weight: math.NaN()}, "a weight is from 0"},
		{pipeline.Row{Unit: "s", Class: "x", Tier: 8}, "a tier is from 0 to 7"},
	} {
		plan := Plan(t, new(Facts))
		plan.Table.Rows = []pipeline.Row{test.row}
		_, err := pipeline.Build(plan, []pipeline.Unit{u})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test.row, err)
		}
	}
	plan := Plan(t, new(Facts))
	plan.Table.Rows = []pipeline.Row{{Unit: "s", Class: "x"}, {Unit: "s", Class: "x"}}
	if _, err := pipeline.Build(plan, []pipeline.Unit{u}); err == nil || !strings.Contains(err.Error(), "two rows") {
		t.Errorf("two rows: %v", err)
	}
}

package certify

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/resolver"
	"github.com/thamos/thamos/resolver/wcsp"
)

// written returns the bytes of some certificate with messages.
func written(t testing.TB) []byte {
	rng := rand.New(rand.NewPCG(3, 5))
	u, text := drawFrustrated(rng)
	p := parseProblem(u, text)
	truth := bruteForce(p, u, modelOf(p, u, false))
	c, ok := certify(p, u, &truth.stacks[0], rng)
	var b bytes.Buffer
	if err := Write(&b, c); err != nil || !ok {
		t.Fatal(err, ok)
	}
	return b.Bytes()
}

// TestReadRefuses: each fault of form is named.
func TestReadRefuses(t *testing.T) {
	whole := written(t)
	if _, err := Read(bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no JSON", `{"schema"`, `["schema"`, "not a certificate"},
		{"something follows", `"work":0}`, `"work":0} 1`, "something follows"},
		{"schema", Schema, "thamos.certificate/2", `schema "thamos.certificate/2"`},
		{"unknown field", `"thamos":`, `"thamoz":`, "unknown field"},
		{"problem", `"test":true`, `"test":false`, "the problem's digest"},
		{"status", `"optimal"`, `"best"`, `unknown status "best"`},
		{"within nothing", `"optimal"`, `"within"`, "has no bound"},
		{"bound of optimal", `"stages"`, `"bound":{"level":1,"value":0},"stages"`, "has a bound"},
		{"level of a bound", `"optimal"`, `"within","bound":{"level":9,"value":0}`, "level 9 of 9"},
		{"stack of none", `"optimal"`, `"infeasible"`, "has a stack"},
		{"order", `"name":"a"`, `"name":"z"`, "not sorted: z before b"},
		{"level", `"level":8`, `"level":9`, "levels are 0 to 8"},
		{"proof", `"proof":"`, `"proof":"AAAA`, "bytes are left"},
		{"no proof", `"proof":"`, `"proof":"","work":1,"x":"`, "unknown field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(string(whole), c.old, c.new, 1)
			if text == string(whole) {
				t.Fatalf("%s is not in the file", c.old)
			}
			if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := read(bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Error(err)
	}
	if _, err := read(bytes.NewReader(whole), int64(len(whole))-1); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a file without end: %v", err)
	}
}

// TestProofRefuses: each fault of a proof's bytes is named.
func TestProofRefuses(t *testing.T) {
	vars := []Variable{{Name: "a", Classes: [][]string{{}, {"1.0"}}}}
	large := func(deltas ...int64) (p Proof) { // twice the same message
		for range 2 {
			p = append(p, byte(wcsp.FixStep)).number(1).number(0).number(0)
			for _, d := range deltas {
				p = binary.AppendVarint(p, d)
			}
		}
		return append(p, byte(bareBound))
	}
	for _, c := range []struct {
		name  string
		proof Proof
		want  string
	}{
		{"empty", nil, "step 0: it ends too early"},
		{"kind", Proof{9}, "kind 9"},
		{"no end", Proof{1, 0}, "step 1: it ends too early"},
		{"half a branch", Proof{2, 0, 1, 0, 0, 0}, "step 2: it ends"},
		{"two trees", Proof{0, 0, 0, 0}, "2 bytes are left after step 1"},
		{"variable", Proof{2, 1, 0, 0, 0, 0, 0}, "variable 1 is not below 1"},
		{"value", Proof{2, 0, 1, 2, 0, 0, 0, 0}, "value 2 is not below 2"},
		{"values", Proof{2, 0, 2, 1, 1, 0, 0, 0, 0}, "do not ascend"},
		{"factor", Proof{0, 1, 1, 0, 0, 0}, "factor 1 is not below 1"},
		{"deltas", Proof{0, 1, 0, 0, 0}, "it ends too early"},
		{"messages", Proof{0, 200, 1, 0}, "number of messages 200"},
		{"endless number", Proof{0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, "it ends too early"},
		{"large", large(maxDelta+1, 0), "step 1: a message to a is out of bounds"},
		{"small", large(0, -maxDelta-1), "step 1: a message to a is out of bounds"},
		{"larger and larger", large(maxDelta/2+1, 0), "step 2: a message to a is out of bounds"},
		{"beyond all", large(1<<62, 1<<62), "step 1: a message to a is out of bounds"},
		{"beyond and back", large(1<<62, -1<<62), "step 1: a message to a is out of bounds"},
	} {
		if err := c.proof.validate(vars, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func told(f wcsp.Factor, v int32, deltas ...int64) wcsp.Message {
	return wcsp.Message{Factor: f, Var: v, Deltas: deltas}
}

// TestFromProof: what a builder is given comes back from the bytes.
func TestFromProof(t *testing.T) {
	names := &Names{
		Variables: []Variable{{"a", [][]string{{"1.0"}, {"2.0"}}}, {"b", [][]string{{}, {"1.0", "1.1"}}}, {"b[x]", [][]string{{}, {"1.0"}}}},
		Pairs:     [][2]int32{{1, 0}},
		Groups:    []string{"g"},
	}
	pair := wcsp.Factor{Kind: wcsp.PairFactor}
	loop := wcsp.Factor{Kind: wcsp.LoopFactor, Index: 1, Loop: []int32{1, 2}}
	proof := wcsp.Proof{
		{Kind: wcsp.BranchStep, Var: 1, Values: []int32{1, 0}},
		{Kind: wcsp.FixStep, Messages: []wcsp.Message{told(pair, 0, 5, -7), told(loop, 1, 0, 1<<59), told(pair, 0, 1, 1)}},
		{Kind: wcsp.BoundStep, Messages: []wcsp.Message{told(wcsp.Factor{Kind: wcsp.GroupFactor}, 2, -1<<60, 1<<60)}},
		{Kind: wcsp.FixStep, Messages: []wcsp.Message{told(wcsp.Factor{Kind: wcsp.PresenceFactor, Index: 2}, 1, 0, 0)}},
		{Kind: wcsp.FixStep, Messages: []wcsp.Message{told(loop, 1, 1, 1), told(wcsp.Factor{Kind: wcsp.GroupFactor}, 2, 0, 1)}},
		{Kind: wcsp.BoundStep},
	}
	s, err := FromProof(names, 8, Worth{8: 1}, -3, proof)
	if err != nil {
		t.Fatal(err)
	}
	wantFactors := []Factor{{Pair: []string{"b", "a"}}, {Loop: []string{"b", "b", "b[x]"}}, {Group: "g"}, {Presence: "b[x]"}}
	if !reflect.DeepEqual(s.Factors, wantFactors) {
		t.Errorf("factors %v", s.Factors)
	}
	want := []step{
		{kind: wcsp.BranchStep, variable: 1, values: []int{0, 1}},
		{kind: wcsp.FixStep, messages: []message{{0, 0, []int64{6, -6}}, {1, 1, []int64{0, 1 << 59}}}},
		{kind: wcsp.BoundStep, messages: []message{{2, 2, []int64{-1 << 60, 1 << 60}}}},
		{kind: wcsp.FixStep}, // messages of 0 are none
		{kind: wcsp.FixStep, messages: []message{{1, 1, []int64{1, 1}}, {2, 2, []int64{0, 1}}}},
		{kind: wcsp.BoundStep},
	}
	d := decoder{rest: s.Proof, vars: s.Variables, factors: len(s.Factors)}
	for i := range want {
		if err := d.next(); err != nil {
			t.Fatal(err)
		}
		got := d.step
		if got.kind != want[i].kind || got.kind == wcsp.BranchStep && (got.variable != want[i].variable || !slices.Equal(got.values, want[i].values)) ||
			len(got.messages) != len(want[i].messages) || len(got.messages) > 0 && !reflect.DeepEqual(got.messages, want[i].messages) {
			t.Errorf("step %d: %v, want %v", i, got, want[i])
		}
	}
	for _, c := range []struct {
		name string
		step wcsp.Step
		want string
	}{
		{"pair", wcsp.Step{Messages: []wcsp.Message{told(wcsp.Factor{Index: 1}, 0, 0, 0)}}, "there is no pair 1"},
		{"group", wcsp.Step{Messages: []wcsp.Message{told(wcsp.Factor{Kind: wcsp.GroupFactor, Index: -1}, 0, 0, 0)}}, "there is no group -1"},
		{"variable", wcsp.Step{Messages: []wcsp.Message{told(pair, 3, 0, 0)}}, "there is no variable 3"},
		{"loop", wcsp.Step{Messages: []wcsp.Message{told(wcsp.Factor{Kind: wcsp.LoopFactor, Loop: []int32{7}}, 0, 0, 0)}}, "there is no variable 7"},
		{"kind", wcsp.Step{Messages: []wcsp.Message{told(wcsp.Factor{Kind: 9}, 0, 0, 0)}}, "kind 9"},
		{"deltas", wcsp.Step{Messages: []wcsp.Message{told(pair, 0, 0)}}, "1 deltas for the 2 values of a"},
		{"size", wcsp.Step{Messages: []wcsp.Message{told(pair, 0, 0, none)}}, "out of bounds"},
		{"tree", wcsp.Step{Kind: wcsp.FixStep}, "ends too early"},
	} {
		if _, err := FromProof(names, 8, Worth{8: 1}, 0, wcsp.Proof{c.step}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestGroupID: the members alone count, in whatever order.
func TestGroupID(t *testing.T) {
	a, b := resolver.Member{Project: "a", Releases: resolver.Releases{5}}, resolver.Member{Project: "b"}
	if GroupID([]resolver.Member{a, b}) != GroupID([]resolver.Member{b, a}) {
		t.Error("the order counts")
	}
	for _, other := range [][]resolver.Member{{a}, {a, a}, {{Project: "a", Releases: resolver.Releases{5, 0}}, b}, {{Project: "a"}, b}} {
		if GroupID([]resolver.Member{a, b}) == GroupID(other) {
			t.Errorf("as %v", other)
		}
	}
}

// TestWriteTwice: equal certificates give equal bytes, and what was read is
// written as it was.
func TestWriteTwice(t *testing.T) {
	first := written(t)
	c, err := Read(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := Write(&again, c); err != nil || !bytes.Equal(first, again.Bytes()) {
		t.Errorf("%v\n%s\n%s", err, first, again.Bytes())
	}
}

// FuzzRead: nothing that is read panics, nor does checking it; and it is written
// as it was read.
func FuzzRead(f *testing.F) {
	f.Add(written(f))
	f.Add([]byte(`{"schema":"thamos.certificate/1","problem":null,"status":"infeasible","stages":[{"level":0,"target":-1,"proof":"AAA="}]}`))
	rng := rand.New(rand.NewPCG(3, 5))
	u, text := drawFrustrated(rng)
	p := parseProblem(u, text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var c *Certificate
		c, err := Read(bytes.NewReader(text))
		if err != nil {
			c = new(Certificate) // without its digest, at least
			if json.Unmarshal(text, c) != nil || c.validate() != nil {
				return
			}
		}
		_, _ = Check(context.Background(), c, p, u)
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := Write(&first, c); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%v\n%s\n%s", err, &first, &second)
		}
	})
}

// FuzzProof: whatever the bytes of a proof, a stack is not the best if another is
// better, nor is there none if there is one.
func FuzzProof(f *testing.F) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(3, 5))
	u, text := drawFrustrated(rng)
	p := parseProblem(u, text)
	truth := bruteForce(p, u, modelOf(p, u, false))
	worse := slices.IndexFunc(truth.stacks, func(s trueStack) bool { return s.worth != truth.stacks[0].worth })
	lies := make([]*Certificate, 2)
	for i, s := range []*trueStack{nil, &truth.stacks[worse]} {
		lies[i], _ = certify(p, u, s, rng)
		f.Add(i == 0, []byte(lies[i].Stages[0].Proof))
	}
	f.Fuzz(func(t *testing.T, none bool, proof []byte) {
		lie := *lies[1]
		if none {
			lie = *lies[0]
		}
		lie.Stages = slices.Clone(lie.Stages)
		lie.Stages[0].Proof = proof
		if _, err := Check(ctx, &lie, p, u); err == nil {
			t.Fatal("a lie is certified")
		}
	})
}

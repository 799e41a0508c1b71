package certify

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver/wcsp"
)

// entries reads a stack as text: "a[x] 1.0, tf 2.0 by gpu==2.0".
func entries(text string) (all []Entry) {
	if text == "" {
		return nil
	}
	for one := range strings.SplitSeq(text, ", ") {
		name, rest, _ := strings.Cut(one, " ")
		version, by, _ := strings.Cut(rest, " by ")
		name, extras, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		e := Entry{Name: py.Name(name), Version: version, By: by}
		for x := range strings.SplitSeq(extras, ",") {
			if x != "" {
				e.Extras = append(e.Extras, py.Name(x))
			}
		}
		all = append(all, e)
	}
	return all
}

const claimsUniverse = `
a 1.0
	b>=1
	c; extra == 'x'
a 2.0
	b>=2
b 1.0
b 2.0 [yanked]
c 1.0
d 1.0
e 1.0 [unread]
f 1.0
	g @ https://files.example/g.zip
h 1.0
	g @ https://files.example/g.zip ; extra == 'x'
i 1.0
	tf>=1
tf 1.0
	d
tf 2.0
	d
gpu 1.0
	c
gpu 2.0
	c
j 1.0
	k
k 1.0
	j
	b[y
l 1.0
	missing
m 1.0
	l
m 2.0
	m<2
n 1.0
	a[x]; extra == 'all'
	n[all]; extra == 'more'
q 1.0
	b[y
q 2.0
	b[y
o 1.0
o 2.0
	g @ https://files.example/g.zip ; extra == 'x'
p 1.0
p 2.0
	o[x]
`

// TestClaims has one stack in each case that is the best, none, or wrong.
func TestClaims(t *testing.T) {
	u := parseUniverse(claimsUniverse)
	for _, c := range []struct{ name, problem, stack, want string }{
		{"right", "a", "a 1.0, b 1.0", ""},
		{"with an extra", "a[x]", "a[x] 1.0, b 1.0, c 1.0", ""},
		{"extras of extras", "n[more]", "a[x] 1.0, b 1.0, c 1.0, n[all,more] 1.0", ""},
		{"extra that is not asked for", "a", "a[x] 1.0, b 1.0, c 1.0", "nobody requires c"},
		{"extra that is not claimed", "a[x]", "a 1.0, b 1.0, c 1.0", "the extras [x] of a are asked for, not []"},
		{"root is missing", "a\nd", "a 1.0, b 1.0", "the user requires d, which is not in the stack"},
		{"root's version", "a>=1\na<2\na!=1.0", "a 1.0, b 1.0", "the user requires a!=1.0, but 1.0"},
		{"root that does not hold", "d\na; python_version < '3'", "d 1.0", ""},
		{"requirement is missing", "a", "a 1.0", "a 1.0 requires b>=1, which is not in the stack"},
		{"extra's requirement is missing", "a[x]", "a[x] 1.0, b 1.0", "a[x] 1.0 requires c"},
		{"version", "a", "a 2.0, b 1.0", "requires b>=2, but 1.0"},
		{"yanked", "a", "a 2.0, b 2.0", "b 2.0 may not be chosen"},
		{"superfluous", "a\nd; python_version < '3'", "a 1.0, b 1.0, d 1.0", "nobody requires d"},
		{"constraint", "a\nconstraint b<1", "a 1.0, b 1.0", "allows only b<1"},
		{"no such release", "a", "a 1.0, b 9.0", "there is no b 9.0"},
		{"no such project", "a", "a 1.0, b 1.0, z 1.0", "nobody requires z"},
		{"unread", "e", "e 1.0", "may not be chosen"},
		{"direct reference", "f", "f 1.0", "may not be chosen"},
		{"direct reference of an extra", "h", "h 1.0", ""},
		{"direct reference of an extra that is asked for", "h[x]", "h[x] 1.0", "nothing is known of what h[x] 1.0 requires"},
		{"unreadable", "j", "j 1.0, k 1.0", "k 1.0 may not be chosen"},
		{"unreadable as another", "q", "q 1.0", "q 1.0 may not be chosen"},
		{"none of which is readable", "q", "", ""},
		{"a release that excludes itself", "m", "m 2.0", "m 2.0 requires m<2, but 2.0"},
		{"refused", "d\nrefuse d", "d 1.0", "may not be chosen"},
		{"left out", "a\nskip b", "a 2.0", ""},
		{"left out all the same", "a\nskip b", "a 2.0, b 1.0", "there is no b 1.0"},
		{"dropped", "a\ndrop a b", "a 2.0", ""},
		{"added", "d\nadd d c", "c 1.0, d 1.0", ""},
		{"added and missing", "d\nadd d c", "d 1.0", "requires c"},
		{"stand-in", "i\nrefuse tf\nstand-in tf gpu", "c 1.0, gpu 2.0, i 1.0, tf 2.0 by gpu==2.0", ""},
		{"stand-in at another version", "i\nrefuse tf\nstand-in tf gpu", "c 1.0, gpu 1.0, i 1.0, tf 2.0 by gpu==2.0", "requires gpu==2.0"},
		{"stand-in with an extra", "tf[x]\nrefuse tf\nstand-in tf gpu", "c 1.0, gpu 1.0, tf[x] 1.0 by gpu==1.0", "nothing is known"},
		{"no stand-in", "i\nrefuse tf\nstand-in tf gpu", "i 1.0, tf 1.0", "may not be chosen"},
		{"veto", "a\nveto a b", "a 1.0, b 1.0", "a veto excludes a and others"},
		{"veto of one", "a\nveto b", "a 1.0, b 1.0", "b 1.0 is excluded"},
		{"rejected", "a\nreject b", "a 1.0, b 1.0", "the pipeline refuses the stack"},
		{"better by a term", "tf\nterm 7 -3 tf<2", "d 1.0, tf 2.0", ""},
		{"better by company", "i\nterm 7 -3 tf<2 i d", "d 1.0, i 1.0, tf 2.0", ""},
		{"worse by a term", "tf\nterm 7 -3 tf<2", "d 1.0, tf 1.0", "stage 0 (level 8), step"},
		{"worse by company", "i\nterm 3 -3 tf<2 i d", "d 1.0, i 1.0, tf 1.0", "stage 0 (level 3), step"},
		{"older, for nobody tells what the newer's extra requires", "o\np\nterm 7 -5 p<2\nterm 7 -1 o<2", "o[x] 1.0, p 2.0", ""},
		{"newer, but worse", "o\np\nterm 7 -5 p<2\nterm 7 -1 o<2", "o 2.0, p 1.0", "stage 0 (level 8), step"},
		{"no stack", "a>2", "", ""},
		{"no stack, deep", "a[x]\nconstraint c<1", "", ""},
		{"no stack by a veto", "a\nveto a b", "", ""},
		{"no stack of one that excludes itself", "m>1", "", ""},
		{"there is one", "a", "", "stage 0 (level 0), step"},
		{"perhaps: unread", "e", "", "stage 0 (level 0), step"},
		{"perhaps: direct reference", "f", "", "stage 0 (level 0), step"},
		{"perhaps: extra's direct reference", "h[x]", "", "stage 0 (level 0), step"},
		{"perhaps: unknown project", "m", "", "stage 0 (level 0), step"},
		{"no stack whatever is unknown", "e>1", "", ""},
		{"no stack with a stand-in's extra", "tf[x]\nrefuse tf\nstand-in tf gpu", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parseProblem(u, c.problem)
			var s *trueStack
			if c.stack != "" {
				s = &trueStack{entries: entries(c.stack)}
				s.worth, _ = modelOf(p, u, false).stack(context.Background(), s.entries) // what it fails with, Check says
			}
			file, _ := certify(p, u, s, nil)
			_, err := Check(context.Background(), file, p, u)
			var fault *Fault
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestLevels: which stages a claim needs.
func TestLevels(t *testing.T) {
	// d 1.0 is worth -2 at level 1 and -5 at the last, which d 2.0 is not, but that
	// pays at level 0.
	u := parseUniverse("d 1.0\nd 2.0\n\tx\nx 1.0\n")
	p := parseProblem(u, "d\nterm 1 -2 d<2\nterm 0 -4 d>=2\nterm 7 -5 d<2\n")
	s := &trueStack{entries: entries("d 1.0"), worth: Worth{1: -2, 8: -5}}
	stage := func(level int, target int64, weights Worth) Stage {
		m := modelOf(p, u, false)
		m.outrank()
		o := &objective{weights: weights}
		for l := range level {
			o.closed[l] = weights[l] == 0
		}
		out, ok := m.prove(level, o, target, nil)
		if !ok {
			t.Fatalf("the stage of level %d cannot be proved", level)
		}
		return out
	}
	tight, short := stage(8, -17, Worth{1: 6, 8: 1}), stage(8, -15, Worth{1: 5, 8: 1})
	one, last := stage(1, -2, Worth{1: 1}), stage(8, -205, Worth{1: 100, 8: 1})
	for _, c := range []struct {
		name   string
		status Status
		bound  *Bound
		stages []Stage
		want   string
		open   int
	}{
		{"all", Optimal, nil, []Stage{one, last}, "", 0},
		{"the last weighs the first as well", Optimal, nil, []Stage{last}, "", 0},
		{"its weight just suffices for that", Optimal, nil, []Stage{tight}, "", 0},
		{"its weight does not", Optimal, nil, []Stage{short}, "level 1: nothing proves", 0},
		{"the last is missing", Optimal, nil, []Stage{one}, "level 8: nothing proves", 0},
		{"none", Optimal, nil, nil, "level 1: nothing proves", 0},
		{"a bound", Within, &Bound{8, 1}, []Stage{one, stage(8, -199, Worth{1: 100, 8: 1})}, "", 0},
		{"a lower bound than proved", Within, &Bound{8, 0}, []Stage{one, stage(8, -199, Worth{1: 100, 8: 1})}, "its target is -200, not -199", 0},
		{"a bound at the first level", Within, &Bound{1, 0}, []Stage{stage(1, 0, Worth{1: 1})}, "", 1},
		{"a bound that is not proved", Within, &Bound{1, 0}, nil, "level 1: nothing proves", 0},
		{"a bound below the stack", Within, &Bound{1, -3}, []Stage{one}, "it is -3 at level 1, but the stack has -2", 0},
		{"a stage after the bound", Within, &Bound{1, -2}, []Stage{one, last}, "after the bound's", 0},
		{"no bound is claimed", Budget, nil, nil, "", 2},
		{"only the first level is proved", Budget, nil, []Stage{one}, "", 1},
		{"budget with a bound", Budget, &Bound{8, -5}, []Stage{one, last}, "", 0},
		{"a level without its weight", Optimal, nil, []Stage{one, stage(8, -5, Worth{8: 1})}, "level 1 has no weight", 0},
		{"a huge weight", Optimal, nil, []Stage{{Level: 1, Weights: Worth{1: 1 << 60}, Proof: Proof{0, 0}}}, "too large", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, _ := certify(p, u, s, nil)
			file.Status, file.Bound, file.Stages = c.status, c.bound, c.stages
			f, err := Check(context.Background(), file, p, u)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "" && len(f.Open) != c.open:
				t.Errorf("open are %v", f.Open)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestClosedBetween: a stage that closes a level does not prove what comes before
// it, for a better stack may pay there.
func TestClosedBetween(t *testing.T) {
	u := parseUniverse("d 1.0\nd 2.0\n")
	p := parseProblem(u, "d\nterm 0 -1 d<2\nterm 1 -1 d>=2\nterm 2 -1 d<2\n")
	s := &trueStack{entries: entries("d 1.0"), worth: Worth{0: -1, 2: -1}}
	file, ok := certify(p, u, s, nil)
	if ok || len(file.Stages) != 2 {
		t.Fatal("d 2.0 is better, but is not found to be")
	}
	file.Stages = file.Stages[1:]
	_, err := Check(context.Background(), file, p, u)
	if err == nil || !strings.Contains(err.Error(), "level 0: nothing proves") {
		t.Errorf("got %v", err)
	}
}

// TestFactorsOfNothing: a proof may name a pair and a support that only releases
// have that cannot be; messages to them change nothing.
func TestFactorsOfNothing(t *testing.T) {
	u := parseUniverse("a 1.0\na 2.0\n\tc; extra == 'x'\nb 1.0\n\tc\nb 2.0\nc 1.0\n")
	p := parseProblem(u, "a[x]\nb\nconstraint a<2\nterm 7 -2 b<2\n")
	for _, factor := range []Factor{{Pair: []string{"a[x]", "c"}}, {Presence: "c"}, {Loop: []string{"c", "c"}}} {
		for _, c := range []struct {
			variable int
			deltas   []int64
			want     string
		}{
			{0, []int64{-5}, ""},      // a[x]
			{1, []int64{0, -100}, ""}, // c
			{2, []int64{0, 1}, "x"},   // b
		} {
			names := []Variable{{"a[x]", [][]string{{"1.0", "2.0"}}}, {"c", [][]string{{}, {"1.0"}}}, {"b", [][]string{{"2.0"}, {"1.0"}}}, {"a", [][]string{{"1.0"}}}}
			e := encoder{}
			e.add(&step{kind: wcsp.BoundStep, messages: []message{{0, c.variable, c.deltas}}})
			file := &Certificate{Schema: Schema, Status: Optimal, Stack: entries("a[x] 1.0, b 2.0"), Stages: []Stage{{
				Level: 8, Weights: Worth{8: 1}, Variables: names, Factors: []Factor{factor}, Proof: e.proof}}}
			_, err := Check(context.Background(), file, p, u)
			refused := err != nil && strings.Contains(err.Error(), "is not a variable of factor 0")
			if c.want == "" && err != nil || c.want != "" && factor.Pair != nil && !refused {
				t.Errorf("%v to %s: %v", factor, names[c.variable].Name, err)
			}
		}
	}
}

// TestUnknown: what is not known is named.
func TestUnknown(t *testing.T) {
	u := parseUniverse(claimsUniverse)
	p := parseProblem(u, "e; extra == 'never'\nh[x]>=0\na\nl\nconstraint a>=0")
	m := modelOf(p, u, false)
	if got, want := strings.Join(m.unknown, " "), "missing h[x]==1.0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

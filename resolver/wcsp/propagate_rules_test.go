package wcsp_test

import (
	"fmt"
	"testing"

	"github.com/thamos/thamos/resolver/wcsp"
)

// TestPropagatorRules has a network and a decision for each rule, and what is left
// of all domains; "x" is a contradiction.
func TestPropagatorRules(t *testing.T) {
	set := func(xs ...int32) wcsp.Set {
		s := wcsp.NewSet(3)
		for _, x := range xs {
			s.Add(x)
		}
		return s
	}
	variable := func(values int, supports ...wcsp.Support) wcsp.Var {
		return wcsp.Var{Unary: make([]int64, values), Optional: supports != nil, Supports: supports}
	}
	all := []wcsp.Run{{Lo: 0, Hi: 3}}
	// the first holds up the second with 1, and may with 2
	holds := []wcsp.Var{variable(3), variable(2, wcsp.Support{Var: 0, Need: set(1), May: set(2)})}
	// two hold up the third with 1
	two := []wcsp.Var{variable(2), variable(2), variable(2, wcsp.Support{Var: 0, Need: set(1)}, wcsp.Support{Var: 1, Need: set(1)})}
	veto := []wcsp.Group{{Veto: true, Members: []wcsp.Member{{Var: 0, Set: set(1, 2)}, {Var: 1, Set: set(0)}, {Var: 2, Set: set(1)}}}}
	three := []wcsp.Var{variable(3), variable(2), variable(2)}
	for _, test := range []struct {
		rule  string
		n     wcsp.Network
		steps [][2]int32 // variable and value; ^value takes it away
		want  string
	}{
		{"a pair forward", wcsp.Network{Vars: []wcsp.Var{variable(3), variable(3)}, Pairs: []wcsp.Pair{{A: 0, B: 1, Row: []int32{0, 0, 1}, Rows: [][]wcsp.Run{all, {{Lo: 2, Hi: 3}}}}}}, [][2]int32{{0, 2}}, "[2] [2]"},
		{"a pair back", wcsp.Network{Vars: []wcsp.Var{variable(3), variable(3)}, Pairs: []wcsp.Pair{{A: 0, B: 1, Row: []int32{0, 0, 1}, Rows: [][]wcsp.Run{all, {{Lo: 2, Hi: 3}}}}}}, [][2]int32{{1, ^2}}, "[0 1] [0 1]"},
		{"a pair's classes", wcsp.Network{Vars: []wcsp.Var{variable(3), variable(3)}, Pairs: []wcsp.Pair{{A: 0, B: 1, Row: []int32{0, 1, 1}, Rows: [][]wcsp.Run{all, {{Lo: 2, Hi: 3}}}}}}, [][2]int32{{0, ^0}}, "[1 2] [2]"},
		{"needed by all", wcsp.Network{Vars: holds}, [][2]int32{{0, 1}}, "[1] [1]"},
		{"may be held up", wcsp.Network{Vars: holds}, [][2]int32{{0, 2}}, "[2] [0 1]"},
		{"held up by nobody", wcsp.Network{Vars: holds}, [][2]int32{{0, 0}}, "[0] [0]"},
		{"absent", wcsp.Network{Vars: holds}, [][2]int32{{1, 0}}, "[0 2] [0]"},
		{"present", wcsp.Network{Vars: holds}, [][2]int32{{1, 1}}, "[1 2] [1]"},
		{"one holder left", wcsp.Network{Vars: two}, [][2]int32{{2, 1}, {0, 0}}, "[0] [1] [1]"},
		{"one holder left, the other", wcsp.Network{Vars: two}, [][2]int32{{2, 1}, {1, 0}}, "[1] [0] [1]"},
		{"one holder left, late", wcsp.Network{Vars: two}, [][2]int32{{1, 0}, {2, 1}}, "[1] [0] [1]"},
		{"no holder left", wcsp.Network{Vars: two}, [][2]int32{{1, 0}, {0, 0}}, "[0] [0] [0]"},
		{"one member left", wcsp.Network{Vars: three, Groups: veto}, [][2]int32{{0, ^0}, {2, 1}}, "[1 2] [1] [1]"},
		{"two members left", wcsp.Network{Vars: three, Groups: veto}, [][2]int32{{2, 1}}, "[0 1 2] [0 1] [1]"},
		{"a member that fails", wcsp.Network{Vars: three, Groups: veto}, [][2]int32{{0, 0}, {2, 1}}, "[0] [0 1] [1]"},
		{"a loop only holds itself", wcsp.Network{Vars: []wcsp.Var{variable(2),
			variable(2, wcsp.Support{Var: 0, Need: set(1)}, wcsp.Support{Var: 2, Need: set(1)}), variable(2, wcsp.Support{Var: 1, Need: set(1)})}},
			[][2]int32{{0, 0}}, "[0] [0] [0]"},
		{"absence holds nothing up", wcsp.Network{Vars: []wcsp.Var{variable(2), variable(2, wcsp.Support{Var: 0, Need: set(1)}), variable(2, wcsp.Support{Var: 1, May: set(0)})}},
			nil, "[0 1] [0 1] [0]"},
		{"a value that is gone", wcsp.Network{Vars: three}, [][2]int32{{0, 0}, {0, 1}}, "x"},
		{"the last value", wcsp.Network{Vars: three}, [][2]int32{{1, ^0}, {1, ^1}}, "x"},
	} {
		p, ok := wcsp.NewPropagator(&test.n)
		for _, s := range test.steps {
			if s[1] < 0 {
				ok = ok && p.Remove(s[0], ^s[1])
			} else {
				ok = ok && p.Assign(s[0], s[1])
			}
		}
		got := "x"
		if ok {
			got = ""
			for v := range test.n.Vars {
				var left []int32
				for x := range int32(len(test.n.Vars[v].Unary)) {
					if p.Has(int32(v), x) {
						left = append(left, x)
					}
				}
				got += fmt.Sprint(left, " ")
			}
			got = got[:len(got)-1]
		}
		if got != test.want {
			t.Errorf("%s: %s left, want %s", test.rule, got, test.want)
		}
	}
}

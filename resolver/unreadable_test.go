package resolver

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// A release that is not read may be asked for and is hoped for; one of which it
// is known that nobody can tell is not, and stays unknown all the same.
func TestAskUnreadable(t *testing.T) {
	const text = "a 1.0\na 2.0 [unread]\nb 1.0 [unread]\n"
	for _, test := range []struct {
		problem    string
		unreadable bool
		ask        string // the stack, and what it stands on
		solve      string
	}{
		{"a", false, "[a==2.0] [a==2.0]", "[a==1.0]"},
		{"a", true, "[a==1.0] []", "[a==1.0]"},
		{"b", false, "[b==1.0] [b==1.0]", "unknown [b==1.0]"},
		{"b", true, "no stack", "unknown [b==1.0]"},
	} {
		u := parseUniverse(t, text)
		for _, p := range u.projects {
			for i := range p.Releases {
				p.Releases[i].Unreadable = test.unreadable && p.Releases[i].Requires == nil
			}
		}
		p := parseProblem(t, test.problem+"\n")
		say := func(r *Report, missing *UnknownError, err error) string {
			var none *NoStackError
			var unknown *UnknownError
			switch {
			case errors.As(err, &none):
				return "no stack"
			case errors.As(err, &unknown):
				return fmt.Sprint("unknown ", unknown.Releases)
			case err != nil:
				t.Fatal(err)
			case missing != nil:
				return fmt.Sprint(packagesOf(r), " ", missing.Releases)
			}
			return fmt.Sprint(packagesOf(r))
		}
		r, missing, err := Ask(context.Background(), p, u)
		got := say(r, missing, err)
		if err == nil && missing == nil {
			got += " []"
		}
		if got != test.ask {
			t.Errorf("%s, unreadable %t: Ask: %s, want %s", test.problem, test.unreadable, got, test.ask)
		}
		r, err = Solve(context.Background(), p, u)
		if got := say(r, nil, err); got != test.solve {
			t.Errorf("%s, unreadable %t: Solve: %s, want %s", test.problem, test.unreadable, got, test.solve)
		}
	}
}

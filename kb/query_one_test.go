package kb

import (
	"errors"
	"testing"
)

func TestOneStatement(t *testing.T) {
	for _, test := range []struct {
		text string
		one  bool
	}{
		{"", true},
		{"SELECT 1", true},
		{"SELECT 1;", true},
		{"SELECT 1; ;\n-- that is all\n/* really */ ; /* all", true},
		{"-- first; of all\nSELECT 1", true},
		{"SELECT ';', 'it''s;', \"a;\", `b;`, [c;] /* ; */ FROM x -- ; y", true},
		{"SELECT 'open; SELECT 2", true}, // SQLite says what is wrong with it
		{"SELECT 5/2-1; ", true},
		{"SELECT 1; SELECT 2", false},
		{"SELECT 1;SELECT 2;", false},
		{"; ;SELECT 1", true},
		{"SELECT ';'; SELECT 2", false},
		{"SELECT 1; -- two\nSELECT 2", false},
		{"SELECT 1; /* two */SELECT 2", false},
		{"SELECT 1; -", false},
	} {
		err := oneStatement(test.text)
		if (err == nil) != test.one || err != nil && !errors.Is(err, errStatements) {
			t.Errorf("%q: %v", test.text, err)
		}
	}
}

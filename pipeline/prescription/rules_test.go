package prescription

import (
	"os"
	"testing"
)

// TestOwnRules: our own prescriptions load without a word, and each says where
// it can be read.
func TestOwnRules(t *testing.T) {
	set, err := Load(os.DirFS("rules"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set.Faults {
		t.Error(f)
	}
	for _, f := range Lint(set) {
		t.Error(f)
	}
	for _, u := range set.units {
		if len(u.Run.Why) != 1 || u.Run.Why[0].Link == "" {
			t.Errorf("%s has no link", u.Name)
		}
	}
	if len(set.units) < 10 {
		t.Errorf("only %d rules", len(set.units))
	}
}

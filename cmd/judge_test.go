package cmd

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSameTerms: the order of the requirements does not matter for what the
// stack is thought of.
func TestSameTerms(t *testing.T) {
	terms := func(manifest string) []termJSON {
		env, stdout, stderr := testEnv(t, map[string]string{"x.in": manifest})
		if exit := Main(context.Background(), env, append([]string{"advise", "x.in", "--json", "--dry-run"}, targetFlags...)); exit != exitOK {
			t.Fatalf("exit status %d\n%s", exit, stderr)
		}
		var d adviseDocument
		if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if len(d.Terms) == 0 || d.Recommendation != "stable" || len(d.Score) != 8 {
			t.Errorf("terms %v, recommendation %q, score %v", d.Terms, d.Recommendation, d.Score)
		}
		return d.Terms
	}
	lines := []string{"apache-beam\n", "tensorflow\n", "flask<2.3\n", "celery\n"}
	there := terms(lines[0] + lines[1] + lines[2] + lines[3])
	slices.Reverse(lines)
	if diff := cmp.Diff(there, terms(lines[0]+lines[1]+lines[2]+lines[3])); diff != "" {
		t.Error(diff)
	}
}

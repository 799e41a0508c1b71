package cmd

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/thamos/thamos/predictor"
)

// TestSearchSameBytes: one problem, seed and budget give the same bytes in every run,
// on one core and on two, with every predictor.
func TestSearchSameBytes(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join("..", "testdata", "projects", "flask-tensorflow", "Pipfile"))
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, s := range predictor.Strategies() {
		runs := 20
		if s.Name != "auto" {
			runs = 4
		}
		if raced {
			runs = 2
		}
		first := ""
		for run := range runs {
			runtime.GOMAXPROCS(1 + run%2)
			env, stdout, stderr := testEnv(t, map[string]string{"Pipfile": string(manifest)})
			args := append([]string{"advise", "--predictor", s.Name, "--seed", "7", "--budget", "2e6", "--count", "3", "--json"}, targetFlags...)
			if s.Name != "latest" { // which proves nothing of scores
				args = append(args, "--certificate", "proof.json")
			}
			if exit := Main(context.Background(), env, args); exit != exitOK {
				t.Fatalf("%s: exit status %d\n%s", s.Name, exit, stderr)
			}
			lock, err := os.ReadFile(filepath.Join(env.Dir, "Pipfile.lock"))
			if err != nil {
				t.Fatal(err)
			}
			proof, err := os.ReadFile(filepath.Join(env.Dir, "proof.json"))
			if err != nil && s.Name != "latest" {
				t.Fatal(err)
			}
			all := strings.Join([]string{stdout.String(), string(lock), string(proof)}, "\n")
			if run == 0 {
				first = all
			} else if all != first {
				t.Errorf("%s: run %d gives other bytes than the first", s.Name, run+1)
			}
		}
	}
}

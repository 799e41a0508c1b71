package resolver

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestMain gives the property tests the depth of every day: two thousand worlds
// each take a second. -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "2000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// TestWorlds solves every world of testdata: a comment that says what it shows,
// a universe, a problem, and the report or the error.
func TestWorlds(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]*txtar.File{}
			for i := range a.Files {
				part[a.Files[i].Name] = &a.Files[i]
			}
			if part["universe"] == nil || part["problem"] == nil || part["report"] == nil {
				t.Fatal("a world needs universe, problem and report")
			}
			u := parseUniverse(t, string(part["universe"].Data))
			p := judged(t, parseProblem(t, string(part["problem"].Data)), u, string(part["problem"].Data))
			got := solveToText(t, p, u)
			if *update {
				part["report"].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(part["report"].Data)), strings.TrimSpace(got)); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func solveToText(t *testing.T, p *Problem, u *universe) string {
	t.Helper()
	r, err := Solve(context.Background(), p, u)
	if err != nil {
		var none *NoStackError
		var unknown *UnknownError
		var refused *RefusedStacksError
		if !errors.As(err, &none) && !errors.As(err, &unknown) && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return err.Error() + "\n"
	}
	if err := Verify(context.Background(), p, u, r.Stack); err != nil {
		t.Errorf("the stack does not verify: %v", err)
	}
	return printReport(r)
}

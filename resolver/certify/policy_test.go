package certify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// believed are what the checker may know of the engine's packages: the words of
// the problem, and the form of a proof. A longer list needs a reason in the
// commit message.
var believed = map[string]string{
	"resolver": `Problem Requirement Formats Prereleases IfNecessary Allow Explicit Disallow
		Knowledge Pipeline Sifted Edit StandIn Candidates Term Member Tier Tiers LastTier Score Releases NewReleases Choice StageProof`,
	"wcsp": `Proof Step StepKind BoundStep FixStep BranchStep Message Scale
		Factor FactorKind PairFactor GroupFactor PresenceFactor LoopFactor`,
}

// methods are those of values from elsewhere that have some: of Problem and of
// its parts no method that judges.
var methods = map[string][]string{"Problem": {"Usable"}}

// TestIndependent: the checker shares no code with the engine.
func TestIndependent(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		read++
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range dependence(parsed) {
			t.Errorf("%s: %s", f.Name(), fault)
		}
	}
	if read < 10 {
		t.Errorf("only %d files are looked at", read)
	}
}

// dependence returns what a file uses and should not.
func dependence(f *ast.File) (faults []string) {
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		own, ok := strings.CutPrefix(path, "github.com/thamos/thamos/")
		switch {
		case i.Name != nil:
			faults = append(faults, "renames "+path)
		case ok && own != "resolver" && own != "resolver/wcsp" && own != "kb/py" && own != "kb",
			!ok && strings.Contains(path, "."):
			faults = append(faults, "imports "+path)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if slices.Contains(methods["Problem"], s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); !ok || x.Name != "c" { // a field of Candidates
				faults = append(faults, "calls "+s.Sel.Name)
			}
		}
		if x, ok := s.X.(*ast.Ident); ok {
			if words, ok := believed[x.Name]; ok && !slices.Contains(strings.Fields(words), s.Sel.Name) {
				faults = append(faults, "uses "+x.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return faults
}

// TestDependence: what is not allowed is seen.
func TestDependence(t *testing.T) {
	for _, text := range []string{
		`package p; import "github.com/thamos/thamos/resolver/exact"`,
		`package p; import r "github.com/thamos/thamos/resolver"`,
		`package p; import "golang.org/x/tools"`,
		`package p; import "github.com/thamos/thamos/resolver"; var _ = resolver.Verify`,
		`package p; import "github.com/thamos/thamos/resolver"; var _ = resolver.Solve`,
		`package p; import "github.com/thamos/thamos/resolver/wcsp"; var _ wcsp.Network`,
		`package p; func f() { problem.Usable("a", nil) }`,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if len(dependence(f)) == 0 {
			t.Errorf("nothing is wrong with %s", text)
		}
	}
}

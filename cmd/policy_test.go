package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/thamos/thamos/"

// layers is policy, not description: which packages of this module a package
// may import. To make a failing build pass, change the code; a new or longer
// row needs a reason in the commit message. Tests may import more.
var layers = map[string]string{
	"kb/py":     "",
	"kb/kbtest": "",
	"kb":        "kb/py",
	"kb/ingest": "kb kb/py",
	"kb/sync":   "kb kb/ingest", // the client of ingest has the proxies, certificates and logins
	"lockfile":  "kb/py",
	"resolver":  "kb/py resolver/wcsp resolver/exact",

	// The search in numbers knows nothing of ours; what searches knows only it.
	"resolver/wcsp":          "",
	"resolver/wcsp/wcsptest": "resolver/wcsp",
	"resolver/exact":         "resolver/wcsp",
	"resolver/sample":        "resolver/wcsp",
	"resolver/certify":       "resolver resolver/wcsp kb/py",
	"predictor":              "resolver/wcsp",

	// What a lock is held against comes through interfaces; Sigstore's library has
	// a room of its own, because it is large.
	"lockfile/provenance":          "lockfile kb/py",
	"lockfile/provenance/sigstore": "lockfile/provenance kb/py",

	// Units see the resolver's words and each other's contract, never the
	// knowledge base; the list of all is the one package that knows them all.
	"pipeline":              "resolver kb/py",
	"pipeline/boots":        "pipeline resolver kb/py",
	"pipeline/pseudonyms":   "pipeline resolver kb/py",
	"pipeline/sieves":       "pipeline resolver kb/py",
	"pipeline/steps":        "pipeline resolver kb/py",
	"pipeline/strides":      "pipeline resolver kb/py",
	"pipeline/wraps":        "pipeline resolver kb/py",
	"pipeline/prescription": "pipeline resolver kb/py",
	"pipeline/units":        "pipeline pipeline/prescription pipeline/boots pipeline/pseudonyms pipeline/sieves pipeline/steps pipeline/strides pipeline/wraps resolver",
	"pipeline/pipelinetest": "pipeline resolver kb/py",

	// A solver knows packages by their words, and neither indexes nor knowledge:
	// what it needs is handed to it as files.
	"solver":            "kb/py",
	"solver/archive":    "",
	"solver/base":       "",
	"solver/journal":    "solver kb/py",
	"solver/solvertest": "",
	"solver/livetest":   "solver solver/base",

	"cmd/environment": "kb/py",
	"cmd":             "solver solver/archive solver/base solver/journal kb kb/ingest kb/sync kb/py lockfile lockfile/provenance lockfile/provenance/sigstore resolver resolver/wcsp resolver/exact resolver/certify resolver/sample predictor pipeline pipeline/prescription pipeline/sieves pipeline/units cmd/environment",
	"cmd/thamos":      "cmd",
}

// standardOnly are the packages that import nothing but the standard library
// and this module.
var standardOnly = []string{"kb/py", "resolver"}

// A rule keeps something of the world out of every room but those named.
type rule struct {
	what    string
	imports []string // packages that may not be imported
	calls   []string // "package.Function", or "package.*"
	rooms   []string // where they may be all the same
}

var rules = []rule{
	{"the network", []string{"net", "net/http", "net/http/httptest", "crypto/tls"}, nil, []string{"kb/ingest"}},
	{"processes", []string{"os/exec"}, []string{"os.StartProcess", "syscall.ForkExec", "syscall.StartProcess", "syscall.Exec", "syscall.Kill"}, []string{"cmd/environment", "solver", "solver/base"}},
	{"an old source of randomness", []string{"math/rand", "crypto/rand"}, nil, nil},
	{"a global source of randomness", nil, []string{
		"rand.Int", "rand.IntN", "rand.Float64", "rand.Shuffle", "rand.Perm", "rand.Uint64", "rand.Uint32", "rand.N", "rand.Seed",
	}, []string{"cmd/thamos"}},
	{"the clock", nil, []string{"time.Now", "time.Since", "time.Until"}, []string{"cmd/thamos"}},
	{"waiting", nil, []string{"time.Sleep", "time.After", "time.Tick", "time.NewTimer", "time.NewTicker", "time.AfterFunc"}, []string{"cmd/thamos", "kb/ingest", "kb/sync", "cmd/environment"}},
	{"the environment", nil, []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.Setenv", "os.Getwd", "os.UserHomeDir", "os.UserCacheDir", "os.UserConfigDir", "os.Hostname"}, []string{"cmd/thamos", "kb/kbtest"}},
	{"the terminal", nil, []string{"fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout", "os.Stderr", "os.Stdin"}, []string{"cmd/thamos"}},
	{"logs", []string{"log", "log/slog"}, nil, nil},
	{"os.Exit", nil, []string{"os.Exit"}, []string{"cmd/thamos"}},
}

// TestPolicy parses every file that is not a test and holds it against layers
// and rules. No file may have a func init, and every package has a doc.go.
func TestPolicy(t *testing.T) {
	packages := sources(t, os.DirFS(".."))
	for dir, files := range packages {
		if _, ok := layers[dir]; !ok {
			t.Errorf("%s is not in layers", dir)
		}
		if _, ok := files["doc.go"]; !ok {
			t.Errorf("%s has no doc.go", dir)
		}
		for name, f := range files {
			for _, complaint := range complaints(dir, f) {
				t.Errorf("%s: %s", path.Join(dir, name), complaint)
			}
		}
	}
	for dir := range layers {
		if packages[dir] == nil {
			t.Errorf("layers has %s, which is not there", dir)
		}
	}
}

// TestPolicyCatches feeds the policy what it is to catch.
func TestPolicyCatches(t *testing.T) {
	for _, c := range []struct{ dir, source, want string }{
		{"kb/py", `package py; import "github.com/thamos/thamos/kb"; var _ = kb.Open`, "may not import"},
		{"kb/py", `package py; import "github.com/BurntSushi/toml"; var _ = toml.Decode`, "standard library"},
		{"resolver", `package resolver; import "net/http"; var _ = http.Get`, "the network"},
		{"resolver", `package resolver; import "time"; var _ = time.Now()`, "the clock"},
		{"lockfile", `package lockfile; import "os"; var _ = os.Getenv("HOME")`, "the environment"},
		{"lockfile", `package lockfile; import "fmt"; func f() { fmt.Println() }`, "the terminal"},
		{"kb", `package kb; import "os/exec"; var _ = exec.Command`, "processes"},
		{"kb", `package kb; func init() {}`, "func init"},
		{"kb", `package kb; import r "math/rand/v2"; var _ = r.IntN(3)`, "a global source of randomness"},
		{"cmd", `package cmd; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		{"kb", `package kb; import _ "modernc.org/sqlite"`, ""},
		{"cmd/thamos", `package main; import "os"; func f() { os.Exit(1) }`, ""},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", c.source, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(complaints(c.dir, f), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\ngot complaints %q, want %q", c.dir, c.source, got, c.want)
		}
	}
}

// sources parses the Go files of the module that are not tests, by folder and
// name.
func sources(t *testing.T, module fs.FS) map[string]map[string]*ast.File {
	packages := map[string]map[string]*ast.File{}
	err := fs.WalkDir(module, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != "."):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		data, err := fs.ReadFile(module, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, data, 0)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		if packages[dir] == nil {
			packages[dir] = map[string]*ast.File{}
		}
		packages[dir][path.Base(p)] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// complaints holds one file of a package against layers and rules.
func complaints(dir string, f *ast.File) []string {
	var found []string
	imported := map[string]string{} // local name → base name of the package
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if ours, ok := strings.CutPrefix(p, module); ok {
			if !slices.Contains(strings.Fields(layers[dir]), ours) {
				found = append(found, "may not import "+ours)
			}
			continue
		}
		if strings.Contains(p, ".") && slices.Contains(standardOnly, dir) {
			found = append(found, "imports "+p+", but has only the standard library")
		}
		base := strings.TrimSuffix(p, "/v2")
		base = path.Base(base)
		name := base
		if i.Name != nil {
			name = i.Name.Name
		}
		imported[name] = base
		for _, r := range rules {
			if slices.Contains(r.imports, p) && !slices.Contains(r.rooms, dir) {
				found = append(found, "imports "+p+": "+r.what+" is not for this room")
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, "has a func init")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || imported[x.Name] == "" {
				return true
			}
			call := imported[x.Name] + "." + n.Sel.Name
			for _, r := range rules {
				if slices.Contains(r.calls, call) && !slices.Contains(r.rooms, dir) {
					found = append(found, "uses "+call+": "+r.what+" is not for this room")
				}
			}
		}
		return true
	})
	return found
}

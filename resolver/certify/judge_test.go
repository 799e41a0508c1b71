package certify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// filed is a universe with files.
type filed struct {
	universe
	files map[string][]py.File
}

func (f filed) Files(_ context.Context, packages []py.Package) ([][]py.File, error) {
	all := make([][]py.File, len(packages))
	for i, p := range packages {
		all[i] = f.files[p.String()]
	}
	return all, nil
}

// drawRelease draws a release of a project with everything that a judge looks
// at, and its files.
func drawRelease(rng *rand.Rand, text string) (py.Release, []py.File) {
	day := func() int64 { return []int64{0, 100, 200, 300}[rng.IntN(4)] }
	r := py.Release{Version: version(text), Requires: new(py.Requires), Yanked: rng.IntN(4) == 0, Uploaded: day(), LastUploaded: day()}
	r.RequiresPython = []string{"", "", ">=3.9", ">=3.9,<3.12", "nonsense", "==3.12.*"}[rng.IntN(6)]
	var files []py.File
	if rng.IntN(4) > 0 {
		r.Artifacts = new(py.Artifacts)
	}
	for _, name := range []string{"p-1.0.tar.gz", "p-1.0-py3-none-any.whl", "p-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"} {
		if rng.IntN(2) == 0 {
			continue
		}
		f := py.File{Filename: name, SHA256: []string{"aa", "bb"}[rng.IntN(2)], Uploaded: day(), Yanked: rng.IntN(5) == 0}
		files = append(files, f)
		if r.Artifacts == nil {
			continue
		}
		if w, err := py.ParseWheelName(name); err == nil {
			r.Artifacts.Wheels = append(r.Artifacts.Wheels, w.Tags)
		} else {
			r.Artifacts.Sdist = true
		}
	}
	return r, files
}

// TestJudgeAgrees: which release may be chosen is what the resolver says, for
// yanked, pre-releases, dates, hashes, Requires-Python, formats and tags.
func TestJudgeAgrees(t *testing.T) {
	ctx := context.Background()
	yes, no := 0, 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		pick := func(from ...string) string { return from[rng.IntN(len(from))] }
		text := pick("1.0", "1.0", "1.0a1", "1.0+local")
		r, files := drawRelease(rng, text)
		k := filed{universe{"p": {Name: "p", Releases: []py.Release{r}}}, map[string][]py.File{"p==" + text: files}}
		p := parseProblem(k.universe, pick("p", "p==1.0", "p>=1.0a1", "p==1.0+local", "p==1.0a1; python_version < '3'\np")+"\nconstraint p"+pick("", "", "==1.0", ">=1.0a1"))
		p.Prereleases = resolver.Prereleases(rng.IntN(4))
		if rng.IntN(4) == 0 {
			p.PrereleasesFor = []py.Name{"p"}
		}
		if rng.IntN(2) == 0 {
			p.ExcludeNewer = 200
		}
		formats := func() resolver.Formats {
			return []resolver.Formats{{}, {}, {}, {All: true}, {Names: []py.Name{"p"}}}[rng.IntN(5)]
		}
		p.NoBuild, p.NoBinary = formats(), formats()
		hashes := func() []string { return [][]string{nil, nil, {"sha256:aa"}, {"sha256:aa", "sha256:bb"}}[rng.IntN(4)] }
		p.Requirements[0].Hashes, p.Constraints[0].Hashes = hashes(), hashes()
		want := resolver.Verify(ctx, p, k, []resolver.Choice{{Package: py.Package{Name: "p", Version: r.Version}}})
		_, got := modelOf(p, k, false).stack(ctx, []Entry{{Name: "p", Version: text}})
		if (want == nil) != (got == nil) {
			t.Fatalf("seed %d: %v, but the resolver says %v\n%+v\n%+v\n%+v", seed, got, want, r, files, p)
		}
		if got == nil {
			yes++
		} else {
			no++
		}
	}
	if yes < 400 || no < 400 {
		t.Errorf("%d releases may be chosen, %d may not", yes, no)
	}
}

// TestCandidates: what is built here is told to the pipeline.
func TestCandidates(t *testing.T) {
	u := parseUniverse("a 1.0 [sdist]\na 2.0\na 3.0 [linux]\nb 1.0 [sdist]\nc 1.0\n")
	p := parseProblem(u, "a<2.5\nb\nrefuse c\n")
	got := ""
	for _, c := range modelOf(p, u, false).candidates() {
		got += fmt.Sprintf("%s %v %b %b,", c.Name, c.Direct, c.Usable[0], c.Build[0])
	}
	if want := "a true 110 100,b true 1 1,"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

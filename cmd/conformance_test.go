package cmd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/ingest"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/resolver"
)

// answerDeviations are the versions, by input and Python, that differ from the
// recorded newest-first answers, with the cause.
var answerDeviations = map[string]map[py.Name]string{}

// TestConformanceAnswers compares with the answers that uv gave when it saw of
// the index only the releases whose metadata was saved, as wheels: the same
// packages, and the same versions but for the listed differences. Where uv has
// no answer there must be none, with a conflict that names the user's line.
func TestConformanceAnswers(t *testing.T) {
	inputs := kbtest.Glob(t, "pypi-answers/*.in")
	world := savedWorld(t)
	answer := regexp.MustCompile(`\.(\d+\.\d+)\.(txt|err)$`)
	for _, input := range inputs {
		base := strings.TrimSuffix(input, ".in")
		answers, err := filepath.Glob(base + ".*")
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			if m := answer.FindStringSubmatch(a); m != nil {
				name := filepath.Base(base) + "/" + m[1]
				t.Run(name, func(t *testing.T) { checkAnswer(t, world, input, a, m[1], m[2] == "err", name) })
			}
		}
	}
}

func checkAnswer(t *testing.T, world resolver.Knowledge, input, answer, python string, fails bool, name string) {
	m, err := readManifest(input)
	if err != nil {
		t.Fatal(err)
	}
	platform, err := py.ParsePlatform("manylinux_2_36_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	version, err := py.ParseVersion(python)
	if err != nil {
		t.Fatal(err)
	}
	p := &resolver.Problem{
		Environment: &py.Environment{Implementation: "cpython", Python: version, Platform: platform},
		NoBuild:     resolver.Formats{All: true},
	}
	for _, r := range m.Requirements {
		p.Requirements = append(p.Requirements, userRequirement(r))
	}
	report, err := resolver.Solve(context.Background(), p, world)
	var none *resolver.NoStackError
	switch {
	case errors.As(err, &none):
		if !fails {
			t.Fatal(err)
		}
		if none.Lines[0].Origin == "" {
			t.Errorf("the conflict does not begin with the user's line: %v", err)
		}
		return
	case err != nil:
		t.Fatal(err)
	case fails:
		t.Fatal("found a stack where there is none")
	}
	if err := resolver.Verify(context.Background(), p, world, report.Stack); err != nil {
		t.Error(err)
	}
	got := map[py.Name]string{}
	for _, c := range report.Stack {
		got[c.Name] = c.Version.String()
	}
	want := pinned(t, answer)
	for name, why := range answerDeviations[name] {
		if got[name] == want[name] {
			t.Errorf("%s no longer differs (%s): take it off the list", name, why)
		}
		if got[name] != "" && want[name] != "" {
			got[name] = want[name]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stack (-uv +thamos):\n%s", diff)
	}
}

// pinned reads the name==version lines of an answer.
func pinned(t testing.TB, file string) map[py.Name]string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pins := map[py.Name]string{}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if name, version, ok := strings.Cut(strings.TrimSpace(s.Text()), "=="); ok && !strings.HasPrefix(name, "#") {
			version, _, _ = strings.Cut(version, " ")
			name, _, _ = strings.Cut(name, "[")
			pins[py.NormalizeName(name)] = version
		}
	}
	return pins
}

// savedWorld builds a knowledge base of the saved index as uv saw it: only the
// releases whose metadata is there, and of these only the wheels. What it does
// not hold does not exist.
func savedWorld(t testing.TB) resolver.Knowledge {
	z := kbtest.Zip(t, "pypi.zip")
	file := filepath.Join(t.TempDir(), snapshotName)
	w, err := kb.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ingest.Directory(context.Background(), z, func(l kb.Listing) error {
		read := map[string]bool{}
		for _, m := range l.Metadata {
			read[m.Version.Key()] = true
		}
		l.Versions = nil
		l.Files = slices.DeleteFunc(l.Files, func(f py.File) bool {
			wheel, err := py.ParseWheelName(f.Filename)
			return err != nil || !read[wheel.Version.Key()]
		})
		return w.Add(l)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(kb.Info{Built: 1}); err != nil {
		t.Fatal(err)
	}
	db, err := kb.Open(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return closedWorld{db}
}

// TestConformanceSnapshot rebuilds the embedded knowledge base from what it was
// made of: the same bytes must come out.
func TestConformanceSnapshot(t *testing.T) {
	if raced {
		t.Skip("one long run, which is the same without the race detector")
	}
	from, advisories, popular := kbtest.Shared(t, "pypi.zip"), kbtest.Shared(t, "advisories.zip"), kbtest.Shared(t, "popular.tsv")
	env, _, stderr := testEnv(t, nil)
	db, err := openEmbedded(context.Background(), env)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	info, err := db.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs("../pipeline/prescription/rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"build", "--from", from, "--origin", info.Origin, "--built", day(info.Built), "--known-files", "--output", "x.db"},
		{"import", "--format", "osv", advisories, "--name", "PyPA advisory database", "--licence", "CC-BY-4.0", "--date", "2024-10-10", "--kb", "x.db", "--output", "x.db"},
		{"import", "--format", "popular", popular, "--name", "most downloaded projects", "--licence", "NOASSERTION", "--date", day(info.Built), "--kb", "x.db", "--output", "x.db"},
		{"import", "--format", "prescriptions", rules, "--name", "rules of thamos", "--licence", "Apache-2.0", "--date", day(info.Built), "--kb", "x.db", "--embed", env.Dir},
	} {
		if got := Main(context.Background(), env, append([]string{"kb"}, args...)); got != exitOK {
			t.Fatalf("%v: exit status %d\n%s", args, got, stderr)
		}
	}
	for _, name := range []string{"snapshot.db.zst", "snapshot.json", "projects.txt"} {
		want, err := os.ReadFile(filepath.Join("..", "kb", "embedded", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(env.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what `make snapshot` makes of %s", name, from)
		}
	}
}

// closedWorld is knowledge that knows everything: a project without a record
// does not exist.
type closedWorld struct{ *kb.DB }

func (w closedWorld) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	projects, err := w.DB.Projects(ctx, names)
	for i, p := range projects {
		if p == nil {
			projects[i] = &py.Project{Name: names[i]}
		}
	}
	return projects, err
}

package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/solver"
)

// A world is a clock that stands still and tokens in a row.
type world struct {
	now time.Time
	n   int
}

func (w *world) options() Options {
	return Options{Now: func() time.Time { return w.now }, Token: func() string { w.n++; return fmt.Sprintf("client%d", w.n) }}
}

func newWorld() *world { return &world{now: time.Unix(1_800_000_000, 0)} }

func openTest(t testing.TB, w *world, dir string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), dir, w.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// documentOf is one of an import of a release.
func documentOf(pkg, outcome, image string, at int64) *solver.Document {
	d := &solver.Document{
		Schema: solver.DocumentSchema, Packages: []string{pkg}, Targets: []string{pkg}, Artefacts: []solver.Artefact{},
		Environment: solver.EnvironmentJSON{Python: "3.11", Platform: "linux_x86_64"}, Image: solver.ImageJSON{ID: image},
		Solver: solver.Version, At: time.Unix(at, 0).UTC().Format(time.RFC3339),
		Results:    []solver.Result{{Packages: []string{pkg}, Kind: "import", Outcome: outcome}},
		Indicators: []solver.IndicatorJSON{{Package: pkg, Tool: "thamos", Metric: "code_lines", Value: float64(at)}},
	}
	if outcome == "failed" {
		d.Results[0].Class = solver.ClassImport
	}
	return d
}

const env = "3.11 linux_x86_64"

func next(t *testing.T, j *Journal) *Item {
	t.Helper()
	i, err := j.Next(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestQueue(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	a, b := openTest(t, w, dir), openTest(t, w, dir)
	ctx := t.Context()
	if _, err := a.Add(ctx, Item{Key: "low", Env: env, Priority: 1}, Item{Key: "high", Env: env, Priority: 2}, Item{Key: "else", Env: "3.12 linux_x86_64"}); err != nil {
		t.Fatal(err)
	}
	first, second := next(t, a), next(t, b)
	if first.Key != "high" || second.Key != "low" || next(t, a) != nil || next(t, b) != nil {
		t.Fatalf("%+v %+v", first, second)
	}
	// What the network did is tried again, later; and by whoever comes.
	if err := a.Fail(ctx, first, solver.ClassNetwork, "gone"); err != nil {
		t.Fatal(err)
	}
	if next(t, b) != nil {
		t.Error("it was not to be tried at once")
	}
	w.now = w.now.Add(31 * time.Second)
	again := next(t, b)
	if again == nil || again.Key != "high" || again.Attempts != 2 {
		t.Fatalf("%+v", again)
	}
	if err := b.Done(ctx, again, documentOf("high==1", "ok", "i", 1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Done(ctx, again); err == nil {
		t.Error("it was settled twice")
	}
	// What a client had that ended is free.
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	freed := next(t, a)
	if freed == nil || freed.Key != "low" || freed.Attempts != 2 {
		t.Fatalf("%+v", freed)
	}
	if err := a.Fail(ctx, freed, solver.ClassMemory, "large"); err != nil || freed.State != Left {
		t.Errorf("%+v, %v", freed, err)
	}
	s, err := a.Summary(ctx)
	if err != nil || s.Waiting != 1 || s.Done != 1 || len(s.Left) != 1 || s.Left[0].Class != solver.ClassMemory || s.Documents != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	// Whoever wants it again gets it.
	if _, err := a.Add(ctx, Item{Key: "low", Env: env}); err != nil {
		t.Fatal(err)
	}
	if i := next(t, a); i == nil || i.Attempts != 1 {
		t.Errorf("%+v", i)
	}
}

// TestGone: a client that ended without a word is noticed by its lock, at once.
func TestGone(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	a, b := openTest(t, w, dir), openTest(t, w, dir)
	if _, err := a.Add(t.Context(), Item{Key: "x", Env: env}); err != nil {
		t.Fatal(err)
	}
	lost := next(t, a)
	if lost == nil || next(t, b) != nil || !b.Alive(a.Client()) {
		t.Fatal("x is not a's")
	}
	if err := errors.Join(os.WriteFile(filepath.Join(a.Temp(), "x"), nil, 0o600), a.lock.Close()); err != nil { // which is what being killed does
		t.Fatal(err)
	}
	if b.Alive(a.Client()) {
		t.Fatal("a lives")
	}
	if i := next(t, b); i == nil {
		t.Error("x is still a's")
	}
	if err := a.Done(t.Context(), lost, documentOf("x==1", "ok", "i", 1)); err == nil {
		t.Error("what b has was settled by a")
	}
	if s, err := b.Summary(t.Context()); err != nil || s.Documents != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	openTest(t, w, dir)
	if _, err := os.Stat(a.Temp()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a left is there: %v", err)
	}
	if !b.Orphaned(a.Owner()) || b.Orphaned(b.Owner()) || b.Orphaned("elsewhere-"+a.Client()) || b.Orphaned("") {
		t.Error("orphans are the clients of this journal that are gone")
	}
	if b.Alive("../../etc") {
		t.Error("a path is no client")
	}
}

// TestEndless: an item whose clients all end is left at last.
func TestEndless(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	a := openTest(t, w, dir)
	if _, err := a.Add(t.Context(), Item{Key: "x", Env: env}); err != nil {
		t.Fatal(err)
	}
	for n := range maxLeases {
		b := openTest(t, w, dir)
		if next(t, b) == nil {
			t.Fatalf("try %d", n)
		}
		b.lock.Close()
	}
	if i := next(t, a); i != nil {
		t.Errorf("%+v", i)
	}
	if items, err := a.Items(t.Context()); err != nil || items[0].State != Left {
		t.Errorf("%+v, %v", items, err)
	}
}

func TestObservations(t *testing.T) {
	w := newWorld()
	j := openTest(t, w, t.TempDir())
	ctx := t.Context()
	good, bad := documentOf("a==1", "ok", "old", 10), documentOf("a==2.0", "failed", "old", 20)
	slow := documentOf("a==3", "timeout", "old", 30)
	if _, err := j.Keep(ctx, bad, good, slow, bad); err != nil {
		t.Fatal(err)
	}
	ask := func() []string {
		t.Helper()
		all, err := j.Observations(ctx, []py.Name{"b", "a"})
		if err != nil || len(all[0]) != 0 {
			t.Fatal(all, err)
		}
		var out []string
		for _, o := range all[1] {
			out = append(out, o.Packages[0].String()+" "+o.Outcome)
		}
		return out
	}
	if diff := cmp.Diff([]string{"a==1 ok", "a==2.0 failed"}, ask()); diff != "" {
		t.Error(diff)
	}
	counts, err := j.Indicators(ctx, []py.Name{"a"})
	if err != nil || len(counts[0]) != 3 || counts[0][0].Value != 10 {
		t.Errorf("%+v, %v", counts, err)
	}
	tried := func(image string) []bool {
		t.Helper()
		var packages []py.Package
		for _, v := range []string{"1.0", "2", "3"} {
			version, err := py.ParseVersion(v)
			if err != nil {
				t.Fatal(err)
			}
			packages = append(packages, py.Package{Name: "a", Version: version})
		}
		out, err := j.Tried(ctx, packages, "3.11", "linux_x86_64", image)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if diff := cmp.Diff([]bool{true, true, false}, tried("old")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{false, false, false}, tried("new")); diff != "" {
		t.Error(diff)
	}
	// With another image a failure no longer counts.
	if err := j.SetImage(ctx, "3.11", "linux_x86_64", "new"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a==1 ok"}, ask()); diff != "" {
		t.Error(diff)
	}
	// The files are enough to make all of it again.
	if n, bad, err := j.Rebuild(ctx); n != 3 || len(bad) > 0 || err != nil {
		t.Errorf("%d, %v, %v", n, bad, err)
	}
	if diff := cmp.Diff([]string{"a==1 ok"}, ask()); diff != "" {
		t.Error(diff)
	}
}

// TestForget: what is forgotten does not come back with the files.
func TestForget(t *testing.T) {
	j := openTest(t, newWorld(), t.TempDir())
	ctx := t.Context()
	if _, err := j.Add(ctx, Item{Key: "a==2", Env: env}, Item{Key: "b", Env: env}); err != nil {
		t.Fatal(err)
	}
	if err := j.Done(ctx, next(t, j), documentOf("a==2", "failed", "i", 1)); err != nil {
		t.Fatal(err)
	}
	pair := documentOf("b==1", "failed", "i", 3)
	pair.Results[0].Packages = []string{"a==1", "b==1"}
	if _, err := j.Keep(ctx, documentOf("a==1", "timeout", "i", 2), pair, documentOf("b==1", "ok", "i", 4), documentOf("c==1", "ok", "i", 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Add(ctx, Item{Key: "a>2", Env: env}); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		t.Helper()
		if _, bad, err := j.Rebuild(ctx); len(bad) > 0 || err != nil {
			t.Fatal(bad, err)
		}
		s, err := j.Summary(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s.Documents
	}
	if n, err := j.Forget(ctx, []py.Name{"a"}); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n := left(); n != 2 {
		t.Errorf("%d documents are left", n)
	}
	all, err := j.Observations(ctx, []py.Name{"a", "b"})
	if err != nil || len(all[0]) != 0 || len(all[1]) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if items, err := j.Items(ctx); err != nil || len(items) != 2 || items[0].State != Waiting || items[1].State != Waiting {
		t.Errorf("what waits is to be left: %+v, %v", items, err)
	}
	if n, err := j.Forget(ctx, nil); n != 2 || err != nil || left() != 0 {
		t.Errorf("%d, %v", n, err)
	}
	var none *Journal
	if n, err := none.Forget(ctx, nil); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// TestDamaged: a damaged file is noticed, and what the documents say is had again
// without it.
func TestDamaged(t *testing.T) {
	zero := func(text []byte) []byte { // but the first page
		for i := 4096; i < len(text); i++ {
			text[i] = 0xee
		}
		return text
	}
	for name, damage := range map[string]func([]byte) []byte{
		"junk":    func([]byte) []byte { return []byte("junk\n") },
		"pages":   zero,
		"cut":     func(text []byte) []byte { return text[:len(text)/2] },
		"another": func(text []byte) []byte { copy(text[68:], "abcd"); return text }, // its application id
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := newWorld(), t.TempDir()
			j := openTest(t, w, dir)
			if _, err := j.Keep(t.Context(), documentOf("a==1", "failed", "i", 1)); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "journal.db")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = damage(text)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			j, err = Open(t.Context(), dir, w.options())
			if err == nil {
				err = errors.Join(j.Check(t.Context()), j.Close())
			}
			if !Damaged(err) {
				t.Fatalf("%v is no damage", err)
			}
			aside, err := SetAside(dir)
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := os.ReadFile(aside); err != nil || len(kept) != len(text) {
				t.Errorf("%d bytes of %d were kept, %v", len(kept), len(text), err)
			}
			j = openTest(t, w, dir)
			if n, bad, err := j.Rebuild(t.Context()); n != 1 || len(bad) > 0 || err != nil {
				t.Errorf("%d, %v, %v", n, bad, err)
			}
			if again, err := SetAside(dir); err != nil || again == aside {
				t.Errorf("%s, %v", again, err)
			}
		})
	}
}

// TestNone: a journal that is not there answers with nothing.
func TestNone(t *testing.T) {
	j, err := Read(t.Context(), filepath.Join(t.TempDir(), "none"), newWorld().options())
	if j != nil || err != nil {
		t.Fatal(j, err)
	}
	all, err := j.Observations(t.Context(), []py.Name{"a"})
	if err != nil || len(all) != 1 || all[0] != nil {
		t.Error(all, err)
	}
	if s, err := j.Summary(t.Context()); err != nil || s.Documents != 0 {
		t.Error(s, err)
	}
}

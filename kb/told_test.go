package kb

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// warning is an advisory of demo that affects all before a version.
func warning(t testing.TB, id string, modified int64, before string, aliases ...string) py.Advisory {
	return py.Advisory{ID: id, Aliases: aliases, Project: "demo", Summary: id, Severity: py.High, Modified: modified,
		Affected: []py.Affected{{Before: version(t, before)}}}
}

// tell is what a source says at a time.
func tell(name string, read int64, advisories ...py.Advisory) Told {
	return Told{Source: Source{Name: name, Licence: "CC-BY-4.0"}, Read: read, ETag: `"x"`, Advisories: advisories}
}

func TestTell(t *testing.T) {
	file, _ := write(t, world(t), func(w *Writer) {
		if err := w.AddFacts(labSource, Facts{Advisories: []py.Advisory{warning(t, "PYSEC-1", 50, "2"), warning(t, "PYSEC-2", 50, "2", "CVE-2")}}); err != nil {
			t.Fatal(err)
		}
	})
	d := openTest(t, file)
	l := newLocal(t)
	k := NewLayered(d, l, Route{Indexes: []string{public}}, true)
	malware := warning(t, "MAL-1", 100, "9")
	malware.Malware = true
	elsewhere := warning(t, "PYSEC-9", 100, "9")
	elsewhere.Project = "nobody"
	withdrawn := tell("osv", 500, warning(t, "GHSA-2", 100, "3", "CVE-2"), malware)
	withdrawn.Withdrawn = []Withdrawn{{"PYSEC-1", 400}, {"pysec-7", 3}}
	outdated := tell("late", 510)
	outdated.Withdrawn = []Withdrawn{{"GHSA-2", 99}} // modified since
	for _, step := range []struct {
		name  string
		told  Told
		want  []string // events
		known []string // words of demo's advisories
	}{
		{"the same in newer words", tell("osv", 200, warning(t, "PYSEC-1", 100, "2")), nil,
			[]string{"PYSEC-1 high: <2", "PYSEC-2 high: <2"}},
		{"a range is corrected, downwards", tell("osv", 300, warning(t, "PYSEC-1", 100, "1.5"), elsewhere),
			[]string{"notice advisory-changed  PYSEC-1 high: <2>high: <1.5"}, []string{"PYSEC-1 high: <1.5", "PYSEC-2 high: <2"}},
		{"what is older than the snapshot's does not count", tell("osv", 400, warning(t, "PYSEC-1", 10, "1.5")),
			[]string{"notice advisory-changed  PYSEC-1 high: <1.5>high: <2"}, []string{"PYSEC-1 high: <2", "PYSEC-2 high: <2"}},
		{"by another name, new malware, and withdrawn", withdrawn,
			[]string{"alarm advisory-added  MAL-1 >malware: <9", "notice advisory-changed  GHSA-2 high: <2>high: <3", "notice advisory-withdrawn  PYSEC-1 high: <2"},
			[]string{"GHSA-2 high: <3", "MAL-1 malware: <9"}},
		{"withdrawn before it was modified", outdated, nil, []string{"GHSA-2 high: <3", "MAL-1 malware: <9"}},
		{"what is not told any more", tell("osv", 600),
			[]string{"notice advisory-changed  PYSEC-2 high: <3>high: <2", "notice advisory-withdrawn  MAL-1 malware: <9", "warning advisory-added  PYSEC-1 >high: <2"},
			[]string{"PYSEC-1 high: <2", "PYSEC-2 high: <2"}},
		{"what comes late", tell("osv", 100, malware), nil, []string{"PYSEC-1 high: <2", "PYSEC-2 high: <2"}},
	} {
		for again := range 2 {
			events, err := l.Tell(t.Context(), step.told, Watched{[]py.Name{"demo", "leaf"}, d})
			if err != nil {
				t.Fatal(err)
			}
			want := step.want
			if again > 0 {
				want = nil
			}
			if diff := cmp.Diff(want, eventTexts(events)); diff != "" {
				t.Errorf("%s, time %d (-want +got):\n%s", step.name, again, diff)
			}
		}
		all, err := k.Advisories(t.Context(), []py.Name{"leaf", "demo"})
		if err != nil {
			t.Fatal(err)
		}
		var known []string
		for _, a := range all[1] {
			known = append(known, a.ID+" "+wordsOf(a))
		}
		if diff := cmp.Diff(step.known, known); diff != "" || len(all[0]) > 0 {
			t.Errorf("%s: known (-want +got):\n%s", step.name, diff)
		}
	}
	last, found, err := l.ToldBy(t.Context(), "osv")
	if err != nil || !found || last.Read != 600 || last.ETag != `"x"` {
		t.Errorf("%+v, %t, %v", last, found, err)
	}
	if err := l.Unchanged(t.Context(), "osv", 700); err != nil {
		t.Fatal(err)
	}
	if last, _, _ = l.ToldBy(t.Context(), "osv"); last.Read != 700 {
		t.Errorf("asked at %d", last.Read)
	}
	info, err := l.Info(t.Context())
	if err != nil || len(info.Told) != 2 || info.Told[1].Name != "osv" || info.Told[0].Withdrawn != 1 || info.Events != 8 {
		t.Errorf("%+v, %v", info, err)
	}
}

// Popularity of both layers: what this machine was told counts.
func TestPopular(t *testing.T) {
	file, _ := write(t, world(t), func(w *Writer) {
		for i, s := range []Source{labSource, {Name: "second"}} {
			if err := w.AddFacts(s, Facts{Popularity: []Popular{{"demo", 10 + i}, {"leaf", 1 + i}, {"leaf", 5}}}); err != nil {
				t.Fatal(err)
			}
		}
	})
	d := openTest(t, file)
	if err := d.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	l := newLocal(t)
	k := NewLayered(d, l, Route{}, true)
	names := []py.Name{"demo", "nobody", "leaf"}
	ranks, err := k.Ranks(t.Context(), names)
	if diff := cmp.Diff([]int{10, 0, 1}, ranks); diff != "" || err != nil {
		t.Error(err, diff)
	}
	list, err := k.Popular(t.Context(), 9)
	if diff := cmp.Diff([]Popular{{"leaf", 1}}, list); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := l.Tell(t.Context(), Told{Source: Source{Name: "top"}, Read: 1, Popularity: []Popular{{"nobody", 2}, {"demo", 3}}}, Watched{}); err != nil {
		t.Fatal(err)
	}
	ranks, err = k.Ranks(t.Context(), names)
	if diff := cmp.Diff([]int{3, 2, 1}, ranks); diff != "" || err != nil {
		t.Error(err, diff)
	}
	list, err = k.Popular(t.Context(), 9)
	if diff := cmp.Diff([]Popular{{"nobody", 2}, {"demo", 3}}, list); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// Observations and indicators are of both layers, each once however often it came.
func TestObserve(t *testing.T) {
	file, _ := write(t, world(t), addFacts(t))
	d := openTest(t, file)
	l := newLocal(t)
	more := observations(t)[0]
	more.At++
	for i := range 2 {
		n, err := l.Observe(t.Context(), append(observations(t), more), indicators(t))
		if want := []int{len(observations(t)) + 1 + len(indicators(t)), 0}[i]; err != nil || n != want {
			t.Errorf("time %d: %d added, %v, want %d", i, n, err, want)
		}
	}
	for name, k := range map[string]*Layered{"both": NewLayered(d, l, Route{}, true), "local": NewLayered(nil, l, Route{}, true)} {
		for _, project := range []py.Name{"demo", "leaf"} {
			want, err := d.Observations(t.Context(), []py.Name{project})
			if err != nil {
				t.Fatal(err)
			}
			wanted := len(want[0])
			for _, p := range more.Packages {
				if p.Name == project {
					wanted++
				}
			}
			got, err := k.Observations(t.Context(), []py.Name{project})
			if err != nil || len(got[0]) != wanted {
				t.Errorf("%s: %s has %d observations, %v, want %d", name, project, len(got[0]), err, wanted)
			}
			wantIndicators, err := d.Indicators(t.Context(), []py.Name{project})
			if err != nil {
				t.Fatal(err)
			}
			gotIndicators, err := k.Indicators(t.Context(), []py.Name{project})
			if diff := cmp.Diff(wantIndicators, gotIndicators, sameVersion); err != nil || diff != "" {
				t.Errorf("%s: %v, %s", name, err, diff)
			}
		}
	}
}

// learnAll learns all that can be learnt, in an order of its own.
func learnAll(t testing.TB, l *Local, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	var steps []func() error
	for _, d := range answersOf(t) {
		steps = append(steps, func() error { return l.Learn(t.Context(), []Document{d}) })
	}
	for _, told := range []Told{
		tell("a", 1, warning(t, "PYSEC-1", 1, "2")), tell("a", 2, warning(t, "PYSEC-2", 1, "2")), tell("b", 2, warning(t, "CVE-1", 1, "2")),
		{Source: Source{Name: "top"}, Read: 1, Popularity: []Popular{{"demo", 2}}, Withdrawn: []Withdrawn{{"X-1", 3}}},
	} {
		steps = append(steps, func() error { _, err := l.Tell(t.Context(), told, Watched{}); return err })
	}
	for _, o := range observations(t) {
		steps = append(steps, func() error { _, err := l.Observe(t.Context(), []py.Observation{o}, indicators(t)); return err })
	}
	for _, name := range []string{"demo", "leaf"} {
		steps = append(steps, func() error {
			for read := int64(1); read < 3; read++ {
				listing := &Listing{Name: py.Name(name), Files: []py.File{{Filename: name + "-1.0.tar.gz", SHA256: numbered(int(read))}}}
				s := Sighting{Now: Document{Kind: KindListing, Index: public, Project: listing.Name, Read: read, Listing: listing}}
				if _, err := l.See(t.Context(), nil, []Sighting{s}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever the order in which it was learnt, and rebuilt once or twice, local
// knowledge is the same.
func TestRebuild(t *testing.T) {
	want := ""
	for seed := range uint64(3) {
		l := newLocal(t)
		learnAll(t, l, seed)
		for i := range 3 {
			got := state(t, l)
			if want == "" {
				want = got
			}
			if got != want {
				t.Fatalf("order %d, rebuilt %d times: it says\n%s\nwant\n%s", seed, i, got, want)
			}
			if _, err := l.Rebuild(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What things are found by is made anew; what they are is never guessed.
func TestRebuildDamaged(t *testing.T) {
	l := newLocal(t)
	learnAll(t, l, 1)
	want := state(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	repaired := openLocalTest(t, alter(t, l.path, `UPDATE page SET releases = '[]', texts = ''`, `UPDATE release SET lines = 'nonsense'`, `DELETE FROM observed`))
	if state(t, repaired) == want {
		t.Fatal("the damage does not show: this tests nothing")
	}
	if _, err := repaired.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := state(t, repaired); got != want {
		t.Errorf("rebuilt it says\n%s\nwant\n%s", got, want)
	}
	if found, err := repaired.Observations(t.Context(), []py.Name{"demo"}); err != nil || len(found["demo"]) == 0 {
		t.Errorf("observations: %v, %v", found, err)
	}
	for _, damage := range []string{
		`UPDATE release SET read = read + 1`,
		`UPDATE project SET etag = 'other'`,
		`UPDATE advisory SET modified = 7`,
		`UPDATE advisory SET advisories = replace(advisories, 'PYSEC', 'PYSEX')`,
		`DELETE FROM withdrawn`,
		`UPDATE popular SET rank = 77`,
		`UPDATE observation SET body = '{}'`,
		`UPDATE seen SET releases = x'00'`,
		`UPDATE event SET severity = 0`,
	} {
		file := alter(t, l.path, damage)
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := openLocalTest(t, file)
		if _, err := damaged.Rebuild(t.Context()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", damage, err)
		}
		if err := damaged.Close(); err != nil {
			t.Fatal(err)
		}
		if after, err := os.ReadFile(file); err != nil || len(after) != len(before) {
			t.Errorf("%s: the file was changed, %v", damage, err)
		}
	}
}

// Local knowledge of schema 1.0.0 gets the tables it lacks and keeps what it has;
// what cannot be written is read without them.
func TestLocalUpgrade(t *testing.T) {
	l := newLocal(t, documents(public, 100, world(t)...)...)
	want := state(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	statements := []string{}
	for _, c := range localAddedContents {
		statements = append(statements, "DROP TABLE "+c.table)
	}
	old := alter(t, l.path, append(statements, "UPDATE meta SET value = '1.0.0'")...)
	for range 2 {
		if got := state(t, openLocalTest(t, old)); got != want {
			t.Errorf("upgraded it says\n%s\nwant\n%s", got, want)
		}
	}
	locked := filepath.Join(t.TempDir(), "ro")
	if err := os.Mkdir(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(locked, "local.db")
	text, err := os.ReadFile(alter(t, l.path, append(statements, "UPDATE meta SET value = '1.0.0'")...))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, text, 0o400), os.Chmod(locked, 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(locked, 0o700) })
	if os.Geteuid() == 0 {
		return // who may do everything cannot be kept from writing
	}
	reader := openLocalTest(t, file)
	k := NewLayered(nil, reader, Route{Indexes: []string{public}}, true)
	_, err1 := k.Advisories(t.Context(), []py.Name{"demo"})
	_, err2 := k.Observations(t.Context(), []py.Name{"demo"})
	_, err3 := reader.Events(t.Context(), EventQuery{})
	ps, err4 := k.Projects(t.Context(), []py.Name{"demo"})
	if err := errors.Join(err1, err2, err3, err4); err != nil || ps[0] == nil {
		t.Errorf("read only: %v", err)
	}
	if _, err := reader.See(t.Context(), nil, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("See: %v", err)
	}
	if _, err := reader.Rebuild(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Rebuild: %v", err)
	}
}

package resolver

import (
	"context"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// TestVerifyRefuses: a stack with any one fault is not accepted.
func TestVerifyRefuses(t *testing.T) {
	u := parseUniverse(t, `
a 1.0
	b>=1
	c; extra == 'x'
a 2.0
	b>=2
b 1.0
b 2.0 [yanked]
c 1.0
d 1.0
e 1.0 [unread]
f 1.0
	g @ https://files.example/g.zip
`)
	p := parseProblem(t, "a\nconstraint b<3\n")
	for _, c := range []struct{ name, problem, stack, want string }{
		{"right", "a", "a 1.0, b 1.0", ""},
		{"with an extra", "a[x]", "a 1.0, b 1.0, c 1.0", ""},
		{"root is missing", "a\nd", "a 1.0, b 1.0", "in:2 requires d"},
		{"root's version", "a>=2", "a 1.0, b 1.0", "in:1 requires a>=2, but 1.0"},
		{"requirement is missing", "a", "a 1.0", "a==1.0 requires b>=1"},
		{"extra's requirement is missing", "a[x]", "a 1.0, b 1.0", "requires c"},
		{"version", "a", "a 2.0, b 1.0", "requires b>=2, but 1.0"},
		{"yanked", "a", "a 1.0, b 2.0", "b==2.0 is yanked"},
		{"superfluous", "a", "a 1.0, b 1.0, d 1.0", "nobody requires d"},
		{"constraint", "a\nconstraint b<1", "a 1.0, b 1.0", "allows only b<1"},
		{"no such release", "a", "a 1.0, b 9.0", "there is no b==9.0"},
		{"no such project", "a", "a 1.0, b 1.0, z 1.0", "z is not known"},
		{"twice", "a", "a 1.0, b 1.0, b 1.0", "chosen twice"},
		{"unread", "e", "e 1.0", "not known"},
		{"direct reference", "f", "f 1.0", "requires g @"},
		{"wrong python", "a\npython 2.7.18", "a 1.0, b 1.0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p = parseProblem(t, c.problem)
			var stack []Choice
			for _, text := range strings.Split(c.stack, ", ") {
				name, version, _ := strings.Cut(text, " ")
				v, err := py.ParseVersion(version)
				if err != nil {
					t.Fatal(err)
				}
				stack = append(stack, Choice{Package: py.Package{Name: py.Name(name), Version: v}})
			}
			err := Verify(context.Background(), p, u, stack)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestReach: who needs what, with extras and without.
func TestReach(t *testing.T) {
	u := parseUniverse(t, `
a 1.0
	b
	c; extra == 'x'
b 1.0
	d
c 1.0
d 1.0
e 1.0
	a[x]
`)
	r, err := Solve(context.Background(), parseProblem(t, "a\ne\n"), u)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, want string }{
		{"a", "a b d"},
		{"a[x]", "a b c d"},
		{"e", "a b c d e"},
		{"c", "c"},
		{"nothing", ""},
	} {
		q, err := py.ParseRequirement(c.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		reached := r.Reach([]py.Requirement{q})
		for _, choice := range r.Stack {
			if reached[choice.Name] {
				got = append(got, string(choice.Name))
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s reaches %q, want %q", c.from, text, c.want)
		}
	}
}

// TestFiles: hashes, dates and formats leave of a release's files what they
// allow, and a release of which they leave nothing usable is out.
func TestFiles(t *testing.T) {
	u := parseUniverse(t, "a 1.0 [sdist] [wheels py3-none-any cp312-cp312-win_amd64]\na 2.0 [sdist]\n")
	day := func(n int64) int64 { return 1_700_000_000 + n*86400 }
	files := []py.File{
		{Filename: "a-1.0-cp312-cp312-win_amd64.whl", SHA256: "aa", Uploaded: day(1)},
		{Filename: "a-1.0-py3-none-any.whl", SHA256: "bb", Uploaded: day(3)},
		{Filename: "a-1.0.tar.gz", SHA256: "cc"},
	}
	u.files["a==1.0"] = files
	u.files["a==2.0"] = []py.File{{Filename: "a-2.0.tar.gz", SHA256: "dd", Uploaded: day(5)}}
	for i := range u.projects["a"].Releases {
		r := &u.projects["a"].Releases[i]
		r.Uploaded = map[string]int64{"1.0": day(1), "2.0": day(5)}[r.Version.String()]
		r.LastUploaded = map[string]int64{"1.0": 0, "2.0": day(5)}[r.Version.String()] // 1.0 has a file without a date
	}
	for _, c := range []struct {
		name   string
		hashes []string // of the user's line
		bound  []string // of a constraint
		limit  int64
		format string
		want   string // version and usable files, or the error
	}{
		{name: "all", want: "2.0 dd"},
		{name: "one hash", hashes: []string{"sha256:bb"}, want: "1.0 bb"},
		{name: "hash for another platform", hashes: []string{"sha256:aa"}, want: "has no file for this platform"},
		{name: "hash of nothing", hashes: []string{"sha256:ff"}, want: "has no file with an allowed hash"},
		{name: "both lines must allow", hashes: []string{"sha256:bb", "sha256:dd"}, bound: []string{"sha256:bb"}, want: "1.0 bb"},
		{name: "lines that contradict", hashes: []string{"sha256:dd"}, bound: []string{"sha256:bb"}, want: "has no file with an allowed hash"},
		{name: "before 2.0", limit: day(4), want: "1.0 aa bb"},
		{name: "the very second", limit: day(5), want: "2.0 dd"},
		{name: "only the file for another platform", limit: day(2), want: "has no file for this platform"},
		{name: "before all", limit: day(0), want: "is newer than allowed"},
		{name: "no source", format: "no-build a", want: "1.0 aa bb"},
		{name: "only source", format: "no-binary a", want: "2.0 dd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parseProblem(t, "a\nconstraint a>=0\n"+c.format)
			p.Requirements[0].Hashes, p.Constraints[0].Hashes, p.ExcludeNewer = c.hashes, c.bound, c.limit
			got := ""
			r, err := Solve(context.Background(), p, u)
			if err != nil {
				got = err.Error()
			} else {
				got = r.Stack[0].Version.String()
				usable, err := p.Usable("a", u.files["a=="+got])
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range usable {
					got += " " + f.SHA256
				}
				if err := Verify(context.Background(), p, u, r.Stack); err != nil {
					t.Error(err)
				}
			}
			if err == nil && got != c.want || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestPrereleasesFor: one project's pre-releases are like other versions.
func TestPrereleasesFor(t *testing.T) {
	u := parseUniverse(t, "a 1.0\na 2.0rc1\nb 1.0\nb 2.0rc1\n")
	p := parseProblem(t, "a\nb\n")
	p.PrereleasesFor = []py.Name{"a"}
	r, err := Solve(context.Background(), p, u)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Stack[0].String() + " " + r.Stack[1].String(); got != "a==2.0rc1 b==1.0" {
		t.Error(got)
	}
}

// TestBounds: too much is told as what it is, and never as "no stack".
func TestBounds(t *testing.T) {
	u := parseUniverse(t, "a 1.0\n"+strings.Repeat("\tb\n", maxLines+1)+"b 1.0\n")
	_, err := Solve(context.Background(), parseProblem(t, "a"), u)
	if _, ok := err.(*UnknownError); !ok {
		t.Errorf("more lines than are read: %v", err)
	}

	e := newEngine(newTables(mustClosure(t, parseProblem(t, pigeonRoots(8)), parseUniverse(t, pigeons(8))), false))
	e.learned = maxLearned - 100
	if _, _, err := e.search(context.Background(), nil); err == nil {
		t.Error("a search beyond its bound went on")
	} else if _, ok := err.(*GaveUpError); !ok {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Solve(ctx, parseProblem(t, "b"), u); err != context.Canceled {
		t.Errorf("a cancelled search: %v", err)
	}
}

// TestLearning: a search that forgets what it learned, or jumps back too little,
// needs many times these conflicts.
func TestLearning(t *testing.T) {
	e := newEngine(newTables(mustClosure(t, parseProblem(t, pigeonRoots(7)), parseUniverse(t, pigeons(7))), false))
	found, _, err := e.search(context.Background(), nil)
	if found || err != nil {
		t.Fatal(found, err)
	}
	if e.conflicts > 1500 {
		t.Errorf("%d conflicts", e.conflicts)
	}
	t.Log(e.conflicts)
}

func mustClosure(t *testing.T, p *Problem, k Knowledge) *closure {
	t.Helper()
	c, err := newClosure(context.Background(), p, k, noHope)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

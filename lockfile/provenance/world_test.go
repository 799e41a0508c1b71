package provenance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// A fake is what is known of an index, from a text: a line for each file, with
// its project and version by its name, and after it words:
//
//	a-1.0.tar.gz yanked hash=other day=100
//	b            (no such project)
//	c-1.0 lost   (a release whose files are not known)
//
// A file's hash is that of its name unless another text is given.
type fake struct {
	projects map[py.Name]*py.Project
	files    map[string][]py.File
	asked    int
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func newFake(t *testing.T, text string) *fake {
	t.Helper()
	f := &fake{map[py.Name]*py.Project{}, map[string][]py.File{}, 0}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, rest, ok := strings.Cut(words[0], "-")
		n := py.Name(name)
		if f.projects[n] == nil {
			f.projects[n] = &py.Project{Name: n}
		}
		p := f.projects[n]
		if !ok {
			for _, w := range words[1:] {
				p.Status = w
			}
			continue
		}
		version := strings.TrimSuffix(strings.TrimSuffix(rest, ".tar.gz"), "-py3-none-any.whl")
		v, err := py.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		file := py.File{Filename: words[0], SHA256: sum(words[0]), URL: "https://files.example/" + words[0], Uploaded: 1}
		release := py.Release{Version: v, Uploaded: 1, Artifacts: &py.Artifacts{}}
		lost := false
		for _, w := range words[1:] {
			key, value, _ := strings.Cut(w, "=")
			switch key {
			case "yanked":
				release.Yanked, file.Yanked = true, true
			case "hash":
				file.SHA256 = sum(value)
			case "day":
				var day int64
				fmt.Sscan(value, &day)
				file.Uploaded = day * 86400
				release.LastUploaded = file.Uploaded
			case "lost":
				lost = true
			case "host":
				file.URL = "https://" + value + "/" + words[0]
			}
		}
		if find(p, v) == nil {
			p.Releases = append(p.Releases, release)
			slices.SortFunc(p.Releases, func(a, b py.Release) int { return b.Version.Compare(a.Version) })
		}
		if !lost {
			key := py.Package{Name: n, Version: v}.String()
			f.files[key] = append(f.files[key], file)
		}
	}
	return f
}

func (f *fake) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	f.asked++
	out := make([]*py.Project, len(names))
	for i, n := range names {
		out[i] = f.projects[n]
	}
	return out, nil
}

func (f *fake) Files(_ context.Context, packages []py.Package) ([][]py.File, error) {
	f.asked++
	out := make([][]py.File, len(packages))
	for i, p := range packages {
		out[i] = f.files[p.String()]
	}
	return out, nil
}

// facts are of nobody's advisories and a few popular names.
type facts struct {
	popular    []py.Name
	advisories map[py.Name][]*py.Advisory
}

func (f facts) Popular(context.Context) ([]py.Name, error) { return f.popular, nil }

func (f facts) Advisories(_ context.Context, names []py.Name) ([][]*py.Advisory, error) {
	out := make([][]*py.Advisory, len(names))
	for i, n := range names {
		out[i] = f.advisories[n]
	}
	return out, nil
}

const now = 1000 * 86400

// read reads a lock; SUM(text) in it is the hash of a text.
func read(t *testing.T, file, text string) *lockfile.Locked {
	t.Helper()
	for {
		before, rest, ok := strings.Cut(text, "SUM(")
		if !ok {
			break
		}
		inner, after, _ := strings.Cut(rest, ")")
		text = before + "sha256:" + sum(inner) + after
	}
	l, err := lockfile.ReadLocked(fstest.MapFS{file: {Data: []byte(text)}}, file)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// told is the report as lines "severity check subject".
func told(r *Report) string {
	var lines []string
	for _, f := range r.Findings {
		line := fmt.Sprintf("%s %s %s", f.Severity, f.Check, f.Subject())
		if f.Allowed != "" {
			line += " allowed"
		}
		lines = append(lines, line)
	}
	for _, u := range r.Unchecked {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("unchecked %s %s", u.What, u.Name)))
	}
	return strings.Join(lines, "\n")
}

const (
	public  = "https://public.example/simple"
	private = "https://private.example/simple"
)

// TestRun holds requirements against a private index, which comes first, and a
// public one.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		name, lock, private, public string
		change                      func(w *World, p *Policy)
		want                        string
	}{
		{"right", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz", nil, ""},
		{"nobody knows", "a==1 --hash=SUM(a-1.tar.gz)", "", "", nil, "unchecked release a"},
		{"the first index is not known", "a==1 --hash=SUM(a-1.tar.gz)", "", "a-1.tar.gz", nil, "unchecked index a"},
		{"hash not known, one index not known", "a==1 --hash=SUM(x)", "", "a-1.tar.gz", nil, "unchecked hash a\nunchecked index a"},
		{"hash not known", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", nil, "error hash-unknown a==1"},
		{"files not known", "a==1 --hash=SUM(x)", "a", "a-1 lost", nil, "unchecked hash a"},
		{"sha512 only", "a==1 --hash=sha512:" + strings.Repeat("0", 128), "a", "a-1.tar.gz", nil, "unchecked hash a"},
		{"missing project", "a==1 --hash=SUM(x)", "a", "a", nil, "error project-missing a==1"},
		{"missing release", "a==1 --hash=SUM(x)", "a", "a-2.tar.gz", nil, "error release-missing a==1"},
		{"missing release, hash of another", "a==1 --hash=SUM(a-2.tar.gz)", "a", "a-2.tar.gz", nil, "error release-missing a==1\nerror hash-other-release a==1"},
		{"swapped", "a==1 --hash=SUM(b-1.tar.gz)\nb==1 --hash=SUM(a-1.tar.gz)", "a\nb", "a-1.tar.gz\nb-1.tar.gz", nil, "error hash-other-project a==1\nerror hash-other-project b==1"},
		{"quarantined", "a==1 --hash=SUM(x)", "a", "a quarantined", nil, "error project-quarantined a==1"},

		// Two indexes.
		{"mirror", "a==1 --hash=SUM(a-1.tar.gz)", "a-1.tar.gz", "a-1.tar.gz\na-2.tar.gz", nil, ""},
		{"mirror with fewer files", "a==1 --hash=SUM(a-1-py3-none-any.whl)", "a-1.tar.gz", "a-1.tar.gz\na-1-py3-none-any.whl", nil, ""},
		{"private first", "a==1 --hash=SUM(a-1.tar.gz)", "a-1.tar.gz", "a-1.tar.gz hash=foreign\na-9.tar.gz", nil, ""},
		{"confused", "a==9 --hash=SUM(a-9.tar.gz)", "a-1.tar.gz", "a-9.tar.gz", nil, "error dependency-confusion a==9"},
		{"confused without hash", "a==9", "a-1.tar.gz", "a-9.tar.gz", nil, "error dependency-confusion a==9\nerror hash-missing a==9"},
		{"confused, pinned by the policy", "a==9 --hash=SUM(a-9.tar.gz)", "a-1.tar.gz", "a-9.tar.gz", func(_ *World, p *Policy) {
			p.Expect = []Expectation{{Project: "a", Index: public}}
		}, ""},
		{"differ", "a==1 --hash=SUM(a-1.tar.gz) --hash=SUM(foreign)", "a-1.tar.gz", "a-1.tar.gz hash=foreign", nil, "warning indexes-differ a==1"},

		// What Thoth found and was not there.
		{"slash and port", "--index-url https://PUBLIC.example:443/simple/\na==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz", func(_ *World, p *Policy) {
			p.AllowedIndexes = []string{"https://public.example/simple"}
		}, ""},
		{"first index lacks it", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz", nil, ""},
		{"file that is not known", "a==1 --hash=SUM(a-1.tar.gz) --hash=SUM(new)", "a", "a-1.tar.gz\na-1 lost", nil, "error hash-unknown a==1"},

		// Rules.
		{"off", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Severity = map[string]Severity{HashUnknown: Off} }, ""},
		{"worse", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz yanked", func(_ *World, p *Policy) { p.Severity = map[string]Severity{ReleaseYanked: Error} }, "error release-yanked a==1"},
		{"new", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz day=995", nil, "warning release-new a==1"},
		{"new enough", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz day=995", func(_ *World, p *Policy) { p.CooldownDays = 5 }, ""},
		{"no cooldown", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz day=1000", func(_ *World, p *Policy) { p.CooldownDays = -1 }, ""},
		{"a new file of an old release", "a==1 --hash=SUM(a-1-py3-none-any.whl)", "a", "a-1.tar.gz\na-1-py3-none-any.whl day=999", nil, "warning release-new a==1"},
		{"allowed", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Allow = []Allowance{{Check: HashUnknown, Project: "a", Reason: "r"}} }, "error hash-unknown a==1 allowed"},
		{"allowed for another", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Allow = []Allowance{{Check: HashUnknown, Project: "b", Reason: "r"}} }, "error hash-unknown a==1"},
		{"allowed for another version", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Allow = []Allowance{{Check: HashUnknown, Version: "2", Reason: "r"}} }, "error hash-unknown a==1"},
		{"allowed for this version", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Allow = []Allowance{{Check: HashUnknown, Version: "1.0", Reason: "r"}} }, "error hash-unknown a==1 allowed"},
		{"allowed until today", "a==1 --hash=SUM(x)", "a", "a-1.tar.gz", func(_ *World, p *Policy) { p.Allow = []Allowance{{Check: HashUnknown, Reason: "r", Expires: now}} }, "error hash-unknown a==1\nnote allowance-expired the lock"},
		{"malware", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz", func(w *World, _ *Policy) {
			w.Facts = facts{advisories: map[py.Name][]*py.Advisory{"a": {{ID: "MAL-1", Malware: true, Affected: []py.Affected{{}}}}}, popular: []py.Name{"a"}}
		}, "error malware a==1"},
		{"only vulnerable", "a==1 --hash=SUM(a-1.tar.gz)", "a", "a-1.tar.gz", func(w *World, _ *Policy) {
			w.Facts = facts{advisories: map[py.Name][]*py.Advisory{"a": {{ID: "CVE-1", Affected: []py.Affected{{}}}}}, popular: []py.Name{"a"}}
		}, ""},
		{"lookalike", "reqests==1 --hash=SUM(reqests-1.tar.gz)", "reqests", "reqests-1.tar.gz day=990", nil, "warning name-lookalike reqests==1"},
		{"established", "reqests==3 --hash=SUM(reqests-3.tar.gz)", "reqests", "reqests-1.tar.gz\nreqests-2.tar.gz\nreqests-3.tar.gz", nil, ""},
		{"local version", "a==1+cpu --hash=SUM(a-1+cpu.tar.gz)", "a", "a-1+cpu.tar.gz", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := read(t, "r.txt", test.lock)
			w := &World{
				Indexes: []Index{{URL: private, Knowledge: newFake(t, test.private)}, {URL: public, Knowledge: newFake(t, test.public)}},
				Facts:   facts{popular: []py.Name{"requests"}}, Ranked: true, Now: now,
			}
			p := &Policy{}
			if test.change != nil {
				test.change(w, p)
			}
			r, err := Run(context.Background(), l, nil, w, p)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(r); got != test.want {
				t.Errorf("got\n%s\nwant\n%s\n%+v", got, test.want, r.Findings)
			}
		})
	}
}

// TestRunOld holds locks against what was known of an index on day 100: what may
// be newer is not checked, and what must have been there is missing.
func TestRunOld(t *testing.T) {
	uv := func(version string, days ...int) string {
		text := "version = 1\n[[package]]\nname = 'a'\nversion = '" + version + "'\nsource.registry = '" + public + "'\nwheels = [\n"
		for i, day := range days {
			file := fmt.Sprintf("a-%s-%d-py3-none-any.whl", version, i+1)
			text += fmt.Sprintf("{ url = 'https://files.example/%s', hash = 'SUM(%s)'", file, file)
			if day > 0 {
				text += fmt.Sprintf(", upload-time = '%s'", time.Unix(int64(day)*86400, 0).UTC().Format(time.RFC3339))
			}
			text += " },\n"
		}
		return text + "]\n"
	}
	const has = "a-1.tar.gz day=90\na-3.tar.gz day=80"
	for _, test := range []struct {
		name, file, lock, public string
		now                      bool // it was read in this run
		want                     string
	}{
		{"newer by its upload", "uv.lock", uv("4", 101), has, false, "unchecked release a"},
		{"backported later", "uv.lock", uv("2", 101), has, false, "unchecked release a"},
		{"no upload time", "uv.lock", uv("4", 0), has, false, "unchecked release a"},
		{"no upload time in the format", "r.txt", "a==4 --hash=SUM(x)", has, false, "unchecked release a"},
		{"older than what is known", "uv.lock", uv("2", 99), has, false, "error release-missing a==2"},
		{"newest version, uploaded when the listing may have been older", "uv.lock", uv("4", 91), has, false, "unchecked release a"},
		{"newest version, uploaded before what is known", "uv.lock", uv("4", 90), has, false, "error release-missing a==4"},
		{"one file was uploaded before", "uv.lock", uv("4", 101, 90, 0), has, false, "error release-missing a==4"},
		{"older version, uploaded on that day", "uv.lock", uv("2", 100), has, false, "error release-missing a==2"},
		{"no such project yet", "uv.lock", uv("4", 101), "a", false, "unchecked release a"},
		{"no such project", "uv.lock", uv("4", 99), "a", false, "error project-missing a==4"},
		{"made up, with the hash of another release", "r.txt", "a==4 --hash=SUM(a-3.tar.gz)", has, false, "error hash-other-release a==4\nunchecked release a"},
		{"made up, with a file of another release", "uv.lock", strings.Replace(uv("4", 101), "'4'", "'5'", 1), has, false, "error file-other-release a==5\nunchecked release a"},
		{"asked in this run", "uv.lock", uv("4", 101), has, true, "error release-missing a==4"},
		{"asked in this run, no upload time", "r.txt", "a==4 --hash=SUM(x)", has, true, "error release-missing a==4"},
		{"asked in this run, no such project", "r.txt", "a==4 --hash=SUM(x)", "a", true, "error project-missing a==4"},
		{"a newer file of a release that is known", "uv.lock", uv("3", 101), has, false, "warning file-newer-than-known a==3"},
		{"a file that should be known", "uv.lock", uv("3", 99), has, false, "error hash-unknown a==3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			index := Index{URL: public, Knowledge: newFake(t, test.public)}
			if !test.now {
				index.KnownAt = func(py.Name) int64 { return 100 * 86400 }
			}
			w := &World{Indexes: []Index{index}, Now: now}
			r, err := Run(context.Background(), read(t, test.file, test.lock), nil, w, &Policy{})
			if err != nil {
				t.Fatal(err)
			}
			if got := told(r); got != test.want {
				t.Errorf("got\n%s\nwant\n%s\n%+v", got, test.want, r.Unchecked)
			}
			for _, u := range r.Unchecked {
				if !strings.Contains(u.Why, "1970-04-11") || !strings.Contains(u.Why, "--online") {
					t.Errorf("%q does not say since when and what to do", u.Why)
				}
			}
			if strings.HasPrefix(test.want, "unchecked") && r.Counts.Known > 0 {
				t.Error("counted as known")
			}
		})
	}
}

// TestRunAsksLittle: what is known is asked for in a few questions, however much
// is locked and whatever is wrong with it.
func TestRunAsksLittle(t *testing.T) {
	var lock, known strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lock, "p%d==1 --hash=SUM(wrong %d)\n", i, i)
		fmt.Fprintf(&known, "p%d-1.tar.gz\np%d-2.tar.gz\n", i, i)
	}
	f := newFake(t, known.String())
	w := &World{Indexes: []Index{{URL: public, Knowledge: f}}, Now: now}
	r, err := Run(context.Background(), read(t, "r.txt", lock.String()), nil, w, &Policy{})
	if err != nil || len(r.Findings) != 200 || f.asked > 3 {
		t.Errorf("%d findings, %d questions, %v", len(r.Findings), f.asked, err)
	}
}

// TestRunLarge: work grows with the lock and not with its square, also if all
// entries are of one project, or each of an index of its own.
func TestRunLarge(t *testing.T) {
	for _, entry := range []string{
		"[[package]]\nname = 'a'\nversion = '1.%d'\nsource.registry = 'https://public.example/simple'\n",
		"[[package]]\nname = 'a'\nversion = '1'\nsource.registry = 'https://i%d.example/simple'\n",
	} {
		var lock strings.Builder
		lock.WriteString("version = 1\n")
		for i := range 30_000 {
			fmt.Fprintf(&lock, entry, i)
		}
		w := &World{Indexes: []Index{{URL: public, Knowledge: newFake(t, "")}}, Now: now}
		r, err := Run(context.Background(), read(t, "uv.lock", lock.String()), nil, w, &Policy{})
		if err != nil || len(r.Findings) < 30_000 {
			t.Errorf("%v, %d findings", err, len(r.Findings))
		}
	}
}

// TestRunInstalled: an environment is not called a lock, and nothing is locked in
// it.
func TestRunInstalled(t *testing.T) {
	v, err := py.ParseVersion("1")
	if err != nil {
		t.Fatal(err)
	}
	a := lockfile.LockedRelease{Text: "a", Name: "a", Version: v, VersionText: "1"}
	own := lockfile.LockedRelease{Text: "me", Name: "me", Version: v, Direct: "file:///me", Local: true}
	in := &lockfile.Installed{
		Locked:        &lockfile.Locked{File: "site", Format: lockfile.LockInstalled, Releases: []lockfile.LockedRelease{a, a, own}},
		Distributions: make([]lockfile.Distribution, 3), Startup: []string{"x.pth"},
	}
	w := &World{Indexes: []Index{{URL: public, Knowledge: newFake(t, "a-1.tar.gz")}}, Now: now}
	r, err := Run(context.Background(), in.Locked, in, w, &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(r), "error duplicate-entry a==1\nwarning installed-startup-file the environment"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := r.Findings[0].Message; got != "is installed twice" {
		t.Error(got)
	}
	if c := r.Counts; c.Releases != 2 || c.Local != 1 || c.Known != 2 {
		t.Errorf("%+v", c)
	}
}

package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb/py"
)

// A universe is knowledge as text, one release a line and what it requires
// below it, indented:
//
//	a 2.0 [python >=3.9] [yanked] [unread] [wheels cp312-cp312-win_amd64] [sdist] [uploaded 2024-03-24]
//		b>=2
//		c; extra == 'x'
//
// A project line without a version is a project without releases.
type universe struct {
	projects map[py.Name]*py.Project
	files    map[string][]py.File // by "name==version"
	asked    int                  // questions answered
}

func (u *universe) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	u.asked++
	answer := make([]*py.Project, len(names))
	for i, n := range names {
		answer[i] = u.projects[n]
	}
	return answer, nil
}

func (u *universe) Files(_ context.Context, packages []py.Package) ([][]py.File, error) {
	u.asked++
	answer := make([][]py.File, len(packages))
	for i, p := range packages {
		answer[i] = u.files[p.String()]
	}
	return answer, nil
}

func parseUniverse(t testing.TB, text string) *universe {
	t.Helper()
	u := &universe{projects: map[py.Name]*py.Project{}, files: map[string][]py.File{}}
	shared := map[string]*py.Requires{}
	lists := map[*py.Release][]string{}
	var last *py.Release
	var order []*py.Release
	owner := map[*py.Release]py.Name{}
	unread := map[*py.Release]bool{}
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "\t") {
			lists[last] = append(lists[last], strings.TrimSpace(line))
			continue
		}
		head, flags, _ := strings.Cut(line, " [")
		name, version, ok := strings.Cut(strings.TrimSpace(head), " ")
		n := py.NormalizeName(name)
		if u.projects[n] == nil {
			u.projects[n] = &py.Project{Name: n}
		}
		if !ok {
			continue
		}
		v, err := py.ParseVersion(strings.TrimSpace(version))
		if err != nil {
			t.Fatalf("universe: %q: %v", line, err)
		}
		last = &py.Release{Version: v}
		order = append(order, last)
		owner[last] = n
		for _, f := range strings.Split(strings.TrimSuffix(flags, "]"), "] [") {
			word, value, _ := strings.Cut(f, " ")
			switch word {
			case "":
			case "python":
				last.RequiresPython = value
			case "yanked":
				last.Yanked, last.YankedReason = true, value
			case "unread":
				unread[last] = true
			case "wheels":
				artifacts(last).Wheels = strings.Fields(value)
			case "sdist":
				artifacts(last).Sdist = true
			case "uploaded":
				at, err := time.Parse("2006-01-02", value)
				if err != nil {
					t.Fatalf("universe: %q: %v", line, err)
				}
				last.Uploaded, last.LastUploaded = at.Unix(), at.Unix()
			default:
				t.Fatalf("universe: unknown flag %q in %q", word, line)
			}
		}
	}
	for _, r := range order {
		if !unread[r] {
			r.Requires = shareRequires(shared, lists[r])
		}
		p := u.projects[owner[r]]
		p.Releases = append(p.Releases, *r)
	}
	for _, p := range u.projects {
		slices.SortFunc(p.Releases, func(a, b py.Release) int { return b.Version.Compare(a.Version) })
	}
	return u
}

func artifacts(r *py.Release) *py.Artifacts {
	if r.Artifacts == nil {
		r.Artifacts = new(py.Artifacts)
	}
	return r.Artifacts
}

// shareRequires gives equal lists one pointer, as a knowledge base does.
func shareRequires(shared map[string]*py.Requires, lines []string) *py.Requires {
	key := strings.Join(lines, "\n")
	if shared[key] == nil {
		shared[key] = &py.Requires{Lines: lines}
	}
	return shared[key]
}

// linux312 is the environment of tests that do not care.
func linux312(t testing.TB) *py.Environment { return environment(t, "3.12.4", "manylinux_2_36_x86_64") }

func environment(t testing.TB, python, platform string) *py.Environment {
	t.Helper()
	v, err := py.ParseVersion(python)
	if err != nil {
		t.Fatal(err)
	}
	p, err := py.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	return &py.Environment{Implementation: "cpython", Python: v, Platform: p}
}

// parseProblem reads a problem as text: requirement lines, and settings
// ("python 3.9.1", "platform win_amd64", "prereleases allow", "prefer oldest",
// "no-build a b", "no-binary :all:", "exclude-newer 2024-01-01", "constraint
// b<2").
func parseProblem(t testing.TB, text string) *Problem {
	t.Helper()
	p := &Problem{}
	python, platform := "3.12.4", "manylinux_2_36_x86_64"
	for i, line := range strings.Split(text, "\n") {
		word, value, _ := strings.Cut(line, " ")
		switch word {
		case "", "refuse", "skip", "drop", "add", "stand-in", "term", "veto", "reject": // see judge
		case "python":
			python = value
		case "platform":
			platform = value
		case "prereleases":
			p.Prereleases = map[string]Prereleases{"if-necessary": IfNecessary, "allow": Allow, "explicit": Explicit, "disallow": Disallow}[value]
		case "prefer":
			p.Preference = map[string]Preference{"newest": Newest, "oldest": Oldest, "oldest-direct": OldestDirect}[value]
		case "no-build":
			p.NoBuild = formats(value)
		case "no-binary":
			p.NoBinary = formats(value)
		case "exclude-newer":
			at, err := time.Parse("2006-01-02", value)
			if err != nil {
				t.Fatal(err)
			}
			p.ExcludeNewer = at.Unix()
		case "constraint":
			p.Constraints = append(p.Constraints, userLine(t, value, i+1))
		default:
			p.Requirements = append(p.Requirements, userLine(t, line, i+1))
		}
	}
	p.Environment = environment(t, python, platform)
	return p
}

func formats(value string) Formats {
	if value == ":all:" {
		return Formats{All: true}
	}
	var f Formats
	for _, n := range strings.Fields(value) {
		f.Names = append(f.Names, py.NormalizeName(n))
	}
	return f
}

func userLine(t testing.TB, text string, n int) Requirement {
	t.Helper()
	r, err := py.ParseRequirement(text)
	if err != nil {
		t.Fatalf("problem: %q: %v", text, err)
	}
	return Requirement{Requirement: r, Origin: fmt.Sprintf("in:%d", n)}
}

// printReport is a report as text: a line for each package with why.
func printReport(r *Report) string {
	var b strings.Builder
	for _, c := range r.Stack {
		b.WriteString(string(c.Name))
		if len(c.Extras) > 0 {
			fmt.Fprintf(&b, "%v", c.Extras)
		}
		fmt.Fprintf(&b, "==%s %s", c.Version, c.Why.Reason)
		switch w := c.Why; w.Reason {
		case Bounded:
			fmt.Fprintf(&b, ": not %s because %s%s requires %s", w.Better, w.By.From, w.By.Origin, w.By.Text)
		case Usable, Known:
			fmt.Fprintf(&b, ": %s %s", w.Better, w.Detail)
		case Traded:
			fmt.Fprintf(&b, ": not %s", w.Better)
		case Judged:
			fmt.Fprintf(&b, ": not %s because of %q", w.Better, w.Term.Unit)
		}
		if c.Build {
			b.WriteString(", built")
		}
		b.WriteString("\n")
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "without %s: %s\n", s.Name, s.Reason)
	}
	for _, s := range r.Replaced {
		fmt.Fprintf(&b, "%s in place of %s\n", s.By, s.Package)
	}
	for _, t := range r.Terms {
		fmt.Fprintf(&b, "pays %q\n", t.Unit)
	}
	return b.String()
}

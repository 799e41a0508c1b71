package pipelinetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	"github.com/thamos/thamos/resolver"
)

// Facts are facts that a test writes down. The zero Facts know nothing.
type Facts struct {
	Known     []*py.Project
	Flaws     []*py.Advisory
	Suspected []py.Suspicion
	Declared  []py.Rule
	Observed  []py.Observation
	Indicated []py.Indicator
	About     map[string]*py.About // by package, as Package.String has it
	IndexOf   map[py.Name]string
	Asked     int // how many questions were asked
}

var _ pipeline.Facts = (*Facts)(nil)

// of picks, for each name, what is of it.
func of[T any](f *Facts, names []py.Name, all []T, is func(T, py.Name) bool) [][]T {
	f.Asked++
	out := make([][]T, len(names))
	for i, name := range names {
		for _, x := range all {
			if is(x, name) {
				out[i] = append(out[i], x)
			}
		}
	}
	return out
}

func (f *Facts) Advisories(_ context.Context, names []py.Name) ([][]*py.Advisory, error) {
	return of(f, names, f.Flaws, func(a *py.Advisory, n py.Name) bool { return a.Project == n }), nil
}

func (f *Facts) Suspicions(_ context.Context, names []py.Name) ([][]py.Suspicion, error) {
	return of(f, names, f.Suspected, func(s py.Suspicion, n py.Name) bool { return s.Project == n }), nil
}

func (f *Facts) Rules(_ context.Context, kind pipeline.Kind, names []py.Name) ([]py.Rule, error) {
	f.Asked++
	var out []py.Rule
	for _, r := range f.Declared {
		if r.Kind == string(kind) && (r.Project == "" || slices.Contains(names, r.Project)) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b py.Rule) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (f *Facts) Observations(_ context.Context, names []py.Name) ([][]py.Observation, error) {
	return of(f, names, f.Observed, func(o py.Observation, n py.Name) bool {
		return slices.ContainsFunc(o.Packages, func(p py.Package) bool { return p.Name == n })
	}), nil
}

func (f *Facts) Indicators(_ context.Context, names []py.Name) ([][]py.Indicator, error) {
	return of(f, names, f.Indicated, func(i py.Indicator, n py.Name) bool { return i.Name == n }), nil
}

func (f *Facts) Abouts(_ context.Context, names []py.Name) ([]map[string]*py.About, error) {
	f.Asked++
	out := make([]map[string]*py.About, len(names))
	for i, name := range names {
		out[i] = map[string]*py.About{}
		for text, about := range f.About {
			if n, v, _ := strings.Cut(text, "=="); n == string(name) {
				out[i][Version(v).Key()] = about
			}
		}
	}
	return out, nil
}

func (f *Facts) Projects(_ context.Context, names []py.Name) ([]*py.Project, error) {
	f.Asked++
	out := make([]*py.Project, len(names))
	for i, name := range names {
		for _, p := range f.Known {
			if p.Name == name {
				out[i] = p
			}
		}
	}
	return out, nil
}

func (f *Facts) Index(name py.Name) string { return f.IndexOf[name] }

// Version parses a version, and panics if it is none.
func Version(text string) py.Version {
	v, err := py.ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

// Day is the length of a day in seconds.
const Day = 24 * 3600

// Project makes a project of its name and versions, "a 3.0 2.0 1.0". A version
// may have marks: "2.0!" is not usable, "2.0*" is yanked, "2.0#" is built from
// source. The oldest was uploaded on day 100, every other 100 days later.
func Project(text string) (*py.Project, resolver.Candidates) {
	words := strings.Fields(text)
	p := &py.Project{Name: py.Name(words[0])}
	c := resolver.Candidates{Project: p, Usable: resolver.NewReleases(len(words)), Build: resolver.NewReleases(len(words))}
	for i, word := range words[1:] {
		v, marks := strings.TrimRight(word, "!*#"), ""
		marks = word[len(v):]
		at := int64(len(words)-1-i) * 100 * Day
		p.Releases = append(p.Releases, py.Release{
			Version: Version(v), Uploaded: at, LastUploaded: at, Yanked: strings.Contains(marks, "*"), Requires: new(py.Requires),
		})
		if !strings.Contains(marks, "!") {
			c.Usable.Add(i)
		}
		if strings.Contains(marks, "#") {
			c.Build.Add(i)
		}
	}
	n := len(p.Releases)
	c.Usable, c.Build = c.Usable[:len(resolver.NewReleases(n))], c.Build[:len(resolver.NewReleases(n))]
	return p, c
}

// Candidates makes candidates of lines as Project reads them; "a 1.0" begins one
// that is required directly if the line begins with "!".
func Candidates(lines ...string) []resolver.Candidates {
	var all []resolver.Candidates
	for _, l := range lines {
		text, direct := strings.CutPrefix(l, "!")
		_, c := Project(text)
		c.Direct = direct
		all = append(all, c)
	}
	return all
}

// Stack makes a stack of packages such as "a==1.0".
func Stack(packages ...string) []resolver.Choice {
	var all []resolver.Choice
	for _, text := range packages {
		name, v, _ := strings.Cut(text, "==")
		all = append(all, resolver.Choice{Package: py.Package{Name: py.Name(name), Version: Version(v)}, Release: &py.Release{Version: Version(v)}})
	}
	return all
}

// Environment is CPython 3.12 on a common Linux.
func Environment(t testing.TB) *py.Environment {
	t.Helper()
	platform, err := py.ParsePlatform("manylinux_2_36_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	return &py.Environment{Implementation: "cpython", Python: Version("3.12.4"), Platform: platform}
}

// Plan is a plan on day 10,000 for facts, with a table of one tier that weighs
// nothing.
func Plan(t testing.TB, f *Facts) *pipeline.Plan {
	return &pipeline.Plan{
		Problem: &resolver.Problem{Environment: Environment(t)}, Facts: f, Table: pipeline.Table{Name: "stable"},
		Now: 10_000 * Day, Clock: 10_000 * Day, Labels: map[string]string{}, Host: py.Host{CPUFamily: -1, CPUModel: -1},
	}
}

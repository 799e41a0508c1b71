package resolver

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// A libCase is one of resolvelib's cases over a frozen index.
type libCase struct {
	Index      string
	Requested  []string
	Resolved   map[string]libVersion // nil where a conflict is expected
	Conflicted map[string][]string
}

// A libVersion is "1.0" or {"version": "1.0"}.
type libVersion string

func (v *libVersion) UnmarshalJSON(data []byte) error {
	var s struct{ Version string }
	if json.Unmarshal(data, &s.Version) != nil {
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
	}
	*v = libVersion(s.Version)
	return nil
}

// libLines is a list of requirements; an index writes {} for none.
type libLines []string

func (l *libLines) UnmarshalJSON(data []byte) error {
	if string(data) == "{}" {
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

func TestConformanceResolvelib(t *testing.T) {
	for _, file := range kbtest.Glob(t, "resolvelib/case/*.json") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c libCase
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			k := closed{frozenIndex(t, kbtest.Shared(t, "resolvelib", "index", c.Index+".json.gz"))}
			// The recorded answers are those of CPython 3.8 on linux.
			p := &Problem{Environment: environment(t, "3.8.0", "manylinux_2_28_x86_64")}
			for i, r := range c.Requested {
				p.Requirements = append(p.Requirements, userLine(t, r, i+1))
			}
			checkLibCase(t, c, p, k)
		})
	}
}

func checkLibCase(t *testing.T, c libCase, p *Problem, k Knowledge) {
	r, err := Solve(context.Background(), p, k)
	var none *NoStackError
	switch {
	case errors.As(err, &none):
		t.Log(none)
		if len(c.Resolved) > 0 {
			t.Fatalf("want %v", c.Resolved)
		}
		for name := range c.Conflicted {
			n := py.NormalizeName(name)
			if !slices.ContainsFunc(none.Lines, func(l ConflictLine) bool { return l.Child == n }) {
				t.Errorf("the conflict does not name %s", n)
			}
		}
	case err != nil:
		t.Fatal(err)
	case c.Conflicted != nil:
		t.Fatalf("found a stack, want a conflict about %v:\n%s", c.Conflicted, printReport(r))
	default:
		if err := Verify(context.Background(), p, k, r.Stack); err != nil {
			t.Error(err)
		}
		if len(c.Resolved) == 0 {
			return // an answer is all that is asked
		}
		want, got := map[string]string{}, map[string]string{}
		for name, v := range c.Resolved {
			want[string(py.NormalizeName(name))] = string(v)
		}
		for _, choice := range r.Stack {
			got[string(choice.Name)] = choice.Version.String()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stack (-want +got):\n%s", diff)
		}
	}
}

// frozenIndex reads {project: {version: {"dependencies": […]}}}. A release whose
// version is not one is left out, as pip does.
func frozenIndex(t testing.TB, path string) *universe {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var index map[string]map[string]struct {
		Dependencies   libLines
		RequiresPython string `json:"requires_python"`
	}
	if err := json.NewDecoder(z).Decode(&index); err != nil {
		t.Fatal(err)
	}
	u := &universe{projects: map[py.Name]*py.Project{}, files: map[string][]py.File{}}
	for name, releases := range index {
		n := py.NormalizeName(name)
		if u.projects[n] == nil {
			u.projects[n] = &py.Project{Name: n}
		}
		for version, r := range releases {
			v, err := py.ParseVersion(version)
			if err != nil {
				continue
			}
			u.addRelease(n, py.Release{Version: v, RequiresPython: r.RequiresPython, Requires: &py.Requires{Lines: r.Dependencies}})
		}
	}
	return u
}

package kb_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// readGraph reads {"projects": {NAME: {VERSION: {"dependency_packages": [lines]}}}}
// project by project.
func readGraph(r io.Reader, add func(kb.Listing) error) error {
	d := json.NewDecoder(r)
	for range 3 { // {, "projects", {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	seen := map[py.Name]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var releases map[string]struct {
			Lines []string `json:"dependency_packages"`
		}
		if err := d.Decode(&releases); err != nil {
			return err
		}
		l := kb.Listing{Name: py.NormalizeName(name.(string))}
		if seen[l.Name] {
			continue // two of 8,003 are spellings of others
		}
		seen[l.Name] = true
		for text, r := range releases {
			if v, err := py.ParseVersion(text); err == nil {
				l.Metadata = append(l.Metadata, py.Metadata{Version: v, RequiresDist: r.Lines})
			}
		}
		// 1.0 and 1.0.0 are one release; which of them is kept must not depend on the map.
		slices.SortFunc(l.Metadata, func(a, b py.Metadata) int {
			if c := a.Version.Compare(b.Version); c != 0 {
				return c
			}
			return strings.Compare(a.Version.String(), b.Version.String())
		})
		l.Metadata = slices.CompactFunc(l.Metadata, func(a, b py.Metadata) bool { return a.Version.Compare(b.Version) == 0 })
		if err := add(l); err != nil {
			return err
		}
	}
	return nil
}

// TestConformanceRetroCaps makes a snapshot of a graph of half a million releases
// and looks for the famous ones that dodge a cap of a later release.
func TestConformanceRetroCaps(t *testing.T) {
	graph, err := kbtest.Zip(t, "KGraph.zip").Open("KGraph.json")
	if err != nil {
		t.Fatal(err)
	}
	defer graph.Close()
	file := filepath.Join(t.TempDir(), "kb.db")
	w, err := kb.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w.EmptyMayBeUnknown = true
	if err := readGraph(graph, w.Add); err != nil {
		t.Fatal(err)
	}
	info, err := w.Finish(kb.Info{Built: 1})
	if err != nil {
		t.Fatal(err)
	}
	d, err := kb.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	names, err := d.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.Suspicions(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	var caps []string
	holes, projects := 0, map[py.Name]bool{}
	for _, list := range all {
		for _, s := range list {
			if s.Kind == py.Hole {
				holes++
				continue
			}
			projects[s.Project] = true
			caps = append(caps, sentence(s))
		}
	}
	if info.Suspicions != holes+len(caps) {
		t.Errorf("Info counts %d suspicions, there are %d", info.Suspicions, holes+len(caps))
	}
	t.Logf("%d projects, %d releases: %d retro-caps of %d projects, %d holes", info.Projects, info.Releases, len(caps), len(projects), holes)
	r := rand.New(rand.NewPCG(20, 5))
	for range 20 {
		t.Log(caps[r.IntN(len(caps))])
	}

	for _, want := range []string{
		"connexion 2.14.1 with flask from 2.3.dev0: 2.14.2 has flask<2.3,>=1.0.4",
		"connexion 2.14.1 with werkzeug from 2.3.dev0: 2.14.2 has werkzeug<2.3,>=1.0",
		"numba 0.53.1 with numpy from 1.21.dev0: 0.54.0 has numpy<1.21,>=1.17",
		"numba 0.46.0 with numpy from 1.21.dev0: 0.54.0 has numpy<1.21,>=1.17",
		"fastapi 0.1.17 with starlette from 0.9.11.dev0: 0.1.18 has starlette>=0.9.7,<0.9.11",
		"openxlab 0.0.11 without requirements: 0.0.12 has oss2~=2.17.0",
		"apache-beam 2.13.0 without requirements: 2.14.0 has crcmod<2.0,>=1.7",
		"apache-beam 2.4.0 without requirements: 2.5.0 has avro<2.0.0,>=1.8.1",
	} {
		name, rest, _ := strings.Cut(want, " ")
		version, _, _ := strings.Cut(rest, " ")
		var of []string
		for _, s := range all[slices.Index(names, py.Name(name))] {
			if s.Version.String() == version {
				of = append(of, sentence(s))
			}
		}
		if !slices.Contains(of, want) {
			t.Errorf("%s: not among %q", want, of)
		}
	}
	// Lock-step families only ever rise.
	for _, name := range []py.Name{"boto3", "aiobotocore", "pyobjc-framework-cocoa"} {
		for _, s := range all[slices.Index(names, name)] {
			if strings.Contains(s.Line, "==") && s.Kind == py.RetroCap {
				t.Errorf("%s", sentence(s))
			}
		}
	}
}

func sentence(s py.Suspicion) string {
	if s.Kind == py.Hole {
		return fmt.Sprintf("%s %s without requirements: %s has %s", s.Project, s.Version, s.By, s.Line)
	}
	from := "from"
	if s.Top.Inclusive {
		from = "above"
	}
	return fmt.Sprintf("%s %s with %s %s %s: %s has %s", s.Project, s.Version, s.Dependency, from, s.Top.Version, s.By, s.Line)
}

package ingest

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/thamos/thamos/kb"
	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// plainRecord is a record as another reader has it: no code of the importer is
// used to read and evaluate it.
type plainRecord struct {
	project  py.Name
	id       string
	versions []string
	ranges   [][]map[string]string
}

// plainRecords reads those that are not withdrawn, one for each project that a
// file speaks of, and counts the files and those that are withdrawn.
func plainRecords(t *testing.T, fsys fs.FS) (records []plainRecord, files, withdrawn int) {
	t.Helper()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		var top map[string]any
		if err := yaml.Unmarshal(text, &top); err != nil {
			return err
		}
		files++
		if top["withdrawn"] != nil {
			withdrawn++
			return nil
		}
		for _, a := range top["affected"].([]any) {
			a := a.(map[string]any)
			r := plainRecord{id: top["id"].(string), project: py.NormalizeName(a["package"].(map[string]any)["name"].(string))}
			versions, _ := a["versions"].([]any)
			for _, v := range versions {
				r.versions = append(r.versions, v.(string))
			}
			ranges, _ := a["ranges"].([]any)
			for _, one := range ranges {
				one := one.(map[string]any)
				if one["type"] != "ECOSYSTEM" {
					continue
				}
				var events []map[string]string
				for _, e := range one["events"].([]any) {
					event := map[string]string{}
					for k, v := range e.(map[string]any) {
						event[k] = v.(string)
					}
					events = append(events, event)
				}
				r.ranges = append(r.ranges, events)
			}
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, files, withdrawn
}

// has is the schema's own pseudocode for one range, whose events are sorted.
func (r *plainRecord) has(v py.Version) bool {
	at := func(text string) py.Version {
		w, err := py.ParseVersion(text)
		if err != nil {
			panic(err)
		}
		return w
	}
	for _, events := range r.ranges {
		vulnerable := false
		for _, e := range events {
			if text, ok := e["introduced"]; ok && (text == "0" || v.Compare(at(text)) >= 0) {
				vulnerable = true
			} else if text, ok := e["fixed"]; ok && v.Compare(at(text)) >= 0 {
				vulnerable = false
			} else if text, ok := e["last_affected"]; ok && v.Compare(at(text)) > 0 {
				vulnerable = false
			}
		}
		if vulnerable {
			return true
		}
	}
	return false
}

// osvPublishedFaults are those of advisories.zip: two records whose fix is no
// version, and which list none.
var osvPublishedFaults = []Fault{
	{"vulns/binderhub/PYSEC-2021-371.yaml", `affected[0].ranges[1]: fixed: "0.2.0-n653" is not a version`},
	{"vulns/binderhub/PYSEC-2021-371.yaml", "it names no version of binderhub that can be read"},
	{"vulns/steam/PYSEC-2019-125.yaml", `affected[0].ranges[0]: fixed: "2019-09-12" is not a version`},
	{"vulns/steam/PYSEC-2019-125.yaml", "it names no version of steam that can be read"},
}

// TestConformanceOSV holds the import of PyPA's advisories against what the
// records list.
func TestConformanceOSV(t *testing.T) {
	z := kbtest.Zip(t, "advisories.zip")
	advisories, report, err := ReadOSV(context.Background(), z)
	if err != nil {
		t.Fatal(err)
	}
	records, files, withdrawn := plainRecords(t, z)
	if report.Records != files || report.Withdrawn != withdrawn || report.Foreign != 0 || report.EmptyEvents != 0 {
		t.Errorf("%d records, %d withdrawn, %d foreign, %d empty events; want %d and %d withdrawn",
			report.Records, report.Withdrawn, report.Foreign, report.EmptyEvents, files, withdrawn)
	}
	var faults []Fault
	faulty := map[py.Name]bool{} // one advisory each
	for _, f := range osvPublishedFaults {
		if _, err := fs.Stat(z, f.Where); err == nil {
			faults = append(faults, f)
			faulty[py.Name(path.Base(path.Dir(f.Where)))] = true
		}
	}
	if diff := cmp.Diff(faults, report.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if got, want := len(advisories), len(records)-report.Merged-len(faulty); got != want {
		t.Errorf("%d advisories, want %d", got, want)
	}
	rated, linked := 0, 0
	for i := range advisories {
		if advisories[i].Severity != py.Unrated {
			rated++
		}
		if advisories[i].Link != "" {
			linked++
		}
	}
	t.Logf("%d advisories, %d merged, %d not versions, %d empty events, %d rated, %d with a link",
		len(advisories), report.Merged, report.Unversioned, report.EmptyEvents, rated, linked)

	known := map[py.Name]map[string]py.Version{} // versions that any record of a project lists, by key
	for _, r := range records {
		if known[r.project] == nil {
			known[r.project] = map[string]py.Version{}
		}
		for _, text := range r.versions {
			if v, err := py.ParseVersion(text); err == nil {
				known[r.project][v.Key()] = v
			}
		}
	}
	of := map[[2]string]*py.Advisory{}
	for i := range advisories {
		a := &advisories[i]
		for _, id := range append([]string{a.ID}, a.Aliases...) {
			of[[2]string{string(a.Project), id}] = a
		}
	}
	same := map[*py.Advisory][]*plainRecord{}
	for i := range records {
		r := &records[i]
		a := of[[2]string{string(r.project), r.id}]
		switch {
		case a != nil:
			same[a] = append(same[a], r)
		case !faulty[r.project]:
			t.Fatalf("no advisory is of %s for %s", r.id, r.project)
		}
	}

	random := rand.New(rand.NewPCG(5, 5))
	listed, others := 0, 0
	unlisted := map[string]int{} // in a range, but the record does not list it
	for _, i := range random.Perm(len(records))[:min(200, len(records))] {
		r := &records[i]
		if faulty[r.project] {
			continue
		}
		a := of[[2]string{string(r.project), r.id}]
		is := map[string]bool{} // listed by a record that is the same
		for _, s := range same[a] {
			for _, text := range s.versions {
				if v, err := py.ParseVersion(text); err == nil {
					is[v.Key()] = true
				}
			}
		}
		for key, v := range known[r.project] {
			inRange := false
			for _, s := range same[a] {
				inRange = inRange || s.has(v)
			}
			if got, want := a.Affects(v), is[key] || inRange; got != want {
				t.Errorf("%s affects %s %v: %v, want %v", r.id, r.project, v, got, want)
			}
			switch {
			case is[key]:
				listed++
			case inRange:
				unlisted[fmt.Sprintf("%s of %s, pre-release %v", r.id, r.project, v.Prerelease())]++
			default:
				others++
			}
		}
	}
	t.Logf("of 200 records: %d listed versions are affected, %d others are not; by a range only: %v", listed, others, unlisted)
	if listed < 1000 || others < 1000 {
		t.Error("that is too few to say anything")
	}

	w, err := kb.Create(filepath.Join(t.TempDir(), "kb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddFacts(kb.Source{Name: "advisories"}, kb.Facts{Advisories: advisories}); err != nil {
		t.Errorf("a knowledge base does not take them: %v", err)
	}
}

func BenchmarkOSV(b *testing.B) {
	z := kbtest.Zip(b, "advisories.zip")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ReadOSV(context.Background(), z); err != nil {
			b.Fatal(err)
		}
	}
}

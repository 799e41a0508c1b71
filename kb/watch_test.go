package kb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// numbered is a sha256 by a number.
func numbered(n int) string { return fmt.Sprintf("%064x", n) }

// page is a listing of demo: each file is NAME, its hash, and words of yanked=REASON
// and attested.
func page(status string, files ...string) *Listing {
	l := &Listing{Name: "demo", Status: status}
	for _, text := range files {
		words := strings.Fields(text)
		n := 0
		fmt.Sscan(words[1], &n)
		f := py.File{Filename: words[0]}
		if n > 0 {
			f.SHA256 = numbered(n)
		}
		for _, w := range words[2:] {
			reason, yanked := strings.CutPrefix(w, "yanked=")
			f.Yanked = f.Yanked || yanked
			if yanked {
				f.YankedReason = reason
			}
			if w == "attested" {
				f.Provenance = "https://public.example/integrity/" + words[0]
			}
		}
		l.Files = append(l.Files, f)
	}
	return l
}

// look is a sighting of demo; a nil listing is that there is none.
func sighting(read int64, l *Listing) Sighting {
	if l == nil {
		return Sighting{Now: absent(public, "demo", read)}
	}
	return Sighting{Now: Document{Kind: KindListing, Index: public, Project: "demo", Read: read, Fresh: read, Listing: l}}
}

// eventTexts are events in short.
func eventTexts(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %s %s %s %s>%s", e.Severity, e.Kind, e.Version, e.Subject, short(e.Old), short(e.New)), " >"))
	}
	slices.Sort(out)
	return out
}

func short(s string) string {
	if isSHA256(s) {
		return strings.TrimLeft(s, "0")
	}
	return s
}

// Each kind of change is seen once, with its severity, and what is not a change
// is none.
func TestSee(t *testing.T) {
	const wheel, other, sdist = "demo-1.0-py3-none-any.whl", "demo-1.0-cp312-cp312-win_amd64.whl", "demo-1.0.tar.gz"
	base := page("", sdist+" 1", wheel+" 2")
	for _, test := range []struct {
		name string
		old  *Listing
		new  *Listing
		want []string
	}{
		{"nothing", base, page("", wheel+" 2", sdist+" 1"), nil},
		{"a new release", base, page("", sdist+" 1", wheel+" 2", "demo-2.0.tar.gz 3"), []string{"notice release-added 2.0  >files: 1"}},
		{"a new wheel of an old release", base, page("", sdist+" 1", wheel+" 2", other+" 3"), []string{"notice file-added 1.0 " + other + " >3"}},
		{"a removed file", base, page("", sdist+" 1"), []string{"warning file-removed 1.0 " + wheel + " 2"}},
		{"another hash", base, page("", sdist+" 9", wheel+" 2"), []string{"alarm hash-changed 1.0 " + sdist + " 1>9"}},
		{"a hash that is not told any more", base, page("", sdist+" 0", wheel+" 2"), nil},
		{"a hash that is told now", page("", sdist+" 0", wheel+" 2"), base, nil},
		{"a removed release", page("", sdist+" 1", "demo-2.0.tar.gz 3"), page("", sdist+" 1"), []string{"warning release-removed 2.0"}},
		{"yanked", base, page("", sdist+" 1 yanked=bad", wheel+" 2 yanked=bad"), []string{"warning yanked 1.0  >bad"}},
		{"unyanked", page("", sdist+" 1 yanked=bad"), page("", sdist+" 1"), []string{"notice unyanked 1.0  bad"}},
		{"one file yanked", base, page("", sdist+" 1", wheel+" 2 yanked="), []string{"warning yanked 1.0 " + wheel}},
		{"one file unyanked", page("", sdist+" 1", wheel+" 2 yanked="), base, []string{"notice unyanked 1.0 " + wheel}},
		{"archived", base, page("archived", sdist+" 1", wheel+" 2"), []string{"warning status-changed   active>archived"}},
		{"deprecated", base, page("deprecated", sdist+" 1", wheel+" 2"), []string{"warning status-changed   active>deprecated"}},
		{"active again", page("archived", sdist+" 1"), page("", sdist+" 1"), []string{"notice status-changed   archived>active"}},
		{"quarantined: nothing is said of its files", base, page("quarantined"), []string{"alarm status-changed   active>quarantined"}},
		{"gone", base, nil, []string{"warning project-removed"}},
		{"back", nil, base, nil},
		{"attested", base, page("", sdist+" 1 attested", wheel+" 2"), []string{"notice attestation-added 1.0 " + sdist}},
		{"not attested any more", page("", sdist+" 1 attested"), page("", sdist+" 1"), []string{"warning attestation-removed 1.0 " + sdist}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLocal(t)
			first, err := l.See(t.Context(), nil, []Sighting{sighting(100, test.old)})
			if err != nil || len(first) > 0 {
				t.Errorf("at first sight: %v, %v", first, err)
			}
			for _, read := range []int64{200, 300} { // the second time it is no news
				events, err := l.See(t.Context(), nil, []Sighting{sighting(read, test.new)})
				if err != nil {
					t.Fatal(err)
				}
				want := test.want
				if read == 300 {
					want = nil
				}
				if diff := cmp.Diff(want, eventTexts(events)); diff != "" {
					t.Errorf("at %d (-want +got):\n%s", read, diff)
				}
			}
			kept, err := l.Events(t.Context(), EventQuery{})
			if diff := cmp.Diff(test.want, eventTexts(kept)); diff != "" || err != nil {
				t.Errorf("kept, %v (-want +got):\n%s", err, diff)
			}
			for _, e := range kept {
				if e.At != 200 || e.Project != "demo" || e.Source != public {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// What was gone is remembered: that something else comes in its place is an alarm.
func TestSeeReturns(t *testing.T) {
	for _, test := range []struct {
		name    string
		between *Listing
		want    []string // of the return with another hash
	}{
		{"hash that was not told in between", page("", "demo-1.0.tar.gz 0", "demo-1.0.zip 2"), []string{"alarm hash-changed 1.0 demo-1.0.tar.gz 1>7", "warning file-removed 1.0 demo-1.0.zip 2"}},
		{"file", page("", "demo-1.0.zip 2"), []string{"alarm hash-changed 1.0 demo-1.0.tar.gz 1>7", "warning file-returned 1.0 demo-1.0.tar.gz >7"}},
		{"release", page("", "demo-2.0.zip 2"), []string{
			"alarm hash-changed 1.0 demo-1.0.tar.gz 1>7", "warning file-removed 1.0 demo-1.0.zip 2", "warning release-removed 2.0", "warning release-returned 1.0  >files: 1"}},
		{"project", nil, []string{"alarm hash-changed 1.0 demo-1.0.tar.gz 1>7", "warning file-removed 1.0 demo-1.0.zip 2", "warning project-returned"}},
		{"quarantine", page("quarantined"), []string{
			"alarm hash-changed 1.0 demo-1.0.tar.gz 1>7", "notice status-changed   quarantined>active", "warning file-removed 1.0 demo-1.0.zip 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLocal(t)
			var events []Event
			for i, listing := range []*Listing{page("", "demo-1.0.tar.gz 1", "demo-1.0.zip 2"), test.between, page("", "demo-1.0.tar.gz 7")} {
				var err error
				if events, err = l.See(t.Context(), nil, []Sighting{sighting(int64(100+i), listing)}); err != nil {
					t.Fatal(err)
				}
			}
			want := slices.Clone(test.want)
			if test.name == "file" {
				want = append(want, "warning file-removed 1.0 demo-1.0.zip 2")
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, eventTexts(events)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The first look is compared with the snapshot, else with what was learnt before.
// Files that the snapshot left out are no news.
func TestSeeBaseline(t *testing.T) {
	old := *page("", "demo-1.0.tar.gz 1", "demo-2.0.tar.gz 2")
	old.Metadata = []py.Metadata{{Name: "demo", Version: version(t, "2.0")}}
	now := page("", "demo-1.0.tar.gz 8", "demo-2.0.tar.gz 9 attested", "demo-3.0.tar.gz 3")
	for _, known := range []bool{false, true} {
		snapshot, _ := write(t, []Listing{old}, func(w *Writer) { w.FilesOfKnownOnly = known })
		d := openTest(t, snapshot)
		events, err := newLocal(t).See(t.Context(), d, []Sighting{sighting(1_700_000_100, now)})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"alarm hash-changed 1.0 demo-1.0.tar.gz 1>8", "alarm hash-changed 2.0 demo-2.0.tar.gz 2>9", "notice attestation-added 2.0 demo-2.0.tar.gz", "notice release-added 3.0  >files: 1"}
		if known {
			want = want[1:]
		}
		if diff := cmp.Diff(want, eventTexts(events)); diff != "" {
			t.Errorf("files of known only: %t (-want +got):\n%s", known, diff)
		}
		other := sighting(1_700_000_100, now)
		other.Now.Index = private
		if events, err = newLocal(t).See(t.Context(), d, []Sighting{other}); err != nil || len(events) > 0 {
			t.Errorf("of another index than the snapshot's: %v, %v", eventTexts(events), err)
		}
	}
	before := sighting(100, &old)
	before.Now.Listing.Metadata = nil
	s := sighting(200, now)
	s.Before = &before.Now
	events, err := newLocal(t).See(t.Context(), nil, []Sighting{s})
	if err != nil || len(events) != 4 {
		t.Errorf("compared with what was learnt: %v, %v", eventTexts(events), err)
	}
}

// An older answer that comes late changes nothing, and looks at several projects
// give the same whatever their order.
func TestSeeOrder(t *testing.T) {
	l := newLocal(t)
	for _, s := range []Sighting{sighting(100, page("", "demo-1.0.tar.gz 1")), sighting(300, page("", "demo-1.0.tar.gz 1")), sighting(200, page("", "demo-1.0.tar.gz 2"))} {
		if events, err := l.See(t.Context(), nil, []Sighting{s}); err != nil || len(events) > 0 {
			t.Errorf("read %d: %v, %v", s.Now.Read, eventTexts(events), err)
		}
	}
	var states []string
	for _, backwards := range []bool{false, true} {
		l := newLocal(t)
		for read := int64(1); read < 3; read++ {
			var all []Sighting
			for _, name := range []py.Name{"a", "b", "c"} {
				listing := &Listing{Name: name, Files: []py.File{{Filename: string(name) + "-1.0.tar.gz", SHA256: numbered(int(read))}}}
				all = append(all, Sighting{Now: Document{Kind: KindListing, Index: public, Project: name, Read: read, Listing: listing}})
			}
			if backwards {
				slices.Reverse(all)
			}
			for _, s := range all {
				if _, err := l.See(t.Context(), nil, []Sighting{s}); err != nil {
					t.Fatal(err)
				}
			}
		}
		info, err := l.Info(t.Context())
		events, err2 := l.Events(t.Context(), EventQuery{})
		if err := errors.Join(err, err2); err != nil || info.Events != 3 {
			t.Fatal(info, err)
		}
		states = append(states, fmt.Sprint(info.Digest, events))
	}
	if states[0] != states[1] {
		t.Errorf("the order shows:\n%s\n%s", states[0], states[1])
	}
}

// An index that changes everything makes no more than so many events, alarms first.
func TestSeeBounded(t *testing.T) {
	l := newLocal(t)
	var old, now []string
	for i := range 3 * maxEvents {
		old = append(old, fmt.Sprintf("demo-%d.0.tar.gz %d", i, i+1))
	}
	for i := range 5 {
		now = append(now, fmt.Sprintf("demo-%d.0.tar.gz 77777", 2*maxEvents+i))
	}
	if _, err := l.See(t.Context(), nil, []Sighting{sighting(1, page("", old...))}); err != nil {
		t.Fatal(err)
	}
	events, err := l.See(t.Context(), nil, []Sighting{sighting(2, page("", now...))})
	if err != nil || len(events) != maxEvents+1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	alarms, more := 0, ""
	for _, e := range events {
		if e.Severity == Alarm {
			alarms++
		}
		if e.Kind == MoreChanges {
			more = e.New
		}
	}
	if alarms != 5 || more != fmt.Sprint(2*maxEvents) {
		t.Errorf("%d alarms, %s more", alarms, more)
	}
}

// Events can be asked for by time, project and kind.
func TestEvents(t *testing.T) {
	l := newLocal(t)
	for read, n := range []int{1, 2, 3} {
		if _, err := l.See(t.Context(), nil, []Sighting{sighting(int64(read+1), page("", fmt.Sprintf("demo-1.0.tar.gz %d", n)))}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		q    EventQuery
		want int
	}{
		{EventQuery{}, 2}, {EventQuery{Since: 3}, 1}, {EventQuery{Since: 4}, 0},
		{EventQuery{Projects: []py.Name{"demo"}}, 2}, {EventQuery{Projects: []py.Name{"other"}}, 0},
		{EventQuery{Kinds: []EventKind{HashChanged, Yanked}}, 2}, {EventQuery{Kinds: []EventKind{Yanked}}, 0},
	} {
		if events, err := l.Events(t.Context(), test.q); err != nil || len(events) != test.want {
			t.Errorf("%+v: %d events, %v, want %d", test.q, len(events), err, test.want)
		}
	}
	if n, err := l.Forget(t.Context(), []py.Name{"demo"}); err != nil || n != 0 {
		t.Errorf("forgot %d documents, %v", n, err)
	}
	if events, err := l.Events(t.Context(), EventQuery{}); err != nil || len(events) != 2 {
		t.Errorf("events that happened are forgotten: %v, %v", events, err)
	}
	if events, err := l.See(t.Context(), nil, []Sighting{sighting(9, page("", "demo-1.0.tar.gz 9"))}); err != nil || len(events) > 0 {
		t.Errorf("what was seen is not forgotten: %v, %v", eventTexts(events), err)
	}
	if err := l.Close(); err != nil { // what it wrote is in the file itself then
		t.Fatal(err)
	}
	file := alter(t, l.path, "UPDATE event SET new = 'nothing' WHERE id = 1")
	damaged := openLocalTest(t, file)
	if _, err := damaged.Events(t.Context(), EventQuery{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("an event that was changed: %v", err)
	}
}

// Local knowledge survives another knowledge base and the return of the first, as
// a sync and a rollback do it: nothing is forgotten and nothing is news again.
func TestLocalOutlivesSnapshots(t *testing.T) {
	one, _ := write(t, []Listing{*page("", "demo-1.0.tar.gz 1")}, nil)
	two, _ := write(t, []Listing{*page("", "demo-1.0.tar.gz 1", "demo-2.0.tar.gz 2")}, nil)
	l := newLocal(t)
	now := sighting(1_700_000_100, page("", "demo-1.0.tar.gz 9", "demo-2.0.tar.gz 2"))
	var before LocalInfo
	for i, file := range []string{one, two, one} {
		d := openTest(t, file)
		now.Now.Read++
		events, err := l.See(t.Context(), d, []Sighting{now})
		if err != nil || (len(events) > 0) != (i == 0) {
			t.Fatalf("knowledge base %d: %v, %v", i, eventTexts(events), err)
		}
		if i == 0 {
			if _, err := l.Tell(t.Context(), tell("osv", 5, warning(t, "PYSEC-1", 100, "2")), Watched{[]py.Name{"demo"}, d}); err != nil {
				t.Fatal(err)
			}
		}
		all, err := NewLayered(d, l, Route{Indexes: []string{public}}, true).Advisories(t.Context(), []py.Name{"demo"})
		if err != nil || len(all[0]) != 1 {
			t.Errorf("knowledge base %d: advisories %v, %v", i, all, err)
		}
		if _, err := l.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		info, err := l.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before.Digest == "" {
			before = info
		}
		if info.Digest != before.Digest || info.Events != 3 {
			t.Errorf("knowledge base %d: %+v, want %+v", i, info, before)
		}
	}
}

// Where the attestations of a file are is kept in both layers.
func TestProvenanceKept(t *testing.T) {
	listing := *page("", "demo-1.0.tar.gz 1 attested", "demo-1.0.zip 2")
	file, _ := write(t, []Listing{listing}, nil)
	d := openTest(t, file)
	if err := d.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	l := newLocal(t, documents(private, 100, listing)...)
	demo := []py.Package{{Name: "demo", Version: version(t, "1.0")}}
	for name, k := range map[string]interface {
		Files(context.Context, []py.Package) ([][]py.File, error)
	}{
		"snapshot": d, "local": NewLayered(nil, l, Route{Indexes: []string{private}}, true), "layered": NewLayered(d, l, Route{Indexes: []string{public}}, true),
	} {
		files, err := k.Files(t.Context(), demo)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"https://public.example/integrity/demo-1.0.tar.gz", ""}, []string{files[0][0].Provenance, files[0][1].Provenance}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

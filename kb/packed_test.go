package kb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// pack and unpack are each other's reverse, and unpack takes nothing else.
func TestUnpack(t *testing.T) {
	for _, test := range []struct {
		coding
		good      string
		bad       [][2]string // with what is said of it
		nearlyBad []string
	}{
		{plain, `[["2!1.0+l.1",5,6,1,1,2,3,4],["1.1",5,5,0,0,2,4,0],["1.0rc1",0,0,0,0,0,0,0]]`, [][2]string{
			{`[["1.0",0,0,0,0,0,0]]`, "release 0: malformed"},
			{`[["1.0",0,0,0,0,0,0,-1]]`, "malformed"},
			{`[["1.0",0,0,0,0,0,0,9999999999999999999999]]`, "malformed"},
			{`[["1.0", 0,0,0,0,0,0,0]]`, "malformed"},
			{`[["1.0",2,1,0,0,0,0,0]]`, "uploaded 2, last 1"},
			{`[["1.0",0,1,0,0,0,0,0]]`, "uploaded 0, last 1"},
			{`[["1.0",0,0,2,0,0,0,0]]`, "yanked 2"},
			{`[["1.0",0,0,0,0,0,0,0],["1.1",0,0,0,0,0,0,0]]`, "release 1: 1.1 is not older than 1.0"},
			{`[["1.0",0,0,0,0,0,0,0],["1.0.0",0,0,0,0,0,0,0]]`, "is not older"},
			{`[["",0,0,0,0,0,0,0]]`, "malformed"},
			{`[["one",0,0,0,0,0,0,0]]`, "is not a version"},
			{`[["1.0-1",0,0,0,0,0,0,0]]`, "not in normal form"},
		}, []string{`[["1.0",5,0,0,0,0,0,0]]`}},
		{stepped, `[["2!1.0+l.1",5,1,1,1,2,3,4],["1.1",0,0,-1,-1,0,1,-4],["1.0rc1",-5,0,0,0,-2,-4]]`, [][2]string{
			{`[["1.0",0]]`, "release 0: malformed"}, // zeros at the end are left out
			{`[["1.0",5,0]]`, "malformed"},
			{`[["1.0",-0,0,1]]`, "malformed"},
			{`[["1.0",5,0,0,0,0,0,0,1]]`, "malformed"}, // too many
			{`[["1.0",-1]]`, "malformed"},
			{`[["1.0",-]]`, "malformed"},
			{`[["1.0",]]`, "malformed"},
			{`[["1.0",5],["0.9",-6]]`, "release 1: malformed"}, // before 1970
			{`[["1.0",0,0,0,0,0,3],["0.9",0,0,0,0,0,-4]]`, "release 1: malformed"},
			{`[["1.0",999999999999999],["0.9",1]]`, "release 1: malformed"},
			{`[["1.0",999999999999999,1]]`, "malformed"},
			{`[["1.0",5,-6]]`, "malformed"},
			{`[["1.0",9999999999999999999999]]`, "malformed"},
			{`[["1.0", 5]]`, "malformed"},
			{`[["1.0",2,-1]]`, "uploaded 2, last 1"},
			{`[["1.0",0,1]]`, "uploaded 0, last 1"},
			{`[["1.0",0,0,1],["0.9",0,0,1]]`, "release 1: yanked 2"},
			{`[["1.0"],["1.1"]]`, "release 1: 1.1 is not older than 1.0"},
			{`[["1.0"],["1.0.0"]]`, "is not older"},
			{`[[""]]`, "malformed"},
			{`[["one"]]`, "is not a version"},
			{`[["1.0-1"]]`, "not in normal form"},
		}, []string{`[["1.0",5,-5]]`, `[]`}}, // the first is undated: not all of its files have a date
	} {
		releases := []packedRelease{
			{version: version(t, "2!1.0+l.1"), uploaded: 5, lastUploaded: 6, yanked: true, yankedReason: 1, requiresPython: 2, requires: 3, artifacts: 4},
			{version: version(t, "1.1"), uploaded: 5, lastUploaded: 5, requiresPython: 2, requires: 4},
			{version: version(t, "1.0rc1")},
		}
		if got := test.pack(releases); got != test.good {
			t.Errorf("packed as %s, want %s", got, test.good)
		}
		p, err := test.unpack("p", test.good)
		if err != nil || !slices.Equal(p.releases, releases) {
			t.Errorf("%s: %v, %v", test.good, p, err)
		}
		for _, text := range test.nearlyBad {
			if p, err := test.unpack("p", text); err != nil || test.pack(p.releases) != text {
				t.Errorf("%s: %v, %v", text, p, err)
			}
		}
		for n := range len(test.good) {
			if p, err := test.unpack("p", test.good[:n]); !errors.Is(err, ErrDamaged) {
				t.Errorf("the first %d bytes: %v, %v", n, p, err)
			}
		}
		long := `[["` + strings.Repeat("1", 600) + test.good[len(`[["2!1.0+l.1`):]
		for _, bad := range append(test.bad, [][2]string{{test.good + " ", "p, release 3: malformed"}, {long, "malformed"}, {"{}", "malformed"}, {"", "malformed"}, {"[[]]", "malformed"}}...) {
			if p, err := test.unpack("p", bad[0]); !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), bad[1]) {
				t.Errorf("%s: %v, %v, want %q", bad[0], p, err, bad[1])
			}
		}
	}
}

// randomReleases draws releases of a project, newest first.
func randomReleases(t testing.TB, r *rand.Rand) []packedRelease {
	t.Helper()
	list := make([]packedRelease, r.IntN(8))
	for i := range list {
		p := packedRelease{version: version(t, fmt.Sprint(len(list)-i)), requires: int64(r.IntN(4)), artifacts: int64(r.IntN(3)), requiresPython: int64(r.IntN(3))}
		if r.IntN(4) > 0 {
			p.uploaded = 1 + r.Int64N(maxNumber)
			p.lastUploaded = min(maxNumber, p.uploaded+r.Int64N(100)) * int64(r.IntN(2))
		}
		if p.yanked = r.IntN(4) == 0; p.yanked {
			p.yankedReason = int64(r.IntN(3))
		}
		list[i] = p
	}
	return list
}

// What is packed is unpacked and shown by the view release as it was, and gets
// the new numbers of rows as each release would by itself.
func TestSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	ids := renumber{"text": {1: 7, 2: 1}, "artifacts": {2: 5}}
	for range 200 {
		list := randomReleases(t, r)
		text := stepped.pack(list)
		p, err := stepped.unpack("p", text)
		if err != nil || !slices.Equal(p.releases, list) {
			t.Fatalf("%s: %v, %v, want %v", text, p.releases, err, list)
		}
		moved := slices.Clone(list)
		for i := range moved {
			m := &moved[i]
			m.yankedReason, m.requiresPython = ids["text"][m.yankedReason], ids["text"][m.requiresPython]
			m.artifacts = ids["artifacts"][m.artifacts]
		}
		if got, want := ids.releases(text), stepped.pack(moved); got != want {
			t.Fatalf("%s in new numbers: %s, want %s", text, got, want)
		}
		if got := shown(t, d, text); !slices.Equal(got, list) {
			t.Fatalf("%s as rows: %v, want %v", text, got, list)
		}
	}
	for _, text := range []string{"", "{}", `[["1.0",0]]`, `[["1.0",5]`} {
		if got := ids.releases(text); got != text {
			t.Errorf("%q, which is malformed, became %q", text, got)
		}
	}
}

// shown are releases as the view shows them, with 0 for NULL.
func shown(t *testing.T, d *DB, text string) (list []packedRelease) {
	t.Helper()
	var view string
	if err := d.sql.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'release'`).Scan(&view); err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(view, "AS\n")
	rows, err := d.sql.Query(`WITH project (id, name, releases) AS (SELECT 1, 'p', ?), release AS (`+strings.TrimSuffix(query, ";")+`)
		SELECT version, coalesce(uploaded, 0), coalesce(last_uploaded, 0), yanked, coalesce(yanked_reason, 0), coalesce(requires_python, 0),
			coalesce(requires, 0), coalesce(artifacts, 0) FROM release ORDER BY rank`, text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p packedRelease
		var v string
		if err := rows.Scan(&v, &p.uploaded, &p.lastUploaded, &p.yanked, &p.yankedReason, &p.requiresPython, &p.requires, &p.artifacts); err != nil {
			t.Fatal(err)
		}
		p.version = version(t, v)
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// FuzzUnpack: what is read is written as what is read again.
func FuzzUnpack(f *testing.F) {
	f.Add(`[["2!1.0+l.1",5,6,1,1,2,3,4],["1.0rc1",0,0,0,0,0,0,0]]`)
	f.Add(`[["2!1.0+l.1",5,1,1,1,2,3,4],["1.1",0,0,-1,-1,0,1,-4],["1.0rc1",-5,0,0,0,-2,-4]]`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []coding{plain, stepped} {
			p, err := c.unpack(py.Name("p"), text)
			if err != nil {
				continue
			}
			again, err := c.unpack("p", c.pack(p.releases))
			if err != nil || !slices.Equal(again.releases, p.releases) {
				t.Errorf("%v, %v, want %v", again.releases, err, p.releases)
			}
			if c == plain {
				continue
			}
			for i := range p.releases { // nothing of what they refer to is there any more
				r := &p.releases[i]
				r.yankedReason, r.requiresPython, r.artifacts = 0, 0, 0
			}
			if got, want := (renumber{}).releases(text), c.pack(p.releases); got != want {
				t.Errorf("without numbers of rows: %s, want %s", got, want)
			}
		}
	})
}

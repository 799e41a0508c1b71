package kb

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/thamos/thamos/kb/py"
)

// What is wrong with a row of facts is said when it is read.
func TestDamagedFacts(t *testing.T) {
	good, _ := write(t, append(world(t), tool(t)), addFacts(t))
	names := []py.Name{"demo", "tool", "nobody"}
	asks := map[string]func(*DB) error{
		"advisories":   func(d *DB) error { _, err := d.Advisories(t.Context(), names); return err },
		"suspicions":   func(d *DB) error { _, err := d.Suspicions(t.Context(), names); return err },
		"rules":        func(d *DB) error { _, err := d.Rules(t.Context(), "step", names); return err },
		"observations": func(d *DB) error { _, err := d.Observations(t.Context(), names); return err },
		"indicators":   func(d *DB) error { _, err := d.Indicators(t.Context(), names); return err },
		"abouts":       func(d *DB) error { _, err := d.Abouts(t.Context(), names); return err },
	}
	bomb := packedHex(t, bytes.Repeat([]byte("{}"), maxRuleGroup))
	for _, test := range []struct{ statement, ask, want string }{
		{`UPDATE advisory SET advisories = '' WHERE project = 'demo'`, "advisories", "malformed advisories of demo, at byte 0"},
		{`UPDATE advisory SET advisories = advisories || ' '`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, '"2.0"', '"2.x"')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, '"2.0"', '"2.0.RC1"')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, ',4,98,', ',5,98,')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, ',4,98,', ',4,101,')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, 'X-2', 'X-0')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, '"X-1"', '""')`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = replace(advisories, 'https', 'https' || char(10))`, "advisories", "malformed"},
		{`UPDATE advisory SET advisories = CAST(zeroblob(100000000) AS TEXT) WHERE project = 'demo'`, "advisories", "too big"},
		{`UPDATE suspicion SET hints = '[]x'`, "suspicions", "malformed suspicions"},
		{`UPDATE suspicion SET hints = '[[3,"","",0,0,"",[1,1]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[2,"demo","",0,0,"",[1,1]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"demo","",0,0,"",[1,1]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"De mo","1",0,0,"",[1,1]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"demo","1",0,1,"",[1,2]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"demo","1",0,0,"",[2,1]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"demo","1",0,0,"",[1,4]]]'`, "suspicions", "malformed"},
		{`UPDATE suspicion SET hints = '[[1,"demo","1",0,0,"",[1,999999999999999]]]'`, "suspicions", "malformed"},
		{`UPDATE rule SET bodies = x'00'`, "rules", "rules of"},
		{`UPDATE rule SET bodies = x'` + bomb + `'`, "rules", "rules of"},
		{`UPDATE rule SET bodies = x'` + packedHex(t, []byte("no tab\n")) + `'`, "rules", "step rule 0 of"},
		{`UPDATE rule SET bodies = x'` + packedHex(t, []byte("a\t{}\nb\t{}")) + `'`, "rules", "step rule 1 of"},
		{`DELETE FROM dictionary`, "rules", "no dictionary"},
		{`UPDATE dictionary SET content = zeroblob(70000)`, "rules", "a dictionary of 70000 bytes"},
		{`UPDATE observation SET packages = 'demo'`, "observations", "observation"},
		{`UPDATE observation SET packages = 'demo 2.0' || char(10) || 'demo 2.0'`, "observations", "not in normal form"},
		{`UPDATE observation SET packages = 'leaf 1.0'`, "observations", "is not one of demo"},
		{`UPDATE observation SET class = 'x' || char(7)`, "observations", "not in normal form"},
		{`UPDATE observation SET at = -1`, "observations", "not in normal form"},
		{`DELETE FROM observation`, "observations", "is not one of demo"},
		{`UPDATE indicator SET indicators = replace(indicators, '"0.1"', '"NaN"')`, "indicators", "malformed indicators of demo"},
		{`UPDATE indicator SET indicators = replace(indicators, '"2.0"', '""')`, "indicators", "malformed"},
		{`UPDATE release_about SET abouts = '[1,1]'`, "abouts", "malformed abouts"},
		{`UPDATE release_about SET abouts = '[1,7]'`, "abouts", "malformed abouts"},
		{`UPDATE release_about SET abouts = '[1,0,1,6]'`, "abouts", "malformed abouts"},
		{`DELETE FROM about`, "abouts", "refers to a row that is not there"},
		{`UPDATE about SET license = 'MIT' || char(27)`, "abouts", "malformed row 1"},
	} {
		d := openTest(t, alter(t, good, test.statement))
		what := test.statement[:min(len(test.statement), 120)]
		if err := asks[test.ask](d); !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: %v, want %q", what, err, test.want)
		}
		if err := d.Verify(t.Context()); !errors.Is(err, ErrDamaged) && !strings.HasPrefix(test.statement, "DELETE FROM dictionary") {
			t.Errorf("%s: Verify: %v", what, err)
		}
	}
}

// packedHex is a group of rules, packed without a dictionary, as SQL writes it.
func packedHex(t *testing.T, text []byte) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return fmt.Sprintf("%x", z.EncodeAll(text, nil))
}

// Rules that are small in the file and large in memory are refused in sum too.
func TestManyRuleBombs(t *testing.T) {
	good, _ := write(t, world(t), addFacts(t))
	bomb := packedHex(t, []byte("n\t"+strings.Repeat(" ", maxRuleGroup-100)+"1\n"))
	file := alter(t, good, `DELETE FROM rule`, `INSERT INTO rule SELECT 'step', 'p' || value, 'lab', 1, x'`+bomb+`' FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]')`)
	d := openTest(t, file)
	var names []py.Name
	for i := range 20 {
		names = append(names, py.Name(fmt.Sprintf("p%d", i+1)))
	}
	if _, err := d.Rules(t.Context(), "step", names[:3]); err != nil {
		t.Errorf("a few: %v", err)
	}
	if _, err := d.Rules(t.Context(), "step", names); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "bytes of rules") {
		t.Errorf("all: %v", err)
	}
	if err := d.Verify(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("Verify: %v", err)
	}
}

// FuzzHints reads suspicions of any text: what is read, written again, is the
// text, and refers to releases that there are.
func FuzzHints(f *testing.F) {
	f.Add(`[[1,"demo","2.dev0",0,0,"demo<2",[1,2,4,4]],[2,"","",0,1,"demo",[2,2]]]`)
	f.Add(`[]`)
	f.Add(`[[1,"a","1",1,0,"a<=1",[1,1]`)
	f.Fuzz(func(t *testing.T, text string) {
		const releases = 6
		hints, err := unpackHints(text, releases, map[string]py.Version{})
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		for _, h := range hints {
			for _, rank := range append(h.suspects, h.by) {
				if rank < 0 || rank >= releases {
					t.Fatalf("%q: rank %d", text, rank)
				}
			}
		}
		suspicions("p", hints, releases, func(int) py.Version { return py.Version{} })
	})
}

// FuzzAdvisories reads advisories of any text.
func FuzzAdvisories(f *testing.F) {
	text, err := packAdvisories(advisories(f)[:1])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		u := newAdvisoryReader()
		list, err := u.unpack("demo", text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		for _, a := range list {
			if a.ID == "" || a.Severity > py.Critical {
				t.Fatalf("%q: %+v", text, a)
			}
		}
		joinAdvisories(list)
	})
}

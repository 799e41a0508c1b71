package lockfile

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/resolver"
)

// settingsFull has every key.
const settingsFull = `recommendation-type = "security"
disable-units = ["cooldown", "ns.MyStep"]
cooldown-days = 0
knowledge-days = 30

[licence]
allow = ["MIT", "BSD-*"]
deny = ["AGPL-*", "LicenseRef-x.y+"]

[[allow]]
id = "CVE-2024-1"
project = "Foo_Bar"
reason = "not reachable"
expires = 2026-12-31

[[allow]]
id = "GHSA-x"
reason = "a test"
expires = "2028-02-29"

[[alias]]
project = "tensorflow"
by = "Intel.TensorFlow"

[tables.Mine]
rows = [{unit = "freshness"}, {unit = "freshness", class = "major", tier = 0, weight = 0, direct = 5}]

[[tables.ours.rows]]
unit = "advisory"
class = "high"
tier = 3
weight = 0.5

[tables.none]
`

func TestReadSettings(t *testing.T) {
	want := &Settings{
		RecommendationType: "security", RecommendationAt: Position{SettingsFile, 1, 23},
		DisableUnits: []string{"cooldown", "ns.MyStep"}, DisableAt: []Position{{SettingsFile, 2, 18}, {SettingsFile, 2, 30}},
		CooldownDays: -1, KnowledgeDays: 30,
		LicenceAllow: []string{"MIT", "BSD-*"}, LicenceDeny: []string{"AGPL-*", "LicenseRef-x.y+"},
		Allow: []Allowance{
			{ID: "CVE-2024-1", Project: "foo-bar", Reason: "not reachable", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), Pos: Position{SettingsFile, 10, 3}},
			{ID: "GHSA-x", Reason: "a test", Expires: time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC).Unix(), Pos: Position{SettingsFile, 16, 3}},
		},
		Aliases: []Alias{{Project: "tensorflow", By: "intel-tensorflow"}},
		Tables: []Table{
			{Name: "mine", Rows: []TableRow{
				{Unit: "freshness", Tier: 7, Weight: 1, Pos: Position{SettingsFile, 26, 9}},
				{Unit: "freshness", Class: "major", Tier: 0, Weight: 0, Direct: 5, Pos: Position{SettingsFile, 26, 31}},
			}},
			{Name: "ours", Rows: []TableRow{{Unit: "advisory", Class: "high", Tier: 3, Weight: 0.5, Pos: Position{SettingsFile, 28, 15}}}},
			{Name: "none"},
		},
	}
	got, err := ReadSettings(fstest.MapFS{SettingsFile: {Data: []byte(settingsFull)}}, SettingsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got, err = ReadSettings(fstest.MapFS{SettingsFile: {}}, SettingsFile)
	if diff := cmp.Diff(&Settings{}, got); err != nil || diff != "" {
		t.Errorf("an empty file: %v, -want +got:\n%s", err, diff)
	}
}

func TestSettingsRefusals(t *testing.T) {
	const (
		known = " (known are recommendation-type, disable-units, allow, cooldown-days, knowledge-days, licence, alias, tables, provenance)"
		day   = "expires must be a day such as 2026-12-31"
		allow = "[[allow]]\nid = 'a'\nreason = 'b'\n"
		rows  = "[[tables.t.rows]]\nunit = 'a'\n"
	)
	for _, test := range []refusal{
		{"syntax", "a = ", "thamos.toml:1:4: not valid TOML: unexpected EOF; expected value, after key a"},
		{"unknown", "cooldown-days = 1\ncooldown_days = 1", `thamos.toml:2:1: unknown key "cooldown_days" in the settings` + known},
		{"type", "recommendation-type = 1", "thamos.toml:1:23: recommendation-type must be a text"},
		{"type is empty", "recommendation-type = ' '", "thamos.toml:1:23: recommendation-type is empty"},
		{"units", "disable-units = 'a'", "thamos.toml:1:17: disable-units must be a list"},
		{"unit", "disable-units = ['a', 1]", "thamos.toml:1:23: an element of disable-units must be a text"},
		{"unit is empty", "disable-units = ['a', '']", "thamos.toml:1:23: disable-units has \"\" (write a name of a unit, as `thamos units` lists them)"},
		{"days", "cooldown-days = -1", "thamos.toml:1:17: cooldown-days must be a number of days from 0 to 10000 (0 is none)"},
		{"days as text", "knowledge-days = '7'", "thamos.toml:1:18: knowledge-days must be a number of days from 0 to 10000 (0 is none)"},
		{"days as fraction", "cooldown-days = 1.5", "thamos.toml:1:17: cooldown-days must be a number of days from 0 to 10000 (0 is none)"},
		{"licence", "licence = 'MIT'", "thamos.toml:1:11: licence must be a table"},
		{"licence key", "licence.allowed = []", `thamos.toml:1:9: unknown key "allowed" in licence (known are allow, deny)`},
		{"licence expression", "licence.deny = ['MIT OR GPL-*']", `thamos.toml:1:17: licence.deny has "MIT OR GPL-*" (write an SPDX id with * for any characters, such as MIT or AGPL-*)`},
		{"allow", "allow = 'a'", "thamos.toml:1:9: allow must be a list"},
		{"allow element", "allow = ['a']", "thamos.toml:1:10: allow must be a table"},
		{"allow key", allow + "until = 1", `thamos.toml:4:1: unknown key "until" in allow (known are id, project, reason, expires)`},
		{"no reason", "[[allow]]\nid = 'a'", `thamos.toml:1:3: an allowance needs the id of an advisory and a reason (write id = "CVE-…" and reason = "…")`},
		{"empty reason", "[[allow]]\nid = 'a'\nreason = ''", "thamos.toml:3:10: reason is empty"},
		{"allow project", allow + "project = 'a b'", "???"},
		{"expires", allow + "expires = 'soon'", "thamos.toml:4:11: " + day},
		{"expires at a time", allow + "expires = 2026-12-31T07:00:00Z", "thamos.toml:4:11: " + day},
		{"expires at a time of any day", allow + "expires = 07:32:00", "thamos.toml:4:11: " + day},
		{"expires before there were days", allow + "expires = 1969-01-01", "thamos.toml:4:11: " + day},
		{"expires in days", allow + "expires = 7", "thamos.toml:4:11: " + day},
		{"alias", "[[alias]]\nproject = 'a'", "thamos.toml:1:3: an alias needs project and by, two different projects (by can stand in for project)"},
		{"alias of itself", "[[alias]]\nproject = 'a_b'\nby = 'A-B'", "thamos.toml:1:3: an alias needs project and by, two different projects (by can stand in for project)"},
		{"alias key", "[[alias]]\nproject = 'a'\nfor = 'b'", `thamos.toml:3:1: unknown key "for" in alias (known are project, by)`},
		{"tables", "tables = []", "thamos.toml:1:10: tables must be a table"},
		{"table", "tables.t = 1", "thamos.toml:1:12: tables.t must be a table"},
		{"table key", "[tables.t]\nrow = []", `thamos.toml:2:1: unknown key "row" in tables.t (known are rows)`},
		{"table twice", "[tables.t]\n[tables.T]", "thamos.toml:2:9: two tables are named t, the first at thamos.toml:1:9 (case does not matter in it)"},
		{"row key", rows + "wieght = 1", `thamos.toml:3:1: unknown key "wieght" in rows (known are unit, class, tier, weight, direct)`},
		{"row without unit", "[[tables.t.rows]]\nweight = 1", "thamos.toml:1:12: a row needs a unit (`thamos units` lists them)"},
		{"row twice", rows + "class = 'c'\n" + rows + "class = 'c'", "thamos.toml:4:12: a/c has a row already, at thamos.toml:1:12 (keep one of them)"},
		{"row twice without class", rows + rows, "thamos.toml:3:12: a has a row already, at thamos.toml:1:12 (keep one of them)"},
		{"tier", rows + "tier = 8", "thamos.toml:3:8: tier must be a whole number from 0 to 7 (a smaller tier outranks all larger ones)"},
		{"tier as fraction", rows + "tier = 1.0", "thamos.toml:3:8: tier must be a whole number from 0 to 7 (a smaller tier outranks all larger ones)"},
		{"weight", rows + "weight = -0.1", "thamos.toml:3:10: weight must be a number from 0 to 1000"},
		{"weight is none", rows + "weight = nan", "thamos.toml:3:10: weight must be a number from 0 to 1000"},
		{"weight without end", rows + "weight = inf", "thamos.toml:3:10: weight must be a number from 0 to 1000"},
		{"weight as text", rows + "weight = '1'", "thamos.toml:3:10: weight must be a number"},
		{"direct", rows + "weight = 1\ndirect = 1001", "thamos.toml:4:10: direct must be a number from 0 to 1000"},
		{"direct is nothing", rows + "direct = 0", "thamos.toml:3:10: direct must be above 0 (take it out for 1)"},
		// Of several faults always the same is named.
		{"two faults", rows + "direct = -1\nweight = -1", "thamos.toml:4:10: weight must be a number from 0 to 1000"},
		{"two days", "knowledge-days = -1\ncooldown-days = -1", "thamos.toml:2:17: cooldown-days must be a number of days from 0 to 10000 (0 is none)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := ReadSettings(fstest.MapFS{SettingsFile: {Data: []byte(test.text)}}, SettingsFile)
			if err == nil {
				t.Fatalf("read as %+v", s)
			}
			checkError(t, err)
			if got := err.Error(); test.want != got && test.want != "???" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestFindSettings(t *testing.T) {
	const (
		project = "[project]\nname = 'x'\n"
		note    = "[tool.thamos] of pyproject.toml does not count, because there is a thamos.toml"
	)
	for _, test := range []struct {
		name, own, pyproject string // a file is not there if it is empty
		want                 string // the type; "none"; or the error
		note                 string
	}{
		{"neither", "", "", "none", ""},
		{"own", "recommendation-type = 'a'", "", "a", ""},
		{"pyproject", "", "[tool.thamos]\nrecommendation-type = 'b'", "b", ""},
		{"pyproject of other tools", "", project, "none", ""},
		{"both", "recommendation-type = 'a'", "[tool.thamos]\nrecommendation-type = 'b'", "a", note},
		{"both, one of other tools", "recommendation-type = 'a'", project, "a", ""},
		{"both, one broken", "recommendation-type = 'a'", "[", "a", ""},
		{"both, the one that counts broken", "recommendation-type = 1", "[tool.thamos]", "thamos.toml:1:23: recommendation-type must be a text", ""},
		{"pyproject broken", "", "[tool.thamos]\nx = 1", `pyproject.toml:2:1: unknown key "x" in [tool.thamos] (known are recommendation-type, disable-units, allow, cooldown-days, knowledge-days, licence, alias, tables, provenance)`, ""},
		{"pyproject with no table", "", "[tool]\nthamos = 1", "pyproject.toml:2:10: [tool.thamos] must be a table", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range map[string]string{SettingsFile: test.own, "pyproject.toml": test.pyproject} {
				if text != "" {
					fsys[name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
			got := "none"
			s, note, err := FindSettings(fsys)
			if err != nil {
				checkError(t, err)
				got = err.Error()
			} else if s != nil {
				got = s.RecommendationType
			}
			if got != test.want || note != test.note {
				t.Errorf("got %s (%s)\nwant %s (%s)", got, note, test.want, test.note)
			}
		})
	}
}

func TestReadTable(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"dir/My.toml", "[[rows]]\nunit = 'a'", "my a"},
		{"x", "name = 'Ours'\nrows = [{unit = 'b'}]", "ours b"},
		{"x.toml", "rows = []", "x "},
		{"x.toml", "", "x.toml: a table of weights has rows (write [[rows]] with unit = \"…\" and weight = …)"},
		{"x.toml", "[[row]]", `x.toml:1:3: unknown key "row" in a table of weights (known are name, rows)`},
		{"x.toml", "name = ''", "x.toml:1:8: name is empty"},
		{"x.toml", "rows = 1", "x.toml:1:8: rows must be a list"},
	} {
		table, err := ReadTable(fstest.MapFS{test.name: {Data: []byte(test.text)}}, test.name)
		var got string
		if err != nil {
			checkError(t, err)
			got = err.Error()
		} else {
			got = table.Name + " "
			for _, r := range table.Rows {
				got += r.Unit
			}
		}
		if got != test.want {
			t.Errorf("%s %q: got %s, want %s", test.name, test.text, got, test.want)
		}
	}
	if _, err := ReadTable(fstest.MapFS{}, "x.toml"); err == nil || err.Error() != "x.toml: no such file" {
		t.Errorf("no file: %v", err)
	}
}

// TestLastTier compares the bound of a tier with that of the package that has it.
func TestLastTier(t *testing.T) {
	if lastTier != int(resolver.LastTier) {
		t.Errorf("the last tier is %d, not %d", resolver.LastTier, lastTier)
	}
}

// FuzzSettings checks that reading never panics, refuses with an *Error, gives
// the same twice, and that numbers are within their bounds.
func FuzzSettings(f *testing.F) {
	f.Add(settingsFull)
	f.Add("allow = [{id = 'a', reason = 'b', expires = 07:32:00}]\nlicence = {allow = ['*']}\ntables.a.rows = [{unit = 'x', weight = 1e3, tier = 0x7}]")
	f.Add("[tool.thamos]\n[[tool.thamos.alias]]\nproject = 'a'\nby = 'b'")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{SettingsFile, "pyproject.toml"} {
			fsys := fstest.MapFS{name: {Data: []byte(text)}}
			s, err := ReadSettings(fsys, name)
			again, err2 := ReadSettings(fsys, name)
			if err != nil {
				checkError(t, err)
				if err2 == nil || err2.Error() != err.Error() {
					t.Fatalf("second time: %v, not %v", err2, err)
				}
				continue
			}
			if diff := cmp.Diff(s, again); err2 != nil || diff != "" {
				t.Fatalf("read differently the second time (%v):\n%s", err2, diff)
			}
			if s != nil {
				checkSettings(t, s)
			}
		}
	})
}

// checkSettings fails if settings break a promise of their types.
func checkSettings(t *testing.T, s *Settings) {
	t.Helper()
	if min(s.CooldownDays, s.KnowledgeDays) < -1 {
		t.Fatalf("%+v", s)
	}
	for _, a := range s.Allow {
		if a.ID == "" || a.Reason == "" || a.Pos.Line < 1 || a.Expires < 0 || a.Expires%86400 != 0 {
			t.Fatalf("%+v", a)
		}
	}
	for _, a := range s.Aliases {
		if a.Project == "" || a.By == "" || a.Project == a.By {
			t.Fatalf("%+v", a)
		}
	}
	names := map[string]bool{}
	for _, table := range s.Tables {
		if names[table.Name] {
			t.Fatalf("two tables %q", table.Name)
		}
		names[table.Name] = true
		for _, r := range table.Rows {
			if r.Unit == "" || r.Tier < 0 || r.Tier > lastTier || !(r.Weight >= 0 && r.Weight <= maxWeight) || !(r.Direct >= 0 && r.Direct <= maxWeight) {
				t.Fatalf("%+v", r)
			}
		}
	}
}

package py_test

import (
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func version(t *testing.T, text string) py.Version {
	t.Helper()
	if text == "" {
		return py.Version{}
	}
	v, err := py.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAffected(t *testing.T) {
	for _, test := range []struct {
		from, before, last, v string
		want                  bool
	}{
		{"", "", "", "1.0", true},
		{"1.0", "2.0", "", "0.9", false},
		{"1.0", "2.0", "", "1.0", true},
		{"1.0", "2.0", "", "2.0rc1", true},
		{"1.0", "2.0", "", "2.0", false},
		{"1.0", "", "2.0", "2.0", true},
		{"1.0", "", "2.0", "2.0+cu118", true},
		{"1.0", "", "2.0+a", "2.0+b", false},
		{"1.0", "", "2.0", "2.0.post1", false},
		{"2.0", "", "2.0", "2.0.0", true},
		{"", "1.0", "", "0", true},
	} {
		r := py.Affected{From: version(t, test.from), Before: version(t, test.before), Last: version(t, test.last)}
		a := &py.Advisory{Affected: []py.Affected{{From: version(t, "99"), Last: version(t, "99")}, r}}
		if got := a.Affects(version(t, test.v)); got != test.want {
			t.Errorf("from %q before %q last %q: %s is %v, want %v", test.from, test.before, test.last, test.v, got, test.want)
		}
	}
}

func TestTop(t *testing.T) {
	top := func(text string, inclusive bool) py.Top {
		return py.Top{Version: version(t, text), Inclusive: inclusive}
	}
	for _, test := range []struct {
		top  py.Top
		v    string
		want bool
	}{
		{py.Top{}, "9", false}, {top("2.0", false), "1.9", false}, {top("2.0", false), "2.0", true}, {top("2.0", true), "2.0", false},
		{top("2.0", true), "2.0+cu118", false}, {top("2.0", false), "2.0+cu118", true}, {top("2.0", true), "2.1", true},
	} {
		if got := test.top.Excludes(version(t, test.v)); got != test.want {
			t.Errorf("%v excludes %s: %v", test.top, test.v, got)
		}
	}
	lower := []py.Top{top("1.0", false), top("1.0", true), top("2.0", false), {}}
	for i, a := range lower {
		for j, b := range lower {
			if a.Below(b) != (i < j) {
				t.Errorf("%v below %v: %v", a, b, a.Below(b))
			}
		}
	}
}

func TestSeverity(t *testing.T) {
	for score, want := range map[float64]string{0: "unrated", 0.1: "low", 3.9: "low", 4: "medium", 6.9: "medium", 7: "high", 8.9: "high", 9: "critical", 10: "critical"} {
		if got := py.SeverityOf(score).String(); got != want {
			t.Errorf("%g is %s, want %s", score, got, want)
		}
	}
	a := &py.Advisory{ID: "PYSEC-2024-1", Aliases: []string{"CVE-2024-1"}}
	for id, want := range map[string]bool{"pysec-2024-1": true, "cve-2024-1": true, "CVE-2024-11": false, "": false} {
		if a.Named(id) != want {
			t.Errorf("named %q: %v", id, !want)
		}
	}
}

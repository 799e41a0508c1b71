package environment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func TestParseLabel(t *testing.T) {
	good := map[string]string{ // text: implementation, label
		"3":                             " 3",
		"3.12":                          " 3.12",
		" 3.12.4 ":                      " 3.12.4",
		"3.15.0rc1":                     " 3.15.0rc1",
		"3.15.0a12":                     " 3.15.0a12",
		"3.14-dev":                      " 3.14",
		"3.13t":                         " 3.13t",
		"3.13.0t":                       " 3.13.0t",
		"3.14.0b1t":                     " 3.14.0b1t",
		"3.13+freethreaded":             " 3.13t",
		"cpython-3.12.4-linux-x86_64":   "cpython 3.12.4",
		"cpython@3.12":                  "cpython 3.12",
		"CPython3.12":                   "cpython 3.12",
		"cpython-3.13.0+freethreaded-x": "cpython 3.13.0t",
		"pypy3.10":                      "pypy pypy3.10",
		"pypy3.10-7.3.15":               "pypy pypy3.10",
		"python3.12":                    " 3.12",
		"python3":                       " 3",
	}
	for text, want := range good {
		l, err := parseLabel(text)
		if got := l.implementation + " " + l.String(); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "a number was expected", "t": "a number", "latest": "a number", "3.": "a number", ".3": "a number", "3.12.4.5": "more than three",
		"2.7": "3.6 is the oldest", "4.0": "3.6 is the oldest", "3.5.2": "3.6 is the oldest", "3.12rc1": "pre-release", "3.x": "a number", "3.10.0r": "a number", "3.10.0.post1": "a number",
		"3.99999": "a number", "3.-1": "a number", ">=3.11": "a number", "../3.12": "a number", "miniconda3-4.7": "a number", "graalpy-23": "a number",
		"3." + strings.Repeat("1", 200): "too long",
	} {
		if l, err := parseLabel(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: got %v, %v, want %s", text, l, err, want)
		}
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		wish, found string
		sure, want  bool
	}{
		{"3", "3.12.4", true, true},
		{"3.12", "3.12.4", true, true},
		{"3.11", "3.12.4", true, false},
		{"3.12.4", "3.12", false, true}, // it may be
		{"3.12.4", "3.12.5", true, false},
		{"3.12.0rc1", "3.12.0", true, false},
		{"3.12", "pypy3.12", true, true},
		{"cpython3.12", "pypy3.12", true, false},
		{"pypy3.12", "cpython3.12", true, false},
		{"3.13", "3.13.0t", true, false},
		{"3.13t", "3.13.0t", true, true},
		{"3.13t", "3.13.0", true, false},
		{"3.13t", "3.13.0", false, true}, // nobody said
	}
	for _, test := range tests {
		wish, err1 := parseLabel(test.wish)
		found, err2 := parseLabel(test.found)
		found.sure = test.sure
		if got := wish.covers(found); err1 != nil || err2 != nil || got != test.want {
			t.Errorf("%s covers %s (sure %t): %t, %v, %v", test.wish, test.found, test.sure, got, err1, err2)
		}
	}
}

func TestLowest(t *testing.T) {
	for _, test := range []struct{ label, requires, want string }{
		{"3", "", "3.8.0"}, {"3", ">=3.10", "3.10.0"}, {"3", "~=3.9.5", "3.9.5"}, {"3", ">3.9", "3.9.1"}, {"3", "<3.8", ""}, {"3", ">=4", ""},
		{"3", "==3.9.59", "3.9.59"}, {"3", "==3.9.100", "3.9.100"}, {"3", "===3.9.1", "3.9.1"}, {"3", ">=3.11,!=3.11.*", "3.12.0"},
		{"3.7", ">=3.6", "3.7.0"}, {"3.12", ">=3.12.3", "3.12.3"}, {"3.12", "==3.11.1", ""}, {"3.12.4", "<3.12.4", ""}, {"3.12.4", "", "3.12.4"},
	} {
		l, err := parseLabel(test.label)
		if err != nil {
			t.Fatal(err)
		}
		requires, err := py.ParseSpecifiers(test.requires)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if v, ok := l.lowest(requires); ok {
			got = v.String()
		}
		if got != test.want || l.admitted(requires) != (test.want != "") {
			t.Errorf("%s, %s: got %q, want %q", test.label, test.requires, got, test.want)
		}
	}
}

func TestPins(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "[]",
		"3.12":                        "[3.12]",
		"\ufeff3.12\r\n3.11\r\n":      "[3.12 3.11]",
		"# ours\n\n 3.12 3.11 # x\n#": "[3.12 3.11]",
		strings.Repeat("3 ", 99):      fmt.Sprint(strings.Fields(strings.Repeat("3 ", maxPins))),
	} {
		if got := fmt.Sprint(pins([]byte(text))); got != want {
			t.Errorf("%.50q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"3.12", "cpython-3.12.4-linux", "3.15.0rc1", "pypy3.10-7.3.15", "3.13t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseLabel(s)
		if err != nil {
			return
		}
		again, err := parseLabel(l.String())
		if err != nil || again.String() != l.String() || !l.covers(again) {
			t.Fatalf("%q is %v, which is %v, %v", s, l, again, err)
		}
	})
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"implementation": "cpython", "version": "3.11.7", "free_threaded": false, "debug": false, "os": "linux", "machine": "x86_64", "bits": 64, "libc": "glibc 2.36", "executable": "/x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseFacts(data)
		if err != nil {
			return
		}
		// What passed the check can be used without further ones.
		if got.label().exact.IsZero() || len(got.label().numbers) == 0 {
			t.Fatalf("%q: no version in %+v", data, got)
		}
		if p, err := got.platform(); err == nil && (p.OS == "" || p.Machine == "") {
			t.Fatalf("%q: %+v", data, p)
		}
		_ = got.supported()
	})
}

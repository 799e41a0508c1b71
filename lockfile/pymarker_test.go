package lockfile

import (
	"fmt"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

func TestRequiresPythonMarker(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"three", ""},
		{">=3.9", "python_version >= '3.9'"},
		{"<3.13,>=3.9", "python_version >= '3.9' and python_version < '3.13'"},
		{">=3.9,<4", "python_version >= '3.9' and python_version < '4'"},
		{">=3.10,>=3.9", "python_version >= '3.9' and python_version >= '3.10'"},
		{">=3.9,>=3.9,", "python_version >= '3.9'"},
		{">=2.7, !=3.0.*, !=3.1.*", "python_version >= '2.7' and python_version != '3.0' and python_version != '3.1'"},
		{">=3.7,<4.0,!=3.9.7", "python_version >= '3.7' and python_full_version != '3.9.7' and python_version < '4.0'"},
		{">=3.8.1,<3.13", "python_full_version >= '3.8.1' and python_version < '3.13'"},
		{"~=3.7", "python_version ~= '3.7'"},
		{"~=3.8.1", "python_full_version ~= '3.8.1'"},
		{"==3.11.*", "python_version == '3.11'"},
		{"==3.*", "python_version == '3.*'"},
		{"==3.9.1.*", "python_full_version == '3.9.1.*'"},
		{">=3", "python_version >= '3'"},
		// Pipenv rounds these, to markers that admit other versions.
		{">3.6", "python_full_version > '3.6'"},
		{">3.8.2", "python_full_version > '3.8.2'"},
		{"<=3.11", "python_full_version <= '3.11'"},
		{"==3.9", "python_full_version == '3.9'"},
		{"!=3.9", "python_full_version != '3.9'"},
		{"===3.9.1", "python_full_version === '3.9.1'"},
		{">=3.0rc1", "python_full_version >= '3.0rc1'"},
	} {
		if got := requiresPythonMarker(test.in); got != test.want {
			t.Errorf("%q gives\n%s, want\n%s", test.in, got, test.want)
		}
	}
}

// A marker admits the Pythons that the specifiers admit, neither more nor less.
func TestRequiresPythonMarkerSays(t *testing.T) {
	for _, requires := range []string{
		">=3.9", "<3.13,>=3.9", ">=2.7,!=3.0.*,!=3.9.*", "~=3.8", "~=3.8.1", "==3.11.*", "==3.*", ">=3", "<4", ">3.8", ">3.8.2",
		"<=3.11", "<=3.11.2", "==3.9", "!=3.9", "!=3.9.1", "<3.9.2", "==3.9.1.*", "<3", "!=3.*",
	} {
		specifiers, err := py.ParseSpecifiers(requires)
		if err != nil {
			t.Fatal(err)
		}
		marker, err := py.ParseMarker(requiresPythonMarker(requires))
		if err != nil {
			t.Fatal(err)
		}
		for minor := 7; minor < 15; minor++ {
			for micro := range 4 {
				v := version(t, fmt.Sprintf("3.%d.%d", minor, micro))
				env := &py.Environment{Implementation: "cpython", Python: v, Platform: py.Platform{OS: "linux", Machine: "x86_64"}}
				got, err := marker.Evaluate(env, "")
				if want := specifiers.Contains(v); got != want || err != nil {
					t.Errorf("%s, Python %s: %s is %v (%v), want %v", requires, v, marker, got, err, want)
				}
			}
		}
	}
}

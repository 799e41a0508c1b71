package py

import (
	"strings"
	"testing"
)

func TestParseWheelName(t *testing.T) {
	tests := []struct {
		in                         string
		name, version, build, tags string
	}{
		{"foo-1.0-py3-none-any.whl", "foo", "1.0", "", "py3-none-any"},
		{"Foo_Bar.baz-1.0.RC1-py2.py3-none-any.whl", "foo-bar-baz", "1.0rc1", "", "py2.py3-none-any"},
		{"foo-1.0-1000-py3-none-any.whl", "foo", "1.0", "1000", "py3-none-any"},
		{"foo-1.0-1abc-py3-none-any.whl", "foo", "1.0", "1abc", "py3-none-any"},
		{"foo-1.0+cu118_1-cp311-cp311-win_amd64.whl", "foo", "1.0+cu118.1", "", "cp311-cp311-win_amd64"},
		{
			"a-1!2-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "a", "1!2", "",
			"cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
		},
		{"foo-1.0-cp27-none-macosx_10.9_x86_64.whl", "foo", "1.0", "", "cp27-none-macosx_10.9_x86_64"},
		{"foo_bár-1.0-py3-none-any.whl", "foo-bár", "1.0", "", "py3-none-any"},
	}
	for _, test := range tests {
		want := Wheel{Name(test.name), mustVersion(t, test.version), test.build, test.tags}
		if got, err := ParseWheelName(test.in); err != nil || got != want {
			t.Errorf("ParseWheelName(%q) = %+v, %v, want %+v", test.in, got, err, want)
		}
	}
}

func TestParseWheelNameRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "the name does not end with .whl (PEP 427)",
		"foo-1.0-py3-none-any.WHL":        "the name does not end with .whl (PEP 427)",
		"foo-1.0-py3-none-any.zip":        "the name does not end with .whl (PEP 427)",
		".whl":                            "want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427)",
		"foo-1.0.whl":                     "want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427)",
		"foo-1.0-py3-none.whl":            "want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427)",
		"foo-1.0-1-py3-none-any-junk.whl": "want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl (PEP 427)",
		"foo-1.0-abc-py3-none-any.whl":    "the build tag does not begin with a digit (PEP 427)",
		"foo-1.0--py3-none-any.whl":       "the build tag does not begin with a digit (PEP 427)",
		"foo-1.x-py3-none-any.whl":        `"1.x" is not a version (PEP 440)`,
		"foo--py3-none-any.whl":           "empty version",
		"-1.0-py3-none-any.whl":           "malformed project name (PEP 427)",
		"foo__bar-1.0-py3-none-any.whl":   "malformed project name (PEP 427)",
		"foo#bar-1.0-py3-none-any.whl":    "malformed project name (PEP 427)",
		"../foo-1.0-py3-none-any.whl":     "malformed project name (PEP 427)",
		"a b-1.0-py3-none-any.whl":        "malformed project name (PEP 427)",
		"foo-1.0-py3.-none-any.whl":       "malformed tags (PEP 425)",
		"foo-1.0-py36+-none-any.whl":      "malformed tags (PEP 425)",
		"foo-1.0-3py-none-any.whl":        "malformed tags (PEP 425)",
		"foo-1.0-py3--any.whl":            "malformed tags (PEP 425)",
		"foo-1.0-py3-none-.whl":           "malformed tags (PEP 425)",
		"foo-1.0-py3-none-a..b.whl":       "malformed tags (PEP 425)",
	} {
		want = "wheel " + quote(in) + ": " + want
		if got, err := ParseWheelName(in); err == nil || err.Error() != want || got != (Wheel{}) {
			t.Errorf("ParseWheelName(%q) = %+v, %v, want %s", in, got, err, want)
		}
	}
}

func TestParseSdistName(t *testing.T) {
	tests := []struct{ in, name, version string }{
		{"foo-1.0.tar.gz", "foo", "1.0"},
		{"foo-1.0.zip", "foo", "1.0"},
		{"Foo_Bar-1.0.post1.tar.gz", "foo-bar", "1.0.post1"},
		{"Name-With-Dash-1.0.tar.gz", "name-with-dash", "1.0"},
		{"foo.bar-1.0b2.zip", "foo-bar", "1.0b2"},
		{"foo-1.0.zip.tar.gz", "", ""},
		{"foo-1.0.tar.gz.tar.gz", "", ""},
		{"foo-1.0.tar.bz2", "", ""},
		{"foo-1.0.tgz", "", ""},
		{"foo-1.0.xz", "", ""},
		{"foo-1.0.TAR.GZ", "", ""},
		{"foo1.0.tar.gz", "", ""},
		{"foo-1.x.tar.gz", "", ""},
		{"foo-.tar.gz", "", ""},
		{"-1.0.zip", "", ""},
		{"../foo-1.0.zip", "", ""},
		{"foo-1.0-py2.7.tar.gz", "", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		got, err := ParseSdistName(test.in)
		if test.name == "" {
			if err == nil || got != (Package{}) || !strings.HasPrefix(err.Error(), "sdist "+quote(test.in)+": ") {
				t.Errorf("ParseSdistName(%q) = %v, %v, want an error that names the file", test.in, got, err)
			}
			continue
		}
		if want := (Package{Name(test.name), mustVersion(t, test.version)}); err != nil || got != want {
			t.Errorf("ParseSdistName(%q) = %v, %v, want %v", test.in, got, err, want)
		}
	}
}

func TestParseSdistNameOf(t *testing.T) {
	tests := []struct {
		project       Name
		in            string
		version, fail string
	}{
		{"foo", "foo-1.0.tar.gz", "1.0", ""},
		{"foo", "Foo-1.0-2.tar.gz", "1.0.post2", ""},
		{"foo", "foo-1.0-beta-2.zip", "1.0b2", ""},
		{"foo-bar", "foo_bar-1.0.tar.gz", "1.0", ""},
		{"foo-bar", "Foo-Bar-1.0-1.tar.gz", "1.0.post1", ""},
		{"foo-1", "foo-1-2.tar.gz", "2", ""},
		{"foo", "foo-1-2.tar.gz", "1.post2", ""},
		{"foo", "bar-1.0.tar.gz", "", `sdist "bar-1.0.tar.gz" is not a file of foo`},
		{"foo", "foo-bar-1.0.tar.gz", "", `sdist "foo-bar-1.0.tar.gz": "bar-1.0" is not a version (PEP 440)`},
		{"foo", "foo_1.0.tar.gz", "", `sdist "foo_1.0.tar.gz" is not a file of foo`},
		{"foo", "foo.tar.gz", "", `sdist "foo.tar.gz" is not a file of foo`},
		{"foo", "foo-2013-03-11.zip", "", `sdist "foo-2013-03-11.zip": "2013-03-11" is not a version (PEP 440)`},
		{"foo", "foo-1.0.tgz", "", `sdist "foo-1.0.tgz": the name does not end with .tar.gz or .zip (PEP 625)`},
	}
	for _, test := range tests {
		got, err := ParseSdistNameOf(test.project, test.in)
		if test.fail != "" {
			if err == nil || err.Error() != test.fail || got != (Package{}) {
				t.Errorf("%s: %q = %v, %v, want %s", test.project, test.in, got, err, test.fail)
			}
			continue
		}
		if want := (Package{test.project, mustVersion(t, test.version)}); err != nil || got != want {
			t.Errorf("%s: %q = %v, %v, want %v", test.project, test.in, got, err, want)
		}
	}
}

func FuzzWheelName(f *testing.F) {
	for _, s := range []string{"foo-1.0-py3-none-any.whl", "a_b-1!2+x-1a-cp311.cp312-abi3-win32.whl", "é-1-py3-none-any.whl"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseWheelName(s)
		if err != nil {
			return
		}
		checkVersion(t, w.Version)
		parts := []string{strings.ReplaceAll(string(w.Name), "-", "_"), w.Version.String(), w.Build, w.Tags}
		if w.Build == "" {
			parts = append(parts[:2], w.Tags)
		}
		again, err := ParseWheelName(strings.Join(parts, "-") + ".whl")
		if err != nil || again != w {
			t.Fatalf("%q is %+v, which prints as %q and parses again as %+v, %v", s, w, parts, again, err)
		}
	})
}

func FuzzSdistName(f *testing.F) {
	for _, s := range []string{"foo-1.0.tar.gz", "Foo-Bar-1.0-1.zip", "a_b-1!2+x.zip"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseSdistName(s)
		if err != nil {
			return
		}
		checkVersion(t, p.Version)
		again, err := ParseSdistName(string(p.Name) + "-" + p.Version.String() + ".zip")
		if err != nil || again != p {
			t.Fatalf("%q is %v, which parses again as %v, %v", s, p, again, err)
		}
		// Whose file it is can change what the version is, but not whether it has one.
		if of, err := ParseSdistNameOf(p.Name, s); err != nil || of.Name != p.Name {
			t.Fatalf("%q is %v, but a file of %s it is %v, %v", s, p, p.Name, of, err)
		}
	})
}

package kb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

func TestAboutOf(t *testing.T) {
	for _, test := range []struct {
		name string
		m    py.Metadata
		want aboutKey
	}{
		{"nothing", py.Metadata{Summary: "x"}, aboutKey{}},
		{"classifiers", py.Metadata{Classifiers: []string{
			"Topic :: Software Development", "Programming Language :: Python :: 3.12", "Programming Language :: Python", "Programming Language :: C",
			"Programming Language :: Python :: 3", "License :: OSI Approved :: MIT License", "Development Status :: 7 - Inactive",
			"Environment :: GPU :: NVIDIA CUDA", "Environment :: Console", "Programming Language :: Python :: 3",
		}}, aboutKey{classifiers: strings.Join([]string{
			"Development Status :: 7 - Inactive", "Environment :: GPU :: NVIDIA CUDA", "License :: OSI Approved :: MIT License",
			"Programming Language :: Python :: 3", "Programming Language :: Python :: 3.12",
		}, "\n")}},
		{"expression first", py.Metadata{License: "BSD", LicenseExpression: "BSD-3-Clause"}, aboutKey{license: "BSD-3-Clause"}},
		{"short licence", py.Metadata{License: "BSD"}, aboutKey{license: "BSD"}},
		{"text of a licence", py.Metadata{License: "Permission is\nhereby granted"}, aboutKey{}},
		{"long line", py.Metadata{License: strings.Repeat("x", 101)}, aboutKey{}},
		{"source before home page", py.Metadata{HomePage: "https://github.com/a/home", ProjectURLs: []string{"Homepage, https://github.com/a/other", "Source Code, https://github.com/a/z"}},
			aboutKey{repository: "https://github.com/a/z"}},
		{"home page", py.Metadata{HomePage: "http://www.GitHub.com/a/b.git/"}, aboutKey{repository: "https://github.com/a/b"}},
		{"other labels", py.Metadata{ProjectURLs: []string{"Funding, https://github.com/a/b", "Documentation, https://github.com/a/c"}}, aboutKey{}},
	} {
		if got := aboutOf(&test.m); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestForgeURL(t *testing.T) {
	for _, test := range [][2]string{
		{"https://github.com/pallets/flask/", "https://github.com/pallets/flask"},
		{"https://github.com/a/b/tree/main/sub#readme", "https://github.com/a/b"},
		{"http://bitbucket.org/a/b/src", "https://bitbucket.org/a/b"},
		{"https://gitlab.com/group/sub/project/-/tree/main", "https://gitlab.com/group/sub/project"},
		{"https://gitlab.gnome.org/GNOME/pygobject/tree/master", "https://gitlab.gnome.org/GNOME/pygobject"},
		{"https://codeberg.org/a/b", "https://codeberg.org/a/b"},
		{"https://git.sr.ht/~a/b/refs", "https://git.sr.ht/~a/b"},
		{"https://github.com/sponsors/a", ""},
		{"https://github.com/a", ""},
		{"https://github.com//b", ""},
		{"https://github.com.evil.example/a/b", ""},
		{"https://me:secret@github.com/a/b", ""},
		{"ssh://git@github.com/a/b", ""},
		{"javascript:alert(1)", ""},
		{"https://flask.example/a/b", ""},
		{"UNKNOWN", ""},
		{"", ""},
		{"%", ""},
	} {
		if got := forgeURL(test[0]); got != test[1] {
			t.Errorf("%q: %q, want %q", test[0], got, test[1])
		}
	}
}

// Releases that say the same share a row, and those without metadata have none.
func TestAbouts(t *testing.T) {
	var l Listing
	l.Name = "p"
	for _, v := range []string{"1", "2", "3", "5"} {
		m := py.Metadata{Version: version(t, v), LicenseExpression: "MIT"}
		if v == "3" {
			m.LicenseExpression = ""
		}
		l.Metadata = append(l.Metadata, m)
	}
	l.Versions = []py.Version{version(t, "4")}
	q := Listing{Name: "q", Metadata: []py.Metadata{{Version: version(t, "1.0"), LicenseExpression: "MIT"}}}
	file, _ := write(t, []Listing{l, q}, nil)
	d := openTest(t, file)
	got, err := d.Abouts(t.Context(), []py.Name{"q", "p"})
	if err != nil {
		t.Fatal(err)
	}
	mit := &py.About{License: "MIT"}
	key := func(v string) string { return version(t, v).Key() }
	want := []map[string]*py.About{{key("1"): mit}, {key("5"): mit, key("2"): mit, key("1"): mit}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[0][key("1.0.0")] != got[1][key("5")] {
		t.Error("equal rows are two pointers")
	}
	var rows int
	if err := d.sql.QueryRow(`SELECT count(*) FROM about`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows of about, %v", rows, err)
	}
}

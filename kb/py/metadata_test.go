package py

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMetadata(t *testing.T) {
	head := "Metadata-Version: 2.1\nName: a\nVersion: 1\n"
	plain := Metadata{MetadataVersion: "2.1", Name: "a", Version: mustVersion(t, "1")}
	with := func(change func(*Metadata)) Metadata {
		m := plain
		change(&m)
		return m
	}
	tests := []struct {
		name, in string
		want     Metadata
	}{
		{"all fields", "Metadata-Version: 2.5\nName: Foo.Bar\nVersion: 1.0-1\nSummary: A b: c\nHome-page: https://example.com\n" +
			"License: MIT\nLicense-Expression: MIT OR Apache-2.0\nLicense-File: LICENSE\nLicense-File: AUTHORS\n" +
			"Classifier: A :: B\nClassifier: C\nProject-URL: Docs, https://example.com/docs\nRequires-Python: >=3.8\n" +
			"Requires-Dist: b>=1 ; extra == 'X_y'\nProvides-Extra: X_y\nProvides-Extra: z\nProvides-Extra: x.Y\n" +
			"Dynamic: Requires-Dist\nImport-Name: foo\nImport-Name: foo.bar ; private\nImport-Namespace: ns\nKeywords: a,b\n\nName: body\n",
			Metadata{
				MetadataVersion: "2.5", Name: "Foo.Bar", Version: mustVersion(t, "1.0.post1"), Summary: "A b: c", HomePage: "https://example.com",
				License: "MIT", LicenseExpression: "MIT OR Apache-2.0", LicenseFiles: []string{"LICENSE", "AUTHORS"},
				Classifiers: []string{"A :: B", "C"}, ProjectURLs: []string{"Docs, https://example.com/docs"}, RequiresPython: ">=3.8",
				RequiresDist: []string{"b>=1 ; extra == 'X_y'"}, ProvidesExtra: []Name{"x-y", "z"}, Dynamic: []string{"requires-dist"},
				ImportName: []string{"foo", "foo.bar ; private"}, ImportNamespace: []string{"ns"},
			}},
		{"no body", head, plain},
		{"no last line end", strings.TrimSuffix(head, "\n"), plain},
		{"Windows line ends, a byte order mark", "\ufeff" + strings.ReplaceAll(head+"Requires-Dist: b\n  >=1\n\nRequires-Dist: c\n", "\n", "\r\n"),
			with(func(m *Metadata) { m.RequiresDist = []string{"b >=1"} })},
		{"names without case", "metadata-VERSION:2.1\nNAME:a\nversion:\t1 \nREQUIRES-dist:b\n", with(func(m *Metadata) { m.RequiresDist = []string{"b"} })},
		{"folds", head + "Requires-Dist: b\n\t>=1,\n   <2\nRequires-Dist:\n c\n", with(func(m *Metadata) { m.RequiresDist = []string{"b >=1, <2", "c"} })},
		{"a line of white space continues", head + "Requires-Dist: b\n  \nRequires-Dist: c\n", with(func(m *Metadata) { m.RequiresDist = []string{"b", "c"} })},
		{"licence of several lines", head + "License: One\n        |Two\n        \n        Three\nRequires-Dist: b\n",
			with(func(m *Metadata) { m.License, m.RequiresDist = "One\nTwo\n\nThree", []string{"b"} })},
		{"Latin-1", head + "Summary: caf\xe9\nRequires-Dist: b\n", with(func(m *Metadata) { m.Summary, m.RequiresDist = "café", []string{"b"} })},
		{"UTF-8", head + "Summary: café\n", with(func(m *Metadata) { m.Summary = "café" })},
		{"the first counts", head + "Name: b\nVersion: 2\nSummary: x\nSummary: y\n", with(func(m *Metadata) { m.Summary = "x" })},
		{"unknown", head + "License: UNKNOWN\nHome-page: UNKNOWN\nSummary: UNKNOWN\n", plain},
		{"no import names", head + "Import-Name:\n", with(func(m *Metadata) { m.ImportName = []string{""} })},
		{"no metadata version", "Name: a\nVersion: 1\n", with(func(m *Metadata) { m.MetadataVersion = "" })},
		{"a later minor version", strings.Replace(head, "2.1", "2.9", 1), with(func(m *Metadata) { m.MetadataVersion = "2.9" })},
	}
	for _, test := range tests {
		got, err := ParseMetadata([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b Version) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestParseMetadataErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "metadata has no Name"},
		{"\nName: a\nVersion: 1\n", "metadata has no Name"},
		{"Name: a\n\nVersion: 1\n", "metadata of a has no Version"},
		{"Name:\nVersion: 1\n", "metadata has no Name"},
		{"Name: a b\nVersion: 1\n", `metadata: name "a b" has something other than`},
		{"Name: a\nVersion: x\n", `metadata of a: "x" is not a version`},
		{"Metadata-Version: 3.0\nName: a\nVersion: 1\n", `metadata version "3.0" is not known`},
		{"Metadata-Version: x\nName: a\nVersion: 1\n", `metadata version "x" is not known`},
		{" Name: a\nVersion: 1\n", "metadata line 1: a continuation of nothing"},
		{"Name: a\nVersion: 1\nLicense: x\n y\nand so on\nRequires-Dist: b\n", `metadata line 5: want a header ("Name: value"), have "and so on"`},
		{"Name: a\nVersion: 1\nsee: this\nsee also: that\n", `metadata line 4: want a header ("Name: value"), have "see also: that"`},
		{"Name: a\nVersion: 1\n:x\n", "metadata line 3: want a header"},
		{"Name: a\nVersion: 1\n" + strings.Repeat("A:\n", maxMetadataHeaders-1), "metadata has more than 50000 headers"},
		{strings.Repeat("A", maxMetadata+1), "limit 16777216"},
	}
	for _, test := range tests {
		m, err := ParseMetadata([]byte(test.in))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", quote(test.in), err, test.want)
		}
		if diff := cmp.Diff(Metadata{}, m, cmp.Comparer(func(a, b Version) bool { return a == b })); diff != "" {
			t.Errorf("%s: metadata beside an error:\n%s", quote(test.in), diff)
		}
	}
	full := "Name: a\nVersion: 1\n" + strings.Repeat("A:\n", maxMetadataHeaders-2)
	if _, err := ParseMetadata([]byte(full)); err != nil {
		t.Errorf("%d headers: %v", maxMetadataHeaders, err)
	}
	long := "Name: a\nVersion: 1\n\n" + strings.Repeat("x", maxMetadata/2)
	if _, err := ParseMetadata([]byte(long)); err != nil {
		t.Errorf("a long description: %v", err)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Metadata-Version: 2.4\nName: a\nVersion: 1\nRequires-Dist: b\n >=1\nProvides-Extra: x\n\nbody"))
	f.Add([]byte("Name: a\r\nVersion: 1\r\nLicense: x\r\n        |y\r\n"))
	f.Add([]byte("\ufeffname:A\nversion:\t1\nsummary: \xe9\n"))
	f.Add([]byte("no header\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		m, err := ParseMetadata(text)
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
		if err != nil {
			return
		}
		if m.Name == "" || m.Version.IsZero() {
			t.Fatalf("%q: %+v", text, m)
		}
		for _, line := range m.RequiresDist {
			if strings.ContainsAny(line, "\n") || strings.TrimSpace(line) != line {
				t.Fatalf("%q: %q is not unfolded", text, line)
			}
		}
		// What follows the headers does not matter.
		more := append(bytes.Clone(text), "\n\n\nRequires-Dist: never\n"...)
		again, err := ParseMetadata(more)
		if err != nil || len(again.RequiresDist) != len(m.RequiresDist) {
			t.Fatalf("%q: a body changes it: %v", text, err)
		}
	})
}

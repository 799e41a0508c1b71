package py

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRequirement(t *testing.T) {
	tests := []struct {
		in, want           string // want: as it prints
		name               Name
		extras, specifiers string // extras separated by spaces
		url, marker        string
	}{
		{in: "A", want: "A", name: "a"},
		{in: "\t Foo.Bar_baz \t", want: "Foo.Bar_baz", name: "foo-bar-baz"},
		{in: "a[]", want: "a", name: "a"},
		{in: "a [ Y_z , x,y-Z,x ]", want: "a[Y_z,x,y-Z]", name: "a", extras: "x y-z"},
		{in: "a>=1", want: "a>=1", name: "a", specifiers: ">=1"},
		{in: "a ( >= 1.0 , < 2 , )", want: "a<2,>=1.0", name: "a", specifiers: "<2,>=1.0"},
		{in: "a ()", want: "a", name: "a"},
		{in: "a>=1,", want: "a>=1", name: "a", specifiers: ">=1"},
		{in: "a===weird!text", want: "a===weird!text", name: "a", specifiers: "===weird!text"},
		{in: "a(===x);os_name=='nt'", want: `a===x; os_name == "nt"`, name: "a", specifiers: "===x", marker: `os_name == "nt"`},
		{in: "a[b]~=1.1;'x'in extra", want: `a[b]~=1.1; "x" in extra`, name: "a", extras: "b", specifiers: "~=1.1", marker: `"x" in extra`},
		{in: "a@file:///b;c,d", want: "a @ file:///b;c,d", name: "a", url: "file:///b;c,d"},
		{in: "a[c] @ u ; os_name == 'nt'", want: `a[c] @ u ; os_name == "nt"`, name: "a", extras: "c", url: "u", marker: `os_name == "nt"`},
		{in: "a @ git+https://example.com/a.git@v1#egg=a  ", want: "a @ git+https://example.com/a.git@v1#egg=a", name: "a", url: "git+https://example.com/a.git@v1#egg=a"},
	}
	for _, test := range tests {
		r, err := ParseRequirement(test.in)
		if err != nil {
			t.Error(err)
			continue
		}
		var extras []string
		for _, e := range r.Extras {
			extras = append(extras, string(e))
		}
		got := []string{r.String(), string(r.Name), strings.Join(extras, " "), r.Specifiers.String(), r.URL, r.Marker.String()}
		want := []string{test.want, string(test.name), test.extras, test.specifiers, test.url, test.marker}
		if !slices.Equal(got, want) {
			t.Errorf("ParseRequirement(%q)\n got %q\nwant %q", test.in, got, want)
		}
	}
}

func TestParseRequirementErrors(t *testing.T) {
	tests := []struct {
		in     string
		offset int
		want   string // in the message
	}{
		{"", 0, "want a project name"},
		{"  ==1", 2, "want a project name"},
		{"-a", 0, "must begin and end with a letter or digit"},
		{"a_>=1", 0, "must begin and end with a letter or digit"},
		{"é", 0, "want a project name"},
		{"a 1.0", 2, "a version specifier such as >=1.0"},
		{"a>=1 <2", 5, `want "," and a version specifier, ";" or the end`},
		{"a>=1,,<2", 5, `want "," and a version specifier`},
		{"a>=x", 1, `"x" is not a version`},
		{"a>=1.*", 1, "goes with == and != only"},
		{"a<2,>=1+x", 4, "a local version goes with"},
		{"a (>=1", 2, `the specifiers have no ")"`},
		{"a (>=1 <2)", 7, `or ")"`},
		{"a[b", 1, `the extras have no "]"`},
		{"a[b c]", 4, `want "," or "]"`},
		{"a[b,]", 4, "want the name of an extra after the comma"},
		{"a[,b]", 2, "want the name of an extra"},
		{"a[b-]", 2, "must begin and end with a letter or digit"},
		{"a @", 3, "want a URL"},
		{"a @ u; os_name == 'nt'", 7, `a ";" before a marker needs white space before it`},
		{"a @ u v", 6, `want ";" or the end`},
		{"a @ u\nv", 5, "a URL has no control characters"},
		{"a\n", 1, "want"},
		{"a;", 2, "want a marker variable or text in quotes"},
		{"a; os_name == 'nt' x", 19, `want "and", "or" or the end`},
		{"a; os_name", 10, "want an operator"},
		{"a\xff", 1, "not UTF-8"},
		{"a; os_name == '\ufffd' \xff", 20, "not UTF-8"},
		{strings.Repeat("a", maxRequirement+1), maxRequirement, "limit 65536"},
		{"a" + strings.Repeat(">1,", maxSpecifiers+1), 1 + 3*maxSpecifiers, "more than 1000 specifiers"},
	}
	for _, test := range tests {
		_, err := ParseRequirement(test.in)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("ParseRequirement(%s): %v", quote(test.in), err)
			continue
		}
		if syntax.Offset != test.offset || !strings.Contains(syntax.Why, test.want) || syntax.Text != test.in {
			t.Errorf("ParseRequirement(%s): %v at %d, want %s at %d", quote(test.in), syntax.Why, syntax.Offset, test.want, test.offset)
		}
	}
	_, err := ParseRequirement("a (>=1 <2)")
	want := `requirement "a (>=1 <2)": want a version specifier such as >=1.0, or ")" (at byte 7, before "<2)")`
	if err == nil || err.Error() != want {
		t.Errorf("the message is\n%v, want\n%s", err, want)
	}
}

// A requirement that was made or changed prints what it is now.
func TestRequirementStringOfFields(t *testing.T) {
	r, err := ParseRequirement("Foo[B]>=1")
	if err != nil {
		t.Fatal(err)
	}
	r.Extras = append(r.Extras, "c")
	if got, want := r.String(), "foo[b,c]>=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.Extras = nil
	if got, want := r.String(), "foo>=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.Name = "other"
	if got, want := r.String(), "other>=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (Requirement{Name: "a", URL: "u"}).String(), "a @ u"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRequirementRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\t "})
		text := space.Draw(t, "space") + rapid.StringMatching(`[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?`).Draw(t, "name")
		if extras := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9]([a-z_.-]{0,3}[A-Z])?`), 0, 3).Draw(t, "extras"); len(extras) > 0 {
			text += "[" + strings.Join(extras, " ,") + "]"
		}
		if rapid.Bool().Draw(t, "direct") {
			text += " @ " + rapid.StringMatching(`[a-z]+:[^ \t\x00-\x1f\x7f]+`).Draw(t, "url") + " "
		} else {
			specifiers := rapid.SliceOfN(rapid.StringMatching(`(>=|<|!=) ?[0-9]{1,2}(\.[0-9]){0,2}|==[0-9]\.\*|~=[0-9]\.[0-9]a?1`), 0, 4).Draw(t, "specifiers")
			text += space.Draw(t, "space") + strings.Join(specifiers, ", ")
		}
		if rapid.Bool().Draw(t, "marked") {
			text += ";" + drawMarker(t, 3).text
		}
		r, err := ParseRequirement(text)
		if err != nil {
			t.Fatal(err)
		}
		checkRequirement(t, text, r)
	})
}

// checkRequirement checks that what r prints is read as r.
func checkRequirement(t interface{ Fatalf(string, ...any) }, text string, r Requirement) {
	again, err := ParseRequirement(r.String())
	if err != nil {
		t.Fatalf("%q prints as %q: %v", text, r, err)
	}
	same := again.String() == r.String() && again.Name == r.Name && slices.Equal(again.Extras, r.Extras) &&
		again.Specifiers.String() == r.Specifiers.String() && again.URL == r.URL && again.Marker.String() == r.Marker.String()
	if !same {
		t.Fatalf("%q prints as %q, which is another: %q", text, r, again)
	}
}

func FuzzRequirement(f *testing.F) {
	for _, s := range []string{
		"a", "Foo.Bar[x, y_Z] (>=1.0,<2,!=1.5.*) ; python_version < '3.9' and extra == 'A'", "a @ https://example.com/a.whl ; os_name != \"nt\"",
		"a===x", "a[", "a;(((", "a @ u;", "a ()", `a; os_name == "\x22'"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRequirement(text)
		var syntax *SyntaxError
		switch {
		case errors.As(err, &syntax):
			if syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Error() == "" {
				t.Fatalf("%q: %v", text, syntax)
			}
		case err != nil:
			t.Fatalf("%q: %v", text, err)
		default:
			checkRequirement(t, text, r)
		}
	})
}

func BenchmarkRequirementParse(b *testing.B) {
	for _, text := range []string{
		"numpy",
		"requests[security,socks]>=2.28.1,<3,!=2.29.*",
		`importlib-metadata (>=3.6) ; python_version < "3.10" and extra == 'test'`,
	} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseRequirement(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

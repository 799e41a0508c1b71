package py

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSpecifiersContain(t *testing.T) {
	tests := []struct {
		specifiers string
		in, out    string // versions, separated by spaces
	}{
		{"", "1.0 0.dev0 1!2+x", ""},
		{">=1.0", "1 1.0.0 1.0+x 1.0.post1 2 2.dev1 1!0", "0.9 1.0rc1 1.0.dev1"},
		{"<=1.0", "1 1.0+x 0.9 1.0rc1", "1.0.post1 1.0.1.dev1 1!0"},
		{"==1.0", "1 1.0.0 1.0+x", "1.0.post1 1.0rc1 1.0.1 1!1.0"},
		{"==1.0+x.1", "1.0+x.1 1+X-01", "1.0 1.0+x 1.0+x.1.0 1.0+x.10"},
		{"!=1.0", "1.0.post1 1.0rc1 1.0.1", "1 1.0+x"},
		{"!=1.0+x", "1.0 1.0+y 1.0+x.0", "1.0.0+x"},
		{"==1.1.*", "1.1 1.1.dev0 1.1a1 1.1.post1 1.1.99999999999999999999 1.1+x 1.1.0.0.1", "1 1.2.dev0 1.2 1.11 2 1!1.1"},
		{"==1.0.*", "1 1.dev1 1.0.1 1+x", "1.1.dev0 0.9 10"},
		{"==0.*", "0 0.5 0.dev0", "1.dev0 1!0"},
		{"==1!1.*", "1!1.2", "1.2 2!1.2"},
		{"!=1.1.*", "1 1.2.dev0", "1.1 1.1.dev0 1.1.5+x"},
		{"~=2.2", "2.2 2.3 2.2.post1 2.99+x", "2.1 2.2rc1 3.dev0 3"},
		{"~=2.2.0", "2.2 2.2.5", "2.3.dev0 2.3 2.1.9"},
		{"~=2.2.post3", "2.2.post3 2.3", "2.2 2.2.post2 3"},
		{"~=2.2rc1", "2.2rc1 2.2 2.9", "2.2b1 3.dev1"},
		{"~=1!0.0", "1!0.1", "0.1 1!1.dev0"},

		// A pre-release of the version itself is not before it...
		{"<1.0", "0.9 0.9.post1 0.9.9rc1", "1.0.dev0 1.0.dev0+x 1.0a1 1.0 1.0.0rc9"},
		{"<1.0.post1", "1.0 1.0rc1 1.0.post0", "1.0.post1.dev0 1.0.post1"},
		{"<1.0rc1", "1.0b1 1.0rc1.dev1", "1.0rc1 1.0"}, // ...save where it is one
		// ...and neither local versions nor post-releases are after it.
		{">1.0", "1.0.1 1.1.dev0 1.0.0.1", "1.0 1.0+x 1.0.post1 1.0.post1.dev0+x 0.9"},
		{">1.0rc1", "1.0rc2.dev0 1.0 1.0.post1", "1.0rc1 1.0rc1.post5 1.0rc1+x"},
		{">1.0.post1", "1.0.post2.dev0 1.0.post2 1.1", "1.0.post1 1.0.post1+x 1.0"},
		{">1.0.dev1", "1.0.dev2 1.0a1 1.0 1.0.post1", "1.0.dev1 1.0.dev1+x"},
		// The last byte of these numbers looks like the end of a key.
		{">1.0.dev258", "1.0.dev259 1.0.dev514", "1.0.dev258 1.0.dev257"},
		{"<1.0.post1285", "1.0.post1284 1.0", "1.0.post1285.dev0 1.0.post1285 1.0.post1286"},

		{">=1,<2,!=1.5.*,!=1.7", "1 1.4 1.6 1.7.1", "0.9 1.5 1.5.9 1.7 1.7+x 2 2.dev0"},
		{"==1.0,==2.0", "", "1.0 2.0"},
		{">=2,<1", "", "0 1 2 3"},
		{"===1.0", "1.0", "1.0.0 1.0+x"},
		{"===1.0,>=2", "", "1.0 2.0"},
		{"===1.0.0", "1.0.0", "1.0"},
	}
	for _, test := range tests {
		s := mustSpecifiers(t, test.specifiers)
		for want, versions := range map[bool]string{true: test.in, false: test.out} {
			for version := range strings.FieldsSeq(versions) {
				if got := s.Contains(mustVersion(t, version)); got != want {
					t.Errorf("%q contains %s: %t", test.specifiers, version, got)
				}
				if got := s.ContainsText(mustVersion(t, version).String()); got != want {
					t.Errorf("%q contains the text %s: %t", test.specifiers, version, got)
				}
			}
		}
	}
}

func TestSpecifiersContainText(t *testing.T) {
	tests := []struct {
		specifiers, text string
		want             bool
	}{
		{"", "garbage", true},
		{"===FooBar", "fOOBAR", true},
		{"===foobar", "foo", false},
		{"===foobar,>=1", "foobar", false}, // not a version
		{"===v1.0", "V1.0", true},
		{"===v1.0", "1.0", false},
		{"===v1.0,>=1", "v1.0", true},
		{"===1.0,===1.0.0", "1.0", false},
		{"===", "", true},
		{">=1", "garbage", false},
		{"!=1", "garbage", false},
		{">=1", " 1.0-BETA ", false},
		{">=1", " v1.1-BETA ", true},
	}
	for _, test := range tests {
		if got := mustSpecifiers(t, test.specifiers).ContainsText(test.text); got != test.want {
			t.Errorf("%q contains the text %q: %t, want %t", test.specifiers, test.text, got, test.want)
		}
	}
	if mustSpecifiers(t, "===v1.0").Contains(mustVersion(t, "v1.0")) {
		t.Error("a version is its normalised text, so ===v1.0 cannot admit it")
	}
}

func TestSpecifiersZero(t *testing.T) {
	for _, text := range []string{"<2", "!=1", "==0.*"} {
		if mustSpecifiers(t, text).Contains(Version{}) {
			t.Errorf("%s admits the zero Version", text)
		}
	}
	var zero Specifiers
	if _, pinned := zero.Pinned(); !zero.Empty() || pinned || zero.Prereleases() || zero.String() != "" || zero.All() != nil {
		t.Error("the zero Specifiers are not empty")
	}
}

func TestSpecifiersString(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{" , ,", ""},
		{">= 1.0 , < 2,", "<2,>=1.0"},
		{">=1.0-BETA", ">=1.0-BETA"},
		{"==1.0,==1.0.0", "==1.0"},
		{"==1.0.0 , == v1", "==1.0.0"},
		{"~=1.0,~=1.0.0", "~=1.0,~=1.0.0"},
		{"~=1.0a1,~=1.0-alpha-1", "~=1.0-alpha-1"},
		{"==1.*,==1.0.*", "==1.*,==1.0.*"},
		{"===1.0,==1.0", "==1.0,===1.0"},
		{"===Foo,===FOO,===Foo", "===FOO,===Foo"},
		{"<=2,<1", "<1,<=2"},
	}
	for _, test := range tests {
		if got := mustSpecifiers(t, test.in).String(); got != test.want {
			t.Errorf("%q prints as %q, want %q", test.in, got, test.want)
		}
	}
}

func TestParseSpecifiersRefuses(t *testing.T) {
	const local = "a local version goes with ==, != and === only"
	const wildcard = `".*" goes with == and != only`
	const suffix = `".*" cannot follow a pre-, post-, dev or local part`
	tests := []struct{ in, want string }{
		{"1.0", `specifier "1.0": want an operator (~= == != <= >= < > ===) and a version`},
		{"=1.0", `specifier "=1.0": want an operator (~= == != <= >= < > ===) and a version`},
		{"x=1.0", `specifier "x=1.0": want an operator (~= == != <= >= < > ===) and a version`},
		{"(>=1.0)", `specifier "(>=1.0)": want an operator (~= == != <= >= < > ===) and a version`},
		{">=1,!", `specifier "!": want an operator (~= == != <= >= < > ===) and a version`},
		{">=", `specifier ">=": empty version`},
		{"==.*", `specifier "==.*": empty version`},
		{">=1 <2", `specifier ">=1 <2": "1 <2" is not a version (PEP 440)`},
		{"==1.*.*", `specifier "==1.*.*": "1.*" is not a version (PEP 440)`},
		{"==1 .*", `specifier "==1 .*": "1 " is not a version (PEP 440)`},
		{">= =1", `specifier ">= =1": "=1" is not a version (PEP 440)`},
		{">=1.0.*", `specifier ">=1.0.*": ` + wildcard},
		{"~=1.0.*", `specifier "~=1.0.*": ` + wildcard},
		{"==1.0a1.*", `specifier "==1.0a1.*": ` + suffix},
		{"==1.0.post1.*", `specifier "==1.0.post1.*": ` + suffix},
		{"!=1.0.dev1.*", `specifier "!=1.0.dev1.*": ` + suffix},
		{"==1.0+x.*", `specifier "==1.0+x.*": ` + suffix},
		{">=1.0+x", `specifier ">=1.0+x": ` + local},
		{"~=1.0+x", `specifier "~=1.0+x": ` + local},
		{"~=1", `specifier "~=1": ~= needs two numbers or more`},
		{"~=1!1a1", `specifier "~=1!1a1": ~= needs two numbers or more`},
		{"===a b", `specifier "===a b": what follows === may not have white space, ";" or ")"`},
		{"===a)", `specifier "===a)": what follows === may not have white space, ";" or ")"`},
		{strings.Repeat(">1,", maxSpecifiers), "more than 1000 specifiers"},
	}
	for _, test := range tests {
		s, err := ParseSpecifiers(test.in)
		if err == nil || err.Error() != test.want || !s.Empty() {
			t.Errorf("ParseSpecifiers(%s) = %v, %v, want %s", quote(test.in), s, err, test.want)
		}
	}
}

func TestSpecifiersPrereleases(t *testing.T) {
	for text, want := range map[string]bool{
		">=1.0": false, ">=1.0a1": true, ">=1.0.dev0": true, "<1.0rc1": true, "==1.0b1": true, "~=1.0rc1": true,
		"!=1.0a1": false, "==1.*": false, "===1.0a1": true, "===garbage": false, "===a1": false,
		">=1.0,!=1.1a1": false, ">=1.0,<2.0.dev0": true, "==1.0.post1": false, "==1.0+a": false,
	} {
		if got := mustSpecifiers(t, text).Prereleases(); got != want {
			t.Errorf("%s asks for pre-releases: %t", text, got)
		}
	}
}

func TestSpecifiersPinned(t *testing.T) {
	for text, want := range map[string]string{
		"": "", ">=1": "", "==1.*": "", "!=1": "", "~=1.0": "", "===wat": "",
		"==1.0": "1.0", "===V1.0": "1.0", ">=1,==1.5+x": "1.5+x", "==2,==1": "1",
	} {
		v, ok := mustSpecifiers(t, text).Pinned()
		if v.String() != want || ok != (want != "") {
			t.Errorf("%q is pinned to %q, %t, want %q", text, v, ok, want)
		}
	}
}

func TestSpecifiersAll(t *testing.T) {
	all := mustSpecifiers(t, ">= 1.0-beta,==2.*,===wat").All()
	want := []Specifier{
		{Op: "==", Version: mustVersion(t, "2"), Prefix: true, Text: "2.*", whole: "==2.*"},
		{Op: "===", Text: "wat", whole: "===wat"},
		{Op: ">=", Version: mustVersion(t, "1.0b0"), Text: "1.0-beta", whole: ">=1.0-beta"},
	}
	for i := range all {
		all[i].in = span{}
	}
	if !slices.Equal(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
}

func TestSpecifiersAnd(t *testing.T) {
	both := mustSpecifiers(t, ">=1,!=1.5")
	for _, pair := range [][2]Specifiers{
		{mustSpecifiers(t, ">=1"), mustSpecifiers(t, "!=1.5")},
		{mustSpecifiers(t, "!=1.5"), mustSpecifiers(t, "!=1.5.0,>=1")},
		{both, {}},
		{{}, both},
		{both, both},
	} {
		got := pair[0].And(pair[1])
		if got.String() != both.String() || got.Contains(mustVersion(t, "1.5")) || !got.Contains(mustVersion(t, "1.4")) {
			t.Errorf("(%s) and (%s) is %s", pair[0], pair[1], got)
		}
	}
	if got := (Specifiers{}).And(Specifiers{}); !got.Empty() {
		t.Errorf("nothing and nothing is %s", got)
	}
	if both.String() != "!=1.5,>=1" {
		t.Errorf("And changed its receiver to %s", both)
	}
}

// admits is Specifier matching as PEP 440 tells it, with no use of spans.
func admits(s Specifier, v Version) bool {
	w, public := s.Version, v.Public()
	begins := func(release []int) bool {
		have := append(v.Release(), make([]int, len(release))...) // padded with zeros
		return v.Epoch() == w.Epoch() && slices.Equal(have[:len(release)], release)
	}
	switch s.Op {
	case "===":
		return strings.EqualFold(s.Text, v.String())
	case "!=":
		s.Op = "=="
		return !admits(s, v)
	case "==":
		switch {
		case s.Prefix:
			return begins(w.Release())
		case w.Local() == "":
			return public.Compare(w) == 0
		}
		return v.Compare(w) == 0
	case "~=":
		release := w.Release()
		return v.Compare(w) >= 0 && begins(release[:len(release)-1])
	case ">=":
		return v.Compare(w) >= 0
	case "<=":
		return public.Compare(w) <= 0
	case "<":
		if !w.Prerelease() {
			w, _ = ParseVersion(w.String() + ".dev0")
		}
		return v.Compare(w) < 0
	}
	if !w.Postrelease() && !w.Devrelease() { // ">"
		text, _, _ := strings.Cut(public.String(), ".post")
		public, _ = ParseVersion(text)
	}
	return public.Compare(w) > 0
}

func specifierText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		op := rapid.SampledFrom([]string{"~=", "==", "!=", "<=", ">=", "<", ">", "==="}).Draw(t, "op")
		version := versionText().Draw(t, "version")
		if rapid.Bool().Draw(t, "public") {
			version, _, _ = strings.Cut(version, "+")
		}
		if rapid.IntRange(0, 3).Draw(t, "prefix") == 0 {
			version = strings.TrimRight(version[:len(version)-len(strings.TrimLeft(version, "v0123456789.!"))], ".") + ".*"
		}
		return op + version
	})
}

// near draws a version that is likely to lie at the border of a specifier.
func near(t *rapid.T, s Specifier) Version {
	version := versionText().Draw(t, "version")
	if base := s.Version.String(); base != "" && rapid.IntRange(0, 3).Draw(t, "near") > 0 {
		public, _, _ := strings.Cut(base, "+")
		of := rapid.SampledFrom([]string{base, public, s.Version.Base().String()}).Draw(t, "of")
		version = of + rapid.SampledFrom([]string{"", ".0", ".1", "a0", "rc1", ".post0", ".post9", ".dev0", ".dev9", "+0", "+z.1"}).Draw(t, "and")
	}
	v, err := ParseVersion(version)
	if err != nil {
		v = s.Version.Base() // two parts of one kind
	}
	return v
}

func TestSpecifiersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(specifierText(), 1, 4).Draw(t, "specifiers")
		texts = slices.DeleteFunc(texts, func(s string) bool {
			_, err := ParseSpecifiers(s)
			return err != nil
		})
		s, err := ParseSpecifiers(strings.Join(texts, ","))
		if err != nil {
			t.Fatal(err)
		}
		checkSpecifiers(t, s)
		var versions []Version
		for range 3 {
			for _, one := range s.All() {
				v := near(t, one)
				checkContains(t, s, v)
				versions = append(versions, v)
			}
		}
		checkStretches(t, s, versions)
	})
}

// checkStretches compares what stretches of releases are admitted with what is
// admitted one by one.
func checkStretches(t fataler, s Specifiers, versions []Version) {
	slices.SortFunc(versions, func(a, b Version) int { return b.Compare(a) })
	versions = slices.CompactFunc(versions, func(a, b Version) bool { return a.Compare(b) == 0 })
	var releases []Release
	for _, v := range versions {
		releases = append(releases, Release{Version: v})
	}
	got, end := make([]bool, len(releases)), 0
	for from, to := range s.Stretches(releases) {
		if from < end || from >= to {
			t.Fatalf("%v: the stretch from %d to %d after %d", s, from, to, end)
		}
		for end = from; end < to; end++ {
			got[end] = true
		}
	}
	for i, v := range versions {
		if want := s.Contains(v); got[i] != want {
			t.Fatalf("%v: %v of %v is in a stretch: %t, want %t", s, v, versions, got[i], want)
		}
	}
}

func TestStretches(t *testing.T) {
	var versions []Version
	for text := range strings.FieldsSeq("3 2.1 2 1.5 1.4+x 1.4 1.3 1.0rc1 0.9") {
		versions = append(versions, mustVersion(t, text))
	}
	for _, text := range []string{"", ">=1,<2", "!=1.4", "!=2.*,!=1.4", ">2,<1", "!=3,!=0.9", "==1.4", "===1.4", "===wat", ">4", "!=1.*,>=1.4,<=2"} {
		checkStretches(t, mustSpecifiers(t, text), versions)
		checkStretches(t, mustSpecifiers(t, text), nil)
	}
}

func checkSpecifiers(t fataler, s Specifiers) {
	again, err := ParseSpecifiers(s.String())
	if err != nil || !slices.Equal(again.All(), s.All()) {
		t.Fatalf("%v parses again as %v, %v", s, again, err)
	}
}

func checkContains(t fataler, s Specifiers, v Version) {
	if v.IsZero() || slices.Contains(append(v.Release(), v.Epoch()), math.MaxInt) {
		return // admits cannot tell numbers so great apart
	}
	want := !slices.ContainsFunc(s.All(), func(one Specifier) bool { return !admits(one, v) })
	if got := s.Contains(v); got != want {
		t.Fatalf("%v contains %v: %t, want %t", s, v, got, want)
	}
	if got := s.ContainsText(v.String()); got != want {
		t.Fatalf("%v contains the text %v: %t, want %t", s, v, got, want)
	}
}

func FuzzSpecifiers(f *testing.F) {
	for _, s := range []string{"", ">=1.0,<2", "~= 1.4.2", "==1.*, !=1.5.0.*", "===wat;", "<1.0.post1", ">1.0a1", "==1+x,", "!=1!0.dev0"} {
		f.Add(s, "1.0.post1+x")
		f.Add(s, "1.5.0rc1")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		s, err := ParseSpecifiers(text)
		if err != nil {
			if !s.Empty() {
				t.Fatalf("refused, but %v", s)
			}
			return
		}
		checkSpecifiers(t, s)
		s.ContainsText(version)
		if v, err := ParseVersion(version); err == nil {
			checkContains(t, s, v)
		}
	})
}

func TestSpecifiersAllocate(t *testing.T) {
	s, v := mustSpecifiers(t, ">=1.0,<2,!=1.5.*,===1.4"), mustVersion(t, "1.4")
	if n := testing.AllocsPerRun(100, func() { s.Contains(v) }); n != 0 {
		t.Errorf("Contains allocates %v times", n)
	}
}

func BenchmarkSpecifierParse(b *testing.B) {
	for _, s := range []string{">=1.0", ">=1.19.5,<2.0.0,!=1.20.*"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseSpecifiers(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSpecifierMatch(b *testing.B) {
	v := mustVersion(b, "1.26.4")
	for _, text := range []string{"", ">=1.0", ">=1.19.5,<2.0.0,!=1.20.*", "~=1.26.0"} {
		s := mustSpecifiers(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !s.Contains(v) {
					b.Fatal("not contained")
				}
			}
		})
	}
}

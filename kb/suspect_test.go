package kb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// suspectsOf reads a project from text: a line is a version, "~" where it is
// yanked, and requirements after bars; "?" stands for requirements that are not
// known. The order of lines does not matter.
func suspectsOf(t testing.TB, b *bounder, text string) []suspect {
	t.Helper()
	var out []suspect
	for _, row := range strings.Split(strings.TrimSpace(text), "\n") {
		parts := strings.Split(row, "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		v, yanked := strings.CutSuffix(parts[0], "~")
		s := suspect{version: version(t, v), yanked: yanked}
		if len(parts) != 2 || parts[1] != "?" {
			s.asks = b.asks(strings.Join(parts[1:], "\n"))
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b suspect) int { return b.version.Compare(a.version) })
	return out
}

func suspicionsOf(t testing.TB, releases []suspect) []string {
	t.Helper()
	hints := hintsOf("p", releases)
	text, n, err := packHints(hints)
	if err != nil {
		t.Fatal(err)
	}
	read, err := unpackHints(text, len(releases), map[string]py.Version{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	list := suspicions("p", read, len(releases), func(rank int) py.Version { return releases[rank].version })
	if len(list) != n {
		t.Errorf("%d suspicions, packed were %d", len(list), n)
	}
	return suspicionTexts(list)
}

func TestSuspicions(t *testing.T) {
	for _, test := range []struct {
		name, releases string
		want           []string
	}{
		{"connexion: a lower cap in the same minor", `
			2.14.2 | flask<2.3,>=1.0.4 | werkzeug<2.3,>=1.0
			2.14.1 | flask<3,>=1.0.4 | werkzeug<3,>=1.0
			2.14.0 | flask<3,>=1.0.4 | werkzeug<2.2,>=1.0`,
			[]string{
				"2.14.1: flask below 2.3.dev0, by 2.14.2: flask<2.3,>=1.0.4",
				"2.14.1: werkzeug below 2.3.dev0, by 2.14.2: werkzeug<2.3,>=1.0",
				"2.14.0: flask below 2.3.dev0, by 2.14.2: flask<2.3,>=1.0.4",
			}},
		{"numba: a cap that was added later, told by the nearest", `
			0.55.0 | numpy<1.22,>=1.18
			0.54.0 | numpy<1.21,>=1.17
			0.53.1 | numpy>=1.15
			0.46.0 | numpy`,
			[]string{
				"0.53.1: numpy below 1.21.dev0, by 0.54.0: numpy<1.21,>=1.17",
				"0.46.0: numpy below 1.21.dev0, by 0.54.0: numpy<1.21,>=1.17",
			}},
		{"fastapi: no cap, then an exact one", `
			0.1.19 | starlette==0.9.10 | pydantic<=0.18.2
			0.1.18 | starlette>=0.9.7
			0.1.17 | starlette>=0.9.7 | pydantic`,
			[]string{
				"0.1.18: starlette below 0.9.10 with it, by 0.1.19: starlette==0.9.10",
				"0.1.17: pydantic below 0.18.2 with it, by 0.1.19: pydantic<=0.18.2",
				"0.1.17: starlette below 0.9.10 with it, by 0.1.19: starlette==0.9.10",
			}},
		{"lock step: pins that only rise", `
			3 | core==3
			2 | core==2
			1 | core==1`, nil},
		{"a pin that fell", `
			3 | core==1.5
			2 | core==2
			1 | core==1`, []string{"2: core below 1.5 with it, by 3: core==1.5"}},
		{"a cap that was lifted later is no cap", `
			2 | a
			1 | a<3`, nil},
		{"a cap that only rises", `
			3 | a<4,>=3
			2 | a<3
			1 | a<2`, nil},
		{"equal bounds, written otherwise", `
			4 | a<2.0.dev0
			3 | a~=1.4
			2 | a==1.*
			1 | a<2`, nil},
		{"with and without the version itself", `
			3 | a<=2.post1
			2 | a<=2
			1 | a<=2,>=1
			0 | a<3`, []string{"0: a below 2 with it, by 1: a<=2,>=1"}},
		{"the lower bound is above the later top", `
			2 | a<2
			1 | a<4,!=2.*,!=3.*,>1.9`, nil},
		{"no room between", `
			2 | a<2
			1 | a<3,!=2.*`, nil},
		{"room after a release that is left out", `
			2 | a<2
			1 | a<3,!=2.0`, []string{"1: a below 2.dev0, by 2: a<2"}},
		{"the highest of several lines", `
			2 | a<3; python_version<"3.9" | a<2; python_version>="3.9"
			1 | a<4; python_version<"3.9" | a<5; python_version>="3.9"
			0 | a<1 | a`, []string{
			`1: a below 3.dev0, by 2: a<3; python_version<"3.9"`,
			`0: a below 5.dev0, by 1: a<5; python_version>="3.9"`,
		}},
		{"what needs an extra", `
			3 | b | a<2; extra=="x"
			2 | a; extra=="x" | b
			1 | a | b`, nil},
		{"a yanked release, an unknown one and a pre-release say nothing", `
			4rc1 | a<1
			3~ | a<2
			2 | ?
			1 | a`, nil},
		{"yanked, unknown and pre-releases as suspects", `
			5 | a<2
			4~ | a
			3 | ?
			2rc1 | a<3
			1 | a<3`, []string{
			"4: a below 2.dev0, by 5: a<2",
			"2rc1: a below 2.dev0, by 5: a<2",
			"1: a below 2.dev0, by 5: a<2",
		}},
		{"nothing but pre-releases", `
			1.0b2 | a<2
			1.0b1 | a`, []string{"1.0b1: a below 2.dev0, by 1.0b2: a<2"}},
		{"itself, malformed lines and URLs", `
			2 | p<1 | a<<2 | b<1
			1 | p | a | b @ https://b.example/b.zip`,
			[]string{"1: b below 1.dev0, by 2: b<1"}},
		{"a cap that comes and goes", `
			5 | a<4
			4 | a
			3 | a<2
			2 | a<9
			1 | a`, []string{
			"4: a below 4.dev0, by 5: a<4",
			"2: a below 2.dev0, by 3: a<2",
			"1: a below 9.dev0, by 2: a<9",
		}},
		{"openxlab: a hole", `
			0.0.12 | oss2~=2.17.0 | pytz
			0.0.11 |
			0.0.10 | oss2~=2.17.0`,
			[]string{"0.0.11: a hole, by 0.0.12: oss2~=2.17.0"}},
		{"before the first requirement there is none", `
			3 | a
			2
			1`, nil},
		{"after the last there is none", `
			3
			2 | a
			1 | a`, nil},
		{"requirements under markers and extras alone are not missed", `
			5 | a; python_version<"3"
			4 |
			3 | b; python_version<"3" | a
			2 |
			1 | a; python_version<"3" | a; extra=="x"`, nil},
		{"the line of a hole has no marker", `
			3 | b; python_version<"3" | a
			2 |
			1 | a`, []string{"2: a hole, by 3: a"}},
		{"a hole is told by a release that counts", `
			5 | b
			4rc1 | a
			3~ | a
			2
			1 | a`, []string{"2: a hole, by 5: b"}},
	} {
		releases := suspectsOf(t, newBounder(), test.releases)
		if diff := cmp.Diff(test.want, suspicionsOf(t, releases)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// In a graph that does not tell "none" from "not read", every empty list with a
// later one that is not empty is a hole (apache-beam 2.13.0).
func TestUnreadHoles(t *testing.T) {
	file, info := write(t, []Listing{{Name: "p", Metadata: []py.Metadata{
		{Version: version(t, "2.14.0"), RequiresDist: []string{"crcmod<2.0,>=1.7"}},
		{Version: version(t, "2.13.0")},
		{Version: version(t, "2.12.0")},
		{Version: version(t, "2.15.0")},
	}}}, func(w *Writer) { w.EmptyMayBeUnknown = true })
	d := openTest(t, file)
	got, err := d.Suspicions(t.Context(), []py.Name{"p"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2.13.0: a hole, by 2.14.0: crcmod<2.0,>=1.7", "2.12.0: a hole, by 2.14.0: crcmod<2.0,>=1.7"}
	if diff := cmp.Diff(want, suspicionTexts(got[0])); diff != "" || info.Suspicions != 2 {
		t.Errorf("%d (-want +got):\n%s", info.Suspicions, diff)
	}
	amended := file + ".amended"
	if _, err := Amend(t.Context(), file, amended, labSource, Facts{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*DB{d, openTest(t, amended)} {
		if !d.emptyUnknown {
			t.Errorf("%s forgot that empty may be unknown", d.name)
		}
	}
}

func TestUpper(t *testing.T) {
	for _, test := range []struct{ specifiers, want string }{
		{"", ""},
		{">=1", ""},
		{"!=1", ""},
		{"<2", "2.dev0"},
		{"<2.0rc1", "2.0rc1"},
		{"<2.0.dev0", "2.0.dev0"},
		{"<2.post1", "2.post1.dev0"},
		{"<=2", "2="},
		{"==2", "2="},
		{"===2.0", "2.0="},
		{"===anything", ""},
		{"==1.2.*", "1.3.dev0"},
		{"==1!1.*", "1!2.dev0"},
		{"~=1.4", "2.dev0"},
		{"~=1.4.5.post2", "1.5.dev0"},
		{"<=3,<2,~=2.1", "2.dev0"},
		{"==99999999999999999999999.*", ""},
	} {
		s, err := py.ParseSpecifiers(test.specifiers)
		if err != nil {
			t.Fatal(err)
		}
		top := topOf(s)
		got := top.Version.String()
		if top.Inclusive {
			got += "="
		}
		if got != test.want {
			t.Errorf("top of %q is %q, want %q", test.specifiers, got, test.want)
		}
	}
}

// A top is where the specifiers end: they admit nothing above it.
func TestTopIsAbove(t *testing.T) {
	var versions []py.Version
	for _, base := range []string{"0.9", "1", "1.4", "1.4.5", "1.5", "2", "2.0.1", "3"} {
		for _, suffix := range []string{"", "a1", "rc1", ".dev0", ".post1", ".post1.dev0"} {
			versions = append(versions, version(t, base+suffix))
		}
	}
	for _, specifiers := range []string{"<2", "<=2", "==2", "==1.*", "==1.4.*", "~=1.4", "~=1.4.5", "<2rc1", "<2.post1", "<2,>=1", "~=1.4,!=1.4.5"} {
		s, err := py.ParseSpecifiers(specifiers)
		if err != nil {
			t.Fatal(err)
		}
		top := topOf(s)
		for _, v := range versions {
			if s.Contains(v) && top.Excludes(v) {
				t.Errorf("%s admits %s, which is above its top, %s", specifiers, v, top.Version)
			}
			above, err := py.ParseSpecifiers(specifiers + ",<=" + v.String())
			if err != nil {
				t.Fatal(err)
			}
			if got := topOf(above); got.Below(top) != (py.Top{Version: v, Inclusive: true}).Below(top) {
				t.Errorf("%s with <=%s: top %s", specifiers, v, got.Version)
			}
		}
	}
}

// BenchmarkSuspicions judges a project of many releases with many dependencies
// whose caps go up and down.
func BenchmarkSuspicions(b *testing.B) {
	var text strings.Builder
	for i := range 600 {
		fmt.Fprintf(&text, "%d", i)
		for j := range 60 {
			fmt.Fprintf(&text, "|d%d<%d", j, (i*(j+7))%40+2)
		}
		text.WriteByte('\n')
	}
	bounder := newBounder()
	releases := suspectsOf(b, bounder, text.String())
	n := 0
	for b.Loop() {
		n = 0
		for _, h := range hintsOf("p", releases) {
			n += len(h.suspects)
		}
	}
	b.ReportMetric(float64(n), "suspicions")
}

package py

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseVersion(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1", "1"},
		{"1.0", "1.0"},
		{"01.002.000", "1.2.0"},
		{"v1.0", "1.0"},
		{"V1.0", "1.0"},
		{"\t 1.0\n", "1.0"},
		{"\x1f1.0\u2003", "1.0"}, // white space to Python
		{"0!1.0", "1.0"},
		{"007!1.0", "7!1.0"},
		{"20231231235959", "20231231235959"},
		{"1.123456789012345678", "1.123456789012345678"},
		{"1." + strings.Repeat("9", 300), "1." + strings.Repeat("9", 300)},

		{"1.0alpha", "1.0a0"},
		{"1.0-ALPHA-1", "1.0a1"},
		{"1.0.beta.2", "1.0b2"},
		{"1.0_b_3", "1.0b3"},
		{"1.0c4", "1.0rc4"},
		{"1.0rc05", "1.0rc5"},
		{"1.0pre6", "1.0rc6"},
		{"1.0preview7", "1.0rc7"},
		{"1.0a.", "1.0a0"}, // the separator after a word needs no number

		{"1.0-1", "1.0.post1"},
		{"1.0-01", "1.0.post1"},
		{"1.0post", "1.0.post0"},
		{"1.0.REV2", "1.0.post2"},
		{"1.0r3", "1.0.post3"},
		{"1.0-r-4", "1.0.post4"},
		{"1.0a1-1", "1.0a1.post1"},
		{"1.0prer", "1.0rc0.post0"},

		{"1.0dev", "1.0.dev0"},
		{"1.0-DEV_1", "1.0.dev1"},
		{"1.0-1dev2", "1.0.post1.dev2"},
		{"2!1.0a1.post2.dev3+Ubuntu-01_x", "2!1.0a1.post2.dev3+ubuntu.1.x"},
		{"1.0+00", "1.0+0"},
		{"1.0+0a", "1.0+0a"},
	}
	for _, test := range tests {
		v, err := ParseVersion(test.in)
		if err != nil || v.String() != test.want {
			t.Errorf("ParseVersion(%q) = %v, %v, want %s", test.in, v, err, test.want)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "v", "!1", "1!", "1!!1", "a", "1.", ".1", "1..2", "1.0-", "1.0--1", "1.0-1-1",
		"1.0 .1", "1. 0", "1.0x", "1.0a1a2", "1.0dev1a1", "1.0dev.post1", "1.0+", "1.0+a+b", "1.0+a..b",
		"1.0+.a", "1.0+a.", "1.0+é", "١", "1.0\x00", "1.0.*", "-1", "+1", "vv1", "latest",
		strings.Repeat("1", maxVersion+1),
	} {
		if v, err := ParseVersion(in); err == nil || !v.IsZero() {
			t.Errorf("ParseVersion(%s) = %v, %v, want an error", quote(in), v, err)
		}
	}
}

func TestParseVersionErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"  ", "empty version"},
		{" 1.x ", `"1.x" is not a version (PEP 440)`},
		{"1\n2", `"1\n2" is not a version (PEP 440)`},
		{
			strings.Repeat("1", maxVersion+1),
			`version "` + strings.Repeat("1", 80) + `"... is 65537 bytes long (limit 65536)`,
		},
	}
	for _, test := range tests {
		if _, err := ParseVersion(test.in); err == nil || err.Error() != test.want {
			t.Errorf("ParseVersion(%s): %v, want %s", quote(test.in), err, test.want)
		}
	}
}

// ordered is a list of versions from the least to the greatest. Where the
// numbers matter it crosses the borders of their forms in a key.
var ordered = []string{
	"0.dev0", "0a0", "0", "0+0", "0.post0", "0.0.0.1",
	"1.0.dev0", "1.0.dev1", "1.0.dev258", "1.0.dev1285",
	"1.0a1.dev1", "1.0a1", "1.0a1.post1.dev1", "1.0a1.post1", "1.0a2", "1.0a199", "1.0a200",
	"1.0b1.dev1", "1.0b1", "1.0rc1.dev1", "1.0rc1", "1.0rc1+a",
	"1.0", "1.0+a", "1.0+a.a", "1.0+a.1", "1.0+a.82", "1.0+a.258", "1.0+ab", "1.0+b", "1.0+0", "1.0+0.a", "1.0+0.0", "1.0+1", "1.0+258",
	"1.0.post1.dev1", "1.0.post1", "1.0.post1+a", "1.0.post2", "1.0.post258", "1.0.post1285",
	"1.0.1.dev1", "1.0.1", "1.1.dev1", "1.1", "1.10", "1.199", "1.200", "1.200.255", "1.201", "1.255", "1.256", "1.65535", "1.65536",
	"1.20231231235959", "1.999999999999999999", "1.9223372036854775808", "1.9999999999999999999",
	"1.10000000000000000000", "1.18446744073709551615", "1.18446744073709551616",
	"1." + strings.Repeat("9", 256), "1." + strings.Repeat("1", 300),
	"2", "1!0.dev1", "1!0", "2!0", "258!0",
}

func TestVersionOrder(t *testing.T) {
	for i, a := range ordered {
		v := mustVersion(t, a)
		if z := (Version{}); z.Compare(v) != -1 || v.Compare(z) != 1 {
			t.Errorf("the zero Version is not before %s", v)
		}
		for j, b := range ordered {
			w := mustVersion(t, b)
			want := max(-1, min(i-j, 1))
			if got := v.Compare(w); got != want {
				t.Errorf("%s compares %d with %s, want %d", v, got, w, want)
			}
		}
	}
}

func TestVersionTrailingZeros(t *testing.T) {
	for _, pair := range [][2]string{
		{"1", "1.0.0"}, {"0", "0.0"}, {"1a1", "1.0a1"}, {"1!1.post1", "1!1.0.post1"}, {"1.dev1+a", "1.0.0.dev1+a"},
	} {
		v, w := mustVersion(t, pair[0]), mustVersion(t, pair[1])
		if v.Compare(w) != 0 || v.Key() != w.Key() {
			t.Errorf("%s and %s are not equal", v, w)
		}
		if v == w {
			t.Errorf("%s and %s lost their texts", v, w)
		}
	}
	if v := mustVersion(t, "1.0.1"); v.Compare(mustVersion(t, "1.1")) != -1 {
		t.Error("a zero inside was dropped")
	}
}

func TestVersionParts(t *testing.T) {
	type parts struct {
		Pre, Post, Dev      bool
		Local, Base, Public string
		Epoch               int
		Release             []int
	}
	tests := []struct {
		in   string
		want parts
	}{
		{"1.0", parts{Base: "1.0", Public: "1.0", Release: []int{1, 0}}},
		{"1a0", parts{Pre: true, Base: "1", Public: "1a0", Release: []int{1}}},
		{"1.2rc1", parts{Pre: true, Base: "1.2", Public: "1.2rc1", Release: []int{1, 2}}},
		{"1.dev0", parts{Pre: true, Dev: true, Base: "1", Public: "1.dev0", Release: []int{1}}},
		{"1.post0", parts{Post: true, Base: "1", Public: "1.post0", Release: []int{1}}},
		{"1.post0.dev0", parts{Pre: true, Post: true, Dev: true, Base: "1", Public: "1.post0.dev0", Release: []int{1}}},
		// The letters of the local part say nothing.
		{"1.0+dev.post.a", parts{Local: "dev.post.a", Base: "1.0", Public: "1.0", Release: []int{1, 0}}},
		{"3!1.0.0b2.post1+x", parts{
			Pre: true, Post: true, Local: "x", Base: "3!1.0.0", Public: "3!1.0.0b2.post1", Epoch: 3, Release: []int{1, 0, 0},
		}},
		{"99999999999999999999!1.99999999999999999999", parts{
			Base: "99999999999999999999!1.99999999999999999999", Public: "99999999999999999999!1.99999999999999999999",
			Epoch: math.MaxInt, Release: []int{1, math.MaxInt},
		}},
	}
	for _, test := range tests {
		v := mustVersion(t, test.in)
		got := parts{
			v.Prerelease(), v.Postrelease(), v.Devrelease(), v.Local(), v.Base().String(), v.Public().String(), v.Epoch(), v.Release(),
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
		if v.Public().Compare(mustVersion(t, test.want.Public)) != 0 {
			t.Errorf("the public part of %s has a wrong key", test.in)
		}
	}
	var zero Version
	if !zero.IsZero() || zero.Prerelease() || zero.Release() != nil || zero.Epoch() != 0 || !zero.Base().IsZero() || !zero.Public().IsZero() {
		t.Error("the zero Version has parts")
	}
}

// versionText draws a version in any of its spellings.
func versionText() *rapid.Generator[string] {
	number := rapid.OneOf(
		rapid.StringMatching(`0?[0-9]`), rapid.SampledFrom([]string{"199", "200", "258", "1285", "65536"}), rapid.StringMatching(`[0-9]{1,25}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		maybe := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
		sep := func() string { return rapid.SampledFrom([]string{"", ".", "-", "_"}).Draw(t, "sep") }
		word := func(words ...string) string {
			return sep() + rapid.SampledFrom(words).Draw(t, "word") + sep() + number.Draw(t, "number")
		}
		var b strings.Builder
		if maybe("v") {
			b.WriteByte('v')
		}
		if maybe("epoch") {
			b.WriteString(number.Draw(t, "epoch") + "!")
		}
		b.WriteString(strings.Join(rapid.SliceOfN(number, 1, 4).Draw(t, "release"), "."))
		if maybe("pre") {
			b.WriteString(word("a", "b", "rc", "alpha", "BETA", "c", "pre", "preview"))
		}
		if maybe("post") {
			b.WriteString(word("post", "rev", "R"))
		}
		if maybe("dev") {
			b.WriteString(word("dev", "DEV"))
		}
		if maybe("local") {
			b.WriteString("+" + rapid.StringMatching(`[a-c0-2]{1,2}([.-][a-c0-2]{1,2}){0,2}`).Draw(t, "local"))
		}
		return b.String()
	})
}

func TestVersionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(versionText(), 3, 3).Draw(t, "versions")
		var vs []Version
		for _, text := range texts {
			v, err := ParseVersion(text)
			if err != nil {
				t.Fatal(err)
			}
			checkVersion(t, v)
			vs = append(vs, v)
		}
		checkOrder(t, vs[0], vs[1])
		slices.SortFunc(vs, Version.Compare)
		if vs[0].Compare(vs[2]) > 0 || vs[0].Compare(vs[1]) == 0 && vs[1].Compare(vs[2]) == 0 && vs[0].Compare(vs[2]) != 0 {
			t.Fatalf("the order of %v is not transitive", vs)
		}
	})
}

// fataler is what testing.T and rapid.T share.
type fataler interface{ Fatalf(string, ...any) }

// checkVersion checks what holds of every version.
func checkVersion(t fataler, v Version) {
	again, err := ParseVersion(v.String())
	if err != nil || again != v {
		t.Fatalf("%v parses again as %v, %v", v, again, err)
	}
	public, base := v.Public(), v.Base()
	if !strings.HasPrefix(v.Key(), public.Key()) || public.Compare(v) > 0 || (v.Local() == "") != (public == v) {
		t.Fatalf("%v has the public part %v", v, public)
	}
	if base.Prerelease() || base.Postrelease() || base.Epoch() != v.Epoch() || !slices.Equal(base.Release(), v.Release()) {
		t.Fatalf("%v has the base %v", v, base)
	}
	if v.Devrelease() && !v.Prerelease() {
		t.Fatalf("%v is a dev release, but not a pre-release", v)
	}
}

// checkOrder checks the order of two versions against a slow comparison that
// knows nothing of keys.
func checkOrder(t fataler, v, w Version) {
	want := slowCompare(v, w)
	if got := v.Compare(w); got != want || w.Compare(v) != -want {
		t.Fatalf("%v compares %d with %v, want %d", v, got, w, want)
	}
}

// slowCompare compares two versions part by part as PEP 440 tells it.
func slowCompare(v, w Version) int {
	return slices.CompareFunc(slowParts(v), slowParts(w), func(a, b string) int {
		// A number is at least one digit here, and longer is greater; words come before numbers.
		if isDigit(a[0]) && isDigit(b[0]) && len(a) != len(b) {
			return max(-1, min(len(a)-len(b), 1))
		}
		return strings.Compare(a, b)
	})
}

// slowParts is a version as strings that compare one by one: symbols sort
// before digits, and digits before letters, as in ASCII.
func slowParts(v Version) []string {
	public, local, hasLocal := strings.Cut(v.String(), "+")
	epoch, rest, ok := strings.Cut(public, "!")
	if !ok {
		epoch, rest = "0", public
	}
	parts := []string{epoch}
	release := strings.TrimRight(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))], ".")
	suffix := strings.TrimPrefix(rest[len(release):], ".")
	for strings.HasSuffix(release, ".0") {
		release = strings.TrimSuffix(release, ".0")
	}
	parts = append(parts, strings.Split(release, ".")...)
	if release == "0" {
		parts = parts[:1]
	}
	// The end of the release sorts before a number, a dev release first.
	pre, post, dev := "", "", ""
	if i := strings.Index(suffix, "dev"); i >= 0 {
		suffix, dev = strings.TrimSuffix(suffix[:i], "."), suffix[i+3:]
	}
	if i := strings.Index(suffix, "post"); i >= 0 {
		suffix, post = strings.TrimSuffix(suffix[:i], "."), suffix[i+4:]
	}
	pre = suffix
	letters := strings.TrimRight(pre, "0123456789")
	switch {
	case pre == "" && post == "" && dev != "":
		parts = append(parts, "!0")
	case pre == "":
		parts = append(parts, "!z")
	default:
		parts = append(parts, "!"+letters, pre[len(letters):])
	}
	if post == "" {
		parts = append(parts, "!no", "0")
	} else {
		parts = append(parts, "!post", post)
	}
	if dev == "" {
		parts = append(parts, "!final", "0")
	} else {
		parts = append(parts, "!dev", dev)
	}
	if hasLocal {
		for part := range strings.SplitSeq(local, ".") {
			if strings.Trim(part, "0123456789") != "" {
				part = "!" + part
			}
			parts = append(parts, part)
		}
	}
	return parts
}

func FuzzVersion(f *testing.F) {
	for i, s := range ordered {
		f.Add(s, ordered[(i+1)%len(ordered)])
	}
	f.Add("v1.0-ALPHA", " 1.0-1 ")
	f.Add("1.0a.", "1.0.post-.dev_+A-01")
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := ParseVersion(a)
		if err != nil {
			if !v.IsZero() {
				t.Fatalf("refused, but %v", v)
			}
			return
		}
		checkVersion(t, v)
		if w, err := ParseVersion(b); err == nil {
			checkOrder(t, v, w)
		}
	})
}

var benchVersions = []string{"1.26.4", "2.0.0rc1", "4.25.3", "2024.11.6", "1.0.post1.dev2+cu118"}

func BenchmarkVersionParse(b *testing.B) {
	for _, s := range benchVersions {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseVersion(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVersionCompare(b *testing.B) {
	v := mustVersion(b, "1.26.4")
	for _, s := range []string{"1.26.5", "1.26.4", "3.0"} {
		w := mustVersion(b, s)
		b.Run(fmt.Sprintf("%s-%s", v, s), func(b *testing.B) {
			for b.Loop() {
				v.Compare(w)
			}
		})
	}
}
